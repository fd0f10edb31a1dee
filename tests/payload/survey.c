/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tells the whole of what an executor can see and do, as "key=value" lines: what it is, what is mounted, which devices
 * open, which keys can be had, which system calls are let through, which of the kernel's files can be written to.
 * Nothing is changed.
 *
 *     survey
 *     survey with-key COMMAND [ARG...]     gives COMMAND a session keyring with a key to be found, and a key of the
 *                                          user's for a minute, and executes it: what a launcher may have
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/keyctl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "payload.h"

static void say_status(void)
{
	static const char *const wanted[] = {"Uid",    "CapInh",     "CapPrm",  "CapEff", "CapBnd",
					     "CapAmb", "NoNewPrivs", "Seccomp", "Groups"};
	FILE *file = fopen("/proc/self/status", "re");
	char line[4096];
	while (file && fgets(line, sizeof line, file))
		for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
			size_t length = strlen(wanted[i]);
			if (strncmp(line, wanted[i], length) == 0 && line[length] == ':')
				printf("%s=%s", wanted[i], line + length + 1 + strspn(line + length + 1, "\t "));
		}
	if (file)
		fclose(file);
}

static void say_namespaces(void)
{
	static const char *const names[] = {"cgroup", "ipc", "mnt", "net", "pid", "user", "uts"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		char path[64], target[64];
		snprintf(path, sizeof path, "/proc/self/ns/%s", names[i]);
		ssize_t length = readlink(path, target, sizeof target - 1);
		target[length > 0 ? length : 0] = '\0';
		printf("namespace=%s\n", target);
	}
}

static void say_mounts(void)
{
	FILE *file = fopen("/proc/self/mountinfo", "re");
	static char line[65536];
	while (file && fgets(line, sizeof line, file)) {
		char point[PATH_MAX], options[512], type[64];
		const char *dash = strstr(line, " - ");
		if (dash && sscanf(line, "%*d %*d %*s %*s %4095s %511s", point, options) == 2 &&
		    sscanf(dash + 3, "%63s", type) == 1)
			printf("mount=%s %s %s\n", point, type, options);
	}
	if (file)
		fclose(file);
}

static void say_devices(void)
{
	static const struct {
		const char *name;
		mode_t type;
		unsigned int major, minor;
	} devices[] = {{"mem", S_IFCHR, 1, 1},   {"kmsg", S_IFCHR, 1, 11},  {"fuse", S_IFCHR, 10, 229},
		       {"loop0", S_IFBLK, 7, 0}, {"tun", S_IFCHR, 10, 200}, {"vda", S_IFBLK, 254, 0}};
	for (size_t i = 0; i < sizeof devices / sizeof *devices; i++) {
		const char *path = "/dev/shm/survey-node";
		int made = mknod(path, devices[i].type | 0600, makedev(devices[i].major, devices[i].minor));
		if (made < 0 && errno != EPERM)
			made = mknod(path = "/tmp/survey-node", devices[i].type | 0600,
				     makedev(devices[i].major, devices[i].minor));
		const char *result = strerror(errno);
		int fd = made < 0 ? -1 : open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
		if (made == 0 && fd < 0)
			result = strerror(errno);
		printf("device=%s: %s\n", devices[i].name, made < 0 ? result : fd < 0 ? "made, not opened" : "opened");
		if (fd >= 0)
			close(fd);
		unlink(path);
	}
}

/* ---- Keys ---- */

static const char key_type[] = "user", key_name[] = "berth-survey";

static int with_key(char *const *command)
{
	syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL);
	long in_session = syscall(SYS_add_key, key_type, key_name, "x", 1, KEY_SPEC_SESSION_KEYRING);
	long of_user = syscall(SYS_add_key, key_type, key_name, "x", 1, KEY_SPEC_USER_KEYRING);
	if (in_session < 0 || of_user < 0) {
		perror("survey: add a key");
		return 1;
	}
	syscall(SYS_keyctl, KEYCTL_SET_TIMEOUT, of_user, 60);
	execvp(command[0], command);
	perror(command[0]);
	return 127;
}

static void say_key(const char *ring, long number)
{
	long key = syscall(SYS_keyctl, KEYCTL_SEARCH, number, key_type, key_name, 0);
	printf("key=%s: %s\n", ring, key >= 0 ? "found" : errno == EPERM ? "refused" : "not found");
}

/* ---- Cgroups ---- */

/* Where the hierarchies say that it is: "/" in a namespace of its own. */
static void say_cgroup_paths(void)
{
	FILE *file = fopen("/proc/self/cgroup", "re");
	char line[4096];
	bool outside = false;
	while (file && fgets(line, sizeof line, file)) {
		const char *path = strrchr(line, ':');
		outside |= path && strcmp(path, ":/\n") != 0;
	}
	if (file)
		fclose(file);
	printf("cgroup-paths=%s\n", !file ? "none" : outside ? "the host's" : "/");
}

/* Arguments that no call accepts: EPERM and ENOSYS are then a filter's word, or a missing capability's. */
static void say_calls(void)
{
	static const struct {
		const char *name;
		long number;
	} calls[] = {
		{"add_key", SYS_add_key},
		{"bpf", SYS_bpf},
		{"clone3", SYS_clone3},
		{"delete_module", SYS_delete_module},
		{"fsopen", SYS_fsopen},
		{"init_module", SYS_init_module},
		{"io_uring_setup", SYS_io_uring_setup},
		{"kexec_load", SYS_kexec_load},
		{"keyctl", SYS_keyctl},
		{"mount", SYS_mount},
		{"move_pages", SYS_move_pages},
		{"open_by_handle_at", SYS_open_by_handle_at},
		{"open_tree", SYS_open_tree},
		{"perf_event_open", SYS_perf_event_open},
		{"pivot_root", SYS_pivot_root},
		{"process_vm_readv", SYS_process_vm_readv},
		{"quotactl", SYS_quotactl},
		{"setns", SYS_setns},
		{"swapon", SYS_swapon},
		{"syslog", SYS_syslog},
		{"umount2", SYS_umount2},
		{"unshare", SYS_unshare},
		{"userfaultfd", SYS_userfaultfd},
	};
	int refused = 0;
	for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
		long got = syscall(calls[i].number, -1L, -1L, -1L, -1L, -1L, -1L);
		bool shut = got < 0 && (errno == EPERM || errno == ENOSYS);
		refused += shut;
		printf("call=%s: %s\n", calls[i].name, shut ? "refused" : "let through");
	}
	printf("calls-refused=%d of %zu\n", refused, sizeof calls / sizeof *calls);
}

/* Files of the kernel's that can be opened for writing: counted, and a few by name. */
static unsigned int writable;

static void walk(const char *path, int depth)
{
	DIR *directory = depth > 5 ? NULL : opendir(path);
	for (const struct dirent *entry; directory && (entry = readdir(directory));) {
		char below[PATH_MAX];
		if (entry->d_name[0] == '.' || snprintf(below, sizeof below, "%s/%s", path, entry->d_name) >= PATH_MAX)
			continue;
		if (entry->d_type == DT_DIR) {
			walk(below, depth + 1);
		} else if (entry->d_type == DT_REG) {
			int fd = open(below, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
			if (fd >= 0 && writable++ < 3)
				printf("writable=%s\n", below);
			if (fd >= 0)
				close(fd);
		}
	}
	if (directory)
		closedir(directory);
}

static void say_writable(const char *key, const char *path)
{
	writable = 0;
	walk(path, 0);
	printf("%s=%u\n", key, writable);
}

/* Of each cgroup file system that is mounted, what can be written to. */
static void say_cgroups(void)
{
	FILE *file = fopen("/proc/self/mountinfo", "re");
	static char line[65536];
	unsigned int mounts = 0;
	writable = 0;
	while (file && fgets(line, sizeof line, file)) {
		char point[PATH_MAX];
		const char *dash = strstr(line, " - cgroup");
		if (!dash || sscanf(line, "%*d %*d %*s %*s %4095s", point) != 1)
			continue;
		mounts++;
		walk(point, 0);
	}
	if (file)
		fclose(file);
	printf("cgroup-mounts=%u\nwritable-cgroup=%u\n", mounts, writable);
}

static void say_readable(const char *path)
{
	char byte;
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	bool read_it = fd >= 0 && read(fd, &byte, 1) == 1;
	printf("read=%s: %s\n", path, read_it ? "yes" : "no");
	if (fd >= 0)
		close(fd);
}

int main(int argc, char **argv)
{
	if (argc > 2 && strcmp(argv[1], "with-key") == 0)
		return with_key(argv + 2);
	say_line_by_line();
	int open_count = 0;
	for (int fd = 3; fd < 4096; fd++)
		open_count += fcntl(fd, F_GETFD) >= 0;
	printf("descriptors=%d\n", open_count);
	say_status();
	say_namespaces();
	say_mounts();
	say_devices();
	say_key("session", KEY_SPEC_SESSION_KEYRING);
	say_key("user", KEY_SPEC_USER_KEYRING);
	say_calls();
	say_cgroup_paths();
	say_cgroups();
	say_writable("writable-proc-sys", "/proc/sys");
	say_writable("writable-sys", "/sys");
	printf("sysrq=%s\n", open("/proc/sysrq-trigger", O_WRONLY | O_CLOEXEC) >= 0 ? "yes" : "no");
	static const char *const files[] = {
		"/proc/keys",      "/proc/timer_list", "/proc/interrupts",           "/proc/kcore",
		"/proc/1/environ", "/proc/1/exe",      "/sys/firmware/memmap/0/type"};
	for (size_t i = 0; i < sizeof files / sizeof *files; i++)
		say_readable(files[i]);
	return 0;
}
