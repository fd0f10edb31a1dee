/* SPDX-License-Identifier: Apache-2.0 */
#include "nsutil/base/mountinfo.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nsutil/base/cleanup.h"
#include "nsutil/base/file.h"

enum { MOUNTINFO_LIMIT = 64 << 20 };

static int is_octal(char c)
{
	return c >= '0' && c <= '7';
}

/* The kernel writes space, tab, newline and backslash as \ooo; undone in place, since the result is shorter. */
static char *unescape(char *field)
{
	char *out = field;
	for (const char *in = field; *in; out++) {
		if (in[0] == '\\' && is_octal(in[1]) && is_octal(in[2]) && is_octal(in[3])) {
			*out = (char)((in[1] - '0') << 6 | (in[2] - '0') << 3 | (in[3] - '0'));
			in += 4;
		} else {
			*out = *in++;
		}
	}
	*out = '\0';
	return field;
}

/* Cuts the next space-separated field off *rest; NULL at the end of the line. */
static char *next_field(char **rest)
{
	char *field = strsep(rest, " ");
	return field && *field ? field : NULL;
}

/* A number that ends with the character; *text moves behind that. */
static int take_number(const char **text, char end, unsigned int *number)
{
	char *after;
	*number = (unsigned int)strtoul(*text, &after, 10);
	bool is_number = **text >= '0' && **text <= '9' && *after == end;
	*text = end ? after + 1 : after;
	return is_number ? 0 : -EINVAL;
}

static int parse_line(char *line, struct mount_entry *entry)
{
	char *rest = line;
	const char *id = next_field(&rest), *parent = next_field(&rest), *device = next_field(&rest);
	unsigned int id_number, parent_number, major, minor;
	char *root = next_field(&rest), *point = next_field(&rest), *options = next_field(&rest);
	if (!id || !parent || !device || !root || !point || !options)
		return -EINVAL;
	/* Any number of optional fields ("shared:1") up to a lone hyphen. */
	for (char *field; (field = next_field(&rest)) == NULL || strcmp(field, "-") != 0;)
		if (!field)
			return -EINVAL;
	char *type = next_field(&rest), *source = strsep(&rest, " "), *super = strsep(&rest, " ");
	if (!type || !source || !super || take_number(&id, '\0', &id_number) < 0 ||
	    take_number(&parent, '\0', &parent_number) < 0 || take_number(&device, ':', &major) < 0 ||
	    take_number(&device, '\0', &minor) < 0)
		return -EINVAL;
	*entry = (struct mount_entry){
		.id = (int)id_number,
		.parent = (int)parent_number,
		.major = major,
		.minor = minor,
		.root = unescape(root),
		.point = unescape(point),
		.options = options,
		.type = unescape(type),
		.source = unescape(source),
		.super = super,
	};
	return 0;
}

int mount_table_parse(char *text, struct mount_table *table, struct error *error)
{
	*table = (struct mount_table){.text_ = text};
	size_t lines = 0;
	for (const char *c = text; *c; c++)
		lines += *c == '\n';
	table->entries = calloc(lines + 1, sizeof *table->entries);
	if (!table->entries) {
		mount_table_free(table);
		return error_errno(error, ENOMEM, "read the mount table");
	}
	char *rest = text;
	for (size_t number = 1; rest && *rest; number++) {
		char *line = strsep(&rest, "\n");
		if (parse_line(line, &table->entries[table->count]) < 0) {
			mount_table_free(table);
			return error_set(error, EINVAL,
					 "mountinfo line %zu is not as proc_pid_mountinfo(5) describes it", number);
		}
		table->count++;
	}
	return 0;
}

int mount_table_read(const char *path, struct mount_table *table, struct error *error)
{
	*table = (struct mount_table){0};
	if (!path)
		path = "/proc/self/mountinfo";
	char *text = NULL;
	ssize_t length = file_read_all(AT_FDCWD, path, MOUNTINFO_LIMIT, &text);
	if (length < 0)
		return error_errno(error, (int)-length, "read %s", path);
	return mount_table_parse(text, table, error);
}

void mount_table_free(struct mount_table *table)
{
	free(table->entries);
	free(table->text_);
	*table = (struct mount_table){0};
}

int mount_option_has(const char *list, const char *option)
{
	size_t length = strlen(option);
	for (const char *word = list; word; word = strchr(word, ',')) {
		if (*word == ',')
			word++;
		if (strncmp(word, option, length) == 0 && (word[length] == ',' || word[length] == '\0'))
			return 1;
	}
	return 0;
}
