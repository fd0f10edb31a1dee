/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Seccomp profiles in the JSON format of Docker, Podman and Kubernetes: an action for all system calls, and rules
 * that name calls with an action of their own, some only under conditions (capabilities, architecture, kernel).
 */
#ifndef RUNTIME_SECCOMP_PROFILE_H
#define RUNTIME_SECCOMP_PROFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nsutil/base/error.h"
#include "runtime/seccomp_program.h"

/* When a rule counts, or doesn't. */
struct profile_condition {
	uint64_t capabilities; /* bits by number */
	char **architectures;  /* "amd64", "arm64": NULL-terminated; NULL: none named */
	unsigned int kernel;   /* major << 16 | minor; 0: none named */
	bool never;            /* names a capability that this machine's libcap does not know: nobody holds it */
};

struct profile_rule {
	char **names;    /* NULL-terminated */
	uint32_t action; /* SCMP_ACT_* */
	struct scmp_arg_cmp *arguments;
	size_t n_arguments;
	struct profile_condition includes, excludes;
};

struct seccomp_profile {
	uint32_t default_action;
	uint32_t architectures[16]; /* SCMP_ARCH_*, beside the native one */
	size_t n_architectures;
	uint32_t flags; /* SECCOMP_FILTER_FLAG_* */
	struct profile_rule *rules;
	size_t n_rules;
};

/* What the conditions are held against. */
struct profile_setting {
	uint64_t capabilities;    /* the container's */
	const char *architecture; /* "amd64"; NULL: matches none */
	unsigned int kernel;      /* major << 16 | minor */
};

/*
 * Parses length bytes of JSON. native: whose subArchitectures of archMap count. -EINVAL with *error telling what is
 * wrong where. The caller frees with seccomp_profile_free, also on failure.
 */
int seccomp_profile_parse(const char *text, size_t length, uint32_t native, struct seccomp_profile *profile,
			  struct error *error);
void seccomp_profile_free(struct seccomp_profile *profile);

/* Whether a rule counts in this setting. */
bool profile_rule_applies(const struct profile_rule *rule, const struct profile_setting *setting);

/*
 * Compiles it for this machine. Calls that libseccomp does not know are left out; where the profile refuses what it
 * does not name, calls newer than all it names give ENOSYS, so that C libraries fall back.
 */
int seccomp_profile_compile(const struct seccomp_profile *profile, const struct profile_setting *setting,
			    struct bpf_program *program, struct error *error);

/* The machine's setting for a container with these capabilities. */
struct profile_setting profile_setting_here(uint64_t capabilities);

#define cleanup_profile __attribute__((cleanup(seccomp_profile_free)))

#endif
