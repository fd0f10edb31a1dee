/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes system calls that a container should not be let near, each in a process of its own, and says what each gave:
 * "unshare=EPERM", or "unshare=0" where it was let through. With names as arguments: those alone.
 */
#include <errno.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <linux/sched.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "payload.h"

enum { PERSONALITY_ASK = -1, NO_RANDOMIZE = 0x0040000, ABOVE_32_BITS = 1, HIGHEST_EVER = 1000 };

static char area[4096] __attribute__((aligned(64)));

static long try_unshare(void)
{
	return unshare(CLONE_NEWUSER);
}

static long try_clone_newuser(void)
{
	long pid = syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0);
	if (pid == 0)
		_exit(0);
	return pid < 0 ? pid : 0;
}

static long try_clone3(void)
{
	struct clone_args arguments = {.exit_signal = SIGCHLD};
	long pid = syscall(SYS_clone3, &arguments, sizeof arguments);
	if (pid == 0)
		_exit(0);
	return pid < 0 ? pid : 0;
}

static long try_setns(void)
{
	return syscall(SYS_setns, -1, 0);
}

static long try_mount(void)
{
	return syscall(SYS_mount, "none", "/tmp", "tmpfs", 0, NULL);
}

static long try_umount2(void)
{
	return syscall(SYS_umount2, "/proc", 2);
}

static long try_fsopen(void)
{
	return syscall(SYS_fsopen, "tmpfs", 0);
}

static long try_open_tree(void)
{
	return syscall(SYS_open_tree, -100, "/", 0);
}

static long try_keyctl(void)
{
	return syscall(SYS_keyctl, 0 /* KEYCTL_GET_KEYRING_ID */, -3 /* session */, 0) < 0 ? -1 : 0;
}

static long try_add_key(void)
{
	return syscall(SYS_add_key, "user", "berth-test", "x", 1, -2 /* process keyring */) < 0 ? -1 : 0;
}

/* One that the container's maker left in its own session keyring. */
static long try_secret_key(void)
{
	return syscall(SYS_request_key, "user", "berth-secret", NULL, 0) < 0 ? -1 : 0;
}

static long try_bpf(void)
{
	union bpf_attr map = {.map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 1};
	return syscall(SYS_bpf, BPF_MAP_CREATE, &map, sizeof map) < 0 ? -1 : 0;
}

static long try_perf_event_open(void)
{
	struct perf_event_attr clock = {
		.type = PERF_TYPE_SOFTWARE, .config = PERF_COUNT_SW_CPU_CLOCK, .size = sizeof clock};
	return syscall(SYS_perf_event_open, &clock, 0, -1, -1, 0) < 0 ? -1 : 0;
}

static long try_userfaultfd(void)
{
	return syscall(SYS_userfaultfd, 1 /* UFFD_USER_MODE_ONLY */) < 0 ? -1 : 0;
}

static long try_io_uring_setup(void)
{
	return syscall(SYS_io_uring_setup, 1, area) < 0 ? -1 : 0;
}

static long try_tiocsti(void)
{
	return ioctl(0, TIOCSTI, "x");
}

/* The kernel looks at the low half alone. */
static long try_tiocsti_wide(void)
{
	return syscall(SYS_ioctl, 0, (unsigned long)ABOVE_32_BITS << 32 | TIOCSTI, "x");
}

static long try_tiocgwinsz(void)
{
	return ioctl(0, TIOCGWINSZ, area);
}

static long try_personality(void)
{
	return syscall(SYS_personality, NO_RANDOMIZE);
}

static long try_personality_ask(void)
{
	return syscall(SYS_personality, PERSONALITY_ASK) < 0 ? -1 : 0;
}

static long try_vsock(void)
{
	return socket(AF_VSOCK, SOCK_STREAM, 0) < 0 ? -1 : 0;
}

static long try_unix(void)
{
	return socket(AF_UNIX, SOCK_STREAM, 0) < 0 ? -1 : 0;
}

static long try_newest(void)
{
	return syscall(HIGHEST_EVER);
}

static long try_fork(void)
{
	pid_t pid = fork();
	if (pid == 0)
		_exit(7);
	int status;
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 7 ? 0 : -1;
}

static void *thread(void *data)
{
	*(int *)data = 7;
	return NULL;
}

static long try_thread(void)
{
	pthread_t id;
	int value = 0;
	return pthread_create(&id, NULL, thread, &value) == 0 && pthread_join(id, NULL) == 0 && value == 7 ? 0 : -1;
}

static long try_ptrace(void)
{
	return ptrace(PTRACE_TRACEME, 0, NULL, NULL);
}

static const struct {
	const char *name;
	long (*attempt)(void);
} attempts[] = {
	{"unshare", try_unshare},
	{"clone-newuser", try_clone_newuser},
	{"clone3", try_clone3},
	{"setns", try_setns},
	{"mount", try_mount},
	{"umount2", try_umount2},
	{"fsopen", try_fsopen},
	{"open_tree", try_open_tree},
	{"keyctl", try_keyctl},
	{"add_key", try_add_key},
	{"secret-key", try_secret_key},
	{"bpf", try_bpf},
	{"perf_event_open", try_perf_event_open},
	{"userfaultfd", try_userfaultfd},
	{"io_uring_setup", try_io_uring_setup},
	{"tiocsti", try_tiocsti},
	{"tiocsti-wide", try_tiocsti_wide},
	{"tiocgwinsz", try_tiocgwinsz},
	{"personality", try_personality},
	{"personality-ask", try_personality_ask},
	{"vsock", try_vsock},
	{"unix", try_unix},
	{"newest", try_newest},
	{"fork", try_fork},
	{"thread", try_thread},
	{"ptrace", try_ptrace},
};

static const char *error_name(int error)
{
	static const struct {
		int error;
		const char *name;
	} names[] = {{EPERM, "EPERM"}, {ENOSYS, "ENOSYS"}, {ENOTTY, "ENOTTY"},
		     {EBADF, "EBADF"}, {EINVAL, "EINVAL"}, {ENOKEY, "ENOKEY"}};
	static char text[16];
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (names[i].error == error)
			return names[i].name;
	snprintf(text, sizeof text, "%d", error);
	return text;
}

static void attempt(size_t i)
{
	pid_t pid = fork();
	if (pid == 0) {
		errno = 0;
		_exit(attempts[i].attempt() < 0 ? errno : 0);
	}
	int status;
	if (waitpid(pid, &status, 0) != pid)
		exit(99);
	if (WIFSIGNALED(status))
		printf("%s=signal %d\n", attempts[i].name, WTERMSIG(status));
	else if (WIFEXITED(status))
		printf("%s=%s\n", attempts[i].name, WEXITSTATUS(status) ? error_name(WEXITSTATUS(status)) : "0");
}

int main(int argc, char **argv)
{
	say_line_by_line();
	for (size_t i = 0; i < sizeof attempts / sizeof *attempts; i++) {
		bool wanted = argc < 2;
		for (int k = 1; k < argc; k++)
			wanted |= strcmp(argv[k], attempts[i].name) == 0;
		if (wanted)
			attempt(i);
	}
	return 0;
}
