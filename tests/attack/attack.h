/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attacks on what a container keeps to itself, each named after the hole in another runtime that it went through. Where
 * it can be, an attack is tried first where the defence is missing, and must succeed there: a test that could not fail
 * would show here. Where it can't, the test's comment tells what was undone, and what the test said then.
 */
#ifndef TESTS_ATTACK_ATTACK_H
#define TESTS_ATTACK_ATTACK_H

#include "tests/runtime/fixture.h"

/* For TestSuite(..., .init = attack_init, .fini = rt_fini): rt_init, and a secret on the host. */
void attack_init(void);
/* A file outside of rt.root, that no container with that root may reach. */
extern const char *attack_secret;

/* Takes from the options what holds root: capabilities, the filter, no_new_privs, what covers the kernel's files. */
void attack_unguarded(struct berth_options *options);

/* Runs one more command in a container, to its end, and returns what it said; NULL where it can't be executed. */
const char *attack_exec(struct berth_container *container, const char *const *argv, const char *workdir);
#define ATTACK_EXEC(container, ...) attack_exec(container, (const char *const[]){__VA_ARGS__, NULL}, NULL)

/* Runs a payload on the host, as a runtime with no defence at all would: in rt.root by chroot(2), with this working
 * directory; and what it said. */
const char *attack_chrooted(const char *workdir, const char *const *argv);

/* The same by a runtime that makes a mount namespace, with procfs in it, but then changes the root by chroot(2), or by
 * pivot_root(2) without taking the old root away. */
enum attack_fault { ATTACK_CHROOT, ATTACK_OLD_ROOT_LEFT };
const char *attack_at_fault(enum attack_fault fault, const char *const *argv);

/* The host's path of a program of this build: "berth". */
const char *attack_program(const char *name);

/* A child that exchanges two paths below rt.root, without end. attack_swap_end ends it. renameat2(2) */
pid_t attack_swap(const char *one, const char *other);
void attack_swap_end(pid_t pid);

/* How often a race is run: BERTH_TEST_FULL_LENGTH asks for the number that makes one sure. */
int attack_rounds(void);

/* Launches, where that may fail, and returns all that was said, in a static buffer; NULL where it failed. */
const char *attack_try(struct berth_options options);

#endif
