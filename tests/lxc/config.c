/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration's text: what is understood, what is refused and how that is told. */
#include "runtime/lxc/config.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/lxc/apply.h"
#include "runtime/lxc/names.h"
#include "runtime/lxc/values.h"
#include "runtime/lxc/workdir.h"

static struct lxc_config parsed(const char *text)
{
	struct lxc_config config = LXC_CONFIG_INIT;
	struct berth_error error = BERTH_ERROR_INIT;
	cr_assert_eq(lxc_config_parse(&config, "t.conf", text, &error), 0, "%s", error.text);
	return config;
}

Test(config, blank_lines_and_comments_say_nothing)
{
	struct lxc_config config = parsed("\n   \n# lxc.foo = 1\n\t# x\n\r\n");
	cr_expect_null(config.root);
	cr_expect_null(config.cgroup_files);
	cr_expect_eq(config.n_mounts, 0);
	lxc_config_free(&config);
}

Test(config, blanks_quotes_and_a_missing_last_newline)
{
	struct lxc_config config =
		parsed("  lxc.uts.name\t=   a b \t\r\nlxc.init.cwd='/x y '\nberth.framework = \"F = 1\"");
	cr_expect_str_eq(config.hostname, "a b");
	cr_expect_str_eq(config.workdir, "/x y ");
	cr_expect_str_eq(config.framework, "F = 1");
	lxc_config_free(&config);
}

/* Each key in its old and its new spelling, and what it sets. */
Test(config, old_and_new_spellings_are_one)
{
	static const char *const texts[] = {
		"lxc.rootfs = /r\nlxc.mount.entry = /s t none bind 0 0\nlxc.utsname = h\nlxc.network.type = empty\n"
		"lxc.init_uid = 5\nlxc.init_gid = 6\nlxc.logfile = /l\nlxc.loglevel = INFO\n"
		"lxc.cgroup.memory.limit_in_bytes = 64M\n",
		"lxc.rootfs.path = dir:/r\nlxc.mount.entry = /s t bind rbind\nlxc.uts.name = h\nlxc.net.0.type = "
		"empty\n"
		"lxc.init.uid = 5\nlxc.init.gid = 6\nlxc.log.file = /l\nlxc.log.level = info\n"
		"lxc.cgroup2.memory.max = 67108864\n",
	};
	for (size_t i = 0; i < 2; i++) {
		struct lxc_config config = parsed(texts[i]);
		cr_expect_str_eq(config.root, "/r");
		cr_assert_eq(config.n_mounts, 1);
		cr_expect_str_eq(config.mounts[0].source, "/s");
		cr_expect_str_eq(config.mounts[0].target, "t");
		cr_expect_str_eq(config.hostname, "h");
		cr_expect(config.net_none);
		cr_expect(config.has_uid && config.has_gid);
		cr_expect_eq(config.uid, 5);
		cr_expect_eq(config.gid, 6);
		cr_expect_str_eq(config.log_path, "/l");
		cr_expect_eq(config.memory, 64 << 20);
		lxc_config_free(&config);
	}
}

Test(config, the_slaves_two_keys_are_resources)
{
	struct lxc_config config = LXC_CONFIG_INIT;
	struct berth_error error = BERTH_ERROR_INIT;
	cr_assert_eq(lxc_config_define(&config, "lxc.cgroup.cpu.shares=1024", &error), 0);
	cr_assert_eq(lxc_config_define(&config, "lxc.cgroup.memory.limit_in_bytes=134217728", &error), 0);
	cr_expect_eq(config.cpu_shares, 1024);
	cr_expect_eq(config.memory, 134217728);
	cr_expect_null(config.cgroup_files);
	/* Out of its range the kernel takes the nearest that is in it. */
	cr_assert_eq(lxc_config_define(&config, "lxc.cgroup.cpu.shares=0", &error), 0);
	cr_expect_eq(config.cpu_shares, 2);
	cr_assert_eq(lxc_config_define(&config, "lxc.cgroup.cpu.shares=999999999", &error), 0);
	cr_expect_eq(config.cpu_shares, 262144);
	cr_assert_eq(lxc_config_define(&config, "lxc.cgroup.memory.limit_in_bytes=-1", &error), 0);
	cr_expect_eq(config.memory, BERTH_UNLIMITED);
	cr_assert_eq(lxc_config_define(&config, "lxc.cgroup.memory.limit_in_bytes=", &error), 0);
	cr_expect_eq(config.memory, 0);
	lxc_config_free(&config);
}

Test(config, a_later_setting_of_a_cgroup_file_replaces_the_earlier)
{
	struct lxc_config config = parsed("lxc.cgroup.memory.swappiness = 10\nlxc.cgroup.pids.max = 5\n"
					  "lxc.cgroup.memory.memsw.limit_in_bytes = 1g\n"
					  "lxc.cgroup.memory.swappiness = 20\nlxc.cgroup2.pids.max =\n");
	cr_assert_eq(lxc_strings_count(config.cgroup_files), 2);
	cr_expect_str_eq(config.cgroup_files[0], "memory.memsw.limit_in_bytes=1g");
	cr_expect_str_eq(config.cgroup_files[1], "memory.swappiness=20");
	lxc_config_free(&config);
}

Test(config, rules_for_devices_add_up_in_their_order)
{
	struct lxc_config config =
		parsed("lxc.cgroup.devices.deny = a\nlxc.cgroup.pids.max = 5\nlxc.cgroup2.devices.allow = c 1:3 r\n"
		       "lxc.cgroup.devices.allow = c 1:3 r\nlxc.cgroup.devices.deny = b *:* m\n");
	static const char *const expected[] = {"devices.deny=a", "pids.max=5", "devices.allow=c 1:3 r",
					       "devices.allow=c 1:3 r", "devices.deny=b *:* m"};
	cr_assert_eq(lxc_strings_count(config.cgroup_files), 5);
	for (size_t i = 0; i < 5; i++)
		cr_expect_str_eq(config.cgroup_files[i], expected[i]);
	struct berth_error error = BERTH_ERROR_INIT;
	cr_assert_eq(lxc_config_define(&config, "lxc.cgroup.devices.allow =", &error), 0);
	cr_assert_eq(lxc_strings_count(config.cgroup_files), 3);
	cr_expect_str_eq(config.cgroup_files[2], "devices.deny=b *:* m");
	lxc_config_free(&config);
}

Test(config, lists_grow_and_an_empty_value_takes_them_back)
{
	struct lxc_config config =
		parsed("lxc.cap.drop = sys_module mac_admin\nlxc.cap.drop = mknod\nlxc.environment = A=1\n"
		       "lxc.environment = B\nlxc.mount.entry = none /t tmpfs size=1m\nberth.cap.add = sys_nice\n");
	cr_expect_eq(lxc_strings_count(config.cap_drop), 3);
	cr_expect_eq(lxc_strings_count(config.environment), 2);
	cr_expect_str_eq(config.environment[1], "B");
	struct berth_error error = BERTH_ERROR_INIT;
	static const char *const empty[] = {"lxc.cap.drop", "lxc.environment", "lxc.mount.entry", "berth.cap.add"};
	for (size_t i = 0; i < 4; i++) {
		char text[64];
		snprintf(text, sizeof text, "%s =", empty[i]);
		cr_assert_eq(lxc_config_define(&config, text, &error), 0, "%s", error.text);
	}
	cr_expect_null(config.cap_drop);
	cr_expect_null(config.environment);
	cr_expect_null(config.cap_add);
	cr_expect_eq(config.n_mounts, 0);
	lxc_config_free(&config);
}

Test(config, memory_policy)
{
	struct lxc_config config =
		parsed("berth.memory.grace = 500ms\nberth.memory.lenient = 2m\nberth.memory.reserve = 1g\n"
		       "berth.memory.pressure = 12.5\nberth.memory.freeze = yes\n");
	cr_expect_eq(config.policy.grace_ms, 500);
	cr_expect_eq(config.policy.lenient_ms, 120000);
	cr_expect_eq(config.policy.reserve, 1 << 30);
	cr_expect_float_eq(config.policy.pressure, 12.5, 1e-9);
	cr_expect(config.policy.freeze);
	lxc_config_free(&config);
	config = parsed("berth.memory.grace = 0\n");
	cr_expect_eq(config.policy.grace_ms, BERTH_NO_GRACE, "0 is the strict behaviour, not the default");
	lxc_config_free(&config);
}

Test(config, mounts)
{
	struct lxc_config config = parsed("lxc.mount.entry = /a\\040b c/d\\134 none bind,ro,create=file,optional 0 0\n"
					  "lxc.mount.entry = tmpfs /run/x tmpfs rw,size=64k,create=dir\n");
	cr_assert_eq(config.n_mounts, 2);
	const struct lxc_mount *mounts = config.mounts;
	cr_expect_str_eq(mounts[0].source, "/a b");
	cr_expect_str_eq(mounts[0].target, "c/d\\");
	cr_expect(mounts[0].read_only && mounts[0].optional && mounts[0].file && !mounts[0].tmpfs);
	cr_expect(mounts[1].tmpfs && !mounts[1].read_only);
	cr_expect_eq(mounts[1].bytes, 65536);
	lxc_config_free(&config);
}

/* What is refused: the sentence names file, line and cause. */
Test(config, refusals_name_file_line_and_cause)
{
	static const struct {
		const char *text, *error;
	} cases[] = {
		{"\nlxc.foo = 1\n", "t.conf:2: unknown key 'lxc.foo'"},
		{"berth.colour = red", "t.conf:1: unknown key 'berth.colour'"},
		{"LXC.UTSNAME = x", "t.conf:1: unknown key"},
		{"just words", "t.conf:1: 'just words' is not of the form KEY = VALUE"},
		{" = x", "t.conf:1: there is no key"},
		{"# a\n\n# b\nlxc.tty.max = 4", "t.conf:4: key 'lxc.tty.max' is LXC's and has no counterpart"},
		{"lxc.apparmor.profile = unconfined", "'lxc.apparmor.profile' is LXC's"},
		{"lxc.net.0.link = br0", "'lxc.net.0.link' is LXC's"},
		{"lxc.net.x.type = none", "'lxc.net.x.type' is LXC's"},
		{"lxc.network.type = veth", "network type 'veth' is not for berth"},
		{"lxc.net.0.type = macvlan", "network type 'macvlan' is not for berth"},
		{"lxc.cgroup.dir = x", "names no file of a cgroup"},
		{"lxc.cgroup. = x", "names no file of a cgroup"},
		{"lxc.cgroup.../x.y = x", "names no file of a cgroup"},
		{"lxc.cgroup.memory.limit_in_bytes = lots", "'lots' is no memory limit"},
		{"lxc.cgroup.memory.limit_in_bytes = 0", "'0' is no memory limit"},
		{"lxc.cgroup.memory.limit_in_bytes = 99999999999999999999", "is no memory limit"},
		{"lxc.cgroup.memory.limit_in_bytes = 18446744073709551615k", "is no memory limit"},
		{"lxc.cgroup.cpu.shares = -5", "'-5' is no number for lxc.cgroup.cpu.shares"},
		{"lxc.rootfs = relative/path", "root 'relative/path' is none of"},
		{"lxc.rootfs.path = dir:x", "must be an absolute path"},
		{"lxc.rootfs.path = overlay:/a:/b", "must name no directory for it"},
		{"lxc.rootfs.path = zfs:tank/x", "a root of kind zfs: is not for berth"},
		{"berth.root.lower = x", "'x' must be an absolute path"},
		{"berth.cgroup.parent = ../x", "must not hold '..'"},
		{"lxc.init.uid = root", "'root' is no number for lxc.init.uid"},
		{"lxc.init.uid = 4294967295", "is no number for lxc.init.uid"},
		{"lxc.init.cwd = tmp", "must be an absolute path"},
		{"lxc.cap.drop = mknod\nlxc.cap.keep = chown", "t.conf:2: lxc.cap.drop and lxc.cap.keep exclude"},
		{"lxc.cap.keep = none\nlxc.cap.drop = chown", "t.conf:2: lxc.cap.drop and lxc.cap.keep exclude"},
		{"lxc.environment = =x", "names no variable"},
		{"lxc.log.level = LOUD", "'LOUD' is no log level"},
		{"berth.memory.grace = soon", "'soon' is no time"},
		{"berth.memory.grace = 99999999", "is no time"},
		{"berth.memory.pressure = 101", "is no percentage"},
		{"berth.memory.pressure = nan", "is no percentage"},
		{"berth.memory.freeze = maybe", "'maybe' is neither yes nor no"},
		{"lxc.mount.entry = /a b none", "give SOURCE TARGET TYPE OPTIONS"},
		{"lxc.mount.entry = /a b none bind 0 0 0", "'0' is more than a mount's line holds"},
		{"lxc.mount.entry = /a b ext4 rw", "a mount of type 'ext4' is not understood"},
		{"lxc.mount.entry = proc proc proc defaults", "/proc, /sys and /dev are there by themselves"},
		{"lxc.mount.entry = /a b none bind,noatime", "mount option 'noatime' is not understood"},
		{"lxc.mount.entry = /a b none bind,size=1", "mount option 'size=1' is not understood"},
		{"lxc.mount.entry = x b tmpfs size=0", "'size=0' is no size"},
		{"lxc.mount.entry = a b none bind", "must be an absolute path"},
		{"lxc.mount.entry = /a / none bind", "nothing can be mounted on the root itself"},
		{"berth.seccomp = x.json", "'x.json' is no filter of system calls"},
		{"lxc.no_new_privs = 2", "'2' is neither yes nor no"},
		{"lxc.idmap = u 0 100000", "is no map of ids"},
		{"lxc.idmap = x 0 100000 65536", "is no map of ids"},
		{"lxc.id_map = u 0 100000 65536 1", "is no map of ids"},
		{"lxc.idmap = u 0 -1 65536", "is no map of ids"},
		{"berth.userns = keep-id", "none of host, auto and auto:SIZE"},
		{"lxc.seccomp.profile = /x", "berth.seccomp takes a profile in JSON"},
		{"lxc.include = /nonexistent/x", "t.conf:1: include /nonexistent/x: No such file"},
		{"lxc.mount.fstab = /nonexistent/x", "/nonexistent/x: No such file"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct lxc_config config = LXC_CONFIG_INIT;
		struct berth_error error = BERTH_ERROR_INIT;
		int code = lxc_config_parse(&config, "t.conf", cases[i].text, &error);
		cr_expect_lt(code, 0, "taken: %s", cases[i].text);
		cr_expect(strstr(error.text, cases[i].error), "'%s' gave: %s", cases[i].text, error.text);
		cr_expect_eq(error.exit_status, 1);
		lxc_config_free(&config);
	}
}

/* What is quoted neither ends the line nor speaks to the terminal that shows it. */
Test(config, refusals_are_plain_text)
{
	static const char *const texts[] = {
		"lxc.\x1b[31m = 1",           "words \x1b]0;title\a",        "lxc.uts.name \xc2\x9b",
		"lxc.tty.max\x7f = \r4",      "lxc.cgroup.\x1b = x",         "lxc.mount.entry = /a b none \x1b",
		"lxc.include = /no/\x1b\xff", "lxc.mount.fstab = /no/\x9b/",
	};
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		struct lxc_config config = LXC_CONFIG_INIT;
		struct berth_error error = BERTH_ERROR_INIT;
		cr_expect_lt(lxc_config_parse(&config, "t\x1b.conf", texts[i], &error), 0, "taken: %s", texts[i]);
		for (const char *p = error.text; *p; p++)
			cr_expect(*p >= ' ' && *p < 0x7f, "case %zu has byte %#x: %s", i, (unsigned char)*p,
				  error.text);
		lxc_config_free(&config);
	}
}

Test(config, a_definition_is_told_as_such)
{
	struct lxc_config config = LXC_CONFIG_INIT;
	struct berth_error error = BERTH_ERROR_INIT;
	cr_expect_lt(lxc_config_define(&config, "lxc.foo=1", &error), 0);
	cr_expect_eq(strncmp(error.text, "-s: unknown key 'lxc.foo'", 25), 0, "%s", error.text);
	cr_expect_lt(lxc_config_define(&config, "lxc.foo", NULL), 0, "an error need not be asked for");
	lxc_config_free(&config);
}

/* ---- Includes ---- */

static char directory[] = "/tmp/berth-test-lxc-conf-XXXXXX";

static void directory_make(void)
{
	cr_assert(mkdtemp(directory));
}

static void file_put(const char *name, const char *text)
{
	char path[256];
	snprintf(path, sizeof path, "%s/%s", directory, name);
	FILE *file = fopen(path, "we");
	cr_assert(file != NULL);
	fputs(text, file);
	cr_assert_eq(fclose(file), 0);
}

static void directory_remove(void)
{
	char command[300];
	snprintf(command, sizeof command, "rm -r %s", directory);
	cr_expect_eq(system(command), 0); // NOLINT(cert-env33-c)
}

TestSuite(include, .init = directory_make, .fini = directory_remove);

static int read_top(struct lxc_config *config, struct berth_error *error)
{
	char path[256];
	snprintf(path, sizeof path, "%s/top.conf", directory);
	return lxc_config_read(config, path, error);
}

Test(include, files_beside_and_directories_in_order)
{
	struct lxc_config config = LXC_CONFIG_INIT;
	struct berth_error error = BERTH_ERROR_INIT;
	char d[256];
	snprintf(d, sizeof d, "%s/d", directory);
	mkdir(d, 0755);
	file_put("top.conf", "lxc.include = other\nlxc.include = d\nlxc.mount.fstab = fstab\n");
	file_put("other", "lxc.uts.name = other\nlxc.environment = A=1\n");
	file_put("d/20.conf", "lxc.uts.name = second\n");
	file_put("d/10.conf", "lxc.uts.name = first\n");
	file_put("d/30.conf~", "lxc.uts.name = backup\n");
	file_put("d/.40.conf", "lxc.uts.name = hidden\n");
	file_put("fstab", "# a comment\n/a b none bind 0 0\n\nx c tmpfs defaults 0 0\n");
	cr_assert_eq(read_top(&config, &error), 0, "%s", error.text);
	cr_expect_str_eq(config.hostname, "second");
	cr_expect_eq(lxc_strings_count(config.environment), 1);
	cr_expect_eq(config.n_mounts, 2);
	lxc_config_free(&config);
}

Test(include, an_error_names_the_included_file_and_its_line)
{
	struct lxc_config config = LXC_CONFIG_INIT;
	struct berth_error error = BERTH_ERROR_INIT;
	file_put("top.conf", "\nlxc.include = other\n");
	file_put("other", "\n\nnonsense = 1\n");
	cr_expect_lt(read_top(&config, &error), 0);
	cr_expect(strstr(error.text, "/other:3: unknown key 'nonsense'"), "%s", error.text);
	file_put("other", "lxc.mount.fstab = fstab\n");
	file_put("fstab", "\n/a b none bad\n");
	cr_expect_lt(read_top(&config, &error), 0);
	cr_expect(strstr(error.text, "/fstab:2: mount option 'bad'"), "%s", error.text);
	lxc_config_free(&config);
}

Test(include, one_that_includes_itself_ends)
{
	struct lxc_config config = LXC_CONFIG_INIT;
	struct berth_error error = BERTH_ERROR_INIT;
	file_put("top.conf", "lxc.include = top.conf\n");
	cr_expect_lt(read_top(&config, &error), 0);
	cr_expect(strstr(error.text, "more than 8 deep"), "%s", error.text);
	cr_expect_eq(config.depth, 0);
	lxc_config_free(&config);
}

Test(include, a_file_that_is_no_text_is_refused)
{
	struct lxc_config config = LXC_CONFIG_INIT;
	struct berth_error error = BERTH_ERROR_INIT;
	cr_expect_lt(lxc_config_read(&config, "/proc/self/exe", &error), 0);
	cr_expect(strstr(error.text, "no text of at most"), "%s", error.text);
	cr_expect_lt(lxc_config_read(&config, "/tmp", &error), 0);
	cr_expect(strstr(error.text, "Is a directory"), "%s", error.text);
	cr_expect_lt(lxc_config_read(&config, "/dev/zero", &error), 0);
	lxc_config_free(&config);
}

/* Broken in any way, it is taken or refused, never worse: the sanitizers look on in `make check-san`. */
Test(config, mutilated_texts)
{
	static const char whole[] = "lxc.include = /nonexistent\nlxc.mount.entry = /a\\040b\\1 c none bind,ro,size=3\n"
				    "lxc.cgroup.memory.limit_in_bytes = 12k\nlxc.rootfs.path = overlayfs:/a:/b\n"
				    "berth.memory.grace = 10ms\nlxc.cap.keep = a b c\n'='\n=\"\n";
	for (size_t cut = 0; cut < sizeof whole; cut++)
		for (int change = 0; change < 3; change++) {
			char text[sizeof whole];
			memcpy(text, whole, sizeof whole);
			text[cut] = (char)(change == 0 ? '\0' : change == 1 ? '\n' : '\\');
			text[sizeof text - 1] = '\0';
			for (const char *line = text; line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
				struct lxc_config config = LXC_CONFIG_INIT;
				struct berth_error error = BERTH_ERROR_INIT;
				int code = lxc_config_parse(&config, "t.conf", line, &error);
				cr_assert(code == 0 || *error.text, "a refusal without a word");
				lxc_config_free(&config);
			}
		}
}

/* ---- Names, values, roots, work directories ---- */

Test(names, the_framework_in_all_four_eras)
{
	static const struct {
		const char *name, *framework;
	} cases[] = {
		{"nexus.slave-0-1.framework-0-0001", "0-0001"},
		{"mesos.slave-201103282247-0-7.framework-201103282247-0000000019-0000", "201103282247-0000000019-0000"},
		{"mesos.executor-default.framework-F", "F"},
		{"mesos_executor_default_framework_F", "F"},
		{"mesos_executor_Task 1 (echo \"a/b\"...)_framework_F-2", "F-2"},
		{"mesos_executor_a_framework_b_framework_F", "F"},
		{"mesos_executor__framework__framework_F", "F"},
		{"mesos.executor-x.framework-y.framework-F", "F"},
		{"mesos_executor_x.framework-1_framework_2", "2"},
		{"mesos_executor_x_framework_", "mesos_executor_x_framework_"},
		{"mesos_executor_x", "mesos_executor_x"},
		{"mesos.executor-x_framework_1", "mesos.executor-x_framework_1"},
		{"other_framework_F", "other_framework_F"},
		{"x", "x"},
		{"", ""},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		cr_expect_str_eq(lxc_name_framework(cases[i].name), cases[i].framework, "%s gave %s", cases[i].name,
				 lxc_name_framework(cases[i].name));
}

Test(names, the_root_that_follows)
{
	static const struct {
		const char *config, *name, *root;
	} cases[] = {
		{"", "mesos_executor_E_framework_F", "framework:F"},
		{"", "web", "framework:web"},
		{"", "a:b%c", "framework:a%3Ab%25c"},
		{"berth.framework = G:1", "web", "framework:G%3A1"},
		{"berth.root = framework\nberth.root.lower = /img", "mesos_executor_E_framework_F", "framework:F:/img"},
		{"berth.root = host-rw", "web", "host-rw"},
		{"berth.root = host", "web", "host"},
		{"berth.root = /img", "web", "/img"},
		{"lxc.rootfs.path = overlayfs:/img", "web", "overlay:/img"},
		{"berth.root = framework:X:/img", "web", "framework:X:/img"},
		{"berth.root = host\nberth.root =", "web", "framework:web"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct lxc_config config = parsed(cases[i].config);
		char *root = lxc_root_text(&config, cases[i].name);
		cr_expect_str_eq(root, cases[i].root);
		free(root);
		lxc_config_free(&config);
	}
}

Test(values, bytes_and_times)
{
	static const struct {
		const char *text;
		bool good;
		uint64_t value;
	} bytes[] = {{"0", true, 0},
		     {"4096", true, 4096},
		     {"1k", true, 1024},
		     {"2M", true, 2 << 20},
		     {"3g", true, 3221225472},
		     {"1T", true, 1099511627776},
		     {"", false, 0},
		     {"k", false, 0},
		     {"-1", false, 0},
		     {" 1", false, 0},
		     {"1.5g", false, 0},
		     {"1kb", false, 0},
		     {"+1", false, 0},
		     {"0x10", false, 0},
		     {"18446744073709551615", true, UINT64_MAX},
		     {"18446744073709551616", false, 0},
		     {"16777216t", false, 0}};
	for (size_t i = 0; i < sizeof bytes / sizeof *bytes; i++) {
		uint64_t value = 77;
		cr_expect_eq(lxc_value_bytes(bytes[i].text, &value), bytes[i].good, "%s", bytes[i].text);
		cr_expect_eq(value, bytes[i].good ? bytes[i].value : 77, "%s", bytes[i].text);
	}
	static const struct {
		const char *text;
		int ms;
	} times[] = {{"10", 10000}, {"10s", 10000},       {"500ms", 500}, {"2m", 120000},
		     {"0", 0},      {"1h", -1},           {"", -1},       {"-1", -1},
		     {"1.5s", -1},  {"86400s", 86400000}, {"86401", -1},  {"99999999999999999999", -1}};
	for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
		int ms = -1;
		cr_expect_eq(lxc_value_duration(times[i].text, &ms), times[i].ms >= 0, "%s", times[i].text);
		cr_expect_eq(ms, times[i].ms, "%s gave %d", times[i].text, ms);
	}
}

Test(workdirs, from_the_environment)
{
	static const struct {
		const char *work, *own, *old;
		const char *expected[3];
	} cases[] = {
		{"/w", "/w/s/f", NULL, {"/w"}},        {"/w/s/f", "/w", NULL, {"/w"}},
		{"/w", "/w", "/w/", {"/w"}},           {"/w", "/wide", "/n/x", {"/w", "/wide", "/n/x"}},
		{"/a/b", "/a/c", "/a", {"/a"}},        {"relative", "/", "//", {NULL}},
		{"/proc/1", "/dev", "/sys/x", {NULL}}, {"/a/../b", "/b/..", "", {NULL}},
		{"/./", "/a..b", "/../", {"/a..b"}},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const char *found[WORKDIRS_MOST];
		const char *const values[] = {cases[i].work, cases[i].own, cases[i].old};
		static const char *const names[] = {"MESOS_WORK_DIRECTORY", "MESOS_DIRECTORY", "NEXUS_WORK_DIRECTORY"};
		for (size_t j = 0; j < 3; j++)
			if (values[j])
				setenv(names[j], values[j], 1);
			else
				unsetenv(names[j]);
		unsetenv("NEXUS_DIRECTORY");
		size_t n = lxc_workdirs(found), wanted = 0;
		while (wanted < 3 && cases[i].expected[wanted])
			wanted++;
		cr_assert_eq(n, wanted, "case %zu gave %zu", i, n);
		for (size_t j = 0; j < n; j++)
			cr_expect_str_eq(found[j], cases[i].expected[j], "case %zu", i);
	}
}

Test(config, maps_of_ids)
{
	struct lxc_config config = parsed("lxc.idmap = u 0 100000 65536\nlxc.idmap = g 0 200000 1000\n"
					  "lxc.id_map = b 65536 300000 1\n");
	cr_assert_eq(config.n_uid_map, 2);
	cr_assert_eq(config.n_gid_map, 2);
	cr_expect(config.uid_map[0].inside == 0 && config.uid_map[0].outside == 100000 &&
		  config.uid_map[0].length == 65536);
	cr_expect(config.gid_map[0].outside == 200000 && config.gid_map[0].length == 1000);
	cr_expect(config.uid_map[1].inside == 65536 && config.gid_map[1].outside == 300000);
	struct berth_error error = BERTH_ERROR_INIT;
	cr_assert_eq(lxc_config_define(&config, "lxc.idmap=", &error), 0);
	cr_expect(config.n_uid_map == 0 && config.n_gid_map == 0, "an empty value takes them back");
	cr_assert_eq(lxc_config_define(&config, "berth.userns=auto:1000", &error), 0);
	cr_expect_str_eq(config.userns, "auto:1000");
	cr_assert_eq(lxc_config_define(&config, "berth.userns=", &error), 0);
	cr_expect_null(config.userns);
	lxc_config_free(&config);
}
