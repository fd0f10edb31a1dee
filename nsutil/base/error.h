/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one way errors travel inside berth: a function returns 0 (or a count) on success and a
 * negative errno on failure, and fills the struct error given as its last argument with a sentence
 * that names the object and the cause. Callers add context with error_wrap on the way up.
 */
#ifndef NSUTIL_BASE_ERROR_H
#define NSUTIL_BASE_ERROR_H

/* Exit statuses that launchers agree on: what `berth run` ends with when it could not run the command. */
enum {
	ERROR_STATUS_FAILED = 125,         /* berth itself failed */
	ERROR_STATUS_NOT_EXECUTABLE = 126, /* the command is there but can't be executed */
	ERROR_STATUS_NOT_FOUND = 127,      /* the command isn't there */
};

struct error {
	int code;        /* positive errno */
	int exit_status; /* 125, 126 or 127 */
	char text[1024]; /* one sentence, NUL-terminated, plain: see text_make_plain */
};

/*
 * Each sets *error (which may be NULL) and returns -code, so that a failing function ends with
 * `return error_set(...)`. error_set uses the text as it is; error_errno appends ": " and
 * strerror(code). Both set exit_status to 125.
 */
int error_set(struct error *error, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));
int error_errno(struct error *error, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Puts "context: " before the text that is there and returns -error->code (-EINVAL if error is NULL). */
int error_wrap(struct error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Puts ` text` behind the sentence that is there: what the user can do about it. */
void error_hint(struct error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
