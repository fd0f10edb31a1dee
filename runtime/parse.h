/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parsers of what users type: sizes, CPU counts, durations, lists, signals. They are pure: no I/O, no locale, no
 * state. Each returns 0 and fills its results, or returns -EINVAL (not of the form) or -ERANGE (of the form, but too
 * large or too small), fills *error (which may be NULL) with a sentence that says what was given, what is wrong and
 * what is expected, and leaves its results alone. -ENOMEM is possible where memory is returned.
 */
#ifndef RUNTIME_PARSE_H
#define RUNTIME_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nsutil/base/error.h"
#include "runtime/berth.h"

/* The most CPUs a Linux kernel can be built for (NR_CPUS of x86-64): larger counts are typing errors. */
#define PARSE_CPUS_MAX 8192

/* A whole number in decimal digits, at most `maximum`. `what` names it in errors: "process limit". */
int parse_number(const char *text, const char *what, uint64_t maximum, uint64_t *number, struct error *error);

/*
 * Bytes: a decimal number, fractions allowed with a unit, then K, M, G or T (powers of 1024, either case, optionally
 * followed by B or iB) or nothing: "4096", "64M", "1.5GiB". 0 to INT64_MAX; a fraction of a byte is dropped.
 */
int parse_size(const char *text, uint64_t *bytes, struct error *error);

/* A number of CPUs, fractions allowed: above 0, at most PARSE_CPUS_MAX. */
int parse_cpus(const char *text, double *cpus, struct error *error);

/*
 * A span of time in nanoseconds: a decimal number, fractions allowed, then ms, s, m, h or d; without a unit,
 * seconds. At most INT64_MAX nanoseconds (292 years).
 */
int parse_duration(const char *text, uint64_t *nanoseconds, struct error *error);

/*
 * A list of CPUs in the kernel's own form (cpuset(7), "List format"): "0-3,7". Ranges go upwards, numbers lie below
 * PARSE_CPUS_MAX. *highest (which may be NULL) is the largest number in it.
 */
int parse_cpu_list(const char *text, unsigned int *highest, struct error *error);

/*
 * "NAME=SOFT[:HARD]": NAME as in getrlimit(2) without RLIMIT_ (or with it), either case; values are whole
 * numbers or "unlimited" (UINT64_MAX), and may carry a unit as in parse_size where the resource counts bytes. Without
 * HARD it is SOFT. SOFT may not exceed HARD.
 */
int parse_rlimit(const char *text, struct berth_rlimit *rlimit, struct error *error);

/* A signal: "TERM", "SIGTERM", "RTMIN", "RTMIN+3", "RTMAX-1", in either case, or a number from 1 to 64. */
int parse_signal(const char *text, int *signal, struct error *error);

/*
 * "SRC:DST[:ro|:rw]". A backslash takes the next character literally, so that paths may hold colons. DST
 * must be absolute; SRC may be relative to whatever the caller says. Both are malloc'ed: the caller frees them.
 */
int parse_volume(const char *text, char **source, char **target, bool *read_only, struct error *error);

/*
 * "PATH[:INSIDE][:ACCESS]", escaped as in parse_volume; INSIDE absolute, ACCESS letters of r, w and m. What is absent
 * is NULL; the caller frees all three. PATH may be relative to whatever the caller says.
 */
int parse_device(const char *text, char **path, char **inside, char **access, struct error *error);

/* "DST[:SIZE]", escaped as in parse_volume; DST absolute, malloc'ed; *bytes is 0 without SIZE. */
int parse_tmpfs(const char *text, char **target, uint64_t *bytes, struct error *error);

/*
 * "INSIDE:OUTSIDE:LENGTH", numbers below 2^32: so many ids of a user namespace from INSIDE on stand for those from
 * OUTSIDE on. LENGTH is 1 or more, and neither end passes 2^32 - 1.
 */
int parse_id_range(const char *text, struct berth_id_range *range, struct error *error);

#endif
