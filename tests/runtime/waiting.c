/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting for an end: with a time limit, twice, by others than the owner, with the record kept and without. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/runtime/fixture.h"

TestSuite(waiting, .init = rt_init, .fini = rt_fini);

static struct berth_container *find(const char *name)
{
	struct berth_container *container = NULL;
	rt_ok(berth_container_find(rt.berth, name, &container, &rt.error));
	return rt_adopt(container);
}

static void close_handle(struct berth_container *container)
{
	rt_forget(container);
	berth_container_close(container);
}

Test(waiting, with_a_time_limit)
{
	struct berth_options options = RT_OPTIONS("act", "hold", "exit", "4");
	struct rt_job *job = rt_job(&options);
	struct berth_end end = BERTH_END_INIT;
	rt_expect_error(berth_container_wait(job->container, 0, &end, &rt.error), ETIMEDOUT);
	rt_expect_error(berth_container_wait(job->container, 30, &end, &rt.error), ETIMEDOUT);
	cr_expect_eq(end.reason, 0);
	cr_expect_eq(berth_container_state(job->container), BERTH_RUNNING);
	struct pollfd polled = {.fd = berth_container_pidfd(job->container), .events = POLLIN};
	cr_expect_eq(poll(&polled, 1, 0), 0);
	rt_job_close_input(job);
	rt_wait_readable(polled.fd);
	cr_expect_eq(berth_container_state(job->container), BERTH_ENDED);
	rt_ok(berth_container_wait(job->container, 0, &end, &rt.error));
	rt_expect_end(end, BERTH_EXITED, 4);
	/* Again, and without wanting to know. */
	struct berth_end again = BERTH_END_INIT;
	rt_ok(berth_container_wait(job->container, -1, &again, &rt.error));
	rt_expect_end(again, BERTH_EXITED, 4);
	cr_expect_eq(again.ended_ns, end.ended_ns);
	cr_expect_str_eq(again.text, end.text);
	rt_ok(berth_container_wait(job->container, -1, NULL, NULL));
	rt_job_end(job);
}

static void *wait_elsewhere(void *data)
{
	static struct berth_end end = BERTH_END_INIT;
	struct berth_error error;
	return berth_container_wait(data, rt_patience(), &end, &error) == 0 ? &end : NULL;
}

/* One that was found before the end learns of it, though the record goes with it. */
static void wait_by_another_handle(unsigned int flags)
{
	struct berth_options options = RT_OPTIONS("act", "hold", "exit", "4");
	options.name = "watched";
	options.flags = flags;
	struct rt_job *job = rt_job(&options);
	struct berth_container *other = find("watched");
	cr_expect(berth_container_owned(other) && berth_container_owned(job->container));
	struct berth_end end = BERTH_END_INIT;
	rt_expect_error(berth_container_wait(other, 10, &end, &rt.error), ETIMEDOUT);
	pthread_t thread;
	cr_assert_eq(pthread_create(&thread, NULL, wait_elsewhere, other), 0);
	rt_expect_end(rt_job_end(job), BERTH_EXITED, 4);
	void *seen;
	pthread_join(thread, &seen);
	cr_assert(seen != NULL, "the other handle did not see the end");
	rt_expect_end(*(struct berth_end *)seen, BERTH_EXITED, 4);
	/* And once more, at leisure. */
	rt_ok(berth_container_wait(other, 0, &end, &rt.error));
	rt_expect_end(end, BERTH_EXITED, 4);
	if (flags & BERTH_KEEP_RECORD) {
		close_handle(find("watched"));
		rt_ok(berth_container_remove(other, &rt.error));
	}
	struct berth_container *gone;
	rt_expect_error(berth_container_find(rt.berth, "watched", &gone, &rt.error), ENOENT);
	close_handle(other);
}

Test(waiting, by_another_handle)
{
	wait_by_another_handle(0);
}

Test(waiting, by_another_handle_with_the_record_kept)
{
	wait_by_another_handle(BERTH_KEEP_RECORD);
}

Test(waiting, by_a_handle_found_after_the_end)
{
	struct berth_options options = RT_OPTIONS("act", "raise", "15");
	options.name = "kept";
	options.flags = BERTH_KEEP_RECORD;
	rt_expect_end(rt_end(rt_launch(&options)), BERTH_SIGNALED, SIGTERM);
	struct berth_container *found = find("kept");
	cr_expect_eq(berth_container_state(found), BERTH_ENDED);
	cr_expect_eq(berth_container_pidfd(found), -1);
	cr_expect_not(berth_container_owned(found));
	struct berth_end end = BERTH_END_INIT;
	rt_ok(berth_container_wait(found, 0, &end, &rt.error));
	rt_expect_end(end, BERTH_SIGNALED, SIGTERM);
	cr_expect(end.started_ns > 0 && end.ended_ns >= end.started_ns && end.text[0]);
	/* The name is taken as long as the record is. */
	rt_launch_fails(&options, -EEXIST, 125);
	rt_ok(berth_container_remove(found, &rt.error));
	close_handle(found);
	rt_expect_end(rt_end(rt_launch(&options)), BERTH_SIGNALED, SIGTERM);
	found = find("kept");
	rt_ok(berth_container_remove(found, &rt.error));
	close_handle(found);
}

/* Ended, but its owner has not looked yet. */
Test(waiting, before_the_owner_has_cleared_up)
{
	struct berth_options options = RT_OPTIONS("act", "exit", "4");
	options.name = "slow owner";
	struct berth_container *own = rt_launch(&options), *other = find("slow owner");
	rt_wait_readable(berth_container_pidfd(own));
	struct berth_end end = BERTH_END_INIT;
	rt_expect_error(berth_container_wait(other, 20, &end, &rt.error), ETIMEDOUT);
	cr_expect_eq(berth_container_state(other), BERTH_ENDED);
	rt_expect_error(berth_container_remove(other, &rt.error), EBUSY);
	rt_expect_end(rt_end(own), BERTH_EXITED, 4);
	rt_ok(berth_container_wait(other, 0, &end, &rt.error));
	rt_expect_end(end, BERTH_EXITED, 4);
	close_handle(other);
}

/* What has ended has no cgroups any more: those of its name are the next one's. */
Test(waiting, by_a_handle_on_the_one_before)
{
	struct berth_options options = RT_OPTIONS("act", "pause");
	options.name = "again";
	struct berth_container *before = rt_launch(&options), *found = find("again");
	rt_kill(before);
	struct berth_container *next = rt_launch(&options);
	const struct berth_resources resources = {.size = sizeof resources, .cpus = 0.25};
	struct berth_stats stats = BERTH_STATS_INIT;
	pid_t *pids;
	rt_expect_error(berth_container_pause(found, &rt.error), ESRCH);
	rt_expect_error(berth_container_update(found, &resources, &rt.error), ESRCH);
	rt_expect_error(berth_container_stats(found, &stats, &rt.error), ESRCH);
	rt_expect_error((int)berth_container_processes(found, &pids, &rt.error), ESRCH);
	cr_expect_eq(berth_container_state(next), BERTH_RUNNING);
	rt_kill(next);
	close_handle(found);
}

Test(waiting, remove_while_it_runs)
{
	struct berth_options options = RT_OPTIONS("act", "pause");
	struct berth_container *container = rt_launch(&options);
	rt_expect_error(berth_container_remove(container, &rt.error), EBUSY);
	rt_kill(container);
}

/* The name may be another's by the time: its record must not suffer. */
Test(waiting, remove_twice)
{
	struct berth_options options = RT_OPTIONS("act", "exit", "0");
	options.name = "again";
	options.flags = BERTH_KEEP_RECORD;
	struct berth_container *first = rt_launch(&options);
	rt_ok(berth_container_wait(first, rt_patience(), NULL, &rt.error));
	rt_ok(berth_container_remove(first, &rt.error));
	options.argv = (const char *const[]){"/bin/act", "pause", NULL};
	struct berth_container *second = rt_launch(&options);
	rt_ok(berth_container_remove(first, &rt.error));
	cr_expect_eq(rt_state_entries(), 1u);
	close_handle(first);
	close_handle(find("again"));
	rt_ok(berth_container_kill(second, BERTH_KILLED, &rt.error));
	rt_ok(berth_container_wait(second, rt_patience(), NULL, &rt.error));
	rt_ok(berth_container_remove(second, &rt.error));
	close_handle(second);
}

/* Fields of an older program's struct end earlier: only those are written. */
Test(waiting, older_struct_end)
{
	struct berth_options options = RT_OPTIONS("act", "exit", "4");
	struct berth_container *container = rt_launch(&options);
	struct berth_end end;
	memset(&end, 0x5a, sizeof end);
	end.size = offsetof(struct berth_end, memory_limit);
	rt_ok(berth_container_wait(container, rt_patience(), &end, &rt.error));
	cr_expect_eq(end.reason, BERTH_EXITED);
	cr_expect_eq(end.code, 4);
	cr_expect_eq(end.memory_limit, UINT64_C(0x5a5a5a5a5a5a5a5a));
	cr_expect_eq(end.text[0], 0x5a);
	cr_expect_eq(end.size, offsetof(struct berth_end, memory_limit));
	rt_end(container);
}

Test(waiting, kill_reasons)
{
	struct berth_options options = RT_OPTIONS("act", "pause");
	struct berth_container *container = rt_launch(&options);
	rt_expect_error(berth_container_kill(container, BERTH_EXITED, &rt.error), EINVAL);
	rt_expect_error(berth_container_kill(container, (enum berth_reason)0, &rt.error), EINVAL);
	rt_ok(berth_container_kill(container, BERTH_TIMEOUT, &rt.error));
	/* The first reason is the one. */
	rt_ok(berth_container_kill(container, BERTH_KILLED, &rt.error));
	struct berth_end end = rt_end(container);
	rt_expect_end(end, BERTH_TIMEOUT, SIGKILL);
	cr_expect_eq(berth_end_status(&end), 124);
	/* By another than its owner. */
	options.name = "victim";
	container = rt_launch(&options);
	struct berth_container *other = find("victim");
	rt_ok(berth_container_kill(other, BERTH_KILLED, &rt.error));
	close_handle(other);
	end = rt_end(container);
	rt_expect_end(end, BERTH_KILLED, SIGKILL);
	cr_expect_eq(berth_end_status(&end), 137);
}
