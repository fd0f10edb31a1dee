/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The default filter: allowed is each call that was there when this table was last gone through, but for those named
 * here, which give EPERM; what is newer gives ENOSYS, so that C libraries fall back. What is named is what the
 * field's runtimes refuse, by their documentation: calls that reach past what namespaces part, or that hardly any
 * program needs and exploits have needed often.
 */
#include <errno.h>
#include <linux/capability.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/socket.h>

#include "nsutil/base/cleanup.h"
#include "runtime/seccomp_program.h"

/* The last number gone through, the same in all architectures from 424 on: file_setattr, Linux 6.17. */
enum { NUMBER_REVIEWED = 469, ARM_PRIVATE = 0xf0000, ARM_PRIVATE_END = 0xf0010 };

#define HOLDING(capability) (UINT64_C(1) << CAP_##capability)
#define ADMIN HOLDING(SYS_ADMIN)

/* Refused, unless the container holds one of the capabilities. */
static const struct {
	const char *call;
	uint64_t freed_by;
} refused[] = {
	/* Keys: the kernel's keyrings know no containers. */
	{"add_key", 0},
	{"keyctl", 0},
	{"request_key", 0},
	/* The mount tree and the namespaces, which are the container's walls. */
	{"fsconfig", ADMIN},
	{"fsmount", ADMIN},
	{"fsopen", ADMIN},
	{"fspick", ADMIN},
	{"mount", ADMIN},
	{"mount_setattr", ADMIN},
	{"move_mount", ADMIN},
	{"open_tree", ADMIN},
	{"open_tree_attr", ADMIN},
	{"pivot_root", 0},
	{"setns", ADMIN},
	{"umount", ADMIN},
	{"umount2", ADMIN},
	{"unshare", ADMIN},
	{"setdomainname", ADMIN},
	{"sethostname", ADMIN},
	{"open_by_handle_at", HOLDING(DAC_READ_SEARCH)},
	{"fanotify_init", ADMIN},
	{"quotactl", ADMIN},
	{"quotactl_fd", ADMIN},
	{"swapon", 0},
	{"swapoff", 0},
	/* The kernel's code, its log, its measuring: large, and full of history. */
	{"bpf", ADMIN | HOLDING(BPF)},
	{"perf_event_open", ADMIN | HOLDING(PERFMON)},
	{"lookup_dcookie", ADMIN},
	{"syslog", ADMIN | HOLDING(SYSLOG)},
	{"userfaultfd", 0},
	{"io_uring_setup", 0},
	{"io_uring_enter", 0},
	{"io_uring_register", 0},
	{"create_module", HOLDING(SYS_MODULE)},
	{"delete_module", HOLDING(SYS_MODULE)},
	{"finit_module", HOLDING(SYS_MODULE)},
	{"init_module", HOLDING(SYS_MODULE)},
	{"get_kernel_syms", 0},
	{"query_module", 0},
	{"kexec_file_load", 0},
	{"kexec_load", 0},
	{"reboot", HOLDING(SYS_BOOT)},
	/* The machine: ports, clocks, NUMA nodes, accounting, consoles. */
	{"ioperm", HOLDING(SYS_RAWIO)},
	{"iopl", HOLDING(SYS_RAWIO)},
	{"pciconfig_iobase", 0},
	{"pciconfig_read", 0},
	{"pciconfig_write", 0},
	{"acct", HOLDING(SYS_PACCT)},
	{"clock_settime", HOLDING(SYS_TIME)},
	{"clock_settime64", HOLDING(SYS_TIME)},
	{"settimeofday", HOLDING(SYS_TIME)},
	{"stime", HOLDING(SYS_TIME)},
	{"get_mempolicy", HOLDING(SYS_NICE)},
	{"mbind", HOLDING(SYS_NICE)},
	{"migrate_pages", HOLDING(SYS_NICE)},
	{"move_pages", HOLDING(SYS_NICE)},
	{"set_mempolicy", HOLDING(SYS_NICE)},
	{"set_mempolicy_home_node", HOLDING(SYS_NICE)},
	{"vhangup", HOLDING(SYS_TTY_CONFIG)},
	/* Other processes. ptrace and process_vm_* are allowed: since Linux 4.8 a tracer can't leave its own filter. */
	{"kcmp", HOLDING(SYS_PTRACE)},
	{"pidfd_getfd", HOLDING(SYS_PTRACE)},
	{"process_madvise", HOLDING(SYS_PTRACE)},
	/* Long obsolete. */
	{"_sysctl", 0},
	{"nfsservctl", 0},
	{"sysfs", 0},
	{"uselib", 0},
	{"ustat", 0},
	{"vm86", 0},
	{"vm86old", 0},
};

#define NAMESPACES                                                                                                     \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET)

/* Of those allowed, what is refused for an argument. */
static const struct argument_rule argument_rules[] = {
	{"clone", 0, REFUSE_BITS, EPERM, ADMIN, {NAMESPACES}, 1},
	/* Typing into the terminal of whoever started the container (CVE-2016-2779), and the console's pasting. */
	{"ioctl", 1, REFUSE_EQUAL, EPERM, 0, {TIOCSTI, TIOCLINUX}, 2},
	/* Linux, a 32-bit machine's, each also with the kernel telling version 2.6, and asking. */
	{"personality",
	 0,
	 REFUSE_OTHERS,
	 EPERM,
	 0,
	 {PER_LINUX, PER_LINUX32, UNAME26, UNAME26 | PER_LINUX32, 0xffffffff},
	 5},
	/* Virtual machines' sockets know no network namespace. */
	{"socket", 0, REFUSE_EQUAL, EPERM, 0, {AF_VSOCK}, 1},
	/* The 32-bit way to make a socket, whose arguments no filter sees. C libraries turn to socket. */
	{"socketcall", 0, REFUSE_EQUAL, ENOSYS, 0, {1 /* SYS_SOCKET of linux/net.h */}, 1},
	{0},
};

uint64_t bpf_program_default_capabilities(void)
{
	uint64_t set = 0;
	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
		set |= refused[i].freed_by;
	return set;
}

enum { RANGES_MAX = 256 };

static uint32_t call_result(const char *call, uint64_t capabilities)
{
	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
		if (strcmp(refused[i].call, call) == 0 && !(refused[i].freed_by & capabilities))
			return SECCOMP_RET_ERRNO | EPERM;
	/* Its flags are in memory, where no filter can look: C libraries turn to clone. */
	if (strcmp(call, "clone3") == 0 && !(capabilities & ADMIN))
		return SECCOMP_RET_ERRNO | ENOSYS;
	return SECCOMP_RET_ALLOW;
}

static const struct argument_rule *call_rule(const char *call, uint64_t capabilities)
{
	for (const struct argument_rule *rule = argument_rules; rule->errnum; rule++)
		if (strcmp(rule->call, call) == 0 && !(rule->freed_by & capabilities))
			return rule;
	return NULL;
}

static int ranges_make(uint32_t architecture, uint64_t capabilities, struct number_range ranges[RANGES_MAX],
		       struct error *error)
{
	int n = 0;
	/* One number more, at each end, which no call has. */
	for (int number = 0; number <= ARM_PRIVATE_END; number++) {
		if (number == NUMBER_REVIEWED + 2)
			number = ARM_PRIVATE;
		cleanup_free char *call = NULL;
		if (number <= NUMBER_REVIEWED || architecture == SCMP_ARCH_ARM)
			call = seccomp_syscall_resolve_num_arch(architecture, number);
		uint32_t result = call ? call_result(call, capabilities) : SECCOMP_RET_ERRNO | ENOSYS;
		const struct argument_rule *rule = result == SECCOMP_RET_ALLOW ? call_rule(call, capabilities) : NULL;
		if (n > 0 && ranges[n - 1].result == result && ranges[n - 1].rule == rule)
			continue;
		if (n == RANGES_MAX)
			return error_set(error, E2BIG, "make the default seccomp filter: it has too many parts");
		ranges[n++] = (struct number_range){(uint32_t)number, result, rule};
	}
	return n;
}

int bpf_program_default(uint64_t capabilities, struct bpf_program *program, struct error *error)
{
	*program = (struct bpf_program){0};
	const uint32_t architectures[] = {architecture_native(), architecture_compat()};
	size_t n_architectures = architectures[1] ? 2 : 1;
	struct number_range ranges[2][RANGES_MAX];
	struct number_table tables[2];
	for (size_t i = 0; i < n_architectures; i++) {
		int count = ranges_make(architectures[i], capabilities, ranges[i], error);
		if (count < 0)
			return count;
		tables[i] = (struct number_table){architectures[i], ranges[i], (size_t)count};
	}
	cleanup_bpf struct bpf_program made = {0};
	/* All other architectures; x32's numbers are too high for all ranges. */
	if (bpf_program_add_numbers(&made, tables, n_architectures, error) < 0 ||
	    bpf_program_add_result(&made, SECCOMP_RET_ERRNO | ENOSYS, error) < 0)
		return -error->code;
	*program = made;
	made = (struct bpf_program){0};
	return 0;
}
