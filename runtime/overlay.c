/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/overlay.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nsutil/base/cleanup.h"

/* The path with a backslash before each byte that lowerdir= takes for a separator or an escape. malloc'ed. */
static char *escape(const char *path)
{
	char *escaped = malloc(2 * strlen(path) + 1);
	char *out = escaped;
	for (; escaped && *path; path++) {
		if (*path == ':' || *path == '\\')
			*out++ = '\\';
		*out++ = *path;
	}
	if (escaped)
		*out = '\0';
	return escaped;
}

int overlay_options_make(const char *lower, const char *upper, const char *work, struct overlay_options *options)
{
	*options = (struct overlay_options){0};
	cleanup_free char *escaped = escape(lower);
	if (!escaped || asprintf(&options->list[0], "lowerdir=%s", escaped) < 0 ||
	    asprintf(&options->list[1], "upperdir=%s", upper) < 0 ||
	    asprintf(&options->list[2], "workdir=%s", work) < 0) {
		overlay_options_free(options);
		return -ENOMEM;
	}
	return 0;
}

void overlay_options_free(struct overlay_options *options)
{
	for (size_t i = 0; i < 3; i++)
		free(options->list[i]);
	*options = (struct overlay_options){0};
}
