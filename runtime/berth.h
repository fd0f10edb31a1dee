/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libberth: run a command in namespaces, a root and cgroups of its own.
 *
 * This header is all that is needed to write a slave (the process that launches executors):
 *
 *     struct berth_error error = BERTH_ERROR_INIT;
 *     struct berth *berth;
 *     struct berth_container *container;
 *     const char *const argv[] = {"/bin/sleep", "1", NULL};
 *     struct berth_options options = BERTH_OPTIONS_INIT;
 *     options.name = "mesos_executor_E_framework_F";
 *     options.argv = argv;
 *     options.resources.cpus = 0.5;
 *     options.resources.memory = 256 << 20;
 *     if (berth_open(NULL, &berth, &error) < 0 || berth_launch(berth, &options, &container, &error) < 0)
 *             errx(error.exit_status, "%s", error.text);
 *     ... poll(berth_container_pidfd(container)) until it is readable ...
 *     struct berth_end end = BERTH_END_INIT;
 *     berth_container_wait(container, -1, &end, &error);
 *     puts(end.text);
 *     berth_container_close(container);
 *     berth_close(berth);
 *
 * Conventions
 *
 * Results.  A function returns 0 (or what its comment says) on success and a negative errno on failure,
 * and then fills the struct berth_error it was given, which may be NULL.
 *
 * Growth.  A struct that is passed in begins with its size. Initialise it with its BERTH_..._INIT macro (or
 * set all to zero and size to sizeof); a library that is newer than the program takes what is missing as zero,
 * and one that is older refuses a struct whose unknown part is not zero (-E2BIG). In every struct passed in, zero means
 * "the default", and strings and arrays are borrowed for the length of the call.
 *
 * Threads.  A struct berth may be used by any number of threads at once. So may different containers; one
 * struct berth_container belongs to one thread at a time, but for berth_container_signal and
 * berth_container_kill, which any thread may call while another waits.
 *
 * What the library never does: exit, print, install a signal handler, catch or need SIGCHLD, start a thread, leave a
 * descriptor without close-on-exec, change the caller's working directory, umask or environment. It waits for its
 * own children only, by pidfd; a slave must not reap them with wait(-1), nor set SIGCHLD to SIG_IGN or SA_NOCLDWAIT,
 * or the ends it is told are the ones the container's init recorded.
 * A child that a slave forks and does not exec holds copies of its descriptors: while that lives on behind a dead
 * slave, its containers count as owned, and berth_recover passes them over.
 *
 * Privilege: root (CAP_SYS_ADMIN and write access to cgroupfs); or none, for containers in a user namespace of the
 * caller's (berth_options.userns), whose limits need a delegated cgroup v2. Where the caller is alone in such a cgroup,
 * a launch moves it down into the directory "launcher", for cgroup v2 has processes in leaves alone. Kernel: Linux 5.14
 * or later (mount_setattr, cgroup.kill); `berth check` tries each thing.
 */
#ifndef BERTH_H
#define BERTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define BERTH_API __attribute__((visibility("default")))

/* ---- Errors ---- */

/* Filled when a function fails. */
struct berth_error {
	int code;        /* errno, positive */
	int exit_status; /* what a launcher should exit with: 125; 126: the command can't be executed; 127: it isn't
			    there */
	char text[1024]; /* one sentence that names the object and the cause; no newline */
};
/* clang-format off: one-line initialisers */
#define BERTH_ERROR_INIT                                                                                               \
	{                                                                                                              \
		0, 0,                                                                                                  \
		{                                                                                                      \
			0                                                                                              \
		}                                                                                                      \
	}
/* clang-format on */

/* ---- The context ---- */

/*
 * What a process needs to launch and find containers. Holds a few descriptors. Keep it for as long as you launch: what
 * a launch can leave for the next one is in it, an empty mount namespace to begin in above all, without which a launch
 * takes the longer the more is mounted on the host.
 */
struct berth;

struct berth_config {
	size_t size;
	const char *state_root; /* where containers are recorded; default $BERTH_STATE_ROOT, else "/run/berth"; for
				   ordinary users $XDG_RUNTIME_DIR/berth */
	const char *data_root;  /* where framework roots keep their layers; default $BERTH_DATA_ROOT, else
				   "/var/lib/berth" */
};

/*
 * Opens a context; config may be NULL. The state root is made (mode 0700) if missing; it and the data root are refused
 * if they belong to another user or others can write to them. A user who has none gets a context that can plan.
 * Where cgroups are mounted is looked up, and init's program is made, by the first call that needs it, which fails
 * where that does.
 */
BERTH_API int berth_open(const struct berth_config *config, struct berth **berth, struct berth_error *error);
/* Closes it. Its containers must have been closed before; the processes inside them live on. NULL is allowed. */
BERTH_API void berth_close(struct berth *berth);

/* "0.1.0" */
BERTH_API const char *berth_version(void);

/* "v1", "v2", "hybrid" or "none": the cgroup hierarchies of this machine; "unknown" where mountinfo can't be read. */
BERTH_API const char *berth_cgroup_layout(const struct berth *berth);

/* ---- Resources ---- */

#define BERTH_UNLIMITED UINT64_MAX     /* lifts a limit */
#define BERTH_NO_SWAP (UINT64_MAX - 1) /* for swap: none at all (0 means: unchanged) */
#define BERTH_CPUS_UNLIMITED 1e9       /* for cpu_limit: lifts the cap */

/* Zero or NULL: at launch, no limit; in an update, as it was. */
struct berth_resources {
	size_t size;
	double cpus;         /* CPU share in CPUs: weight max(1024 x cpus, 10) against busy neighbours */
	uint64_t cpu_shares; /* the weight itself, 1024 for one CPU, 2..262144; wins over cpus */
	double cpu_limit;    /* hard cap in CPUs (CFS bandwidth), at least 0.01 */
	const char *cpuset;  /* CPUs it may run on: "0-3,7" */
	uint64_t memory;     /* bytes */
	uint64_t swap;       /* bytes beyond memory; BERTH_NO_SWAP; needs a memory limit */
	uint64_t pids;       /* tasks, init included */
};
#define BERTH_RESOURCES_INIT                                                                                           \
	{                                                                                                              \
		sizeof(struct berth_resources), 0, 0, 0, NULL, 0, 0, 0                                                 \
	}

/* ---- Launching ---- */

struct berth_volume {
	const char *source; /* absolute path on the host */
	const char *target; /* absolute path inside; missing mount points are made */
	bool read_only;
};

struct berth_tmpfs {
	const char *target; /* absolute path inside */
	uint64_t bytes;     /* 0: the kernel's default, half of memory */
};

#define BERTH_OOM_NEUTRAL INT32_MIN

struct berth_device {
	const char *source; /* absolute path on the host of a character or block device; links are followed */
	const char *target; /* absolute path inside; NULL: the same */
	const char *access; /* of "r", "w" and "m" (make nodes of it with mknod); NULL: "rwm" */
};

struct berth_rlimit {
	int resource;        /* RLIMIT_... of getrlimit(2) */
	uint64_t soft, hard; /* UINT64_MAX: infinity */
};

/* Ids of a user namespace from inside on stand for those from outside on, length of each. */
struct berth_id_range {
	uint32_t inside, outside, length;
};

/*
 * How a container's memory is made to fit a limit lowered below what is in use: reclaim in steps towards it, swapping
 * out where there is swap, while the old limit follows the usage down; until the time is up, and then the container is
 * killed.
 *
 * Where its owner attends (berth_container_monitor) and memory is limited by cgroup v1, what allocates more meanwhile
 * waits, rather than being killed by the kernel at a limit that nobody has set. The same goes, as long as there is swap
 * for it, for a container that has hit its limit and in which the kernel finds nothing to swap out: the limit is raised
 * by a few MiB, and brought back as if it had been lowered. (A system call that can't wait fails with ENOMEM.) What
 * waits when the owner dies goes on waiting until the container is recovered, updated or killed.
 */
struct berth_memory_policy {
	size_t size;
	int grace_ms;     /* how long it may take; 0: 10000; BERTH_NO_GRACE: one try, then it is killed */
	int lenient_ms;   /* how long at the most while the host has memory to spare; 0: no longer than grace_ms */
	uint64_t reserve; /* bytes the host must have available to count as having memory to spare; 0: an eighth of its
			     memory */
	double pressure;  /* and the share of time, in percent, that tasks may have waited for memory in the last 10 s
			     (PSI); 0: 10 */
	bool freeze;      /* freeze the container while reclaiming, so that it can't fault pages back in; where there is
			     swap for it this is done anyway */
};
#define BERTH_NO_GRACE (-1)
#define BERTH_MEMORY_POLICY_INIT                                                                                       \
	{                                                                                                              \
		sizeof(struct berth_memory_policy), 0, 0, 0, 0, false                                                  \
	}

/* berth_options.flags */
enum {
	BERTH_NO_INIT = 1 << 0,         /* the command itself is PID 1, without berth's init */
	BERTH_READ_ONLY = 1 << 1,       /* the root is read-only; volumes and tmpfs are as they say */
	BERTH_NET_NONE = 1 << 2,        /* a network namespace with loopback alone; default: the host's network */
	BERTH_HOST_UTS = 1 << 3,        /* the host's host name; default: a UTS namespace */
	BERTH_HOST_IPC = 1 << 4,        /* the host's System V IPC and message queues; default: an IPC namespace */
	BERTH_TTY = 1 << 5,             /* a terminal inside, on the command's 0, 1, 2; see berth_container_tty */
	BERTH_DIE_WITH_THREAD = 1 << 6, /* the container dies with the thread that launched it (PR_SET_PDEATHSIG) */
	BERTH_KEEP_RECORD = 1 << 7,     /* the record of how it ended stays until berth_container_remove */
	BERTH_FEW_CGROUPS = 1 << 8,     /* only the cgroups that the limits need: quicker, but fewer statistics, and
					none in the end of a container that exits 0 or is killed on request, unless
					with BERTH_KEEP_RECORD; with no cgroup at all berth_recover can't find what a
					slave that is killed during berth_launch had started */
	BERTH_ENV_CLEAR = 1 << 9,       /* env alone is the environment; default: the caller's, with env over it */
	BERTH_NEW_PRIVILEGES = 1 << 10, /* exec may give privileges (sudo, su, ping): default: no_new_privs is set */
	BERTH_BARE_ROOT = 1 << 11,   /* of what is mounted inside by default only /proc: no /dev, no /sys, and none of
					the kernel's files masked or read-only. For commands that are trusted, and in
					roots that nobody else writes to: with BERTH_NO_INIT they are executed straight
					from the caller's memory, and could execute the caller's own program */
	BERTH_HOST_CGROUP = 1 << 12, /* the host's view of cgroups in /proc/PID/cgroup; default: a cgroup namespace */
	BERTH_SECCOMP_LOG = 1 << 13, /* for debugging: the seccomp filter confines nothing, but tells; see
					berth_container_seccomp_log */
};

struct berth_options {
	size_t size;
	unsigned int flags;
	/*
	 * Any bytes but NUL, 1 to 4096; unique among the containers of a state root (else -EEXIST). NULL: generated.
	 */
	const char *name;
	/*
	 * "host" (default): the host's file system under a throw-away overlay. "host-rw": the host's file system.
	 * "DIR" (with a slash in it): that directory. "overlay:DIR": a throw-away layer over it.
	 * "framework:ID[:LOWER]": the framework's own root, made on first use over LOWER (default: the host) and kept.
	 * DIR and LOWER may be a tar archive, plain or packed by gzip, bzip2, xz or zstd. It is unpacked below the
	 * data root by the first launch over it, and again when it has changed; "DIR" is "overlay:DIR" then. A
	 * framework's root stays over what it was made over.
	 */
	const char *root;
	const char *const *argv; /* the command, looked up in the PATH it will have; NULL-terminated */
	const char *const *env;  /* "K=V", NULL-terminated; a bare "K" takes the caller's value */
	const char *workdir;     /* absolute, inside; default: the caller's for host roots and framework roots over the
				    host, else "/" */
	const char *user; /* "UID[:GID]" or names, looked up in the container's own /etc/passwd and /etc/group; default
			     root */
	const char *hostname;             /* default: the host's */
	const char *cgroup_parent;        /* below each hierarchy's mount point; default "berth" */
	struct berth_resources resources; /* its size may be left 0 */
	const struct berth_volume *volumes;
	size_t n_volumes;
	const struct berth_tmpfs *tmpfs;
	size_t n_tmpfs;
	const struct berth_rlimit *rlimits;
	size_t n_rlimits;
	/*
	 * The command's 0, 1, 2: NULL keeps the caller's (/dev/null for one that is closed or close-on-exec); else the
	 * numbers of three descriptors, close-on-exec or not, each may be -1 for /dev/null. Borrowed for the call.
	 * Ignored with BERTH_TTY. No other descriptor gets inside; a directory is refused (-EISDIR), since it would be
	 * a way out.
	 */
	const int *stdio;
	unsigned short tty_rows, tty_columns; /* the terminal's first size; 0: 24 x 80 */
	/*
	 * Files of the container's cgroups, "NAME=VALUE" ("memory.swappiness=10"), written after the limits and before
	 * the command runs; NULL-terminated. A v1 name on v2 is translated where there is an equivalent.
	 * "devices.allow=c 10:200 rwm" and "devices.deny=a" are rules on device nodes, on v1 and v2 alike: taken in
	 * their order, over the default ones and those of devices. The default ones deny all but null, zero, full,
	 * random, urandom, tty, ptmx (rwm) and pts (rw). No rules are set with BERTH_FEW_CGROUPS or BERTH_BARE_ROOT,
	 * but for those given here.
	 */
	const char *const *cgroup_files;
	const struct berth_memory_policy *memory_policy; /* NULL: the defaults */
	/*
	 * Capabilities, by name with or without "CAP_", or "ALL": first those to add to the default set, then those to
	 * drop from it. NULL-terminated. capabilities(7). The default set is Docker's.
	 */
	const char *const *cap_add;
	const char *const *cap_drop;
	/*
	 * The filter of system calls: "default" (or NULL): what Docker's default refuses gives EPERM, calls of newer
	 * kernels ENOSYS; "unconfined"; else the path of a profile, JSON as Docker, Podman and Kubernetes have it.
	 * Commands that join the container get it too. What a profile was compiled to is kept below the state root, for
	 * later launches. seccomp(2)
	 */
	const char *seccomp;
	/*
	 * The ids inside. "host" (NULL, for root): those of the host. "auto[:SIZE]": a user namespace with a range of
	 * SIZE ids (65536) that no other container that lives has, out of what /etc/subuid and /etc/subgid give to the
	 * user "berth", or else to root. For an ordinary user it is always a user namespace: "auto" (NULL) maps root
	 * inside to that user, and the ids from 1 on to those that /etc/subuid and /etc/subgid give to the user, where
	 * they do and newuidmap(1) is there: all of them, so that there is no SIZE.
	 * Or the maps themselves (then userns is NULL), at most 64 ranges each, which must map id 0; without gid_map
	 * it is as uid_map. user_namespaces(7)
	 *
	 * Directories (roots, layers, volumes) are shown with their ids shifted by the map, where root launches: what
	 * belongs to uid 0 on disk belongs to the container's root inside. The host's own tree ("host", "host-rw",
	 * "framework:ID") is not: there host's root is nobody inside.
	 *
	 * A framework's root keeps the ids that its first container has: with "auto" the range is its own until it is
	 * removed, and that of all its containers; "auto" takes a range of any size that it has. -EINVAL where it was
	 * made with others, or without.
	 */
	const char *userns;
	const struct berth_id_range *uid_map;
	size_t n_uid_map;
	const struct berth_id_range *gid_map;
	size_t n_gid_map;
	/*
	 * Nodes of the host's to show inside, where they can be opened but not changed. At launch each must still be
	 * the device that it was when the options were checked.
	 */
	const struct berth_device *devices;
	size_t n_devices;
	/*
	 * How likely the kernel is to kill it when memory runs out: -1000 (never) to 1000. 0: the caller's own, but 0
	 * where that is below: what protects a slave is not for what it runs. BERTH_OOM_NEUTRAL: 0 in any case. Lower
	 * than the caller's own needs CAP_SYS_RESOURCE. proc_pid_oom_score_adj(5)
	 */
	int oom_score_adj;
	/*
	 * What the launch spent its time on: called, when it has gone well and before berth_launch returns, for one
	 * part after the other: "check", "record", "root" (that of a framework), "cgroups", "limits", "clone" (with
	 * the entry into the cgroups, and the start of init), each kind of step of the plan by the word that
	 * berth_plan has for it in JSON, "exec" (with a seccomp filter that is loaded there), "note". count: how many
	 * steps of the kind there were. NULL: no clock is read.
	 */
	void (*timing)(void *data, const char *part, unsigned int count, uint64_t ns);
	void *timing_data;
};
/* clang-format off */
#define BERTH_OPTIONS_INIT \
	{sizeof(struct berth_options), 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, BERTH_RESOURCES_INIT, \
	 NULL, 0, NULL, 0, NULL, 0, NULL, 0, 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL, 0, NULL, 0, 0, NULL, NULL}
/* clang-format on */

/*
 * A handle on one container. While open it holds two descriptors, one more each with a terminal and with
 * BERTH_SECCOMP_LOG, and some where it attends: berth_container_monitor.
 */
struct berth_container;

/*
 * Launches a container and returns when the command has been exec'd: *container is then its handle, to be
 * released with berth_container_close. The caller is its owner: it waits for it. On failure nothing of it is left: no
 * process, mount, cgroup directory, state or descriptor.
 *
 * Errors: -EINVAL and others for bad options, before anything is touched; -EEXIST the name is in use; -ENOENT with
 * exit_status 127 the command isn't in the root; -EACCES, -ENOEXEC, ... with 126 it can't be executed; whatever a
 * step of the set-up failed with, named in error->text.
 */
BERTH_API int berth_launch(struct berth *berth, const struct berth_options *options, struct berth_container **container,
			   struct berth_error *error);

/*
 * Keeps count containers ready for launches that differ from options in what concerns the command alone, so that such
 * a launch takes a third of the time. What is made ahead: the cgroup directories, the process in its namespaces, the
 * root with all that is mounted in it. What each launch still says for itself: name, argv, env, workdir, user, stdio
 * and terminal, the values of limits and of cgroup_files, rlimits, capabilities but for CAP_SYS_ADMIN, seccomp,
 * memory_policy, BERTH_KEEP_RECORD, BERTH_ENV_CLEAR, BERTH_NEW_PRIVILEGES, BERTH_SECCOMP_LOG, and hostname where
 * options has none; of options these count for nothing, and argv may be NULL. All else must be the same, in which of
 * the limits there are too where BERTH_FEW_CGROUPS is set; a launch with timing takes none. berth_launch takes one that
 * suits by itself, and makes one as ever where none does; it replaces none: call this again when there is time. 0 for
 * count ends them. Those of other kinds stay.
 *
 * One that waits holds two descriptors, a process (init: some 30 KiB of memory, no CPU time), and its cgroup
 * directories, which keep the name they were made under: berth_container_inspect tells it. What its process inherits,
 * it has of the caller as that was then: limits, niceness, CPU affinity, umask, oom_score_adj, and the namespaces that
 * it gets none of its own of, as the network's. Its root is a copy of the host's mounts at that time: what is mounted
 * or unmounted below the root's directory or a volume since it does not see, and it keeps file systems alive that have
 * been unmounted. But where the directory, a volume or a device itself has been replaced, it is not used. All of them
 * end with the context, and with its process (one forked from that has none of them); what a killed one leaves of
 * cgroup directories berth_collect removes.
 *
 * -ENOTSUP: with a user namespace or BERTH_DIE_WITH_THREAD nothing can be prepared. Errors else as berth_launch; those
 * that were made by then stay.
 */
BERTH_API int berth_prepare(struct berth *berth, const struct berth_options *options, size_t count,
			    struct berth_error *error);

/*
 * Writes what berth_launch would do with the options, step by step, and does none of it: as text, or as a JSON
 * object. Needs no privilege.
 */
BERTH_API int berth_plan(struct berth *berth, const struct berth_options *options, bool json, FILE *out,
			 struct berth_error *error);

/* ---- Finding ---- */

/*
 * Opens a container by name, whoever launched it, without becoming its owner. -ENOENT if there is none.
 * The end of one that another process owns is known as soon as its owner has seen it.
 */
BERTH_API int berth_container_find(struct berth *berth, const char *name, struct berth_container **container,
				   struct berth_error *error);

/*
 * Every container of the state root, those that have ended and left a record included, as by berth_container_find.
 * Returns their number; the caller closes each and frees *containers. Each that runs takes two descriptors.
 */
BERTH_API ssize_t berth_list(struct berth *berth, struct berth_container ***containers, struct berth_error *error);

/*
 * The same one by one, in no order. berth_walk_next returns 1 with a container for the caller to close; 0 at the end,
 * with NULL; or -errno, after which it may be called for the next one. Any number of threads may call it for one walk:
 * each gets other containers.
 */
struct berth_walk;
BERTH_API int berth_walk_open(struct berth *berth, struct berth_walk **walk, struct berth_error *error);
BERTH_API int berth_walk_next(struct berth_walk *walk, struct berth_container **container, struct berth_error *error);
BERTH_API void berth_walk_close(struct berth_walk *walk);

/*
 * Takes over, as their owner, all containers whose owner has died: the first thing a slave does after a restart.
 * Those still running are returned, and so are those that ended meanwhile: berth_container_wait answers at once how.
 * What a dead owner left half made (launches that never finished) is killed and removed, and not returned. Returns
 * the number; the caller closes each and frees *containers.
 */
BERTH_API ssize_t berth_recover(struct berth *berth, struct berth_container ***containers, struct berth_error *error);

/* Releases the handle; the container lives on, ownerless if the handle owned it. NULL is allowed. */
BERTH_API void berth_container_close(struct berth_container *container);

enum berth_state {
	BERTH_STARTING = 1, /* being made by its owner */
	BERTH_RUNNING,
	BERTH_PAUSED,
	BERTH_ENDED,
};

BERTH_API enum berth_state berth_container_state(struct berth_container *container);
/* "starting", "running", "paused", "ended" */
BERTH_API const char *berth_state_name(enum berth_state state);

BERTH_API const char *berth_container_name(const struct berth_container *container);
/* PID 1 of the container, as seen on the host. */
BERTH_API pid_t berth_container_pid(const struct berth_container *container);
/* The command it was launched with, as in berth_options; the handle's. */
BERTH_API const char *const *berth_container_command(const struct berth_container *container);
/* When it was launched, nanoseconds of CLOCK_REALTIME. */
BERTH_API uint64_t berth_container_started(const struct berth_container *container);
/* Whether the process that launched it, or took it over, is alive (or is the caller). */
BERTH_API bool berth_container_owned(struct berth_container *container);
/*
 * A descriptor that polls readable (POLLIN) once PID 1 has ended; -1 when that was known at opening. The
 * handle keeps it: do not close it. pidfd_open(2)
 */
BERTH_API int berth_container_pidfd(const struct berth_container *container);
/*
 * The master side of the container's terminal, for the process that launched it with BERTH_TTY; else -1. The
 * handle keeps it. Set its size with TIOCSWINSZ.
 */
BERTH_API int berth_container_tty(const struct berth_container *container);

/*
 * For the process that launched it with BERTH_SECCOMP_LOG, a descriptor that polls readable (POLLIN) when the container
 * waits in a system call that its filter would refuse; else -1. The handle keeps it. Such calls must be taken off with
 * berth_container_seccomp_read, or the container stands still; when the handle has been closed, or its process has
 * ended, they give ENOSYS. The container is not confined by its filter, but commands that join it are, and are not told
 * of. Its processes can't have a listener of their own. Calls up to the command's execve, included, are not told of.
 * seccomp_unotify(2)
 */
BERTH_API int berth_container_seccomp_log(const struct berth_container *container);

/* A system call that the filter would refuse. */
struct berth_refusal {
	size_t size;
	pid_t pid;             /* the thread that made it, as the caller sees it; 0: not at all */
	char command[64];      /* that thread's name, any bytes; "" where it has been killed meanwhile */
	char call[64];         /* "mount"; where libseccomp knows no name, the number */
	uint32_t architecture; /* AUDIT_ARCH_* of linux/audit.h */
	int number;
};
#define BERTH_REFUSAL_INIT                                                                                             \
	{                                                                                                              \
		sizeof(struct berth_refusal), 0, "", "", 0, 0                                                          \
	}

/*
 * Tells of a call that waits, and lets it go on. 0; -EAGAIN: none waits (any more); -ESRCH: no process has the filter
 * any more, stop polling (PID 1 itself has it until it is waited for, so watch its pidfd too); -ENOTSUP: not launched
 * so, or by another process.
 */
BERTH_API int berth_container_seccomp_read(struct berth_container *container, struct berth_refusal *refusal,
					   struct berth_error *error);

/* Writes everything known of the container as one JSON object: state, pid, start time, root, cgroup paths, options,
 * end. */
BERTH_API int berth_container_inspect(struct berth_container *container, FILE *out, struct berth_error *error);

/* ---- Using ---- */

/*
 * Changes limits while it runs; zero fields stay. All or nothing is not promised: the error names the first that
 * failed.
 *
 * A memory limit below what is in use is reached by the container's memory policy. Where its owner attends to it
 * (berth_container_monitor), this call returns as soon as the owner has accepted the new limit, which replaces one
 * under way; else it does the work itself, and returns when the limit is reached or the container has been killed for
 * it (-ENOMEM).
 */
BERTH_API int berth_container_update(struct berth_container *container, const struct berth_resources *resources,
				     struct berth_error *error);

/* How a lowering of the memory limit gets on. */
struct berth_scale {
	size_t size;
	uint64_t target; /* bytes: the limit to reach */
	uint64_t usage;  /* bytes in use now */
	uint64_t limit;  /* bytes: the limit in force now, on its way down */
	uint64_t elapsed_ms;
	bool lenient; /* past the grace period, the host having memory to spare */
	bool done;
};

/*
 * As berth_container_update with a memory limit, but returns only when the limit is reached (0), the container has
 * ended (0), it was killed for it (-ENOMEM), or another limit took its place (-ECANCELED). tell, which may be NULL,
 * hears of the progress now and then, and at last, done, when the limit is in force.
 */
BERTH_API int berth_container_scale(struct berth_container *container, uint64_t memory,
				    void (*tell)(const struct berth_scale *scale, void *data), void *data,
				    struct berth_error *error);

/*
 * For its owner: attends to the container from now on, so that others may ask it to lower the memory limit and need not
 * wait for that. Returns a descriptor to poll for input, which the handle keeps; whenever it is readable, or the time
 * *timeout_ms that the last berth_container_attend left has passed (-1: none), call berth_container_attend.
 * berth_container_wait by the owner attends meanwhile too.
 */
BERTH_API int berth_container_monitor(struct berth_container *container, struct berth_error *error);
BERTH_API int berth_container_attend(struct berth_container *container, int *timeout_ms, struct berth_error *error);

/*
 * Reads or writes one file of the container's cgroups by its name, "memory.usage_in_bytes", "cpu.shares"; v1 names are
 * translated on v2 where there is an equivalent. Writing a memory limit or CPU shares is as berth_container_update.
 * -ENOENT: there is no such file; -ENOTSUP: no equivalent on this machine's cgroups. Reading NUL-terminates and returns
 * the length.
 */
BERTH_API ssize_t berth_container_cgroup_read(struct berth_container *container, const char *file, char *buffer,
					      size_t size, struct berth_error *error);
BERTH_API int berth_container_cgroup_write(struct berth_container *container, const char *file, const char *value,
					   struct berth_error *error);

/*
 * Sends a signal to the command (through init, which passes SIGINT and SIGQUIT on to its process group, and all
 * others to the command alone; without init, to the command as PID 1). -ESRCH when it has ended, -EAGAIN while its
 * owner is still making it.
 */
BERTH_API int berth_container_signal(struct berth_container *container, int signal, struct berth_error *error);

/* Why a container is killed; recorded as its end's reason. */
enum berth_reason {
	BERTH_EXITED = 1,    /* the command ended by itself: code is its exit status */
	BERTH_SIGNALED,      /* a signal killed the command: code is the signal */
	BERTH_OUT_OF_MEMORY, /* the kernel killed it at its memory limit */
	BERTH_SCALE_DOWN,    /* its memory did not fit a lowered limit in time */
	BERTH_KILLED,        /* killed on request */
	BERTH_TIMEOUT,       /* killed on request, because its time was up */
	BERTH_LOST,          /* it is gone, and nobody saw how (its owner had died, and it had no init to record it) */
};

/*
 * Kills every process of the container with SIGKILL, and records the reason (BERTH_KILLED or BERTH_TIMEOUT). Returns
 * at once; the owner's berth_container_wait learns the end. A container that has ended is no error.
 */
BERTH_API int berth_container_kill(struct berth_container *container, enum berth_reason reason,
				   struct berth_error *error);

/* How a container ended. */
struct berth_end {
	size_t size;
	enum berth_reason reason;
	int code;            /* exit status or signal, by reason; SIGKILL for the killed */
	uint64_t started_ns; /* CLOCK_REALTIME */
	uint64_t ended_ns;
	/* These four are 0 where they are not counted, or for BERTH_FEW_CGROUPS not looked at. */
	uint64_t memory_limit; /* bytes; BERTH_UNLIMITED: none */
	uint64_t memory_peak;  /* bytes */
	uint64_t oom_kills;    /* processes the kernel killed at the memory limit; may be non-zero with any reason */
	uint64_t cpu_ns;       /* CPU time used */
	char text[256];        /* a sentence: "out of memory: limit 64.0 MiB, peak 64.0 MiB, 1 process killed" */
};
#define BERTH_END_INIT                                                                                                 \
	{                                                                                                              \
		sizeof(struct berth_end), (enum berth_reason)0, 0, 0, 0, 0, 0, 0, 0,                                   \
		{                                                                                                      \
			0                                                                                              \
		}                                                                                                      \
	}

/* "exited", "signaled", "out-of-memory", "scale-down-failed", "killed", "timeout", "lost" */
BERTH_API const char *berth_reason_name(enum berth_reason reason);
/* The exit status a shell would show: the command's own, 128 + signal, 124 for BERTH_TIMEOUT. */
BERTH_API int berth_end_status(const struct berth_end *end);

/*
 * Waits for the container to end, at most timeout_ms (-1: for ever, 0: only looks), and fills *end. For its owner
 * this also reaps init, kills what is left, removes the cgroups and, unless BERTH_KEEP_RECORD was given, the name.
 * Others wait until the owner has done so, or, where the owner has died, do it in its place. -ETIMEDOUT: it runs on.
 * May be called again after the end.
 */
BERTH_API int berth_container_wait(struct berth_container *container, int timeout_ms, struct berth_end *end,
				   struct berth_error *error);

/* Forgets a container that has ended: its record is removed and the name is free. -EBUSY while it runs. */
BERTH_API int berth_container_remove(struct berth_container *container, struct berth_error *error);

/* Freezes every process of the container, and thaws them. Both wait until it is so. */
BERTH_API int berth_container_pause(struct berth_container *container, struct berth_error *error);
BERTH_API int berth_container_resume(struct berth_container *container, struct berth_error *error);

/* For berth_stats.only. Each is a file of the kernel's, which takes some 5 us of reading. */
enum {
	BERTH_STATS_CPU_USAGE = 1 << 0,
	BERTH_STATS_CPU_SHARES = 1 << 1,
	BERTH_STATS_MEMORY_USAGE = 1 << 2,
	BERTH_STATS_MEMORY_PEAK = 1 << 3,
	BERTH_STATS_MEMORY_LIMIT = 1 << 4,
	BERTH_STATS_OOM_KILLS = 1 << 5,
	BERTH_STATS_PROCESSES = 1 << 6,
	BERTH_STATS_IO = 1 << 7,
};

/* What a container uses, from v1 and v2 alike. UINT64_MAX as a limit: none. Fields marked * stay 0 where brief is set.
 */
struct berth_stats {
	size_t size;
	bool has_cpu, has_memory, has_processes,
		has_io; /* which of these this machine's cgroups count for the container */
	uint64_t cpu_usage_ns, cpu_user_ns /* * */, cpu_system_ns /* * */, cpu_throttled_ns /* * */;
	uint64_t cpu_shares;
	uint64_t memory_usage, memory_peak, memory_limit, memory_rss /* * */, memory_cache /* * */; /* bytes */
	uint64_t swap_usage /* * */, swap_limit /* * */;                                            /* bytes */
	uint64_t oom_kills;
	uint64_t processes, processes_limit /* * */; /* tasks, threads included */
	uint64_t io_read_bytes, io_write_bytes;
	bool brief; /* in: leave out what costs more to read than it is mostly worth, for many containers at a time */
	unsigned int only; /* in: a set of BERTH_STATS_...: nothing but that; 0: all, or as brief says. What is not
			      asked for is 0 */
};
#define BERTH_STATS_INIT                                                                                               \
	{                                                                                                              \
		sizeof(struct berth_stats), false, false, false, false, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,   \
			0, 0, false, 0                                                                                 \
	}

BERTH_API int berth_container_stats(struct berth_container *container, struct berth_stats *stats,
				    struct berth_error *error);

/* Host pids of the processes inside. Returns their number; the caller frees *pids. */
BERTH_API ssize_t berth_container_processes(struct berth_container *container, pid_t **pids, struct berth_error *error);

/* ---- One more command inside ---- */

struct berth_exec_options {
	size_t size;
	unsigned int flags;      /* BERTH_TTY, BERTH_ENV_CLEAR, BERTH_DIE_WITH_THREAD */
	const char *const *argv; /* as in berth_options */
	const char *const *env;  /* over the environment the container was launched with */
	const char *workdir;     /* default: the container's */
	const char *user;        /* default: the container's */
	const int *stdio;
	unsigned short tty_rows, tty_columns;
};
#define BERTH_EXEC_OPTIONS_INIT                                                                                        \
	{                                                                                                              \
		sizeof(struct berth_exec_options), 0, NULL, NULL, NULL, NULL, NULL, 0, 0                               \
	}

/* A command that berth_container_exec started. Holds one descriptor (two with a terminal). */
struct berth_process;

/* Starts a command in the container's namespaces, root and cgroups; returns when it has been exec'd. Errors as
 * berth_launch. */
BERTH_API int berth_container_exec(struct berth_container *container, const struct berth_exec_options *options,
				   struct berth_process **process, struct berth_error *error);
/* Polls readable once it has ended; kept by the handle. */
BERTH_API int berth_process_pidfd(const struct berth_process *process);
BERTH_API int berth_process_tty(const struct berth_process *process);
BERTH_API int berth_process_signal(struct berth_process *process, int signal, struct berth_error *error);
/* As berth_container_wait; *status is as waitpid(2) gives it. */
BERTH_API int berth_process_wait(struct berth_process *process, int timeout_ms, int *status, struct berth_error *error);
BERTH_API void berth_process_close(struct berth_process *process);

/* ---- The machine ---- */

enum berth_verdict { BERTH_PASS = 1, BERTH_WARN, BERTH_FAIL };

struct berth_finding {
	const char *name; /* "pid-namespace" */
	enum berth_verdict verdict;
	const char *text;   /* what was found */
	const char *remedy; /* what to do; NULL when it passed */
};

/*
 * Tries each thing that containers need on this machine, and tells of each. What it makes to try, it removes. Returns
 * the number of failures, or a negative errno.
 */
BERTH_API int berth_check(struct berth *berth, void (*tell)(const struct berth_finding *finding, void *data),
			  void *data, struct berth_error *error);

/*
 * Clears up behind dead owners: containers that have ended since or were never finished (those that still run only with
 * kill_running), unfinished state, the empty cgroup directories of cgroup_parent (NULL: "berth"). Records that
 * BERTH_KEEP_RECORD asked for stay. Returns the number of containers cleared up.
 */
BERTH_API ssize_t berth_collect(struct berth *berth, const char *cgroup_parent, bool kill_running,
				struct berth_error *error);

/* ---- Framework roots ---- */

struct berth_root {
	size_t size;
	const char *framework; /* its ID; an archive's name, which begins with "archive:" */
	const char *lower;     /* what it lies over; "/": the host; the archive's path */
	const char *path;      /* where it is mounted, or has been unpacked */
	bool mounted;
	bool used;      /* by a container that has not ended; an archive also by a framework's root */
	uint64_t bytes; /* disk space its executors' writes take, or the archive's tree; UINT64_MAX where not asked for
			 */
	bool archive;   /* an archive that has been unpacked: no framework's root */
};

/* Tells of each framework root and each archive; sizes also measures bytes. Strings are borrowed for the call. */
BERTH_API int berth_root_list(struct berth *berth, bool sizes, void (*tell)(const struct berth_root *root, void *data),
			      void *data, struct berth_error *error);

/* Removes a framework root and all that its executors wrote, or the tree of an archive, by the name that
 * berth_root_list tells. -EBUSY while it is used, -ENOENT if there is none. */
BERTH_API int berth_root_remove(struct berth *berth, const char *framework, struct berth_error *error);

#ifdef __cplusplus
}
#endif

#endif
