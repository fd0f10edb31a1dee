/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Does what its arguments say, one after another, and tells of each in a line "VERB OBJECT=RESULT", where the result is
 * what was found, "ok", or the name of an errno:
 *
 *     say TEXT            write PATH TEXT     read PATH        list DIRECTORY    stat PATH      mkdir PATH
 *     remove PATH         exec PATH           chroot-out       fill PATH BYTES   link PATH
 *     grep PATH TEXT (yes or no)              open PATH MODE (r, w)              chmod PATH MODE
 *     mknod PATH "TYPE MAJOR MINOR"
 *     exit STATUS         raise SIGNAL        hold (until its input ends)        pause (for ever)
 *     children NUMBER (that wait for ever, all inside before the line is printed)
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "payload.h"

static const char *result(int returned)
{
	static char text[64];
	if (returned >= 0)
		return "ok";
	static const struct {
		int code;
		const char *name;
	} names[] = {{EPERM, "EPERM"},     {ENOENT, "ENOENT"}, {EACCES, "EACCES"}, {EEXIST, "EEXIST"},
		     {ENOTDIR, "ENOTDIR"}, {EISDIR, "EISDIR"}, {EINVAL, "EINVAL"}, {ENOSPC, "ENOSPC"},
		     {EROFS, "EROFS"},     {EBUSY, "EBUSY"},   {ENXIO, "ENXIO"},   {EAGAIN, "EAGAIN"}};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (names[i].code == errno)
			return names[i].name;
	snprintf(text, sizeof text, "errno %d", errno);
	return text;
}

static void act_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	ssize_t done = fd < 0 ? -1 : write(fd, text, strlen(text));
	printf("write %s=%s\n", path, result((int)done));
	if (fd >= 0)
		close(fd);
}

static void act_read(const char *path)
{
	char text[4096];
	int fd = open(path, O_RDONLY | O_NONBLOCK);
	ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
	if (length >= 0) {
		text[length] = '\0';
		text[strcspn(text, "\n")] = '\0';
	}
	printf("read %s=%s\n", path, length < 0 ? result(-1) : text);
	if (fd >= 0)
		close(fd);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void act_list(const char *path)
{
	char *names[256];
	size_t count = 0;
	DIR *directory = opendir(path);
	if (!directory) {
		printf("list %s=%s\n", path, result(-1));
		return;
	}
	for (const struct dirent *entry; count < 256 && (entry = readdir(directory));)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			names[count++] = strdup(entry->d_name);
	closedir(directory);
	qsort(names, count, sizeof *names, by_name);
	printf("list %s=", path);
	for (size_t i = 0; i < count; i++)
		printf("%s%s", i ? " " : "", names[i]);
	printf("\n");
}

static void act_stat(const char *path)
{
	struct stat status;
	if (lstat(path, &status) < 0) {
		printf("stat %s=%s\n", path, result(-1));
		return;
	}
	char type = S_ISDIR(status.st_mode) ? 'd' : S_ISLNK(status.st_mode) ? 'l' : S_ISCHR(status.st_mode) ? 'c' : '-';
	printf("stat %s=%c%04o %u:%u", path, type, status.st_mode & 07777, status.st_uid, status.st_gid);
	if (type == 'c')
		printf(" %u,%u", major(status.st_rdev), minor(status.st_rdev));
	printf("\n");
}

static void act_fill(const char *path, long bytes)
{
	static char block[4096];
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	ssize_t done = fd;
	long written = 0;
	while (done >= 0 && written < bytes && (done = write(fd, block, sizeof block)) > 0)
		written += done;
	printf("fill %s=%s %ld\n", path, result((int)done), written);
	if (fd >= 0)
		close(fd);
}

static void act_grep(const char *path, const char *text)
{
	static char content[1 << 20];
	int fd = open(path, O_RDONLY);
	size_t length = 0;
	for (ssize_t got; fd >= 0 && (got = read(fd, content + length, sizeof content - 1 - length)) > 0;)
		length += (size_t)got;
	content[length] = '\0';
	printf("grep %s=%s\n", path, fd < 0 ? result(-1) : strstr(content, text) ? "yes" : "no");
	if (fd >= 0)
		close(fd);
}

/* What a root that only chroot(2) had changed would let out. chroot(2), NOTES */
static void act_chroot_out(void)
{
	int code = mkdir("/chroot-out", 0755);
	if (code == 0 || errno == EEXIST)
		code = chroot("/chroot-out");
	for (int i = 0; i < 64 && code == 0; i++)
		code = chdir("..");
	if (code == 0)
		code = chroot(".");
	printf("chroot-out =%s\n", result(code));
}

static void act_children(long count)
{
	int ready[2];
	if (pipe(ready) < 0)
		exit(98);
	for (long i = 0; i < count; i++) {
		pid_t pid = fork();
		if (pid < 0) {
			printf("children %ld=%s\n", i, result(-1));
			return;
		}
		if (pid == 0) {
			if (write(ready[1], "", 1) != 1)
				_exit(98);
			for (;;)
				pause();
		}
		char byte;
		if (read(ready[0], &byte, 1) != 1)
			exit(98);
	}
	close(ready[0]);
	close(ready[1]);
	printf("children %ld=ok\n", count);
}

static void act_mknod(const char *path, const char *device)
{
	unsigned int major, minor;
	char type;
	if (sscanf(device, "%c %u %u", &type, &major, &minor) != 3)
		exit(99);
	int made = mknod(path, (type == 'b' ? S_IFBLK : S_IFCHR) | 0666, makedev(major, minor));
	printf("mknod %s=%s\n", path, result(made));
}

int main(int argc, char **argv)
{
	say_line_by_line();
	for (int i = 1; i < argc; i++) {
		const char *verb = argv[i];
		const char *first = i + 1 < argc ? argv[i + 1] : "";
		const char *second = i + 2 < argc ? argv[i + 2] : "";
		char text[PATH_MAX];
		i++; /* most take one argument */
		if (strcmp(verb, "say") == 0) {
			printf("%s\n", first);
		} else if (strcmp(verb, "write") == 0) {
			act_write(first, second);
			i++;
		} else if (strcmp(verb, "read") == 0) {
			act_read(first);
		} else if (strcmp(verb, "list") == 0) {
			act_list(first);
		} else if (strcmp(verb, "stat") == 0) {
			act_stat(first);
		} else if (strcmp(verb, "mkdir") == 0) {
			printf("mkdir %s=%s\n", first, result(mkdir(first, 0755)));
		} else if (strcmp(verb, "remove") == 0) {
			printf("remove %s=%s\n", first, result(remove(first)));
		} else if (strcmp(verb, "link") == 0) {
			ssize_t length = readlink(first, text, sizeof text - 1);
			text[length > 0 ? length : 0] = '\0';
			printf("link %s=%s\n", first, length < 0 ? result(-1) : text);
		} else if (strcmp(verb, "open") == 0) {
			int fd = open(first, (*second == 'w' ? O_WRONLY : O_RDONLY) | O_NONBLOCK | O_CLOEXEC);
			printf("open %s=%s\n", first, result(fd));
			close(fd);
			i++;
		} else if (strcmp(verb, "chmod") == 0) {
			printf("chmod %s=%s\n", first, result(chmod(first, (mode_t)strtoul(second, NULL, 8))));
			i++;
		} else if (strcmp(verb, "mknod") == 0) {
			act_mknod(first, second);
			i++;
		} else if (strcmp(verb, "exec") == 0) {
			execv(first, (char *const[]){(char *)first, NULL});
			printf("exec %s=%s\n", first, result(-1));
		} else if (strcmp(verb, "grep") == 0) {
			act_grep(first, second);
			i++;
		} else if (strcmp(verb, "fill") == 0) {
			act_fill(first, number(second));
			i++;
		} else if (strcmp(verb, "children") == 0) {
			act_children(number(first));
		} else if (strcmp(verb, "exit") == 0) {
			return (int)number(first);
		} else if (strcmp(verb, "raise") == 0) {
			raise((int)number(first));
		} else if (strcmp(verb, "chroot-out") == 0) {
			act_chroot_out();
			i--;
		} else if (strcmp(verb, "hold") == 0) {
			while (read(0, text, sizeof text) > 0)
				;
			i--;
		} else if (strcmp(verb, "pause") == 0) {
			for (;;)
				pause();
		} else {
			fprintf(stderr, "act: unknown verb %s\n", verb);
			return 99;
		}
	}
	return 0;
}
