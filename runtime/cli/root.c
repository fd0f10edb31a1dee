/* SPDX-License-Identifier: Apache-2.0 */
/* berth root ls | du | rm: the roots that frameworks keep. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "runtime/cli/cli.h"
#include "runtime/cli/format.h"

struct root_input {
	struct cli_words words;
	bool json;
	struct error error;
};

enum { KEY_JSON = CLI_LONG_OPTION };

static const struct args_option options[] = {
	{"json", KEY_JSON, NULL, 0, "With ls and du: print JSON", 0},
	CLI_HELP_OPTION,
	{0},
};

static int parse(int key, char *argument, struct args_state *state)
{
	struct root_input *input = state->input;
	(void)argument;
	if (key != KEY_JSON)
		return cli_words_parse(key, state, &input->words, &input->error);
	input->json = true;
	return 0;
}

static void add_json(const struct berth_root *root, void *data)
{
	json_array_append_new(data,
			      json_pack("{s:o, s:o, s:o, s:b, s:b, s:o, s:b}", "framework",
					json_from_bytes(root->framework), "lower", json_from_bytes(root->lower), "path",
					json_from_bytes(root->path), "mounted", root->mounted, "used", root->used,
					"bytes", cli_json_limit(root->bytes), "archive", root->archive));
}

static const char *root_state(const struct berth_root *root)
{
	return root->used ? "used" : root->mounted ? "mounted" : root->archive ? "unpacked" : "idle";
}

/* Both listings are tables; a size is only known where it was asked for. */
static void add_row(const struct berth_root *root, void *data)
{
	char size[FORMAT_SIZE];
	bool sized = root->bytes != UINT64_MAX;
	const char *cells[] = {root->framework, root_state(root), root->lower,
			       sized ? format_bytes(root->bytes, size) : root->path};

	table_add(data, cells, sizeof(cells) / sizeof(*cells));
}

static int list(struct berth *berth, bool sizes, bool json)
{
	struct berth_error error = BERTH_ERROR_INIT;
	struct table table = {0};
	const char *head[] = {"FRAMEWORK", "STATE", "OVER", sizes ? "SIZE" : "MOUNTED AT"};
	json_t *array = json_array();
	table_add(&table, head, sizeof(head) / sizeof(*head));
	int result = berth_root_list(berth, sizes, json ? add_json : add_row, json ? (void *)array : &table, &error);
	if (result == 0 && json)
		result = cli_print_json(json_incref(array));
	else if (result == 0)
		result = table_print(&table, stdout);
	else
		result = cli_fail(&error);
	json_decref(array);
	table_release(&table);
	return result;
}

static int remove_each(struct berth *berth, char *const *frameworks, int n)
{
	int status = 0;
	for (int i = 0; i < n; i++) {
		struct berth_error error = BERTH_ERROR_INIT;
		if (berth_root_remove(berth, frameworks[i], &error) < 0)
			status = cli_fail(&error);
	}
	return status;
}

int cli_root(int argc, char **argv)
{
	static const struct args args = {
		options, parse, "ls\ndu\nrm FRAMEWORK...",
		"Keep house among the roots that --root framework:ID made, and among archives that were "
		"unpacked to be roots: list them, tell what they take on disk, remove them with all that "
		"executors wrote."
		"\v"
		"A root that a container uses can't be removed, nor an archive below a framework's root.\n"
		"\n"
		"Examples:\n"
		"  berth root ls\n"
		"  berth root rm spark",
		NULL};
	struct root_input input = {.words = {.what = "action", .minimum = 1, .maximum = argc}};
	struct berth_error error = BERTH_ERROR_INIT;
	cleanup_berth struct berth *berth = NULL;

	if (cli_parse(&args, argc, argv, false, &input, &input.error) < 0)
		return ERROR_STATUS_FAILED;
	const char *action = input.words.words[0];
	bool removes = strcmp(action, "rm") == 0, sizes = strcmp(action, "du") == 0;
	if (!removes && !sizes && strcmp(action, "ls") != 0)
		return cli_misuse("'%.100s' is none of ls, du and rm", action);
	if (removes ? input.words.n < 2 : input.words.n > 1)
		return cli_misuse(removes ? "no framework given" : "%s takes no further words", action);
	if (cli_open(&berth, &error) < 0)
		return cli_fail(&error);
	return removes ? remove_each(berth, input.words.words + 1, input.words.n - 1) : list(berth, sizes, input.json);
}
