/* SPDX-License-Identifier: Apache-2.0 */
/* Launchers as whole processes, each with its usual defaults over the same root and, where it can, the same limits. */
#include "tests/bench/programs.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/bench/bench.h"

#define LXC_CONFIG "/run/bench/lxc.conf"
#define BUNDLE "/run/bench/bundle"

pid_t program_start(char *const *argv, int output)
{
	posix_spawn_file_actions_t actions;
	pid_t pid;
	posix_spawn_file_actions_init(&actions);
	if (output >= 0)
		posix_spawn_file_actions_adddup2(&actions, output, 1);
	else
		posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
	int code = posix_spawnp(&pid, argv[0], &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	if (code)
		fail("%s: %s", argv[0], strerror(code));
	return pid;
}

double program_run(void *data)
{
	char *const *argv = data;
	int status;
	double start = now_us();
	pid_t pid = program_start(argv, -1);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			fail("wait: %m");
	double taken = now_us() - start;
	if (status != 0)
		fail("%s %s ended with status %#x", argv[0], argv[1], (unsigned int)status);
	return taken;
}

static bool found(const char *program)
{
	static const char *const directories[] = {"/usr/bin", "/usr/sbin", "/bin", "/sbin", "/usr/local/bin"};
	for (size_t i = 0; i < sizeof directories / sizeof *directories; i++) {
		char path[256];
		snprintf(path, sizeof path, "%s/%s", directories[i], program);
		if (access(path, X_OK) == 0)
			return true;
	}
	return false;
}

static void file_write(const char *path, const char *text)
{
	FILE *file = fopen(path, "we");
	if (!file || fputs(text, file) < 0 || fclose(file) != 0)
		fail("can't write %s: %m", path);
}

static void lxc_configure(void)
{
	bool v2 = access("/sys/fs/cgroup/cgroup.controllers", F_OK) == 0;
	char text[1024];
	snprintf(text, sizeof text,
		 "lxc.rootfs.path = dir:" ROOT "\nlxc.mount.auto = proc:mixed sys:ro\nlxc.autodev = 1\n"
		 "lxc.net.0.type = none\n%s\n%s\n",
		 v2 ? "lxc.cgroup2.cpu.weight = 10000" : "lxc.cgroup.cpu.shares = 262144",
		 v2 ? "lxc.cgroup2.memory.max = 268435456" : "lxc.cgroup.memory.limit_in_bytes = 268435456");
	file_write(LXC_CONFIG, text);
}

static void bundle_make(void)
{
	mkdir(BUNDLE, 0755);
	file_write(
		BUNDLE "/config.json",
		"{\"ociVersion\":\"1.0.2\",\"process\":{\"terminal\":false,\"user\":{\"uid\":0,\"gid\":0},"
		"\"args\":[\"/idle\"],\"env\":[\"PATH=/bin\"],\"cwd\":\"/\",\"noNewPrivileges\":true,"
		"\"capabilities\":{\"bounding\":[\"CAP_KILL\"],\"effective\":[\"CAP_KILL\"],"
		"\"permitted\":[\"CAP_KILL\"]}},"
		"\"root\":{\"path\":\"" ROOT "\"},\"hostname\":\"bench\",\"mounts\":["
		"{\"destination\":\"/proc\",\"type\":\"proc\",\"source\":\"proc\"},"
		"{\"destination\":\"/dev\",\"type\":\"tmpfs\",\"source\":\"tmpfs\","
		"\"options\":[\"nosuid\",\"mode=755\",\"size=65536k\"]},"
		"{\"destination\":\"/dev/pts\",\"type\":\"devpts\",\"source\":\"devpts\","
		"\"options\":[\"nosuid\",\"noexec\",\"newinstance\",\"ptmxmode=0666\",\"mode=0620\",\"gid=5\"]},"
		"{\"destination\":\"/dev/shm\",\"type\":\"tmpfs\",\"source\":\"shm\","
		"\"options\":[\"nosuid\",\"noexec\",\"nodev\",\"mode=1777\"]},"
		"{\"destination\":\"/sys\",\"type\":\"sysfs\",\"source\":\"sysfs\","
		"\"options\":[\"nosuid\",\"noexec\",\"nodev\",\"ro\"]}],"
		"\"linux\":{\"cgroupsPath\":\"/" PARENT "/runc\","
		"\"resources\":{\"memory\":{\"limit\":268435456},\"cpu\":{\"shares\":262144}},"
		"\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"ipc\"},{\"type\":\"uts\"},{\"type\":\"mount\"}],"
		"\"maskedPaths\":[\"/proc/acpi\",\"/proc/kcore\",\"/proc/keys\",\"/proc/timer_list\",\"/sys/"
		"firmware\"],"
		"\"readonlyPaths\":[\"/proc/bus\",\"/proc/fs\",\"/proc/irq\",\"/proc/sys\",\"/proc/sysrq-trigger\"]}}");
}

static const char *program_berth(void)
{
	static char path[4096];
	if (!*path && !realpath("build/berth", path))
		fail("build/berth: %m");
	return path;
}

void *program_berth_detached(void)
{
	static const char *argv[] = {
		NULL,    "run", "-d", "-nbench-detached", "--root=" ROOT, "--cgroup-parent=" PARENT, "--mem=256M", "--",
		"/idle", "1",   NULL};
	argv[0] = program_berth();
	return argv;
}

char *const *program_lxc_waiting(void)
{
	static const char *const argv[] = {
		"/usr/bin/lxc-execute", "-P", "/run/bench", "-f", LXC_CONFIG, "-n", "bench", "--", "/idle", "1", NULL};
	lxc_configure();
	return found("lxc-execute") ? (char *const *)argv : NULL;
}

void *program_lxc_stop(void)
{
	static const char *const argv[] = {"/usr/bin/lxc-stop", "-P", "/run/bench", "-k", "-n", "bench", NULL};
	return (void *)argv;
}

void bench_programs(void)
{
	static const char *berth[] = {NULL,         "run",        "--root=" ROOT, "--cgroup-parent=" PARENT,
				      "--cpus=256", "--mem=256M", "--",           "/idle",
				      NULL};
	static const char *berth_no_init[] = {
		NULL,         "run",        "--no-init", "--root=" ROOT, "--cgroup-parent=" PARENT,
		"--cpus=256", "--mem=256M", "--",        "/idle",        NULL};
	static const char *const lxc[] = {"lxc-execute", "-P",    "/run/bench", "-f",    LXC_CONFIG,
					  "-n",          "bench", "--",         "/idle", NULL};
	static const char *const runc[] = {"runc", "run", "-b", BUNDLE, "bench", NULL};
	static const char *const crun[] = {"crun", "run", "-b", BUNDLE, "bench", NULL};
	static const char *const bwrap[] = {
		"bwrap",         "--bind",        ROOT, "/",     "--proc", "/proc", "--dev", "/dev", "--unshare-pid",
		"--unshare-ipc", "--unshare-uts", "--", "/idle", NULL};
	static const char *const unshare[] = {"unshare", "-m",           "-p",           "-u",    "-i",
					      "-f",      "--mount-proc", "--root=" ROOT, "/idle", NULL};
	static const char *const nothing[] = {ROOT "/idle", NULL};
	static const char *const dynamic[] = {"/bin/true", NULL};
	const struct {
		const char *name;
		const void *argv;
		double target; /* the most that berth may take of it */
	} peers[] = {
		{"lxc-execute", lxc, 0.25}, {"runc", runc, 0.08}, {"bwrap", bwrap, 0.7},
		{"unshare", unshare, 0},    {"crun", crun, 0.3},
	};
	berth[0] = berth_no_init[0] = program_berth();
	lxc_configure();
	bundle_make();
	struct contender contenders[16] = {
		{.name = "berth run", .run = program_run, .data = berth},
		{.name = "berth run --no-init", .run = program_run, .data = berth_no_init},
		{.name = "the payload alone", .run = program_run, .data = (void *)nothing},
		{.name = "/bin/true, dynamic glibc", .run = program_run, .data = (void *)dynamic},
	};
	double targets[16] = {0};
	size_t count = 4;
	for (size_t i = 0; i < sizeof peers / sizeof *peers; i++)
		if (!found(peers[i].name)) {
			printf("there is no %s here\n", peers[i].name);
		} else {
			targets[count] = peers[i].target;
			contenders[count++] = (struct contender){
				.name = peers[i].name, .run = program_run, .data = (void *)peers[i].argv};
		}
	contenders_run(contenders, count, quick ? 20 : 150);
	double ours = samples_quantile(&contenders[0].samples, 0.5);
	for (size_t i = 4; i < count; i++) {
		char name[64];
		snprintf(name, sizeof name, "berth run, of %s", contenders[i].name);
		result_add_value("whole processes, p50", name, 0, "us", ours, contenders[i].name,
				 samples_quantile(&contenders[i].samples, 0.5), targets[i]);
	}
	result_add_all("whole processes", 0, contenders, count, NULL);
}
