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

/* Instructions in a result: a rule on an argument takes one for each value, and three. */
enum { RESULT_MOST = 3 + sizeof(((struct argument_rule *)NULL)->values) / sizeof(uint32_t), RESULTS_MOST = 16 };

/* A search tree under way: each node asks whether the number is from here on, and goes to another node or a result. */
struct tree {
	const struct number_range *ranges;
	struct sock_filter nodes[256];
	int above[256], below[256]; /* node, or -1 - result's place */
	const struct number_range *results[RESULTS_MOST];
	int n_nodes, n_results;
	bool full; /* of results */
};

/* The instructions of a result, which end in returning: as the range says, or as its rule on an argument does. */
static size_t result_emit(const struct number_range *range, struct sock_filter *out)
{
	const struct argument_rule *rule = range->rule;
	const struct sock_filter granted = BPF_STMT(BPF_RET | BPF_K, range->result);
	size_t n = 0;
	if (rule) {
		const struct sock_filter refused =
			BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (uint32_t)rule->errnum);
		unsigned short test = rule->test == REFUSE_BITS ? BPF_JMP | BPF_JSET | BPF_K : EQUAL;
		out[n++] = (struct sock_filter)BPF_STMT(LOAD, low_half(rule->argument));
		/* What matches jumps over the first of the two. */
		for (size_t i = 0; i < rule->n_values; i++)
			out[n++] = (struct sock_filter)BPF_JUMP(test, rule->values[i],
								(unsigned char)(rule->n_values - i), 0);
		out[n++] = rule->test == REFUSE_OTHERS ? refused : granted;
		out[n++] = rule->test == REFUSE_OTHERS ? granted : refused;
	} else {
		out[n++] = granted;
	}
	return n;
}

static int result_place(struct tree *tree, const struct number_range *range)
{
	int i = 0;
	while (i < tree->n_results &&
	       (tree->results[i]->result != range->result || tree->results[i]->rule != range->rule))
		i++;
	if (i == RESULTS_MOST) {
		tree->full = true;
		return 0;
	}
	if (i == tree->n_results)
		tree->results[tree->n_results++] = range;
	return i;
}

/* The node that decides among the ranges from..to-1. */
static int tree_grow(struct tree *tree, size_t from, size_t to)
{
	if (to - from == 1)
		return -1 - result_place(tree, &tree->ranges[from]);
	size_t middle = from + (to - from) / 2;
	int node = tree->n_nodes++;
	tree->nodes[node] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, tree->ranges[middle].first, 0, 0);
	tree->below[node] = tree_grow(tree, from, middle);
	tree->above[node] = tree_grow(tree, middle, to);
	return node;
}

int bpf_program_add_numbers(struct bpf_program *program, uint32_t architecture, const struct number_range *ranges,
			    size_t count, struct error *error)
{
	struct tree tree = {.ranges = ranges};
	if (count < 2 || count > sizeof tree.nodes / sizeof *tree.nodes)
		return error_set(error, E2BIG, "the seccomp filter has %zu ranges of numbers, not 2 to %zu", count,
				 sizeof tree.nodes / sizeof *tree.nodes);
	tree_grow(&tree, 0, count);
	/* Behind the nodes lie the results. */
	struct sock_filter results[RESULTS_MOST * RESULT_MOST];
	size_t places[RESULTS_MOST], n = 0, n_nodes = (size_t)tree.n_nodes;
	for (int i = 0; i < tree.n_results; i++) {
		places[i] = n_nodes + n;
		n += result_emit(tree.results[i], results + n);
	}
	bool near = !tree.full;
	for (size_t i = 0; i < n_nodes; i++) {
		int above = tree.above[i], below = tree.below[i];
		size_t to_above = (above >= 0 ? (size_t)above : places[-1 - above]) - i - 1;
		size_t to_below = (below >= 0 ? (size_t)below : places[-1 - below]) - i - 1;
		near = near && to_above <= UINT8_MAX && to_below <= UINT8_MAX;
		tree.nodes[i].jt = (unsigned char)to_above;
		tree.nodes[i].jf = (unsigned char)to_below;
	}
	if (!near)
		return error_set(error, E2BIG,
				 "the seccomp filter is too long: a jump reaches %d instructions far, to %d "
				 "results at the most",
				 UINT8_MAX, RESULTS_MOST);
	const struct sock_filter head[] = {
		BPF_STMT(LOAD, offsetof(struct seccomp_data, arch)),
		BPF_JUMP(EQUAL, architecture, 1, 0),
		BPF_STMT(SKIP, (uint32_t)(1 + n_nodes + n)),
		BPF_STMT(LOAD, offsetof(struct seccomp_data, nr)),
	};
	if (append(program, head, sizeof head / sizeof *head, error) < 0 ||
	    append(program, tree.nodes, n_nodes, error) < 0)
		return -error->code;
	return append(program, results, n, error);
}
