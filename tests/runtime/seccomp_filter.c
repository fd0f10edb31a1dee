/* SPDX-License-Identifier: Apache-2.0 */
/* What seccomp filters answer, without loading one: the default's and profiles'; and profiles that must be refused. */
#include <asm/unistd.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "nsutil/base/cleanup.h"
#include "runtime/seccomp.h"
#include "runtime/seccomp_profile.h"
#include "runtime/seccomp_program.h"

#define N(array) (sizeof(array) / sizeof(*(array)))
#define BIT(capability) (UINT64_C(1) << (capability))

/* Runs a filter as the kernel does: the instructions that seccomp takes. Every jump must stay inside. */
static uint32_t run(const struct sock_filter *filters, size_t count, const struct seccomp_data *data)
{
	uint32_t a = 0, x = 0, memory[BPF_MEMWORDS] = {0};
	for (size_t at = 0; at < count; at++) {
		const struct sock_filter *f = &filters[at];
		bool taken = false;
		switch (f->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			cr_assert(f->k % 4 == 0 && f->k + 4 <= sizeof *data);
			memcpy(&a, (const char *)data + f->k, 4);
			continue;
		case BPF_LD | BPF_MEM:
			a = memory[f->k];
			continue;
		case BPF_ST:
			memory[f->k] = a;
			continue;
		case BPF_ALU | BPF_AND | BPF_K:
			a &= f->k;
			continue;
		case BPF_MISC | BPF_TAX:
			x = a;
			continue;
		case BPF_MISC | BPF_TXA:
			a = x;
			continue;
		case BPF_RET | BPF_K:
			return f->k;
		case BPF_JMP | BPF_JA:
			at += f->k;
			continue;
		case BPF_JMP | BPF_JEQ | BPF_K:
			taken = a == f->k;
			break;
		case BPF_JMP | BPF_JGT | BPF_K:
			taken = a > f->k;
			break;
		case BPF_JMP | BPF_JGE | BPF_K:
			taken = a >= f->k;
			break;
		case BPF_JMP | BPF_JSET | BPF_K:
			taken = a & f->k;
			break;
		default:
			cr_assert_fail("instruction %zu has code %#x", at, f->code);
		}
		at += taken ? f->jt : f->jf;
	}
	cr_assert_fail("the filter ran past its end");
	return 0;
}

/* 0: allowed; an errno; -1: anything else. */
static int answer(const struct seccomp_choice *choice, uint32_t audit_architecture, int number, unsigned int argument,
		  uint64_t value)
{
	struct seccomp_data data = {.nr = number, .arch = audit_architecture};
	data.args[argument] = value;
	uint32_t result = run(choice->filters, choice->count, &data);
	if (result == SECCOMP_RET_ALLOW)
		return 0;
	return (result & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_ERRNO ? (int)(result & SECCOMP_RET_DATA) : -1;
}

static struct seccomp_choice choose(const char *option, uint64_t capabilities)
{
	struct seccomp_choice choice;
	struct error error;
	cr_assert_eq(seccomp_choose(-1, option, capabilities, &choice, &error), 0, "%s", error.text);
	return choice;
}

struct expected {
	const char *call;
	unsigned int argument;
	uint64_t value;
	int answer;
};

/* In both architectures, where they have the call. libseccomp's tokens are the audit numbers, but for x32. */
static void expect_answers(const struct seccomp_choice *choice, const struct expected *expected, size_t count)
{
	const uint32_t architectures[] = {architecture_native(), architecture_compat()};
	for (size_t i = 0; i < count; i++)
		for (size_t k = 0; k < 2; k++) {
			int number = architectures[k]
					     ? seccomp_syscall_resolve_name_arch(architectures[k], expected[i].call)
					     : -1;
			if (number < 0) {
				cr_expect(k == 1 || number != __NR_SCMP_ERROR, "there is no %s", expected[i].call);
				continue;
			}
			int got = answer(choice, architectures[k], number, expected[i].argument, expected[i].value);
			cr_expect_eq(got, expected[i].answer, "%s with argument %u = %#llx gives %d, not %d (%s)",
				     expected[i].call, expected[i].argument, (unsigned long long)expected[i].value, got,
				     expected[i].answer, k ? "compat" : "native");
		}
}

#define WIDE(value) (UINT64_C(0xabcd) << 32 | (value))

Test(seccomp_filter, default_answers)
{
	static const struct expected expected[] = {
		{"read", 0, 0, 0},
		{"openat", 0, 0, 0},
		{"execve", 0, 0, 0},
		{"execveat", 0, 0, 0},
		{"exit_group", 0, 0, 0},
		{"futex", 0, 0, 0},
		{"mmap", 0, 0, 0},
		{"rseq", 0, 0, 0},
		{"statx", 0, 0, 0},
		{"openat2", 0, 0, 0},
		{"faccessat2", 0, 0, 0},
		{"epoll_pwait2", 0, 0, 0},
		{"close_range", 0, 0, 0},
		{"memfd_create", 0, 0, 0},
		{"landlock_create_ruleset", 0, 0, 0},
		{"seccomp", 0, 0, 0},
		{"ptrace", 0, 0, 0},
		{"process_vm_readv", 0, 0, 0},
		{"chroot", 0, 0, 0},
		{"setresuid", 0, 0, 0},
		{"capset", 0, 0, 0},
		{"prctl", 0, 0, 0},
		{"sched_setaffinity", 0, 0, 0},
		{"kill", 0, 0, 0},
		{"pidfd_open", 0, 0, 0},
		{"inotify_init1", 0, 0, 0},
		{"sendmmsg", 0, 0, 0},
		{"clone3", 0, 0, ENOSYS},
		{"clone", 0, CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD, 0},
		{"clone", 0, 17, 0},
		{"clone", 0, CLONE_NEWUSER | 17, EPERM},
		{"clone", 0, CLONE_NEWNS, EPERM},
		{"clone", 0, CLONE_NEWPID, EPERM},
		{"clone", 0, CLONE_NEWNET, EPERM},
		{"clone", 0, CLONE_NEWIPC, EPERM},
		{"clone", 0, CLONE_NEWUTS, EPERM},
		{"clone", 0, CLONE_NEWCGROUP, EPERM},
		{"clone", 0, WIDE(CLONE_NEWUSER), EPERM},
		{"ioctl", 1, TCGETS, 0},
		{"ioctl", 1, WIDE(TCGETS), 0},
		{"ioctl", 1, TIOCGWINSZ, 0},
		{"ioctl", 1, TIOCSTI, EPERM},
		{"ioctl", 1, WIDE(TIOCSTI), EPERM},
		{"ioctl", 1, TIOCLINUX, EPERM},
		{"ioctl", 1, WIDE(TIOCLINUX), EPERM},
		{"ioctl", 2, TIOCSTI, 0},
		{"personality", 0, 0, 0},
		{"personality", 0, 8, 0},
		{"personality", 0, 0x20000, 0},
		{"personality", 0, 0x20008, 0},
		{"personality", 0, 0xffffffff, 0},
		{"personality", 0, UINT64_MAX, 0},
		{"personality", 0, 0x0040000, EPERM},
		{"personality", 0, WIDE(0x0040000), EPERM},
		{"socket", 0, 1, 0},
		{"socket", 0, 2, 0},
		{"socket", 0, 16, 0},
		{"socket", 0, 40, EPERM},
		{"socket", 0, WIDE(40), EPERM},
		{"mount", 0, 0, EPERM},
		{"umount2", 0, 0, EPERM},
		{"fsopen", 0, 0, EPERM},
		{"fsconfig", 0, 0, EPERM},
		{"fsmount", 0, 0, EPERM},
		{"fspick", 0, 0, EPERM},
		{"move_mount", 0, 0, EPERM},
		{"open_tree", 0, 0, EPERM},
		{"mount_setattr", 0, 0, EPERM},
		{"pivot_root", 0, 0, EPERM},
		{"setns", 0, 0, EPERM},
		{"unshare", 0, 0, EPERM},
		{"keyctl", 0, 0, EPERM},
		{"add_key", 0, 0, EPERM},
		{"request_key", 0, 0, EPERM},
		{"bpf", 0, 0, EPERM},
		{"perf_event_open", 0, 0, EPERM},
		{"userfaultfd", 0, 0, EPERM},
		{"io_uring_setup", 0, 0, EPERM},
		{"io_uring_enter", 0, 0, EPERM},
		{"io_uring_register", 0, 0, EPERM},
		{"open_by_handle_at", 0, 0, EPERM},
		{"name_to_handle_at", 0, 0, 0},
		{"kexec_load", 0, 0, EPERM},
		{"init_module", 0, 0, EPERM},
		{"finit_module", 0, 0, EPERM},
		{"delete_module", 0, 0, EPERM},
		{"reboot", 0, 0, EPERM},
		{"swapon", 0, 0, EPERM},
		{"swapoff", 0, 0, EPERM},
		{"acct", 0, 0, EPERM},
		{"quotactl", 0, 0, EPERM},
		{"syslog", 0, 0, EPERM},
		{"settimeofday", 0, 0, EPERM},
		{"clock_settime", 0, 0, EPERM},
		{"clock_gettime", 0, 0, 0},
		{"mbind", 0, 0, EPERM},
		{"kcmp", 0, 0, EPERM},
		{"pidfd_getfd", 0, 0, EPERM},
		{"vhangup", 0, 0, EPERM},
		{"fanotify_init", 0, 0, EPERM},
		{"sethostname", 0, 0, EPERM},
	};
	struct seccomp_choice choice = choose(NULL, BIT(CAP_CHOWN) | BIT(CAP_NET_RAW));
	cr_expect_str_eq(choice.name, "default");
	cr_expect_null(choice.own, "the default is compiled by the build, not here");
	expect_answers(&choice, expected, N(expected));
	seccomp_choice_free(&choice);
}

Test(seccomp_filter, default_is_closed_to_what_it_does_not_know)
{
	struct seccomp_choice choice = choose("default", 0);
	const uint32_t architectures[] = {architecture_native(), architecture_compat()};
	for (size_t k = 0; k < 2 && architectures[k]; k++) {
		for (int number = 470; number < 4096; number++)
			cr_expect_eq(answer(&choice, architectures[k], number, 0, 0), ENOSYS, "call %d", number);
		cr_expect_eq(answer(&choice, architectures[k], -1, 0, 0), ENOSYS);
		cr_expect_eq(answer(&choice, architectures[k], INT32_MIN, 0, 0), ENOSYS);
	}
	/* Another architecture's, x32's among them, whatever the number. */
	for (int number = 0; number < 470; number++) {
		cr_expect_eq(answer(&choice, AUDIT_ARCH_MIPS, number, 0, 0), ENOSYS);
		if (architectures[0] == SCMP_ARCH_X86_64)
			cr_expect_eq(answer(&choice, AUDIT_ARCH_X86_64, number | 0x40000000, 0, 0), ENOSYS);
	}
	if (architectures[1] == SCMP_ARCH_X86) {
		/* A socket whose family no filter can see; the rest of socketcall stays. */
		int socketcall = seccomp_syscall_resolve_name_arch(SCMP_ARCH_X86, "socketcall");
		cr_expect_eq(answer(&choice, AUDIT_ARCH_I386, socketcall, 0, 1), ENOSYS);
		cr_expect_eq(answer(&choice, AUDIT_ARCH_I386, socketcall, 0, 3), 0);
	}
	seccomp_choice_free(&choice);
}

/* What the table says, looked up one range after the other. */
static uint32_t table_answer(const struct number_table *table, uint32_t number, uint32_t argument)
{
	size_t i = 0;
	while (i + 1 < table->count && table->ranges[i + 1].first <= number)
		i++;
	const struct number_range *range = &table->ranges[i];
	return range->rule && argument == range->rule->values[0] ? SECCOMP_RET_ERRNO | (uint32_t)range->rule->errnum
								 : range->result;
}

static void expect_table(const struct bpf_program *program, const struct number_table *table, uint32_t number)
{
	for (uint32_t argument = 6; argument < 8; argument++) {
		struct seccomp_data data = {.nr = (int)number, .arch = table->architecture, .args = {0, argument}};
		uint32_t result = run(program->filters, program->count, &data);
		uint32_t expected = table_answer(table, number, argument);
		cr_assert_eq(result, expected, "%u of %#x gives %#x, not %#x", number, table->architecture, result,
			     expected);
	}
}

Test(seccomp_filter, numbers_give_what_their_table_says)
{
	static const struct argument_rule rule = {"call", 1, REFUSE_EQUAL, EPERM, 0, {7}, 1};
	static const struct number_range kinds[] = {
		{0, SECCOMP_RET_ALLOW, NULL},
		{0, SECCOMP_RET_ALLOW, &rule},
		{0, SECCOMP_RET_ERRNO | EPERM, NULL},
		{0, SECCOMP_RET_ERRNO | ENOSYS, NULL},
	};
	static const uint32_t architectures[] = {AUDIT_ARCH_X86_64, AUDIT_ARCH_I386};
	srandom(1);
	for (int round = 0; round < 200; round++) {
		struct number_range ranges[2][60];
		struct number_table tables[2];
		for (int i = 0; i < 2; i++) {
			size_t count = 2 + (size_t)random() % 58;
			uint32_t first = 0, widest = 1 + (uint32_t)random() % 9;
			int kind = 0;
			for (size_t k = 0; k < count; first += 1 + (uint32_t)random() % widest, k++) {
				kind = (kind + 1 + (int)(random() % 3)) % 4;
				ranges[i][k] = kinds[kind];
				ranges[i][k].first = first;
			}
			tables[i] = (struct number_table){architectures[i], ranges[i], count};
		}
		cleanup_bpf struct bpf_program program = {0};
		struct error error;
		cr_assert_eq(bpf_program_add_numbers(&program, tables, 2, &error), 0, "%s", error.text);
		cr_assert_eq(bpf_program_add_result(&program, SECCOMP_RET_KILL_PROCESS, &error), 0);
		for (int i = 0; i < 2; i++) {
			for (uint32_t number = 0; number < 700; number++)
				expect_table(&program, &tables[i], number);
			expect_table(&program, &tables[i], UINT32_MAX);
		}
		struct seccomp_data other = {.arch = AUDIT_ARCH_ARM};
		cr_assert_eq(run(program.filters, program.count, &other), SECCOMP_RET_KILL_PROCESS);
	}
}

Test(seccomp_filter, default_opens_for_capabilities)
{
	static const struct {
		uint64_t capabilities;
		struct expected expected;
	} cases[] = {
		{BIT(CAP_SYS_ADMIN), {"mount", 0, 0, 0}},
		{BIT(CAP_SYS_ADMIN), {"unshare", 0, 0, 0}},
		{BIT(CAP_SYS_ADMIN), {"setns", 0, 0, 0}},
		{BIT(CAP_SYS_ADMIN), {"clone", 0, CLONE_NEWNS, 0}},
		{BIT(CAP_SYS_ADMIN), {"clone3", 0, 0, 0}},
		{BIT(CAP_SYS_ADMIN), {"bpf", 0, 0, 0}},
		{BIT(CAP_SYS_ADMIN), {"ioctl", 1, TIOCSTI, EPERM}},
		{BIT(CAP_SYS_ADMIN), {"keyctl", 0, 0, EPERM}},
		{BIT(CAP_SYS_ADMIN), {"io_uring_setup", 0, 0, EPERM}},
		{BIT(CAP_SYS_ADMIN), {"init_module", 0, 0, EPERM}},
		{BIT(CAP_SYS_ADMIN), {"reboot", 0, 0, EPERM}},
		{BIT(CAP_SYS_MODULE), {"init_module", 0, 0, 0}},
		{BIT(CAP_SYS_MODULE), {"mount", 0, 0, EPERM}},
		{BIT(CAP_SYS_TIME), {"clock_settime", 0, 0, 0}},
		{BIT(CAP_SYS_BOOT), {"reboot", 0, 0, 0}},
		{BIT(CAP_SYS_NICE), {"mbind", 0, 0, 0}},
		{BIT(CAP_SYS_PTRACE), {"kcmp", 0, 0, 0}},
		{BIT(CAP_DAC_READ_SEARCH), {"open_by_handle_at", 0, 0, 0}},
		{BIT(CAP_BPF), {"bpf", 0, 0, 0}},
		{BIT(CAP_PERFMON), {"perf_event_open", 0, 0, 0}},
		{BIT(CAP_SYSLOG), {"syslog", 0, 0, 0}},
	};
	for (size_t i = 0; i < N(cases); i++) {
		struct seccomp_choice choice = choose(NULL, cases[i].capabilities);
		cr_expect(seccomp_is_kept(choice.name) && strstr(choice.name, "default, opened for CAP_"), "%s",
			  choice.name);
		expect_answers(&choice, &cases[i].expected, 1);
		seccomp_choice_free(&choice);
	}
}

/* ---- Profiles ---- */

/* In the shape that the published default profiles have. */
static const char profile_text[] =
	"{\"defaultAction\": \"SCMP_ACT_ERRNO\", \"defaultErrnoRet\": 1,\n"
	" \"archMap\": [{\"architecture\": \"SCMP_ARCH_X86_64\","
	"   \"subArchitectures\": [\"SCMP_ARCH_X86\", \"SCMP_ARCH_X32\"]},\n"
	"  {\"architecture\": \"SCMP_ARCH_AARCH64\", \"subArchitectures\": [\"SCMP_ARCH_ARM\"]}],\n"
	" \"syscalls\": [\n"
	"  {\"names\": [\"read\", \"write\", \"execve\", \"exit_group\", \"no_such_call_yet\", \"close_range\"],"
	"   \"action\": \"SCMP_ACT_ALLOW\", \"args\": null, \"comment\": \"\", \"includes\": {}, \"excludes\": {}},\n"
	"  {\"names\": [\"ptrace\"], \"action\": \"SCMP_ACT_ALLOW\", \"includes\": {\"minKernel\": \"4.8\"}},\n"
	"  {\"names\": [\"kcmp\"], \"action\": \"SCMP_ACT_ALLOW\", \"includes\": {\"minKernel\": \"999.0\"}},\n"
	"  {\"names\": [\"lseek\"], \"action\": \"SCMP_ACT_ALLOW\", \"includes\": {\"arches\": [\"amd64\", "
	"\"arm64\"]}},\n"
	"  {\"names\": [\"dup\"], \"action\": \"SCMP_ACT_ALLOW\", \"includes\": {\"arches\": [\"s390x\"]}},\n"
	"  {\"names\": [\"getpid\"], \"action\": \"SCMP_ACT_ALLOW\", \"excludes\": {\"arches\": [\"amd64\", "
	"\"arm64\"]}},\n"
	"  {\"names\": [\"mount\", \"clone\"], \"action\": \"SCMP_ACT_ALLOW\","
	"   \"includes\": {\"caps\": [\"CAP_SYS_ADMIN\"]}},\n"
	"  {\"names\": [\"clone\"], \"action\": \"SCMP_ACT_ALLOW\","
	"   \"args\": [{\"index\": 0, \"value\": 2114060288, \"valueTwo\": 0, \"op\": \"SCMP_CMP_MASKED_EQ\"}],"
	"   \"excludes\": {\"caps\": [\"CAP_SYS_ADMIN\"]}},\n"
	"  {\"names\": [\"clone3\"], \"action\": \"SCMP_ACT_ERRNO\", \"errnoRet\": 38,"
	"   \"excludes\": {\"caps\": [\"CAP_SYS_ADMIN\"]}},\n"
	"  {\"names\": [\"bpf\"], \"action\": \"SCMP_ACT_ERRNO\", \"errno\": \"EACCES\"},\n"
	"  {\"name\": \"personality\", \"action\": \"SCMP_ACT_ALLOW\","
	"   \"args\": [{\"index\": 0, \"value\": 0, \"op\": \"SCMP_CMP_EQ\"},"
	"              {\"index\": 0, \"value\": 8, \"op\": \"SCMP_CMP_EQ\"}]},\n"
	"  {\"names\": [\"reboot\"], \"action\": \"SCMP_ACT_KILL_PROCESS\"}\n"
	" ]}\n";

static const char *write_profile(const char *text)
{
	static char path[64];
	strcpy(path, "/tmp/berth-test-profile-XXXXXX");
	cleanup_fd int fd = mkstemp(path);
	cr_assert_geq(fd, 0);
	cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	return path;
}

Test(seccomp_filter, profile_answers)
{
	static const struct expected plain[] = {
		{"read", 0, 0, 0},
		{"close_range", 0, 0, 0},
		{"open_tree", 0, 0, EPERM},
		{"ptrace", 0, 0, 0},
		{"kcmp", 0, 0, EPERM},
		{"lseek", 0, 0, 0},
		{"dup", 0, 0, EPERM},
		{"getpid", 0, 0, EPERM},
		{"mount", 0, 0, EPERM},
		{"clone", 0, 17, 0},
		{"clone", 0, CLONE_NEWUSER, EPERM},
		{"clone3", 0, 0, ENOSYS},
		{"bpf", 0, 0, EACCES},
		{"personality", 0, 0, 0},
		{"personality", 0, 8, 0},
		{"personality", 0, 9, EPERM},
		{"reboot", 0, 0, -1},
		/* Newer than all it names. */
		{"landlock_create_ruleset", 0, 0, ENOSYS},
	};
	static const struct expected admin[] = {
		{"mount", 0, 0, 0},
		{"clone", 0, CLONE_NEWUSER, 0},
		{"clone3", 0, 0, EPERM},
	};
	const char *path = write_profile(profile_text);
	struct seccomp_choice choice = choose(path, 0);
	cr_expect_str_eq(choice.name, path);
	cr_expect(seccomp_is_kept(choice.name));
	expect_answers(&choice, plain, N(plain));
	seccomp_choice_free(&choice);
	choice = choose(path, BIT(CAP_SYS_ADMIN));
	expect_answers(&choice, admin, N(admin));
	seccomp_choice_free(&choice);
	unlink(path);
}

Test(seccomp_filter, profile_that_allows_stays_open)
{
	const char *path =
		write_profile("{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"flags\":[\"SECCOMP_FILTER_FLAG_LOG\"],"
			      "\"syscalls\":[{\"names\":[\"chmod\",\"fchmodat\"],"
			      "\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":13}]}");
	struct seccomp_choice choice = choose(path, 0);
	const struct expected expected[] = {
		{"fchmodat", 0, 0, EACCES}, {"landlock_create_ruleset", 0, 0, 0}, {"mount", 0, 0, 0}};
	cr_expect_eq(choice.flags, SECCOMP_FILTER_FLAG_LOG);
	for (size_t i = 0; i < N(expected); i++) {
		int number = seccomp_syscall_resolve_name(expected[i].call);
		cr_expect_eq(answer(&choice, architecture_native(), number, 0, 0), expected[i].answer, "%s",
			     expected[i].call);
	}
	seccomp_choice_free(&choice);
	unlink(path);
}

Test(seccomp_filter, bad_profiles_are_refused_with_their_reason)
{
#define RULE(text) "{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"syscalls\":[{\"names\":[\"read\"]," text "}]}"
#define ALLOW "\"action\":\"SCMP_ACT_ALLOW\""
	static const struct {
		const char *text, *part;
	} bad[] = {
		{"", "line 1"},
		{"{", "line 1"},
		{"{\"defaultAction\":\"SCMP_ACT_ALLOW\"} x", "line 1"},
		{"[]", "no object"},
		{"{}", "defaultAction"},
		{"{\"defaultAction\":1}", "defaultAction"},
		{"{\"defaultAction\":\"ALLOW\"}", "'ALLOW' is not known"},
		{"{\"defaultAction\":\"SCMP_ACT_NOTIFY\"}", "SCMP_ACT_NOTIFY"},
		{"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"defaultAction\":\"SCMP_ACT_ERRNO\"}", "duplicate"},
		{"{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":-1}", "defaultErrnoRet"},
		{"{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":70000}", "defaultErrnoRet"},
		{"{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrno\":\"EWHAT\"}", "EWHAT"},
		{"{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"sycalls\":[]}", "sycalls is not known"},
		{"{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"syscalls\":{}}", "syscalls is no list"},
		{"{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"syscalls\":[1]}", "syscalls[0] is no object"},
		{"{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"syscalls\":[{" ALLOW "}]}", "must have names"},
		{"{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"syscalls\":[{\"names\":[1]," ALLOW "}]}", "names[0]"},
		{"{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"syscalls\":[{\"names\":\"read\"," ALLOW "}]}", "names"},
		{"{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"architectures\":[\"X86\"]}", "architectures"},
		{"{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"architectures\":[\"SCMP_ARCH_X86\"],"
		 "\"archMap\":[{\"architecture\":\"SCMP_ARCH_X86\"}]}",
		 "archMap"},
		{"{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"flags\":[\"LOG\"]}", "flags"},
		{RULE("\"action\":\"SCMP_ACT_NO\""), "syscalls[0].action"},
		{RULE("\"actoin\":\"SCMP_ACT_ALLOW\""), "syscalls[0].actoin"},
		{RULE(ALLOW ",\"name\":\"write\""), "not both"},
		{RULE(ALLOW ",\"args\":1"), "args is no list"},
		{RULE(ALLOW ",\"args\":[{\"index\":6,\"value\":0,\"op\":\"SCMP_CMP_EQ\"}]"), "args[0].index"},
		{RULE(ALLOW ",\"args\":[{\"index\":0,\"value\":0,\"op\":\"==\"}]"), "args[0].op"},
		{RULE(ALLOW ",\"args\":[{\"index\":0,\"value\":-1,\"op\":\"SCMP_CMP_EQ\"}]"), "args[0].value"},
		{RULE(ALLOW ",\"args\":[{\"index\":0,\"val\":1,\"op\":\"SCMP_CMP_EQ\"}]"), "args[0].val"},
		{RULE(ALLOW ",\"includes\":{\"caps\":[\"SYS_ADMIN\"]}"), "includes.caps"},
		{RULE(ALLOW ",\"includes\":{\"minKernel\":\"new\"}"), "includes.minKernel"},
		{RULE(ALLOW ",\"excludes\":{\"arches\":\"amd64\"}"), "excludes.arches"},
		{RULE(ALLOW ",\"excludes\":{\"kernel\":\"4.8\"}"), "excludes.kernel"},
	};
	for (size_t i = 0; i < N(bad); i++) {
		const char *path = write_profile(bad[i].text);
		struct seccomp_choice choice;
		struct error error;
		cr_expect_eq(seccomp_choose(-1, path, 0, &choice, &error), -EINVAL, "taken: %s", bad[i].text);
		cr_expect(strstr(error.text, path) && strstr(error.text, bad[i].part), "%s: '%s' is not in: %s",
			  bad[i].text, bad[i].part, error.text);
		seccomp_choice_free(&choice);
		unlink(path);
	}
}

Test(seccomp_filter, conditions_hold_against_another_setting)
{
	char *arm[] = {(char *)"arm64", NULL};
	const struct profile_setting old = {.capabilities = 1, .architecture = "arm64", .kernel = 4 << 16 | 7};
	const struct {
		struct profile_rule rule;
		bool applies;
	} cases[] = {
		{{0}, true},
		{{.includes = {.capabilities = 1}}, true},
		{{.includes = {.capabilities = 3}}, false},
		{{.includes = {.never = true}}, false},
		{{.includes = {.kernel = 4 << 16 | 7}}, true},
		{{.includes = {.kernel = 4 << 16 | 8}}, false},
		{{.includes = {.architectures = arm}}, true},
		{{.excludes = {.capabilities = 3}}, false},
		{{.excludes = {.capabilities = 2}}, true},
		{{.excludes = {.never = true}}, true},
		{{.excludes = {.kernel = 4 << 16 | 8}}, true},
		{{.excludes = {.kernel = 3 << 16 | 9}}, false},
		{{.excludes = {.architectures = arm}}, false},
	};
	for (size_t i = 0; i < N(cases); i++)
		cr_expect_eq(profile_rule_applies(&cases[i].rule, &old), cases[i].applies, "case %zu", i);
}

/* All that is refused waits for the listener, all else stays, but for the report of the listener itself. */
Test(seccomp_filter, telling_refuses_nothing)
{
	struct seccomp_choice choice = choose(NULL, 0);
	struct error error;
	cr_assert_eq(seccomp_choice_log(&choice, &error), 0, "%s", error.text);
	const uint32_t architectures[] = {architecture_native(), architecture_compat(), SCMP_ARCH_S390X};
	size_t refused = 0;
	for (size_t i = 0; i < N(architectures); i++)
		for (int number = 0; number < 600; number++) {
			struct seccomp_data data = {.nr = number, .arch = architectures[i]};
			bool allowed = run(choice.filters, choice.count, &data) == SECCOMP_RET_ALLOW;
			refused += !allowed;
			cr_expect_eq(run(choice.log, choice.n_log, &data),
				     allowed ? SECCOMP_RET_ALLOW : SECCOMP_RET_USER_NOTIF, "%d", number);
		}
	cr_expect_gt(refused, 600);
	seccomp_choice_free(&choice);
	choice = choose("unconfined", 0);
	cr_expect_eq(seccomp_choice_log(&choice, &error), -EINVAL);
	seccomp_choice_free(&choice);
}
