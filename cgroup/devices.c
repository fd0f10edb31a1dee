/* SPDX-License-Identifier: Apache-2.0 */
/* Rules on device nodes: as text, and written to v1's files. cgroup-v1/devices.rst */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cgroup/controllers.h"
#include "nsutil/base/cleanup.h"

/* The kernel's dev_t has 12 bits for the major number and 20 for the minor; a rule that none can match is a mistake. */
enum { MAJOR_MOST = (1 << 12) - 1, MINOR_MOST = (1 << 20) - 1 };

static const char letters[] = "rwm"; /* the bits of access, from the lowest */

/* A number or "*", up to the character `end`. What follows that, or NULL. */
static const char *number_take(const char *text, char end, uint32_t most, uint32_t *number)
{
	size_t digits = strspn(text, "0123456789");
	if (*text == '*' && text[1] == end) {
		*number = CGROUP_DEVICE_ANY;
		return text + 2;
	}
	if (digits == 0 || digits > 7 || text[digits] != end)
		return NULL;
	*number = (uint32_t)strtoul(text, NULL, 10);
	return *number <= most ? text + digits + 1 : NULL;
}

bool cgroup_device_access_parse(const char *text, unsigned int *access)
{
	*access = 0;
	for (; *text; text++) {
		const char *letter = strchr(letters, *text);
		unsigned int bit = letter ? 1U << (letter - letters) : 0;
		if (!bit || *access & bit)
			return false;
		*access |= bit;
	}
	return *access;
}

static bool rule_take(const char *text, struct cgroup_device_rule *rule)
{
	rule->type = *text;
	rule->major = rule->minor = CGROUP_DEVICE_ANY;
	rule->access = CGROUP_DEVICE_ALL;
	if (strcmp(text, "a") == 0)
		return true;
	if ((*text != 'a' && *text != 'b' && *text != 'c') || text[1] != ' ')
		return false;
	const char *rest = number_take(text + 2, ':', MAJOR_MOST, &rule->major);
	rest = rest ? number_take(rest, ' ', MINOR_MOST, &rule->minor) : NULL;
	if (!rest || !cgroup_device_access_parse(rest, &rule->access))
		return false;
	/* v1 takes "a" for everything, whatever stands behind it. */
	return rule->type != 'a' || (rule->major == CGROUP_DEVICE_ANY && rule->minor == CGROUP_DEVICE_ANY &&
				     rule->access == CGROUP_DEVICE_ALL);
}

int cgroup_device_rule_parse(const char *text, struct cgroup_device_rule *rule, struct error *error)
{
	if (rule_take(text, rule))
		return 0;
	return error_set(error, EINVAL,
			 "'%s' is no rule for devices: give TYPE MAJOR:MINOR ACCESS, like 'c 10:200 rwm' or 'b 8:* r', "
			 "or 'a' for all",
			 text);
}

static void number_format(uint32_t number, char text[16])
{
	if (number == CGROUP_DEVICE_ANY)
		strcpy(text, "*");
	else
		snprintf(text, 16, "%u", number);
}

void cgroup_device_rule_format(const struct cgroup_device_rule *rule, char text[CGROUP_DEVICE_TEXT])
{
	char major[16], minor[16], access[4] = "";
	if (rule->type == 'a') {
		strcpy(text, "a");
		return;
	}
	number_format(rule->major, major);
	number_format(rule->minor, minor);
	for (size_t bit = 0, used = 0; bit < sizeof letters - 1; bit++)
		if (rule->access >> bit & 1)
			access[used++] = letters[bit];
	snprintf(text, CGROUP_DEVICE_TEXT, "%c %s:%s %s", rule->type, major, minor, access);
}

static int rule_error(const struct cgroup_directory *directory, const char *file, const char *text, int code,
		      struct error *error)
{
	int result = error_errno(error, code, "write %s to %s/%s", text, directory->path, file);
	if (code == EPERM)
		error_hint(error, "(the cgroup above does not allow it either, or CAP_SYS_ADMIN is missing)");
	return result;
}

/* One rule a write; each file is opened once. */
int cgroup_v1_devices_apply(const struct cgroup_directory *directory, const struct cgroup_limits *limits,
			    struct error *error)
{
	static const char *const files[] = {"devices.deny", "devices.allow"};
	cleanup_fd int deny = -1;
	cleanup_fd int allow = -1;
	for (size_t i = 0; i < limits->n_devices; i++) {
		const struct cgroup_device_rule *rule = &limits->devices[i];
		const char *file = files[rule->allow];
		int *fd = rule->allow ? &allow : &deny;
		char text[CGROUP_DEVICE_TEXT];
		cgroup_device_rule_format(rule, text);
		if (*fd < 0)
			*fd = cgroup_file_open(directory->fd, directory->relative, file);
		if (*fd < 0 || write(*fd, text, strlen(text)) < 0)
			return rule_error(directory, file, text, *fd < 0 ? -*fd : errno, error);
	}
	return 0;
}
