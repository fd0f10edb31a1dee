/* SPDX-License-Identifier: Apache-2.0 */
/* How a container ended, from what is known; and other small pure things of the library. */
#include <criterion/criterion.h>
#include <errno.h>
#include <jansson.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "runtime/container.h"
#include "runtime/json.h"
#include "runtime/overlay.h"

#define EXIT(code) W_EXITCODE(code, 0)
#define DEATH(signal) W_EXITCODE(0, signal)

static const struct {
	struct evidence evidence;
	enum berth_reason reason;
	int code;
	int status; /* as a shell would show it */
	const char *text;
} table[] = {
	/* What init recorded is the command's own end, whatever became of init. */
	{{.wait_status = EXIT(0), .command_status = EXIT(0)}, BERTH_EXITED, 0, 0, "exited 0"},
	{{.wait_status = EXIT(137), .command_status = EXIT(137)}, BERTH_EXITED, 137, 137, "exited 137"},
	{{.wait_status = EXIT(143), .command_status = DEATH(SIGTERM)}, BERTH_SIGNALED, SIGTERM, 143, "signal 15"},
	{{.wait_status = EXIT(139), .command_status = DEATH(SIGSEGV | 0x80)},
	 BERTH_SIGNALED,
	 SIGSEGV,
	 139,
	 "signal 11"},
	{{.wait_status = -1, .command_status = EXIT(3)}, BERTH_EXITED, 3, 3, "exited 3"},
	{{.wait_status = DEATH(SIGKILL), .command_status = EXIT(3), .requested = BERTH_KILLED},
	 BERTH_EXITED,
	 3,
	 3,
	 "exited 3"},
	{{.wait_status = EXIT(1), .command_status = DEATH(40)}, BERTH_SIGNALED, 40, 168, "signal 40"},
	/* SIGKILL: by whom? */
	{{.wait_status = EXIT(137), .command_status = DEATH(SIGKILL)}, BERTH_SIGNALED, SIGKILL, 137, "signal 9"},
	{{.wait_status = EXIT(137), .command_status = DEATH(SIGKILL), .oom_kills = 1},
	 BERTH_OUT_OF_MEMORY,
	 SIGKILL,
	 137,
	 "out of memory"},
	{{.wait_status = DEATH(SIGKILL), .command_status = -1, .oom_kills = 2},
	 BERTH_OUT_OF_MEMORY,
	 SIGKILL,
	 137,
	 "2 processes"},
	{{.wait_status = DEATH(SIGKILL), .command_status = -1, .requested = BERTH_KILLED},
	 BERTH_KILLED,
	 SIGKILL,
	 137,
	 "on request"},
	{{.wait_status = DEATH(SIGKILL), .command_status = -1, .requested = BERTH_TIMEOUT},
	 BERTH_TIMEOUT,
	 SIGKILL,
	 124,
	 "time was up"},
	{{.wait_status = DEATH(SIGKILL), .command_status = -1, .requested = BERTH_KILLED, .oom_kills = 1},
	 BERTH_KILLED,
	 SIGKILL,
	 137,
	 "on request"},
	{{.wait_status = DEATH(SIGKILL), .command_status = -1, .requested = BERTH_SCALE_DOWN, .detail = "did not fit"},
	 BERTH_SCALE_DOWN,
	 SIGKILL,
	 137,
	 "did not fit"},
	/* By the kernel, at a limit on its way down. */
	{{.wait_status = DEATH(SIGKILL),
	  .command_status = -1,
	  .oom_kills = 1,
	  .scale_target = 32 << 20,
	  .scale_ms = 1240},
	 BERTH_SCALE_DOWN,
	 SIGKILL,
	 137,
	 "memory scale-down failed: 64.0 MiB in use, and more was asked for, did not fit the new limit of 32.0 MiB "
	 "within 1.2 s"},
	{{.wait_status = EXIT(1), .command_status = EXIT(1), .oom_kills = 1, .scale_target = 32 << 20},
	 BERTH_EXITED,
	 1,
	 1,
	 "limit 64.0 MiB on its way down to 32.0 MiB, peak"},
	{{.wait_status = DEATH(SIGKILL), .command_status = -1}, BERTH_SIGNALED, SIGKILL, 137, "signal 9"},
	/* A child died for memory, and the command went on, or gave up. */
	{{.wait_status = EXIT(1), .command_status = EXIT(1), .oom_kills = 1},
	 BERTH_EXITED,
	 1,
	 1,
	 "exited 1 after running out of memory"},
	{{.wait_status = EXIT(15), .command_status = DEATH(SIGTERM), .oom_kills = 1},
	 BERTH_SIGNALED,
	 SIGTERM,
	 143,
	 "signal 15"},
	/* The command was PID 1. */
	{{.wait_status = EXIT(5), .command_status = -1, .no_init = true}, BERTH_EXITED, 5, 5, "exited 5"},
	{{.wait_status = DEATH(SIGABRT), .command_status = -1, .no_init = true},
	 BERTH_SIGNALED,
	 SIGABRT,
	 134,
	 "signal 6"},
	{{.wait_status = DEATH(SIGKILL), .command_status = -1, .no_init = true, .oom_kills = 1},
	 BERTH_OUT_OF_MEMORY,
	 SIGKILL,
	 137,
	 "out of memory"},
	/* Nobody saw. */
	{{.wait_status = -1, .command_status = -1, .no_init = true}, BERTH_LOST, SIGKILL, 137, "nobody saw"},
	{{.wait_status = -1, .command_status = -1, .no_init = true, .requested = BERTH_KILLED},
	 BERTH_KILLED,
	 SIGKILL,
	 137,
	 "on request"},
	{{.wait_status = -1, .command_status = -1, .no_init = true, .oom_kills = 1},
	 BERTH_OUT_OF_MEMORY,
	 SIGKILL,
	 137,
	 "out of memory"},
	{{.wait_status = -1, .command_status = -1}, BERTH_SIGNALED, SIGKILL, 137, "signal 9"},
};

Test(conclusions, of_every_evidence)
{
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		struct berth_end end = {.size = sizeof end, .memory_limit = 64 << 20, .memory_peak = 63 << 20};
		struct evidence evidence = table[i].evidence;
		if (!evidence.detail)
			evidence.detail = "";
		end_conclude(&evidence, &end);
		cr_expect(end.reason == table[i].reason && end.code == table[i].code, "%zu: %s (%s, %d)", i, end.text,
			  berth_reason_name(end.reason), end.code);
		cr_expect_eq(berth_end_status(&end), table[i].status, "%zu", i);
		cr_expect(strstr(end.text, table[i].text), "%zu: '%s' has no '%s'", i, end.text, table[i].text);
		cr_expect_eq(end.oom_kills, evidence.oom_kills);
		if (end.reason == BERTH_OUT_OF_MEMORY)
			cr_expect(strstr(end.text, "limit 64.0 MiB") && strstr(end.text, "peak 63.0 MiB"), "%s",
				  end.text);
	}
}

Test(conclusions, names)
{
	cr_expect_str_eq(berth_reason_name(BERTH_EXITED), "exited");
	cr_expect_str_eq(berth_reason_name(BERTH_SCALE_DOWN), "scale-down-failed");
	cr_expect_str_eq(berth_reason_name(BERTH_LOST), "lost");
	cr_expect_str_eq(berth_reason_name((enum berth_reason)0), "unknown");
	cr_expect_str_eq(berth_reason_name((enum berth_reason)99), "unknown");
	cr_expect_str_eq(berth_state_name(BERTH_STARTING), "starting");
	cr_expect_str_eq(berth_state_name(BERTH_ENDED), "ended");
	cr_expect_str_eq(berth_state_name((enum berth_state)0), "unknown");
	cr_expect_str_eq(berth_state_name((enum berth_state) - 1), "unknown");
}

Test(conclusions, bytes_for_people)
{
	static const struct {
		uint64_t bytes;
		const char *text;
	} sizes[] = {
		{0, "0 B"},
		{1, "1 B"},
		{1023, "1023 B"},
		{1024, "1.0 KiB"},
		{1536, "1.5 KiB"},
		{64 << 20, "64.0 MiB"},
		{UINT64_C(1) << 40, "1.0 TiB"},
		{UINT64_MAX, "none"},
		{UINT64_MAX - 1, "16.0 EiB"},
	};
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		char text[32];
		bytes_format(sizes[i].bytes, text, sizeof text);
		cr_expect_str_eq(text, sizes[i].text);
	}
}

/* ---- JSON and bytes ---- */

Test(conclusions, bytes_as_json)
{
	static const struct {
		const char *bytes, *json;
	} strings[] = {
		{"", "\"\""},
		{"plain", "\"plain\""},
		{"\xc3\xa9", "\"\xc3\xa9\""},
		{"\x01\n\"\\", "\"\\u0001\\n\\\"\\\\\""},
		{"{\"hex\": \"00\"}", "\"{\\\"hex\\\": \\\"00\\\"}\""},
		{"\xff", "{\"hex\": \"ff\"}"},
		{"a\xc3", "{\"hex\": \"61c3\"}"},
		{"\xed\xa0\x80", "{\"hex\": \"eda080\"}"},
		{NULL, "null"},
	};
	for (size_t i = 0; i < sizeof strings / sizeof *strings; i++) {
		json_t *json = json_from_bytes(strings[i].bytes);
		char *text = json_dumps(json, JSON_ENCODE_ANY);
		cr_expect_str_eq(text, strings[i].json);
		free(text);
		json_decref(json);
	}
}

/* ---- Structs that grow ---- */

struct sample {
	size_t size;
	int one;
	int two;
};

Test(conclusions, struct_import)
{
	struct sample known;
	struct error error;
	struct sample given = {sizeof given, 1, 2};
	cr_expect_eq(struct_import(&known, sizeof known, &given, &error, "sample"), 0);
	cr_expect(known.one == 1 && known.two == 2);
	/* Older: what it lacks is zero. */
	given.size = offsetof(struct sample, two);
	cr_expect_eq(struct_import(&known, sizeof known, &given, &error, "sample"), 0);
	cr_expect(known.one == 1 && known.two == 0);
	/* Newer: refused only where it asks for something. */
	struct {
		struct sample sample;
		long more[2];
	} newer = {{sizeof newer, 1, 2}, {0, 0}};
	cr_expect_eq(struct_import(&known, sizeof known, &newer, &error, "sample"), 0);
	cr_expect(known.one == 1 && known.two == 2);
	newer.more[1] = 1;
	cr_expect_eq(struct_import(&known, sizeof known, &newer, &error, "sample"), -E2BIG);
	cr_expect(strstr(error.text, "sample"));
	/* Never initialised. */
	static const size_t sizes[] = {0, 7, (1 << 16) + 1, SIZE_MAX};
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		given.size = sizes[i];
		cr_expect_eq(struct_import(&known, sizeof known, &given, &error, "sample"), -EINVAL);
		cr_expect(strstr(error.text, "_INIT"), "%s", error.text);
	}
}

Test(conclusions, struct_export)
{
	const struct sample known = {sizeof known, 1, 2};
	struct sample out = {offsetof(struct sample, two), 8, 9};
	struct_export(&known, sizeof known, &out);
	cr_expect(out.size == offsetof(struct sample, two) && out.one == 1 && out.two == 9);
	struct {
		struct sample sample;
		long more;
	} newer = {{sizeof newer, 8, 9}, 77};
	struct_export(&known, sizeof known, &newer);
	cr_expect(newer.sample.size == sizeof newer && newer.sample.two == 2 && newer.more == 77);
	out.size = sizeof(size_t);
	out.one = 8;
	struct_export(&known, sizeof known, &out);
	cr_expect_eq(out.one, 8);
}

Test(conclusions, overlay_options)
{
	struct overlay_options options;
	cr_assert_eq(overlay_options_make("/a:b\\c,d", "/u p", "/w", false, &options), 0);
	cr_expect_str_eq(options.list[0], "lowerdir=/a:b\\c,d");
	cr_expect_str_eq(options.list[1], "upperdir=/u p");
	cr_expect_str_eq(options.list[2], "workdir=/w");
	cr_expect_null(options.list[3]);
	overlay_options_free(&options);
	cr_expect_null(options.list[0]);
}
