/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The configuration of a container: files of the kind of lxc.conf(5), "KEY = VALUE" a line, and the same given as
 * -s KEY=VALUE. Reading only collects and checks; nothing is touched but files that are included. What a key means is
 * in keys.c.
 */
#ifndef RUNTIME_LXC_CONFIG_H
#define RUNTIME_LXC_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/berth.h"

struct lxc_mount {
	bool tmpfs;     /* else a bind mount */
	char *source;   /* bind: absolute path on the host */
	char *target;   /* as it was written: absolute, or relative to the root */
	uint64_t bytes; /* tmpfs: 0 is the kernel's default */
	bool read_only;
	bool optional; /* left out when the source isn't there */
	bool file;     /* create=file */
};

struct lxc_config {
	uint64_t memory;     /* bytes; 0: not given */
	uint64_t cpu_shares; /* 0: not given */
	/* NULL-terminated arrays, NULL for none */
	char **cgroup_files; /* "NAME=VALUE", one for each NAME */
	char **environment;  /* "K=V" or "K" */
	char **cap_drop, **cap_keep, **cap_add;
	bool caps_kept;  /* cap_keep was given: all others are dropped, also when it names none */
	char *root;      /* "host", "host-rw", "framework[:ID[:LOWER]]", "DIR", "overlay:DIR"; NULL: not given */
	char *framework; /* ID; NULL: from the container's name */
	char *lower;     /* what a framework's root lies over; NULL: the host */
	char *hostname;
	char *workdir;
	char *cgroup_parent;
	char *seccomp;
	char *log_path, *log_level;
	struct lxc_mount *mounts;
	size_t n_mounts;
	bool has_uid, has_gid;
	uid_t uid;
	gid_t gid;
	char *userns;                             /* "host" or "auto[:SIZE]"; NULL: not given */
	struct berth_id_range *uid_map, *gid_map; /* a user namespace, if there are any */
	size_t n_uid_map, n_gid_map;
	bool net_none; /* loopback alone */
	bool no_new_privileges;
	struct berth_memory_policy policy;
	int depth; /* of includes, while reading */
};
#define LXC_CONFIG_INIT                                                                                                \
	{                                                                                                              \
		.policy = BERTH_MEMORY_POLICY_INIT                                                                     \
	}

/* Where a line stands. */
struct lxc_where {
	const char *file;  /* "-s" for the command line */
	unsigned int line; /* from 1; 0: not a file */
};

/*
 * Each takes in settings over those that are there: a later one replaces an earlier, or adds to it where the key is a
 * list; an empty value takes back all that was set. On failure *error begins with "FILE:LINE: ", and what was read
 * before that line stays.
 */
int lxc_config_read(struct lxc_config *config, const char *path, struct berth_error *error);
/* The text of a file; `file` is its name. */
int lxc_config_parse(struct lxc_config *config, const char *file, const char *text, struct berth_error *error);
/* "KEY=VALUE" */
int lxc_config_define(struct lxc_config *config, const char *definition, struct berth_error *error);

void lxc_config_free(struct lxc_config *config);

/* ---- For the parts of the parser ---- */

/* Sets *error to "FILE:LINE: sentence" and returns -EINVAL. */
int lxc_config_error(struct berth_error *error, const struct lxc_where *where, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
int lxc_no_memory(struct berth_error *error);

/* keys.c: what KEY = VALUE means. */
int lxc_key_set(struct lxc_config *config, const struct lxc_where *where, const char *key, const char *value,
		struct berth_error *error);
/* mounts.c: one line in the form of fstab(5); and a whole file of them. */
int lxc_mount_add(struct lxc_config *config, const struct lxc_where *where, const char *line,
		  struct berth_error *error);
int lxc_mounts_read(struct lxc_config *config, const char *path, struct berth_error *error);
void lxc_mounts_clear(struct lxc_config *config);

/*
 * Reads a file of at most 1 MiB. malloc'ed; NULL with *error set when it can't be read, or holds a NUL.
 */
char *lxc_file_read(const char *path, struct berth_error *error);

/* Calls `take` with each line of a text that is neither blank nor a comment, trimmed. Stops when it fails. */
int lxc_lines_each(struct lxc_config *config, const char *file, const char *text,
		   int (*take)(struct lxc_config *config, const struct lxc_where *where, const char *line,
			       struct berth_error *error),
		   struct berth_error *error);

#endif
