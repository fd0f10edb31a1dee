/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What berth's programs have for a heap where they are linked with musl, tried on the host: "heap mix SEED" allocates,
 * grows and frees at random and looks whether anything of it was written over; "heap WHAT" does what must end the
 * program by SIGABRT.
 */
#include "nsutil/musl/malloc.c"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum { OBJECTS = 500, STEPS = 200000 };

static struct {
	unsigned char *bytes, value;
	size_t size;
} objects[OBJECTS];

static bool is_intact(int i)
{
	for (size_t at = 0; at < objects[i].size; at++)
		if (objects[i].bytes[at] != objects[i].value)
			return false;
	return (uintptr_t)objects[i].bytes % _Alignof(max_align_t) == 0;
}

/* Mostly small, a few beyond each limit. */
static size_t size_pick(unsigned int *seed)
{
	size_t most = (size_t)16 << rand_r(seed) % 7;
	if (rand_r(seed) % 200 == 0)
		most = (size_t)1 << (10 + rand_r(seed) % 9);
	return (size_t)rand_r(seed) % most;
}

static int mix(unsigned int seed)
{
	for (int step = 0; step < STEPS; step++) {
		int i = rand_r(&seed) % OBJECTS;
		size_t size = size_pick(&seed);
		if (!is_intact(i)) {
			printf("object %d of %zu bytes was written over in step %d\n", i, objects[i].size, step);
			return 1;
		}
		int action = rand_r(&seed) % 4;
		size_t kept = 0;
		if (action == 0) {
			free(objects[i].bytes);
			objects[i].bytes = NULL;
			size = 0;
		} else if (action == 1) {
			free(objects[i].bytes);
			objects[i].bytes = calloc(1, size);
			objects[i].value = 0;
			kept = size;
		} else {
			objects[i].bytes = realloc(objects[i].bytes, size);
			kept = size < objects[i].size ? size : objects[i].size;
		}
		objects[i].size = kept;
		if ((size && !objects[i].bytes) || !is_intact(i)) {
			printf("object %d has lost what it held in step %d\n", i, step);
			return 1;
		}
		objects[i].value = (unsigned char)step;
		objects[i].size = size;
		if (size)
			memset(objects[i].bytes, objects[i].value, size);
	}
	return 0;
}

/* What can't be given is refused, and leaves the object that was to grow as it was. */
static int refuse(void)
{
	/* More than the compiler lets one ask for, if it knew. */
	volatile size_t most = SIZE_MAX, largest = PTRDIFF_MAX;
	char *text = strdup("kept");
	bool refused = !malloc(most) && errno == ENOMEM && !calloc(most / 2, 3) && !realloc(text, most - GRAIN) &&
		       !malloc(largest) && !aligned_alloc(4096, 1);
	bool kept = text && strcmp(text, "kept") == 0;
	free(text);
	/* The next of its size is the one freed last. */
	bool reused = malloc(5) == text;
	return refused && kept && reused ? 0 : 1;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	char *volatile object = malloc(24), *volatile next = malloc(24);

	if (strcmp(what, "mix") == 0)
		return mix(argc > 2 ? (unsigned int)atoi(argv[2]) : 1);
	if (strcmp(what, "refuse") == 0)
		return refuse();
	if (strcmp(what, "free-twice") == 0) {
		free(object);
		free(object);
	} else if (strcmp(what, "free-inside") == 0) {
		char *volatile inside = object + GRAIN;
		free(inside);
	} else if (strcmp(what, "write-beyond") == 0) {
		memset(object, 'x', 24 + GRAIN);
		free(next);
	} else if (strcmp(what, "write-freed") == 0) {
		free(object);
		memset(object, 'x', 8);
		return malloc(24) && malloc(24);
	}
	return 2;
}
