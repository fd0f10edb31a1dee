/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compiled filters by what they were made of, in the directory .seccomp of the state root: compiling a profile takes
 * milliseconds, reading what it gave last time does not. Files of a bounded number, each with the whole of the key,
 * which is compared, and a checksum against torn ones. What is not whole, or not the user's own, is not used.
 */
#ifndef RUNTIME_SECCOMP_CACHE_H
#define RUNTIME_SECCOMP_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/seccomp_program.h"

/* What a filter is made of. */
struct cache_key {
	void *bytes; /* malloc'ed */
	size_t size;
};

/*
 * source: a profile's text, or what stands for the default's table. The rest of the key is found out here: berth,
 * libseccomp, the machine and its kernel. NULL bytes without memory.
 */
struct cache_key cache_key_make(uint64_t capabilities, const void *source, size_t size);
void cache_key_free(struct cache_key *key);
#define cleanup_cache_key __attribute__((cleanup(cache_key_free)))

/*
 * state_root: its descriptor, or -1: nothing is found or kept. Whether it was found; then the caller frees *program.
 */
bool cache_find(int state_root, const struct cache_key *key, struct bpf_program *program, uint32_t *flags);

/* Keeps it, in place of another maybe. That it could not be kept costs only time, so nobody is told. */
void cache_keep(int state_root, const struct cache_key *key, const struct bpf_program *program, uint32_t flags);

#endif
