/* SPDX-License-Identifier: Apache-2.0 */
/* Updating limits, and killing, each against the bare system calls. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/bench/bench.h"

static struct limit limit;

static struct berth *prepare(void)
{
	int code = limit_open(&limit, bench_parent, ROOT, idle_argv);
	if (code < 0)
		fail("the limit: %s", strerror(-code));
	return bench_open();
}

struct updated {
	struct berth_container *container;
	char share[256], memory[256];
};

/* Half of what it takes to raise both and to lower them again: for lowering, the usage must be looked at. */
static double update_by_library(void *data)
{
	struct updated *updated = data;
	struct berth_error error = BERTH_ERROR_INIT;
	struct berth_resources more = BERTH_RESOURCES_INIT, less = BERTH_RESOURCES_INIT;
	more.cpu_shares = 1024;
	more.memory = 256 << 20;
	less.cpu_shares = 512;
	less.memory = 128 << 20;
	double start = now_us();
	if (berth_container_update(updated->container, &more, &error) < 0 ||
	    berth_container_update(updated->container, &less, &error) < 0)
		fail("%s", error.text);
	return (now_us() - start) / 2;
}

static void write_file(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, value, strlen(value)) < 0)
		fail("write %s: %m", path);
	close(fd);
}

static double update_raw(void *data)
{
	struct updated *updated = data;
	double start = now_us();
	write_file(updated->share, "1024");
	write_file(updated->memory, "268435456");
	write_file(updated->share, "512");
	write_file(updated->memory, "134217728");
	return (now_us() - start) / 2;
}

void bench_update(void)
{
	struct berth *berth = prepare();
	struct job job = job_make(JOB_DEFAULTS, berth, &limit, waiting_argv);
	job.options.name = "bench-update";
	job.options.stdio = nowhere;
	struct updated updated = {.container = job_start(&job)};
	snprintf(updated.share, sizeof updated.share, "/sys/fs/cgroup%s/%s/bench-update/%s", limit.v2 ? "" : "/cpu",
		 bench_parent, limit.v2 ? "cpu.weight" : "cpu.shares");
	snprintf(updated.memory, sizeof updated.memory, "/sys/fs/cgroup%s/%s/bench-update/%s",
		 limit.v2 ? "" : "/memory", bench_parent, limit.v2 ? "memory.max" : "memory.limit_in_bytes");
	struct contender contenders[] = {
		{.name = "raw writes", .run = update_raw, .data = &updated},
		{.name = "library", .run = update_by_library, .data = &updated},
	};
	contenders_run(contenders, 2, (struct pace){.rounds = 6000, .seconds = 6});
	contenders_add("updating share and limit", 0, contenders, 2);
	target_ratio("update by the library", "us", contenders[1].summary.p50, "raw writes", contenders[0].summary.p50,
		     AT_MOST, 1.3);
	job_stop(updated.container);
	berth_close(berth);
	limit_close(&limit, bench_parent);
}

/* ---- Killing ---- */

struct killed {
	struct job job;
	int ready[2]; /* the payload says there when it is complete */
};

static void await(const struct killed *killed)
{
	char byte;
	if (read(killed->ready[0], &byte, 1) != 1)
		fail("a payload did not start");
}

static double kill_by_library(void *data)
{
	struct killed *killed = data;
	struct berth_container *container = job_start(&killed->job);
	await(killed);
	double start = now_us();
	job_stop(container);
	return now_us() - start;
}

static double kill_raw(void *data)
{
	struct killed *killed = data;
	pid_t pid = -1;
	/* It has this process's standard output. */
	int saved = dup(1);
	fflush(stdout);
	dup2(killed->ready[1], 1);
	int code = limit_start(killed->job.limit, killed->job.number, &pid);
	dup2(saved, 1);
	close(saved);
	if (code < 0)
		fail("the limit: %s", strerror(-code));
	await(killed);
	double start = now_us();
	kill(pid, SIGKILL);
	code = limit_end(killed->job.limit, killed->job.number, pid);
	double taken = now_us() - start;
	if (code < 0)
		fail("the limit: %s", strerror(-code));
	return taken;
}

void bench_kill(void)
{
	static const int sizes[] = {1, 100, 1000};
	static const char *const size_texts[] = {"1", "100", "1000"};
	static const char *const whats[] = {"kill to removed, 1 process", "kill to removed, 100 processes",
					    "kill to removed, 1000 processes"};
	struct berth *berth = prepare();
	for (size_t i = 0; i < 3; i++) {
		const char *const argv[] = {"/idle", size_texts[i], NULL};
		struct killed killed = {.job = job_make(JOB_BARE, berth, &limit, argv)};
		struct killed defaults = {.job = job_make(JOB_DEFAULTS, berth, &limit, argv)};
		limit.argv = argv;
		if (pipe2(killed.ready, O_CLOEXEC) < 0)
			fail("pipe: %m");
		memcpy(defaults.ready, killed.ready, sizeof killed.ready);
		int stdio[] = {-1, killed.ready[1], 2};
		killed.job.options.stdio = defaults.job.options.stdio = stdio;
		struct contender contenders[] = {
			{.name = "raw SIGKILL, wait, rmdir", .run = kill_raw, .data = &killed},
			{.name = "library, the limit's features", .run = kill_by_library, .data = &killed},
			{.name = "library, defaults", .run = kill_by_library, .data = &defaults},
		};
		contenders_run(contenders, 3, (struct pace){.rounds = (int)(1200 / (i + 1)), .seconds = 8});
		contenders_add("killing N processes", sizes[i], contenders, 3);
		target_ratio(whats[i], "us", contenders[1].summary.p50, "raw", contenders[0].summary.p50, AT_MOST, 1.2);
		close(killed.ready[0]);
		close(killed.ready[1]);
	}
	berth_close(berth);
	limit_close(&limit, bench_parent);
}
