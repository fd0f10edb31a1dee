/* SPDX-License-Identifier: Apache-2.0 */
/* eat MEGABYTES [hold]: takes that much memory, page by page, says so; with hold it keeps it until its input ends. */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "payload.h"

int main(int argc, char **argv)
{
	say_line_by_line();
	size_t size = (size_t)number(argc > 1 ? argv[1] : "") << 20;
	char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		return 98;
	printf("eating\n");
	/* Not zeroes, and not all the same: nothing may fold or drop the pages. */
	for (size_t i = 0; i < size; i += 4096)
		memcpy(memory + i, &i, sizeof i);
	printf("eaten\n");
	char byte;
	if (argc > 2 && strcmp(argv[2], "hold") == 0)
		while (read(0, &byte, 1) > 0)
			;
	return 0;
}
