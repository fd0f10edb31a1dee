/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/args/args.h"

#include <stdarg.h>
#include <string.h>

struct parser {
	struct args_state state;
	struct args_part root;
	void (*complain)(const struct args_state *state, const char *sentence);
};

/* An option and who takes it. */
struct match {
	const struct args_option *option;
	const struct args_part *part;
	int count; /* of options whose names begin so */
	bool exact;
};

static int __attribute__((format(printf, 2, 3))) refuse(struct parser *parser, const char *format, ...)
{
	char sentence[512];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(sentence, sizeof(sentence), format, arguments);
	va_end(arguments);
	parser->complain(&parser->state, sentence);
	return -1;
}

/* ---- Calling the parsers ---- */

static int call(struct parser *parser, const struct args_part *part, int key, char *argument)
{
	parser->state.input = part->input;
	return part->args->parse ? part->args->parse(key, argument, &parser->state) : ARGS_UNKNOWN;
}

/* Calls one after another until one takes the key, or fails. */
static int call_each(struct parser *parser, const struct args_part *part, int key, char *argument)
{
	int result = call(parser, part, key, argument);

	for (const struct args_part *child = part->args->parts; result == ARGS_UNKNOWN && child && child->args; child++)
		result = call_each(parser, child, key, argument);
	return result;
}

static int call_end(struct parser *parser, const struct args_part *part)
{
	int result = 0;

	for (const struct args_part *child = part->args->parts; result == 0 && child && child->args; child++)
		result = call_end(parser, child);
	if (result == 0)
		result = call(parser, part, ARGS_END, NULL);
	return result == ARGS_UNKNOWN ? 0 : result;
}

static int take_word(struct parser *parser)
{
	struct args_state *state = &parser->state;
	char *word = state->argv[state->next++];
	int result = call_each(parser, &parser->root, ARGS_WORD, word);

	if (result != ARGS_UNKNOWN)
		return result;
	state->next--;
	result = call_each(parser, &parser->root, ARGS_WORDS, NULL);
	return result == ARGS_UNKNOWN ? refuse(parser, "there is a word too many: '%s'", word) : result;
}

/* ---- Finding options ---- */

static bool is_end(const struct args_option *option)
{
	return !option->name && !option->key && !option->help;
}

static void find_name(const struct args_part *part, const char *name, size_t length, struct match *match)
{
	for (const struct args_option *o = part->args->options; o && !is_end(o) && !match->exact; o++) {
		if (!o->name || strncmp(o->name, name, length) != 0)
			continue;
		match->exact = !o->name[length];
		match->count = match->exact ? 1 : match->count + 1;
		match->option = o;
		match->part = part;
	}
	for (const struct args_part *child = part->args->parts; child && child->args && !match->exact; child++)
		find_name(child, name, length, match);
}

static void find_letter(const struct args_part *part, char letter, struct match *match)
{
	for (const struct args_option *o = part->args->options; o && !is_end(o) && !match->option; o++)
		if (o->key == letter) {
			match->option = o;
			match->part = part;
		}
	for (const struct args_part *child = part->args->parts; child && child->args && !match->option; child++)
		find_letter(child, letter, match);
}

/* The value of an option is the next word. NULL: there is none. */
static char *take_value(struct args_state *state)
{
	return state->next < state->argc ? state->argv[state->next++] : NULL;
}

static int take_long(struct parser *parser, char *given)
{
	struct match match = {0};
	size_t length = strcspn(given + 2, "=");
	char *value = given[2 + length] ? given + 2 + length + 1 : NULL;

	find_name(&parser->root, given + 2, length, &match);
	if (match.count != 1)
		return refuse(parser, "%s option '%s'", match.count ? "ambiguous" : "unknown", given);
	if (value && !match.option->argument)
		return refuse(parser, "option '%s' takes no argument", given);
	if (!value && match.option->argument && !(match.option->flags & ARGS_OPTIONAL)) {
		value = take_value(&parser->state);
		if (!value)
			return refuse(parser, "option '%s' needs an argument", given);
	}
	return call(parser, match.part, match.option->key, value);
}

/* "-it", "-m1G" */
static int take_short(struct parser *parser, char *given)
{
	for (char *letter = given + 1; *letter; letter++) {
		struct match match = {0};
		char *value = NULL;

		/* Keys beyond ASCII are no letters. */
		if (*letter > ' ' && *letter < 0x7f)
			find_letter(&parser->root, *letter, &match);
		if (!match.option)
			return refuse(parser, "unknown option '-%c'", *letter);
		if (match.option->argument && letter[1])
			value = letter + 1;
		else if (match.option->argument && !(match.option->flags & ARGS_OPTIONAL)) {
			value = take_value(&parser->state);
			if (!value)
				return refuse(parser, "option '-%c' needs an argument", *letter);
		}
		int result = call(parser, match.part, match.option->key, value);
		if (result != 0 || value)
			return result;
	}
	return 0;
}

int args_parse(const struct args *args, int argc, char **argv, bool in_order, void *input,
	       void (*complain)(const struct args_state *state, const char *sentence))
{
	struct parser parser = {
		.state = {.args = args, .name = argv[0], .argc = argc, .argv = argv, .next = 1},
		.root = {args, input},
		.complain = complain,
	};
	struct args_state *state = &parser.state;
	bool options_end = false;
	int n_words = 0, result = 0;

	while (result == 0 && state->next < state->argc) {
		char *given = argv[state->next];
		bool is_option = !options_end && given[0] == '-' && given[1];
		if (is_option) {
			state->next++;
			options_end = strcmp(given, "--") == 0;
			if (!options_end)
				result = given[1] == '-' ? take_long(&parser, given) : take_short(&parser, given);
		} else if (in_order) {
			result = take_word(&parser);
		} else {
			/* Over what has been taken. */
			argv[1 + n_words++] = given;
			state->next++;
		}
	}
	if (!in_order && result == 0) {
		state->argc = 1 + n_words;
		argv[state->argc] = NULL;
		for (state->next = 1; result == 0 && state->next < state->argc;)
			result = take_word(&parser);
	}
	return result == 0 ? call_end(&parser, &parser.root) : result;
}
