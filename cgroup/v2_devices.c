/* SPDX-License-Identifier: Apache-2.0 */
/*
 * v2 has no files for devices: a BPF program that is attached to the cgroup's directory is asked for each access, and
 * goes with the directory. cgroup-v2.rst, "Device controller"; bpf(2). It is put together here, instruction by
 * instruction:
 *
 *     take apart what is asked for: type, accesses, numbers
 *     for each rule, the last first:
 *         of other devices: go on with the next
 *         denies one of the accesses asked for: 0
 *         allows the last of them: 1
 *     what no rule spoke of: 1, for the directory above to judge
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cgroup/controllers.h"
#include "nsutil/base/cleanup.h"

enum {
	HEAD = 6,
	RULE = 8, /* at the most */
	TAIL = 2,
	RULES_MOST = 512,
};

enum { RESULT = BPF_REG_0, CONTEXT, TYPE, ACCESS, MAJOR, MINOR };

struct assembly {
	struct bpf_insn *instructions;
	size_t count;
};

static void emit(struct assembly *assembly, unsigned int code, unsigned int to, unsigned int from, int offset,
		 int value)
{
	assembly->instructions[assembly->count++] = (struct bpf_insn){
		.code = (__u8)code,
		.dst_reg = (__u8)to & 15,
		.src_reg = (__u8)from & 15,
		.off = (__s16)offset,
		.imm = value,
	};
}

static void emit_load(struct assembly *assembly, unsigned int to, size_t offset)
{
	emit(assembly, BPF_LDX | BPF_MEM | BPF_W, to, CONTEXT, (int)offset, 0);
}

static void emit_end(struct assembly *assembly, int result)
{
	emit(assembly, BPF_ALU64 | BPF_MOV | BPF_K, RESULT, 0, 0, result);
	emit(assembly, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

static void emit_head(struct assembly *assembly)
{
	/* access_type is (accesses << 16) | type. */
	emit_load(assembly, TYPE, offsetof(struct bpf_cgroup_dev_ctx, access_type));
	emit(assembly, BPF_ALU | BPF_MOV | BPF_X, ACCESS, TYPE, 0, 0);
	emit(assembly, BPF_ALU | BPF_RSH | BPF_K, ACCESS, 0, 0, 16);
	emit(assembly, BPF_ALU | BPF_AND | BPF_K, TYPE, 0, 0, 0xffff);
	emit_load(assembly, MAJOR, offsetof(struct bpf_cgroup_dev_ctx, major));
	emit_load(assembly, MINOR, offsetof(struct bpf_cgroup_dev_ctx, minor));
}

static int access_bits(unsigned int access)
{
	return (access & CGROUP_DEVICE_READ ? BPF_DEVCG_ACC_READ : 0) |
	       (access & CGROUP_DEVICE_WRITE ? BPF_DEVCG_ACC_WRITE : 0) |
	       (access & CGROUP_DEVICE_MKNOD ? BPF_DEVCG_ACC_MKNOD : 0);
}

static void emit_rule(struct assembly *assembly, const struct cgroup_device_rule *rule)
{
	const int access = access_bits(rule->type == 'a' ? CGROUP_DEVICE_ALL : rule->access);
	size_t tests[3], n_tests = 0;
	const struct {
		bool wanted;
		unsigned int what;
		int value;
	} conditions[] = {
		{rule->type != 'a', TYPE, rule->type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR},
		{rule->type != 'a' && rule->major != CGROUP_DEVICE_ANY, MAJOR, (int)rule->major},
		{rule->type != 'a' && rule->minor != CGROUP_DEVICE_ANY, MINOR, (int)rule->minor},
	};
	for (size_t i = 0; i < sizeof conditions / sizeof *conditions; i++) {
		if (!conditions[i].wanted)
			continue;
		tests[n_tests++] = assembly->count;
		emit(assembly, BPF_JMP | BPF_JNE | BPF_K, conditions[i].what, 0, 0, conditions[i].value);
	}
	if (rule->allow) {
		emit(assembly, BPF_ALU | BPF_AND | BPF_K, ACCESS, 0, 0, ~access & 0xffff);
		emit(assembly, BPF_JMP | BPF_JNE | BPF_K, ACCESS, 0, TAIL, 0);
	} else {
		emit(assembly, BPF_ALU64 | BPF_MOV | BPF_X, RESULT, ACCESS, 0, 0);
		emit(assembly, BPF_ALU64 | BPF_AND | BPF_K, RESULT, 0, 0, access);
		emit(assembly, BPF_JMP | BPF_JEQ | BPF_K, RESULT, 0, TAIL, 0);
	}
	emit_end(assembly, rule->allow);
	for (size_t i = 0; i < n_tests; i++)
		assembly->instructions[tests[i]].off = (__s16)(assembly->count - tests[i] - 1);
}

/* The program's descriptor, or -errno. */
static int program_load(const struct cgroup_device_rule *rules, size_t n_rules)
{
	cleanup_free struct bpf_insn *instructions = calloc(HEAD + n_rules * RULE + TAIL, sizeof *instructions);
	if (!instructions)
		return -ENOMEM;
	struct assembly assembly = {.instructions = instructions};
	emit_head(&assembly);
	for (size_t i = n_rules; i > 0; i--)
		emit_rule(&assembly, &rules[i - 1]);
	emit_end(&assembly, 1);
	static const char license[] = "Apache-2.0";
	union bpf_attr attributes = {
		.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE,
		.insns = (uint64_t)(uintptr_t)instructions,
		.insn_cnt = (uint32_t)assembly.count,
		.license = (uint64_t)(uintptr_t)license,
		.prog_name = "berth_devices",
	};
	int fd = (int)syscall(SYS_bpf, BPF_PROG_LOAD, &attributes, sizeof attributes);
	return fd < 0 ? -errno : fd;
}

static int devices_error(const struct cgroup_directory *directory, const char *what, int code, struct error *error)
{
	int result = error_errno(error, code, "%s the BPF program for the devices of %s", what, directory->path);
	if (code == EPERM)
		error_hint(error, "(CAP_SYS_ADMIN is missing, a sandbox forbids bpf(2), or the cgroup above has a "
				  "program that allows none below)");
	else if (code == EINVAL || code == ENOSYS)
		error_hint(error, "(a kernel built with CONFIG_CGROUP_BPF is needed)");
	return result;
}

int cgroup_v2_devices_apply(const struct cgroup_directory *directory, const struct cgroup_limits *limits,
			    struct error *error)
{
	if (limits->n_devices > RULES_MOST)
		return error_set(error, E2BIG, "%zu rules for devices are too many: at the most %d", limits->n_devices,
				 RULES_MOST);
	cleanup_fd int program = program_load(limits->devices, limits->n_devices);
	if (program < 0)
		return devices_error(directory, "load", -program, error);
	cleanup_fd int at = openat(directory->fd, directory->relative, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (at < 0)
		return error_errno(error, errno, "open %s", directory->path);
	/* Programs of the directories above, systemd's for one, are asked as well, and must agree. */
	union bpf_attr attributes = {
		.target_fd = (uint32_t)at,
		.attach_bpf_fd = (uint32_t)program,
		.attach_type = BPF_CGROUP_DEVICE,
		.attach_flags = BPF_F_ALLOW_MULTI,
	};
	if (syscall(SYS_bpf, BPF_PROG_ATTACH, &attributes, sizeof attributes) < 0)
		return devices_error(directory, "attach", errno, error);
	return 0;
}
