/* SPDX-License-Identifier: Apache-2.0 */
/* Run by the build: writes the default seccomp filter, struct sock_filter after struct sock_filter, to the file named.
 */
#include <err.h>
#include <stdio.h>

#include "runtime/seccomp_program.h"

int main(int argc, char **argv)
{
	struct error error;
	cleanup_bpf struct bpf_program program = {0};
	if (argc != 2)
		errx(2, "usage: generate FILE");
	if (bpf_program_default(0, &program, &error) < 0)
		errx(1, "%s", error.text);
	FILE *out = fopen(argv[1], "wb");
	if (!out || fwrite(program.filters, sizeof *program.filters, program.count, out) != program.count ||
	    fclose(out) != 0)
		err(1, "%s", argv[1]);
	return 0;
}
