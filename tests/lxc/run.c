/* SPDX-License-Identifier: Apache-2.0 */
/* Programs with their input and output on pipes. */
#include <criterion/hooks.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "nsutil/base/cleanup.h"
#include "tests/lxc/fixture.h"
#include "tests/runtime/debris.h"

void lx_run_keep(struct lx_run *run);

static int64_t now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

struct lx_run *lx_start(const char *const *argv)
{
	struct lx_run *run = calloc(1, sizeof *run);
	int in[2], out[2], err[2];

	cr_assert(run && pipe2(in, O_CLOEXEC) == 0 && pipe2(out, O_CLOEXEC) == 0 && pipe2(err, O_CLOEXEC) == 0);
	run->pid = fork();
	cr_assert_geq(run->pid, 0);
	if (run->pid == 0) {
		sigset_t none;
		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		dup2(in[0], 0);
		dup2(out[1], 1);
		dup2(err[1], 2);
		execvp(argv[0], (char *const *)argv);
		fprintf(stderr, "exec %s: %s\n", argv[0], strerror(errno));
		_exit(99);
	}
	close(in[0]);
	close(out[1]);
	close(err[1]);
	run->in = in[1];
	run->out = out[0];
	run->err = err[0];
	run->said = strdup("");
	run->complained = strdup("");
	run->pidfd = pidfd_open(run->pid, 0);
	cr_assert_geq(run->pidfd, 0);
	lx_run_keep(run);
	return run;
}

static void take(int *fd, char **text, size_t *length)
{
	char buffer[4096];
	ssize_t n = read(*fd, buffer, sizeof buffer);

	if (n <= 0) {
		close(steal_fd(fd));
		return;
	}
	*text = realloc(*text, *length + (size_t)n + 1);
	cr_assert(*text != NULL);
	memcpy(*text + *length, buffer, (size_t)n);
	*length += (size_t)n;
	(*text)[*length] = '\0';
}

static bool run_take(struct lx_run *run, int64_t until)
{
	struct pollfd polls[2] = {{.fd = run->out, .events = POLLIN}, {.fd = run->err, .events = POLLIN}};
	int64_t left = until - now_ms();

	if (poll(polls, 2, left > 0 ? (int)left : 0) <= 0)
		return false;
	if (polls[0].revents)
		take(&run->out, &run->said, &run->n_said);
	if (polls[1].revents)
		take(&run->err, &run->complained, &run->n_complained);
	return true;
}

static void await(struct lx_run *run, char *const *where, const char *text)
{
	int64_t until = now_ms() + lx_patience();

	while (!strstr(*where, text)) {
		bool over = run->out < 0 && run->err < 0;
		cr_assert(!over && run_take(run, until), "'%s' was not written; it said: %s; it complained: %s", text,
			  run->said, run->complained);
	}
}

void lx_await(struct lx_run *run, const char *text)
{
	await(run, &run->said, text);
}

void lx_await_complaint(struct lx_run *run, const char *text)
{
	await(run, &run->complained, text);
}

int lx_await_end(struct lx_run *run)
{
	int64_t until = now_ms() + lx_patience();
	int status;

	if (run->finished)
		return run->status;
	while (run->out >= 0 || run->err >= 0)
		cr_assert(run_take(run, until), "its output does not end; it said: %s; it complained: %s", run->said,
			  run->complained);
	struct pollfd ended = {.fd = run->pidfd, .events = POLLIN};
	cr_assert_eq(poll(&ended, 1, lx_patience()), 1, "it does not end");
	cr_assert_eq(waitpid(run->pid, &status, 0), run->pid);
	run->finished = true;
	run->status = WIFSIGNALED(status) ? 1000 + WTERMSIG(status) : WEXITSTATUS(status);
	return run->status;
}

int lx_finish(struct lx_run *run)
{
	if (run->in >= 0)
		close(steal_fd(&run->in));
	return lx_await_end(run);
}

struct lx_run *lx_whole(const char *const *argv)
{
	struct lx_run *run = lx_start(argv);
	lx_finish(run);
	return run;
}

struct lx_run *lx_shell(const char *text)
{
	return LX("sh", "-c", text);
}

/* Tests that crashed or were killed had no chance to. */
ReportHook(POST_ALL)(struct criterion_global_stats *stats)
{
	(void)stats;
	debris_remove_of_the_dead();
}
