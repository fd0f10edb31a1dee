/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/cli/format.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "nsutil/base/cleanup.h"
#include "nsutil/base/text.h"

const char *format_bytes(uint64_t bytes, char buffer[FORMAT_SIZE])
{
	static const char *const units[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
	double value = (double)bytes / 1024;
	size_t unit = 0;
	if (bytes == UINT64_MAX) {
		snprintf(buffer, FORMAT_SIZE, "-");
	} else if (bytes < 1024) {
		snprintf(buffer, FORMAT_SIZE, "%" PRIu64 " B", bytes);
	} else {
		/* 1023.95 would be printed as 1024.0. */
		for (; value >= 1023.95 && unit + 1 < sizeof(units) / sizeof(*units); unit++)
			value /= 1024;
		snprintf(buffer, FORMAT_SIZE, "%.1f %s", value, units[unit]);
	}
	return buffer;
}

const char *format_duration(uint64_t nanoseconds, char buffer[FORMAT_SIZE])
{
	uint64_t ms = nanoseconds / 1000000, s = ms / 1000, m = s / 60, h = m / 60;
	if (ms < 1000)
		snprintf(buffer, FORMAT_SIZE, "%" PRIu64 "ms", ms);
	else if (s < 60)
		snprintf(buffer, FORMAT_SIZE, "%" PRIu64 ".%" PRIu64 "s", s, ms % 1000 / 100);
	else if (m < 60)
		snprintf(buffer, FORMAT_SIZE, "%" PRIu64 "m%" PRIu64 "s", m, s % 60);
	else if (h < 24)
		snprintf(buffer, FORMAT_SIZE, "%" PRIu64 "h%" PRIu64 "m", h, m % 60);
	else
		snprintf(buffer, FORMAT_SIZE, "%" PRIu64 "d%" PRIu64 "h", h / 24, h % 24);
	return buffer;
}

/* Characters of UTF-8 text that has been made visible. */
static size_t width_of(const char *text)
{
	size_t width = 0;
	for (; *text; text++)
		width += ((unsigned char)*text & 0xc0) != 0x80;
	return width;
}

struct table_row *table_row_make(const char *const *cells, size_t n)
{
	size_t size = sizeof(struct table_row) + n * sizeof(struct cell);
	for (size_t i = 0; i < n; i++)
		size += text_visible_room(cells[i] ? cells[i] : "-");
	struct table_row *row = malloc(size);
	if (!row)
		return NULL;
	row->n = n;
	char *next = (char *)&row->cells[n];
	for (size_t i = 0; i < n; i++) {
		row->cells[i].text = next;
		next = text_put_visible(next, cells[i] ? cells[i] : "-") + 1;
		row->cells[i].width = width_of(row->cells[i].text);
	}
	return row;
}

void table_take(struct table *table, struct table_row *row)
{
	if (row && table->n == table->room) {
		size_t room = table->room ? table->room * 2 : 64;
		struct table_row **grown = reallocarray(table->rows, room, sizeof(*grown));
		if (grown) {
			table->rows = grown;
			table->room = room;
		}
	}
	if (row && table->n < table->room) {
		table->rows[table->n++] = row;
	} else {
		table->failed = 1;
		free(row);
	}
}

void table_add(struct table *table, const char *const *cells, size_t n)
{
	table_take(table, table_row_make(cells, n));
}

static void row_print(const struct table_row *row, const size_t *widths, char *line, FILE *out)
{
	char *next = line;
	for (size_t i = 0; i < row->n; i++) {
		size_t padding = i + 1 < row->n ? widths[i] - row->cells[i].width + 2 : 0;
		next = stpcpy(next, row->cells[i].text);
		memset(next, ' ', padding);
		next += padding;
	}
	*next++ = '\n';
	fwrite(line, 1, (size_t)(next - line), out);
}

int table_print(const struct table *table, FILE *out)
{
	enum { UTF8_MOST = 4 };
	size_t columns = table->n ? table->rows[0]->n : 0, room = 1;
	cleanup_free size_t *widths = calloc(columns + 1, sizeof(*widths));
	if (table->failed || !widths)
		return -ENOMEM;
	for (size_t i = 0; i < columns; i++) {
		for (size_t row = 0; row < table->n; row++)
			if (table->rows[row]->cells[i].width > widths[i])
				widths[i] = table->rows[row]->cells[i].width;
		room += widths[i] * UTF8_MOST + 2;
	}
	cleanup_free char *line = malloc(room);
	if (!line)
		return -ENOMEM;
	for (size_t row = 0; row < table->n; row++)
		row_print(table->rows[row], widths, line, out);
	return 0;
}

void table_release(struct table *table)
{
	for (size_t i = 0; i < table->n; i++)
		free(table->rows[i]);
	free(table->rows);
	*table = (struct table){0};
}
