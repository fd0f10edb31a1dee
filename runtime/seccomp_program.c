/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/seccomp_program.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "nsutil/base/cleanup.h"
#include "nsutil/plan_format.h"

void bpf_program_free(struct bpf_program *program)
{
	free(program->filters);
	*program = (struct bpf_program){0};
}

int bpf_program_add(struct bpf_program *program, const struct sock_filter *filters, size_t count, struct error *error)
{
	if (program->count + count > BPF_MAXINSNS)
		return error_set(error, E2BIG, "the seccomp filter is too long: the kernel takes %d instructions",
				 BPF_MAXINSNS);
	struct sock_filter *grown = reallocarray(program->filters, program->count + count, sizeof *grown);
	if (!grown)
		return error_errno(error, ENOMEM, "make a seccomp filter");
	memcpy(grown + program->count, filters, count * sizeof *grown);
	program->filters = grown;
	program->count += count;
	return 0;
}

int bpf_program_add_rules(struct bpf_program *program, scmp_filter_ctx rules, struct error *error)
{
	/* libseccomp before 2.6 writes to a descriptor only. */
	cleanup_fd int fd = memfd_create("berth-seccomp", MFD_CLOEXEC);
	if (fd < 0)
		return error_errno(error, errno, "make a memfd for a seccomp filter");
	int code = seccomp_export_bpf(rules, fd);
	struct stat status;
	if (code < 0 || fstat(fd, &status) < 0)
		return error_errno(error, code < 0 ? -code : errno, "compile a seccomp filter");
	cleanup_free struct sock_filter *filters = malloc((size_t)status.st_size + 1);
	if (!filters || pread(fd, filters, (size_t)status.st_size, 0) != status.st_size)
		return error_errno(error, filters ? EIO : ENOMEM, "read the compiled seccomp filter");
	return bpf_program_add(program, filters, (size_t)status.st_size / sizeof *filters, error);
}

uint32_t architecture_native(void)
{
	return seccomp_arch_native();
}

uint32_t architecture_compat(void)
{
	switch (seccomp_arch_native()) {
	case SCMP_ARCH_X86_64:
		return SCMP_ARCH_X86;
	case SCMP_ARCH_AARCH64:
		return SCMP_ARCH_ARM;
	default:
		return 0;
	}
}

enum { LOAD = BPF_LD | BPF_W | BPF_ABS, EQUAL = BPF_JMP | BPF_JEQ | BPF_K };

int bpf_program_add_ceiling(struct bpf_program *program, uint32_t architecture, int highest, struct error *error)
{
	/* Numbers from 2^30 up are another ABI's on x86 (x32): for what comes behind to judge. */
	const struct sock_filter block[] = {
		BPF_STMT(LOAD, offsetof(struct seccomp_data, arch)),
		BPF_JUMP(EQUAL, architecture, 0, 4),
		BPF_STMT(LOAD, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, (uint32_t)highest, 0, 2),
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 0x40000000, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
	};
	return bpf_program_add(program, block, sizeof block / sizeof *block, error);
}

int bpf_program_add_result(struct bpf_program *program, uint32_t result, struct error *error)
{
	const struct sock_filter out = BPF_STMT(BPF_RET | BPF_K, result);
	return bpf_program_add(program, &out, 1, error);
}

/* A tracer is not there to ask, which the kernel then refuses with ENOSYS. */
static bool result_refuses(uint32_t result)
{
	uint32_t action = result & SECCOMP_RET_ACTION_FULL;
	return action != SECCOMP_RET_ALLOW && action != SECCOMP_RET_LOG;
}

int bpf_program_add_telling(struct bpf_program *program, const struct sock_filter *filters, size_t count,
			    struct error *error)
{
	int sendmsg_number = seccomp_syscall_resolve_name("sendmsg");
	const struct sock_filter report[] = {
		BPF_STMT(LOAD, offsetof(struct seccomp_data, arch)),
		BPF_JUMP(EQUAL, architecture_native(), 0, 5),
		BPF_STMT(LOAD, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(EQUAL, (uint32_t)sendmsg_number, 0, 3),
		BPF_STMT(LOAD, bpf_argument_low(0)),
		BPF_JUMP(EQUAL, INIT_FD_STATUS, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	if (bpf_program_add(program, report, sizeof report / sizeof *report, error) < 0 ||
	    bpf_program_add(program, filters, count, error) < 0)
		return -error->code;
	for (size_t i = program->count - count; i < program->count; i++) {
		struct sock_filter *filter = &program->filters[i];
		if (filter->code == (BPF_RET | BPF_K) && result_refuses(filter->k))
			filter->k = SECCOMP_RET_USER_NOTIF;
	}
	return 0;
}
