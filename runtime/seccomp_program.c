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

static int append(struct bpf_program *program, const struct sock_filter *filters, size_t count, struct error *error)
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
	return append(program, filters, (size_t)status.st_size / sizeof *filters, error);
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

enum { LOAD = BPF_LD | BPF_W | BPF_ABS, EQUAL = BPF_JMP | BPF_JEQ | BPF_K, SKIP = BPF_JMP | BPF_JA };

static uint32_t low_half(unsigned int argument)
{
	size_t offset = offsetof(struct seccomp_data, args) + argument * sizeof(uint64_t);
	return (uint32_t)(offset + (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? 4 : 0));
}

enum { BODY_MAX = 16, BLOCK_MAX = 200 };

/*
 * One rule: "if the call is this one, look at its argument". Returns the instructions written. Those that say where to
 * go on, behind all rules, carry the distance from here to block_start, for the caller to complete.
 */
static size_t rule_emit(const struct argument_rule *rule, uint32_t number, struct sock_filter *out)
{
	struct sock_filter body[BODY_MAX];
	size_t n = 0;
	const struct sock_filter refuse = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (uint32_t)rule->errnum);
	const struct sock_filter go_on = BPF_STMT(SKIP, UINT32_MAX);
	body[n++] = (struct sock_filter)BPF_STMT(LOAD, low_half(rule->argument));
	if (rule->test == REFUSE_BITS)
		body[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, rule->values[0], 1, 0);
	else
		for (size_t i = 0; i < rule->n_values; i++)
			body[n++] = (struct sock_filter)BPF_JUMP(EQUAL, rule->values[i],
								 (unsigned char)(rule->n_values - i), 0);
	/* A value that matched jumps over the first of the two. */
	body[n++] = rule->test == REFUSE_OTHERS ? refuse : go_on;
	body[n++] = rule->test == REFUSE_OTHERS ? go_on : refuse;
	out[0] = (struct sock_filter)BPF_JUMP(EQUAL, number, 0, (unsigned char)n);
	memcpy(out + 1, body, n * sizeof *body);
	return n + 1;
}

int bpf_program_add_arguments(struct bpf_program *program, const uint32_t *architectures, size_t n_architectures,
			      const struct argument_rule *rules, uint64_t capabilities, struct error *error)
{
	for (size_t i = 0; i < n_architectures; i++) {
		struct sock_filter block[BLOCK_MAX];
		size_t n = 3;
		for (const struct argument_rule *rule = rules; rule->errnum; rule++) {
			int number = seccomp_syscall_resolve_name_arch(architectures[i], rule->call);
			if (number < 0 || rule->freed_by & capabilities)
				continue;
			if (n + BODY_MAX + 1 > BLOCK_MAX)
				return error_set(error, E2BIG, "the seccomp filter has too many rules on arguments");
			n += rule_emit(rule, (uint32_t)number, block + n);
		}
		block[0] = (struct sock_filter)BPF_STMT(LOAD, offsetof(struct seccomp_data, arch));
		block[1] = (struct sock_filter)BPF_JUMP(EQUAL, architectures[i], 0, (unsigned char)(n - 2));
		block[2] = (struct sock_filter)BPF_STMT(LOAD, offsetof(struct seccomp_data, nr));
		for (size_t at = 0; at < n; at++)
			if (block[at].code == SKIP)
				block[at].k = (uint32_t)(n - at - 1);
		int code = append(program, block, n, error);
		if (code < 0)
			return code;
	}
	return 0;
}

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
	return append(program, block, sizeof block / sizeof *block, error);
}

int bpf_program_add_result(struct bpf_program *program, uint32_t result, struct error *error)
{
	const struct sock_filter out = BPF_STMT(BPF_RET | BPF_K, result);
	return append(program, &out, 1, error);
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
		BPF_STMT(LOAD, low_half(0)),
		BPF_JUMP(EQUAL, INIT_FD_STATUS, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	if (append(program, report, sizeof report / sizeof *report, error) < 0 ||
	    append(program, filters, count, error) < 0)
		return -error->code;
	for (size_t i = program->count - count; i < program->count; i++) {
		struct sock_filter *filter = &program->filters[i];
		if (filter->code == (BPF_RET | BPF_K) && result_refuses(filter->k))
			filter->k = SECCOMP_RET_USER_NOTIF;
	}
	return 0;
}

/* A search tree under way: each node asks whether the number is from here on, and goes to another node or a result. */
struct tree {
	const struct number_range *ranges;
	struct sock_filter nodes[256];
	int above[256], below[256]; /* node, or -1 - result's place */
	uint32_t results[8];        /* each once */
	int n_nodes, n_results;
};

static int result_place(struct tree *tree, uint32_t result)
{
	int i = 0;
	while (i < tree->n_results && tree->results[i] != result)
		i++;
	if (i == tree->n_results)
		tree->results[tree->n_results++] = result;
	return i;
}

/* The node that decides among the ranges from..to-1. */
static int tree_grow(struct tree *tree, size_t from, size_t to)
{
	if (to - from == 1)
		return -1 - result_place(tree, tree->ranges[from].result);
	size_t middle = from + (to - from) / 2;
	int node = tree->n_nodes++;
	tree->nodes[node] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, tree->ranges[middle].first, 0, 0);
	tree->below[node] = tree_grow(tree, from, middle);
	tree->above[node] = tree_grow(tree, middle, to);
	return node;
}

static unsigned char distance(const struct tree *tree, int node, int target)
{
	return (unsigned char)((target >= 0 ? target : tree->n_nodes - 1 - target) - node - 1);
}

int bpf_program_add_numbers(struct bpf_program *program, uint32_t architecture, const struct number_range *ranges,
			    size_t count, struct error *error)
{
	struct tree tree = {.ranges = ranges};
	/* A jump reaches 255 instructions far, and a node more than there are ranges there never is. */
	if (count < 2 || count > 240)
		return error_set(error, E2BIG, "the seccomp filter has %zu ranges of numbers, not 2 to 240", count);
	tree_grow(&tree, 0, count);
	for (int i = 0; i < tree.n_nodes; i++) {
		tree.nodes[i].jt = distance(&tree, i, tree.above[i]);
		tree.nodes[i].jf = distance(&tree, i, tree.below[i]);
	}
	const struct sock_filter head[] = {
		BPF_STMT(LOAD, offsetof(struct seccomp_data, arch)),
		BPF_JUMP(EQUAL, architecture, 1, 0),
		BPF_STMT(SKIP, (uint32_t)(1 + tree.n_nodes + tree.n_results)),
		BPF_STMT(LOAD, offsetof(struct seccomp_data, nr)),
	};
	int code = append(program, head, sizeof head / sizeof *head, error);
	if (code == 0)
		code = append(program, tree.nodes, (size_t)tree.n_nodes, error);
	for (int i = 0; code == 0 && i < tree.n_results; i++)
		code = bpf_program_add_result(program, tree.results[i], error);
	return code;
}
