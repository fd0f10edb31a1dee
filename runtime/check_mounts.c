/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything a root is built with, tried in a process that has mount and PID namespaces of its own, on the stage, where
 * launches do it too. The process reports through shared memory, so that what was found stays when it is killed.
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "nsutil/base/cleanup.h"
#include "runtime/check.h"

/* In the order they are tried and told. */
enum mount_trial { PRIVATE, API, OVERLAY, PROC, SYSFS, DEVPTS, NODES, FRAMEWORK, PIVOT, MOUNT_TRIALS };

struct mount_result {
	const char *call; /* what was tried last; NULL: it did not come to this */
	int error;        /* of that call */
	bool passed;
};

struct mount_shared {
	struct mount_result results[MOUNT_TRIALS];
};

/* Paths, made beforehand: the process has no malloc. */
struct mount_input {
	struct mount_shared *shared;
	const char *stage;
	const char *id;
	char *upper, *work; /* in the stage's tmpfs */
	char *framework; /* a directory on the data root's file system, holding upper and work; NULL: not to be had */
	char *framework_upper, *framework_work;
};

/* ---- In the process of its own ---- */

static bool attempt(struct mount_result *result, const char *call, long outcome)
{
	result->call = call;
	result->error = outcome < 0 ? errno : 0;
	return outcome >= 0;
}

struct mount_option {
	const char *key, *value; /* value NULL: a flag */
};

/* Makes a mount and attaches it below the stage ("": on it). The descriptor of its root, or -1. */
static int mount_make(struct mount_result *result, const char *type, const struct mount_option *options,
		      unsigned int attributes, int stage, const char *target)
{
	cleanup_fd int fs = fsopen(type, FSOPEN_CLOEXEC);
	if (!attempt(result, "fsopen", fs))
		return -1;
	for (; options && options->key; options++) {
		unsigned int command = options->value ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG;
		if (!attempt(result, options->key, fsconfig(fs, command, options->key, options->value, 0)))
			return -1;
	}
	if (!attempt(result, "fsconfig", fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0)))
		return -1;
	cleanup_fd int mount = fsmount(fs, FSMOUNT_CLOEXEC, attributes);
	if (!attempt(result, "fsmount", mount))
		return -1;
	unsigned int flags = MOVE_MOUNT_F_EMPTY_PATH | (*target ? 0 : MOVE_MOUNT_T_EMPTY_PATH);
	if (*target && !attempt(result, "mkdir of the mount point", mkdirat(stage, target, 0755)))
		return -1;
	if (!attempt(result, "move_mount", move_mount(mount, "", stage, target, flags)))
		return -1;
	return steal_fd(&mount);
}

static bool try_private(struct mount_result *result)
{
	struct mount_attr private = {.propagation = MS_PRIVATE};
	return attempt(result, "mount_setattr", mount_setattr(AT_FDCWD, "/", AT_RECURSIVE, &private, sizeof private));
}

/* A tmpfs on the stage, which the other trials use, and a read-only bind of it. The tmpfs, or -1. */
static int try_api(struct mount_result *result, const char *stage_path)
{
	cleanup_fd int place = open(stage_path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (!attempt(result, "open of the state directory's .stage", place))
		return -1;
	static const struct mount_option options[] = {{"mode", "700"}, {NULL, NULL}};
	cleanup_fd int stage = mount_make(result, "tmpfs", options, MOUNT_ATTR_NOSUID, place, "");
	if (stage < 0 || !attempt(result, "mkdir in a new tmpfs", mkdirat(stage, "bind", 0700)))
		return -1;
	cleanup_fd int tree = open_tree(stage, "", AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	struct mount_attr read_only = {.attr_set = MOUNT_ATTR_RDONLY};
	if (!attempt(result, "open_tree", tree) ||
	    !attempt(result, "mount_setattr", mount_setattr(tree, "", AT_EMPTY_PATH, &read_only, sizeof read_only)) ||
	    !attempt(result, "move_mount", move_mount(tree, "", stage, "bind", MOVE_MOUNT_F_EMPTY_PATH)))
		return -1;
	bool refused = mkdirat(tree, "no", 0700) < 0 && errno == EROFS;
	errno = ENOTSUP;
	result->passed = attempt(result, "making a bind mount read-only", refused ? 0 : -1);
	return steal_fd(&stage);
}

/* Lays a layer over the host's root and writes through it: the file must be in the upper directory. */
static void try_overlay(struct mount_result *result, const struct mount_input *input, const char *upper,
			const char *work, int stage, const char *target)
{
	const struct mount_option options[] = {{"lowerdir", "/"}, {"upperdir", upper}, {"workdir", work}, {NULL, NULL}};
	cleanup_fd int mount = mount_make(result, "overlay", options, 0, stage, target);
	if (mount < 0)
		return;
	cleanup_fd int file = openat(mount, input->id, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (!attempt(result, "making a file in the overlay", file) ||
	    !attempt(result, "writing to a file in the overlay", write(file, "x", 1)))
		return;
	cleanup_fd int directory = open(upper, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (!attempt(result, "open of the upper directory", directory) ||
	    !attempt(result, "finding the file in the upper directory", faccessat(directory, input->id, F_OK, 0)))
		return;
	result->passed = true;
}

static void try_proc(struct mount_result *result, int stage)
{
	cleanup_fd int mount = mount_make(result, "proc", NULL, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, stage, "proc");
	char self[16] = "";
	if (mount < 0 || !attempt(result, "readlink of self in it", readlinkat(mount, "self", self, sizeof self - 1)))
		return;
	errno = ENOTSUP;
	result->passed = attempt(result, "showing this PID namespace's processes", strcmp(self, "1") == 0 ? 0 : -1);
}

static void try_sysfs(struct mount_result *result, int stage)
{
	cleanup_fd int mount = mount_make(result, "sysfs", NULL, MOUNT_ATTR_RDONLY, stage, "sys");
	result->passed = mount >= 0 && attempt(result, "looking into it", faccessat(mount, "kernel", F_OK, 0));
}

static void try_devpts(struct mount_result *result, int stage)
{
	static const struct mount_option options[] = {
		{"newinstance", NULL}, {"ptmxmode", "0666"}, {"mode", "0620"}, {NULL, NULL}};
	cleanup_fd int mount = mount_make(result, "devpts", options, MOUNT_ATTR_NOSUID, stage, "pts");
	if (mount < 0)
		return;
	cleanup_fd int master = openat(mount, "ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
	int locked = 0;
	if (!attempt(result, "open of its ptmx", master) ||
	    !attempt(result, "unlocking a terminal of it", ioctl(master, TIOCSPTLCK, &locked)))
		return;
	cleanup_fd int terminal = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	result->passed = attempt(result, "open of a terminal of it", terminal);
}

static void try_nodes(struct mount_result *result, int stage)
{
	if (!attempt(result, "mknod of null", mknodat(stage, "null", S_IFCHR | 0666, makedev(1, 3))))
		return;
	cleanup_fd int null = openat(stage, "null", O_WRONLY | O_CLOEXEC);
	result->passed = attempt(result, "open of it", null) && attempt(result, "write to it", write(null, "x", 1));
}

static void try_pivot(struct mount_result *result, int stage)
{
	result->passed = attempt(result, "chdir to the new root", fchdir(stage)) &&
			 attempt(result, "pivot_root", syscall(SYS_pivot_root, ".", ".")) &&
			 attempt(result, "umount of the old root", umount2(".", MNT_DETACH)) &&
			 attempt(result, "chdir", chdir("/"));
}

static int try_mounts(void *argument)
{
	const struct mount_input *input = argument;
	struct mount_result *results = input->shared->results;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* Before anything else: what is mounted here must never be seen on the host. */
	results[PRIVATE].passed = try_private(&results[PRIVATE]);
	if (!results[PRIVATE].passed)
		return 1;
	cleanup_fd int stage = try_api(&results[API], input->stage);
	if (stage < 0)
		return 1;
	if (attempt(&results[OVERLAY], "mkdir", mkdirat(stage, "upper", 0755)) &&
	    attempt(&results[OVERLAY], "mkdir", mkdirat(stage, "work", 0700)))
		try_overlay(&results[OVERLAY], input, input->upper, input->work, stage, "root");
	try_proc(&results[PROC], stage);
	try_sysfs(&results[SYSFS], stage);
	try_devpts(&results[DEVPTS], stage);
	try_nodes(&results[NODES], stage);
	if (input->framework)
		try_overlay(&results[FRAMEWORK], input, input->framework_upper, input->framework_work, stage,
			    "framework");
	try_pivot(&results[PIVOT], stage);
	return 0;
}

/* ---- Directories on the data root's file system ---- */

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *where)
{
	(void)status, (void)where;
	return type == FTW_DP ? rmdir(path) : unlink(path);
}

/* The data root, or while there is none yet the directory it will be made in, so that it needn't be made and removed
 * here under the eyes of others. malloc'ed. */
static char *data_directory(const struct berth *berth)
{
	char *path = strdup(berth->data_root);
	struct stat status;
	char *slash = path && stat(path, &status) < 0 && errno == ENOENT ? strrchr(path, '/') : NULL;
	if (slash)
		slash[slash == path] = '\0';
	return path;
}

/* Makes the framework's directories. On failure sets result; what was made is for framework_remove. */
static void framework_make(const struct check *check, struct mount_input *input, struct mount_result *result)
{
	cleanup_free char *data = data_directory(check->berth);
	if (!data || asprintf(&input->framework, "%s/.%s", data, input->id) < 0 ||
	    asprintf(&input->framework_upper, "%s/upper", input->framework) < 0 ||
	    asprintf(&input->framework_work, "%s/work", input->framework) < 0) {
		errno = ENOMEM;
		attempt(result, "mkdir", -1);
	} else if (attempt(result, "mkdir", mkdir(input->framework, 0700)) &&
		   attempt(result, "mkdir", mkdir(input->framework_upper, 0755))) {
		attempt(result, "mkdir", mkdir(input->framework_work, 0700));
	}
}

static void framework_remove(const struct mount_input *input)
{
	if (input->framework)
		nftw(input->framework, remove_entry, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

/* ---- Telling ---- */

static const struct {
	const char *name;
	enum berth_verdict missing;
	const char *passed, *failed; /* failed: what the failing call was for */
	const char *remedy;
} findings[MOUNT_TRIALS] = {
	[PRIVATE] = {"private-mounts", BERTH_FAIL, "mounts of a container stay out of the host's sight",
		     "keep mounts private", "boot a newer kernel (Linux 5.14 or later)"},
	[API] = {"mount-api", BERTH_FAIL, "a tmpfs was mounted and bound read-only, by file descriptors",
		 "mount a tmpfs and bind it read-only", "boot a newer kernel (Linux 5.14 or later)"},
	[OVERLAY] = {"overlay", BERTH_FAIL, "a throw-away layer over the host's root takes what is written",
		     "mount overlay over /, its upper directory on tmpfs",
		     "modprobe overlay, or boot a kernel built with CONFIG_OVERLAY_FS; dmesg tells more"},
	[PROC] = {"proc", BERTH_FAIL, "proc of a new PID namespace was mounted", "mount proc",
		  "give this container an unmasked /proc, or run berth on the host"},
	[SYSFS] = {"sysfs", BERTH_FAIL, "sysfs was mounted read-only", "mount sysfs",
		   "boot a kernel built with CONFIG_SYSFS=y"},
	[DEVPTS] = {"devpts", BERTH_FAIL, "a devpts of its own was mounted, and a terminal opened in it",
		    "mount a new devpts", "boot a kernel built with CONFIG_UNIX98_PTYS=y"},
	[NODES] = {"device-nodes", BERTH_FAIL, "device nodes can be made and opened", "make a device node",
		   "run berth where devices are allowed: not in a user namespace, nor under a devices cgroup"},
	[FRAMEWORK] = {"framework-roots", BERTH_WARN, NULL, NULL,
		       "name a writable directory on ext4, xfs or btrfs in BERTH_DATA_ROOT (not one on overlay or "
		       "NFS); without it --root framework: can't be used"},
	[PIVOT] = {"pivot-root", BERTH_FAIL, "the root was exchanged and the old one detached", "exchange the root",
		   "boot with a root file system of its own: the initial ramfs can't be pivoted away from"},
};

static void tell_mount(struct check *check, enum mount_trial trial, const struct mount_result *result, int status)
{
	const char *name = findings[trial].name;
	const char *root = check->berth->data_root;
	enum berth_verdict missing = findings[trial].missing;
	bool framework = trial == FRAMEWORK;
	if (result->passed)
		check_tell(check, name, BERTH_PASS, NULL, "%s%s",
			   framework ? "a layer over the host's root can be kept in " : findings[trial].passed,
			   framework ? root : "");
	else if (result->call && result->error)
		check_tell(check, name, missing,
			   framework ? findings[trial].remedy : check_remedy(result->error, findings[trial].remedy),
			   "%s%s: %s: %s",
			   framework ? "mount overlay over /, its upper directory below " : findings[trial].failed,
			   framework ? root : "", result->call, strerrordesc_np(result->error));
	else if (status == 1)
		check_tell(check, name, missing, "see the finding above", "not tried: what it stands on failed");
	else
		check_tell(check, name, missing, "see dmesg", "the process that tried it %s%s%s",
			   status == -ETIMEDOUT ? "took too long" : "was killed", result->call ? " at: " : "",
			   result->call ? result->call : "");
}

/* Runs the process; when there is none, its failure is that of the first finding. */
static void run_mounts(struct check *check, struct mount_input *input)
{
	struct mount_result *results = input->shared->results;
	framework_make(check, input, &results[FRAMEWORK]);
	bool framework = results[FRAMEWORK].error == 0;
	struct mount_input given = *input;
	if (!framework)
		given.framework = NULL;
	int status = trial_run(&(struct trial_options){.flags = CLONE_NEWNS | CLONE_NEWPID}, try_mounts, &given);
	if (status < 0 && status != -ETIMEDOUT) {
		errno = -status;
		attempt(&results[PRIVATE], "clone into new mount and PID namespaces", -1);
		status = 1;
	}
	framework_remove(input);
	for (int i = 0; i < MOUNT_TRIALS; i++)
		tell_mount(check, (enum mount_trial)i, &results[i], status);
}

void check_mounts(struct check *check)
{
	for (int i = 0; i < MOUNT_TRIALS && !check->privileged; i++)
		check_skip(check, findings[i].name);
	if (!check->privileged)
		return;
	struct mount_shared *shared =
		mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	cleanup_free char *upper = NULL, *work = NULL;
	if (shared == MAP_FAILED || asprintf(&upper, "%s/upper", check->berth->stage) < 0 ||
	    asprintf(&work, "%s/work", check->berth->stage) < 0) {
		check_tell(check, findings[PRIVATE].name, BERTH_FAIL, "free some memory", "not tried: out of memory");
	} else {
		struct mount_input input = {
			.shared = shared,
			.stage = check->berth->stage,
			.id = check->id,
			.upper = upper,
			.work = work,
		};
		run_mounts(check, &input);
		free(input.framework);
		free(input.framework_upper);
		free(input.framework_work);
	}
	if (shared != MAP_FAILED)
		munmap(shared, sizeof *shared);
}
