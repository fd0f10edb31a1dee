/* SPDX-License-Identifier: Apache-2.0 */
/* What the programs that run inside test containers have in common: they print lines, and depend on nothing inside. */
#ifndef TESTS_PAYLOAD_H
#define TESTS_PAYLOAD_H

#include <stdio.h>
#include <stdlib.h>

/* Each line must be out before the program goes on: tests wait for it. */
static inline void say_line_by_line(void)
{
	setvbuf(stdout, NULL, _IOLBF, 4096);
}

static inline long number(const char *text)
{
	char *end;
	long value = strtol(text, &end, 10);
	if (!*text || *end) {
		fprintf(stderr, "payload: '%s' is no number\n", text);
		exit(99);
	}
	return value;
}

#endif
