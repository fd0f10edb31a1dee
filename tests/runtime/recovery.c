/* SPDX-License-Identifier: Apache-2.0 */
/* A slave that is killed and started again: what it finds, learns and clears away. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "nsutil/base/cleanup.h"
#include "runtime/container.h"
#include "runtime/controllers.h"
#include "runtime/record.h"
#include "runtime/state.h"
#include "tests/runtime/fixture.h"

TestSuite(recovery, .init = rt_init, .fini = rt_fini);

struct slave {
	const struct berth_options *options;
	size_t count;
	int told; /* takes a pid for each launched, then the slave waits to be killed */
};

static int slave(void *data)
{
	const struct slave *work = data;
	struct berth *berth = rt_open();
	for (size_t i = 0; i < work->count; i++) {
		struct berth_container *container;
		pid_t pid = -1;
		if (berth_launch(berth, &work->options[i], &container, &rt.error) == 0)
			pid = berth_container_pid(container);
		else
			fprintf(stderr, "%s\n", rt.error.text);
		if (write(work->told, &pid, sizeof pid) != sizeof pid)
			return 1;
	}
	pause();
	return 0;
}

/* A slave that has launched these, and then was killed with SIGKILL. Fills pids. */
static void killed_slave(const struct berth_options *options, size_t count, pid_t *pids)
{
	int ends[2];
	cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
	struct slave work = {options, count, ends[1]};
	pid_t child = rt_fork(slave, &work);
	close(ends[1]);
	for (size_t i = 0; i < count; i++) {
		rt_wait_readable(ends[0]);
		cr_assert_eq(read(ends[0], &pids[i], sizeof pids[i]), (ssize_t)sizeof pids[i]);
		cr_assert_gt(pids[i], 0);
	}
	close(ends[0]);
	cr_assert_eq(kill(child, SIGKILL), 0);
	rt_wait_child(child);
}

static struct berth_options quiet(struct berth_options options, const char *name, unsigned int flags)
{
	static const int null[] = {-1, -1, 2};
	options.name = name;
	options.flags = flags;
	options.stdio = null;
	return options;
}

static struct berth_container *by_name(struct berth_container **all, ssize_t count, const char *name)
{
	for (ssize_t i = 0; i < count; i++)
		if (strcmp(berth_container_name(all[i]), name) == 0)
			return all[i];
	cr_assert_fail("%s was not recovered", name);
	return NULL;
}

Test(recovery, of_what_runs_and_what_ended)
{
	const struct berth_options options[] = {
		quiet(RT_OPTIONS("act", "pause"), "running", 0),
		quiet(RT_OPTIONS("act", "pause"), "running without init", BERTH_NO_INIT),
		quiet(RT_OPTIONS("act", "exit", "7"), "exited", 0),
		quiet(RT_OPTIONS("act", "raise", "11"), "signaled", BERTH_KEEP_RECORD),
		quiet(RT_OPTIONS("act", "exit", "7"), "lost", BERTH_NO_INIT),
		quiet(RT_OPTIONS("act", "pause"), "killed from outside", 0),
	};
	enum { COUNT = sizeof options / sizeof *options };
	pid_t pids[COUNT];
	killed_slave(options, COUNT, pids);
	cr_assert_eq(kill(pids[5], SIGKILL), 0);
	for (size_t i = 2; i < COUNT; i++)
		rt_wait_gone(pids[i]);
	/* Not adopted yet, they can be seen. */
	struct berth_container *seen;
	rt_ok(berth_container_find(rt.berth, "running", &seen, &rt.error));
	cr_expect_not(berth_container_owned(seen));
	cr_expect_eq(berth_container_state(seen), BERTH_RUNNING);
	berth_container_close(seen);

	struct berth_container **all;
	ssize_t count = berth_recover(rt.berth, &all, &rt.error);
	cr_assert_eq(count, COUNT, "%zd: %s", count, rt.error.text);
	for (ssize_t i = 0; i < count; i++)
		rt_adopt(all[i]);
	static const struct {
		const char *name;
		enum berth_state state;
		enum berth_reason reason;
		int code;
	} expected[] = {
		{"running", BERTH_RUNNING, BERTH_KILLED, SIGKILL},
		{"running without init", BERTH_RUNNING, BERTH_KILLED, SIGKILL},
		{"exited", BERTH_ENDED, BERTH_EXITED, 7},
		{"signaled", BERTH_ENDED, BERTH_SIGNALED, SIGSEGV},
		{"lost", BERTH_ENDED, BERTH_LOST, SIGKILL},
		{"killed from outside", BERTH_ENDED, BERTH_SIGNALED, SIGKILL},
	};
	for (size_t i = 0; i < COUNT; i++) {
		struct berth_container *container = by_name(all, count, expected[i].name);
		cr_expect(berth_container_owned(container));
		cr_expect_eq(berth_container_state(container), expected[i].state, "%s", expected[i].name);
		if (expected[i].state == BERTH_RUNNING) {
			cr_expect_eq(berth_container_pid(container), pids[i]);
			rt_expect_error(berth_container_wait(container, 0, NULL, &rt.error), ETIMEDOUT);
			rt_ok(berth_container_kill(container, BERTH_KILLED, &rt.error));
		}
		struct berth_end end = BERTH_END_INIT;
		rt_ok(berth_container_wait(container, expected[i].state == BERTH_RUNNING ? rt_patience() : 0, &end,
					   &rt.error));
		cr_expect(end.reason == expected[i].reason && end.code == expected[i].code, "%s: %s", expected[i].name,
			  end.text);
		cr_expect_gt(end.started_ns, 0u);
	}
	rt_ok(berth_container_remove(by_name(all, count, "signaled"), &rt.error));
	for (ssize_t i = 0; i < count; i++) {
		rt_forget(all[i]);
		berth_container_close(all[i]);
	}
	free(all);
	rt_expect_nothing_left();
}

Test(recovery, of_an_end_by_memory)
{
	rt_require_controller("memory");
	struct berth_options options[] = {
		quiet(RT_OPTIONS("eat", "200"), "oom", 0),
		quiet(RT_OPTIONS("eat", "200"), "oom without init", BERTH_NO_INIT),
	};
	for (size_t i = 0; i < 2; i++) {
		options[i].resources.memory = 32 << 20;
		options[i].resources.swap = BERTH_NO_SWAP;
	}
	pid_t pids[2];
	killed_slave(options, 2, pids);
	rt_wait_gone(pids[0]);
	rt_wait_gone(pids[1]);
	struct berth_container **all;
	ssize_t count = berth_recover(rt.berth, &all, &rt.error);
	cr_assert_eq(count, 2, "%s", rt.error.text);
	for (ssize_t i = 0; i < count; i++) {
		struct berth_end end = rt_end(rt_adopt(all[i]));
		rt_expect_end(end, BERTH_OUT_OF_MEMORY, SIGKILL);
		cr_expect_eq(end.memory_limit, UINT64_C(32) << 20);
		cr_expect_geq(end.oom_kills, 1u);
	}
	free(all);
}

/* A kill asked for while nobody owned it is still the reason. */
Test(recovery, of_a_kill_by_another)
{
	struct berth_options options = quiet(RT_OPTIONS("act", "pause"), "orphan", 0);
	pid_t pid;
	killed_slave(&options, 1, &pid);
	struct berth_container *other;
	rt_ok(berth_container_find(rt.berth, "orphan", &other, &rt.error));
	rt_ok(berth_container_kill(other, BERTH_TIMEOUT, &rt.error));
	berth_container_close(other);
	rt_wait_gone(pid);
	struct berth_container **all;
	cr_assert_eq(berth_recover(rt.berth, &all, &rt.error), 1);
	rt_expect_end(rt_end(rt_adopt(all[0])), BERTH_TIMEOUT, SIGKILL);
	free(all);
}

static int kill_and_die(void *data)
{
	const struct berth_options *options = data;
	struct berth_container *container;
	struct berth *berth = rt_open();
	if (berth_launch(berth, options, &container, &rt.error) < 0 ||
	    berth_container_kill(container, BERTH_TIMEOUT, &rt.error) < 0)
		return 1;
	raise(SIGKILL);
	return 2;
}

/* The owner asked for it, and came to nothing else. */
Test(recovery, of_a_kill_by_an_owner_that_died)
{
	for (int no_init = 0; no_init <= 1; no_init++) {
		struct berth_options options = quiet(RT_OPTIONS("act", "pause"), "short", no_init ? BERTH_NO_INIT : 0);
		int status;
		pid_t child = rt_fork(kill_and_die, &options);
		cr_assert_eq(waitpid(child, &status, 0), child);
		cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "%#x", status);
		struct berth_container **all;
		cr_assert_eq(berth_recover(rt.berth, &all, &rt.error), 1, "%s", rt.error.text);
		rt_expect_end(rt_end(rt_adopt(all[0])), BERTH_TIMEOUT, SIGKILL);
		free(all);
	}
}

/* Its owner died when it had noted the end, and before it removed the record. */
Test(recovery, of_an_end_that_was_noted)
{
	for (int way = 0; way < 2; way++) {
		struct berth_options options = quiet(RT_OPTIONS("act", "exit", "7"), "noted", 0);
		pid_t pid;
		killed_slave(&options, 1, &pid);
		rt_wait_gone(pid);
		struct berth_container *found;
		rt_ok(berth_container_find(rt.berth, "noted", &found, &rt.error));
		struct berth_end end = BERTH_END_INIT;
		end.reason = BERTH_EXITED;
		end.code = 8;
		cr_assert(!found->cgroup || cgroup_destroy(found->cgroup, rt_patience(), NULL) == 0);
		cr_assert_eq(state_write_end(found->file, &end, NULL), 0);
		berth_container_close(found);
		if (way == 0) {
			struct berth_container **all;
			cr_assert_eq(berth_recover(rt.berth, &all, &rt.error), 1, "%s", rt.error.text);
			rt_expect_end(rt_end(rt_adopt(all[0])), BERTH_EXITED, 8);
			free(all);
		} else {
			cr_expect_eq(berth_collect(rt.berth, rt.parent, false, &rt.error), 1, "%s", rt.error.text);
		}
		rt_expect_nothing_left();
	}
}

/* Whoever waits for one whose owner has died takes its place. */
Test(recovery, by_waiting)
{
	struct berth_options options = quiet(RT_OPTIONS("act", "pause"), "orphan", 0);
	pid_t pid;
	killed_slave(&options, 1, &pid);
	struct berth_container *found;
	rt_ok(berth_container_find(rt.berth, "orphan", &found, &rt.error));
	cr_expect_not(berth_container_owned(found));
	rt_ok(berth_container_kill(found, BERTH_KILLED, &rt.error));
	rt_expect_end(rt_end(rt_adopt(found)), BERTH_KILLED, SIGKILL);
	rt_expect_nothing_left();
}

struct waiter {
	struct berth *berth;
	struct berth_end end;
	struct berth_error error;
	int code;
};

static void *wait_for_orphan(void *data)
{
	struct waiter *waiter = data;
	struct berth_container *found;
	waiter->code = berth_container_find(waiter->berth, "orphan", &found, &waiter->error);
	if (waiter->code == 0) {
		waiter->code = berth_container_wait(found, rt_patience(), &waiter->end, &waiter->error);
		berth_container_close(found);
	}
	return NULL;
}

/* Several that wait for the same orphan: one clears up, all see the one end. */
Test(recovery, by_many_that_wait)
{
	enum { WAITERS = 8 };
	for (int round = 0; round < 10; round++) {
		struct berth_options options = quiet(RT_OPTIONS("act", "pause"), "orphan", 0);
		pid_t pid;
		killed_slave(&options, 1, &pid);
		pthread_t threads[WAITERS];
		static struct waiter waiters[WAITERS];
		for (int i = 0; i < WAITERS; i++) {
			waiters[i] = (struct waiter){.berth = rt.berth, .end = BERTH_END_INIT};
			cr_assert_eq(pthread_create(&threads[i], NULL, wait_for_orphan, &waiters[i]), 0);
		}
		/* When the last of them has found it doesn't matter: those who come too late find nothing. */
		cr_assert_eq(kill(pid, SIGTERM), 0);
		int saw = 0;
		for (int i = 0; i < WAITERS; i++) {
			pthread_join(threads[i], NULL);
			if (waiters[i].code == -ENOENT)
				continue;
			cr_expect_eq(waiters[i].code, 0, "%s", waiters[i].error.text);
			rt_expect_end(waiters[i].end, BERTH_SIGNALED, SIGTERM);
			saw++;
		}
		cr_expect_gt(saw, 0);
		struct berth_container **all;
		ssize_t count = berth_recover(rt.berth, &all, &rt.error);
		cr_expect_eq(count, saw ? 0 : 1);
		rt_expect_nothing_left();
	}
}

struct recoverer {
	struct berth *berth;
	struct berth_container **all;
	ssize_t count;
};

static void *recover(void *data)
{
	struct recoverer *recoverer = data;
	recoverer->count = berth_recover(recoverer->berth, &recoverer->all, NULL);
	return NULL;
}

Test(recovery, by_two_at_once)
{
	enum { COUNT = 12, RECOVERERS = 4 };
	struct berth_options options[COUNT];
	char names[COUNT][16];
	for (size_t i = 0; i < COUNT; i++) {
		snprintf(names[i], sizeof names[i], "c%zu", i);
		options[i] = quiet(RT_OPTIONS("act", "pause"), names[i], 0);
	}
	pid_t pids[COUNT];
	killed_slave(options, COUNT, pids);
	struct recoverer recoverers[RECOVERERS];
	pthread_t threads[RECOVERERS];
	for (size_t i = 0; i < RECOVERERS; i++) {
		recoverers[i] = (struct recoverer){.berth = rt_open()};
		cr_assert_eq(pthread_create(&threads[i], NULL, recover, &recoverers[i]), 0);
	}
	ssize_t total = 0;
	bool owned[COUNT] = {false};
	for (size_t i = 0; i < RECOVERERS; i++) {
		pthread_join(threads[i], NULL);
		cr_assert_geq(recoverers[i].count, 0);
		total += recoverers[i].count;
		for (ssize_t j = 0; j < recoverers[i].count; j++) {
			struct berth_container *container = rt_adopt(recoverers[i].all[j]);
			int number = atoi(berth_container_name(container) + 1);
			cr_expect_not(owned[number], "%s has two owners", names[number]);
			owned[number] = true;
			rt_kill(container);
		}
		free(recoverers[i].all);
		berth_close(recoverers[i].berth);
	}
	cr_expect_eq(total, COUNT);
}

/* ---- Half-made ---- */

/* Reserves a name as a launch does. */
static int reserve(void *data)
{
	struct error error;
	struct spec spec;
	struct berth *berth = rt_open();
	if (spec_from_options(NULL, data, &spec, &error) < 0)
		return 1;
	struct record record;
	struct cgroup *cgroup;
	if (context_require_layout(berth, &error) < 0 ||
	    record_pack(&spec, berth->layout, controllers_wanted(berth, &spec), now_ns(), &record) < 0 ||
	    state_create(berth, &spec, &record, &error) < 0)
		return 2;
	if (cgroup_create(berth->layout, record.cgroup_parent, record.cgroup_name, record.controllers, &cgroup,
			  &error) < 0)
		return 3;
	return 0;
}

static int reserve_and_die(void *data)
{
	int code = reserve(data);
	if (code == 0)
		raise(SIGKILL);
	return code;
}

struct reserving {
	struct berth_options *options;
	int told;
};

static int reserve_and_stay(void *data)
{
	const struct reserving *reserving = data;
	int code = reserve(reserving->options);
	if (write(reserving->told, &code, sizeof code) != sizeof code)
		return 5;
	pause();
	return 0;
}

/* While its owner is at it, it is starting, and nobody else's. */
Test(recovery, of_what_is_being_made)
{
	struct berth_options options = quiet(RT_OPTIONS("act", "exit", "0"), "starting", 0);
	int ends[2], code = -1;
	cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
	struct reserving reserving = {&options, ends[1]};
	pid_t child = rt_fork(reserve_and_stay, &reserving);
	close(ends[1]);
	rt_wait_readable(ends[0]);
	cr_assert_eq(read(ends[0], &code, sizeof code), (ssize_t)sizeof code);
	close(ends[0]);
	cr_assert_eq(code, 0);
	struct berth_container *found, **all;
	rt_ok(berth_container_find(rt.berth, "starting", &found, &rt.error));
	cr_expect_eq(berth_container_state(found), BERTH_STARTING);
	cr_expect(berth_container_owned(found));
	cr_expect_eq(berth_container_pidfd(found), -1);
	rt_expect_error(berth_container_wait(found, 20, NULL, &rt.error), ETIMEDOUT);
	rt_expect_error(berth_container_remove(found, &rt.error), EBUSY);
	berth_container_close(found);
	cr_expect_eq(berth_recover(rt.berth, &all, &rt.error), 0);
	cr_expect_eq(berth_collect(rt.berth, rt.parent, true, &rt.error), 0);
	rt_launch_fails(&options, -EEXIST, 125);
	cr_assert_eq(kill(child, SIGKILL), 0);
	rt_wait_child(child);
	cr_expect_eq(berth_recover(rt.berth, &all, &rt.error), 0);
	rt_expect_nothing_left();
}

/* Who waits for one that comes to nothing does not clear up behind the next one of that name. */
Test(recovery, of_what_was_half_made_by_one_who_waits)
{
	struct berth_options options = quiet(RT_OPTIONS("act", "pause"), "again", 0);
	int ends[2];
	cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
	struct reserving reserving = {&options, ends[1]};
	pid_t child = rt_fork(reserve_and_stay, &reserving);
	close(ends[1]);
	rt_wait_readable(ends[0]);
	close(ends[0]);
	struct berth_container *found, *next;
	rt_ok(berth_container_find(rt.berth, "again", &found, &rt.error));
	cr_assert_eq(kill(child, SIGKILL), 0);
	rt_wait_child(child);
	next = rt_launch(&options);
	rt_ok(berth_container_wait(found, rt_patience(), NULL, &rt.error));
	berth_container_close(found);
	cr_expect_eq(berth_container_state(next), BERTH_RUNNING);
	rt_expect_end(rt_kill(next), BERTH_KILLED, SIGKILL);
}

Test(recovery, of_what_was_half_made)
{
	struct berth_options options = quiet(RT_OPTIONS("act", "exit", "0"), "half made", 0);
	int status = rt_wait_child(rt_fork(reserve_and_die, &options));
	cr_assert(WIFSIGNALED(status), "status %#x", status);
	cr_assert_eq(rt_state_entries(), 1u);
	struct berth_container **all;
	cr_expect_eq(berth_recover(rt.berth, &all, &rt.error), 0, "%s", rt.error.text);
	rt_expect_nothing_left();
}

/* Half made is half made, also for one who wants the name. */
Test(recovery, of_a_half_made_name_by_launching)
{
	struct berth_options options = quiet(RT_OPTIONS("act", "exit", "6"), "half made", 0);
	cr_assert(WIFSIGNALED(rt_wait_child(rt_fork(reserve_and_die, &options))));
	rt_expect_end(rt_end(rt_launch(&options)), BERTH_EXITED, 6);
}

/* Its owner died when it had the name, and before it had written the record: nobody has it. */
Test(recovery, of_a_record_without_a_head)
{
	char zeros[4096] = "";
	rt_write("state/empty", "");
	int file = open(rt_path("state/headless"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	cr_assert_eq(write(file, zeros, sizeof zeros), (ssize_t)sizeof zeros);
	cr_assert_eq(state_lock(file), 0);
	struct berth_container **all, *found;
	rt_expect_error(berth_container_find(rt.berth, "empty", &found, &rt.error), ENOENT);
	rt_expect_error(berth_container_find(rt.berth, "headless", &found, &rt.error), ENOENT);
	cr_expect_eq(berth_list(rt.berth, &all, &rt.error), 0);
	cr_expect_eq(berth_recover(rt.berth, &all, &rt.error), 0);
	/* One whose maker lives stays. */
	cr_expect_eq(access(rt_path("state/empty"), F_OK), -1);
	cr_expect_eq(access(rt_path("state/headless"), F_OK), 0);
	close(file);
	struct berth_options options = quiet(RT_OPTIONS("act", "exit", "6"), "headless", 0);
	rt_expect_end(rt_end(rt_launch(&options)), BERTH_EXITED, 6);
	rt_expect_nothing_left();
}

static int launch_often(void *data)
{
	struct berth *berth = rt_open();
	struct berth_options options =
		quiet(RT_OPTIONS("act", "exit", "0"), "contended", BERTH_NO_INIT | BERTH_FEW_CGROUPS);
	(void)data;
	for (int i = 0; i < 100; i++) {
		struct berth_container *container;
		struct berth_end end = BERTH_END_INIT;
		if (berth_launch(berth, &options, &container, &rt.error) < 0 ||
		    berth_container_wait(container, -1, &end, &rt.error) < 0)
			return 1;
		berth_container_close(container);
	}
	berth_close(berth);
	return 0;
}

/* Who clears up behind the dead takes a record that is just being made for such a one's, and its maker makes it again.
 */
Test(recovery, beside_launches)
{
	pid_t slave = rt_fork(launch_often, NULL);
	int status;
	while (waitpid(slave, &status, WNOHANG) == 0)
		cr_expect_geq(berth_collect(rt.berth, rt.parent, false, &rt.error), 0, "%s", rt.error.text);
	cr_expect_eq(status, 0, "status %#x", status);
	rt_expect_nothing_left();
}

Test(recovery, of_a_damaged_record)
{
	rt_write("state/damaged", "{\"name\": ");
	struct berth_container **all, *found;
	cr_expect_eq(berth_list(rt.berth, &all, &rt.error), 0);
	rt_expect_error(berth_container_find(rt.berth, "damaged", &found, &rt.error), EBADMSG);
	cr_expect_eq(berth_recover(rt.berth, &all, &rt.error), 0);
	rt_expect_nothing_left();
}

/* What a berth before this one left, or somebody else, is no record: it is nobody's to remove, and its name is taken.
 */
Test(recovery, of_a_directory_among_the_records)
{
	rt_write("state/older/record", "berth 2");
	struct berth_container **all, *found;
	cr_expect_eq(berth_list(rt.berth, &all, &rt.error), 0);
	cr_expect_eq(berth_recover(rt.berth, &all, &rt.error), 0);
	cr_expect_eq(berth_collect(rt.berth, rt.parent, true, &rt.error), 0);
	rt_expect_error(berth_container_find(rt.berth, "older", &found, &rt.error), EISDIR);
	struct berth_options options = quiet(RT_OPTIONS("act", "exit", "0"), "older", 0);
	rt_launch_fails(&options, -EEXIST, 125);
	cr_assert_eq(unlink(rt_path("state/older/record")), 0);
	cr_assert_eq(rmdir(rt_path("state/older")), 0);
}

Test(recovery, of_what_is_no_file_among_the_records)
{
	struct berth_container **all;
	cr_assert_eq(mknod(rt_path("state/socket"), S_IFSOCK | 0600, 0), 0);
	cr_assert_eq(mkfifo(rt_path("state/fifo"), 0600), 0);
	cr_expect_eq(berth_list(rt.berth, &all, &rt.error), 0, "%s", rt.error.text);
	cr_expect_eq(berth_recover(rt.berth, &all, &rt.error), 0, "%s", rt.error.text);
	cr_expect_geq(berth_collect(rt.berth, rt.parent, true, &rt.error), 0, "%s", rt.error.text);
	unlink(rt_path("state/socket"));
	unlink(rt_path("state/fifo"));
}

/* ---- The name of a dead owner's container ---- */

Test(recovery, name_of_an_ended_one_is_free)
{
	struct berth_options options = quiet(RT_OPTIONS("act", "exit", "0"), "name", 0);
	pid_t pid;
	killed_slave(&options, 1, &pid);
	rt_wait_gone(pid);
	rt_expect_end(rt_end(rt_launch(&options)), BERTH_EXITED, 0);
}

Test(recovery, name_of_a_running_one_is_taken)
{
	struct berth_options options = quiet(RT_OPTIONS("act", "pause"), "name", 0);
	pid_t pid;
	killed_slave(&options, 1, &pid);
	rt_launch_fails(&options, -EEXIST, 125);
	struct berth_container **all;
	cr_assert_eq(berth_recover(rt.berth, &all, &rt.error), 1, "%s", rt.error.text);
	cr_expect_eq(berth_container_pid(all[0]), pid);
	rt_expect_end(rt_kill(rt_adopt(all[0])), BERTH_KILLED, SIGKILL);
	free(all);
}

/* Its record was asked to be kept: the next launch may not throw it away unseen. */
Test(recovery, name_of_an_ended_one_with_a_record_is_taken)
{
	struct berth_options options = quiet(RT_OPTIONS("act", "exit", "7"), "name", BERTH_KEEP_RECORD);
	pid_t pid;
	killed_slave(&options, 1, &pid);
	rt_wait_gone(pid);
	rt_launch_fails(&options, -EEXIST, 125);
	struct berth_container *found;
	rt_ok(berth_container_find(rt.berth, "name", &found, &rt.error));
	struct berth_end end = BERTH_END_INIT;
	rt_ok(berth_container_wait(found, rt_patience(), &end, &rt.error));
	rt_expect_end(end, BERTH_EXITED, 7);
	rt_ok(berth_container_remove(found, &rt.error));
	berth_container_close(found);
}

/* The pid is another process's by now: its pidfd's inode tells, and where there is none, its start time. */
static void expect_reused(bool by_inode)
{
	struct berth_options options = quiet(RT_OPTIONS("act", "exit", "7"), "reused", 0);
	pid_t pid;
	killed_slave(&options, 1, &pid);
	rt_wait_gone(pid);
	cleanup_fd int file = open(rt_path("state/reused"), O_RDWR | O_CLOEXEC);
	cleanup_fd int own = pidfd_open(getpid(), 0);
	struct state_process process;
	state_identify(rt.berth, own, getpid(), by_inode ? 0 : state_ticks_now() + 1, &process);
	if (by_inode && !process.inode)
		cr_skip_test("this kernel has no inodes for processes (6.9)");
	if (by_inode) {
		cleanup_fd int found = state_open_process(rt.berth, &process);
		cr_expect_geq(found, 0);
	}
	process.inode = by_inode ? process.inode + 1 : 0;
	rt_ok(state_write_process(file, &process, "", NULL));
	struct berth_container **all;
	cr_assert_eq(berth_recover(rt.berth, &all, &rt.error), 1, "%s", rt.error.text);
	cr_expect_eq(berth_container_state(all[0]), BERTH_ENDED);
	rt_ok(berth_container_kill(all[0], BERTH_KILLED, &rt.error));
	rt_expect_end(rt_end(rt_adopt(all[0])), BERTH_EXITED, 7);
	free(all);
}

Test(recovery, of_a_pid_that_was_reused)
{
	expect_reused(true);
}

Test(recovery, of_a_pid_that_was_reused_by_start_time)
{
	expect_reused(false);
}

/* Inodes are numbered anew after a boot: one that was noted before says nothing, the start time does. */
Test(recovery, of_a_process_noted_in_another_boot)
{
	cleanup_fd int own = pidfd_open(getpid(), 0);
	struct state_process process;
	state_identify(rt.berth, own, getpid(), 0, &process);
	process.boot[0] ^= 1;
	process.inode++;
	cleanup_fd int found = state_open_process(rt.berth, &process);
	cr_expect_geq(found, 0);
	process.earliest = process.latest = state_ticks_now() + 1000;
	cr_expect_eq(state_open_process(rt.berth, &process), -ESRCH);
}

/* That a file can't be read for lack of a descriptor must not be taken for the end of the process. */
Test(recovery, of_a_process_that_cant_be_looked_at)
{
	cleanup_fd int own = pidfd_open(getpid(), 0);
	struct state_process process;
	state_identify(rt.berth, own, getpid(), 0, &process);
	struct berth *other = rt_open(); /* which knows nothing of this boot yet */
	struct rlimit before, one;
	cleanup_fd int next = dup(0);
	cr_assert(next >= 0 && getrlimit(RLIMIT_NOFILE, &before) == 0);
	one = before;
	one.rlim_cur = (rlim_t)next + 2;
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &one), 0);
	int found = state_open_process(other, &process);
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
	cr_expect_eq(found, -EMFILE);
	berth_close(other);
}

/* A live owner's are left alone. */
Test(recovery, leaves_the_owned_alone)
{
	struct berth_options options = quiet(RT_OPTIONS("act", "pause"), "mine", 0);
	struct berth_container *container = rt_launch(&options), **all;
	struct berth *other = rt_open();
	cr_expect_eq(berth_recover(other, &all, &rt.error), 0);
	cr_expect_eq(berth_collect(other, rt.parent, true, &rt.error), 0);
	cr_expect_eq(berth_container_state(container), BERTH_RUNNING);
	berth_close(other);
	rt_kill(container);
}
