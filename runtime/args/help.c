/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "runtime/args/args.h"

enum { WIDTH = 79, HELP_COLUMN = 29, MOST_OPTIONS = 128 };

/* Fills lines with the words of a text. Lines that begin with a blank, as those of examples do, are left as they are.
 */
static void text_print(FILE *out, const char *text, size_t length, int column, int indent)
{
	const char *end = text + length;
	while (text < end) {
		size_t line = strcspn(text, "\n");
		line = text + line > end ? (size_t)(end - text) : line;
		if (*text == ' ')
			fprintf(out, "%.*s", (int)line, text);
		for (const char *word = *text == ' ' ? text + line : text; word < text + line;) {
			size_t n = strcspn(word, " \n");
			n = word + n > text + line ? (size_t)(text + line - word) : n;
			if (column > indent && column + 1 + (int)n > WIDTH)
				column = fprintf(out, "\n%*s", indent, "") - 1;
			column += fprintf(out, "%s%.*s", column > indent ? " " : "", (int)n, word);
			word += n + strspn(word + n, " ");
		}
		text += line;
		if (text < end) {
			text++;
			column = fprintf(out, "\n%*s", text < end && *text != '\n' ? indent : 0, "") - 1;
		}
	}
	fputc('\n', out);
}

/* ---- Options ---- */

struct row {
	const struct args_option *option;
	int group;
};

/* 0, 1, 2, ..., -2, -1 */
static bool is_before(int a, int b)
{
	return (a < 0) == (b < 0) ? a < b : b < 0;
}

/* Puts the rows of a table and its parts in their groups' order, in each group as they come. */
static int rows_add(struct row *rows, int n, const struct args *args)
{
	int group = 0;
	for (const struct args_option *o = args->options; o && (o->name || o->key || o->help); o++) {
		group = o->group ? o->group : group;
		if ((o->flags & ARGS_HIDDEN) || n == MOST_OPTIONS)
			continue;
		int place = n++;
		for (; place > 0 && is_before(group, rows[place - 1].group); place--)
			rows[place] = rows[place - 1];
		rows[place] = (struct row){o, group};
	}
	for (const struct args_part *part = args->parts; part && part->args; part++)
		n = rows_add(rows, n, part->args);
	return n;
}

static void option_print(const struct args_option *option, FILE *out)
{
	bool letter = option->key > ' ' && option->key < 0x7f;
	const char short_form[] = {'-', (char)option->key, ',', ' ', '\0'};
	int column = fprintf(out, "  %s--%s%s%s", letter ? short_form : "    ", option->name,
			     option->argument ? "=" : "", option->argument ? option->argument : "");

	if (column > HELP_COLUMN - 2)
		column = fprintf(out, "\n") - 1;
	fprintf(out, "%*s", HELP_COLUMN - column, "");
	text_print(out, option->help, strlen(option->help), HELP_COLUMN, HELP_COLUMN);
}

static void options_print(const struct args *args, FILE *out)
{
	struct row rows[MOST_OPTIONS];
	int n = rows_add(rows, 0, args);
	for (int i = 0; i < n; i++) {
		const struct args_option *option = rows[i].option;
		if (i == 0 || rows[i].group != rows[i - 1].group)
			fputc('\n', out);
		if (option->name || option->key)
			option_print(option, out);
		else
			fprintf(out, " %s\n", option->help);
	}
}

/* ---- The whole ---- */

void args_usage(const struct args_state *state, FILE *out)
{
	const char *words = state->args->words ? state->args->words : "";
	for (const char *before = "Usage:";; before = "   or:") {
		size_t line = strcspn(words, "\n");
		fprintf(out, "%s %s [OPTION...]%s%.*s\n", before, state->name, line ? " " : "", (int)line, words);
		words += line;
		if (!*words++)
			break;
	}
}

void args_help(const struct args_state *state, FILE *out)
{
	const char *help = state->args->help ? state->args->help : "";
	size_t first = strcspn(help, "\v");
	args_usage(state, out);
	if (first)
		text_print(out, help, first, 0, 0);
	options_print(state->args, out);
	if (help[first]) {
		fputc('\n', out);
		text_print(out, help + first + 1, strlen(help + first + 1), 0, 0);
	}
}
