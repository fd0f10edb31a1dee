/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text from outside (names, paths, lines of a configuration, environment) that is repeated to people. What is neither
 * printable ASCII nor UTF-8 of printable characters could break a line or drive a terminal, C1 controls and characters
 * that turn a line's direction included.
 */
#ifndef NSUTIL_BASE_TEXT_H
#define NSUTIL_BASE_TEXT_H

/* A copy in which each such byte is written as \n, \t or \xHH. malloc'ed; NULL when memory is short. */
char *text_visible(const char *text);

/* Puts a '?' in the place of each such byte. */
void text_make_plain(char *text);

#endif
