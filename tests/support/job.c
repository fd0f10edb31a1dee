/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/job.h"

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

int64_t now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void pipe_make(int *child, int *ours, bool child_reads)
{
	int ends[2];
	cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
	*child = ends[child_reads ? 0 : 1];
	*ours = ends[child_reads ? 1 : 0];
}

void job_start(struct job *job, const char *const *argv)
{
	int child[3];
	*job = (struct job){.pidfd = -1, .out_text = strdup(""), .err_text = strdup("")};
	pipe_make(&child[0], &job->in, true);
	pipe_make(&child[1], &job->out, false);
	pipe_make(&child[2], &job->err, false);
	job->pid = fork();
	cr_assert_geq(job->pid, 0);
	if (job->pid == 0) {
		sigset_t none;
		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		for (int fd = 0; fd <= 2; fd++)
			dup2(child[fd], fd);
		execvp(argv[0], (char *const *)argv);
		fprintf(stderr, "exec %s: %s\n", argv[0], strerror(errno));
		_exit(99);
	}
	for (int fd = 0; fd <= 2; fd++)
		close(child[fd]);
	job->pidfd = pidfd_open(job->pid, 0);
	cr_assert_geq(job->pidfd, 0);
}

/* Takes what one pipe holds; closes it at its end. */
static void take(int *fd, char **text, size_t *length)
{
	char buffer[4096];
	ssize_t n = read(*fd, buffer, sizeof(buffer));
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

/* Waits for output, once; false when nothing came before `until`. */
static bool job_take(struct job *job, int64_t until)
{
	struct pollfd polls[2] = {{.fd = job->out, .events = POLLIN}, {.fd = job->err, .events = POLLIN}};
	int64_t left = until - now_ms();
	if (poll(polls, 2, left > 0 ? (int)left : 0) <= 0)
		return false;
	if (polls[0].revents)
		take(&job->out, &job->out_text, &job->out_length);
	if (polls[1].revents)
		take(&job->err, &job->err_text, &job->err_length);
	return true;
}

static void job_await(struct job *job, char *const *where, const char *text)
{
	int64_t until = now_ms() + HANG_BOUND_MS;
	while (!strstr(*where, text)) {
		bool over = job->out < 0 && job->err < 0;
		cr_assert(!over && job_take(job, until), "'%s' was not written; stdout: %s; stderr: %s", text,
			  job->out_text, job->err_text);
	}
}

void job_await_output(struct job *job, const char *text)
{
	job_await(job, &job->out_text, text);
}

void job_await_error(struct job *job, const char *text)
{
	job_await(job, &job->err_text, text);
}

int job_await_end(struct job *job)
{
	int64_t until = now_ms() + HANG_BOUND_MS;
	int status;
	if (job->finished)
		return job->status;
	while (job->out >= 0 || job->err >= 0)
		cr_assert(job_take(job, until), "its output does not end; stdout: %s; stderr: %s", job->out_text,
			  job->err_text);
	struct pollfd ended = {.fd = job->pidfd, .events = POLLIN};
	cr_assert_eq(poll(&ended, 1, HANG_BOUND_MS), 1, "it does not end");
	cr_assert_eq(waitpid(job->pid, &status, 0), job->pid);
	job->finished = true;
	job->signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
	job->status = job->signal ? 128 + job->signal : WEXITSTATUS(status);
	return job->status;
}

int job_finish(struct job *job)
{
	if (job->in >= 0)
		close(steal_fd(&job->in));
	return job_await_end(job);
}

void job_release(struct job *job)
{
	if (job->pid > 0 && !job->finished) {
		kill(job->pid, SIGKILL);
		waitpid(job->pid, NULL, 0);
	}
	const int descriptors[] = {job->in, job->out, job->err, job->pidfd};
	for (size_t i = 0; i < 4; i++)
		if (descriptors[i] > 2)
			close(descriptors[i]);
	free(job->out_text);
	free(job->err_text);
	*job = (struct job){.pidfd = -1, .in = -1, .out = -1, .err = -1};
}
