/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cgroup directories by hand. A layout is what is mounted on this machine (v1, v2 or both); a cgroup
 * is one container's set of directories, one in each hierarchy it needs; each controller is used
 * where it lives. What differs between v1 and v2 is in the table of controllers (controllers.c) and
 * nowhere else. Background: cgroups(7), Documentation/admin-guide/cgroup-v1 and cgroup-v2.rst.
 */
#ifndef CGROUP_CGROUP_H
#define CGROUP_CGROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/types.h>

#include "nsutil/base/error.h"

enum cgroup_controller {
	CGROUP_CPU,
	CGROUP_CPUACCT, /* v2: part of cpu, always there */
	CGROUP_CPUSET,
	CGROUP_MEMORY,
	CGROUP_PIDS,
	CGROUP_FREEZER, /* v2: cgroup.freeze, always there */
	CGROUP_IO,      /* v1: blkio */
	CGROUP_DEVICES, /* v2: a BPF program, always to be had */
	CGROUP_CONTROLLERS,
};
#define CGROUP_BIT(controller) (1u << (controller))

/* The kernel's v1 or v2 name for messages and options: "cpu", "memory", "freezer", ... */
const char *cgroup_controller_name(enum cgroup_controller controller);
/* The controller of that name ("io" and "blkio" are one), or -1. */
int cgroup_controller_find(const char *name);

/* ---- What is mounted ---- */

struct cgroup_layout;

/*
 * Reads what is mounted from mountinfo (NULL: /proc/self/mountinfo) and keeps a descriptor on each
 * hierarchy. Read-only after this, so threads may share it. No cgroup mount at all is no error here:
 * cgroup_layout_version then answers 0 for every controller. Free with cgroup_layout_free.
 */
int cgroup_layout_open(const char *mountinfo, struct cgroup_layout **layout, struct error *error);

/*
 * The layout in a few hundred bytes, for another process to have it without reading what is mounted, which takes
 * several times as long. Returns their number; NULL: no more than that.
 */
size_t cgroup_layout_pack(const struct cgroup_layout *layout, void *packed);

/*
 * A layout from that, to open and read cgroups with that were made by the one that was packed: their controllers can't
 * have gone to another hierarchy, cgroup-v1/cgroups.rst. -ESTALE or another errno where one of the mount points is not
 * the same directory of the same file system any more, or not in this mount namespace; -EBADMSG for bytes that are not
 * cgroup_layout_pack's, -ENODATA for none.
 */
int cgroup_layout_unpack(const void *packed, size_t size, struct cgroup_layout **layout);
void cgroup_layout_free(struct cgroup_layout *layout);

/* 1 or 2: the version of the hierarchy that serves the controller; 0: no hierarchy does. */
int cgroup_layout_version(const struct cgroup_layout *layout, enum cgroup_controller controller);

/* "v1", "v2", "hybrid" or "none". */
const char *cgroup_layout_name(const struct cgroup_layout *layout);

/* Where the controller's hierarchy is mounted, or NULL. Borrowed from the layout. */
const char *cgroup_layout_mount_point(const struct cgroup_layout *layout, enum cgroup_controller controller);

/* ---- One container's directories ---- */

struct cgroup;

/*
 * Makes directory PARENT/NAME in the hierarchy of every controller in wanted (a set of CGROUP_BITs).
 * parent is a path below the mount points without leading slash ("berth", "a/b"); its missing parts are
 * made, on v2 with the wanted controllers enabled down the tree. name is one path component.
 * Fails by name for a controller that is nowhere (-ENOENT) and for a directory that is there already
 * (-EEXIST), and then leaves none of its directories. The layout must outlive the cgroup. Free with cgroup_free,
 * which leaves the directories; cgroup_destroy removes them.
 */
int cgroup_create(const struct cgroup_layout *layout, const char *parent, const char *name, unsigned int wanted,
		  struct cgroup **cgroup, struct error *error);

/*
 * The same in two parts: v1 hierarchies that are wanted for controllers of later alone are left for cgroup_complete,
 * and until then the cgroup is without them.
 */
int cgroup_begin(const struct cgroup_layout *layout, const char *parent, const char *name, unsigned int wanted,
		 unsigned int later, struct cgroup **cgroup, struct error *error);

struct cgroup_entry;

/*
 * Makes what cgroup_begin has left, and opens what a process that is in the others needs to enter that too; release
 * with cgroup_entry_close. What it can't make in full it doesn't leave, and the cgroup stays without it; what it makes,
 * but can't open, is the cgroup's.
 */
int cgroup_complete(struct cgroup *cgroup, struct cgroup_entry *entry, struct error *error);

/* The same set for directories that are there, or were: nothing is touched, none need exist. */
int cgroup_open(const struct cgroup_layout *layout, const char *parent, const char *name, unsigned int wanted,
		struct cgroup **cgroup, struct error *error);
void cgroup_free(struct cgroup *cgroup);

/* ---- For ordinary users ---- */

/* A part of a v2 hierarchy that somebody with privilege has left to the caller: cgroup-v2.rst, "Delegation". */
struct cgroup_delegation {
	char *parent;             /* below the mount point, without leading slash; malloc'ed; NULL: none */
	unsigned int controllers; /* that can be had there, a set of CGROUP_BITs */
	bool moves;               /* it is the caller's own cgroup: see cgroup_delegation_enter */
};

/*
 * Finds where the caller may make cgroups and put its children in. cgroup v2 has processes in leaves alone, so that is
 * its own cgroup, if the caller is alone in it, or one above that is left to it and holds none: the nearest that has
 * the controllers. 0, also where there is none; -errno. Touches nothing.
 */
int cgroup_delegation_find(const struct cgroup_layout *layout, struct cgroup_delegation *delegation,
			   struct error *error);
/* Makes room in the caller's own cgroup by moving the caller down into a directory "launcher"; nothing without moves.
 */
int cgroup_delegation_enter(const struct cgroup_layout *layout, const struct cgroup_delegation *delegation,
			    struct error *error);

static inline void cleanup_delegation_(struct cgroup_delegation *delegation)
{
	free(delegation->parent);
}
#define cleanup_delegation __attribute__((cleanup(cleanup_delegation_)))

/* The controllers the cgroup was made with. */
unsigned int cgroup_controllers(const struct cgroup *cgroup);

/* Absolute path of the i-th directory, or NULL past the last. Borrowed from the cgroup. */
const char *cgroup_path(const struct cgroup *cgroup, size_t i);

/* The path of the controller's directory, or NULL if the cgroup was made without it. Borrowed. */
const char *cgroup_controller_path(const struct cgroup *cgroup, enum cgroup_controller controller);

/* ---- Entering ---- */

enum { CGROUP_MAX_HIERARCHIES = 16 };

struct cgroup_entry {
	int into;                          /* v2 directory for CLONE_INTO_CGROUP, or -1 */
	int procs[CGROUP_MAX_HIERARCHIES]; /* v1 cgroup.procs files, open for writing "0" */
	size_t n_procs;
	int into_procs; /* cgroup.procs of `into`, for where CLONE_INTO_CGROUP is not to be had; or -1 */
};

/* Opens what a new process needs to enter the cgroup; all CLOEXEC. Release with cgroup_entry_close. */
int cgroup_entry_open(const struct cgroup *cgroup, struct cgroup_entry *entry, struct error *error);
void cgroup_entry_close(struct cgroup_entry *entry);

/* Moves one running process, with all its threads, into each of the directories. 0 or -errno. */
int cgroup_attach(const struct cgroup *cgroup, pid_t pid, struct error *error);

/* ---- Devices ---- */

#define CGROUP_DEVICE_ANY UINT32_MAX

enum { CGROUP_DEVICE_READ = 1, CGROUP_DEVICE_WRITE = 2, CGROUP_DEVICE_MKNOD = 4, CGROUP_DEVICE_ALL = 7 };

/* What may be done with device nodes, wherever they are: cgroup-v1/devices.rst */
struct cgroup_device_rule {
	bool allow;          /* else it is denied */
	char type;           /* 'c', 'b', or 'a' for every device there is */
	uint32_t major;      /* or CGROUP_DEVICE_ANY; as minor and access without meaning for 'a' */
	uint32_t minor;      /* or CGROUP_DEVICE_ANY */
	unsigned int access; /* CGROUP_DEVICE_READ, ... */
};

/* Reads "c 1:3 rwm", "b 8:* r", "a" or "a *:* rwm". allow stays as it is. -EINVAL with the text and the form. */
int cgroup_device_rule_parse(const char *text, struct cgroup_device_rule *rule, struct error *error);

/* Letters of r, w and m, each at most once, as CGROUP_DEVICE_...; false for other texts. */
bool cgroup_device_access_parse(const char *text, unsigned int *access);

enum { CGROUP_DEVICE_TEXT = 48 };
/* "c 1:3 rwm", "a". */
void cgroup_device_rule_format(const struct cgroup_device_rule *rule, char text[CGROUP_DEVICE_TEXT]);

/* ---- Limits ---- */

#define CGROUP_UNLIMITED UINT64_MAX     /* lifts a limit */
#define CGROUP_NO_SWAP (UINT64_MAX - 1) /* for swap: none at all, which 0 can't say */

/* Zero or NULL leaves a resource as it is. */
struct cgroup_limits {
	uint64_t cpu_shares;     /* weight, 1024 = one CPU, 2..262144; v2: the weight in proportion, 1024 to 100 */
	uint64_t cpu_quota_us;   /* CPU time per period, microseconds; CGROUP_UNLIMITED lifts it */
	uint64_t cpu_period_us;  /* 0: 100000 */
	const char *cpuset_cpus; /* "0-3,7" */
	const char *cpuset_mems;
	uint64_t memory; /* bytes */
	uint64_t swap;   /* bytes beyond memory; needs the memory limit to be known: set or already in force */
	uint64_t pids;
	/*
	 * Taken one after the other over what the directory above has, the last that says something of an access
	 * deciding: begin with a denial of 'a' to say all. A cgroup of v2 takes them once.
	 */
	const struct cgroup_device_rule *devices;
	size_t n_devices;
};

/* The controllers these limits need, as a set of CGROUP_BITs. */
unsigned int cgroup_limits_controllers(const struct cgroup_limits *limits);

/* Those of the limits that need one of these controllers. Borrows what the others borrow. */
struct cgroup_limits cgroup_limits_of(const struct cgroup_limits *limits, unsigned int controllers);

/*
 * Writes the limits, after checking all of them (-EINVAL for a value the kernel's range does not hold, -ENOENT for a
 * controller the cgroup was made without). On v1 memory and memory+swap are written in the order that never crosses
 * them, both or none; a swap limit left alone keeps its distance from memory. Controllers are written one after
 * another: those before a failing one keep their new limits.
 * The error names the file, the value, the kernel's answer and, for -EBUSY of a memory limit, the usage.
 */
int cgroup_apply(struct cgroup *cgroup, const struct cgroup_limits *limits, struct error *error);

/*
 * v2 cpu.weight for v1 cpu.shares, and back: in proportion, 1024 shares to 100, both versions' default, so that shares
 * of 1 to 3 are 1 to 3 on v2 too. (The newer conversion of the OCI runtimes keeps both ends of the range, but makes 1
 * to 2.4 of them.) Rounded; weights end at 10000, which is 100 CPUs. Back come shares within half a weight, 5, of what
 * was given.
 */
uint64_t cgroup_weight_from_shares(uint64_t shares);
uint64_t cgroup_shares_from_weight(uint64_t weight);

/* What the caller knows of a cgroup's memory limits, which then need not be read. Zero: nothing. */
struct cgroup_memory_known {
	uint64_t limit;     /* what was last put in force; by now it may be another, which costs no more than time */
	bool no_swap_limit; /* there is none */
};

/*
 * Puts a memory limit in force where that is a matter of writing it: what is in use fits, and there is no limit of swap
 * that would have to go along. Returns 1 when it is in force, 0 when it is one for cgroup_memory_shrink, or -errno.
 */
int cgroup_memory_fit(const struct cgroup *cgroup, uint64_t memory, const struct cgroup_memory_known *known,
		      struct error *error);

/*
 * One step towards a memory limit below what is in use: reclaims a bounded amount (swapping out where there is swap)
 * and lets the limit in force follow the usage down. target->memory is set, and target->swap if swap is limited too.
 * Returns 1 when the target is in force, 0 when there is more to do, now or after a while (whether it got on shows in
 * the usage), or -errno.
 */
int cgroup_memory_shrink(const struct cgroup *cgroup, const struct cgroup_limits *target, struct error *error);

/*
 * v1 alone; on v2 both answer -EOPNOTSUPP. A descriptor (the caller's, CLOEXEC, non-blocking eventfd) that is readable
 * when something allocates in the cgroup, and neither fits its limit nor can be made room for.
 */
int cgroup_oom_watch(const struct cgroup *cgroup);
/* hold: the kernel does not kill then; who allocates waits until there is room, the limit is raised, or it is let loose
 * again. 0 or -errno. */
int cgroup_oom_hold(const struct cgroup *cgroup, bool hold);

/* ---- Single files by name ---- */

/*
 * Reads or writes the cgroup's file of that name ("memory.usage_in_bytes", "cpu.shares"), in the directory of the
 * controller the name begins with. Where that is v2, v1 names are translated if there is an equivalent; else -ENOTSUP.
 * -ENOENT: the cgroup has no such controller. Reading NUL-terminates and returns the length.
 */
ssize_t cgroup_file_read(const struct cgroup *cgroup, const char *name, char *buffer, size_t size, struct error *error);
int cgroup_file_write(const struct cgroup *cgroup, const char *name, const char *value, struct error *error);

/* The controller that a file's name (or "NAME=VALUE") belongs to, as a set of one CGROUP_BIT; 0 if it isn't mounted. */
unsigned int cgroup_file_controllers(const struct cgroup_layout *layout, const char *name);

/* ---- Reading ---- */

struct cgroup_stats {
	unsigned int known;    /* set of CGROUP_BITs whose fields below were read */
	uint64_t cpu_usage_ns; /* CPUACCT */
	uint64_t cpu_user_ns;
	uint64_t cpu_system_ns;
	uint64_t cpu_throttled_ns; /* CPU */
	uint64_t cpu_shares;       /* CPU; v2: the weight, converted back */
	uint64_t cpu_quota_us;     /* UINT64_MAX: none */
	uint64_t cpu_period_us;
	uint64_t memory_usage; /* MEMORY, bytes */
	uint64_t memory_peak;
	uint64_t memory_limit; /* UINT64_MAX: none */
	uint64_t memory_rss;   /* anonymous memory */
	uint64_t memory_cache; /* page cache, shmem included */
	uint64_t swap_usage;
	uint64_t swap_limit; /* beyond memory; UINT64_MAX: none or unknown */
	uint64_t oom_kills;
	bool oom_waits;     /* something waits for memory, held by cgroup_oom_hold */
	uint64_t processes; /* PIDS: tasks (threads count), as the controller counts */
	uint64_t processes_limit;
	uint64_t io_read_bytes; /* IO */
	uint64_t io_write_bytes;
};

/* Which fields are read. Each is a file of the kernel's, or several, and each file takes some 5 us; opened for the
 * first time 10. */
enum {
	CGROUP_READ_CPU_USAGE = 1 << 0,
	CGROUP_READ_CPU_SPLIT = 1 << 1, /* cpu_user_ns, cpu_system_ns */
	CGROUP_READ_CPU_SHARES = 1 << 2,
	CGROUP_READ_CPU_QUOTA = 1 << 3, /* with cpu_period_us and cpu_throttled_ns */
	CGROUP_READ_MEMORY_USAGE = 1 << 4,
	CGROUP_READ_MEMORY_PEAK = 1 << 5,
	CGROUP_READ_MEMORY_LIMIT = 1 << 6,
	CGROUP_READ_OOM = 1 << 7,          /* oom_kills, oom_waits */
	CGROUP_READ_MEMORY_SPLIT = 1 << 8, /* memory_rss, memory_cache, swap_usage */
	CGROUP_READ_SWAP_LIMIT = 1 << 9,   /* v1: memory_limit is read for it */
	CGROUP_READ_PROCESSES = 1 << 10,
	CGROUP_READ_PROCESSES_LIMIT = 1 << 11,
	CGROUP_READ_IO = 1 << 12,
	CGROUP_READ_ALL = (1 << 13) - 1,
};

/* Reads those of the fields that the cgroup's controllers know; all others are 0. A file that isn't there leaves its
 * field 0, and no error. -ENOENT when the cgroup is gone; what could be read is there all the same. */
int cgroup_read(const struct cgroup *cgroup, unsigned int fields, struct cgroup_stats *stats, struct error *error);

/* Only memory: usage, peak, limit, oom_kills, oom_waits. Fills those fields alone. */
int cgroup_read_memory(const struct cgroup *cgroup, struct cgroup_stats *stats, struct error *error);

/* The processes inside, descendants' directories included, each once. *pids is malloc'ed. Returns their number or
 * -errno; 0 when the cgroup is gone. */
ssize_t cgroup_processes(const struct cgroup *cgroup, pid_t **pids, struct error *error);

/* ---- Freezing, ending ---- */

/*
 * Freezes or thaws (the cgroup must have been made with CGROUP_FREEZER), and waits until the kernel says it is so (v1
 * FROZEN, v2 "frozen 1" in cgroup.events), no longer than timeout_ms: then -ETIMEDOUT, and a freeze is taken back.
 */
int cgroup_freeze(const struct cgroup *cgroup, bool freeze, int timeout_ms, struct error *error);
/* 1 frozen (by itself or by a directory above), 0 not (or not all of it yet), or -errno; -ENOENT without the freezer.
 */
int cgroup_frozen(const struct cgroup *cgroup);

/*
 * Kills what is alive inside (v2: cgroup.kill; v1: thaw, then SIGKILL to each process by pidfd until none is left) and
 * removes the directories bottom-up, those the container made below its own included; waits for dying processes by
 * event where the kernel has one, no longer than timeout_ms, then -EBUSY with the processes' ids in the error.
 * Directories that are gone already are no error. Nothing is killed, and the answer is -EBUSY, when the calling process
 * is inside. On v1 with the pids controller new processes are refused from here on, also when this fails.
 */
int cgroup_destroy(const struct cgroup *cgroup, int timeout_ms, struct error *error);

/*
 * Removes the parent directories that cgroup_create made (it marks them with the attribute trusted.berth), where they
 * are empty, from the bottom up. Never fails: what is in use, and what someone else made, stays.
 */
void cgroup_remove_parent(const struct cgroup_layout *layout, const char *parent);

/* Removes the directories in parent that is_left says so of by their names, where they are empty. Never fails. */
void cgroup_remove_left(const struct cgroup_layout *layout, const char *parent, bool (*is_left)(const char *name));

#endif
