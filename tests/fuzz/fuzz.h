/* SPDX-License-Identifier: Apache-2.0 */
/* What the fuzz targets share. Each target is a libFuzzer program, with seeds in corpus/TARGET; see tests/README. */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

/* The input as a string, in memory of its own exact size, so that a step too far is seen. malloc'ed. */
static inline char *fuzz_text(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	if (!text)
		abort();
	memcpy(text, data, size);
	text[size] = '\0';
	return text;
}

/* A directory where each name is a link to one file; it is gone when the process is. Returns its descriptor. */
int fuzz_directory(const char *const *names, size_t count, int *content);

/* What must hold, whatever the input was. */
#define fuzz_require(condition)                                                                                        \
	do {                                                                                                           \
		if (!(condition)) {                                                                                    \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);                        \
			abort();                                                                                       \
		}                                                                                                      \
	} while (0)

#endif
