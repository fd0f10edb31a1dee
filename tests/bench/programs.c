/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/programs.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/bench/bench.h"

static pid_t start(const char *const *argv, int output, int errors)
{
	posix_spawn_file_actions_t actions;
	pid_t pid;
	posix_spawn_file_actions_init(&actions);
	if (output >= 0)
		posix_spawn_file_actions_adddup2(&actions, output, 1);
	else
		posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
	if (errors >= 0)
		posix_spawn_file_actions_adddup2(&actions, errors, 2);
	int code = posix_spawnp(&pid, argv[0], &actions, NULL, (char *const *)argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	if (code)
		fail("%s: %s", argv[0], strerror(code));
	return pid;
}

pid_t program_start(const char *const *argv, int output)
{
	return start(argv, output, -1);
}

static int program_end(pid_t pid)
{
	int status;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			fail("wait: %m");
	return status;
}

double program_run(void *data)
{
	const char *const *argv = data;
	double begin = now_us();
	int status = program_end(program_start(argv, -1));
	double taken = now_us() - begin;
	if (status != 0)
		fail("%s %s ended with status %#x", argv[0], argv[1] ? argv[1] : "", (unsigned int)status);
	return taken;
}

bool program_works(const char *const *argv, char *why, size_t size)
{
	if (!program_found(argv[0])) {
		snprintf(why, size, "it is not installed");
		return false;
	}
	int errors[2];
	if (pipe2(errors, O_CLOEXEC) < 0)
		fail("pipe: %m");
	pid_t pid = start(argv, -1, errors[1]);
	close(errors[1]);
	FILE *said = fdopen(errors[0], "r");
	char rest[1024];
	if (!said || !fgets(why, (int)size, said))
		snprintf(why, size, "it fails and says nothing");
	while (said && fgets(rest, sizeof rest, said))
		;
	if (said)
		fclose(said);
	why[strcspn(why, "\n")] = '\0';
	return program_end(pid) == 0;
}

bool program_found(const char *name)
{
	static const char *const directories[] = {"/usr/bin", "/usr/sbin", "/bin", "/sbin", "/usr/local/bin"};
	if (strchr(name, '/'))
		return access(name, X_OK) == 0;
	for (size_t i = 0; i < sizeof directories / sizeof *directories; i++) {
		char path[256];
		snprintf(path, sizeof path, "%s/%s", directories[i], name);
		if (access(path, X_OK) == 0)
			return true;
	}
	return false;
}

void bench_programs(void)
{
	static const char group[] = "whole processes";
	static const char *const nothing[] = {ROOT "/idle", NULL};
	static const char *const dynamic[] = {"/bin/true", NULL};
	struct limit limit;
	if (limit_open(&limit, bench_parent, ROOT, idle_argv) < 0)
		fail("the limit: there is no cpu and memory controller below /sys/fs/cgroup");
	struct berth *berth = bench_open();
	struct job job = job_make(JOB_BARE, berth, &limit, NULL);
	struct contender contenders[16] = {{.name = "limit, no program to start", .run = job_run_limit, .data = &job}};
	double bounds[16] = {0};
	char what[64], why[256];
	size_t count = 1, n_launchers;
	const struct launcher *all = launchers(&n_launchers);
	for (size_t i = 0; i < n_launchers; i++) {
		double bound = limit.v2 ? all[i].v2_bound : all[i].v1_bound;
		if (program_works(all[i].argv, why, sizeof why)) {
			bounds[count] = bound;
			contenders[count++] = (struct contender){
				.name = all[i].name, .run = program_run, .data = (void *)all[i].argv};
			continue;
		}
		if (i == 0)
			fail("%s: %s", all[i].name, why);
		figure_left_out(all[i].name, why);
		if (bound > 0) {
			snprintf(what, sizeof what, "berth run, against %s", all[i].name);
			target_unmeasured(what, why);
		}
	}
	contenders[count++] =
		(struct contender){.name = "the payload alone", .run = program_run, .data = (void *)nothing};
	contenders[count++] =
		(struct contender){.name = "/bin/true, dynamic", .run = program_run, .data = (void *)dynamic};
	contenders_run(contenders, count, (struct pace){.rounds = 400, .seconds = limit.v2 ? 90 : 36});
	contenders_add(group, 0, contenders, count);
	for (size_t i = 0; i < count; i++)
		if (bounds[i] > 0) {
			snprintf(what, sizeof what, "berth run, against %s", contenders[i].name);
			target_ratio(what, "us", contenders[1].summary.p50, contenders[i].name,
				     contenders[i].summary.p50, AT_MOST, bounds[i]);
		}
	berth_close(berth);
	limit_close(&limit, bench_parent);
}
