/* SPDX-License-Identifier: Apache-2.0 */
/*
 * orphans NUMBER: makes so many processes whose parent is gone before they end, so that PID 1 inherits them, waits
 * until none of them runs, and counts the zombies there are: "zombies=N". The processes are found in /proc.
 */
#include <dirent.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "payload.h"

/* How many processes other than PID 1 and this one there are, zombies among them counted apart. */
static int count(int *zombies)
{
	int others = 0;
	DIR *directory = opendir("/proc");
	*zombies = 0;
	for (const struct dirent *entry; directory && (entry = readdir(directory));) {
		int pid = atoi(entry->d_name);
		if (pid <= 1 || pid == getpid())
			continue;
		char path[300], text[512] = "";
		snprintf(path, sizeof path, "/proc/%d/stat", pid);
		FILE *file = fopen(path, "re");
		if (!file || !fgets(text, sizeof text, file)) {
			if (file)
				fclose(file);
			continue;
		}
		fclose(file);
		const char *state = strrchr(text, ')');
		others++;
		*zombies += state && state[2] == 'Z';
	}
	if (directory)
		closedir(directory);
	return others;
}

int main(int argc, char **argv)
{
	say_line_by_line();
	long wanted = number(argc > 1 ? argv[1] : "");
	int over[2];
	if (pipe(over) < 0)
		return 98;
	for (long i = 0; i < wanted; i++) {
		pid_t pid = fork();
		if (pid < 0)
			return 97;
		if (pid == 0) {
			pid_t orphan = fork();
			if (orphan < 0)
				_exit(97);
			if (orphan == 0) {
				/* No orphan before its parent is gone. */
				while (getppid() != 1)
					nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL);
				_exit(0);
			}
			_exit(0);
		}
		int status;
		if (waitpid(pid, &status, 0) != pid || status != 0)
			return 96;
	}
	/* The pipe's writing end is held by every orphan that lives; its end of file is the event. */
	close(over[1]);
	char byte;
	while (read(over[0], &byte, 1) > 0)
		;
	/* The last to die may not have been reaped yet: PID 1 has as long as it takes to run once. */
	int zombies = 0, others = 0;
	for (int tries = 0; tries < 2000; tries++) {
		others = count(&zombies);
		if (others == 0)
			break;
		nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
	}
	printf("made=%ld\nothers=%d\nzombies=%d\n", wanted, others, zombies);
	return 0;
}
