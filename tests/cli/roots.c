/* SPDX-License-Identifier: Apache-2.0 */
/* berth root, and the roots that frameworks keep. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/cli/harness.h"

#define N(array) (sizeof(array) / sizeof(*(array)))

TestSuite(cli_roots, .init = world_init, .fini = world_fini);

/* Runs `act` in the framework root "F" over a directory that holds nothing else. */
static void act_in_root(struct job *job, const char *verb, const char *object, const char *text)
{
	char root[200];
	snprintf(root, sizeof(root), "framework:F:%s", world_path("lower"));
	BERTH(job, "run", "--root", root, "--", "/act", verb, object, text);
	expect_status(job, 0);
}

Test(cli_roots, framework_roots)
{
	cleanup_job struct job written, kept, list, size, text, busy, user, removed, empty, none;
	char command[600];
	const char *program = world.program, *act = payload_path("act");
	snprintf(command, sizeof(command), "mkdir '%s' && cp '%s' '%s'/act", world_path("lower"), act,
		 world_path("lower"));
	world.program = "/bin/sh";
	cleanup_job struct job copy;
	BERTH(&copy, "-c", command);
	world.program = program;
	expect_status(&copy, 0);

	act_in_root(&written, "write", "/kept", "hello");
	cr_expect_str_eq(written.out_text, "write /kept=ok\n");
	act_in_root(&kept, "read", "/kept", NULL);
	cr_expect_str_eq(kept.out_text, "read /kept=hello\n");
	cr_expect_eq(access(world_path("lower/kept"), F_OK), -1);

	BERTH(&list, "root", "ls", "--json");
	json_t *json = json_of(&list);
	cr_assert_eq(json_array_size(json), 1, "%s", list.out_text);
	cr_expect_str_eq(json_string_value(json_object_get(json_array_get(json, 0), "framework")), "F");
	cr_expect_str_eq(json_string_value(json_object_get(json_array_get(json, 0), "lower")), world_path("lower"));
	cr_expect(json_is_false(json_object_get(json_array_get(json, 0), "used")), "%s", list.out_text);
	json_decref(json);
	BERTH(&size, "root", "du", "--json");
	json = json_of(&size);
	cr_expect_geq(integer_at(json_array_get(json, 0), NULL, "bytes"), 5);
	json_decref(json);
	BERTH(&text, "root", "ls");
	expect_status(&text, 0);
	cr_expect(strstr(text.out_text, "\nF "), "%s", text.out_text);

	/* In use, it stays. */
	char root[200];
	snprintf(root, sizeof(root), "framework:F:%s", world_path("lower"));
	BERTH_START(&user, "run", "--root", root, "--", "/act", "say", "ready", "hold");
	job_await_output(&user, "ready");
	BERTH(&busy, "root", "rm", "F");
	expect_status(&busy, 125);
	expect_complaint(&busy, "F");
	job_finish(&user);
	BERTH(&removed, "root", "rm", "F");
	expect_quiet(&removed);
	BERTH(&empty, "root", "ls", "--json");
	cr_expect_str_eq(empty.out_text, "[]\n");
	BERTH(&none, "root", "rm", "F");
	expect_status(&none, 125);
	expect_complaint(&none, "F");
}

Test(cli_roots, root_actions)
{
	static const struct {
		const char *words[4], *part;
	} mistakes[] = {{{"root"}, "no action given"},
			{{"root", "list"}, "'list' is none of ls, du and rm"},
			{{"root", "rm"}, "no framework given"},
			{{"root", "ls", "F"}, "ls takes no further words"}};
	for (size_t i = 0; i < N(mistakes); i++) {
		cleanup_job struct job job;
		berth_words(&job, mistakes[i].words);
		expect_status(&job, 125);
		expect_complaint(&job, mistakes[i].part);
	}
}
