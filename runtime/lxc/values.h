/* SPDX-License-Identifier: Apache-2.0 */
/* Values as they are written in configuration files, and arrays of strings. */
#ifndef RUNTIME_LXC_VALUES_H
#define RUNTIME_LXC_VALUES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Each returns false for what is no such value, and then leaves the result as it was. */

/* "4096", "64k", "200M", "1.5" is none; powers of 1024 by K, M, G, T, in either case, as the kernel reads them. */
bool lxc_value_bytes(const char *text, uint64_t *bytes);
/* "10" or "10s", "500ms", "2m": milliseconds, up to a day. */
bool lxc_value_duration(const char *text, int *ms);
/* "1", "0", "yes", "no", "true", "false", "on", "off" */
bool lxc_value_bool(const char *text, bool *value);
/* "12.5", from 0 to 100 */
bool lxc_value_percent(const char *text, double *percent);

/* Appends a copy to a NULL-terminated array of strings, which may be NULL. 0 or -ENOMEM. */
int lxc_strings_add(char ***strings, const char *text);
void lxc_strings_free(char ***strings);
size_t lxc_strings_count(char *const *strings);

#endif
