/* SPDX-License-Identifier: Apache-2.0 */
/*
 * malloc(3) for berth's programs, which have one thread, mostly live for a few milliseconds, and ask for a hundred
 * objects of some kilobytes in all. musl's own has pages for each size of object and gives them back with the last
 * object in them: two system calls and a page fault for many of these, a tenth of what `berth run` takes.
 *
 * Here objects lie one behind the other, and one that was freed is used again for the next of its size: up to
 * SMALL_LIMIT in steps of GRAIN, then in powers of two. What is larger than LARGE_LIMIT has pages of its own. In front
 * of each object is a header with a check word: what is freed twice, or was written over by the object before, ends the
 * program.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum {
	GRAIN = 16, /* max_align_t's */
	SMALL_LIMIT = 1024,
	LARGE_LIMIT = 128 << 10,
	N_SMALL = SMALL_LIMIT / GRAIN,
	N_CLASSES = N_SMALL + 7, /* 2048, ..., LARGE_LIMIT */
	FIRST_BYTES = 64 << 10,
	MORE_BYTES = 1 << 20,
};

struct header {
	size_t room; /* bytes behind the header */
	uintptr_t check;
};

/* Behind the header of an object that is free. */
struct free_object {
	struct free_object *next;
};

static struct free_object *free_objects[N_CLASSES];
static _Alignas(GRAIN) char first_area[FIRST_BYTES];
static char *area = first_area, *area_end = first_area + FIRST_BYTES;

static struct header *header_of(void *object)
{
	return (struct header *)object - 1;
}

static uintptr_t check_of(const struct header *header, int used)
{
	return (uintptr_t)header ^ header->room ^ (used ? UINT64_C(0x6265727468757365) : UINT64_C(0x62657274686e6f74));
}

static struct header *header_checked(void *object)
{
	struct header *header = header_of(object);

	if (header->check != check_of(header, 1))
		abort();
	return header;
}

static void *header_make(struct header *header, size_t room)
{
	header->room = room;
	header->check = check_of(header, 1);
	return header + 1;
}

/* The class of objects of that size, at most LARGE_LIMIT, and how large they are. */
static size_t class_of(size_t size, size_t *room)
{
	if (size <= SMALL_LIMIT) {
		size_t class = size ? (size - 1) / GRAIN : 0;
		*room = (class + 1) * GRAIN;
		return class;
	}
	size_t power = 1;
	while ((size_t)SMALL_LIMIT << power < size)
		power++;
	*room = (size_t)SMALL_LIMIT << power;
	return N_SMALL + power - 1;
}

static void *large_new(size_t size)
{
	struct header *header = MAP_FAILED;

	if (size <= PTRDIFF_MAX - sizeof(*header))
		header = mmap(NULL, size + sizeof(*header), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (header != MAP_FAILED)
		return header_make(header, size);
	errno = ENOMEM;
	return NULL;
}

/* At the end of the area; what is left of an area that is too small for this one is given up. */
static void *small_new(size_t room)
{
	struct header *header = (struct header *)area;

	if ((size_t)(area_end - area) < sizeof(*header) + room) {
		char *more = mmap(NULL, MORE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (more == MAP_FAILED) {
			errno = ENOMEM;
			return NULL;
		}
		area = more;
		area_end = more + MORE_BYTES;
		header = (struct header *)area;
	}
	area += sizeof(*header) + room;
	return header_make(header, room);
}

/* Not malloc itself, which the compiler knows: it would make calloc of malloc and memset. */
static void *object_new(size_t size)
{
	size_t room;

	if (size > LARGE_LIMIT)
		return large_new(size);
	struct free_object **place = &free_objects[class_of(size, &room)];
	struct free_object *object = *place;
	if (!object)
		return small_new(room);
	struct header *header = header_of(object);
	if (header->room != room || header->check != check_of(header, 0))
		abort();
	*place = object->next;
	return header_make(header, room);
}

void *malloc(size_t size)
{
	return object_new(size);
}

void free(void *object)
{
	size_t room;

	if (!object)
		return;
	struct header *header = header_checked(object);
	if (header->room > LARGE_LIMIT) {
		munmap(header, header->room + sizeof(*header));
		return;
	}
	struct free_object **place = &free_objects[class_of(header->room, &room)];
	struct free_object *freed = object;
	header->check = check_of(header, 0);
	freed->next = *place;
	*place = freed;
}

void *calloc(size_t n, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(n, size, &bytes)) {
		errno = ENOMEM;
		return NULL;
	}
	void *object = object_new(bytes);
	/* Pages of its own are zeros. */
	return object && bytes <= LARGE_LIMIT ? memset(object, 0, bytes) : object;
}

void *realloc(void *object, size_t size)
{
	if (!object)
		return object_new(size);
	struct header *header = header_checked(object);
	if (header->room > LARGE_LIMIT && size > LARGE_LIMIT) {
		if (size <= PTRDIFF_MAX - sizeof(*header))
			header = mremap(header, header->room + sizeof(*header), size + sizeof(*header), MREMAP_MAYMOVE);
		else
			header = MAP_FAILED;
		if (header != MAP_FAILED)
			return header_make(header, size);
		errno = ENOMEM;
		return NULL;
	}
	if (size <= header->room && header->room <= LARGE_LIMIT)
		return object;
	void *moved = object_new(size);
	if (!moved)
		return NULL;
	memcpy(moved, object, size < header->room ? size : header->room);
	free(object);
	return moved;
}

/* What musl's posix_memalign(3) and memalign(3) are made of. Nobody needs more than malloc gives. */
void *aligned_alloc(size_t alignment, size_t size)
{
	if (alignment <= GRAIN)
		return object_new(size);
	errno = ENOMEM;
	return NULL;
}
