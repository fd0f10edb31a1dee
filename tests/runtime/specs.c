/* SPDX-License-Identifier: Apache-2.0 */
/* From options to spec to plan to record, without root: what is checked, completed, compiled and written down. */
#include <criterion/criterion.h>
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/compile.h"
#include "runtime/controllers.h"
#include "runtime/record.h"
#include "runtime/spec.h"
#include "runtime/users.h"
#include "tests/runtime/fixture.h"

TestSuite(specs, .init = rt_init_unprivileged, .fini = rt_fini);

static struct error error;

static struct berth_options plain(void)
{
	static const char *const argv[] = {"/bin/true", NULL};
	struct berth_options options = BERTH_OPTIONS_INIT;
	options.argv = argv;
	return options;
}

static void expect_refused(const struct berth_options *options, int code, const char *text)
{
	struct spec spec;
	int got = spec_from_options(NULL, options, &spec, &error);
	cr_expect_eq(got, -code, "%d instead of %d: %s", got, -code, error.text);
	cr_expect(strstr(error.text, text), "'%s' is not in: %s", text, error.text);
	spec_free(&spec);
}

Test(specs, defaults)
{
	struct berth_options options = plain();
	struct spec spec;
	cr_assert_eq(spec_from_options(NULL, &options, &spec, &error), 0, "%s", error.text);
	cr_expect_eq(strncmp(spec.name, "berth-", 6), 0);
	cr_expect_str_eq(spec.root, "host");
	cr_expect_eq(spec.root_kind, ROOT_HOST);
	cr_expect(spec_root_is_host(&spec));
	cr_expect_str_eq(spec.cgroup_parent, "berth");
	char here[PATH_MAX];
	cr_expect_str_eq(spec.workdir, getcwd(here, sizeof here));
	cr_expect(spec.uid == 0 && spec.gid == 0 && spec.n_groups == 0 && !spec.hostname && !spec.user);
	cr_expect_eq(spec_namespaces(&spec),
		     (uint64_t)(CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWCGROUP));
	cr_expect(spec.tty_rows == 24 && spec.tty_columns == 80);
	spec_free(&spec);
	options.flags = BERTH_HOST_UTS | BERTH_HOST_IPC | BERTH_HOST_CGROUP | BERTH_NET_NONE;
	cr_assert_eq(spec_from_options(NULL, &options, &spec, &error), 0, "%s", error.text);
	cr_expect_eq(spec_namespaces(&spec), (uint64_t)(CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWNET));
	spec_free(&spec);
}

Test(specs, refused)
{
	struct berth_options options = plain();
	options.size = 0;
	expect_refused(&options, EINVAL, "_INIT");
	options = plain();
	options.flags = 1U << 31;
	expect_refused(&options, EINVAL, "0x80000000");
	options = plain();
	options.argv = NULL;
	expect_refused(&options, EINVAL, "command");
	options.argv = (const char *const[]){NULL};
	expect_refused(&options, EINVAL, "command");
	options.argv = (const char *const[]){"", NULL};
	expect_refused(&options, EINVAL, "command");
	options = plain();
	options.name = "";
	expect_refused(&options, EINVAL, "name");
	options = plain();
	options.hostname = "";
	expect_refused(&options, EINVAL, "host name");
	char long_name[66];
	memset(long_name, 'h', 65);
	long_name[65] = '\0';
	options.hostname = long_name;
	expect_refused(&options, EINVAL, "65");
	options.hostname = "x";
	options.flags = BERTH_HOST_UTS;
	expect_refused(&options, EINVAL, "UTS");
	options = plain();
	options.user = "nobody-there";
	expect_refused(&options, ENOENT, "nobody-there");
	static char deep[PATH_MAX + 2];
	memset(deep, '/', 1);
	memset(deep + 1, 'd', PATH_MAX);
	options = plain();
	options.workdir = deep;
	expect_refused(&options, ENAMETOOLONG, "working directory");
	options = plain();
	options.cgroup_files = (const char *const[]){"memory.swappiness", NULL};
	expect_refused(&options, EINVAL, "memory.swappiness");
	options.cgroup_files = (const char *const[]){"=5", NULL};
	expect_refused(&options, EINVAL, "=5");
	options = plain();
	options.cap_add = (const char *const[]){"CAP_NOTHING", NULL};
	expect_refused(&options, EINVAL, "CAP_NOTHING");
}

Test(specs, limits)
{
	static const struct {
		double cpus, cpu_limit;
		uint64_t shares, quota;
	} table[] = {
		{0, 0, 0, 0},
		{1, 0, 1024, 0},
		{0.5, 0, 512, 0},
		{0.001, 0, 10, 0},
		{1e-300, 0, 10, 0},
		{256, 0, 262144, 0},
		{0, 0.01, 0, 1000},
		{0, 2.5, 0, 250000},
		{0, 1e9, 0, CGROUP_UNLIMITED},
		{0, 2e9, 0, CGROUP_UNLIMITED},
	};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		struct berth_resources resources = BERTH_RESOURCES_INIT;
		struct cgroup_limits limits;
		resources.cpus = table[i].cpus;
		resources.cpu_limit = table[i].cpu_limit;
		cr_expect_eq(limits_from_resources(&resources, &limits, &error), 0, "%zu: %s", i, error.text);
		cr_expect_eq(limits.cpu_shares, table[i].shares, "%zu", i);
		cr_expect_eq(limits.cpu_quota_us, table[i].quota, "%zu", i);
	}
	static const double bad[][2] = {{-1, 0},    {256.5, 0}, {NAN, 0}, {INFINITY, 0}, {-INFINITY, 0},
					{0, 0.009}, {0, -1},    {0, NAN}, {0, -INFINITY}};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct berth_resources resources = BERTH_RESOURCES_INIT;
		struct cgroup_limits limits;
		resources.cpus = bad[i][0];
		resources.cpu_limit = bad[i][1];
		cr_expect_eq(limits_from_resources(&resources, &limits, &error), -EINVAL, "%zu", i);
	}
	/* The weight itself wins. */
	struct berth_resources resources = BERTH_RESOURCES_INIT;
	struct cgroup_limits limits;
	resources.cpus = 1;
	resources.cpu_shares = 2;
	cr_expect_eq(limits_from_resources(&resources, &limits, &error), 0);
	cr_expect_eq(limits.cpu_shares, 2u);
}

/* ---- Environment ---- */

static bool same_strings(char **got, const char *const *wanted)
{
	size_t i = 0;
	for (; got[i] && wanted[i]; i++)
		if (strcmp(got[i], wanted[i]) != 0)
			return false;
	return !got[i] && !wanted[i];
}

static void expect_merged(const char *const *base, const char *const *overrides, bool terminal,
			  const char *const *wanted)
{
	char **merged = environment_merge((char *const *)base, overrides, terminal);
	cr_assert(merged != NULL);
	cr_expect(same_strings(merged, wanted), "the first is %s", merged[0]);
	strings_free(merged);
}
#define LIST(...) ((const char *const[]){__VA_ARGS__, NULL})

Test(specs, environment)
{
	setenv("BERTH_TEST_OWN", "own", 1);
	setenv("BERTH_TEST_BLANK", "", 1);
	unsetenv("BERTH_TEST_UNSET");
	const char *path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
	expect_merged(NULL, NULL, false, LIST(path));
	expect_merged(NULL, NULL, true, LIST(path, "TERM=xterm"));
	expect_merged(LIST("PATH=/x", "TERM=y"), NULL, true, LIST("PATH=/x", "TERM=y"));
	expect_merged(LIST("A=1", "B=2", "PATH=/x"), LIST("B=3", "C=", "A=a=b"), false,
		      LIST("A=a=b", "B=3", "PATH=/x", "C="));
	expect_merged(LIST("PATH="), LIST("BERTH_TEST_OWN", "BERTH_TEST_BLANK", "BERTH_TEST_UNSET"), false,
		      LIST("PATH=", "BERTH_TEST_OWN=own", "BERTH_TEST_BLANK="));
	/* Names that begin alike are different names. */
	expect_merged(LIST("AB=1", "A=2", "PATH=/x"), LIST("A=3", "ABC=4"), false,
		      LIST("AB=1", "A=3", "PATH=/x", "ABC=4"));
	/* Twice: the last counts. */
	expect_merged(LIST("PATH=/x"), LIST("A=1", "A=2"), false, LIST("PATH=/x", "A=2"));
	char *const environment[] = {(char *)"AB=1", (char *)"A=2", NULL};
	cr_expect_str_eq(environment_get(environment, "A"), "2");
	cr_expect_null(environment_get(environment, "B"));
	cr_expect_null(environment_get(environment, ""));
}

/* ---- Users ---- */

Test(specs, users_of_a_root)
{
	rt_write("root/etc/passwd", "# no entry\n\nroot:x:0:0::/:/bin/sh\nalice:x:1234:100::/:/bin/sh\n"
				    "5:x:1235:101::/:/bin/sh\nbroken\n:x:1:1::/:\nlast:x:9:9::/:/x");
	rt_write("root/etc/group", "users:x:100:\nteam:x:500:bob,alice\nclub:x:501:alice\nother:x:502:alic,alicea\n");
	static const struct {
		const char *user;
		int code;
		uid_t uid;
		gid_t gid;
		size_t n_groups;
	} table[] = {
		{NULL, 0, 0, 0, 0},
		{"alice", 0, 1234, 100, 2},
		{"1234", 0, 1234, 100, 2},
		{"alice:500", 0, 1234, 500, 0},
		{"alice:team", 0, 1234, 500, 0},
		{"9999", 0, 9999, 9999, 0},
		{"last", 0, 9, 9, 0},
		{"5", 0, 5, 5, 0},
		{"bob", -ENOENT, 0, 0, 0},
		{"alice:nogroup", -ENOENT, 0, 0, 0},
		{"", -EINVAL, 0, 0, 0},
		{"broken", -ENOENT, 0, 0, 0},
	};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		uid_t uid;
		gid_t gid, *groups;
		size_t n_groups;
		int code = users_resolve(rt.root, table[i].user, &uid, &gid, &groups, &n_groups, &error);
		cr_expect_eq(code, table[i].code, "%s: %s", table[i].user, error.text);
		if (code == 0)
			cr_expect(uid == table[i].uid && gid == table[i].gid && n_groups == table[i].n_groups,
				  "%s: %u:%u, %zu groups", table[i].user, uid, gid, n_groups);
		free(groups);
	}
}

/* A link out of the root, and one through /proc, lead nowhere but into it. */
Test(specs, users_do_not_leave_the_root)
{
	static const char *const links[] = {"/etc/passwd", "../../../../../../../../etc/passwd",
					    "/proc/self/root/etc/passwd", "/proc/1/root/etc/passwd"};
	rt_write("root/etc/group", "");
	for (size_t i = 0; i < sizeof links / sizeof *links; i++) {
		uid_t uid;
		gid_t gid, *groups;
		size_t n_groups;
		cr_assert_eq(symlink(links[i], rt_path("root/etc/passwd")), 0);
		cr_expect_eq(users_resolve(rt.root, "daemon", &uid, &gid, &groups, &n_groups, &error), -ENOENT,
			     "%s: %s", links[i], error.text);
		free(groups);
		cr_assert_eq(unlink(rt_path("root/etc/passwd")), 0);
	}
	/* Nor can a file that is none, or has no end, make a launch wait. */
	const char *path = rt_path("root/etc/passwd");
	for (int i = 0; i < 3; i++) {
		uid_t uid;
		gid_t gid, *groups;
		size_t n_groups;
		if (i == 0)
			cr_assert_eq(mkfifo(path, 0644), 0);
		else if (i == 1)
			cr_assert_eq(mkdir(path, 0755), 0);
		else
			cr_assert(truncate(rt_write("root/etc/passwd", "daemon:x:1:1:::\n"), 1L << 40) == 0);
		cr_expect_eq(users_resolve(rt.root, "daemon", &uid, &gid, &groups, &n_groups, &error), -ENOENT,
			     "file %d", i);
		free(groups);
		cr_assert_eq(remove(path), 0);
	}
}

/* ---- Plans ---- */

/* What only protects comes with every root and option alike. */
static bool is_protection(const char *word)
{
	static const char *const words[] = {"mask",    "read-only", "keyring",     "no-new-privileges",
					    "seccomp", "bounding",  "capabilities"};
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (strcmp(word, words[i]) == 0)
			return true;
	return false;
}

static bool root_may_cover(const struct berth_options *options)
{
	struct spec spec;
	struct plan *plan = NULL;
	struct plan_view view;
	cr_assert_eq(spec_from_options(NULL, options, &spec, &error), 0, "%s", error.text);
	cr_assert_eq(compile_container(rt.berth, &spec, &plan, &error), 0, "%s", error.text);
	cr_assert_eq(plan_view(plan, &view, &error), 0);
	const struct plan_step *step = view.steps;
	while (step->op != PLAN_PIVOT)
		step++;
	bool may = step->flags & PLAN_COVER;
	plan_free(plan);
	spec_free(&spec);
	return may;
}

/* Root inside that rules the container's mounts could look below its root: then nothing is left there. */
Test(specs, the_root_covers_nothing_where_it_could_be_taken_away)
{
	static const char *const admin[] = {"SYS_ADMIN", NULL}, *const all[] = {"ALL", NULL};
	struct berth_options options = plain();
	options.root = rt.base;
	cr_assert_eq(context_require_layout(rt.berth, &error), 0, "%s", error.text);
	cr_expect(root_may_cover(&options));
	options.cap_add = admin;
	cr_expect_not(root_may_cover(&options));
	options.cap_add = all;
	cr_expect_not(root_may_cover(&options));
	/* For commands that are trusted. */
	options.flags = BERTH_BARE_ROOT;
	cr_expect(root_may_cover(&options));
}

/* The plan's words, one behind the other, those of /dev, of protections and of the machine's cgroups apart. */
static char *words_of(const struct berth_options *options)
{
	struct spec spec;
	struct plan *plan = NULL;
	static char words[4096];
	words[0] = '\0';
	cr_assert_eq(spec_from_options(NULL, options, &spec, &error), 0, "%s", error.text);
	cr_assert_eq(context_require_layout(rt.berth, &error), 0, "%s", error.text);
	cr_assert_eq(compile_container(rt.berth, &spec, &plan, &error), 0, "%s", error.text);
	bool enters = false;
	for (size_t i = 0; i < plan_count(plan); i++) {
		char phrase[512];
		plan_describe(plan, i, phrase, sizeof phrase);
		enters = enters || plan_op(plan, i) == PLAN_ENTER;
		if (strstr(phrase, "/dev") || is_protection(plan_word(plan, i)) || plan_op(plan, i) == PLAN_ENTER)
			continue;
		size_t length = strlen(words);
		snprintf(words + length, sizeof words - length, "%s%s", length ? " " : "", plan_word(plan, i));
	}
	cr_expect_eq(enters, controllers_later(rt.berth, &spec) != 0);
	plan_free(plan);
	spec_free(&spec);
	return words;
}

#define MOUNTS " mkdir mount mkdir mount pivot"
#define COMMAND " setsid chdir user environment exec"

Test(specs, plan_of_each_root)
{
	rt_write("root/x", "");
	char overlay[120], framework[120];
	snprintf(overlay, sizeof overlay, "overlay:%s", rt.root);
	snprintf(framework, sizeof framework, "framework:F:%s", rt.root);
	const struct {
		const char *root;
		const char *words;
	} table[] = {
		{rt.root, "setsid private bind root" MOUNTS " unshare fork" COMMAND},
		{overlay, "setsid private mount mkdir mkdir mkdir mount root" MOUNTS " unshare fork" COMMAND},
		{framework, "setsid private bind root" MOUNTS " unshare fork" COMMAND},
	};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		struct berth_options options = plain();
		options.root = table[i].root;
		cr_expect_str_eq(words_of(&options), table[i].words, "%s:\n%s\n%s", table[i].root, words_of(&options),
				 table[i].words);
	}
	struct berth_options options = plain();
	options.root = "host-rw";
	cr_expect(strstr(words_of(&options), "private bind unmount unmount"), "%s", words_of(&options));
	options.root = "host";
	cr_expect(strstr(words_of(&options), "private mount mkdir mkdir mkdir mount root"), "%s", words_of(&options));
}

Test(specs, plan_of_each_option)
{
	rt_write("root/x", "");
	struct berth_options options = plain();
	options.root = rt.root;
	options.flags = BERTH_NO_INIT;
	cr_expect_str_eq(words_of(&options), "private bind root" MOUNTS " unshare" COMMAND);
	options.flags = BERTH_DIE_WITH_THREAD;
	cr_expect_eq(strncmp(words_of(&options), "die-with-parent setsid private ", 31), 0);
	options.flags = BERTH_NET_NONE;
	cr_expect(strstr(words_of(&options), " pivot loopback unshare fork "));
	options.hostname = "h";
	cr_expect(strstr(words_of(&options), " pivot loopback unshare hostname fork "));
	options.flags = BERTH_TTY;
	cr_expect(strstr(words_of(&options), " setsid tty "));
	options.rlimits = &(const struct berth_rlimit){RLIMIT_CORE, 0, 0};
	options.n_rlimits = 1;
	cr_expect(strstr(words_of(&options), " setsid tty rlimit "));
	options = plain();
	options.root = rt.root;
	options.flags = BERTH_READ_ONLY;
	cr_expect(strstr(words_of(&options), " root mkdir mkdir attributes mkdir mount mkdir mount pivot "), "%s",
		  words_of(&options));
	options.flags = 0;
	options.tmpfs = &(const struct berth_tmpfs){"/t", 0};
	options.n_tmpfs = 1;
	options.volumes = (const struct berth_volume[]){{"/etc", "/v", true}, {"/etc/hostname", "/f", true}};
	options.n_volumes = 2;
	cr_expect(strstr(words_of(&options), " mkdir mount mkdir mount mkdir mount mkdir bind file bind "), "%s",
		  words_of(&options));
}

/* ---- Record ---- */

Test(specs, record_and_back)
{
	struct berth_options options = plain();
	options.name = "na\xffme";
	options.root = "framework:F\xfe:/";
	options.workdir = "/work\xfd";
	options.user = "4294967294";
	options.cgroup_parent = "/a/b";
	options.flags = BERTH_NET_NONE | BERTH_KEEP_RECORD;
	struct spec spec;
	cr_assert_eq(spec_from_options(NULL, &options, &spec, &error), 0, "%s", error.text);
	unsigned int controllers = CGROUP_BIT(CGROUP_MEMORY) | CGROUP_BIT(CGROUP_IO);
	struct record record;
	cr_assert_eq(record_pack(&spec, NULL, controllers, 1234567890123456789, &record), 0);
	cr_expect_str_eq(record.name, options.name);
	cr_expect_str_eq(record.framework, "F\xfe");
	cr_expect_str_eq(record.workdir, options.workdir);
	cr_expect_str_eq(record.user, options.user);
	cr_expect_str_eq(record.cgroup_parent, "a/b");
	cr_expect_str_eq(record.cgroup_name, "na%FFme");
	cr_expect_eq(record.controllers, controllers);
	cr_expect_eq(record.flags, options.flags);
	cr_expect_eq(record.namespaces, spec_namespaces(&spec));
	cr_expect_eq(record.started_ns, 1234567890123456789u);
	cr_expect_eq(record.capabilities, spec.capabilities);
	cr_expect_str_eq(record.argv[0], spec.argv[0]);
	cr_expect_str_eq(record.seccomp, "default");
	cr_expect_str_eq(record.root_directory, "/");
	/* Less than the whole of it, at whatever byte it ends, is none. */
	for (size_t size = 0; size <= record.packed_size; size++) {
		struct record part;
		void *bytes = malloc(size ? size : 1);
		memcpy(bytes, record.packed, size);
		int code = record_unpack(bytes, size, &part);
		cr_expect_eq(code, size == record.packed_size ? 0 : -EBADMSG, "%zu bytes", size);
		if (code == 0)
			record_free(&part);
	}
	record_free(&record);
	spec_free(&spec);
}
