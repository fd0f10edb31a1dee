/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Building a plan: the ordered list of steps that turns a fresh clone into the command. Whoever builds one decides
 * everything here, in the parent; what carries it out (carry/) decides nothing. What each step means is in
 * plan_format.h.
 *
 * Running out of memory while adding is remembered and told once, by plan_seal.
 */
#ifndef NSUTIL_PLAN_H
#define NSUTIL_PLAN_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "nsutil/base/error.h"
#include "nsutil/plan_format.h"

struct plan;

/* An empty plan; free it with plan_free. NULL without memory. */
struct plan *plan_new(void);
void plan_free(struct plan *plan);

/*
 * Each adds one step. Paths and options are copied. in_root: the path is one inside the new root (after
 * plan_add_root), not the host's. attributes: MOUNT_ATTR_* of mount_setattr(2).
 */
void plan_add_private(struct plan *plan);
void plan_add_mount(struct plan *plan, bool in_root, const char *type, const char *target, uint64_t attributes,
		    const char *const *options); /* "key=value" or "flag", NULL-terminated; NULL: none */
/*
 * About the step added last, in a root that others may change meanwhile. A mount is held: what is then done inside it
 * is done there, and not where its path leads by then. At most PLAN_HELD_MOST are.
 */
void plan_hold(struct plan *plan);
void plan_in_held(struct plan *plan);

/* The step added last, a mount or bind of what is on the host, is left out if that has gone when its turn comes. */
void plan_optional(struct plan *plan);
void plan_add_bind(struct plan *plan, bool in_root, const char *source, const char *target, uint64_t attributes,
		   bool recursive);
/* The same, with what is on disk shown as belonging to the ids that the user namespace maps its owners to. */
void plan_add_idmapped_bind(struct plan *plan, bool in_root, const char *source, const char *target,
			    uint64_t attributes, bool recursive);
/* A read-only bind, in the root, of a mount of the host's at its own path; left out if it has gone when init gets
 * there. */
void plan_add_host_bind(struct plan *plan, const char *path);
void plan_add_unmount(struct plan *plan, const char *target);
void plan_add_attributes(struct plan *plan, bool in_root, const char *target, uint64_t attributes, bool recursive);
/* In the new root; what is not there is passed over. */
void plan_add_read_only(struct plan *plan, const char *path);
/* empty: the directory, which stays empty, that one is hidden behind; NULL: one is made. */
void plan_add_mask(struct plan *plan, const char *path, const char *empty);
/* From here on files and directories are made as this user's and group's; the rights stay those of root. */
void plan_add_owner(struct plan *plan, uid_t uid, gid_t gid);
void plan_add_mkdir(struct plan *plan, bool in_root, const char *path, mode_t mode);
void plan_add_owned_mkdir(struct plan *plan, bool in_root, const char *path, mode_t mode, uid_t uid, gid_t gid);
void plan_add_file(struct plan *plan, bool in_root, const char *path);
void plan_add_symlink(struct plan *plan, bool in_root, const char *points_to, const char *path);
void plan_add_mknod(struct plan *plan, bool in_root, const char *path, mode_t mode, unsigned int major,
		    unsigned int minor);
/* The host's node at source, bound in the root so that it can be opened but not changed; fails if it is another. */
void plan_add_device(struct plan *plan, const char *source, const char *target, mode_t type, unsigned int major,
		     unsigned int minor);
void plan_add_root(struct plan *plan, const char *path);
/*
 * may_cover: the old root may stay below the new one where it is the empty namespace's, for nobody inside can unmount
 * what covers it.
 */
void plan_add_pivot(struct plan *plan, bool may_cover);
void plan_add_setns(struct plan *plan, uint64_t namespaces);
/* The process goes on when spawn_options.later is done, in the cgroups that this has made. */
void plan_add_enter(struct plan *plan);
/* For namespaces that must be made where the process is, like cgroup_namespaces(7); others are cloned into. */
void plan_add_unshare(struct plan *plan, uint64_t namespaces);
void plan_add_hostname(struct plan *plan, const char *name);
void plan_add_loopback(struct plan *plan);
void plan_add_die_with_parent(struct plan *plan);
void plan_add_fork(struct plan *plan, bool join);
void plan_add_setsid(struct plan *plan);
void plan_add_tty(struct plan *plan, unsigned short rows, unsigned short columns);
void plan_add_rlimit(struct plan *plan, int resource, uint64_t soft, uint64_t hard);
/* Raises the hard limit, if it is lower, so that this one can be set later where there is no privilege for that. */
void plan_add_rlimit_room(struct plan *plan, int resource, uint64_t hard);
/* proc_pid_oom_score_adj(5), by the /proc that is at hand. */
void plan_add_oom_score(struct plan *plan, int adjustment);
/* Capabilities are sets of bits by number, as in capabilities(7). */
void plan_add_bounding(struct plan *plan, uint64_t kept);
void plan_add_user(struct plan *plan, uid_t uid, gid_t gid, const gid_t *groups, size_t n_groups,
		   bool keep_capabilities);
/* The same where groups can't be set: those that are stay. */
void plan_add_user_keep_groups(struct plan *plan, uid_t uid, gid_t gid, bool keep_capabilities);
void plan_add_capabilities(struct plan *plan, uint64_t permitted, uint64_t ambient);
void plan_add_chdir(struct plan *plan, const char *path);
/* keyctl(2), KEYCTL_JOIN_SESSION_KEYRING */
void plan_add_keyring(struct plan *plan);
void plan_add_no_new_privileges(struct plan *plan);
/*
 * A filter of count instructions, copied; name: what to call it in a phrase; flags: SECCOMP_FILTER_FLAG_*. at_exec:
 * loaded right before the command is executed, which needs no_new_privs; else when the step's turn comes, which needs
 * CAP_SYS_ADMIN, and all that follows goes through the filter. With SECCOMP_FILTER_FLAG_NEW_LISTENER the filter must
 * let sendmsg on INIT_FD_STATUS through, by which the listener gets to the parent. seccomp(2)
 */
struct sock_filter;
void plan_add_seccomp(struct plan *plan, const char *name, const struct sock_filter *filters, size_t count,
		      uint32_t flags, bool at_exec);
void plan_add_environment(struct plan *plan, const char *const *environment);
/* Must be the last. path: the value of PATH to look the command up in when it has no slash. */
void plan_add_exec(struct plan *plan, const char *command, const char *path, const char *const *argv);

/* Instead of the command, as the last: the process waits until spawn_go_on gives it a plan that goes on from here. */
void plan_add_await(struct plan *plan);

size_t plan_count(const struct plan *plan);

/* Whether the plan begins with the very steps that waiting, which ends with plan_add_await, has before that. */
bool plan_continues(const struct plan *plan, const struct plan *waiting);

/* The process that carries it out is to note when each step begins: spawn_options.times. */
void plan_time(struct plan *plan);

/* Tests: makes step (from 0) fail with this errno instead of running. */
void plan_inject_failure(struct plan *plan, size_t step, int code);

/* The plan where it lies, for as long as nothing is added to it. 0, -ENOMEM, or -EINVAL for one without an end. */
int plan_view(const struct plan *plan, struct plan_view *view, struct error *error);

/* The plan as a sealed, read-only memfd (CLOEXEC), or -errno. memfd_create(2) */
int plan_seal(const struct plan *plan, struct error *error);

/*
 * Writes step i as a phrase, "mount proc on /proc (nosuid,noexec)", cut to size; what the errors and `berth plan` say.
 * The environment's values are left out: they may be secrets.
 */
void plan_describe(const struct plan *plan, size_t i, char *buffer, size_t size);

/* The system calls, by name, that a step needs and that a kernel or a sandbox may lack; "" for none. */
const char *plan_calls(const struct plan *plan, size_t i);

/* Appends to the error of step i, which failed with it, what can be done about it, where something is known. */
void plan_hint(const struct plan *plan, size_t i, struct error *error);
/* The same where source could not be shown with its ids shifted: EINVAL of mount_setattr(2). */
void plan_hint_idmapped(const char *source, struct error *error);
/* The same where cgroups could not be entered. */
void plan_hint_cgroups(struct error *error);

/* The step's word, "mount". */
const char *plan_word(const struct plan *plan, size_t i);
enum plan_op plan_op(const struct plan *plan, size_t i);

#endif
