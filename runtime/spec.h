/* SPDX-License-Identifier: Apache-2.0 */
/* What a container is to be: berth_options checked, completed and owned. */
#ifndef RUNTIME_SPEC_H
#define RUNTIME_SPEC_H

#include <stdbool.h>
#include <sys/types.h>

#include "cgroup/cgroup.h"
#include "nsutil/base/cleanup.h"
#include "nsutil/base/error.h"
#include "nsutil/id_map.h"
#include "runtime/context.h"
#include "runtime/name.h"
#include "runtime/seccomp.h"

enum root_kind { ROOT_HOST, ROOT_HOST_RW, ROOT_DIRECTORY, ROOT_OVERLAY, ROOT_FRAMEWORK };
enum userns_kind { USERNS_HOST, USERNS_AUTO, USERNS_MAPS };

/* A node of the host's that the container is given. */
struct device {
	char *source; /* canonical */
	char *target;
	mode_t type; /* S_IFCHR or S_IFBLK */
	unsigned int major, minor;
	unsigned int access; /* CGROUP_DEVICE_... */
};

struct spec {
	char *name;
	unsigned int flags; /* BERTH_... */
	char *root;         /* as it was asked for */
	enum root_kind root_kind;
	char *root_directory; /* canonical: ROOT_DIRECTORY's, ROOT_OVERLAY's, ROOT_FRAMEWORK's lower ("/": the host) */
	char *archive;        /* the root, or what it lies over, is one: canonical path; until archive_locate or
				 archive_hold root_directory is the same. Else NULL */
	char *framework;      /* ROOT_FRAMEWORK: its ID; else NULL */
	char **argv;
	char **env;    /* complete */
	char *workdir; /* absolute */
	char *user;    /* as it was asked for; NULL: root */
	uid_t uid;
	gid_t gid;
	gid_t *groups; /* supplementary */
	size_t n_groups;
	uint64_t capabilities; /* the bounding set, bit by number */
	uint64_t ambient;      /* what a user other than root keeps: what was added by name */
	struct seccomp_choice seccomp;
	char *hostname;
	char *cgroup_parent;
	char *cgroup_name; /* of its directories there, which were prepared; NULL: its own name's, spec_cgroup_name */
	unsigned int
		cgroup_controllers;  /* rootless: those of the delegated cgroup, which cgroup_parent lies in; 0: none */
	struct cgroup_limits limits; /* its strings are owned */
	struct berth_volume *volumes;
	size_t n_volumes;
	struct berth_tmpfs *tmpfs;
	size_t n_tmpfs;
	struct berth_rlimit *rlimits;
	size_t n_rlimits;
	char **cgroup_files; /* "NAME=VALUE"; NULL: none; without the rules for devices, which are in limits */
	struct device *devices;
	size_t n_devices;
	bool default_devices;    /* limits.devices are the default ones */
	bool device_rules_given; /* some of them came with the options, apart from devices */
	bool devices_unruled;    /* there are none, for the controller is not to be had */
	int oom_score_adj;
	bool sets_oom_score; /* it is another than the caller's own */
	struct berth_memory_policy memory_policy;
	enum userns_kind userns;
	bool rootless;        /* it is launched by an ordinary user, so from within its user namespace */
	uint32_t userns_size; /* USERNS_AUTO as root: how many ids; 0: not said */
	struct id_maps maps;  /* USERNS_AUTO: once idmap_resolve has found them out */
	bool has_stdio;       /* else the caller's own */
	int stdio[3];
	unsigned short tty_rows, tty_columns;
};

/*
 * Checks everything that can be known beforehand, touching nothing but what the context keeps; NULL: there is none. The
 * caller frees with spec_free, also on failure.
 */
int spec_from_options(struct berth *berth, const struct berth_options *options, struct spec *spec, struct error *error);
void spec_free(struct spec *spec);

/* The name of its cgroup directories. */
void spec_cgroup_name(const struct spec *spec, char name[NAME_ENCODED_SIZE]);

/* Whether the root is the host's own tree, in one of its kinds. */
bool spec_root_is_host(const struct spec *spec);

/* The caller's own oom_score_adj; 0 where it can't be read. */
int oom_score_own(void);

/* The namespaces it gets: CLONE_NEW*. */
uint64_t spec_namespaces(const struct spec *spec);
/* Those of them that its first process is cloned into. */
uint64_t spec_cloned_namespaces(const struct spec *spec);
/* Those of them that are made with its user namespace, and belong to it: none where it has none of its own. */
uint64_t spec_held_namespaces(const struct spec *spec);
/* Whether its range of ids is claimed when its name is, and not known before. */
bool spec_claims_ids(const struct spec *spec);
/* Whether root sets it up, and then leaves for a user namespace: ids are shifted then, and steps happen as root. */
bool spec_is_shifted(const struct spec *spec);

/* Whether a path can be one inside a container: absolute, and none that names / itself. -EINVAL, `what` named. */
int path_inside_check(const char *path, const char *what, struct error *error);

/* resources -> limits; cpuset is borrowed. Refuses what no cgroup takes. */
int limits_from_resources(const struct berth_resources *resources, struct cgroup_limits *limits, struct error *error);

/*
 * The environment of a command: base (NULL-terminated, may be NULL) with overrides over it ("K=V", or "K" for the
 * caller's own value). A PATH is added where there is none, and a TERM with a terminal. NULL-terminated, malloc'ed
 * throughout; NULL without memory.
 */
char **environment_merge(char *const *base, const char *const *overrides, bool terminal);
/* The value of a variable in an environment, or NULL. */
const char *environment_get(char *const *environment, const char *variable);

/* Frees a NULL-terminated array of strings. NULL is allowed. */
void strings_free(char **strings);
/* A copy of one; NULL without memory or for NULL. */
char **strings_copy(const char *const *strings);

static inline void cleanup_strings_(char ***strings)
{
	strings_free(*strings);
}
#define cleanup_strings __attribute__((cleanup(cleanup_strings_)))
#define cleanup_spec __attribute__((cleanup(spec_free)))

#endif
