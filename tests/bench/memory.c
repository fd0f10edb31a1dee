/* SPDX-License-Identifier: Apache-2.0 */
/* What stays beside a container while it runs: memory of init and of the monitor, descriptors of the slave. */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/bench/bench.h"
#include "tests/bench/lxc.h"
#include "tests/bench/programs.h"

static const char group[] = "beside a running container";

/* The sum of the named lines of /proc/PID/smaps_rollup, in KiB. */
static double memory_kib(pid_t pid, const char *const *names)
{
	char path[64], line[256];
	snprintf(path, sizeof path, "/proc/%d/smaps_rollup", pid);
	FILE *file = fopen(path, "re");
	double sum = 0, value;
	while (file && fgets(line, sizeof line, file))
		for (size_t i = 0; names[i]; i++)
			if (strncmp(line, names[i], strlen(names[i])) == 0 &&
			    sscanf(line + strlen(names[i]), ": %lf", &value) == 1)
				sum += value;
	if (!file || fclose(file) != 0)
		fail("can't read %s: %m", path);
	return sum;
}

static const char *const private_lines[] = {"Private_Clean", "Private_Dirty", NULL};
static const char *const proportional_lines[] = {"Pss", NULL};

static pid_t parent_of(pid_t pid)
{
	char path[64], line[256];
	snprintf(path, sizeof path, "/proc/%d/status", pid);
	FILE *file = fopen(path, "re");
	pid_t parent = 0;
	while (file && fgets(line, sizeof line, file))
		if (sscanf(line, "PPid: %d", &parent) == 1)
			break;
	if (file)
		fclose(file);
	return parent;
}

static int descriptors(void)
{
	DIR *directory = opendir("/proc/self/fd");
	int count = 0;
	while (directory && readdir(directory))
		count++;
	if (directory)
		closedir(directory);
	return count;
}

/* The proportional set of the process that stays beside a container which a launcher in the background made. */
static double monitor_pss(struct berth *berth)
{
	static const char name[] = "bench-detached";
	char parent[64];
	snprintf(parent, sizeof parent, "--cgroup-parent=%s", bench_parent);
	const char *argv[] = {program_built("berth"), "run", "-d",    "-n", name, "--root=" ROOT, parent,
			      "--mem=256M",           "--",  "/idle", "1",  NULL};
	struct berth_error error = BERTH_ERROR_INIT;
	struct berth_container *found;
	program_run(argv);
	if (berth_container_find(berth, name, &found, &error) < 0)
		fail("%s", error.text);
	double pss = memory_kib(parent_of(berth_container_pid(found)), proportional_lines);
	struct berth_end end = BERTH_END_INIT;
	if (berth_container_kill(found, BERTH_KILLED, &error) < 0 ||
	    berth_container_wait(found, -1, &end, &error) < 0 || berth_container_remove(found, &error) < 0)
		fail("%s", error.text);
	berth_container_close(found);
	return pss;
}

/* lxc-execute's own: it stays. */
static double lxc_pss(void)
{
	struct lxc_waiting lxc = lxc_start();
	double pss = memory_kib(lxc.pid, proportional_lines);
	lxc_stop(&lxc);
	return pss;
}

static void init_measure(struct berth *berth)
{
	enum { MANY = 50 };
	struct job job = job_make(JOB_DEFAULTS, berth, NULL, waiting_argv);
	job.options.stdio = nowhere;
	struct berth_container *containers[MANY];
	struct samples samples = {0};
	/* What a context makes for its first launch is no container's. */
	job_stop(job_start(&job));
	int before = descriptors();
	for (int i = 0; i < MANY; i++)
		containers[i] = job_start(&job);
	double held = (double)(descriptors() - before) / MANY;
	for (int i = 0; i < MANY; i++) {
		samples_add(&samples, memory_kib(berth_container_pid(containers[i]), private_lines));
		job_stop(containers[i]);
	}
	struct summary init = samples_summary(&samples);
	figure_add(group, "init, private", 0, "KiB", init);
	figure_add(group, "descriptors its slave holds", 0, "", summary_of(held));
	target_value("init's private memory", "KiB", init.p50, AT_MOST, 64);
	target_value("descriptors a slave holds per container", "", held, AT_MOST, 3);
}

void bench_memory(void)
{
	static const char what[] = "memory of the monitor of `berth run -d`";
	char why[256];
	size_t count;
	launchers(&count);
	struct berth *berth = bench_open();
	init_measure(berth);
	struct samples ours = {0}, theirs = {0};
	bool lxc = lxc_works(why, sizeof why);
	for (int i = 0; i < 5; i++) {
		samples_add(&ours, monitor_pss(berth));
		if (lxc)
			samples_add(&theirs, lxc_pss());
	}
	struct summary us = samples_summary(&ours), them = samples_summary(&theirs);
	if (lxc)
		figure_add(group, "lxc-execute, proportional", 0, "KiB", them);
	figure_add_ratio(group, "berth run -d, proportional", 0, "KiB", us, "lxc-execute", them);
	if (lxc)
		target_ratio(what, "KiB", us.p50, "lxc-execute", them.p50, AT_MOST, 0.15);
	else
		target_unmeasured(what, why);
	berth_close(berth);
}
