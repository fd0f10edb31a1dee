/* SPDX-License-Identifier: Apache-2.0 */
/* Tells what a process sees from inside, as "key=value" lines; keys that stand for several things come several times.
 */
#include <dirent.h>
#include <limits.h>
#include <net/if.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "payload.h"

extern char **environ;

static void say_descriptors(void)
{
	DIR *directory = opendir("/proc/self/fd");
	for (const struct dirent *entry; directory && (entry = readdir(directory));)
		if (entry->d_name[0] != '.' && atoi(entry->d_name) != dirfd(directory))
			printf("fd=%s\n", entry->d_name);
	if (directory)
		closedir(directory);
}

/* The fields that matter: point, type, options. proc_pid_mountinfo(5) */
static void say_mounts(void)
{
	FILE *file = fopen("/proc/self/mountinfo", "re");
	static char line[65536];
	while (file && fgets(line, sizeof line, file)) {
		char root[PATH_MAX], point[PATH_MAX], options[512], type[64];
		const char *dash = strstr(line, " - ");
		if (dash && sscanf(line, "%*d %*d %*s %4095s %4095s %511s", root, point, options) == 3 &&
		    sscanf(dash + 3, "%63s", type) == 1)
			printf("mount=%s %s %s %s\n", point, type, options, root);
	}
	if (file)
		fclose(file);
}

/* Signal masks and the like, as the kernel tells them. proc_pid_status(5) */
static void say_status(void)
{
	static const char *const wanted[] = {"SigBlk", "SigIgn", "SigCgt", "CapEff", "NoNewPrivs", "Seccomp", "Groups"};
	FILE *file = fopen("/proc/self/status", "re");
	char line[4096];
	while (file && fgets(line, sizeof line, file)) {
		line[strcspn(line, "\n")] = '\0';
		for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
			size_t length = strlen(wanted[i]);
			if (strncmp(line, wanted[i], length) == 0 && line[length] == ':')
				printf("%s=%s\n", wanted[i], line + length + 1 + strspn(line + length + 1, " \t"));
		}
	}
	if (file)
		fclose(file);
}

static void say_file(const char *key, const char *path)
{
	char text[4096] = "";
	FILE *file = fopen(path, "re");
	if (file && fgets(text, sizeof text, file))
		text[strcspn(text, "\n")] = '\0';
	printf("%s=%s\n", key, text);
	if (file)
		fclose(file);
}

int main(int argc, char **argv)
{
	say_line_by_line();
	for (int i = 0; i < argc; i++)
		printf("arg=%s\n", argv[i]);
	for (char **entry = environ; *entry; entry++)
		printf("env=%s\n", *entry);
	say_descriptors();
	printf("pid=%d\nppid=%d\nsid=%d\npgid=%d\n", getpid(), getppid(), getsid(0), getpgrp());
	printf("uid=%d\neuid=%d\ngid=%d\negid=%d\n", getuid(), geteuid(), getgid(), getegid());
	gid_t groups[64];
	int count = getgroups(64, groups);
	printf("groups=");
	for (int i = 0; i < count; i++)
		printf("%s%u", i ? "," : "", groups[i]);
	char text[PATH_MAX];
	printf("\ncwd=%s\n", getcwd(text, sizeof text) ? text : "none");
	printf("hostname=%s\n", gethostname(text, sizeof text) == 0 ? text : "none");
	mode_t mask = umask(0);
	umask(mask);
	printf("umask=%04o\n", mask);
	for (int i = 0; i < RLIM_NLIMITS; i++) {
		struct rlimit limit;
		if (getrlimit(i, &limit) == 0)
			printf("rlimit.%d=%llu:%llu\n", i, (unsigned long long)limit.rlim_cur,
			       (unsigned long long)limit.rlim_max);
	}
	for (int fd = 0; fd < 3; fd++) {
		ssize_t length = readlink((const char *[]){"/proc/self/fd/0", "/proc/self/fd/1", "/proc/self/fd/2"}[fd],
					  text, sizeof text - 1);
		text[length > 0 ? length : 0] = '\0';
		printf("fd%d=%s\n", fd, text);
	}
	struct if_nameindex *interfaces = if_nameindex();
	for (struct if_nameindex *i = interfaces; i && i->if_name; i++)
		printf("interface=%s\n", i->if_name);
	say_file("init", "/proc/1/comm");
	say_status();
	say_mounts();
	return 0;
}
