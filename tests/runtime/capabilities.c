/* SPDX-License-Identifier: Apache-2.0 */
/* Which capabilities the words add and take away, also where the caller itself lacks some. */
#include "runtime/capabilities.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>

static const uint64_t time_bit = UINT64_C(1) << CAP_SYS_TIME, chown_bit = UINT64_C(1) << CAP_CHOWN;

static int resolve(const char *add, const char *drop, uint64_t *set, uint64_t *added, struct error *error)
{
	const char *const adds[] = {add, NULL}, *const drops[] = {drop, NULL};
	return capabilities_resolve(adds, drops, capabilities_bounding(), set, added, error);
}

Test(capabilities, words)
{
	uint64_t set, added;
	struct error error = {0};
	cr_expect_eq(resolve(NULL, NULL, &set, &added, &error), 0);
	cr_expect((set & chown_bit) && !(set & time_bit) && !added);
	cr_expect_eq(resolve("chown", "ALL", &set, &added, &error), 0);
	cr_expect_eq(set, chown_bit);
	cr_expect_eq(added, chown_bit);
	cr_expect_eq(resolve(NULL, "CAP_CHOWN", &set, &added, &error), 0);
	cr_expect(!(set & chown_bit));
	cr_expect_eq(resolve("CAP_NONE", NULL, &set, &added, &error), -EINVAL);
	cr_expect(strstr(error.text, "CAP_NONE"), "%s", error.text);
}

Test(capabilities, what_the_caller_lacks)
{
	uint64_t set, added;
	struct error error = {0};
	if (prctl(PR_CAPBSET_DROP, CAP_SYS_TIME) < 0)
		cr_skip_test("only root can take a capability away from itself");
	cr_expect_eq(resolve("ALL", NULL, &set, &added, &error), 0);
	cr_expect(!(set & time_bit) && (set & chown_bit) && (set & UINT64_C(1) << CAP_SYS_PTRACE), "%#llx",
		  (unsigned long long)set);
	cr_expect_eq(resolve("sys_time", NULL, &set, &added, &error), -EPERM);
	cr_expect(strstr(error.text, "sys_time"), "%s", error.text);
	cr_expect_eq(resolve(NULL, "sys_time", &set, &added, &error), 0, "what is not there can be taken away");
}
