/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Command lines, for berth's programs: a table of options, a function that is called with each, and help made from the
 * table. In the manner of argp(3), which only glibc has; the same on every C library.
 *
 * Long options may be cut short as long as one alone fits, short ones stand together (-it), a value follows as the next
 * word or at once (--mem=1G, -m1G), and all behind "--" are words.
 */
#ifndef RUNTIME_ARGS_ARGS_H
#define RUNTIME_ARGS_ARGS_H

#include <stdbool.h>
#include <stdio.h>

struct args_option {
	const char *name;     /* without "--"; NULL: none, which help can't show */
	int key;              /* what the parser gets; also the short option, where it is a printable ASCII character */
	const char *argument; /* what help calls its value; NULL: it has none */
	unsigned int flags;
	const char *help; /* where there is neither name nor key: the title of its group */
	int group;        /* help shows them as 0, 1, 2, ..., -2, -1; 0 is that of the row before */
};

/* Flags of options: not shown by help; the value may be left out, else it follows at once. */
enum { ARGS_HIDDEN = 1, ARGS_OPTIONAL = 2 };

/* Keys that are no options. */
enum {
	ARGS_WORD = 0x1000000, /* a word, in `argument`; state->next is the one behind it */
	ARGS_WORDS,            /* where nobody takes ARGS_WORD: all words from state->next on */
	ARGS_END,              /* nothing is left, of parts first */
	ARGS_UNKNOWN,          /* what a parser returns for a key that is not its own */
};

struct args_state {
	const struct args *args; /* the whole, for help */
	const char *name;        /* the program's: argv[0] */
	int argc;
	char **argv; /* ends in NULL */
	int next;    /* of argv; a parser that takes more words than it was given sets it behind them */
	void *input; /* its parser's */
};

/* A table that is part of another, with an input of its own. An array of them ends in zeros. */
struct args_part {
	const struct args *args;
	void *input;
};

struct args {
	const struct args_option *options; /* NULL: none; ends in zeros */
	/* Returns 0, ARGS_UNKNOWN, or else what args_parse is to return. NULL: takes nothing. */
	int (*parse)(int key, char *argument, struct args_state *state);
	const char *words; /* for help: "NAME [SIGNAL]", or a line for each form */
	const char *help;  /* what the command does, and behind \v what help ends with */
	const struct args_part *parts;
};

/*
 * Parses argv, whose words it brings to the front unless `in_order`: then options end at the first word that a parser
 * takes with all the rest, and argv stays as it is. What can't be parsed is told to `complain` as a sentence; the
 * result is -1 then. Else 0, or what a parser returned.
 */
int args_parse(const struct args *args, int argc, char **argv, bool in_order, void *input,
	       void (*complain)(const struct args_state *state, const char *sentence));

/* "Usage: ..."; and all of the help, which begins with it. */
void args_usage(const struct args_state *state, FILE *out);
void args_help(const struct args_state *state, FILE *out);

#endif
