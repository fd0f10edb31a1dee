/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/cli/format.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

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

void table_add(struct table *table, const char *const *cells, size_t n)
{
	if (!table->columns)
		table->columns = n;
	for (size_t i = 0; i < table->columns; i++) {
		if (table->n == table->room) {
			size_t room = table->room ? table->room * 2 : 64;
			struct cell *grown = reallocarray(table->cells, room, sizeof(*grown));
			if (!grown) {
				table->failed = 1;
				return;
			}
			table->cells = grown;
			table->room = room;
		}
		struct cell *cell = &table->cells[table->n];
		cell->text = text_visible(i < n && cells[i] ? cells[i] : "-");
		if (!cell->text) {
			table->failed = 1;
			return;
		}
		cell->width = width_of(cell->text);
		table->n++;
	}
}

static void pad(size_t width, FILE *out)
{
	static const char spaces[] = "                                ";
	for (; width >= sizeof(spaces); width -= sizeof(spaces) - 1)
		fwrite(spaces, 1, sizeof(spaces) - 1, out);
	fwrite(spaces, 1, width, out);
}

int table_print(const struct table *table, FILE *out)
{
	if (table->failed)
		return -ENOMEM;
	size_t *widths = calloc(table->columns ? table->columns : 1, sizeof(*widths));
	if (!widths)
		return -ENOMEM;
	for (size_t i = 0; i < table->n; i++) {
		size_t column = i % table->columns;
		if (table->cells[i].width > widths[column])
			widths[column] = table->cells[i].width;
	}
	for (size_t i = 0; i < table->n; i++) {
		size_t column = i % table->columns;
		fputs(table->cells[i].text, out);
		if (column + 1 == table->columns)
			fputc('\n', out);
		else
			pad(widths[column] - table->cells[i].width + 2, out);
	}
	free(widths);
	return 0;
}

void table_release(struct table *table)
{
	for (size_t i = 0; i < table->n; i++)
		free(table->cells[i].text);
	free(table->cells);
	*table = (struct table){0};
}
