/* SPDX-License-Identifier: Apache-2.0 */
/* How numbers, names and tables look to people. */
#ifndef RUNTIME_CLI_FORMAT_H
#define RUNTIME_CLI_FORMAT_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Room for any of the strings below, NUL included. */
enum { FORMAT_SIZE = 32 };

/* "512 B", "64.0 MiB", "1.5 GiB"; "-" for UINT64_MAX. Returns buffer. */
const char *format_bytes(uint64_t bytes, char buffer[FORMAT_SIZE]);

/* "350ms", "12.3s", "5m10s", "3h20m", "2d4h". Returns buffer. */
const char *format_duration(uint64_t nanoseconds, char buffer[FORMAT_SIZE]);

/* A table of text: columns are as wide as their widest cell. All zeros is an empty one. */
struct cell {
	const char *text;
	size_t width; /* in characters */
};

struct table_row {
	size_t n;
	struct cell cells[]; /* and behind them the texts */
};

struct table {
	struct table_row **rows;
	size_t n, room;
	int failed; /* an allocation did */
};

/* A row; each cell is made visible as by text_visible, and NULL is shown as "-". malloc'ed; NULL without memory. */
struct table_row *table_row_make(const char *const *cells, size_t n);

/* Adds a row and takes it over; NULL is one that there was no memory for. All have as many cells. */
void table_take(struct table *table, struct table_row *row);
/* Makes and adds one. */
void table_add(struct table *table, const char *const *cells, size_t n);

/* Writes it, two spaces between columns, nothing behind the last. Returns 0 or -ENOMEM. */
int table_print(const struct table *table, FILE *out);

void table_release(struct table *table);

#endif
