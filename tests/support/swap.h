/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Swap space for the length of a test. It is the whole machine's while it is there; a guard turns it off and removes it
 * also when the test is killed.
 */
#ifndef TESTS_SUPPORT_SWAP_H
#define TESTS_SUPPORT_SWAP_H

/* Turns on so many MiB of swap, or more, in a file in the directory; skips the test, saying why, on a machine that
 * can't. */
void swap_on(const char *directory, unsigned int mib);
/* Off, and removed, before the directory is; no harm where there is none. */
void swap_off(void);

#endif
