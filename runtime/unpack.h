/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RUNTIME_UNPACK_H
#define RUNTIME_UNPACK_H

#include "nsutil/base/error.h"

/*
 * Unpacks the archive open in file into the empty directory, by a program of its own (runtime/unpack/), which this
 * waits for. On failure what had been unpacked by then stays, for the caller to remove.
 */
int unpack(int file, int directory, struct error *error);

#endif
