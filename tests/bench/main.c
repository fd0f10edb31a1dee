/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench [-q] [-o FILE] [GROUP...]   measures, prints a table, writes FILE
 * bench compare OLD NEW             says what got slower
 */
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/bench/bench.h"

static const struct group {
	const char *name;
	void (*run)(void);
} groups[] = {
	{"launch", bench_launch},   {"resident", bench_resident}, {"mounts", bench_mounts},
	{"threads", bench_threads}, {"crowd", bench_crowd},       {"update", bench_update},
	{"kill", bench_kill},       {"memory", bench_memory},     {"programs", bench_programs},
};

/* A mount namespace with a tmpfs on /run, as most machines have there, for all records and the root alike. */
static void place_make(const char *payload)
{
	static const char *const directories[] = {"/run/bench", ROOT,        ROOT "/proc",
						  ROOT "/sys",  ROOT "/dev", ROOT "/tmp"};
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("tmpfs", "/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=755") < 0)
		fail("can't make a mount namespace with a tmpfs on /run: %m");
	for (size_t i = 0; i < sizeof directories / sizeof *directories; i++)
		if (mkdir(directories[i], 0755) < 0)
			fail("mkdir %s: %m", directories[i]);
	int from = open(payload, O_RDONLY | O_CLOEXEC), to = open(ROOT "/idle", O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
	static char bytes[1 << 20];
	ssize_t length = read(from, bytes, sizeof bytes);
	if (length <= 0 || length == sizeof bytes || write(to, bytes, (size_t)length) != length || close(to) < 0)
		fail("can't copy %s: %m", payload);
	close(from);
}

static void settings_make(void)
{
	/* A thousand containers, two descriptors each. */
	struct rlimit files;
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	/* The payloads' output, and nothing of the launching shell's. */
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	dup2(null, 0);
	close(null);
	unsetenv("BERTH_STATE_ROOT");
	unsetenv("BERTH_DATA_ROOT");
	/* Other load on the machine is not what is measured. Without the privilege it stays as it is. */
	setpriority(PRIO_PROCESS, 0, -20);
	/* Whose parent dies becomes this program's child, and is reaped. */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
}

static bool wanted(const char *name, char **names, int count)
{
	for (int i = 0; i < count; i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return count == 0;
}

int main(int argc, char **argv)
{
	if (argc == 4 && strcmp(argv[1], "compare") == 0)
		return result_compare(argv[2], argv[3]);
	const char *file = NULL, *payload = "build/tests/payload/idle";
	for (int option; (option = getopt(argc, argv, "qo:p:")) != -1;) {
		if (option == 'q')
			quick = true;
		else if (option == 'o')
			file = optarg;
		else if (option == 'p')
			payload = optarg;
		else
			return 2;
	}
	for (int i = optind; i < argc; i++) {
		bool known = false;
		for (size_t g = 0; g < sizeof groups / sizeof *groups; g++)
			known |= strcmp(argv[i], groups[g].name) == 0;
		if (!known)
			fail("there is no group '%s'", argv[i]);
	}
	int output = file ? open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644) : -1;
	if (file && output < 0)
		fail("can't write %s: %m", file);
	settings_make();
	place_make(payload);
	for (size_t i = 0; i < sizeof groups / sizeof *groups; i++)
		if (wanted(groups[i].name, argv + optind, argc - optind))
			groups[i].run();
	if (file)
		result_write(file);
	return 0;
}
