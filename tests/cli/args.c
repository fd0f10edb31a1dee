/* SPDX-License-Identifier: Apache-2.0 */
/* What runtime/args makes of a command line, and how its help looks. */
#include "runtime/args/args.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

enum { KEY_LONG = 0x100, KEY_STOP };

/* All that the parsers were called with, in one line: "m=1G t word=a end". */
struct seen {
	char text[512];
	int command_after; /* words before the one that is taken with all the rest; -1: none is */
	int words;
};

static char complaint[512];

static void complain(const struct args_state *state, const char *sentence)
{
	cr_expect_str_eq(state->name, "tool");
	snprintf(complaint, sizeof(complaint), "%s", sentence);
}

static void note(struct seen *seen, const char *what, const char *value)
{
	size_t used = strlen(seen->text);
	snprintf(seen->text + used, sizeof(seen->text) - used, "%s%s%s%s", used ? " " : "", what, value ? "=" : "",
		 value ? value : "");
}

static int parse(int key, char *argument, struct args_state *state)
{
	struct seen *seen = state->input;
	char letter[2] = {(char)key, '\0'};
	switch (key) {
	case KEY_LONG:
		note(seen, "long", argument);
		return 0;
	case KEY_STOP:
		return KEY_STOP;
	case 'm':
	case 't':
	case 'o':
		note(seen, letter, argument);
		return 0;
	case ARGS_WORD:
		if (seen->words++ == seen->command_after)
			return ARGS_UNKNOWN;
		note(seen, "word", argument);
		return 0;
	case ARGS_WORDS:
		for (; seen->command_after >= 0 && state->next < state->argc; state->next++)
			note(seen, "rest", state->argv[state->next]);
		return seen->command_after >= 0 ? 0 : ARGS_UNKNOWN;
	case ARGS_END:
		note(seen, "end", NULL);
		return 0;
	default:
		return ARGS_UNKNOWN;
	}
}

static int part_parse(int key, char *argument, struct args_state *state)
{
	if (key == 'p')
		note(state->input, "part", argument);
	return key == 'p' ? 0 : ARGS_UNKNOWN;
}

static const struct args_option options[] = {
	{"memory", 'm', "SIZE", 0, "How much", 0},
	{"terminal", 't', NULL, 0, "A terminal", 0},
	{"term", KEY_LONG, "WORD", 0,
	 "An option whose name begins another's, with a help that is too long for a single line of a terminal", 0},
	{"optional", 'o', "VALUE", ARGS_OPTIONAL | ARGS_HIDDEN, NULL, 0},
	{"stop", KEY_STOP, NULL, 0, "Stops", -1},
	{0},
};
static const struct args_option part_options[] = {
	{NULL, 0, NULL, 0, "Part:", 1},
	{"a-name-too-long-for-the-column", 'p', "V", 0, "Of the part", 0},
	{0},
};
static const struct args part = {part_options, part_parse, NULL, NULL, NULL};

static int run(struct seen *seen, bool in_order, const char *line)
{
	char text[256], *argv[32], *rest = NULL;
	int argc = 0;
	const struct args_part parts[] = {{&part, seen}, {0}};
	const struct args args = {options, parse, "WORD", "Does nothing.", parts};
	complaint[0] = '\0';
	snprintf(text, sizeof(text), "%s", line);
	for (char *word = strtok_r(text, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
		argv[argc++] = word;
	argv[argc] = NULL;
	return args_parse(&args, argc, argv, in_order, seen, complain);
}

Test(cli_args, options_and_words_mix)
{
	static const struct {
		const char *line, *seen;
	} cases[] = {
		{"tool", "end"},
		{"tool a -t b -m 1G c", "t m=1G word=a word=b word=c end"},
		{"tool -tm1G", "t m=1G end"},
		{"tool -tm 1G -", "t m=1G word=- end"},
		{"tool --memory=1G --memory= --memory 2G", "m=1G m= m=2G end"},
		{"tool --mem 1G --termi", "m=1G t end"},
		{"tool --term x --terminal", "long=x t end"},
		{"tool -m -t", "m=-t end"},
		{"tool -o -ox --optional --optional=y z", "o o=x o o=y word=z end"},
		{"tool a -- -t --bad b", "word=a word=-t word=--bad word=b end"},
		{"tool -p 1 a --a-name 2", "part=1 part=2 word=a end"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct seen seen = {.command_after = -1};
		cr_expect_eq(run(&seen, false, cases[i].line), 0, "%s", cases[i].line);
		cr_expect_str_eq(seen.text, cases[i].seen, "%s: %s", cases[i].line, seen.text);
		cr_expect_str_eq(complaint, "");
	}
}

Test(cli_args, a_command_has_its_own_options)
{
	static const struct {
		const char *line;
		int command_after;
		const char *seen;
	} cases[] = {
		{"tool -t cmd -t --bad -- x", 0, "t rest=cmd rest=-t rest=--bad rest=-- rest=x end"},
		{"tool -- -t x", 0, "rest=-t rest=x end"},
		{"tool name -t cmd -m", 1, "word=name t rest=cmd rest=-m end"},
		{"tool name -- -m", 1, "word=name rest=-m end"},
		{"tool -t", 0, "t end"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct seen seen = {.command_after = cases[i].command_after};
		cr_expect_eq(run(&seen, true, cases[i].line), 0, "%s", cases[i].line);
		cr_expect_str_eq(seen.text, cases[i].seen, "%s: %s", cases[i].line, seen.text);
	}
}

Test(cli_args, what_is_wrong_is_said)
{
	static const struct {
		const char *line, *complaint;
	} cases[] = {
		{"tool --bad", "unknown option '--bad'"},
		{"tool --bad=x", "unknown option '--bad=x'"},
		{"tool -tx", "unknown option '-x'"},
		{"tool -t\xc3\xbc", "unknown option '-\xc3'"},
		{"tool --t", "ambiguous option '--t'"},
		{"tool --terminal=x", "option '--terminal=x' takes no argument"},
		{"tool --memory", "option '--memory' needs an argument"},
		{"tool a -m", "option '-m' needs an argument"},
		{"tool --=x", "ambiguous option '--=x'"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct seen seen = {.command_after = -1};
		cr_expect_eq(run(&seen, false, cases[i].line), -1, "%s", cases[i].line);
		cr_expect_str_eq(complaint, cases[i].complaint);
	}
	struct seen seen = {.command_after = 1};
	complaint[0] = '\0';
	cr_expect_eq(run(&seen, false, "tool --stop -t"), KEY_STOP);
	cr_expect_str_eq(seen.text, "");
	cr_expect_str_eq(complaint, "");
	const struct args none = {NULL, NULL, NULL, NULL, NULL};
	char name[] = "tool", word[] = "word";
	cr_expect_eq(args_parse(&none, 2, (char *[]){name, word, NULL}, false, NULL, complain), -1);
	cr_expect_str_eq(complaint, "there is a word too many: 'word'");
}

static char *help_text(const struct args *args)
{
	char *text = NULL, name[] = "tool";
	size_t size;
	const struct args_state state = {.args = args, .name = name};
	FILE *out = open_memstream(&text, &size);
	cr_assert_not_null(out);
	args_help(&state, out);
	cr_assert_eq(fclose(out), 0);
	return text;
}

Test(cli_args, help)
{
	const struct args_part parts[] = {{&part, NULL}, {0}};
	const struct args args = {
		options, parse, "ONE\nTWO WORDS",
		"A sentence that is longer than what fits into a line of seventy-nine columns, and so is filled."
		"\v"
		"Example:\n"
		"  tool --a-line-of-an-example --that-is-longer-than-seventy-nine-columns --stays-as-it-is\n"
		"\n"
		"The end.",
		parts};
	char *text = help_text(&args);

	cr_expect_str_eq(text, "Usage: tool [OPTION...] ONE\n"
			       "   or: tool [OPTION...] TWO WORDS\n"
			       "A sentence that is longer than what fits into a line of seventy-nine columns,\n"
			       "and so is filled.\n"
			       "\n"
			       "  -m, --memory=SIZE          How much\n"
			       "  -t, --terminal             A terminal\n"
			       "      --term=WORD            An option whose name begins another's, with a help\n"
			       "                             that is too long for a single line of a terminal\n"
			       "\n"
			       " Part:\n"
			       "  -p, --a-name-too-long-for-the-column=V\n"
			       "                             Of the part\n"
			       "\n"
			       "      --stop                 Stops\n"
			       "\n"
			       "Example:\n"
			       "  tool --a-line-of-an-example --that-is-longer-than-seventy-nine-columns "
			       "--stays-as-it-is\n"
			       "\n"
			       "The end.\n");
	free(text);

	const struct args bare = {NULL, NULL, NULL, NULL, NULL};
	text = help_text(&bare);
	cr_expect_str_eq(text, "Usage: tool [OPTION...]\n");
	free(text);
}
