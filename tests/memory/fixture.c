/* SPDX-License-Identifier: Apache-2.0 */
/* The runtime suite's fixture serves this one too. */
#include "tests/runtime/fixture.c"
