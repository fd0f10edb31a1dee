/* SPDX-License-Identifier: Apache-2.0 */
/*
 * memcpy(3) and memmove(3), which one object file of musl's has together. Its memcpy is a string instruction, which
 * takes longer to begin than the small pieces take that texts are put together from: a sixth of `berth plan`.
 */
#include <stdint.h>
#include <string.h>

typedef uint64_t eight __attribute__((may_alias, aligned(1)));
typedef uint32_t four __attribute__((may_alias, aligned(1)));
typedef uint16_t two __attribute__((may_alias, aligned(1)));

/* From here on the string instruction is the faster one. */
enum { LONG_BYTES = 512 };

/* The compiler would make calls of memcpy and memmove of their own loops. */
#define AS_WRITTEN __attribute__((optimize("no-tree-loop-distribute-patterns")))

AS_WRITTEN void *memcpy(void *restrict to, const void *restrict from, size_t size)
{
	char *t = to;
	const char *f = from;

	/* Both ends, which overlap where the size is in between. */
	if (size >= LONG_BYTES) {
		__asm__ volatile("rep movsb" : "+D"(t), "+S"(f), "+c"(size)::"memory");
	} else if (size >= 8) {
		eight last = *(const eight *)(f + size - 8);
		for (size_t at = 0; at + 8 < size; at += 8)
			*(eight *)(t + at) = *(const eight *)(f + at);
		*(eight *)(t + size - 8) = last;
	} else if (size >= 4) {
		four first = *(const four *)f, last = *(const four *)(f + size - 4);
		*(four *)t = first;
		*(four *)(t + size - 4) = last;
	} else if (size >= 2) {
		two first = *(const two *)f, last = *(const two *)(f + size - 2);
		*(two *)t = first;
		*(two *)(t + size - 2) = last;
	} else if (size) {
		*t = *f;
	}
	return to;
}

AS_WRITTEN void *memmove(void *to, const void *from, size_t size)
{
	char *t = to;
	const char *f = from;

	/* From the front nothing is lost, unless the front of `to` lies within `from`. */
	if ((uintptr_t)t - (uintptr_t)f >= size) {
		for (; size >= 8; size -= 8, t += 8, f += 8)
			*(eight *)t = *(const eight *)f;
		for (; size; size--)
			*t++ = *f++;
	} else {
		for (; size >= 8; size -= 8)
			*(eight *)(t + size - 8) = *(const eight *)(f + size - 8);
		for (; size; size--)
			t[size - 1] = f[size - 1];
	}
	return to;
}
