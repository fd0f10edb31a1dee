/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/attack/attack.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

const char *attack_secret;

void attack_init(void)
{
	rt_init();
	rt_root();
	attack_secret = rt_write("secret", "the host's\n");
}

void attack_unguarded(struct berth_options *options)
{
	static const char *const all[] = {"ALL", NULL};
	options->cap_add = all;
	options->seccomp = "unconfined";
	options->flags |= BERTH_NEW_PRIVILEGES;
}

/* What is said on the descriptor until it is closed, in a static buffer. */
static const char *listen_to(int fd)
{
	static char texts[4][65536];
	static unsigned int next;
	char *text = texts[next++ % 4];
	size_t length = 0;
	for (;;) {
		rt_wait_readable(fd);
		ssize_t got = read(fd, text + length, 65535 - length);
		if (got <= 0)
			break;
		length += (size_t)got;
	}
	text[length] = '\0';
	close(fd);
	return text;
}

const char *attack_exec(struct berth_container *container, const char *const *argv, const char *workdir)
{
	int out[2];
	cr_assert_eq(pipe2(out, O_CLOEXEC), 0);
	const int stdio[] = {-1, out[1], out[1]};
	struct berth_exec_options options = BERTH_EXEC_OPTIONS_INIT;
	struct berth_process *process = NULL;
	options.argv = argv;
	options.stdio = stdio;
	options.workdir = workdir;
	int code = berth_container_exec(container, &options, &process, &rt.error);
	close(out[1]);
	if (code < 0) {
		close(out[0]);
		return NULL;
	}
	const char *text = listen_to(out[0]);
	int status;
	rt_wait_readable(berth_process_pidfd(process));
	rt_ok(berth_process_wait(process, rt_patience(), &status, &rt.error));
	berth_process_close(process);
	return text;
}

const char *attack_chrooted(const char *workdir, const char *const *argv)
{
	int out[2];
	cr_assert_eq(pipe2(out, O_CLOEXEC), 0);
	pid_t pid = fork();
	cr_assert_geq(pid, 0);
	if (pid == 0) {
		if (chroot(rt.root) == 0 && chdir(workdir) == 0 && dup2(out[1], 1) == 1)
			execv(argv[0], (char *const *)argv);
		dprintf(out[1], "naive=%s\n", strerror(errno));
		_exit(98);
	}
	close(out[1]);
	const char *text = listen_to(out[0]);
	waitpid(pid, NULL, 0);
	return text;
}

static bool change_root(enum attack_fault fault)
{
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return false;
	if (fault == ATTACK_OLD_ROOT_LEFT && mount(rt.root, rt.root, NULL, MS_BIND, NULL) < 0)
		return false;
	if (chdir(rt.root) < 0 || mount("proc", "proc", "proc", 0, NULL) < 0)
		return false;
	return (fault == ATTACK_CHROOT ? chroot(".") : syscall(SYS_pivot_root, ".", ".")) == 0 && chdir("/") == 0;
}

const char *attack_at_fault(enum attack_fault fault, const char *const *argv)
{
	int out[2];
	cr_assert(mkdir(rt_path("root/proc"), 0555) == 0 || errno == EEXIST);
	cr_assert_eq(pipe2(out, O_CLOEXEC), 0);
	pid_t pid = fork();
	cr_assert_geq(pid, 0);
	if (pid == 0) {
		if (change_root(fault) && dup2(out[1], 1) == 1)
			execv(argv[0], (char *const *)argv);
		dprintf(out[1], "fault=%s\n", strerror(errno));
		_exit(98);
	}
	close(out[1]);
	const char *text = listen_to(out[0]);
	waitpid(pid, NULL, 0);
	return text;
}

const char *attack_program(const char *name)
{
	char beside[64];
	snprintf(beside, sizeof beside, "../../%s", name);
	return rt_payload(beside);
}

struct swap {
	char one[256], other[256];
};

static int swap_forever(void *data)
{
	const struct swap *swap = data;
	for (;;)
		if (renameat2(AT_FDCWD, swap->one, AT_FDCWD, swap->other, RENAME_EXCHANGE) < 0)
			return 1;
}

pid_t attack_swap(const char *one, const char *other)
{
	struct swap swap;
	snprintf(swap.one, sizeof swap.one, "%s/%s", rt.root, one);
	snprintf(swap.other, sizeof swap.other, "%s/%s", rt.root, other);
	return rt_fork(swap_forever, &swap);
}

void attack_swap_end(pid_t pid)
{
	kill(pid, SIGKILL);
	int status = rt_wait_child(pid);
	cr_expect(WIFSIGNALED(status), "the exchange failed");
}

int attack_rounds(void)
{
	return getenv("BERTH_TEST_FULL_LENGTH") ? 1000 : 100;
}

const char *attack_try(struct berth_options options)
{
	static char text[65536];
	int out[2];
	size_t length = 0;
	struct berth_container *container = NULL;
	cr_assert_eq(pipe2(out, O_CLOEXEC), 0);
	options.stdio = (const int[]){-1, out[1], out[1]};
	int code = berth_launch(rt.berth, &options, &container, &rt.error);
	close(out[1]);
	for (ssize_t got; code == 0 && (got = read(out[0], text + length, sizeof text - 1 - length)) > 0;)
		length += (size_t)got;
	text[length] = '\0';
	close(out[0]);
	if (code < 0)
		return NULL;
	rt_end(rt_adopt(container));
	return text;
}
