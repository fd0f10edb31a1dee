/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel offers root: each attack first where nothing holds it, then where berth's defaults do. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/attack/attack.h"

TestSuite(attack_kernel, .init = attack_init, .fini = rt_fini);

/* What a payload says without, and with, what holds root. */
static const char *said(struct berth_options options, bool unguarded)
{
	if (unguarded)
		attack_unguarded(&options);
	return rt_output(&options);
}

static bool kernel_has(const char *file_system)
{
	const char *text = rt_read("/proc/filesystems");
	char line[64];
	snprintf(line, sizeof line, "nodev\t%s", file_system);
	return rt_has_line(text, line);
}

/* Whoever could mount cgroup v1 named a program there that the kernel then ran on the host. */
Test(attack_kernel, cve_2022_0492)
{
	if (!kernel_has("cgroup"))
		cr_skip_test("this kernel has no cgroup v1");
	struct berth_options options = RT_OPTIONS("escape", "release-agent");
	/* The program is for who sees the top of the hierarchy: a cgroup namespace alone is enough against it. */
	struct berth_options open = options;
	open.flags |= BERTH_HOST_CGROUP;
	const char *text = said(open, true);
	rt_expect_value(text, "release-agent", "ok");
	rt_expect_value(said(options, true), "release-agent", "EPERM");
	text = said(options, false);
	rt_expect_value(text, "release-agent", "EPERM");
	rt_expect_value(text, "release-agent-userns", "EPERM");
	/* Each layer by itself. */
	struct berth_options unfiltered = open;
	unfiltered.seccomp = "unconfined";
	text = rt_output(&unfiltered);
	rt_expect_value(text, "release-agent", "EPERM");
	struct berth_options all = open;
	all.cap_add = (const char *const[]){"ALL", NULL};
	all.cap_drop = (const char *const[]){"SYS_ADMIN", NULL};
	rt_expect_value(rt_output(&all), "release-agent", "EPERM");
}

/* The cgroups of the host, writable inside, lift limits: in runc's containers without root, by a bind of all of /sys.
 */
Test(attack_kernel, cve_2023_25809)
{
	static const char *const roots[] = {"host", "/", "overlay:/", "framework:F"};
	/* Where all of it is bound inside. */
	struct berth_options bound = RT_OPTIONS("escape", "cgroups");
	const struct berth_volume volume = {"/sys/fs/cgroup", "/cgroup", false};
	bound.volumes = &volume;
	bound.n_volumes = 1;
	cr_assert_gt(rt_count(rt_output(&bound), "may-write="), 0);
	for (size_t i = 0; i < sizeof roots / sizeof *roots; i++) {
		struct berth_options options = RT_OPTIONS("escape", "cgroups");
		options.root = roots[i];
		options.argv = (const char *const[]){rt_payload("escape"), "cgroups", NULL};
		const char *text = rt_output(&options);
		cr_expect(rt_has_line(text, "visited") && rt_count(text, "may-write=") == 0, "root %s:\n%s", roots[i],
			  text);
	}
	struct berth_options options = RT_OPTIONS("escape", "cgroups");
	cr_expect_eq(rt_count(rt_output(&options), "may-write="), 0);
	rt_ok(berth_root_remove(rt.berth, "F", &rt.error));
}

/* A host with cgroups in other places than /sys. */
Test(attack_kernel, cgroups_mounted_elsewhere)
{
	cr_assert_eq(mkdir(rt_path("cgroup"), 0755), 0);
	if (mount("none", rt_path("cgroup"), "cgroup2", 0, NULL) < 0)
		cr_skip_test("can't mount cgroup2: %s", strerror(errno));
	struct berth_options host = RT_OPTIONS("escape", "cgroups");
	host.root = "host-rw";
	cr_expect_gt(rt_count(rt_output(&host), "may-write="), 0);
	host.root = "host";
	const char *text = rt_output(&host);
	cr_expect(rt_has_line(text, "visited") && rt_count(text, "may-write=") == 0, "%s", text);
	cr_assert_eq(umount2(rt_path("cgroup"), MNT_DETACH), 0);
}

/* core_pattern, modprobe, sysrq, user.max_*, kcore, keys: open where nothing covers them. */
Test(attack_kernel, files_of_proc_and_sys)
{
	struct berth_options options = RT_OPTIONS("escape", "kernel-files");
	struct berth_options bare = options;
	bare.flags = BERTH_BARE_ROOT;
	const char *text = rt_output(&bare);
	static const char *const files[] = {"may-write=sys/kernel/core_pattern", "may-read=keys",
					    "may-read=interrupts"};
	for (size_t i = 0; i < sizeof files / sizeof *files; i++)
		cr_assert(rt_has_line(text, files[i]), "%s is not open without the defence:\n%s", files[i], text);
	for (unsigned int flags = 0; flags <= BERTH_NO_INIT; flags += BERTH_NO_INIT) {
		options.flags = flags;
		text = rt_output(&options);
		cr_expect(rt_has_line(text, "found=/proc") && rt_has_line(text, "found=/sys"), "%s", text);
		cr_expect_eq(rt_count(text, "may-"), 0, "%s", text);
	}
}

/* Taking away, or making writable, what covers the kernel's files. */
Test(attack_kernel, remounting_and_unmounting)
{
	struct berth_options options = RT_OPTIONS("escape", "remount", "uncover");
	const char *text = said(options, true);
	static const char *const ways[] = {"remount", "remount-attribute", "uncover"};
	for (size_t i = 0; i < 3; i++) {
		cr_assert_str_eq(rt_value(text, ways[i]), "ok", "%s failed without the defence:\n%s", ways[i], text);
	}
	text = said(options, false);
	for (size_t i = 0; i < 3; i++)
		rt_expect_value(text, ways[i], "EPERM");
	options.seccomp = "unconfined";
	text = said(options, false);
	for (size_t i = 0; i < 3; i++)
		rt_expect_value(text, ways[i], "EPERM");
}

/* The kernel's log, by a node made inside. */
Test(attack_kernel, device_nodes)
{
	struct berth_options options = RT_OPTIONS("escape", "mknod");
	struct berth_options without = options;
	without.flags = BERTH_BARE_ROOT | BERTH_FEW_CGROUPS;
	rt_expect_value(rt_output(&without), "mknod", "ok");
	rt_expect_value(rt_output(&options), "mknod", "EPERM");
}

/* The whole of what an executor can see and do. */
Test(attack_kernel, survey)
{
	struct berth_options options = RT_OPTIONS("survey");
	const char *text = rt_output(&options);
	static const char *const lines[] = {
		"descriptors=0",
		"CapInh=0000000000000000",
		"CapEff=00000000a80425fb",
		"CapBnd=00000000a80425fb",
		"CapAmb=0000000000000000",
		"NoNewPrivs=1",
		"Seccomp=2",
		"writable-proc-sys=0",
		"writable-sys=0",
		"sysrq=no",
		"key=session: refused",
		"key=user: refused",
		"cgroup-paths=/",
		"cgroup-mounts=0",
	};
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
		rt_expect_line(text, lines[i]);
	cr_expect_eq(rt_count(text, "device="), 6);
	for (const char *line = text; (line = strstr(line, "device=")); line++)
		cr_expect(strncmp(strchr(line, ':'), ": Operation not permitted\n", 26) == 0, "%.40s", line);
	/* process_vm_readv is what ptrace is, which debuggers need: it reaches nothing but what is inside. */
	rt_expect_value(text, "calls-refused", "22 of 23");
}

/* A file of the file system that the root is on, by its number. */
Test(attack_kernel, file_handles)
{
	struct berth_options options = RT_OPTIONS("escape", "handle");
	rt_expect_value(said(options, true), "handle", "ok");
	rt_expect_value(said(options, false), "handle", "EPERM");
	/* Each layer by itself. */
	options.seccomp = "unconfined";
	rt_expect_value(said(options, false), "handle", "EPERM");
}

Test(attack_kernel, addresses_and_messages)
{
	struct berth_options options = RT_OPTIONS("escape", "kallsyms", "syslog");
	const char *text = said(options, true);
	rt_expect_value(text, "syslog", "ok");
	if (strcmp(rt_value(text, "kallsyms"), "ok") != 0)
		cr_skip_test("this kernel shows no addresses to anybody");
	if (rt_read("/proc/sys/kernel/perf_event_paranoid")[0] <= '1')
		cr_skip_test("this kernel shows its addresses to everybody (kernel.perf_event_paranoid)");
	text = said(options, false);
	rt_expect_value(text, "kallsyms", "EPERM");
	rt_expect_value(text, "syslog", "EPERM");
}

/* What gives a way into the kernel, or out of the namespaces. */
Test(attack_kernel, system_calls)
{
	static const struct {
		const char *name, *open, *kept;
	} calls[] = {
		{"unshare", "0", "EPERM"},     {"clone-newuser", "0", "EPERM"}, {"clone3", "0", "ENOSYS"},
		{"mount", "0", "EPERM"},       {"fsopen", "0", "EPERM"},        {"open_tree", "0", "EPERM"},
		{"bpf", "0", "EPERM"},         {"keyctl", "0", "EPERM"},        {"add_key", "0", "EPERM"},
		{"personality", "0", "EPERM"}, {"setns", "EBADF", "EPERM"},
	};
	struct berth_options options = RT_OPTIONS("attempt");
	const char *text = said(options, true);
	for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
		cr_expect_str_eq(rt_value(text, calls[i].name), calls[i].open, "%s gave %s without the defence",
				 calls[i].name, rt_value(text, calls[i].name));
	text = said(options, false);
	for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
		rt_expect_value(text, calls[i].name, calls[i].kept);
}

/* What a kernel may lack, or have shut to everybody: without the filter it is then that which answers, not EPERM. */
Test(attack_kernel, system_calls_that_a_kernel_may_lack)
{
	static const struct {
		const char *name;
		bool needs_capability;
	} calls[] = {{"perf_event_open", true}, {"userfaultfd", true}, {"io_uring_setup", false}, {"vsock", false}};
	const char *shut = rt_read("/proc/sys/kernel/io_uring_disabled");
	struct berth_options options = RT_OPTIONS("attempt");
	struct berth_options unfiltered = options;
	unfiltered.seccomp = "unconfined";
	const char *open = said(options, true), *alone = rt_output(&unfiltered), *kept = said(options, false);
	for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
		const char *name = calls[i].name;
		bool can_tell = strcmp(name, "io_uring_setup") != 0 || shut[0] != '2';
		rt_expect_value(kept, name, "EPERM");
		cr_expect(!can_tell || strcmp(rt_value(open, name), "EPERM") != 0, "%s is refused without the defence",
			  name);
		/* The filter by itself, where the kernel asks for no capability. */
		cr_expect(!can_tell || calls[i].needs_capability || strcmp(rt_value(alone, name), "EPERM") != 0,
			  "%s is refused by more than the filter", name);
	}
}
