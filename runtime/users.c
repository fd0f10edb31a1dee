/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/users.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "nsutil/base/cleanup.h"

enum { LINE_SIZE = 64 << 10, RESOLVE_TRIES = 1000, FILE_MOST = 16 << 20 };

/* Fields of an entry, from the first. */
enum { NAME, ID = 2, GROUP_OF_USER, MEMBERS = 3, N_FIELDS };

/*
 * NULL where the root has no such file. It is looked at before it is opened: to open a device can do things, a FIFO
 * would wait, and a file without an end be read for ever.
 */
static FILE *open_in_root(const char *root, const char *path)
{
	cleanup_fd int directory = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (directory < 0)
		return NULL;
	struct open_how how = {
		.flags = O_PATH | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	cleanup_fd int found = -1;
	/* EAGAIN: something on the machine was renamed or mounted while ".." was resolved. openat2(2) */
	for (int tries = 0; found < 0 && tries < RESOLVE_TRIES; tries++)
		if ((found = (int)syscall(SYS_openat2, directory, path, &how, sizeof how)) < 0 && errno != EAGAIN)
			break;
	struct stat status;
	if (found < 0 || fstat(found, &status) < 0 || !S_ISREG(status.st_mode) || status.st_size > FILE_MOST)
		return NULL;
	char link[32];
	snprintf(link, sizeof link, "/proc/self/fd/%d", found);
	cleanup_fd int fd = open(link, O_RDONLY | O_CLOEXEC);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "re");
	if (file)
		steal_fd(&fd);
	return file;
}

/* A whole decimal number below 2^32 - 1, which chown(2) and setuid(2) keep for themselves. */
static bool parse_id(const char *text, unsigned int *id)
{
	if (*text < '0' || *text > '9')
		return false;
	char *end;
	errno = 0;
	unsigned long long value = strtoull(text, &end, 10);
	*id = (unsigned int)value;
	return !*end && !errno && value < UINT32_MAX;
}

/*
 * Cuts the next entry of passwd(5) or group(5) into its fields; those that it lacks are NULL. `line` has LINE_SIZE
 * bytes. Not by fgetpwent_r(3): musl has none, and this is to be the same with every C library.
 */
static bool entry_read(FILE *file, char *line, char *fields[N_FIELDS])
{
	/* One that does not fit is no entry, nor is there another behind it. */
	if (!fgets(line, LINE_SIZE, file) || (strlen(line) == LINE_SIZE - 1 && line[LINE_SIZE - 2] != '\n'))
		return false;
	line[strcspn(line, "\n")] = '\0';
	char *rest = line + strspn(line, " \t");
	for (int i = 0; i < N_FIELDS; i++)
		fields[i] = strsep(&rest, ":");
	return true;
}

/* Fills from the passwd entry of the name, or of *uid if name is NULL. Whether there is one. */
static bool find_user(const char *root, const char *name, uid_t *uid, gid_t *gid, char **found_name)
{
	cleanup_file FILE *file = open_in_root(root, "/etc/passwd");
	cleanup_free char *line = malloc(LINE_SIZE);
	char *fields[N_FIELDS];
	uid_t entry_uid;
	gid_t entry_gid;
	while (file && line && entry_read(file, line, fields)) {
		if (!fields[GROUP_OF_USER] || !parse_id(fields[ID], &entry_uid) ||
		    !parse_id(fields[GROUP_OF_USER], &entry_gid))
			continue;
		if (name ? strcmp(fields[NAME], name) != 0 : entry_uid != *uid)
			continue;
		*uid = entry_uid;
		*gid = entry_gid;
		*found_name = strdup(fields[NAME]);
		return true;
	}
	return false;
}

static bool find_group(const char *root, const char *name, gid_t *gid)
{
	cleanup_file FILE *file = open_in_root(root, "/etc/group");
	cleanup_free char *line = malloc(LINE_SIZE);
	char *fields[N_FIELDS];
	while (file && line && entry_read(file, line, fields))
		if (fields[ID] && strcmp(fields[NAME], name) == 0 && parse_id(fields[ID], gid))
			return true;
	return false;
}

static bool is_member(char *members, const char *user)
{
	for (const char *member; (member = strsep(&members, ","));)
		if (strcmp(member, user) == 0)
			return true;
	return false;
}

/* The groups that list the user. 0 or -ENOMEM. */
static int find_memberships(const char *root, const char *user, gid_t **groups, size_t *n_groups)
{
	cleanup_file FILE *file = open_in_root(root, "/etc/group");
	cleanup_free char *line = malloc(LINE_SIZE);
	char *fields[N_FIELDS];
	gid_t gid;
	if (!line)
		return -ENOMEM;
	while (file && entry_read(file, line, fields)) {
		if (!fields[MEMBERS] || !parse_id(fields[ID], &gid) || !is_member(fields[MEMBERS], user))
			continue;
		gid_t *grown = reallocarray(*groups, *n_groups + 1, sizeof **groups);
		if (!grown)
			return -ENOMEM;
		*groups = grown;
		grown[(*n_groups)++] = gid;
	}
	return 0;
}

int users_resolve(const char *root, const char *user, uid_t *uid, gid_t *gid, gid_t **groups, size_t *n_groups,
		  struct error *error)
{
	*uid = 0;
	*gid = 0;
	*groups = NULL;
	*n_groups = 0;
	if (!user)
		return 0;
	const char *colon = strchr(user, ':');
	cleanup_free char *user_part = strndup(user, colon ? (size_t)(colon - user) : strlen(user));
	cleanup_free char *name = NULL;
	if (!user_part)
		return error_errno(error, ENOMEM, "find user %s", user);
	if (!*user_part || (colon && !colon[1]))
		return error_set(error, EINVAL, "user '%s' is not of the form UID[:GID] or NAME[:GROUP]", user);
	if (parse_id(user_part, uid)) {
		*gid = *uid;
		find_user(root, NULL, uid, gid, &name);
	} else if (!find_user(root, user_part, uid, gid, &name)) {
		return error_set(error, ENOENT, "there is no user '%s' in %s/etc/passwd", user_part,
				 root[1] ? root : "");
	}
	if (colon) {
		if (!parse_id(colon + 1, gid) && !find_group(root, colon + 1, gid))
			return error_set(error, ENOENT, "there is no group '%s' in %s/etc/group", colon + 1,
					 root[1] ? root : "");
		return 0;
	}
	if (name && find_memberships(root, name, groups, n_groups) < 0)
		return error_errno(error, ENOMEM, "find the groups of user %s", user);
	return 0;
}

char *users_name(const char *root, uid_t uid)
{
	gid_t gid;
	char *name = NULL;
	find_user(root, NULL, &uid, &gid, &name);
	return name;
}
