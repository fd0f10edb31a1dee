/* SPDX-License-Identifier: Apache-2.0 */
/* What a command finds around it: descriptors, signals, mounts, devices, names, network, resource limits. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "nsutil/base/file.h"
#include "runtime/context.h"
#include "runtime/spec.h"
#include "tests/runtime/fixture.h"

TestSuite(surroundings, .init = rt_init, .fini = rt_fini);

static const char *const kinds[] = {"host", "host-rw", NULL /* rt_root */, "overlay", "framework:F"};
enum { KINDS = sizeof kinds / sizeof *kinds };

/* Options for `look` in each root kind and PID 1 mode; i counts to 2 * KINDS. */
static struct berth_options look_at(size_t i)
{
	static char overlay[120];
	struct berth_options options = RT_OPTIONS("look");
	options.flags = i % 2 ? BERTH_NO_INIT : 0;
	const char *kind = kinds[i / 2];
	snprintf(overlay, sizeof overlay, "overlay:%s", rt_root());
	options.root = !kind ? rt_root() : strcmp(kind, "overlay") == 0 ? overlay : kind;
	return options;
}

Test(surroundings, no_descriptor_leaks)
{
	int opened[200];
	for (int i = 0; i < 200; i++) {
		/* Without close-on-exec: what a careless slave has. */
		opened[i] = open("/dev/null", O_RDWR);
		cr_assert_geq(opened[i], 0);
	}
	for (size_t i = 0; i < 2; i++) {
		struct berth_options options = look_at(2 * 2 + i);
		const char *text = rt_output(&options);
		cr_expect_eq(rt_count(text, "fd="), 3u, "%s", text);
		rt_expect_line(text, "fd=0");
		rt_expect_line(text, "fd=1");
		rt_expect_line(text, "fd=2");
	}
	for (int i = 0; i < 200; i++)
		close(opened[i]);
}

Test(surroundings, stdio_may_be_null)
{
	int out[2];
	cr_assert_eq(pipe2(out, O_CLOEXEC), 0);
	struct berth_options options = RT_OPTIONS("look");
	options.stdio = (const int[]){-1, out[1], -1};
	struct berth_container *container = rt_launch(&options);
	close(out[1]);
	static char text[65536];
	size_t length = 0;
	for (ssize_t got; (got = read(out[0], text + length, sizeof text - 1 - length)) > 0;)
		length += (size_t)got;
	close(out[0]);
	rt_expect_end(rt_end(container), BERTH_EXITED, 0);
	rt_expect_value(text, "fd0", "/dev/null");
	rt_expect_value(text, "fd2", "/dev/null");
	cr_expect_eq(rt_count(text, "fd="), 3u);
}

/* Descriptors given may lie on each other's numbers. */
Test(surroundings, stdio_may_be_crossed)
{
	int saved = fcntl(1, F_DUPFD_CLOEXEC, 20), null = open("/dev/null", O_RDWR | O_CLOEXEC), out[2];
	cr_assert_eq(pipe2(out, O_CLOEXEC), 0);
	fflush(stdout);
	cr_assert_eq(dup2(out[1], 0), 0);
	struct berth_options options = RT_OPTIONS("act", "say", "crossed");
	options.stdio = (const int[]){null, 0, 1};
	struct berth_container *container = rt_launch(&options);
	cr_assert_eq(dup2(null, 0), 0);
	close(out[1]);
	char text[64] = "";
	rt_wait_readable(out[0]);
	cr_expect_gt(read(out[0], text, sizeof text - 1), 0);
	cr_expect_str_eq(text, "crossed\n");
	rt_expect_end(rt_end(container), BERTH_EXITED, 0);
	close(out[0]);
	close(null);
	close(saved);
}

/* Without stdio the caller's are kept, but not a close-on-exec one: that may be the library's own, see the next. */
static void expect_stdio_kept(int flags, const int *stdio, const char *expected)
{
	int out[2], saved = fcntl(1, F_DUPFD_CLOEXEC, 20);
	cr_assert_eq(pipe2(out, O_CLOEXEC), 0);
	fflush(stdout);
	cr_assert_eq(dup3(out[1], 1, flags), 1);
	struct berth_options options = RT_OPTIONS("act", "say", "kept");
	options.stdio = stdio;
	struct berth_container *container = NULL;
	int code = berth_launch(rt.berth, &options, &container, &rt.error);
	cr_assert_eq(dup2(saved, 1), 1);
	close(saved);
	close(out[1]);
	cr_assert_eq(code, 0, "%s", rt.error.text);
	rt_adopt(container);
	char text[64] = "";
	rt_wait_readable(out[0]);
	cr_expect_geq(read(out[0], text, sizeof text - 1), 0);
	cr_expect_str_eq(text, expected);
	close(out[0]);
	rt_expect_end(rt_end(container), BERTH_EXITED, 0);
}

Test(surroundings, stdio_kept)
{
	expect_stdio_kept(0, NULL, "kept\n");
	expect_stdio_kept(O_CLOEXEC, NULL, "");
	expect_stdio_kept(O_CLOEXEC, (const int[]){0, 1, 2}, "kept\n");
}

/* A slave whose standard input is closed has the library's own descriptors there. */
Test(surroundings, the_librarys_own_descriptors_stay_out)
{
	int saved = fcntl(0, F_DUPFD_CLOEXEC, 20), out[2];
	struct berth *berth;
	cr_assert_eq(pipe2(out, O_CLOEXEC), 0);
	close(0);
	cr_assert_eq(berth_open(NULL, &berth, &rt.error), 0, "%s", rt.error.text);
	int flags = fcntl(0, F_GETFD);
	struct berth_options options = RT_OPTIONS("look");
	int standard = fcntl(1, F_DUPFD_CLOEXEC, 20);
	fflush(stdout);
	cr_assert_eq(dup2(out[1], 1), 1);
	struct berth_container *container = NULL;
	int code = berth_launch(berth, &options, &container, &rt.error);
	cr_assert_eq(dup2(standard, 1), 1);
	close(standard);
	close(out[1]);
	cr_assert_eq(code, 0, "%s", rt.error.text);
	cr_expect_geq(flags, 0, "the library opened nothing at 0: this shows nothing");
	static char text[65536];
	size_t length = 0;
	for (ssize_t got; (got = read(out[0], text + length, sizeof text - 1 - length)) > 0;)
		length += (size_t)got;
	close(out[0]);
	rt_expect_value(text, "fd0", "/dev/null");
	struct berth_end end = BERTH_END_INIT;
	cr_expect_eq(berth_container_wait(container, -1, &end, &rt.error), 0, "%s", rt.error.text);
	berth_container_close(container);
	berth_close(berth);
	if (saved >= 0) {
		dup2(saved, 0);
		close(saved);
	}
}

Test(surroundings, stdio_that_is_not_open)
{
	struct berth_options options = RT_OPTIONS("act", "exit", "0");
	options.stdio = (const int[]){0, 4000, 2};
	rt_launch_fails(&options, -EBADF, 125);
	rt_expect_nothing_left();
}

/* Raw: the C library keeps 32 and 33 to itself. */
static void ignore_and_block_all_signals(void)
{
	struct {
		void (*handler)(int);
		unsigned long flags;
		void (*restorer)(void);
		unsigned long mask;
	} ignore = {.handler = SIG_IGN};
	for (int signal = 1; signal <= 64; signal++)
		syscall(SYS_rt_sigaction, signal, &ignore, NULL, 8);
	unsigned long all = ~0UL;
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, NULL, 8);
}

static int launch_ignoring(void *data)
{
	ignore_and_block_all_signals();
	struct berth_options *options = data;
	struct berth_container *container;
	struct berth_end end = BERTH_END_INIT;
	struct berth *berth = rt_open();
	if (berth_launch(berth, options, &container, &rt.error) < 0 ||
	    berth_container_wait(container, rt_patience(), &end, &rt.error) < 0) {
		fprintf(stderr, "%s\n", rt.error.text);
		return 1;
	}
	berth_container_close(container);
	berth_close(berth);
	/* Its children are reaped for it, so it hears of ends from init alone. */
	return end.reason == (options->flags & BERTH_NO_INIT ? BERTH_LOST : BERTH_EXITED) ? 0 : 2;
}

/* Also a caller that ignores SIGCHLD, against the header's advice, must not make init miss the command's end. */
Test(surroundings, signals_start_at_their_defaults)
{
	for (size_t i = 0; i < 2; i++) {
		int out[2];
		cr_assert_eq(pipe2(out, O_CLOEXEC), 0);
		struct berth_options options = look_at(2 * 2 + i);
		options.stdio = (const int[]){-1, out[1], 2};
		pid_t child = rt_fork(launch_ignoring, &options);
		close(out[1]);
		static char text[65536];
		size_t length = 0;
		for (;;) {
			rt_wait_readable(out[0]);
			ssize_t got = read(out[0], text + length, sizeof text - 1 - length);
			if (got <= 0)
				break;
			length += (size_t)got;
		}
		text[length] = '\0';
		close(out[0]);
		cr_expect_eq(rt_wait_child(child), 0);
		rt_expect_value(text, "SigBlk", "0000000000000000");
		rt_expect_value(text, "SigIgn", "0000000000000000");
		rt_expect_value(text, "SigCgt", "0000000000000000");
	}
}

static void expect_mounts(const char *text, const char *kind)
{
	char line[4096];
	for (const char *next = text; *next; next += strcspn(next, "\n") + (next[strcspn(next, "\n")] == '\n')) {
		snprintf(line, sizeof line, "%.*s", (int)strcspn(next, "\n"), next);
		if (strncmp(line, "mount=", 6) != 0)
			continue;
		/* Nothing of the old root, of the stage, or of cgroupfs. */
		cr_expect(!strstr(line, ".stage"), "%s: %s", kind, line);
		cr_expect(!strstr(line, " cgroup"), "%s: %s", kind, line);
		cr_expect(!strstr(line, "put_old"), "%s: %s", kind, line);
		/* What lies over the kernel's files protects them: it is read-only, or the null device. */
		if (strncmp(line, "mount=/proc/", 12) == 0 || strncmp(line, "mount=/sys/", 11) == 0)
			cr_expect(strstr(line, " ro,") || strstr(line, " /null"), "%s: %s", kind, line);
	}
	cr_expect_eq(rt_count(text, "mount=/ "), 1u, "%s: %s", kind, text);
	cr_expect_eq(rt_count(text, "mount=/proc "), 1u, "%s: %s", kind, text);
	cr_expect_eq(rt_count(text, "mount=/dev "), 1u, "%s: %s", kind, text);
	cr_expect_eq(rt_count(text, "mount=/dev/pts "), 1u, "%s: %s", kind, text);
	cr_expect_eq(rt_count(text, "mount=/dev/shm "), 1u, "%s: %s", kind, text);
	cr_expect_eq(rt_count(text, "mount=/sys "), 1u, "%s: %s", kind, text);
	cr_expect_eq(rt_count(text, "mount=/sys sysfs ro,"), 1u, "%s: %s", kind, text);
	/* Below them there are only masks: read-only, or /dev/null over a file. */
	for (const char *next = text; (next = strstr(next, "\nmount=/")); next++) {
		const char *end = strchr(next + 1, '\n'), *read_only = strstr(next, " ro,");
		if (strncmp(next + 7, "/proc/", 6) == 0 || strncmp(next + 7, "/sys/", 5) == 0)
			cr_expect((read_only && read_only < end) || strncmp(end - 5, "/null", 5) == 0, "%s: %.*s", kind,
				  (int)(end - next), next);
	}
	cr_expect_eq(rt_count(text, "mount=/dev"), 3u, "%s: %s", kind, text);
}

Test(surroundings, each_root_in_both_modes)
{
	for (size_t i = 0; i < 2 * KINDS; i++) {
		struct berth_options options = look_at(i);
		const char *kind = options.root, *text = rt_output(&options);
		expect_mounts(text, kind);
		cr_expect_str_eq(rt_value(text, "pid"), i % 2 ? "1" : "2", "%s", kind);
		cr_expect_eq(rt_count(text, "fd="), 3u, "%s: %s", kind, text);
		rt_expect_value(text, "umask", "0022");
	}
	rt_ok(berth_root_remove(rt.berth, "F", &rt.error));
}

Test(surroundings, umask_is_the_callers)
{
	mode_t before = umask(0027);
	struct berth_options options = look_at(4);
	rt_expect_value(rt_output(&options), "umask", "0027");
	umask(before);
}

Test(surroundings, devices)
{
	static const char *const expected[] = {
		"stat /dev/null=c0666 0:0 1,3",
		"stat /dev/zero=c0666 0:0 1,5",
		"stat /dev/full=c0666 0:0 1,7",
		"stat /dev/random=c0666 0:0 1,8",
		"stat /dev/tty=c0666 0:0 5,0",
		"stat /dev/urandom=c0666 0:0 1,9",
		"stat /dev/ptmx=l0777 0:0",
		"stat /dev/fd=l0777 0:0",
		"stat /dev/stdin=l0777 0:0",
		"stat /dev/stdout=l0777 0:0",
		"stat /dev/stderr=l0777 0:0",
		"stat /dev/shm=d1777 0:0",
		"list /dev=fd full null ptmx pts random shm stderr stdin stdout tty urandom zero",
		"stat /dev/pts/ptmx=c0666 0:0 5,2",
		"write /dev/shm/x=ok",
		"write /dev/null=ok",
		"write /dev/full=ENOSPC",
		"list /dev/pts=ptmx",
		"exec /dev/shm/x=EACCES",
		"mkdir /sys/x=EPERM",
		"list /proc/1/fdinfo=3 4"};
	struct berth_options options = RT_OPTIONS(
		"act", "stat", "/dev/null", "stat", "/dev/zero", "stat", "/dev/full", "stat", "/dev/random", "stat",
		"/dev/urandom", "stat", "/dev/tty", "stat", "/dev/ptmx", "stat", "/dev/fd", "stat", "/dev/stdin",
		"stat", "/dev/stdout", "stat", "/dev/stderr", "stat", "/dev/shm", "list", "/dev");
	const char *text = rt_output(&options);
	for (size_t i = 0; i < 13; i++)
		rt_expect_line(text, expected[i]);
	options = RT_OPTIONS("act", "stat", "/dev/pts/ptmx", "write", "/dev/shm/x", "x", "write", "/dev/null", "x",
			     "write", "/dev/full", "x", "list", "/dev/pts", "exec", "/dev/shm/x", "read",
			     "/dev/urandom", "read", "/dev/zero");
	text = rt_output(&options);
	for (size_t i = 13; i < 19; i++)
		rt_expect_line(text, expected[i]);
	rt_expect_line(text, "read /dev/zero=");
}

Test(surroundings, root_cannot_be_left)
{
	for (size_t i = 0; i < 2; i++) {
		struct berth_options options = RT_OPTIONS("act", "chroot-out", "list", "/");
		options.flags = i ? BERTH_NO_INIT : 0;
		const char *text = rt_output(&options);
		rt_expect_line(text, "chroot-out =ok");
		rt_expect_line(text, "list /=bin chroot-out dev empty etc proc sys tmp");
		cr_assert_eq(rmdir(rt_path("root/chroot-out")), 0);
	}
}

Test(surroundings, host_name)
{
	char host[256], before[256];
	cr_assert_eq(gethostname(host, sizeof host), 0);
	strcpy(before, host);
	struct berth_options options = look_at(4);
	rt_expect_value(rt_output(&options), "hostname", host);
	options.hostname = "inside.example";
	rt_expect_value(rt_output(&options), "hostname", "inside.example");
	options.hostname = NULL;
	options.flags = BERTH_HOST_UTS;
	rt_expect_value(rt_output(&options), "hostname", host);
	cr_assert_eq(gethostname(host, sizeof host), 0);
	cr_expect_str_eq(host, before, "the host's name has changed");
}

Test(surroundings, network)
{
	struct berth_options options = look_at(4);
	options.flags = BERTH_NET_NONE;
	const char *text = rt_output(&options);
	rt_expect_line(text, "interface=lo");
	options = RT_OPTIONS("act", "read", "/sys/class/net/lo/flags", "list", "/sys/class/net");
	options.flags = BERTH_NET_NONE;
	text = rt_output(&options);
	/* IFF_LOOPBACK | IFF_UP */
	rt_expect_line(text, "read /sys/class/net/lo/flags=0x9");
	cr_expect(!strstr(text, "eth") && !strstr(text, "ens"), "%s", text);
}

Test(surroundings, ipc_namespace)
{
	int queue = msgget(IPC_PRIVATE, 0600);
	cr_assert_geq(queue, 0);
	char host[64] = "";
	cr_assert_gt(readlink("/proc/self/ns/ipc", host, sizeof host - 1), 0);
	struct berth_options options = RT_OPTIONS("act", "link", "/proc/self/ns/ipc");
	cr_expect(!strstr(rt_output(&options), host));
	options.flags = BERTH_HOST_IPC;
	cr_expect(strstr(rt_output(&options), host));
	char line[64];
	snprintf(line, sizeof line, " %d ", queue);
	options = RT_OPTIONS("act", "grep", "/proc/sysvipc/msg", line);
	rt_expect_line(rt_output(&options), "grep /proc/sysvipc/msg=no");
	options.flags = BERTH_HOST_IPC;
	rt_expect_line(rt_output(&options), "grep /proc/sysvipc/msg=yes");
	msgctl(queue, IPC_RMID, NULL);
}

/* Where the container's cgroups are is not for it to know. */
Test(surroundings, cgroup_namespace)
{
	rt_require_controller("memory");
	struct berth_options options = RT_OPTIONS("act", "grep", "/proc/self/cgroup", rt.parent, "grep",
						  "/proc/1/cgroup", rt.parent, "grep", "/proc/self/cgroup", ":/\n");
	const char *text = rt_output(&options);
	rt_expect_line(text, "grep /proc/self/cgroup=no");
	rt_expect_line(text, "grep /proc/1/cgroup=no");
	rt_expect_line(text, "grep /proc/self/cgroup=yes");
	options.flags = BERTH_HOST_CGROUP;
	rt_expect_line(rt_output(&options), "grep /proc/self/cgroup=yes");
	options = RT_OPTIONS("act", "grep", "/proc/self/cgroup", "/..");
	rt_expect_line(rt_output(&options), "grep /proc/self/cgroup=no");
}

Test(surroundings, oom_score)
{
	static const struct {
		int own, wanted;
		const char *expected;
	} table[] = {{0, 0, "0"}, {0, 300, "300"}, {300, 0, "300"}, {300, 1000, "1000"}, {300, 300, "300"}};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		char own[16], expected[64];
		snprintf(own, sizeof own, "%d", table[i].own);
		int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
		cr_assert_eq(write(fd, own, strlen(own)), (ssize_t)strlen(own));
		close(fd);
		struct berth_options options = RT_OPTIONS("act", "read", "/proc/self/oom_score_adj");
		options.oom_score_adj = table[i].wanted;
		snprintf(expected, sizeof expected, "read /proc/self/oom_score_adj=%s", table[i].expected);
		rt_expect_line(rt_output(&options), expected);
	}
	struct berth_options options = RT_OPTIONS("act");
	for (int i = 0; i < 2; i++) {
		options.oom_score_adj = i ? 1001 : -1001;
		rt_launch_fails(&options, -EINVAL, 125);
	}
}

static int score_of_child(void *data)
{
	(void)data;
	return file_write(AT_FDCWD, "/proc/self/oom_score_adj", "400") == 0 && context_oom_score(rt.berth) == 400 ? 0
														  : 1;
}

/* What a context keeps of the caller is not its child's. */
Test(surroundings, oom_score_of_a_forked_slave)
{
	struct berth_options options = RT_OPTIONS("act", "exit", "0");
	for (int i = 0; i < 3; i++)
		rt_end(rt_launch(&options));
	cr_assert_geq(rt.berth->oom_score_fd, 0);
	cr_expect_eq(rt_wait_child(rt_fork(score_of_child, NULL)), 0);
}

Test(surroundings, resource_limits)
{
	struct rlimit files;
	cr_assert_eq(getrlimit(RLIMIT_NOFILE, &files), 0);
	const struct berth_rlimit limits[] = {
		{RLIMIT_NOFILE, 17, 33},
		{RLIMIT_CORE, 0, 0},
		{RLIMIT_FSIZE, 1 << 20, UINT64_MAX},
	};
	for (size_t i = 0; i < 2; i++) {
		struct berth_options options = look_at(4 + i);
		options.rlimits = limits;
		options.n_rlimits = 3;
		const char *text = rt_output(&options);
		rt_expect_value(text, "rlimit.7", "17:33");
		rt_expect_value(text, "rlimit.4", "0:0");
		rt_expect_value(text, "rlimit.1", "1048576:18446744073709551615");
	}
	struct rlimit after;
	cr_assert_eq(getrlimit(RLIMIT_NOFILE, &after), 0);
	cr_expect_eq(files.rlim_cur, after.rlim_cur);
}

Test(surroundings, resource_limit_of_bad_form)
{
	struct berth_options options = RT_OPTIONS("act", "exit", "0");
	options.n_rlimits = 1;
	options.rlimits = &(const struct berth_rlimit){RLIM_NLIMITS, 1, 1};
	rt_launch_fails(&options, -EINVAL, 125);
	options.rlimits = &(const struct berth_rlimit){RLIMIT_NOFILE, 2, 1};
	rt_launch_fails(&options, -EINVAL, 125);
}

/* Only /proc over the root itself; and no terminal, which would need /dev. */
Test(surroundings, bare_root)
{
	struct berth_options options = look_at(4);
	options.flags |= BERTH_BARE_ROOT;
	const char *text = rt_output(&options);
	cr_expect_eq(rt_count(text, "mount="), 2u, "%s", text);
	cr_expect_eq(rt_count(text, "mount=/ "), 1u, "%s", text);
	cr_expect_eq(rt_count(text, "mount=/proc "), 1u, "%s", text);

	struct berth_error error = BERTH_ERROR_INIT;
	struct berth_container *container = NULL;
	options.flags |= BERTH_TTY;
	cr_expect_eq(berth_launch(rt.berth, &options, &container, &error), -EINVAL);
	cr_expect(strstr(error.text, "terminal"), "%s", error.text);
}
