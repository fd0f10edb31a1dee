/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plan as it lies in memory: what a child carries out where the parent built it, or what the parent seals into a
 * memfd and init maps read-only.
 *
 *     struct plan_header | struct plan_step [n_steps] | bytes [string_size]
 *
 * Native byte order and sizes: writer and reader are one build on one machine. Strings are offsets
 * into the bytes, which begin with a NUL (so offset 0 is the empty string) and end with one; a list is a
 * run of strings one behind the other. What is no text, groups and filters, lies at multiples of 8.
 */
#ifndef NSUTIL_PLAN_FORMAT_H
#define NSUTIL_PLAN_FORMAT_H

#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PLAN_MAGIC = 0x4e4c5042, PLAN_VERSION = 2 }; /* "BPLN" */

/*
 * Every step there is: X(NAME, "word"). The word is what `berth plan` prints and tests name a step by. Beside each
 * stand its arguments: text, text2, list and n[] of struct plan_step.
 */
#define PLAN_OPS(X)                                                                                                    \
	/* Set-up of the mount tree. Paths are the host's, or below the new root with PLAN_IN_ROOT. */                 \
	X(PRIVATE, "private") /* cut mount propagation of the whole tree, both ways; or leave it for the empty one     \
				 behind INIT_FD_BLANK */                                                               \
	X(MOUNT, "mount")     /* text: type, text2: target, list: options, n[0]: MOUNT_ATTR_* */                       \
	X(BIND, "bind")       /* text: source on the host, text2: target, n[0]: MOUNT_ATTR_* */                        \
	X(UNMOUNT, "unmount") /* text: where; detaches all that is mounted there and below, which may be nothing */    \
	X(ATTRIBUTES, "attributes") /* text: mount point, n[0]: MOUNT_ATTR_* to set */                                 \
	X(MKDIR, "mkdir") /* text: path, n[0]: mode, n[1]: uid, n[2]: gid; parents are made, what is there stays */    \
	X(OWNER, "owner") /* n[0]: uid, n[1]: gid; whose is what is made from here on, in the file systems' view */    \
	X(FILE, "file")   /* text: path of an empty file to mount on; what is there stays */                           \
	X(SYMLINK, "symlink") /* text: where it points, text2: path */                                                 \
	X(MKNOD, "mknod")     /* text: path, n[0]: type and mode, n[1]: major, n[2]: minor */                          \
	X(DEVICE, "device")   /* text: node on the host, no link, text2: file in the root to bind it on, read-only;    \
				 n[0]: S_IFCHR or S_IFBLK, n[1]: major, n[2]: minor, which it must have */             \
	X(READ_ONLY, "read-only") /* text: path in the root, with what is mounted below; may be missing */             \
	X(MASK, "mask")   /* text: path in the root to hide behind /dev/null or an empty directory; may be missing;    \
			     text2: that directory, "": one is made */                                                 \
	X(ROOT, "root")   /* text: the mount point that becomes the root */                                            \
	X(PIVOT, "pivot") /* make that /, and detach the old one; or see COVER */                                      \
	/* Namespaces and the process. */                                                                              \
	X(SETNS, "setns")       /* n[0]: CLONE_NEW*; enter those of the process behind INIT_FD_NAMESPACES; a user      \
				   namespace as its root */                                                            \
	X(ENTER, "enter")       /* wait for the parent's word that the other cgroups are made, and enter those that    \
				   come with it; end with the parent */                                                \
	X(UNSHARE, "unshare")   /* n[0]: CLONE_NEW*; leave those of the caller for new ones */                         \
	X(HOSTNAME, "hostname") /* text */                                                                             \
	X(LOOPBACK, "loopback") /* bring lo up */                                                                      \
	X(DIE_WITH_PARENT, "die-with-parent")                                                                          \
	X(AWAIT, "await") /* wait for another plan that begins as this one did, and go on with it from this very       \
			     place; end with the parent */                                                             \
	X(FORK, "fork")   /* the child goes on with the plan; the parent reaps, forwards signals, ends with it */      \
	X(SETSID, "setsid")                                                                                            \
	X(KEYRING, "keyring")           /* an empty session keyring in place of the caller's */                        \
	X(TTY, "tty")                   /* a terminal of /dev/pts on 0, 1, 2; n[0]: rows, n[1]: columns */             \
	X(RLIMIT, "rlimit")             /* n[0]: RLIMIT_*, n[1]: soft, n[2]: hard */                                   \
	X(OOM_SCORE, "oom-score")       /* n[0]: oom_score_adj, a signed number */                                     \
	X(BOUNDING, "bounding")         /* n[0]: capabilities to keep in the bounding set, bit by number */            \
	X(USER, "user")                 /* n[0]: uid, n[1]: gid, text: uint32_t[], n[2] supplementary gids */          \
	X(CAPABILITIES, "capabilities") /* n[0]: permitted and effective, n[1]: inheritable and ambient */             \
	X(CHDIR, "chdir")               /* text */                                                                     \
	X(NO_NEW_PRIVILEGES, "no-new-privileges") /* no exec gives privileges: set-user-ID, file capabilities */       \
	X(SECCOMP, "seccomp") /* text2: its name, text: struct sock_filter[], n[0]: their bytes, n[1]: flags */        \
	X(ENVIRONMENT, "environment") /* list */                                                                       \
	X(EXEC, "exec")               /* text: command, text2: the PATH to look it up in, list: argv */

enum plan_op {
#define PLAN_OP_ENUM(name, word) PLAN_##name,
	PLAN_OPS(PLAN_OP_ENUM)
#undef PLAN_OP_ENUM
		PLAN_OP_COUNT,
};

/* A plan ends where it turns into the command, or waits for one. */
static inline bool plan_op_is_last(uint16_t op)
{
	return op == PLAN_EXEC || op == PLAN_AWAIT;
}

/* plan_step.flags */
enum {
	PLAN_IN_ROOT =
		1 << 0, /* the target is below the new root, resolved without leaving it: openat2(2) RESOLVE_IN_ROOT */
	PLAN_RECURSIVE = 1 << 1,         /* BIND: with what is mounted below; ATTRIBUTES: likewise */
	PLAN_OPTIONAL = 1 << 4,          /* MOUNT, BIND: what has gone meanwhile is left out */
	PLAN_KEEP_CAPABILITIES = 1 << 3, /* USER: the permitted set outlives the change */
	PLAN_JOIN = 1 << 2,              /* FORK: by a process that is not PID 1, so it waits for that child alone */
	PLAN_AT_EXEC = 1 << 5,     /* SECCOMP: the last thing before execve, so that it need allow nothing but that */
	PLAN_IDMAPPED = 1 << 6,    /* BIND: ids are shown shifted by the user namespace behind INIT_FD_USERNS */
	PLAN_OWNED = 1 << 7,       /* MKDIR: n[1] and n[2] count; else it is whose all is that is made */
	PLAN_KEEP_GROUPS = 1 << 8, /* USER: setgroups is denied in this user namespace, so the groups stay */
	PLAN_RAISE = 1 << 9,       /* RLIMIT: only make room for the limits, which are set later, without privilege */
	PLAN_HOLD =
		1 << 10, /* MOUNT, BIND: stays at hand, so that IN_HELD finds it wherever its mount point is moved */
	PLAN_IN_HELD = 1 << 11, /* with IN_ROOT: the path begins with the target of one held, and goes on from there */
	PLAN_COVER = 1 << 12,   /* PIVOT: in the empty namespace the root may be laid over that of the latter */
};

struct plan_step {
	uint16_t op;
	uint16_t flags;
	uint32_t text;
	uint32_t text2;
	uint32_t list;
	uint32_t list_count;
	uint32_t reserved; /* zero */
	uint64_t n[3];
};

/* USER: groups are no more than NGROUPS_MAX of the kernel; musl's is of older times. */
enum { PLAN_GROUPS_MOST = 65536, PLAN_ALIGNMENT = 8 };

struct plan_header {
	uint32_t magic;
	uint32_t version;
	uint32_t size; /* of the whole, bytes */
	uint32_t n_steps;
	uint32_t string_size; /* bytes */
	uint32_t fail_step;   /* tests: this step (counted from 1) fails with fail_error instead of running; 0: none */
	uint32_t fail_error;  /* errno */
	uint32_t timed;       /* 1: when each step began is to be reported; else 0 */
};

/* The descriptors a process that runs a plan is started with; the optional ones may be closed. */
enum {
	INIT_FD_PLAN = 3,
	INIT_FD_STATUS = 4,     /* SOCK_SEQPACKET; carries struct plan_report */
	INIT_FD_RECORD = 5,     /* optional: a file that takes the command's wait status, an int, when it ends */
	INIT_FD_NAMESPACES = 6, /* optional: the pidfd for SETNS */
	INIT_FD_USERNS = 7,     /* optional: the user namespace for binds that show ids shifted */
	INIT_FD_BLANK = 8,      /* optional: the mount namespace for PRIVATE, blank.h */
	INIT_FD_END,
};

enum { PLAN_HELD_MOST = 4 };

/* What init tells its parent, one packet each; end of file: the command has been exec'd, or init is dead. */
enum plan_report_kind {
	PLAN_REPORT_FAILED = 1,    /* step `step` failed with `error`; nothing follows */
	PLAN_REPORT_EXECUTING = 2, /* execve comes next: without a failure behind it, it was done; in a timed plan the
				      packet goes on with a uint64_t for each step: when it began */
	PLAN_REPORT_TTY = 3,       /* the terminal's master comes along by SCM_RIGHTS */
	PLAN_REPORT_LISTENER = 4,  /* that of the seccomp filter comes along by SCM_RIGHTS */
	PLAN_REPORT_WAITING = 5,   /* all is done up to AWAIT */
};

struct plan_report {
	uint32_t kind;
	uint32_t step; /* from 0 */
	int32_t error; /* errno */
};

/*
 * The parent's word at ENTER, on the same socket: a byte, and by SCM_RIGHTS the v1 cgroups' files to write "0" to, if
 * there are any.
 */
enum { PLAN_ENTER_MOST = 16 };

/*
 * What the parent answers to WAITING, likewise: a byte, and by SCM_RIGHTS the whole plan, what is to be the
 * command's 0, 1 and 2, and mostly the file for INIT_FD_RECORD.
 */
enum plan_rest {
	PLAN_REST_PLAN,
	PLAN_REST_STDIO,
	PLAN_REST_RECORD = PLAN_REST_STDIO + 3,
	PLAN_REST_MOST,
};

/* A signal that init can't catch, or uses itself, reaches the command inside this one, its number as the value.
 * sigqueue(3) */
enum { INIT_SIGNAL_WRAPPED = 64 };

/*
 * Whether size bytes at data are a whole and well-formed plan: everything a reader follows lies inside. Contents of
 * paths and options are the kernel's to judge. 0, or -EINVAL.
 */
int plan_check(const void *data, size_t size);

/* What it takes to carry a plan out, wherever it lies. */
struct plan_view {
	const struct plan_step *steps;
	uint32_t n_steps;
	const char *strings;
	uint32_t fail_step, fail_error;
	uint32_t timed;
};

/* Pointers that the command's argv and environment take, each list with its NULL. */
static inline size_t plan_slots(const struct plan_view *plan)
{
	size_t slots = 0;
	for (uint32_t i = 0; i < plan->n_steps; i++)
		if (plan->steps[i].op == PLAN_ENVIRONMENT || plan->steps[i].op == PLAN_EXEC)
			slots += (size_t)plan->steps[i].list_count + 1;
	return slots;
}

/* Steps that show something of the host's in the new root. */
static inline size_t plan_sources(const struct plan_view *plan)
{
	size_t sources = 0;
	for (uint32_t i = 0; i < plan->n_steps; i++)
		sources += plan->steps[i].op == PLAN_BIND || plan->steps[i].op == PLAN_DEVICE;
	return sources;
}

/* Whether the plan's filter has calls wait for an answer. */
static inline bool plan_has_listener(const struct plan_view *plan)
{
	for (uint32_t i = 0; i < plan->n_steps; i++)
		if (plan->steps[i].op == PLAN_SECCOMP && plan->steps[i].n[1] & SECCOMP_FILTER_FLAG_NEW_LISTENER)
			return true;
	return false;
}

/* For a checked plan. */
static inline const struct plan_step *plan_steps(const struct plan_header *plan)
{
	return (const struct plan_step *)(plan + 1);
}

static inline const char *plan_text(const struct plan_header *plan, uint32_t offset)
{
	return (const char *)(plan_steps(plan) + plan->n_steps) + offset;
}

#endif
