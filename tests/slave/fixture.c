/* SPDX-License-Identifier: Apache-2.0 */
/* The fixture of the lxc suite serves this one too. */
#include "tests/lxc/fixture.c"
