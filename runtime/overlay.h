/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RUNTIME_OVERLAY_H
#define RUNTIME_OVERLAY_H

/* The options of one overlay mount, for overlay_option_set. Documentation/filesystems/overlayfs.rst */
struct overlay_options {
	char *list[4]; /* "lowerdir=...", "upperdir=...", "workdir=...", NULL */
};

/* The paths as they are, unescaped. 0 or -ENOMEM; free with overlay_options_free. */
int overlay_options_make(const char *lower, const char *upper, const char *work, struct overlay_options *options);
void overlay_options_free(struct overlay_options *options);

#endif
