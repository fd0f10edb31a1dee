/* SPDX-License-Identifier: Apache-2.0 */
/* Rules on device nodes: as text, and in force, by v1's files and by v2's program. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"

TestSuite(devices_text, .timeout = 60);
TestSuite(devices, .init = fixture_init, .fini = fixture_fini, .timeout = 60);
TestSuite(devices_v2, .init = fixture_init_v2, .fini = fixture_fini, .timeout = 60);

Test(devices_text, there_and_back)
{
	static const char *const rules[] = {"a", "c 1:3 rwm", "b 8:* r", "c *:* m", "c *:7 rw", "b 4095:1048575 w"};
	for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
		struct cgroup_device_rule rule = {.allow = true};
		struct error error = {0};
		char text[CGROUP_DEVICE_TEXT];
		cr_expect_eq(cgroup_device_rule_parse(rules[i], &rule, &error), 0, "%s", error.text);
		cr_expect(rule.allow);
		cgroup_device_rule_format(&rule, text);
		cr_expect_str_eq(text, rules[i]);
	}
	struct cgroup_device_rule rule;
	cr_expect_eq(cgroup_device_rule_parse("c 1:3 mwr", &rule, NULL), 0);
	cr_expect_eq(rule.access, CGROUP_DEVICE_ALL);
	cr_expect_eq(cgroup_device_rule_parse("a *:* rwm", &rule, NULL), 0);
	cr_expect_eq(rule.type, 'a');
}

Test(devices_text, refused)
{
	static const char *const rules[] = {
		"",         "b",         "c",          "d 1:3 r",          "c 1:3",          "c 1:3 ",
		"c 1:3 x",  "c 1:3 rr",  "c 1 r",      "c :3 r",           "c 1: r",         "c -1:3 r",
		"c 1:3  r", "c 1:3 r ",  "c 4096:1 r", "c 1:1048576 r",    "c 99999999:1 r", "a 1:3 rwm",
		"a *:* r",  "a *:1 rwm", "ab *:* rwm", "c 1:3 r\nc 1:4 r", " c 1:3 r",       "c **:3 r",
		"c 1.:3 r", "aa",        "c\t1:3 r"};
	for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
		struct cgroup_device_rule rule = {0};
		struct error error = {0};
		cr_expect_eq(cgroup_device_rule_parse(rules[i], &rule, &error), -EINVAL, "'%s' was taken", rules[i]);
		cr_expect(strstr(error.text, "MAJOR:MINOR"), "%s", error.text);
	}
}

enum { MOST_RULES = 8, READ = CGROUP_DEVICE_READ, WRITE = CGROUP_DEVICE_WRITE, MKNOD = CGROUP_DEVICE_MKNOD };

/* Opens and makes a null (1:3), a zero (1:5) and a full (1:7) from inside; each answer is a letter, - for a refusal. */
static void answers_write(void)
{
	static const struct {
		const char *path;
		unsigned int minor;
	} nodes[] = {{"/dev/null", 3}, {"/dev/zero", 5}, {"/dev/full", 7}};
	char answers[16], path[64];
	size_t n = 0;
	for (size_t i = 0; i < 3; i++) {
		const int modes[] = {O_RDONLY, O_WRONLY, O_RDWR};
		for (size_t mode = 0; mode < 3; mode++) {
			int fd = open(nodes[i].path, modes[mode] | O_CLOEXEC);
			answers[n++] = fd >= 0 ? "rwb"[mode] : errno == EPERM ? '-' : '?';
			close(fd);
		}
		snprintf(path, sizeof path, "/tmp/%s.%u", fixture.name, nodes[i].minor);
		int made = mknod(path, S_IFCHR | 0600, makedev(1, nodes[i].minor));
		answers[n++] = made == 0 ? 'm' : errno == EPERM ? '-' : '?';
		unlink(path);
		answers[n++] = i < 2 ? ' ' : '\0';
	}
	snprintf(path, sizeof path, "/tmp/%s.answers", fixture.name);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	(void)!write(fd, answers, n);
	close(fd);
	_exit(0);
}

static void expect_answers(const char *parent, const char *name, const char *const *texts, const char *expected)
{
	fixture_require(CGROUP_BIT(CGROUP_DEVICES));
	struct cgroup_device_rule rules[MOST_RULES] = {0};
	size_t n = 0;
	for (; texts[n]; n++) {
		rules[n].allow = texts[n][0] == '+';
		cr_assert_eq(cgroup_device_rule_parse(texts[n] + 1, &rules[n], NULL), 0, "%s", texts[n]);
	}
	struct cgroup *cgroup;
	cr_assert_eq(cgroup_create(fixture.layout, parent, name, CGROUP_BIT(CGROUP_DEVICES), &cgroup, &fixture.error),
		     0, "%s", fixture.error.text);
	const struct cgroup_limits limits = {.devices = rules, .n_devices = n};
	cr_assert_eq(cgroup_apply(cgroup, &limits, &fixture.error), 0, "%s", fixture.error.text);
	int status = fixture_wait(fixture_fork(cgroup, answers_write));
	cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	char path[64], answers[64] = "";
	snprintf(path, sizeof path, "/tmp/%s.answers", fixture.name);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	cr_assert_geq(read(fd, answers, sizeof answers - 1), 0);
	close(fd);
	unlink(path);
	cr_expect_str_eq(answers, expected, "%s: '%s', not '%s'", name, answers, expected);
	cgroup_free(cgroup);
}
#define EXPECT(name, expected, ...)                                                                                    \
	expect_answers(fixture.parent, name, (const char *const[]){__VA_ARGS__, NULL}, expected)

static void expect_all(void)
{
	EXPECT("nothing", "---- ---- ----", "-a");
	EXPECT("null", "rwbm ---- ----", "-a", "+c 1:3 rwm");
	EXPECT("block", "---- ---- ----", "-a", "+b *:* rwm");
	EXPECT("any-minor", "r--- r--- r---", "-a", "+c 1:* r");
	EXPECT("any-major", "---- ---- ---m", "-a", "+c *:7 m");
	EXPECT("any", "-w-- -w-- -w--", "-a", "+c *:* w");
	EXPECT("two", "rwb- ---m ----", "-a", "+c 1:3 rw", "+c 1:5 m");
	EXPECT("taken-back", "-w-- rwbm ----", "-a", "+c 1:5 rwm", "+c 1:3 rwm", "-c 1:3 m", "-c 1:3 w", "+c 1:3 w",
	       "-c 1:3 rw", "+c 1:3 w");
}

/* The same sentence, on whichever version serves the controller. */
Test(devices, in_force)
{
	expect_all();
}
Test(devices_v2, in_force)
{
	expect_all();
}

/* Without a denial of all, what the directory above allows stays allowed, and is what a rule takes away from. */
static void expect_exceptions(void)
{
	EXPECT("all-but", "rwbm ---- rwbm", "-c 1:5 rwm");
	EXPECT("all-again", "rwbm rwbm rwbm", "-a", "-c 1:3 r", "+a");
}

Test(devices, exceptions)
{
	expect_exceptions();
}
Test(devices_v2, exceptions)
{
	expect_exceptions();
}

/* What the cgroup above denies can't be allowed again below. v1 says so; v2 asks both. */
Test(devices_v2, the_one_above_is_asked_too)
{
	fixture_require(CGROUP_BIT(CGROUP_DEVICES));
	const struct cgroup_device_rule deny = {.type = 'a', .access = CGROUP_DEVICE_ALL};
	struct cgroup *above = fixture_create("above", CGROUP_BIT(CGROUP_DEVICES));
	struct cgroup_limits limits = {.devices = &deny, .n_devices = 1};
	cr_assert_eq(cgroup_apply(above, &limits, &fixture.error), 0, "%s", fixture.error.text);
	char parent[96];
	snprintf(parent, sizeof parent, "%s/above", fixture.parent);
	expect_answers(parent, "below", (const char *const[]){"+a", NULL}, "---- ---- ----");
	cgroup_free(above);
}

Test(devices_v2, too_many_rules)
{
	fixture_require(CGROUP_BIT(CGROUP_DEVICES));
	static struct cgroup_device_rule rules[513];
	for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
		rules[i] = (struct cgroup_device_rule){true, 'c', 1, (uint32_t)i, CGROUP_DEVICE_READ};
	struct cgroup *cgroup = fixture_create("many", CGROUP_BIT(CGROUP_DEVICES));
	struct cgroup_limits limits = {.devices = rules, .n_devices = 513};
	cr_expect_eq(cgroup_apply(cgroup, &limits, &fixture.error), -E2BIG);
	limits.n_devices = 512;
	cr_expect_eq(cgroup_apply(cgroup, &limits, &fixture.error), 0, "%s", fixture.error.text);
	cgroup_free(cgroup);
}
