/* SPDX-License-Identifier: Apache-2.0 */
/* A seccomp filter being made: classic BPF over struct seccomp_data. seccomp(2), linux/filter.h */
#ifndef RUNTIME_SECCOMP_PROGRAM_H
#define RUNTIME_SECCOMP_PROGRAM_H

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stddef.h>
#include <stdint.h>

#include "nsutil/base/error.h"

struct bpf_program {
	struct sock_filter *filters; /* malloc'ed */
	size_t count;
};

void bpf_program_free(struct bpf_program *program);

/* Adds count instructions. */
int bpf_program_add(struct bpf_program *program, const struct sock_filter *filters, size_t count, struct error *error);

/*
 * Adds what libseccomp made of its rules behind what is there (all jumps are relative, so programs can be put one
 * behind the other: the second runs where the first did not decide).
 */
int bpf_program_add_rules(struct bpf_program *program, scmp_filter_ctx rules, struct error *error);

/*
 * How one call's argument is judged by hand. Always by its low 32 bits alone: that is all the kernel looks at where it
 * takes an int, so a filter that compares 64 bits lets a call with garbage above them through.
 */
enum argument_test {
	REFUSE_EQUAL,  /* one of the values */
	REFUSE_OTHERS, /* none of the values */
	REFUSE_BITS,   /* has a bit of values[0] */
};

struct argument_rule {
	const char *call;
	unsigned int argument; /* from 0 */
	enum argument_test test;
	int errnum;         /* what a refused call gives; 0 ends the table */
	uint64_t freed_by;  /* holding one of these capabilities lifts the rule */
	uint32_t values[5]; /* the first n_values count */
	size_t n_values;
};

/* Adds: in this architecture, a call of a number above the highest gives ENOSYS. */
int bpf_program_add_ceiling(struct bpf_program *program, uint32_t architecture, int highest, struct error *error);

/* From this number on, up to the next range's, a call gives this: SECCOMP_RET_*; but for what a rule refuses. */
struct number_range {
	uint32_t first;
	uint32_t result;
	const struct argument_rule *rule; /* NULL: none */
};

/* What the calls of an architecture give: ranges from 0 on, ascending, each unlike the one before. */
struct number_table {
	uint32_t architecture;
	const struct number_range *ranges;
	size_t count;
};

/*
 * Adds: in these architectures, what each call's number gives, by a search tree for each and results that all share. A
 * program of a hundred instructions rather than one or two for each call: loading takes time by length.
 */
int bpf_program_add_numbers(struct bpf_program *program, const struct number_table *tables, size_t count,
			    struct error *error);
/*
 * Adds the program with all that refuses turned into SECCOMP_RET_USER_NOTIF. Before it: sendmsg on INIT_FD_STATUS, by
 * which the listener gets to who answers, is let through.
 */
int bpf_program_add_telling(struct bpf_program *program, const struct sock_filter *filters, size_t count,
			    struct error *error);
/* Adds: whatever comes here gives this. */
int bpf_program_add_result(struct bpf_program *program, uint32_t result, struct error *error);

/* Where the low half of an argument lies in struct seccomp_data. */
static inline uint32_t bpf_argument_low(unsigned int argument)
{
	size_t offset = offsetof(struct seccomp_data, args) + argument * sizeof(uint64_t);
	return (uint32_t)(offset + (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? 4 : 0));
}

/* This machine's own architecture, and the 32-bit one that its kernel runs too (0: none). SCMP_ARCH_* */
uint32_t architecture_native(void);
uint32_t architecture_compat(void);

/* The default filter for a container that holds these capabilities. The caller frees *program. */
int bpf_program_default(uint64_t capabilities, struct bpf_program *program, struct error *error);
/* The capabilities that make the default filter another one. */
uint64_t bpf_program_default_capabilities(void);

static inline void cleanup_rules_(scmp_filter_ctx *rules)
{
	if (*rules)
		seccomp_release(*rules);
}
#define cleanup_rules __attribute__((cleanup(cleanup_rules_)))
#define cleanup_bpf __attribute__((cleanup(bpf_program_free)))

#endif
