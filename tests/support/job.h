/* SPDX-License-Identifier: Apache-2.0 */
/* Programs that tests start, with their input and output on pipes. */
#ifndef TESTS_SUPPORT_JOB_H
#define TESTS_SUPPORT_JOB_H

#include <criterion/criterion.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Longer than anything here takes on a loaded machine; a test that waits as long has found a hang. */
enum { HANG_BOUND_MS = 60000 };

/* Milliseconds of CLOCK_MONOTONIC. */
int64_t now_ms(void);

/* A program that was started, and what it has written so far. */
struct job {
	pid_t pid;
	int pidfd;
	int in, out, err; /* our ends of its pipes; -1 when closed */
	char *out_text, *err_text;
	size_t out_length, err_length;
	int status; /* once finished: exit status, or 128 + signal */
	int signal; /* once finished: the one that ended it, 0 for none */
	bool finished;
};

/* Starts argv, looked up in PATH and ended by NULL. Standard input is a pipe (job->in). */
void job_start(struct job *job, const char *const *argv);
/* Reads its output until standard output (or error) holds `text`, within HANG_BOUND_MS; fails the test otherwise. */
void job_await_output(struct job *job, const char *text);
void job_await_error(struct job *job, const char *text);
/* Waits for its end and for that of its output; its status. */
int job_await_end(struct job *job);
/* Closes its standard input before. */
int job_finish(struct job *job);
/* Kills what still runs, frees. */
void job_release(struct job *job);

#define cleanup_job __attribute__((cleanup(job_release)))

/* Fails the test unless it ended with this status, showing what it wrote. */
#define expect_status(job, expected)                                                                                   \
	cr_assert_eq((job)->status, expected, "exit status %d instead of %d; stdout: %s; stderr: %s", (job)->status,   \
		     expected, (job)->out_text, (job)->err_text)

#endif
