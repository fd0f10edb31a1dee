/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names that only glibc has, and that libraries compiled with its headers call: libcap, libseccomp and jansson, which
 * berth's programs take as they are also when they are linked with musl. The file `agreed` beside this one has all the
 * names that such libraries may use, and why; scripts/program-libc holds them to it.
 *
 * The _chk functions are what a fortified call compiles to: `room` is the size of the object written to, SIZE_MAX where
 * the compiler knew none. They do as the plain function, and abort before more than that is written. What `level` asks
 * for beyond that (%n in formats) is not looked for: these libraries' formats are constants.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int __asprintf_chk(char **text, int level, const char *format, ...) __attribute__((format(printf, 3, 4)));
int __fprintf_chk(FILE *stream, int level, const char *format, ...) __attribute__((format(printf, 3, 4)));
int __snprintf_chk(char *text, size_t size, int level, size_t room, const char *format, ...)
	__attribute__((format(printf, 5, 6)));
int __sprintf_chk(char *text, int level, size_t room, const char *format, ...) __attribute__((format(printf, 4, 5)));
int __vsnprintf_chk(char *text, size_t size, int level, size_t room, const char *format, va_list arguments)
	__attribute__((format(printf, 5, 0)));
char *__strncpy_chk(char *to, const char *from, size_t size, size_t room);

/* Names of before off_t had 64 bits everywhere; what they are given has the same layout on x86_64. musl has dropped
 * them. */
#undef open64
#undef fopen64
#undef fstat64
int open64(const char *path, int flags, ...);
FILE *fopen64(const char *path, const char *mode);
int fstat64(int fd, struct stat *status);

int __vsnprintf_chk(char *text, size_t size, int level, size_t room, const char *format, va_list arguments)
{
	(void)level;
	if (room < size)
		abort();
	return vsnprintf(text, size, format, arguments);
}

int __snprintf_chk(char *text, size_t size, int level, size_t room, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	int length = __vsnprintf_chk(text, size, level, room, format, arguments);
	va_end(arguments);
	return length;
}

int __sprintf_chk(char *text, int level, size_t room, const char *format, ...)
{
	va_list arguments;
	(void)level;
	va_start(arguments, format);
	/* vsnprintf(3) takes no more than INT_MAX. */
	int length = vsnprintf(text, room < INT_MAX ? room : INT_MAX, format, arguments);
	va_end(arguments);
	if (length >= 0 && (size_t)length >= room)
		abort();
	return length;
}

int __fprintf_chk(FILE *stream, int level, const char *format, ...)
{
	va_list arguments;
	(void)level;
	va_start(arguments, format);
	int length = vfprintf(stream, format, arguments);
	va_end(arguments);
	return length;
}

int __asprintf_chk(char **text, int level, const char *format, ...)
{
	va_list arguments;
	(void)level;
	va_start(arguments, format);
	int length = vasprintf(text, format, arguments);
	va_end(arguments);
	return length;
}

char *__strncpy_chk(char *to, const char *from, size_t size, size_t room)
{
	if (room < size)
		abort();
	return strncpy(to, from, size);
}

int open64(const char *path, int flags, ...)
{
	va_list arguments;
	mode_t mode = 0;
	va_start(arguments, flags);
	if (flags & (O_CREAT | O_TMPFILE))
		mode = va_arg(arguments, mode_t);
	va_end(arguments);
	return open(path, flags, mode);
}

FILE *fopen64(const char *path, const char *mode)
{
	return fopen(path, mode);
}

int fstat64(int fd, struct stat *status)
{
	return fstat(fd, status);
}
