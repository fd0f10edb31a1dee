/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/overlay.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int overlay_options_make(const char *lower, const char *upper, const char *work, bool userxattr,
			 struct overlay_options *options)
{
	*options = (struct overlay_options){0};
	if (asprintf(&options->list[0], "lowerdir=%s", lower) < 0 ||
	    asprintf(&options->list[1], "upperdir=%s", upper) < 0 ||
	    asprintf(&options->list[2], "workdir=%s", work) < 0 ||
	    (userxattr && !(options->list[3] = strdup("userxattr")))) {
		overlay_options_free(options);
		return -ENOMEM;
	}
	return 0;
}

void overlay_options_free(struct overlay_options *options)
{
	for (size_t i = 0; i < 4; i++)
		free(options->list[i]);
	*options = (struct overlay_options){0};
}
