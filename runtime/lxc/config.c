/* SPDX-License-Identifier: Apache-2.0 */
/* Text to keys and values: lines, comments, quotes. */
#include "runtime/lxc/config.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "nsutil/base/text.h"
#include "runtime/lxc/tool.h"
#include "runtime/lxc/values.h"

enum { FILE_LIMIT = 1 << 20 };

static int set_error(struct berth_error *error, int code, const char *text)
{
	if (error) {
		error->code = code;
		error->exit_status = TOOL_FAILED;
		snprintf(error->text, sizeof(error->text), "%s", text);
		text_make_plain(error->text);
	}
	return -code;
}

int lxc_config_error(struct berth_error *error, const struct lxc_where *where, const char *format, ...)
{
	char text[sizeof(error->text)];
	va_list arguments;
	int used = where->line ? snprintf(text, sizeof(text), "%s:%u: ", where->file, where->line)
			       : snprintf(text, sizeof(text), "%s: ", where->file);

	/* A name as long as the text leaves no room for the cause. */
	if (used < 0 || (size_t)used > sizeof(text) / 2)
		used = snprintf(text, sizeof(text), "line %u: ", where->line);
	va_start(arguments, format);
	vsnprintf(text + used, sizeof(text) - (size_t)used, format, arguments);
	va_end(arguments);
	return set_error(error, EINVAL, text);
}

int lxc_no_memory(struct berth_error *error)
{
	return set_error(error, ENOMEM, "read the configuration: Cannot allocate memory");
}

char *lxc_file_read(const char *path, struct berth_error *error)
{
	char text[sizeof(error->text)];
	cleanup_file FILE *file = fopen(path, "re");
	cleanup_free char *content = malloc(FILE_LIMIT + 1);

	if (file && content) {
		size_t length = fread(content, 1, FILE_LIMIT, file);
		if (!ferror(file) && fgetc(file) == EOF && !memchr(content, '\0', length)) {
			content[length] = '\0';
			char *result = content;
			content = NULL;
			return result;
		}
		if (!ferror(file)) {
			snprintf(text, sizeof(text), "configuration file %.512s: it is no text of at most %d bytes",
				 path, FILE_LIMIT);
			set_error(error, EINVAL, text);
			return NULL;
		}
	}
	int code = errno ? errno : EIO;
	snprintf(text, sizeof(text), "configuration file %.512s: %s", path, strerror(code));
	set_error(error, code, text);
	return NULL;
}

/* Cuts blanks off both ends, in place. */
static char *trim(char *text)
{
	while (isspace((unsigned char)*text))
		text++;
	size_t length = strlen(text);
	while (length && isspace((unsigned char)text[length - 1]))
		length--;
	text[length] = '\0';
	return text;
}

int lxc_lines_each(struct lxc_config *config, const char *file, const char *text,
		   int (*take)(struct lxc_config *config, const struct lxc_where *where, const char *line,
			       struct berth_error *error),
		   struct berth_error *error)
{
	struct lxc_where where = {.file = file};
	while (*text) {
		size_t length = strcspn(text, "\n");
		cleanup_free char *copy = strndup(text, length);
		if (!copy)
			return lxc_no_memory(error);
		where.line++;
		text += length + (text[length] == '\n');
		const char *line = trim(copy);
		if (!*line || *line == '#')
			continue;
		int code = take(config, &where, line, error);
		if (code < 0)
			return code;
	}
	return 0;
}

static int setting_take(struct lxc_config *config, const struct lxc_where *where, const char *line,
			struct berth_error *error)
{
	cleanup_free char *copy = strdup(line);
	char *equals = copy ? strchr(copy, '=') : NULL;
	if (!copy)
		return lxc_no_memory(error);
	if (!equals)
		return lxc_config_error(error, where, "'%s' is not of the form KEY = VALUE", line);
	*equals = '\0';
	const char *key = trim(copy);
	char *value = trim(equals + 1);
	size_t length = strlen(value);
	if (length > 1 && (*value == '"' || *value == '\'') && value[length - 1] == *value) {
		value[length - 1] = '\0';
		value++;
	}
	if (!*key)
		return lxc_config_error(error, where, "there is no key before the '='");
	return lxc_key_set(config, where, key, value, error);
}

int lxc_config_parse(struct lxc_config *config, const char *file, const char *text, struct berth_error *error)
{
	return lxc_lines_each(config, file, text, setting_take, error);
}

int lxc_config_read(struct lxc_config *config, const char *path, struct berth_error *error)
{
	cleanup_free char *text = lxc_file_read(path, error);
	return text ? lxc_config_parse(config, path, text, error) : error ? -error->code : -EINVAL;
}

int lxc_config_define(struct lxc_config *config, const char *definition, struct berth_error *error)
{
	const struct lxc_where where = {.file = "-s"};
	return setting_take(config, &where, definition, error);
}

void lxc_config_free(struct lxc_config *config)
{
	lxc_mounts_clear(config);
	lxc_strings_free(&config->cgroup_files);
	lxc_strings_free(&config->environment);
	lxc_strings_free(&config->cap_drop);
	lxc_strings_free(&config->cap_keep);
	lxc_strings_free(&config->cap_add);
	char **const strings[] = {&config->root,    &config->framework,     &config->lower,    &config->hostname,
				  &config->workdir, &config->cgroup_parent, &config->log_path, &config->log_level,
				  &config->seccomp, &config->userns};
	for (size_t i = 0; i < sizeof(strings) / sizeof(*strings); i++)
		free(*strings[i]);
	free(config->uid_map);
	free(config->gid_map);
	*config = (struct lxc_config)LXC_CONFIG_INIT;
}
