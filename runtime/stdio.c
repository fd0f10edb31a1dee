/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/stdio.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

/* The caller's own are not passed on where they close at exec. */
static bool is_directory(int fd, bool own)
{
	struct stat status;
	return fd >= 0 && fstat(fd, &status) == 0 && S_ISDIR(status.st_mode) &&
	       !(own && fcntl(fd, F_GETFD) & FD_CLOEXEC);
}

int stdio_check(const int *stdio, struct error *error)
{
	static const char *const names[] = {"input", "output", "error"};
	for (int i = 0; i < 3; i++)
		if (is_directory(stdio ? stdio[i] : i, !stdio))
			return error_set(error, EISDIR,
					 "standard %s is a directory, which would be a way out of the container: give "
					 "a file, a pipe or a terminal",
					 names[i]);
	return 0;
}
