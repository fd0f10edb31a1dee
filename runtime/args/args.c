/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/args/args.h"

#include <assert.h>
#include <getopt.h>
#include <stdarg.h>
#include <string.h>

enum { OPTIONS_MOST = 128, FIRST_LONG = 0x100 };

/* An option and who takes it. */
struct known {
	const struct args_option *option;
	const struct args_part *part;
};

struct parser {
	struct args_state state;
	struct args_part root;
	void (*complain)(const struct args_state *state, const char *sentence);
	/* All options as getopt_long(3) has them; what a long one gives is FIRST_LONG and its place among the known. */
	struct known known[OPTIONS_MOST];
	struct option longs[OPTIONS_MOST + 1];
	char letters[3 + OPTIONS_MOST * 3];
	size_t n_known, n_longs;
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

/* ---- Options ---- */

static bool is_end(const struct args_option *option)
{
	return !option->name && !option->key && !option->help;
}

static bool is_letter(int key)
{
	return key > ' ' && key < 0x7f;
}

static void collect(struct parser *parser, const struct args_part *part)
{
	for (const struct args_option *o = part->args->options; o && !is_end(o); o++) {
		assert(parser->n_known < OPTIONS_MOST);
		int argument = !o->argument               ? no_argument
			       : o->flags & ARGS_OPTIONAL ? optional_argument
							  : required_argument;
		if (o->name)
			parser->longs[parser->n_longs++] =
				(struct option){o->name, argument, NULL, FIRST_LONG + (int)parser->n_known};
		if (is_letter(o->key)) {
			char *end = parser->letters + strlen(parser->letters);
			*end++ = (char)o->key;
			for (int i = 0; i < argument; i++)
				*end++ = ':';
		}
		parser->known[parser->n_known++] = (struct known){o, part};
	}
	for (const struct args_part *child = part->args->parts; child && child->args; child++)
		collect(parser, child);
}

static const struct known *find_letter(const struct parser *parser, int letter)
{
	const struct known *known = parser->known;
	while (known->option->key != letter)
		known++;
	return known;
}

static bool is_ambiguous(const struct parser *parser, const char *given)
{
	size_t length = strcspn(given + 2, "=");
	int count = 0;
	for (size_t i = 0; i < parser->n_longs; i++)
		count += strncmp(parser->longs[i].name, given + 2, length) == 0;
	return count > 1;
}

static int take_option(struct parser *parser, int got)
{
	struct args_state *state = &parser->state;
	const char *given = state->argv[optind - 1];
	bool is_long = optopt == 0 || optopt >= FIRST_LONG;
	if (got == '?' && is_long && optopt)
		return refuse(parser, "option '%s' takes no argument", given);
	if (got == '?' && is_long)
		return refuse(parser, "%s option '%s'", is_ambiguous(parser, given) ? "ambiguous" : "unknown", given);
	if (got == '?')
		return refuse(parser, "unknown option '-%c'", optopt);
	if (got == ':' && is_long)
		return refuse(parser, "option '%s' needs an argument", given);
	if (got == ':')
		return refuse(parser, "option '-%c' needs an argument", optopt);
	const struct known *known = got >= FIRST_LONG ? &parser->known[got - FIRST_LONG] : find_letter(parser, got);
	state->next = optind;
	return call(parser, known->part, known->option->key, optarg);
}

/* The words up to the next option, or, behind "--" and where all options come first, to the end. */
static int take_words(struct parser *parser, bool to_end)
{
	struct args_state *state = &parser->state;
	int result = 0;
	state->next = optind;
	do
		result = state->next < state->argc ? take_word(parser) : 0;
	while (to_end && result == 0 && state->next < state->argc);
	optind = state->next;
	return result;
}

int args_parse(const struct args *args, int argc, char **argv, bool in_order, void *input,
	       void (*complain)(const struct args_state *state, const char *sentence))
{
	struct parser parser = {
		.state = {.args = args, .name = argv[0], .argc = argc, .argv = argv, .next = 1},
		.root = {args, input},
		.complain = complain,
	};
	int result = 0;
	strcpy(parser.letters, in_order ? "+:" : ":");
	collect(&parser, &parser.root);
	/* From the beginning: it may have parsed something else. getopt(3), NOTES */
	optind = 0;
	opterr = 0;
	for (bool more = true; more && result == 0;) {
		int got = getopt_long(argc, argv, parser.letters, parser.longs, NULL);
		if (got == -1) {
			result = take_words(&parser, !in_order || strcmp(argv[optind - 1], "--") == 0);
			more = optind < argc;
		} else {
			result = take_option(&parser, got);
		}
	}
	return result == 0 ? call_end(&parser, &parser.root) : result;
}
