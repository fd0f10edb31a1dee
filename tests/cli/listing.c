/* SPDX-License-Identifier: Apache-2.0 */
/* ps and stats of so many containers that several threads look at them. */
#include <jansson.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nsutil/base/cleanup.h"
#include "tests/cli/harness.h"

TestSuite(cli_listing, .init = world_init, .fini = world_fini);

enum { MANY = 30, NAME_SIZE = 8 };

/* The i-th to be launched: neither the alphabet nor a hash has them in that order. */
static void name_of(int i, char name[NAME_SIZE])
{
	snprintf(name, NAME_SIZE, "c%02d", i * 7 % MANY);
}

static void launch_many(void)
{
	for (int i = 0; i < MANY; i++) {
		char name[NAME_SIZE];
		cleanup_job struct job run;
		name_of(i, name);
		BERTH(&run, "run", "-d", "--no-init", "-n", name, "sleep", "1000");
		expect_status(&run, 0);
	}
}

/* The first words of the lines but the first `skipped` ones must be the names, in the order of their launch. */
static void expect_order(const struct job *job, int skipped)
{
	cleanup_free char *copy = strdup(job->out_text);
	char *rest = copy, *line;
	int i = -skipped;
	expect_status(job, 0);
	cr_expect_str_eq(job->err_text, "");
	for (; (line = strsep(&rest, "\n")) && *line; i++) {
		char name[NAME_SIZE];
		if (i < 0)
			continue;
		name_of(i, name);
		line[strcspn(line, " ")] = '\0';
		cr_expect_str_eq(line, name, "number %d: %s", i, job->out_text);
	}
	cr_expect_eq(i, MANY, "%s", job->out_text);
}

static void expect_json_order(const struct job *job)
{
	json_t *json = json_of(job);
	cr_expect_eq(json_array_size(json), MANY, "%s", job->out_text);
	for (int i = 0; i < MANY; i++) {
		char name[NAME_SIZE];
		const char *found = json_string_value(json_object_get(json_array_get(json, (size_t)i), "name"));
		name_of(i, name);
		cr_expect_str_eq(found ? found : "", name, "number %d", i);
	}
	json_decref(json);
}

static void expect_all_in_order(void)
{
	cleanup_job struct job names, table, stats, json, stats_json;
	BERTH(&names, "ps", "-q");
	expect_order(&names, 0);
	BERTH(&table, "ps");
	expect_order(&table, 1);
	BERTH(&stats, "stats");
	expect_order(&stats, 1);
	BERTH(&json, "ps", "--json");
	expect_json_order(&json);
	BERTH(&stats_json, "stats", "--json");
	expect_json_order(&stats_json);
}

Test(cli_listing, in_the_order_of_their_launch)
{
	cleanup_job struct job stop, all, running;
	cpu_set_t all_processors, one;
	launch_many();
	expect_all_in_order();
	/* Where only one processor may be used. */
	int first = 0;
	cr_assert_eq(sched_getaffinity(0, sizeof all_processors, &all_processors), 0);
	while (!CPU_ISSET(first, &all_processors))
		first++;
	CPU_ZERO(&one);
	CPU_SET(first, &one);
	cr_assert_eq(sched_setaffinity(0, sizeof one, &one), 0);
	expect_all_in_order();
	cr_assert_eq(sched_setaffinity(0, sizeof all_processors, &all_processors), 0);

	BERTH(&stop, "stop", "c00", "c14", "--time", "0");
	expect_quiet(&stop);
	BERTH(&all, "ps", "-aq");
	expect_order(&all, 0);
	BERTH(&running, "ps", "-q");
	expect_status(&running, 0);
	cr_expect_eq(count_lines(running.out_text), MANY - 2, "%s", running.out_text);
	cr_expect(!strstr(running.out_text, "c14\n"), "%s", running.out_text);
}

/* As many as a few containers take are enough. With less there is one complaint, and no list that lacks some. */
Test(cli_listing, few_descriptors)
{
	bool failed = false;
	launch_many();
	for (int limit = 4; limit <= 40; limit++) {
		cleanup_job struct job job;
		char command[32];
		snprintf(command, sizeof command, "ulimit -n %d; exec \"$0\" ps -q", limit);
		job_start(&job, (const char *const[]){"sh", "-c", command, world.program, NULL});
		job_finish(&job);
		if (job.status == 0 || limit == 40) {
			expect_order(&job, 0);
			continue;
		}
		failed = true;
		expect_status(&job, 125);
		expect_complaint(&job, "berth ps: ");
	}
	cr_expect(failed, "two descriptors were enough");
}

/* One whose directories are hidden. */
Test(cli_listing, stats_of_one_fail)
{
	cleanup_job struct job stats;
	cleanup_free char *script = NULL;
	launch_many();
	cr_assert_gt(asprintf(&script,
			      "for d in /sys/fs/cgroup/%s/c14 /sys/fs/cgroup/*/%s/c14; do"
			      " test ! -d $d || mount -t tmpfs hidden $d || exit; done; exec '%s' stats",
			      world.cgroup_parent, world.cgroup_parent, world.program),
		     0);
	job_start(&stats, (const char *const[]){"unshare", "-m", "sh", "-c", script, NULL});
	job_finish(&stats);
	expect_status(&stats, 125);
	cr_expect_eq(count_lines(stats.out_text), MANY, "%s", stats.out_text); /* the head is one */
	cr_expect(!strstr(stats.out_text, "c14 "), "%s", stats.out_text);
	cr_expect_eq(count_lines(stats.err_text), 1, "%s", stats.err_text);
	cr_expect(strstr(stats.err_text, "/c14: No such file"), "%s", stats.err_text);
}

Test(cli_listing, others_end_meanwhile)
{
	cleanup_job struct job end;
	char script[] = "for i in $(seq 0 29); do \"$0\" rm -f \"$(printf c%02d \"$i\")\" || exit; done";
	size_t left = MANY;
	launch_many();
	job_start(&end, (const char *const[]){"sh", "-c", script, world.program, NULL});
	while (left > 0) {
		cleanup_job struct job list, stats;
		BERTH(&list, "ps", "-a");
		expect_status(&list, 0);
		cr_expect_str_eq(list.err_text, "");
		cr_assert_leq(count_lines(list.out_text) - 1, left, "%s", list.out_text);
		left = count_lines(list.out_text) - 1;
		BERTH(&stats, "stats");
		expect_status(&stats, 0);
		cr_expect_str_eq(stats.err_text, "");
		cr_expect_leq(count_lines(stats.out_text) - 1, left, "%s", stats.out_text);
	}
	job_finish(&end);
	expect_quiet(&end);
}
