/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/runtime/published.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <jansson.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nsutil/base/cleanup.h"
#include "tests/runtime/fixture.h"

enum { CLONE_NAMESPACES = 0x7e020000 };

/* What Docker allows with CAP_SYS_ADMIN, and what else it does not simply allow: words between spaces. */
static const char admin_calls[] =
	" bpf clone3 fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie mount "
	"mount_setattr move_mount open_tree perf_event_open quotactl quotactl_fd setdomainname "
	"sethostname setns syslog umount umount2 unshare ";
static const char closed_calls[] =
	" acct add_key clock_settime clock_settime64 clone create_module delete_module finit_module get_kernel_syms "
	"get_mempolicy init_module ioperm iopl kcmp kexec_file_load kexec_load keyctl mbind migrate_pages move_pages "
	"nfsservctl open_by_handle_at personality pidfd_getfd pivot_root process_madvise process_vm_readv "
	"process_vm_writev ptrace query_module reboot request_key set_mempolicy settimeofday socket stime swapoff "
	"swapon "
	"sysfs _sysctl userfaultfd uselib ustat vhangup vm86 vm86old chroot ";

static bool listed(const char *list, const char *call)
{
	char word[64];
	snprintf(word, sizeof word, " %s ", call);
	return strstr(list, word) != NULL;
}

/* All calls of both architectures but these; and one that nobody knows. */
static json_t *other_calls(const char *const *lists)
{
	json_t *names = json_pack("[s]", "a_call_of_the_future");
	const uint32_t architectures[] = {SCMP_ARCH_X86_64, SCMP_ARCH_X86};
	for (size_t i = 0; i < 2; i++)
		for (int number = 0; number < 450; number++) {
			cleanup_free char *call = seccomp_syscall_resolve_num_arch(architectures[i], number);
			bool left_out = !call;
			for (const char *const *list = lists; !left_out && *list; list++)
				left_out = listed(*list, call);
			if (!left_out)
				json_array_append_new(names, json_string(call));
		}
	return names;
}

static json_t *names_of(const char *list)
{
	json_t *names = json_array();
	cleanup_free char *copy = strdup(list);
	char *rest = copy;
	for (char *word; (word = strsep(&rest, " "));)
		if (*word)
			json_array_append_new(names, json_string(word));
	return names;
}

static json_t *architecture_map(bool newer)
{
	json_t *map =
		json_pack("[{s:s, s:[s, s]}, {s:s, s:[s]}, {s:s, s:[s, s]}, {s:s, s:[s]}]", "architecture",
			  "SCMP_ARCH_X86_64", "subArchitectures", "SCMP_ARCH_X86", "SCMP_ARCH_X32", "architecture",
			  "SCMP_ARCH_AARCH64", "subArchitectures", "SCMP_ARCH_ARM", "architecture",
			  "SCMP_ARCH_MIPSEL64N32", "subArchitectures", "SCMP_ARCH_MIPSEL", "SCMP_ARCH_MIPSEL64",
			  "architecture", "SCMP_ARCH_S390X", "subArchitectures", "SCMP_ARCH_S390");
	static const char *const alone[] = {"SCMP_ARCH_RISCV64", "SCMP_ARCH_LOONGARCH64"};
	for (size_t i = 0; newer && i < 2; i++)
		json_array_append_new(map, json_pack("{s:s, s:n}", "architecture", alone[i], "subArchitectures"));
	return map;
}

/* Rules as Docker has them: what does not apply is left out. extra: more members, taken over; NULL: none. */
static void short_rule(json_t *rules, json_t *names, const char *action, json_t *extra)
{
	json_t *rule = json_pack("{s:o, s:s}", "names", names, "action", action);
	json_object_update(rule, extra);
	json_decref(extra);
	json_array_append_new(rules, rule);
}

/* As Podman has them: all members are there. */
static void long_rule(json_t *rules, json_t *names, const char *action, json_t *extra)
{
	json_t *rule = json_pack("{s:o, s:s, s:[], s:s, s:{}, s:{}}", "names", names, "action", action, "args",
				 "comment", "", "includes", "excludes");
	json_object_update(rule, extra);
	json_decref(extra);
	json_array_append_new(rules, rule);
}

static const char allow[] = "SCMP_ACT_ALLOW", refuse[] = "SCMP_ACT_ERRNO";

static json_t *argument(int index, json_int_t value, const char *operator)
{
	return json_pack("{s:i, s:I, s:s}", "index", index, "value", value, "op", operator);
}

static const struct {
	const char *capability, *calls;
} opened[] = {
	{"CAP_DAC_READ_SEARCH", "open_by_handle_at"},
	{"CAP_SYS_BOOT", "reboot"},
	{"CAP_SYS_CHROOT", "chroot"},
	{"CAP_SYS_MODULE", "delete_module init_module finit_module"},
	{"CAP_SYS_PACCT", "acct"},
	{"CAP_SYS_PTRACE", "kcmp pidfd_getfd process_madvise process_vm_readv process_vm_writev ptrace"},
	{"CAP_SYS_RAWIO", "iopl ioperm"},
	{"CAP_SYS_TIME", "settimeofday stime clock_settime clock_settime64"},
	{"CAP_SYS_TTY_CONFIG", "vhangup"},
	{"CAP_SYS_NICE", "get_mempolicy mbind set_mempolicy"},
	{"CAP_BPF", "bpf"},
	{"CAP_PERFMON", "perf_event_open"},
};

char *published_docker(void)
{
	json_t *rules = json_array();
	short_rule(rules, other_calls((const char *const[]){admin_calls, closed_calls, NULL}), allow, NULL);
	short_rule(rules, names_of("process_vm_readv process_vm_writev ptrace"), allow,
		   json_pack("{s:{s:s}}", "includes", "minKernel", "4.8"));
	short_rule(rules, names_of("socket"), allow, json_pack("{s:[o]}", "args", argument(0, 40, "SCMP_CMP_NE")));
	static const json_int_t personalities[] = {0, 8, 0x20000, 0x20008, 0xffffffff};
	for (size_t i = 0; i < sizeof personalities / sizeof *personalities; i++)
		short_rule(rules, names_of("personality"), allow,
			   json_pack("{s:[o]}", "args", argument(0, personalities[i], "SCMP_CMP_EQ")));
	short_rule(rules, names_of("sync_file_range2 swapcontext"), allow,
		   json_pack("{s:{s:[s]}}", "includes", "arches", "ppc64le"));
	short_rule(rules, names_of("arch_prctl"), allow,
		   json_pack("{s:{s:[s, s]}}", "includes", "arches", "amd64", "x32"));
	short_rule(rules, names_of(admin_calls), allow, json_pack("{s:{s:[s]}}", "includes", "caps", "CAP_SYS_ADMIN"));
	short_rule(rules, names_of("clone"), allow, json_pack("{s:{s:[s]}}", "includes", "caps", "CAP_SYS_ADMIN"));
	short_rule(rules, names_of("clone"), allow,
		   json_pack("{s:[o], s:{s:[s], s:[s, s]}}", "args",
			     argument(0, CLONE_NAMESPACES, "SCMP_CMP_MASKED_EQ"), "excludes", "caps", "CAP_SYS_ADMIN",
			     "arches", "s390", "s390x"));
	short_rule(rules, names_of("clone"), allow,
		   json_pack("{s:[o], s:s, s:{s:[s, s]}, s:{s:[s]}}", "args",
			     argument(1, CLONE_NAMESPACES, "SCMP_CMP_MASKED_EQ"), "comment",
			     "there the arguments are the other way round", "includes", "arches", "s390", "s390x",
			     "excludes", "caps", "CAP_SYS_ADMIN"));
	short_rule(rules, names_of("clone3"), refuse,
		   json_pack("{s:i, s:{s:[s]}}", "errnoRet", ENOSYS, "excludes", "caps", "CAP_SYS_ADMIN"));
	for (size_t i = 0; i < sizeof opened / sizeof *opened; i++)
		short_rule(rules, names_of(opened[i].calls), allow,
			   json_pack("{s:{s:[s]}}", "includes", "caps", opened[i].capability));
	json_t *profile = json_pack("{s:s, s:i, s:o, s:o}", "defaultAction", refuse, "defaultErrnoRet", EPERM,
				    "archMap", architecture_map(true), "syscalls", rules);
	char *text = json_dumps(profile, JSON_INDENT(1));
	json_decref(profile);
	return text;
}

/* Two rules, of which one counts: with the capability, and without. */
static void either(json_t *rules, const char *calls, const char *capability)
{
	long_rule(rules, names_of(calls), allow, json_pack("{s:{s:[s]}}", "includes", "caps", capability));
	long_rule(rules, names_of(calls), refuse,
		  json_pack("{s:{s:[s]}, s:i}", "excludes", "caps", capability, "errnoRet", EPERM));
}

char *published_podman(void)
{
	static const char admin[] =
		" bpf fanotify_init lookup_dcookie perf_event_open quotactl setdomainname sethostname ";
	static const char eperm[] =
		" kexec_file_load kexec_load migrate_pages move_pages nfsservctl swapoff swapon sysfs "
		"uselib userfaultfd ustat vm86 vm86old ";
	static const char unnamed[] = " add_key request_key io_uring_setup io_uring_enter io_uring_register ";
	static const char single[] =
		" open_by_handle_at chroot delete_module init_module finit_module get_mempolicy mbind "
		"set_mempolicy acct kcmp process_madvise process_vm_readv process_vm_writev ptrace "
		"iopl ioperm settimeofday stime clock_settime clock_settime64 vhangup socket "
		"personality reboot pidfd_getfd ";
	json_t *rules = json_array();
	long_rule(rules, names_of(eperm), refuse, json_pack("{s:i, s:s}", "errnoRet", EPERM, "errno", "EPERM"));
	long_rule(rules, other_calls((const char *const[]){admin, eperm, unnamed, single, NULL}), allow, NULL);
	long_rule(rules, names_of("personality"), allow,
		  json_pack("{s:[{s:i, s:i, s:i, s:s}]}", "args", "index", 0, "value", 0, "valueTwo", 0, "op",
			    "SCMP_CMP_EQ"));
	long_rule(rules, names_of("personality"), allow,
		  json_pack("{s:[o]}", "args", argument(0, 0xffffffff, "SCMP_CMP_EQ")));
	either(rules, admin, "CAP_SYS_ADMIN");
	for (size_t i = 0; i < 10; i++)
		either(rules, opened[i].calls, opened[i].capability);
	/* Conditions on one call that leave nothing undecided, with two actions. */
	json_t *audit = json_pack("[o, o]", argument(0, 16, "SCMP_CMP_EQ"), argument(2, 9, "SCMP_CMP_EQ"));
	long_rule(rules, names_of("socket"), refuse,
		  json_pack("{s:o, s:{s:[s]}, s:i, s:s}", "args", audit, "excludes", "caps", "CAP_AUDIT_WRITE",
			    "errnoRet", EINVAL, "errno", "EINVAL"));
	long_rule(rules, names_of("socket"), allow,
		  json_pack("{s:[o], s:{s:[s]}}", "args", argument(2, 9, "SCMP_CMP_NE"), "excludes", "caps",
			    "CAP_AUDIT_WRITE"));
	long_rule(rules, names_of("socket"), allow,
		  json_pack("{s:[o], s:{s:[s]}}", "args", argument(0, 16, "SCMP_CMP_NE"), "excludes", "caps",
			    "CAP_AUDIT_WRITE"));
	long_rule(rules, names_of("socket"), allow,
		  json_pack("{s:n, s:{s:[s]}}", "args", "includes", "caps", "CAP_AUDIT_WRITE"));
	json_t *profile = json_pack("{s:s, s:i, s:s, s:o, s:o}", "defaultAction", refuse, "defaultErrnoRet", ENOSYS,
				    "defaultErrno", "ENOSYS", "archMap", architecture_map(false), "syscalls", rules);
	char *text = json_dumps(profile, JSON_INDENT(1));
	json_decref(profile);
	return text;
}

TestSuite(published, .init = rt_init, .fini = rt_fini);

static const char *written(char *text)
{
	cleanup_free char *owned = text;
	cr_assert_not_null(owned);
	return rt_write("published.json", owned);
}

struct expectation {
	const char *call, *plain, *admin;
};

static void expect_attempts(const char *profile, const struct expectation *expected, size_t count)
{
	for (int admin = 0; admin < 2; admin++) {
		struct berth_options options = RT_OPTIONS("attempt");
		options.seccomp = profile;
		options.cap_add = admin ? (const char *const[]){"SYS_ADMIN", NULL} : NULL;
		const char *text = rt_output(&options);
		for (size_t i = 0; i < count; i++)
			rt_expect_value(text, expected[i].call, admin ? expected[i].admin : expected[i].plain);
	}
	/* What people run. */
	struct berth_options options = RT_OPTIONS("/bin/sh", "-c", "echo b | sort | cat; sleep 0 & wait $!; echo =$?");
	options.root = "host";
	options.seccomp = profile;
	rt_expect_value(rt_output(&options), "", "0");
}

Test(published, docker_s_default_loads_and_behaves)
{
	static const struct expectation expected[] = {
		{"unshare", "EPERM", "0"},
		{"clone-newuser", "EPERM", "0"},
		{"clone3", "ENOSYS", "0"},
		{"setns", "EPERM", "EBADF"},
		{"mount", "EPERM", "0"},
		{"keyctl", "EPERM", "EPERM"},
		{"add_key", "EPERM", "EPERM"},
		{"userfaultfd", "EPERM", "EPERM"},
		{"vsock", "EPERM", "EPERM"},
		{"unix", "0", "0"},
		{"personality", "EPERM", "EPERM"},
		{"personality-ask", "0", "0"},
		{"ptrace", "0", "0"},
		{"fork", "0", "0"},
		{"thread", "0", "0"},
		{"newest", "ENOSYS", "ENOSYS"},
		{"tiocgwinsz", "ENOTTY", "ENOTTY"},
	};
	expect_attempts(written(published_docker()), expected, sizeof expected / sizeof *expected);
}

Test(published, podman_s_default_loads_and_behaves)
{
	static const struct expectation expected[] = {
		{"unshare", "0", "0"},
		{"clone3", "0", "0"},
		{"setns", "EBADF", "EBADF"},
		{"keyctl", "0", "0"},
		{"add_key", "ENOSYS", "ENOSYS"},
		{"userfaultfd", "EPERM", "EPERM"},
		{"bpf", "EPERM", "0"},
		{"io_uring_setup", "ENOSYS", "ENOSYS"},
		{"personality", "ENOSYS", "ENOSYS"},
		{"personality-ask", "0", "0"},
		{"ptrace", "EPERM", "EPERM"},
		{"unix", "0", "0"},
		{"fork", "0", "0"},
		{"thread", "0", "0"},
		{"newest", "ENOSYS", "ENOSYS"},
	};
	expect_attempts(written(published_podman()), expected, sizeof expected / sizeof *expected);
}
