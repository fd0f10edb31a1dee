/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/lxc.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/bench/bench.h"
#include "tests/bench/programs.h"

#define LXC_PATH "/run/bench"
#define NAME "bench-waiting"

bool lxc_works(char *why, size_t size)
{
	size_t count;
	const struct launcher *all = launchers(&count);
	for (size_t i = 0; i < count; i++)
		if (strcmp(all[i].name, "lxc-execute") == 0)
			return program_works(all[i].argv, why, size);
	return false;
}

struct lxc_waiting lxc_start(void)
{
	struct launcher launcher = launcher_waiting("lxc-execute");
	int ready[2];
	char byte;
	if (pipe2(ready, O_CLOEXEC) < 0)
		fail("pipe: %m");
	struct lxc_waiting lxc = {program_start(launcher.argv, ready[1])};
	close(ready[1]);
	if (read(ready[0], &byte, 1) != 1)
		fail("a payload of lxc-execute did not start");
	close(ready[0]);
	return lxc;
}

void lxc_stop(const struct lxc_waiting *lxc)
{
	static const char *const argv[] = {"/usr/bin/lxc-stop", "-P", LXC_PATH, "-k", "-n", NAME, NULL};
	program_run((void *)argv);
	while (waitpid(lxc->pid, NULL, 0) < 0 && errno == EINTR)
		;
}

/* ---- lxc-cgroup, LXC's and berth's ---- */

struct commands {
	const char *const *share, *const *memory;
};

static double update_by_commands(void *data)
{
	const struct commands *commands = data;
	return program_run((void *)commands->share) + program_run((void *)commands->memory);
}

void bench_lxc_cgroup(void)
{
	static const char group[] = "updating share and limit, by lxc-cgroup", what[] = "update by lxc-cgroup";
	static const char *const names[2][2] = {{"cpu.shares", "memory.limit_in_bytes"}, {"cpu.weight", "memory.max"}};
	char why[256];
	if (!lxc_works(why, sizeof why)) {
		target_unmeasured(what, why);
		return;
	}
	struct berth *berth = bench_open();
	struct job job = job_make(JOB_DEFAULTS, berth, NULL, waiting_argv);
	job.options.name = NAME;
	job.options.stdio = nowhere;
	struct berth_container *container = job_start(&job);
	struct lxc_waiting lxc = lxc_start();
	const char *const *name = names[access("/sys/fs/cgroup/cgroup.controllers", F_OK) == 0];
	const char *program = program_built("lxc/lxc-cgroup");
	const char *our_share[] = {program, "-n", NAME, name[0], "512", NULL};
	const char *our_memory[] = {program, "-n", NAME, name[1], "134217728", NULL};
	const char *lxc_share[] = {"/usr/bin/lxc-cgroup", "-P", LXC_PATH, "-n", NAME, name[0], "512", NULL};
	const char *lxc_memory[] = {"/usr/bin/lxc-cgroup", "-P", LXC_PATH, "-n", NAME, name[1], "134217728", NULL};
	struct commands ours = {our_share, our_memory}, theirs = {lxc_share, lxc_memory};
	struct contender contenders[] = {
		{.name = "LXC's", .run = update_by_commands, .data = &theirs},
		{.name = "berth's", .run = update_by_commands, .data = &ours},
	};
	contenders_run(contenders, 2, (struct pace){.rounds = 300, .seconds = 8});
	contenders_add(group, 0, contenders, 2);
	target_ratio(what, "us", contenders[1].summary.p50, "LXC's", contenders[0].summary.p50, AT_MOST, 0.3);
	lxc_stop(&lxc);
	job_stop(container);
	berth_close(berth);
}
