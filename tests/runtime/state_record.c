/* SPDX-License-Identifier: Apache-2.0 */
/* The record: what is written at once is read back in parts, what comes later has its place, and damage is told. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "nsutil/base/cleanup.h"
#include "runtime/json_text.h"
#include "runtime/state.h"
#include "tests/runtime/fixture.h"

TestSuite(state_record, .init = rt_init, .fini = rt_fini);

static const char json[] = "{\"name\":\"x\"}";
/* What record_pack makes, with as much of it as these tests look at. */
static struct record record = {.packed = (char[]){"packed"}, .packed_size = 6};
static char *environment[] = {(char[]){"A=1"}, (char[]){""}, (char[]){"B="}, NULL};

static int make(void)
{
	int file = open(rt_path("one"), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	cr_assert_geq(file, 0);
	cr_assert_eq(state_write_record(file, &record, json, sizeof json - 1, environment), 0);
	return file;
}

Test(state_record, gives_back_what_was_written)
{
	cleanup_fd int file = make();
	cleanup_free char *text = NULL, *variables = NULL;
	cr_expect_eq(state_read_json(file, &text), (ssize_t)sizeof json - 1);
	cr_expect_str_eq(text, json);
	cr_expect_eq(state_read_environment(file, &variables), 8);
	cr_expect_arr_eq(variables, "A=1\0\0B=\0", 8);
}

Test(state_record, process_reason_and_end_come_later)
{
	cleanup_fd int file = make();
	struct berth_end end = BERTH_END_INIT;
	struct state_process process = {.pid = 4711, .earliest = 5, .latest = 6, .inode = 7}, found;
	char fallbacks[64], detail[64];
	cr_expect_eq(state_read_process(file, &found), -ENOENT);
	cr_expect_eq(state_read_end(file, &end), -ENODATA);
	cr_expect_eq(state_read_reason(file, detail, sizeof detail), 0);
	cr_assert_eq(state_write_process(file, &process, "one\ntwo\n", NULL), 0);
	cr_assert_eq(state_read_process(file, &found), 0);
	cr_expect_arr_eq(&found, &process, sizeof found);
	state_read_fallbacks(file, fallbacks, sizeof fallbacks);
	cr_expect_str_eq(fallbacks, "one\ntwo\n");
	/* The first reason is the one that counts. */
	cr_assert_eq(state_write_reason(file, BERTH_SCALE_DOWN, "it did not fit"), 0);
	cr_assert_eq(state_write_reason(file, BERTH_KILLED, ""), 0);
	cr_expect_eq(state_read_reason(file, detail, sizeof detail), BERTH_SCALE_DOWN);
	cr_expect_str_eq(detail, "it did not fit");
	end.reason = BERTH_EXITED;
	end.code = 9;
	end.memory_limit = BERTH_UNLIMITED;
	strcpy(end.text, "exited with status 9");
	cr_assert_eq(state_write_end(file, &end, NULL), 0);
	/* Also when its name is gone. */
	cr_expect_not(state_is_removed(file));
	cr_assert_eq(unlink(rt_path("one")), 0);
	cr_expect(state_is_removed(file));
	struct berth_end read = BERTH_END_INIT;
	cr_assert_eq(state_read_end(file, &read), 0);
	cr_expect(read.reason == BERTH_EXITED && read.code == 9 && read.memory_limit == BERTH_UNLIMITED);
	cr_expect_str_eq(read.text, "exited with status 9");
}

/* Who removes a record by hand leaves what is beside it, for the next record with its inode to find. */
Test(state_record, what_lies_beside_it_already_is_anothers)
{
	cleanup_fd int file = make();
	char name[STATE_BESIDE_SIZE], path[160];
	int status = 9;
	state_beside_name(file, STATE_EXIT, name);
	snprintf(path, sizeof path, "state/%s", name);
	rt_write(path, "an old end");
	cr_expect_eq(state_read_exit(rt.berth, file, &status), 0);
	cleanup_fd int fd = state_create_exit(rt.berth, file);
	cr_assert_geq(fd, 0);
	cr_expect_eq(state_read_exit(rt.berth, file, &status), -ENODATA);
	cr_assert_eq(unlink(rt_path(path)), 0);
}

Test(state_record, damage_is_told)
{
	cleanup_fd int file = make();
	struct stat status;
	cleanup_free char *text = NULL;
	struct berth_end end = BERTH_END_INIT;
	cr_assert_eq(fstat(file, &status), 0);
	/* The environment, the JSON, the head are cut. */
	cr_assert_eq(ftruncate(file, status.st_size - 1), 0);
	cr_expect_eq(state_read_environment(file, &text), -EBADMSG);
	cr_expect_geq(state_read_json(file, &text), 0);
	free(steal_pointer(&text));
	cr_assert_eq(ftruncate(file, status.st_size - 10), 0);
	cr_expect_eq(state_read_json(file, &text), -EBADMSG);
	cr_assert_eq(ftruncate(file, 100), 0);
	cr_expect_eq(state_read_json(file, &text), -EBADMSG);
	cr_expect_eq(state_read_end(file, &end), -EBADMSG);
	cr_assert_eq(ftruncate(file, status.st_size), 0);
	cr_assert_eq(pwrite(file, "x", 1, 0), 1);
	cr_expect_eq(state_read_json(file, &text), -EBADMSG);
	cr_assert_eq(pwrite(file, "b", 1, 0), 1);
	/* Sizes beyond all reason. */
	static const uint32_t huge = UINT32_MAX;
	cr_assert_eq(pwrite(file, &huge, sizeof huge, 12), (ssize_t)sizeof huge);
	cr_expect_eq(state_read_json(file, &text), -EBADMSG);
	cr_expect_eq(state_read_environment(file, &text), -EBADMSG);
}

Test(state_record, json_is_as_jansson_has_it)
{
	cleanup_json_text struct json_text text = {0};
	json_text_open(&text, NULL, '{');
	json_text_bytes(&text, "plain", "a b");
	json_text_bytes(&text, "escaped", "quote \" slash \\ line \n umlaut \xc3\xa4");
	json_text_bytes(&text, "no_text", "\xff");
	json_text_bytes(&text, "none", NULL);
	json_text_number(&text, "zero", 0);
	json_text_number(&text, "most", INT64_MAX);
	json_text_number(&text, "negative", (uint64_t)-5);
	json_text_bool(&text, "yes", true);
	json_text_strings(&text, "empty", (const char *const[]){NULL});
	json_text_strings(&text, "list", (const char *const[]){"", "x", NULL});
	json_text_real(&text, "real", 0.5);
	json_text_real(&text, "whole", 10);
	json_text_real(&text, "below", -10);
	json_text_close(&text, '}');
	cr_assert_not(text.failed);
	json_t *read = json_loads(text.bytes, 0, NULL);
	cr_assert_not_null(read, "%s", text.bytes);
	json_t *expected = json_pack("{s:s, s:s, s:{s:s}, s:n, s:i, s:I, s:i, s:b, s:[], s:[s,s], s:f, s:f, s:f}",
				     "plain", "a b", "escaped", "quote \" slash \\ line \n umlaut \xc3\xa4", "no_text",
				     "hex", "ff", "none", "zero", 0, "most", (json_int_t)INT64_MAX, "negative", -5,
				     "yes", 1, "empty", "list", "", "x", "real", 0.5, "whole", 10.0, "below", -10.0);
	cr_expect(json_equal(read, expected), "%s", text.bytes);
	json_decref(read);
	json_decref(expected);
}
