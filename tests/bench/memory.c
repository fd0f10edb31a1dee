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

/* The container that a launcher in the background made. */
static double monitor_pss(struct berth *berth)
{
	struct berth_error error = BERTH_ERROR_INIT;
	struct berth_container *found;
	program_run(program_berth_detached());
	if (berth_container_find(berth, "bench-detached", &found, &error) < 0)
		fail("%s", error.text);
	double pss = memory_kib(parent_of(berth_container_pid(found)), proportional_lines);
	struct berth_end end = BERTH_END_INIT;
	if (berth_container_kill(found, BERTH_KILLED, &error) < 0 ||
	    berth_container_wait(found, -1, &end, &error) < 0 || berth_container_remove(found, &error) < 0)
		fail("%s", error.text);
	berth_container_close(found);
	return pss;
}

/* lxc-execute, waiting for the payload's byte. 0: it is not here. */
static double lxc_pss(void)
{
	char *const *argv = program_lxc_waiting();
	if (!argv)
		return 0;
	int ready[2];
	char byte;
	if (pipe2(ready, O_CLOEXEC) < 0)
		fail("pipe: %m");
	pid_t pid = program_start(argv, ready[1]);
	close(ready[1]);
	double pss = read(ready[0], &byte, 1) == 1 ? memory_kib(pid, proportional_lines) : 0;
	close(ready[0]);
	program_run(program_lxc_stop());
	waitpid(pid, NULL, 0);
	return pss;
}

void bench_memory(void)
{
	enum { MANY = 50 };
	static const char *const argv[] = {"/idle", "1", NULL};
	static const int nowhere[] = {-1, -1, -1};
	struct berth *berth = bench_open();
	struct job job = job_make(JOB_DEFAULTS, berth, NULL, argv);
	job.options.stdio = nowhere;
	struct berth_container *containers[MANY];
	struct samples init = {0};
	int before = descriptors();
	for (int i = 0; i < MANY; i++)
		containers[i] = job_start(&job);
	double held = (double)(descriptors() - before) / MANY;
	for (int i = 0; i < MANY; i++) {
		samples_add(&init, memory_kib(berth_container_pid(containers[i]), private_lines));
		job_stop(containers[i]);
	}
	result_add(group, "init's private memory", 0, "KiB", &init, "64 KiB", 64, 1);
	result_add_value(group, "descriptors a slave holds, each", 0, "", held, "3", 3, 1);
	double lxc = lxc_pss();
	if (lxc > 0)
		result_add_value(group, "lxc-execute, proportional set", 0, "KiB", lxc, "", 0, 0);
	result_add_value(group, "berth run -d, proportional set", 0, "KiB", monitor_pss(berth), "lxc-execute", lxc,
			 0.15);
	berth_close(berth);
}
