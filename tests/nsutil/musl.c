/* SPDX-License-Identifier: Apache-2.0 */
/* nsutil/musl, as payloads find it: they are linked with musl, as berth's programs are. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

/* Runs a payload on the host. Its wait status. */
static int payload(const char *name, const char *arguments)
{
	char command[512];

	snprintf(command, sizeof(command), "ulimit -c 0; exec \"%s/tests/payload/%s\" %s",
		 getenv("BERTH_BUILD") ? getenv("BERTH_BUILD") : "build", name, arguments);
	/* The shell becomes the payload. */
	return system(command);
}

Test(musl, heap_keeps_what_it_holds)
{
	char arguments[32];

	for (int seed = 1; seed <= 5; seed++) {
		snprintf(arguments, sizeof(arguments), "mix %d", seed);
		cr_expect_eq(payload("heap", arguments), 0, "%s", arguments);
	}
}

Test(musl, heap_refuses_what_cannot_be_given)
{
	cr_expect_eq(payload("heap", "refuse"), 0);
}

Test(musl, misuse_of_the_heap_ends_the_program)
{
	static const char *const misuses[] = {"free-twice", "free-inside", "write-beyond", "write-freed"};

	for (size_t i = 0; i < sizeof(misuses) / sizeof(*misuses); i++) {
		int status = payload("heap", misuses[i]);
		cr_expect(WIFSIGNALED(status), "%s: status %#x", misuses[i], status);
	}
}

Test(musl, copies_of_every_size)
{
	cr_expect_eq(payload("copy", ""), 0);
}
