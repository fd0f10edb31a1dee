/* SPDX-License-Identifier: Apache-2.0 */
/*
 * self WORD [NUMBER]: tells what a process finds itself to be, from inside.
 *
 *     fds        its open descriptors, "0 1 2"
 *     signals    the blocked, ignored and caught ones, from /proc/self/status
 *     ids        "pid PID ppid PPID sid SID uid UID gid GID"
 *     umask      in octal
 *     arguments  each of its arguments and variables on a line, in brackets
 *     await      prints "ready", then "got N" for each signal it is sent, and ends at SIGTERM
 *     orphans N  leaves N orphans that end, waits until none of them is left, not even as a zombie, prints "none left"
 */
#include <dirent.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int tell_fds(void)
{
	DIR *directory = opendir("/proc/self/fd");
	const char *separator = "";
	if (!directory)
		return 1;
	for (struct dirent *entry; (entry = readdir(directory));) {
		if (entry->d_name[0] == '.' || atoi(entry->d_name) == dirfd(directory))
			continue;
		printf("%s%s", separator, entry->d_name);
		separator = " ";
	}
	puts("");
	return 0;
}

static int tell_signals(void)
{
	FILE *status = fopen("/proc/self/status", "r");
	char line[256];
	while (status && fgets(line, sizeof line, status))
		if (!strncmp(line, "SigBlk", 6) || !strncmp(line, "SigIgn", 6) || !strncmp(line, "SigCgt", 6))
			fputs(line, stdout);
	return !status;
}

/* The raw calls: the C library keeps three signals to itself. */
static int await(void)
{
	unsigned long all = ~0UL;
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, NULL, sizeof all);
	puts("ready");
	for (;;) {
		long signal = syscall(SYS_rt_sigtimedwait, &all, NULL, NULL, sizeof all);
		if (signal < 0)
			continue;
		printf("got %ld\n", signal);
		if (signal == SIGTERM)
			return 0;
	}
}

/* How many processes this PID namespace has, zombies among them. */
static int count_processes(void)
{
	DIR *directory = opendir("/proc");
	int count = 0;
	for (struct dirent *entry; directory && (entry = readdir(directory));)
		count += entry->d_name[0] >= '1' && entry->d_name[0] <= '9';
	closedir(directory);
	return count;
}

static int orphans(int wanted)
{
	int before = count_processes();
	for (int i = 0; i < wanted; i++) {
		pid_t child = fork();
		if (child < 0)
			return 1;
		if (child == 0)
			_exit(fork() < 0);
		int status;
		if (waitpid(child, &status, 0) < 0 || status)
			return 1;
	}
	/* The reaper works beside us; whoever runs this test bounds it. */
	while (count_processes() > before)
		poll(NULL, 0, 5);
	puts("none left");
	return 0;
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	const char *word = argc > 1 ? argv[1] : "";
	if (!strcmp(word, "fds"))
		return tell_fds();
	if (!strcmp(word, "signals"))
		return tell_signals();
	if (!strcmp(word, "ids"))
		return printf("pid %d ppid %d sid %d uid %d gid %d\n", getpid(), getppid(), getsid(0), getuid(),
			      getgid()) < 0;
	if (!strcmp(word, "umask"))
		return printf("%03o\n", umask(0)) < 0;
	if (!strcmp(word, "await"))
		return await();
	if (!strcmp(word, "orphans") && argc > 2)
		return orphans(atoi(argv[2]));
	if (!strcmp(word, "arguments")) {
		for (char **entry = argv; *entry; entry++)
			printf("[%s]\n", *entry);
		for (char **entry = environ; *entry; entry++)
			printf("[%s]\n", *entry);
		return 0;
	}
	fprintf(stderr, "self: what is '%s'?\n", word);
	return 2;
}
