/* SPDX-License-Identifier: Apache-2.0 */
/* A range of ids for each container: no two that live have the same, whoever launched them and however that ended. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/context.h"
#include "tests/runtime/fixture.h"

enum { FIRST = 300000, SIZE = 1000, CONTAINERS = 100, PROCESSES = 4, THREADS = 5 };

static char subid[128], registry[128], act[256];
static const int quiet[] = {-1, -1, 2};

static void use_ids(struct berth *berth)
{
	cr_assert_eq(context_use_ids(berth, subid, subid, registry), 0);
}

static void init(void)
{
	rt_init();
	snprintf(act, sizeof act, "%s", rt_payload("act"));
	snprintf(registry, sizeof registry, "%s", rt_path("ids"));
	snprintf(subid, sizeof subid, "%s", rt_write("subid", "root:1:1\nberth:300000:100000\n"));
	use_ids(rt.berth);
}

TestSuite(userns_auto, .init = init, .fini = rt_fini);

static struct berth_options waiting(void)
{
	/* A host root, so that this works where nothing can be shown shifted. */
	static const char *const command[] = {act, "pause", NULL};
	struct berth_options options = BERTH_OPTIONS_INIT;
	options.argv = command;
	options.cgroup_parent = rt.parent;
	options.root = "host";
	options.workdir = "/";
	options.stdio = quiet;
	options.userns = "auto:1000";
	return options;
}

/* The first id outside of a process's user namespace, of uids or gids, as the kernel has it. */
static long first_of(pid_t pid, const char *map)
{
	char path[64];
	long inside = -1, outside = -1, length = -1;
	snprintf(path, sizeof path, "/proc/%d/%s", pid, map);
	cr_assert_eq(sscanf(rt_read(path), "%ld %ld %ld", &inside, &outside, &length), 3, "%s", path);
	cr_expect(inside == 0 && length == SIZE, "%ld %ld", inside, length);
	return outside;
}

static size_t claims(void)
{
	size_t count = 0;
	DIR *stream = opendir(registry);
	for (const struct dirent *entry; stream && (entry = readdir(stream));)
		count += entry->d_name[0] != '.';
	if (stream)
		closedir(stream);
	return count;
}

Test(userns_auto, one_after_another)
{
	struct berth_options options = waiting();
	struct berth_container *one = rt_launch(&options), *two = rt_launch(&options);
	cr_expect_eq(first_of(berth_container_pid(one), "uid_map"), FIRST);
	cr_expect_eq(first_of(berth_container_pid(one), "gid_map"), FIRST);
	cr_expect_eq(first_of(berth_container_pid(two), "uid_map"), FIRST + SIZE);
	cr_expect_eq(claims(), 2u);
	rt_kill(one);
	cr_expect_eq(claims(), 1u);
	one = rt_launch(&options);
	cr_expect_eq(first_of(berth_container_pid(one), "uid_map"), FIRST);
	rt_kill(one);
	/* A record that stays keeps no range. */
	options.flags = BERTH_KEEP_RECORD;
	one = rt_launch(&options);
	rt_ok(berth_container_kill(one, BERTH_KILLED, &rt.error));
	struct berth_end end = BERTH_END_INIT;
	rt_ok(berth_container_wait(one, rt_patience(), &end, &rt.error));
	cr_expect_eq(claims(), 1u);
	rt_ok(berth_container_remove(one, &rt.error));
	rt_kill(two);
	cr_expect_eq(claims(), 0u);
	/* Neither does a launch that failed. */
	options = waiting();
	options.argv = (const char *const[]){"/nothing", NULL};
	rt_launch_fails(&options, -ENOENT, 127);
	cr_expect_eq(claims(), 0u);
}

Test(userns_auto, none_are_left)
{
	rt_write("subid", "berth:300000:2999\n");
	struct berth_options options = waiting();
	struct berth_container *one = rt_launch(&options), *two = rt_launch(&options);
	rt_launch_fails(&options, -ENOSPC, 125);
	cr_expect(strstr(rt.error.text, "no range of 1000 user ids is free"), "%s", rt.error.text);
	rt_kill(one);
	one = rt_launch(&options);
	rt_kill(one);
	rt_kill(two);
	rt_write("subid", "somebody:300000:2999\n");
	rt_launch_fails(&options, -ENOENT, 125);
	cr_expect(strstr(rt.error.text, "berth:1000000:65536000") && strstr(rt.error.text, subid), "%s", rt.error.text);
}

struct batch {
	struct berth *berth;
	pid_t pids[CONTAINERS / PROCESSES / THREADS];
};

static void *launch_batch(void *data)
{
	struct batch *batch = data;
	for (size_t i = 0; i < sizeof batch->pids / sizeof *batch->pids; i++) {
		struct berth_options options = waiting();
		struct berth_container *container;
		struct berth_error error;
		if (berth_launch(batch->berth, &options, &container, &error) < 0)
			fprintf(stderr, "%s\n", error.text);
		else
			batch->pids[i] = berth_container_pid(container);
	}
	return NULL;
}

/* A slave with threads that launch at once. Tells the pids, and waits to be killed. */
static int slave(void *data)
{
	const int *told = data;
	struct batch batches[THREADS] = {0};
	pthread_t threads[THREADS];
	struct berth *berth = rt_open();
	context_use_ids(berth, subid, subid, registry);
	for (size_t i = 0; i < THREADS; i++) {
		batches[i].berth = berth;
		if (pthread_create(&threads[i], NULL, launch_batch, &batches[i]) != 0)
			return 1;
	}
	for (size_t i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	for (size_t i = 0; i < THREADS; i++)
		if (write(*told, batches[i].pids, sizeof batches[i].pids) != sizeof batches[i].pids)
			return 1;
	pause();
	return 0;
}

static void expect_apart(const pid_t *pids, size_t count, bool *taken)
{
	static const char *const maps[] = {"uid_map", "gid_map"};
	for (size_t i = 0; i < count; i++) {
		cr_assert_gt(pids[i], 0);
		for (size_t kind = 0; kind < 2; kind++) {
			long first = first_of(pids[i], maps[kind]);
			size_t place = (size_t)(first - FIRST) / SIZE;
			cr_assert(first >= FIRST && place < CONTAINERS, "%ld", first);
			cr_expect_not(taken[2 * place + kind], "%s %ld is given twice", maps[kind], first);
			taken[2 * place + kind] = true;
		}
	}
}

/* A hundred at once, from threads of several processes, take all there are. Then their launchers are killed. */
Test(userns_auto, a_hundred_at_once_and_their_launchers_killed)
{
	int ends[2];
	pid_t slaves[PROCESSES], pids[CONTAINERS];
	bool taken[2 * CONTAINERS] = {false};
	cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
	rt_root();
	for (size_t i = 0; i < PROCESSES; i++)
		slaves[i] = rt_fork(slave, &ends[1]);
	close(ends[1]);
	for (size_t got = 0; got < sizeof pids;) {
		rt_wait_readable(ends[0]);
		ssize_t length = read(ends[0], (char *)pids + got, sizeof pids - got);
		cr_assert_gt(length, 0);
		got += (size_t)length;
	}
	close(ends[0]);
	expect_apart(pids, CONTAINERS, taken);
	for (size_t i = 0; i < PROCESSES; i++) {
		cr_assert_eq(kill(slaves[i], SIGKILL), 0);
		rt_wait_child(slaves[i]);
	}
	/* They live on, and so do their claims: there is no range for another. */
	struct berth_options options = waiting();
	rt_launch_fails(&options, -ENOSPC, 125);
	struct berth_container **found;
	ssize_t count = berth_recover(rt.berth, &found, &rt.error);
	cr_assert_eq(count, CONTAINERS, "%zd: %s", count, rt.error.text);
	rt_kill(rt_adopt(found[0]));
	struct berth_container *another = rt_launch(&options);
	for (ssize_t i = 1; i < count; i++)
		rt_kill(rt_adopt(found[i]));
	cr_expect_eq(claims(), 1u);
	rt_kill(another);
	free(found);
	cr_expect_eq(claims(), 0u);
}

/* A launcher that was killed between its claim and the rest leaves a claim of a directory that goes with gc. */
Test(userns_auto, claims_of_the_unfinished_are_taken_back)
{
	rt_write("subid", "berth:300000:1000\n");
	struct berth_options options = waiting();
	cr_assert_eq(mkdir(registry, 0700), 0);
	char claim[200];
	snprintf(claim, sizeof claim, "%s/300000+1000,300000+1000", registry);
	cr_assert_eq(symlink("1 /nowhere/at-all", claim), 0);
	struct berth_container *one = rt_launch(&options);
	rt_launch_fails(&options, -ENOSPC, 125);
	rt_kill(one);
	cr_expect_eq(claims(), 0u);
}
