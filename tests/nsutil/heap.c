/* SPDX-License-Identifier: Apache-2.0 */
/* nsutil/musl/malloc.c, as the payload heap finds it: that is linked with musl, as berth's programs are. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

static int heap(const char *arguments)
{
	char command[512];

	snprintf(command, sizeof(command), "ulimit -c 0; exec \"%s/tests/payload/heap\" %s",
		 getenv("BERTH_BUILD") ? getenv("BERTH_BUILD") : "build", arguments);
	/* The shell becomes the payload. */
	return system(command);
}

Test(heap, keeps_what_it_holds)
{
	char arguments[32];

	for (int seed = 1; seed <= 5; seed++) {
		snprintf(arguments, sizeof(arguments), "mix %d", seed);
		cr_expect_eq(heap(arguments), 0, "%s", arguments);
	}
}

Test(heap, refuses_what_cannot_be_given)
{
	cr_expect_eq(heap("refuse"), 0);
}

Test(heap, misuse_ends_the_program)
{
	static const char *const misuses[] = {"free-twice", "free-inside", "write-beyond", "write-freed"};

	for (size_t i = 0; i < sizeof(misuses) / sizeof(*misuses); i++) {
		int status = heap(misuses[i]);
		cr_expect(WIFSIGNALED(status), "%s: status %#x", misuses[i], status);
	}
}
