/* SPDX-License-Identifier: Apache-2.0 */
#include "nsutil/base/footprint.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "nsutil/base/cleanup.h"

/* KiB of this process in memory, file pages alone: proc_pid_status(5). */
static long file_pages(void)
{
	char line[256];
	long kib = -1;
	cleanup_file FILE *status = fopen("/proc/self/status", "re");
	cr_assert(status != NULL);
	while (fgets(line, sizeof line, status))
		sscanf(line, "RssFile: %ld", &kib);
	cr_assert_geq(kib, 0, "no RssFile in /proc/self/status");
	return kib;
}

/* Constants, so that there is something to lose, and to find again. */
static const char constants[64 << 10] = {[0] = 'a', [(64 << 10) - 1] = 'z'};

static int constants_sum(void)
{
	int sum = 0;
	for (size_t i = 0; i < sizeof constants; i += 512)
		sum += ((const volatile char *)constants)[i];
	return sum + ((const volatile char *)constants)[sizeof constants - 1];
}

Test(footprint, poll)
{
	int ends[2];
	cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
	struct pollfd polls[] = {{.fd = ends[0], .events = POLLIN}};
	int sum = constants_sum();
	/* Whatever the test's own framework has used until now. */
	long before = file_pages();
	cr_expect_eq(footprint_poll(polls, 1, 1), 0);
	long after = file_pages();
	cr_expect_lt(after, before, "%ld KiB of files in memory before, %ld after", before, after);
	cr_expect_eq(constants_sum(), sum);
	cr_expect_eq(write(ends[1], "x", 1), 1);
	cr_expect_eq(footprint_poll(polls, 1, -1), 1);
	cr_expect_eq(polls[0].revents, POLLIN);
	errno = 0;
	cr_expect_eq(footprint_poll(NULL, 1, 0), -1);
	cr_expect_eq(errno, EFAULT);
}
