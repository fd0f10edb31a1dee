/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Search trees over the numbers of calls. What loading a filter takes grows with its instructions, and with the steps
 * that the numbers take: the kernel tries each there is, to know those whose answer depends on nothing else
 * (seccomp_cache_prepare in kernel/seccomp.c). So the trees are those which are cheapest by both.
 */
#include <errno.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stdlib.h>

#include "nsutil/base/cleanup.h"
#include "runtime/seccomp_program.h"

enum {
	RANGES_MOST = 256,
	NODES_MOST = 512,
	RESULTS_MOST = 16,
	INSTRUCTION_STEPS = 130, /* what an instruction takes to be translated, in steps: measured on x86-64 */
	WIDTH_MOST = 128,        /* far fewer numbers are tried than lie before ARM's own */
};

enum { LOAD = BPF_LD | BPF_W | BPF_ABS, FROM_ON = BPF_JMP | BPF_JGE | BPF_K, EQUAL = BPF_JMP | BPF_JEQ | BPF_K };

/* How to decide among some ranges at the least cost. */
struct division {
	uint32_t cost;
	uint16_t at; /* first whether the number is in this range or behind; 0: by single numbers, the rest is alike */
};

/*
 * The program being made: loads, and questions with where to go on. That is an instruction's place, or, as long as
 * those are not placed, -1 - result. Jumps lead forward alone.
 */
struct forest {
	struct sock_filter nodes[NODES_MOST];
	int yes[NODES_MOST], no[NODES_MOST];
	int n_nodes;
	struct number_range results[RESULTS_MOST]; /* what they give; their numbers mean nothing */
	int places[RESULTS_MOST];
	int n_results;
	bool full;
};

static bool result_same(const struct number_range *one, const struct number_range *other)
{
	return one->result == other->result && one->rule == other->rule;
}

static int result_take(struct forest *forest, uint32_t value, const struct argument_rule *rule)
{
	const struct number_range result = {.result = value, .rule = rule};
	int i = 0;
	while (i < forest->n_results && !result_same(&forest->results[i], &result))
		i++;
	forest->full = forest->full || i == RESULTS_MOST;
	if (forest->full)
		return -1;
	if (i == forest->n_results)
		forest->results[forest->n_results++] = result;
	return -1 - i;
}

/* Its place; yes and no are still to be told, or lead to what comes next. */
static int node_add(struct forest *forest, unsigned short code, uint32_t k)
{
	forest->full = forest->full || forest->n_nodes == NODES_MOST;
	int node = forest->full ? 0 : forest->n_nodes++;
	forest->nodes[node] = (struct sock_filter)BPF_STMT(code, k);
	forest->yes[node] = forest->no[node] = node + 1;
	return node;
}

/* A table, and for each run of its ranges, from..to-1, what it is divided by. */
struct tree {
	const struct number_table *table;
	struct division *divisions;
};

static struct division *division_of(const struct tree *tree, size_t from, size_t to)
{
	return &tree->divisions[from * (tree->table->count + 1) + to];
}

/* How many numbers. The last range, which has no end, is no single number. */
static uint32_t range_width(const struct number_table *table, size_t i)
{
	uint32_t width = i + 1 < table->count ? table->ranges[i + 1].first - table->ranges[i].first : 2;
	return width < WIDTH_MOST ? width : WIDTH_MOST;
}

static const struct number_range *range_widest(const struct number_table *table, size_t from, size_t to)
{
	size_t widest = from;
	for (size_t i = from + 1; i < to; i++)
		if (range_width(table, i) > range_width(table, widest))
			widest = i;
	return &table->ranges[widest];
}

/* What it costs to ask for each number that gives something else than the widest range. UINT32_MAX: a range does. */
static uint32_t singles_cost(const struct number_table *table, size_t from, size_t to, uint32_t width)
{
	const struct number_range *widest = range_widest(table, from, to);
	uint32_t cost = 0;
	for (size_t i = from; i < to; i++) {
		if (result_same(&table->ranges[i], widest))
			continue;
		if (range_width(table, i) > 1)
			return UINT32_MAX;
		cost += INSTRUCTION_STEPS + width--;
	}
	return cost;
}

/* Each run's cost from those of shorter ones. */
static void tree_divide(struct tree *tree)
{
	const struct number_table *table = tree->table;
	for (size_t from = table->count; from-- > 0;) {
		uint32_t width = 0;
		for (size_t to = from + 1; to <= table->count; to++) {
			width += range_width(table, to - 1);
			struct division best = {.cost = singles_cost(table, from, to, width)};
			for (size_t at = from + 1; at < to; at++) {
				uint32_t cost = INSTRUCTION_STEPS + width + division_of(tree, from, at)->cost +
						division_of(tree, at, to)->cost;
				if (cost < best.cost)
					best = (struct division){cost, (uint16_t)at};
			}
			*division_of(tree, from, to) = best;
		}
	}
}

/* The node, or the result, that decides among the ranges from..to-1. */
static int tree_grow(const struct tree *tree, size_t from, size_t to, struct forest *forest)
{
	const struct number_range *ranges = tree->table->ranges;
	size_t at = division_of(tree, from, to)->at;
	if (at > 0) {
		int node = node_add(forest, FROM_ON, ranges[at].first);
		forest->no[node] = tree_grow(tree, from, at, forest);
		forest->yes[node] = tree_grow(tree, at, to, forest);
		return node;
	}
	const struct number_range *widest = range_widest(tree->table, from, to);
	int rest = result_take(forest, widest->result, widest->rule), first = rest;
	for (size_t i = from; i < to; i++) {
		if (result_same(&ranges[i], widest))
			continue;
		int node = node_add(forest, EQUAL, ranges[i].first);
		first = first < 0 ? node : first;
		forest->yes[node] = result_take(forest, ranges[i].result, ranges[i].rule);
		forest->no[node] = node + 1;
	}
	if (first >= 0)
		forest->no[forest->n_nodes - 1] = rest;
	return first;
}

static int table_add(struct forest *forest, const struct number_table *table, struct error *error)
{
	if (table->count < 2 || table->count > RANGES_MOST)
		return error_set(error, E2BIG, "the seccomp filter has %zu ranges of numbers, not 2 to %d",
				 table->count, RANGES_MOST);
	cleanup_free struct division *divisions = calloc(table->count * (table->count + 1), sizeof *divisions);
	if (!divisions)
		return error_errno(error, ENOMEM, "make a seccomp filter");
	struct tree tree = {table, divisions};
	tree_divide(&tree);
	node_add(forest, LOAD, offsetof(struct seccomp_data, nr));
	tree_grow(&tree, 0, table->count, forest);
	return 0;
}

static void rule_add(struct forest *forest, const struct number_range *result)
{
	const struct argument_rule *rule = result->rule;
	int refused = result_take(forest, SECCOMP_RET_ERRNO | (uint32_t)rule->errnum, NULL);
	int granted = result_take(forest, result->result, NULL);
	unsigned short test = rule->test == REFUSE_BITS ? BPF_JMP | BPF_JSET | BPF_K : EQUAL;
	node_add(forest, LOAD, bpf_argument_low(rule->argument));
	int node = 0;
	for (size_t i = 0; i < rule->n_values; i++) {
		node = node_add(forest, test, rule->values[i]);
		forest->yes[node] = rule->test == REFUSE_OTHERS ? granted : refused;
	}
	forest->no[node] = rule->test == REFUSE_OTHERS ? refused : granted;
}

/* Behind all that leads to them: first the rules, which lead to the others. */
static void results_add(struct forest *forest)
{
	for (int i = 0; i < forest->n_results; i++) {
		if (!forest->results[i].rule)
			continue;
		forest->places[i] = forest->n_nodes;
		rule_add(forest, &forest->results[i]);
	}
	for (int i = 0; i < forest->n_results; i++)
		if (!forest->results[i].rule)
			forest->places[i] = node_add(forest, BPF_RET | BPF_K, forest->results[i].result);
}

/* How many instructions lie between the node and where it leads. */
static size_t distance(const struct forest *forest, int node, int to)
{
	return (size_t)((to < 0 ? forest->places[-1 - to] : to) - node - 1);
}

int bpf_program_add_numbers(struct bpf_program *program, const struct number_table *tables, size_t count,
			    struct error *error)
{
	struct forest forest = {.n_nodes = 0};
	node_add(&forest, LOAD, offsetof(struct seccomp_data, arch));
	int first = forest.n_nodes;
	for (size_t i = 0; i < count; i++)
		node_add(&forest, EQUAL, tables[i].architecture);
	/* Another architecture: to what is behind all this. */
	int other = node_add(&forest, BPF_JMP | BPF_JA, 0);
	for (size_t i = 0; i < count; i++) {
		forest.yes[first + (int)i] = forest.n_nodes;
		if (table_add(&forest, &tables[i], error) < 0)
			return -error->code;
	}
	results_add(&forest);
	forest.nodes[other].k = (uint32_t)distance(&forest, other, forest.n_nodes);
	bool near = !forest.full;
	for (int i = 0; i < forest.n_nodes && near; i++) {
		size_t yes = distance(&forest, i, forest.yes[i]), no = distance(&forest, i, forest.no[i]);
		near = yes <= UINT8_MAX && no <= UINT8_MAX;
		forest.nodes[i].jt = (unsigned char)yes;
		forest.nodes[i].jf = (unsigned char)no;
	}
	if (!near)
		return error_set(error, E2BIG,
				 "the seccomp filter is too long: a jump reaches %d instructions far, to %d "
				 "results at the most",
				 UINT8_MAX, RESULTS_MOST);
	return bpf_program_add(program, forest.nodes, (size_t)forest.n_nodes, error);
}
