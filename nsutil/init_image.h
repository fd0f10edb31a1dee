/* SPDX-License-Identifier: Apache-2.0 */
/* init's program, embedded in the library. */
#ifndef NSUTIL_INIT_IMAGE_H
#define NSUTIL_INIT_IMAGE_H

#include "nsutil/base/error.h"

/*
 * A sealed memfd (CLOEXEC) holding init's program, to be executed with execveat(2): what runs inside a container has no
 * host binary behind /proc/1/exe to write to. The caller closes it. Or -errno.
 */
int init_image_open(struct error *error);

/* The same for another program, which lies between start and end. */
int image_open(const char *name, const unsigned char *start, const unsigned char *end, struct error *error);

#endif
