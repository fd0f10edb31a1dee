/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "nsutil/base/file.h"
#include "runtime/lxc/commands.h"
#include "runtime/lxc/one.h"

enum { WIDTH_MOST = 120, COMMAND_MOST = 8 << 20 };

/* Prints a file of /proc on one line; false when there is nothing in it. */
static bool file_print(const char *path)
{
	cleanup_free char *text = NULL;
	ssize_t length = file_read_all(AT_FDCWD, path, COMMAND_MOST, &text);
	/* The words of cmdline end with NUL. */
	while (length > 0 && (text[length - 1] == '\0' || text[length - 1] == '\n'))
		text[--length] = '\0';
	for (ssize_t i = 0; i < length; i++)
		if (text[i] == '\0' || text[i] == '\n')
			text[i] = ' ';
	if (length > 0)
		tool_print(stdout, text);
	return length > 0;
}

/* From the host's file alone: getpwuid(3) would have this static program load the C library's shared modules. */
static void owner_print(const struct stat *status)
{
	cleanup_file FILE *users = fopen("/etc/passwd", "re");
	const struct passwd *user;
	while (users && (user = fgetpwent(users)) && user->pw_uid != status->st_uid)
		;
	if (users && user)
		printf("%-10s ", user->pw_name);
	else
		printf("%-10u ", status->st_uid);
}

/* CPU time, proc(5): utime and stime are the 14th and 15th field of stat. */
static void time_print(pid_t pid)
{
	char path[64], line[1024];
	unsigned long user = 0, system = 0;
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	cleanup_file FILE *file = fopen(path, "re");
	const char *behind_name = file && fgets(line, sizeof(line), file) ? strrchr(line, ')') : NULL;
	if (behind_name)
		sscanf(behind_name, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system);
	unsigned long seconds = (user + system) / (unsigned long)sysconf(_SC_CLK_TCK);
	printf("%02lu:%02lu:%02lu ", seconds / 3600, seconds / 60 % 60, seconds % 60);
}

/* The name in a column as wide as the widest. */
static void container_print(const char *name, int width)
{
	cleanup_free char *text = NULL;
	size_t size;
	FILE *stream = open_memstream(&text, &size);
	if (stream)
		tool_print(stream, name);
	if (stream && fclose(stream) == 0)
		printf("%-*s", width, text);
}

static void process_print(const char *container, int width, pid_t pid)
{
	char path[64];
	struct stat status;
	snprintf(path, sizeof(path), "/proc/%d", (int)pid);
	if (stat(path, &status) < 0)
		return; /* it has ended since */
	container_print(container, width);
	printf(" %7d ", (int)pid);
	owner_print(&status);
	time_print(pid);
	snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)pid);
	if (!file_print(path)) {
		putchar('[');
		snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
		file_print(path);
		putchar(']');
	}
	putchar('\n');
}

int lxc_ps(int argc, char **argv)
{
	static const struct args args = {NULL, NULL, "", "List the processes inside a container, or inside all.", NULL};
	cleanup_berth struct berth *berth = NULL;
	cleanup_free struct berth_container **containers = NULL;
	struct tool tool = TOOL_INIT(TOOL_NAME_ALLOWED);
	struct berth_error error = BERTH_ERROR_INIT;
	bool found = false;
	tool_parse(&tool, &args, argc, argv);
	if (tool_open_for_all(&tool, &berth, &error) < 0)
		return tool_fail(&tool, &error);
	ssize_t n = berth_list(berth, &containers, &error);
	if (n < 0)
		return tool_fail(&tool, &error);
	int width = (int)strlen("CONTAINER");
	for (ssize_t i = 0; i < n; i++) {
		size_t length = strlen(berth_container_name(containers[i]));
		if (!tool.name && length > (size_t)width && length < WIDTH_MOST)
			width = (int)length;
	}
	if (tool.name && strlen(tool.name) > (size_t)width && strlen(tool.name) < WIDTH_MOST)
		width = (int)strlen(tool.name);
	printf("%-*s %7s %-10s %-8s %s\n", width, "CONTAINER", "PID", "USER", "TIME", "COMMAND");
	for (ssize_t i = 0; i < n; i++) {
		cleanup_free pid_t *pids = NULL;
		const char *name = berth_container_name(containers[i]);
		bool wanted = !tool.name || strcmp(name, tool.name) == 0;
		/* One that has ended since has none. */
		ssize_t n_pids = wanted ? berth_container_processes(containers[i], &pids, NULL) : 0;
		for (ssize_t j = 0; j < n_pids; j++)
			process_print(name, width, pids[j]);
		found |= wanted;
		berth_container_close(containers[i]);
	}
	if (tool.name && !found) {
		tool_log(&tool, LEVEL_ERROR, "'%s' is not running", tool.name);
		return TOOL_FAILED;
	}
	return tool_flush(&tool, 0);
}
