/* SPDX-License-Identifier: Apache-2.0 */
/* For #include <sys/pidfd.h>, where musl has none. */
#include "nsutil/musl/gnu.h"
