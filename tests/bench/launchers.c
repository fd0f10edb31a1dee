/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/bench/bench.h"
#include "tests/bench/programs.h"

#define LXC_CONFIG "/run/bench/lxc.conf"
#define LXC_PATH "/run/bench"
#define BUNDLE "/run/bench/bundle"
#define HAND "/run/bench/by-hand"
#define UNSHARE "unshare -m -p -u -i -f --mount-proc --root=" ROOT " /idle"

__attribute__((format(printf, 1, 2))) static const char *text_make(const char *format, ...)
{
	char *text;
	va_list arguments;
	va_start(arguments, format);
	if (vasprintf(&text, format, arguments) < 0)
		fail("out of memory");
	va_end(arguments);
	return text;
}

const char *program_built(const char *name)
{
	char directory[4096];
	/* Not realpath: a command may be a link, and go by its name. */
	const char *path = text_make("%s/build/%s", getcwd(directory, sizeof directory) ? directory : "", name);
	if (access(path, X_OK) < 0)
		fail("%s: %m", path);
	return path;
}

static void file_write(const char *path, const char *text)
{
	FILE *file = fopen(path, "we");
	if (!file || fputs(text, file) < 0 || fclose(file) != 0)
		fail("can't write %s: %m", path);
}

static bool is_v2(void)
{
	return access("/sys/fs/cgroup/cgroup.controllers", F_OK) == 0;
}

static void lxc_configure(void)
{
	char text[1024];
	snprintf(text, sizeof text,
		 "lxc.rootfs.path = dir:" ROOT "\nlxc.mount.auto = proc:mixed sys:ro\nlxc.autodev = 1\n"
		 "lxc.net.0.type = none\nlxc.apparmor.profile = unconfined\nlxc.cgroup.dir = %s\n%s\n%s\n",
		 bench_parent, is_v2() ? "lxc.cgroup2.cpu.weight = 10000" : "lxc.cgroup.cpu.shares = 262144",
		 is_v2() ? "lxc.cgroup2.memory.max = 268435456" : "lxc.cgroup.memory.limit_in_bytes = 268435456");
	file_write(LXC_CONFIG, text);
}

/* As `runc spec` makes one, with berth's limits, and no network namespace. It has no seccomp filter. */
static void bundle_make(void)
{
	const char *text = text_make(
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
		"\"linux\":{\"cgroupsPath\":\"/%s/bundle\","
		"\"resources\":{\"memory\":{\"limit\":268435456},\"cpu\":{\"shares\":262144}},"
		"\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"ipc\"},{\"type\":\"uts\"},{\"type\":\"mount\"}],"
		"\"maskedPaths\":[\"/proc/acpi\",\"/proc/kcore\",\"/proc/keys\",\"/proc/timer_list\","
		"\"/sys/firmware\"],"
		"\"readonlyPaths\":[\"/proc/bus\",\"/proc/fs\",\"/proc/irq\",\"/proc/sys\",\"/proc/sysrq-trigger\"]}}",
		bench_parent);
	mkdir(BUNDLE, 0755);
	file_write(BUNDLE "/config.json", text);
}

/* What people type who have nothing but the tools of util-linux and libcgroup. */
static void by_hand_make(void)
{
	char text[1024];
	/* Of a list of controllers cgdelete removes the first's directory alone. */
	const char *second = is_v2() ? "" : text_make("cgdelete memory:/%s/hand\n", bench_parent);
	snprintf(text, sizeof text,
		 "set -e\ncgcreate -g cpu,memory:/%1$s/hand\ncgset -r %2$s -r %3$s /%1$s/hand\n"
		 "cgexec -g cpu,memory:/%1$s/hand " UNSHARE "\ncgdelete cpu:/%1$s/hand\n%4$s",
		 bench_parent, is_v2() ? "cpu.weight=10000" : "cpu.shares=262144",
		 is_v2() ? "memory.max=268435456" : "memory.limit_in_bytes=268435456", second);
	file_write(HAND, text);
}

const struct launcher *launchers(size_t *count)
{
	static struct launcher all[] = {
		{"berth run", {"", "run", "--root=" ROOT, "", "--cpus=256", "--mem=256M", "--", "/idle"}, 0, 0},
		{"berth run --no-init",
		 {"", "run", "--no-init", "--root=" ROOT, "", "--cpus=256", "--mem=256M", "--", "/idle"},
		 0,
		 0},
		{"lxc-execute",
		 {"/usr/bin/lxc-execute", "-P", LXC_PATH, "-f", LXC_CONFIG, "-n", "bench", "--", "/idle"},
		 0.25,
		 0},
		{"runc", {"runc", "run", "-b", BUNDLE, "bench"}, 0.08, 0.1},
		{"crun", {"crun", "run", "-b", BUNDLE, "bench"}, 0, 0.3},
		{"bwrap",
		 {"bwrap", "--bind", ROOT, "/", "--proc", "/proc", "--dev", "/dev", "--unshare-pid", "--unshare-ipc",
		  "--unshare-uts", "--", "/idle"},
		 0.7,
		 0},
		{"systemd-nspawn",
		 {"systemd-nspawn", "-q", "--register=no", "--keep-unit", "--console=pipe", "--resolv-conf=off",
		  "--timezone=off", "--link-journal=no", "-D", ROOT, "/idle"},
		 0,
		 0},
		{"unshare", {"sh", "-c", "exec " UNSHARE}, 0, 0},
		{"cgcreate, cgexec unshare, cgdelete", {"sh", HAND}, 0, 0},
	};
	if (!*all[0].argv[0]) {
		all[0].argv[0] = all[1].argv[0] = program_built("berth");
		all[0].argv[3] = all[1].argv[4] = text_make("--cgroup-parent=%s", bench_parent);
		lxc_configure();
		bundle_make();
		by_hand_make();
	}
	*count = sizeof all / sizeof *all;
	return all;
}

struct launcher launcher_waiting(const char *name)
{
	size_t count;
	const struct launcher *all = launchers(&count);
	for (size_t i = 0; i < count; i++)
		if (strcmp(all[i].name, name) == 0) {
			struct launcher waiting = all[i];
			size_t arguments = 0;
			for (; waiting.argv[arguments]; arguments++)
				if (strcmp(waiting.argv[arguments], "bench") == 0)
					waiting.argv[arguments] = "bench-waiting";
			waiting.argv[arguments] = "1";
			return waiting;
		}
	fail("there is no launcher '%s'", name);
}
