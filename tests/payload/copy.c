/* SPDX-License-Identifier: Apache-2.0 */
/* What copies memory in berth's programs where they are linked with musl: all sizes and distances, on the host. */
#include "nsutil/musl/string.c"

#include <stdio.h>

enum { AREA = 2048, SIZE_MOST = 600, AWAY_MOST = 20, MARGIN = 64 };

static unsigned char area[AREA], expected[AREA];

static void fill(void)
{
	for (int i = 0; i < AREA; i++)
		area[i] = expected[i] = (unsigned char)(i * 7 + i / 251);
}

/* Byte by byte, over a copy of what was there. */
static void expect(int to, int from, int size)
{
	for (int i = 0; i < size; i++)
		expected[to + i] = area[from + i];
}

static int compare(const char *what, int to, int from, int size)
{
	for (int i = 0; i < AREA; i++)
		if (area[i] != expected[i]) {
			printf("%s of %d bytes from %d to %d: byte %d differs\n", what, size, from, to, i);
			return 1;
		}
	return 0;
}

int main(void)
{
	/* Not known to the compiler, which would copy by itself. */
	void *(*volatile copy)(void *, const void *, size_t) = memcpy;
	void *(*volatile move)(void *, const void *, size_t) = memmove;

	for (int size = 0; size <= SIZE_MOST; size++) {
		for (int from = MARGIN; from < MARGIN + 8; from++) {
			int to = MARGIN + SIZE_MOST + 100 + size % 8;
			fill();
			expect(to, from, size);
			if (copy(area + to, area + from, (size_t)size) != area + to ||
			    compare("memcpy", to, from, size))
				return 1;
		}
		for (int away = -AWAY_MOST; away <= AWAY_MOST; away++) {
			fill();
			expect(MARGIN + away, MARGIN, size);
			if (move(area + MARGIN + away, area + MARGIN, (size_t)size) != area + MARGIN + away ||
			    compare("memmove", MARGIN + away, MARGIN, size))
				return 1;
		}
	}
	return 0;
}
