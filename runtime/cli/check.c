/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <unistd.h>

#include "nsutil/base/text.h"
#include "runtime/cli/cli.h"

struct check_input {
	struct cli_words none;
	bool json;
	struct error error;
};

enum { KEY_JSON = CLI_LONG_OPTION };

static const struct args_option options[] = {
	{"json", KEY_JSON, NULL, 0, "Print a JSON array of {name, verdict, text, remedy}", 0},
	CLI_HELP_OPTION,
	{0},
};

static int parse(int key, char *argument, struct args_state *state)
{
	struct check_input *input = state->input;
	(void)argument;
	if (key != KEY_JSON)
		return cli_words_parse(key, state, &input->none, &input->error);
	input->json = true;
	return 0;
}

static const char *verdict_name(enum berth_verdict verdict)
{
	return verdict == BERTH_PASS ? "pass" : verdict == BERTH_WARN ? "warn" : "fail";
}

struct report {
	json_t *json; /* NULL: text */
	bool colour;
};

static void tell(const struct berth_finding *finding, void *data)
{
	const struct report *report = data;
	const char *verdict = verdict_name(finding->verdict);
	if (report->json) {
		json_array_append_new(report->json,
				      json_pack("{s:s, s:s, s:o, s:o}", "name", finding->name, "verdict", verdict,
						"text", json_from_bytes(finding->text), "remedy",
						finding->remedy ? json_from_bytes(finding->remedy) : json_null()));
		return;
	}
	cleanup_free char *text = text_visible(finding->text ? finding->text : "");
	cleanup_free char *remedy = finding->remedy ? text_visible(finding->remedy) : NULL;
	const char *colour = finding->verdict == BERTH_PASS   ? "\033[32m"
			     : finding->verdict == BERTH_WARN ? "\033[33m"
							      : "\033[31m";
	printf("%s%s%s  %-22s %s", report->colour ? colour : "", verdict, report->colour ? "\033[0m" : "",
	       finding->name, text ? text : "");
	if (remedy)
		printf("; %s", remedy);
	putchar('\n');
}

int cli_check(int argc, char **argv)
{
	static const struct args args = {
		options, parse, "",
		"Try each thing that containers need on this machine: a line for each, pass, warn or "
		"fail, with the remedy."
		"\v"
		"What is made for a trial is removed again. Exits with 1 when anything failed.\n"
		"\n"
		"Example:\n"
		"  berth check && echo ready",
		NULL};
	cleanup_berth struct berth *berth = NULL;
	cleanup_json json_t *findings = NULL;
	struct check_input input = {.none = {.what = "argument"}};
	struct berth_error error = BERTH_ERROR_INIT;

	if (cli_parse(&args, argc, argv, false, &input, &input.error) < 0)
		return ERROR_STATUS_FAILED;
	if (cli_open(&berth, &error) < 0)
		return cli_fail(&error);
	findings = input.json ? json_array() : NULL;
	struct report report = {findings, isatty(STDOUT_FILENO) == 1};
	int failures = berth_check(berth, tell, &report, &error);
	if (failures < 0)
		return cli_fail(&error);
	int status = input.json ? cli_print_json(json_incref(findings)) : 0;
	return status ? status : failures > 0;
}
