/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Costs nothing: without an argument it ends at once; `idle N` is N processes that wait to be killed, and writes one
 * byte when all of them are there.
 */
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	if (argc < 2)
		return 0;
	for (int left = atoi(argv[1]) - 1; left > 0; left--) {
		pid_t pid = fork();
		if (pid < 0)
			return 1;
		if (pid == 0)
			for (;;)
				pause();
	}
	if (write(1, "r", 1) != 1)
		return 1;
	for (;;)
		pause();
}
