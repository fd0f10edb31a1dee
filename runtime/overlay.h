/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RUNTIME_OVERLAY_H
#define RUNTIME_OVERLAY_H

#include <stdbool.h>

/* The options of one overlay mount, for overlay_option_set. Documentation/filesystems/overlayfs.rst */
struct overlay_options {
	char *list[5]; /* "lowerdir=...", "upperdir=...", "workdir=...", and "userxattr" or not, NULL */
};

/*
 * The paths as they are, unescaped. userxattr: for a mount in a user namespace, where the trusted attributes that
 * overlayfs keeps its marks in are not to be had. 0 or -ENOMEM; free with overlay_options_free.
 */
int overlay_options_make(const char *lower, const char *upper, const char *work, bool userxattr,
			 struct overlay_options *options);
void overlay_options_free(struct overlay_options *options);

#endif
