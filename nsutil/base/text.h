/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text from outside (names, paths, lines of a configuration, environment) that is repeated to people. What is neither
 * printable ASCII nor UTF-8 of printable characters could break a line or drive a terminal, C1 controls and characters
 * that turn a line's direction included.
 */
#ifndef NSUTIL_BASE_TEXT_H
#define NSUTIL_BASE_TEXT_H

#include <stddef.h>

/*
 * Writes the text with each such byte as \n, \t or \xHH, and a NUL, at out, where there is as much room as
 * text_visible_room says. Returns the address of the NUL.
 */
char *text_put_visible(char *out, const char *text);
size_t text_visible_room(const char *text);

/* The same as a copy, malloc'ed; NULL when memory is short. */
char *text_visible(const char *text);

/* Puts a '?' in the place of each such byte. */
void text_make_plain(char *text);

#endif
