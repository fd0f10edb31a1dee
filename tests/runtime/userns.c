/* SPDX-License-Identifier: Apache-2.0 */
/* User namespaces set up by root: who root inside is outside, what it can and can't, whose its files are. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/context.h"
#include "tests/runtime/fixture.h"

enum { FIRST = 100000, RANGE = 65536 };

static const struct berth_id_range range = {0, FIRST, RANGE};

static void init(void)
{
	rt_init();
	static char subid[128];
	snprintf(subid, sizeof subid, "%s", rt_write("subid", "berth:200000:131072\n"));
	cr_assert_eq(context_use_ids(rt.berth, subid, subid, rt_path("ids")), 0);
}

TestSuite(userns, .init = init, .fini = rt_fini);

static struct berth_options mapped(struct berth_options options)
{
	options.uid_map = &range;
	options.n_uid_map = 1;
	return options;
}

static uid_t owner_of(const char *path)
{
	struct stat status;
	cr_assert_eq(lstat(path, &status), 0, "%s: %s", path, strerror(errno));
	return status.st_uid;
}

/* The first number behind "KEY:" in the process's status file. */
static long status_of(pid_t pid, const char *key)
{
	char path[64], line[64];
	snprintf(path, sizeof path, "/proc/%d/status", pid);
	snprintf(line, sizeof line, "\n%s:", key);
	const char *text = rt_read(path), *found = strstr(text, line);
	cr_assert_not_null(found, "%s has no %s", path, key);
	return strtol(found + strlen(line), NULL, 10);
}

/* A child of the process. */
static pid_t child_of(pid_t pid)
{
	char path[64];
	snprintf(path, sizeof path, "/proc/%d/task/%d/children", pid, pid);
	return (pid_t)strtol(rt_read(path), NULL, 10);
}

Test(userns, root_inside_is_nobody_outside)
{
	rt_require_idmapped();
	struct berth_options options = mapped(RT_OPTIONS("act", "say", "here", "hold"));
	struct rt_job *job = rt_job(&options);
	rt_job_expect(job, "here");
	pid_t pid = berth_container_pid(job->container);
	cr_expect_eq(status_of(pid, "Uid"), FIRST, "init is inside too");
	cr_expect_eq(status_of(child_of(pid), "Uid"), FIRST);
	cr_expect_eq(status_of(child_of(pid), "Gid"), FIRST);
	rt_expect_end(rt_job_end(job), BERTH_EXITED, 0);
	options = mapped(RT_OPTIONS("look"));
	const char *text = rt_output(&options);
	rt_expect_value(text, "uid", "0");
	rt_expect_value(text, "gid", "0");
	rt_expect_value(text, "groups", "");
	rt_expect_value(text, "CapEff", "00000000a80425fb");
	rt_expect_value(text, "NoNewPrivs", "1");
	rt_expect_value(text, "Seccomp", "2");
}

Test(userns, directories_are_shown_shifted)
{
	rt_require_idmapped();
	rt_root();
	rt_write("root/of-1000", "secret\n");
	cr_assert_eq(chown(rt_path("root/of-1000"), 1000, 1000), 0);
	char spec[120];
	snprintf(spec, sizeof spec, "overlay:%s", rt.root);
	for (size_t i = 0; i < 2; i++) {
		struct berth_options options = mapped(RT_OPTIONS(
			"act", "stat", "/", "stat", "/bin", "stat", "/of-1000", "write", "/made", "x", "stat", "/made",
			"write", "/etc/group", "changed", "stat", "/dev/null", "stat", "/dev", "stat", "/dev/shm"));
		options.root = i ? spec : rt.root;
		const char *text = rt_output(&options);
		rt_expect_line(text, "stat /=d0755 0:0");
		rt_expect_line(text, "stat /bin=d0755 0:0");
		rt_expect_line(text, "stat /of-1000=-0644 1000:1000");
		rt_expect_line(text, "write /made=ok");
		rt_expect_line(text, "stat /made=-0644 0:0");
		rt_expect_line(text, "write /etc/group=ok");
		rt_expect_line(text, "stat /dev/null=c0666 0:0 1,3");
		rt_expect_line(text, "stat /dev=d0755 0:0");
		rt_expect_line(text, "stat /dev/shm=d1777 0:0");
		if (i == 1)
			continue;
		cr_expect_eq(owner_of(rt_path("root/made")), 0u, "on disk it is root's");
		cr_expect_eq(owner_of(rt_path("root/proc")), 0u);
		cr_assert_eq(unlink(rt_path("root/made")), 0);
		rt_write("root/etc/group", "root:x:0:\n");
	}
	cr_expect_lt(access(rt_path("root/made"), F_OK), 0);
}

/* The host's own files are not: what only its root may read stays closed. */
Test(userns, host_stays_closed)
{
	static const char *const kinds[] = {"host", "host-rw"};
	cr_assert_eq(chmod(rt.base, 0755), 0);
	const char *closed = rt_write("closed", "secret\n"), *open_file = rt_write("open", "public\n");
	const char *made = rt_path("for-all/made");
	cr_assert_eq(mkdir(rt_path("for-all"), 0777), 0);
	cr_assert_eq(chmod(rt_path("for-all"), 01777), 0);
	cr_assert_eq(chmod(closed, 0600), 0);
	for (size_t i = 0; i < 2; i++) {
		struct berth_options options =
			mapped(RT_OPTIONS("act", "read", closed, "read", open_file, "stat", closed, "write", open_file,
					  "x", "write", "/etc/shadow", "x", "read", "/etc/shadow", "write", made, "x"));
		options.root = kinds[i];
		options.workdir = "/";
		const char *text = rt_output(&options);
		char line[200];
		rt_expect_line(text, "read /etc/shadow=EACCES");
		rt_expect_line(text, "write /etc/shadow=EACCES");
		snprintf(line, sizeof line, "read %s=EACCES", closed);
		rt_expect_line(text, line);
		snprintf(line, sizeof line, "read %s=public", open_file);
		rt_expect_line(text, line);
		snprintf(line, sizeof line, "write %s=EACCES", open_file);
		rt_expect_line(text, line);
		snprintf(line, sizeof line, "stat %s=-0600 65534:65534", closed);
		rt_expect_line(text, line);
		snprintf(line, sizeof line, "write %s=ok", made);
		rt_expect_line(text, line);
		cr_expect_eq(access(made, F_OK) == 0, i == 1, "what is written to %s", kinds[i]);
	}
	cr_expect_eq(owner_of(made), (uid_t)FIRST);
}

/* The caller's own directory may be one that root inside can't enter by itself. */
Test(userns, works_in_a_closed_directory)
{
	struct berth_options options = mapped(RT_OPTIONS("look"));
	options.root = "host";
	options.workdir = rt.state;
	char closed[120];
	snprintf(closed, sizeof closed, "%s/closed", rt.base);
	cr_assert_eq(mkdir(closed, 0700), 0);
	options.workdir = closed;
	rt_expect_value(rt_output(&options), "cwd", closed);
}

Test(userns, volumes_land_with_the_hosts_ids)
{
	rt_require_idmapped();
	rt_write("volume/file", "of the host\n");
	cr_assert_eq(chown(rt_path("volume"), 1000, 1001), 0);
	char source[120];
	strcpy(source, rt_path("volume"));
	struct berth_volume volumes[] = {{source, "/v", false}, {source, "/ro/deep", true}};
	struct berth_options options =
		mapped(RT_OPTIONS("act", "stat", "/v", "write", "/v/made", "x", "read", "/ro/deep/made", "write",
				  "/ro/deep/more", "x", "stat", "/ro/deep"));
	options.volumes = volumes;
	options.n_volumes = 2;
	options.user = "1000:1001";
	const char *text = rt_output(&options);
	rt_expect_line(text, "stat /v=d0755 1000:1001");
	rt_expect_line(text, "write /v/made=ok");
	rt_expect_line(text, "read /ro/deep/made=x");
	rt_expect_line(text, "write /ro/deep/more=EROFS");
	cr_expect_eq(owner_of(rt_path("volume/made")), 1000u);
	cr_expect_eq(owner_of(rt_path("root/v")), 0u, "the mount point on disk");
	/* And in a root that is the host's. */
	char target[120];
	snprintf(target, sizeof target, "%s/inside", rt.base);
	volumes[0].target = target;
	options.root = "host";
	options.n_volumes = 1;
	options.argv = (const char *const[]){rt_payload("act"), "stat", target, NULL};
	options.workdir = "/";
	char line[200];
	snprintf(line, sizeof line, "stat %s=d0755 1000:1001", target);
	rt_expect_line(rt_output(&options), line);
}

/* With every capability and no filter: the mounts are not its namespace's, and neither is the host. */
Test(userns, mounts_belong_to_the_host)
{
	rt_require_idmapped();
	struct berth_options options = mapped(RT_OPTIONS("attempt", "mount", "setns", "fork"));
	options.cap_add = (const char *const[]){"ALL", NULL};
	options.seccomp = "unconfined";
	const char *text = rt_output(&options);
	rt_expect_value(text, "mount", "EPERM");
	rt_expect_value(text, "fork", "0");
	options = mapped(RT_OPTIONS("act", "write", "/proc/sys/kernel/core_pattern", "x", "read", "/proc/1/environ"));
	options.cap_add = (const char *const[]){"ALL", NULL};
	options.seccomp = "unconfined";
	text = rt_output(&options);
	rt_expect_line(text, "write /proc/sys/kernel/core_pattern=EROFS");
	rt_expect_line(text, "read /proc/1/environ=EACCES");
}

/* Namespaces that the container is to have belong to its own user namespace. */
Test(userns, own_namespaces_are_its_own)
{
	rt_require_idmapped();
	struct berth_options options = mapped(RT_OPTIONS("look"));
	options.flags = BERTH_NET_NONE;
	options.hostname = "inside";
	const char *text = rt_output(&options);
	rt_expect_value(text, "hostname", "inside");
	rt_expect_value(text, "interface", "lo");
	cr_expect_eq(rt_count(text, "interface="), 1u);
	options = mapped(RT_OPTIONS("act", "list", "/sys/class/net"));
	options.flags = BERTH_NET_NONE;
	rt_expect_line(rt_output(&options), "list /sys/class/net=lo");
}

Test(userns, limits_and_terminal)
{
	rt_require_idmapped();
	struct rlimit now;
	cr_assert_eq(getrlimit(RLIMIT_NOFILE, &now), 0);
	struct berth_options options = mapped(RT_OPTIONS("look"));
	options.rlimits = &(const struct berth_rlimit){RLIMIT_NOFILE, 100, now.rlim_max};
	options.n_rlimits = 1;
	char line[64];
	snprintf(line, sizeof line, "100:%llu", (unsigned long long)now.rlim_max);
	char key[32];
	snprintf(key, sizeof key, "rlimit.%d", RLIMIT_NOFILE);
	rt_expect_value(rt_output(&options), key, line);
	options = mapped(RT_OPTIONS("act", "stat", "/dev/pts/0", "stat", "/dev/stderr"));
	options.flags = BERTH_TTY;
	options.user = "1000:1000";
	struct berth_container *container = rt_launch(&options);
	char text[4096] = "";
	size_t length = 0;
	for (ssize_t got = 1; got > 0 && length<sizeof text - 1; length += got> 0 ? (size_t)got : 0) {
		rt_wait_readable(berth_container_tty(container));
		got = read(berth_container_tty(container), text + length, sizeof text - 1 - length);
	}
	text[length] = '\0';
	cr_expect(strstr(text, "stat /dev/pts/0=c0620 1000:5"), "%s", text);
	rt_expect_end(rt_end(container), BERTH_EXITED, 0);
}

Test(userns, memory_limit_holds)
{
	rt_require_idmapped();
	rt_require_controller("memory");
	struct berth_options options = mapped(RT_OPTIONS("eat", "200"));
	options.resources.memory = 48 << 20;
	options.resources.swap = BERTH_NO_SWAP;
	struct berth_end end = rt_job_end(rt_job(&options));
	cr_expect_eq(end.reason, BERTH_OUT_OF_MEMORY, "%s", end.text);
}

Test(userns, another_user)
{
	rt_require_idmapped();
	struct berth_options options = mapped(RT_OPTIONS("look"));
	options.user = "1000:1001";
	const char *text = rt_output(&options);
	rt_expect_value(text, "uid", "1000");
	rt_expect_value(text, "gid", "1001");
	rt_expect_value(text, "CapEff", "0000000000000000");
	options.user = "65536";
	rt_launch_fails(&options, -EINVAL, 125);
	cr_expect(strstr(rt.error.text, "user 65536 is not among the ids of the container's user namespace, which are "
					"0-65535"),
		  "%s", rt.error.text);
}

/* ---- Options ---- */

Test(userns, bad_maps_are_refused)
{
	static const struct {
		struct berth_id_range uids[2];
		size_t n_uids, n_gids;
		const char *userns, *sentence;
	} bad[] = {
		{{{1, 100000, 10}}, 1, 0, NULL, "must map id 0"},
		{{{0, 100000, 0}}, 1, 0, NULL, "can't be"},
		{{{0, UINT32_MAX, 1}}, 1, 0, NULL, "can't be"},
		{{{0, 100000, 10}, {9, 200000, 10}}, 2, 0, NULL, "overlap"},
		{{{0, 100000, 10}, {10, 100009, 10}}, 2, 0, NULL, "overlap"},
		{{{0, 100000, 10}}, 1, 0, "auto", "exclude each other"},
		{{{0}}, 0, 1, NULL, "needs one of user ids"},
		{{{0}}, 0, 0, "", "none of host, auto"},
		{{{0}}, 0, 0, "auto:", "number of ids"},
		{{{0}}, 0, 0, "auto:0", "one at the least"},
		{{{0}}, 0, 0, "auto:x", "number of ids"},
		{{{0}}, 0, 0, "keep-id", "none of host, auto"},
	};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct berth_options options = RT_OPTIONS("act", "exit", "0");
		options.uid_map = bad[i].uids;
		options.n_uid_map = bad[i].n_uids;
		options.gid_map = &range;
		options.n_gid_map = bad[i].n_gids;
		options.userns = bad[i].userns;
		struct berth_container *container = NULL;
		cr_expect_lt(berth_launch(rt.berth, &options, &container, &rt.error), 0, "%zu", i);
		cr_expect(strstr(rt.error.text, bad[i].sentence), "%zu: %s", i, rt.error.text);
	}
	rt_expect_nothing_left();
}

/* A file system that can't shift ids is named, rather than shown with everything nobody's. */
Test(userns, file_systems_that_cannot_are_named)
{
	struct berth_volume volume = {"/proc", "/v", true};
	struct berth_options options = mapped(RT_OPTIONS("act", "exit", "0"));
	options.root = "host";
	options.volumes = &volume;
	options.n_volumes = 1;
	options.workdir = "/";
	char target[120];
	snprintf(target, sizeof target, "%s/v", rt.base);
	volume.target = target;
	rt_launch_fails(&options, -EINVAL, 125);
	cr_expect(strstr(rt.error.text, "its file system, proc"), "%s", rt.error.text);
}

/* ---- Joining ---- */

Test(userns, joined)
{
	rt_require_idmapped();
	struct berth_options options = mapped(RT_OPTIONS("act", "pause"));
	const int quiet[] = {-1, -1, 2};
	options.stdio = quiet;
	struct berth_container *container = rt_launch(&options);
	int out[2];
	cr_assert_eq(pipe2(out, O_CLOEXEC), 0);
	const int stdio[] = {-1, out[1], 2};
	for (size_t i = 0; i < 2; i++) {
		struct berth_exec_options joining = BERTH_EXEC_OPTIONS_INIT;
		joining.argv = (const char *const[]){"/bin/look", NULL};
		joining.stdio = stdio;
		joining.user = i ? "1000:1000" : NULL;
		struct berth_process *process;
		rt_ok(berth_container_exec(container, &joining, &process, &rt.error));
		rt_wait_readable(berth_process_pidfd(process));
		int status;
		rt_ok(berth_process_wait(process, rt_patience(), &status, &rt.error));
		berth_process_close(process);
		cr_expect_eq(status, 0);
		char text[65536];
		ssize_t length = read(out[0], text, sizeof text - 1);
		text[length > 0 ? length : 0] = '\0';
		rt_expect_value(text, "uid", i ? "1000" : "0");
		rt_expect_value(text, "CapEff", i ? "0000000000000000" : "00000000a80425fb");
		rt_expect_value(text, "NoNewPrivs", "1");
	}
	close(out[0]);
	close(out[1]);
	struct berth_exec_options joining = BERTH_EXEC_OPTIONS_INIT;
	joining.argv = (const char *const[]){"/bin/look", NULL};
	joining.user = "70000";
	struct berth_process *process;
	rt_expect_error(berth_container_exec(container, &joining, &process, &rt.error), EINVAL);
	/* By another who only knows its name, as who it is there. */
	struct berth *other = rt_open();
	struct berth_container *found;
	rt_ok(berth_container_find(other, berth_container_name(container), &found, &rt.error));
	joining.user = NULL;
	joining.stdio = quiet;
	joining.argv = (const char *const[]){"/bin/act", "pause", NULL};
	rt_ok(berth_container_exec(found, &joining, &process, &rt.error));
	char path[64];
	snprintf(path, sizeof path, "/proc/self/fdinfo/%d", berth_process_pidfd(process));
	const char *line = strstr(rt_read(path), "\nPid:");
	cr_assert_not_null(line);
	cr_expect_eq(status_of(child_of((pid_t)strtol(line + 5, NULL, 10)), "Uid"), FIRST);
	rt_kill(container);
	int status;
	rt_ok(berth_process_wait(process, rt_patience(), &status, &rt.error));
	berth_process_close(process);
	berth_container_close(found);
	berth_close(other);
}

/* Set-up changes credentials, which makes the kernel forget whose death to follow. */
static int launch_and_wait(void *data)
{
	const int *told = data;
	struct berth *berth = rt_open();
	struct berth_options options = mapped(RT_OPTIONS("act", "pause"));
	const int quiet[] = {-1, -1, 2};
	options.stdio = quiet;
	options.flags = BERTH_DIE_WITH_THREAD;
	struct berth_container *container;
	pid_t pid = berth_launch(berth, &options, &container, &rt.error) == 0 ? berth_container_pid(container) : -1;
	if (write(*told, &pid, sizeof pid) != sizeof pid)
		return 1;
	pause();
	return 0;
}

Test(userns, dies_with_its_launcher)
{
	rt_require_idmapped();
	rt_root();
	int ends[2];
	cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
	pid_t child = rt_fork(launch_and_wait, &ends[1]), pid = -1;
	close(ends[1]);
	rt_wait_readable(ends[0]);
	cr_assert_eq(read(ends[0], &pid, sizeof pid), (ssize_t)sizeof pid);
	close(ends[0]);
	cr_assert_gt(pid, 0);
	cr_assert_eq(kill(child, SIGKILL), 0);
	rt_wait_child(child);
	rt_wait_gone(pid);
	cr_expect_eq(berth_collect(rt.berth, rt.parent, false, &rt.error), 1);
}
