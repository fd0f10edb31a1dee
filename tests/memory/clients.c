/* SPDX-License-Identifier: Apache-2.0 */
/* Those who ask an owner that attends: silent, talking nonsense, dying, many. And owners that die. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/memory/mem.h"

TestSuite(memory_clients, .init = mem_init, .fini = mem_fini);

enum { LONG_MS = 60000 };

static int set(struct berth_container *container, uint64_t mib)
{
	struct berth_resources resources = {.size = sizeof resources, .memory = mib * MIB};
	return berth_container_update(container, &resources, &rt.error);
}

static struct rt_job *attended(int grace_ms)
{
	struct berth_options options = MEM_HOG(128, "hold", "48", "1000");
	options.memory_policy = mem_policy(grace_ms, 0);
	struct rt_job *job = mem_launch(options, "holding");
	mem_attend(job);
	return job;
}

static int client(const struct berth_container *container)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	char name[STATE_BESIDE_SIZE];
	state_beside_name(container->file, STATE_CONTROL, name);
	snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/%s", container->berth->state_fd, name);
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	cr_assert_eq(connect(fd, (struct sockaddr *)&address, sizeof address), 0, "%s", strerror(errno));
	return fd;
}

/* Forty that say nothing: whoever waited for each would keep the forty-first waiting for minutes. */
Test(memory_clients, the_silent_hold_nobody_up)
{
	struct rt_job *job = attended(LONG_MS);
	struct berth_container *other = mem_other(job);
	int silent[40];
	uint64_t start = monotonic_ms();
	for (size_t i = 0; i < 40; i++)
		silent[i] = client(other);
	rt_ok(set(other, 32));
	rt_ok(set(other, 100));
	cr_expect_lt(monotonic_ms() - start, (uint64_t)rt_patience());
	cr_expect_eq(mem_limit(other), 100 * MIB);
	for (size_t i = 0; i < 40; i++)
		close(silent[i]);
	rt_job_close_input(job);
	rt_expect_end(mem_join(job), BERTH_EXITED, 0);
}

Test(memory_clients, nonsense_is_not_obeyed)
{
	struct rt_job *job = attended(LONG_MS);
	struct berth_container *other = mem_other(job);
	static char packet[5000];
	for (size_t length = 0; length < sizeof packet; length = length * 2 + 1) {
		for (int byte = 0; byte < 2; byte++) {
			memset(packet, byte ? 0x41 : 0, sizeof packet);
			int fd = client(other);
			cr_assert_eq(send(fd, packet, length, MSG_NOSIGNAL), (ssize_t)length);
			/* It is hung up on, without an answer. */
			rt_wait_readable(fd);
			cr_expect_eq(recv(fd, packet, sizeof packet, 0), 0, "%zu bytes were answered", length);
			close(fd);
		}
	}
	/* Two packets, and gone. */
	int fd = client(other);
	send(fd, packet, 32, MSG_NOSIGNAL);
	send(fd, packet, 32, MSG_NOSIGNAL);
	close(fd);
	cr_expect_eq(mem_limit(other), 128 * MIB);
	rt_ok(set(other, 64));
	cr_expect_eq(mem_limit(other), 64 * MIB);
	rt_job_close_input(job);
	rt_expect_end(mem_join(job), BERTH_EXITED, 0);
}

static int ask_and_wait(void *data)
{
	return berth_container_scale(data, 24 * MIB, NULL, NULL, NULL) == 0 ? 0 : 1;
}

/* What has been accepted is done, whatever becomes of who asked. */
Test(memory_clients, who_asks_may_die)
{
	struct rt_job *job = attended(1500);
	struct berth_container *other = mem_other(job);
	pid_t pid = rt_fork(ask_and_wait, mem_other(job));
	mem_until(mem_limit(other) < 64 * MIB);
	kill(pid, SIGKILL);
	rt_wait_child(pid);
	struct berth_end end = mem_join(job);
	cr_expect_eq(end.reason, BERTH_SCALE_DOWN, "%s", end.text);
}

struct asker {
	pthread_t thread;
	struct berth_container *container;
	int code;
	uint64_t answered_ms;
};

static void *ask(void *data)
{
	struct asker *asker = data;
	asker->code = berth_container_scale(asker->container, 24 * MIB, NULL, NULL, NULL);
	asker->answered_ms = monotonic_ms();
	return NULL;
}

/* Twenty at once: each is answered, one is the last and hears of the end. False: some came when that had come. */
static bool twenty(int grace_ms, bool attends)
{
	struct berth_options options = MEM_HOG(128, "hold", "48", "1000");
	options.memory_policy = mem_policy(grace_ms, 0);
	struct rt_job *job = mem_launch(options, "holding");
	if (attends)
		mem_attend(job);
	static struct asker askers[20];
	uint64_t deadline = monotonic_ms() + (uint64_t)grace_ms;
	for (size_t i = 0; i < 20; i++) {
		askers[i] = (struct asker){.container = mem_other(job)};
		cr_assert_eq(pthread_create(&askers[i].thread, NULL, ask, &askers[i]), 0);
	}
	/* Those who did the work themselves wait for the container to be gone, which its owner sees to. */
	struct berth_end end = attends ? mem_join(job) : rt_end(job->container);
	int cancelled = 0, killed = 0, others = 0;
	bool late = false;
	for (size_t i = 0; i < 20; i++) {
		pthread_join(askers[i].thread, NULL);
		late |= askers[i].code != -ENOMEM && askers[i].answered_ms >= deadline;
		if (askers[i].code == -ECANCELED)
			cancelled++;
		else if (askers[i].code == -ENOMEM)
			killed++;
		else
			others++;
	}
	cr_expect_eq(end.reason, BERTH_SCALE_DOWN, "%s", end.text);
	if (late)
		return false;
	cr_expect_eq(cancelled, 19);
	cr_expect_eq(killed, 1);
	cr_expect_eq(others, 0);
	return true;
}

static bool twenty_follow(int grace_ms)
{
	return twenty(grace_ms, true);
}

static bool twenty_do_it(int grace_ms)
{
	return twenty(grace_ms, false);
}

Test(memory_clients, twenty_followers)
{
	mem_within(twenty_follow, 1500);
}

Test(memory_clients, twenty_with_nobody_attending)
{
	mem_within(twenty_do_it, 1500);
}

/* ---- Owners that die ---- */

struct slave {
	struct berth_options options;
	int ready;
};

/* A slave of its own, which launches, attends, and waits for its end. */
static int slave_run(void *data)
{
	struct slave *slave = data;
	struct berth_container *container;
	struct berth *berth = rt_open();
	if (berth_launch(berth, &slave->options, &container, NULL) < 0 ||
	    berth_container_monitor(container, NULL) < 0 || write(slave->ready, "", 1) != 1)
		return 1;
	return berth_container_wait(container, -1, NULL, NULL) < 0;
}

struct orphan {
	pid_t slave;
	int in, out; /* the container's */
	struct berth_container *found;
};

static struct orphan slave_start(int grace_ms, bool freeze)
{
	int in[2], out[2], ready[2];
	cr_assert(pipe2(in, O_CLOEXEC) == 0 && pipe2(out, O_CLOEXEC) == 0 && pipe2(ready, O_CLOEXEC) == 0);
	const int stdio[3] = {in[0], out[1], out[1]};
	struct slave slave = {.options = MEM_HOG(128, "hold", "48", "1000"), .ready = ready[1]};
	struct berth_memory_policy policy = *mem_policy(grace_ms, 0);
	policy.freeze = freeze;
	slave.options.memory_policy = &policy;
	slave.options.stdio = stdio;
	struct orphan orphan = {.slave = rt_fork(slave_run, &slave), .in = in[1], .out = out[0]};
	close(in[0]);
	close(out[1]);
	close(ready[1]);
	rt_wait_readable(ready[0]);
	char byte;
	cr_assert_eq(read(ready[0], &byte, 1), 1, "the slave could not launch");
	close(ready[0]);
	char said[16];
	rt_wait_readable(orphan.out);
	cr_assert_gt(read(orphan.out, said, sizeof said), 0);
	rt_ok(berth_container_find(rt.berth, slave.options.name, &orphan.found, &rt.error));
	return orphan;
}

static void slave_kill(const struct orphan *orphan)
{
	kill(orphan->slave, SIGKILL);
	rt_wait_child(orphan->slave);
}

/* The next slave: takes over what there is. */
static struct berth_container *take_over(void)
{
	struct berth_container **containers;
	ssize_t count = berth_recover(rt.berth, &containers, &rt.error);
	cr_assert_eq(count, 1, "%zd: %s", count, rt.error.text);
	struct berth_container *container = rt_adopt(containers[0]);
	free(containers);
	return container;
}

static void orphan_close(const struct orphan *orphan)
{
	close(orphan->in);
	close(orphan->out);
	berth_container_close(orphan->found);
}

/* It may have ended, and have been cleared up behind. */
static bool orphan_too_late(const struct orphan *orphan, uint64_t start_ms, int grace_ms)
{
	if (monotonic_ms() - start_ms < (uint64_t)grace_ms)
		return false;
	berth_container_kill(orphan->found, BERTH_KILLED, NULL);
	struct berth_container **containers;
	ssize_t count = berth_recover(rt.berth, &containers, &rt.error);
	cr_assert_geq(count, 0, "%s", rt.error.text);
	for (ssize_t i = 0; i < count; i++)
		rt_end(rt_adopt(containers[i]));
	free(containers);
	return true;
}

static void *recover_and_wait(void *data)
{
	(void)data;
	/* Whoever asked does the owner's work; once it is over this only clears up. */
	struct berth_end *end = malloc(sizeof *end);
	*end = rt_end(take_over());
	return end;
}

static bool followed_a_dying_owner(int grace_ms)
{
	struct orphan orphan = slave_start(grace_ms, false);
	struct asker asker = {.container = orphan.found};
	struct berth_container *other;
	rt_ok(berth_container_find(rt.berth, berth_container_name(orphan.found), &other, &rt.error));
	uint64_t start = monotonic_ms();
	cr_assert_eq(pthread_create(&asker.thread, NULL, ask, &asker), 0);
	mem_until(mem_limit(other) < 64 * MIB);
	slave_kill(&orphan);
	bool late = orphan_too_late(&orphan, start, grace_ms);
	pthread_t thread;
	if (!late)
		cr_assert_eq(pthread_create(&thread, NULL, recover_and_wait, NULL), 0);
	pthread_join(asker.thread, NULL);
	if (!late) {
		void *end;
		pthread_join(thread, &end);
		cr_expect_eq(asker.code, -ENOMEM, "%d", asker.code);
		cr_expect_eq(((struct berth_end *)end)->reason, BERTH_SCALE_DOWN, "%s",
			     ((struct berth_end *)end)->text);
		free(end);
	}
	berth_container_close(other);
	orphan_close(&orphan);
	return !late;
}

Test(memory_clients, who_follows_goes_on_when_the_owner_dies)
{
	mem_within(followed_a_dying_owner, 1500);
}

static bool accepted_by_a_dying_owner(int grace_ms)
{
	struct orphan orphan = slave_start(grace_ms, false);
	uint64_t start = monotonic_ms();
	int code = set(orphan.found, 24);
	slave_kill(&orphan);
	uint64_t limit = mem_limit(orphan.found);
	if (orphan_too_late(&orphan, start, grace_ms)) {
		orphan_close(&orphan);
		return false;
	}
	cr_expect_eq(code, 0, "%d", code);
	cr_expect_gt(limit, 24 * MIB);
	struct berth_container *container = take_over();
	int monitor = berth_container_monitor(container, &rt.error), timeout_ms = -1;
	rt_ok(monitor);
	struct pollfd polled[] = {{.fd = berth_container_pidfd(container), .events = POLLIN},
				  {.fd = monitor, .events = POLLIN}};
	do {
		cr_assert_gt(poll(polled, 2, rt_patience()), 0, "nothing happens");
		rt_ok(berth_container_attend(container, &timeout_ms, &rt.error));
	} while (!polled[0].revents);
	struct berth_end end = rt_end(container);
	cr_expect_eq(end.reason, BERTH_SCALE_DOWN, "%s", end.text);
	orphan_close(&orphan);
	return true;
}

/* The next owner that attends keeps the promise that the last one gave. */
Test(memory_clients, what_a_dead_owner_accepted_is_done)
{
	mem_within(accepted_by_a_dying_owner, 1500);
}

/* Caught by SIGKILL while it had the container frozen. */
Test(memory_clients, frozen_by_a_dead_owner)
{
	bool caught = false;
	for (int i = 0; i < 20 && !caught; i++) {
		struct orphan orphan = slave_start(LONG_MS, true);
		rt_ok(set(orphan.found, 24));
		mem_until(berth_container_state(orphan.found) == BERTH_PAUSED);
		slave_kill(&orphan);
		caught = berth_container_state(orphan.found) == BERTH_PAUSED;
		struct berth_container *container = take_over();
		cr_expect_eq(berth_container_state(container), BERTH_RUNNING, "it stayed frozen");
		close(orphan.in);
		orphan.in = -1;
		/* Thawed, it finds that its input has ended. */
		struct berth_end end = rt_end(container);
		rt_expect_end(end, BERTH_EXITED, 0);
		orphan_close(&orphan);
	}
	cr_expect(caught, "the owner was never caught while it had the container frozen");
}

/* Killed while who allocates waits for it: the next owner, attending or not, lets the kernel do its work. */
Test(memory_clients, held_by_a_dead_owner)
{
	if (!mem_is_v1())
		cr_skip_test("v2 has no memory.oom_control");
	struct orphan orphan = slave_start(LONG_MS, false);
	rt_ok(set(orphan.found, 24));
	slave_kill(&orphan);
	char text[256];
	rt_ok(berth_container_cgroup_read(orphan.found, "memory.oom_control", text, sizeof text, &rt.error));
	cr_expect(strstr(text, "oom_kill_disable 1") != NULL, "%s", text);
	struct berth_container *container = take_over();
	rt_ok(berth_container_cgroup_read(container, "memory.oom_control", text, sizeof text, &rt.error));
	cr_expect(strstr(text, "oom_kill_disable 0") != NULL, "%s", text);
	close(orphan.in);
	orphan.in = -1;
	rt_expect_end(rt_end(container), BERTH_EXITED, 0);
	orphan_close(&orphan);
}
