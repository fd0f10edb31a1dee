/* SPDX-License-Identifier: Apache-2.0 */
/* The parsers of what users type: good and bad input, the edges of each, and what the sentences say. */
#include "runtime/parse.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <inttypes.h>
#include <locale.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define N(array) (sizeof(array) / sizeof(*(array)))

#define KIB UINT64_C(1024)
#define SECOND UINT64_C(1000000000)

/* A failure is told in one line that shows the input, and asks for exit status 125. */
static void expect_sentence(const char *text, int expected, int result, const struct error *error)
{
	cr_expect_eq(result, expected, "'%s': result %d instead of %d", text, result, expected);
	cr_expect_eq(error->code, -expected, "'%s': code %d", text, error->code);
	cr_expect_eq(error->exit_status, ERROR_STATUS_FAILED, "'%s': exit status %d", text, error->exit_status);
	cr_expect(strlen(text) > 100 || strstr(error->text, text), "'%s' is not in: %s", text, error->text);
	cr_expect(strlen(error->text) > strlen("'' is not a ") && !strchr(error->text, '\n'), "'%s': %s", text,
		  error->text);
}

/* ---- Sizes ---- */

Test(parse_size, good)
{
	static const struct {
		const char *text;
		uint64_t bytes;
	} good[] = {
		{"0", 0},
		{"1", 1},
		{"4096", 4096},
		{"007", 7},
		{"4096B", 4096},
		{"4096b", 4096},
		{"1K", KIB},
		{"1k", KIB},
		{"1KB", KIB},
		{"1KiB", KIB},
		{"1kib", KIB},
		{"64M", 64 * KIB * KIB},
		{"64m", 64 * KIB * KIB},
		{"64MB", 64 * KIB * KIB},
		{"64MiB", 64 * KIB * KIB},
		{"1G", KIB * KIB * KIB},
		{"1.5G", KIB * KIB * KIB * 3 / 2},
		{"1.5GiB", KIB * KIB * KIB * 3 / 2},
		{".5K", 512},
		{"1.K", KIB},
		{"0.1K", 102},
		{"0.999999999999999999999K", 1023},
		{"2T", 2 * KIB * KIB * KIB * KIB},
		{"8388607T", 8388607 * KIB * KIB * KIB * KIB},
		{"9223372036854775807", INT64_MAX},
	};
	for (size_t i = 0; i < N(good); i++) {
		struct error error = {0};
		uint64_t bytes = 77;
		int result = parse_size(good[i].text, &bytes, &error);
		cr_expect_eq(result, 0, "'%s': %s", good[i].text, error.text);
		cr_expect_eq(bytes, good[i].bytes, "'%s': %" PRIu64 " instead of %" PRIu64, good[i].text, bytes,
			     good[i].bytes);
	}
}

Test(parse_size, bad)
{
	static const struct {
		const char *text;
		int result;
	} bad[] = {
		{"", -EINVAL},
		{" ", -EINVAL},
		{" 1", -EINVAL},
		{"1 ", -EINVAL},
		{"1 M", -EINVAL},
		{"-1", -EINVAL},
		{"-0", -EINVAL},
		{"-64M", -EINVAL},
		{"+1", -EINVAL},
		{"M", -EINVAL},
		{".", -EINVAL},
		{".M", -EINVAL},
		{"1..5M", -EINVAL},
		{"1,5M", -EINVAL},
		{"1.5", -EINVAL},
		{"1.5B", -EINVAL},
		{"1.", -EINVAL},
		{"64Mx", -EINVAL},
		{"64MM", -EINVAL},
		{"64MiBs", -EINVAL},
		{"64Mi", -EINVAL},
		{"64iB", -EINVAL},
		{"64P", -EINVAL},
		{"64E", -EINVAL},
		{"0x10", -EINVAL},
		{"1e3", -EINVAL},
		{"inf", -EINVAL},
		{"nan", -EINVAL},
		{"unlimited", -EINVAL},
		{"64\n", -EINVAL},
		{"9223372036854775808", -ERANGE},
		{"18446744073709551615", -ERANGE},
		{"18446744073709551616", -ERANGE},
		{"99999999999999999999999999999", -ERANGE},
		{"8388608T", -ERANGE},
		{"16777216T", -ERANGE},
		{"18014398509481984K", -ERANGE},
		{"18446744073709551615T", -ERANGE},
	};
	for (size_t i = 0; i < N(bad); i++) {
		struct error error = {0};
		uint64_t bytes = 77;
		int result = parse_size(bad[i].text, &bytes, &error);
		cr_expect_eq(result, bad[i].result, "'%s': %d: %s", bad[i].text, result, error.text);
		cr_expect_eq(bytes, 77, "'%s' changed the result", bad[i].text);
		if (!strchr(bad[i].text, '\n'))
			expect_sentence(bad[i].text, bad[i].result, result, &error);
		cr_expect_eq(parse_size(bad[i].text, &bytes, NULL), bad[i].result);
	}
}

Test(parse_size, long_input_is_cut_in_the_sentence)
{
	char text[5000];
	struct error error = {0};
	uint64_t bytes;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	cr_expect_eq(parse_size(text, &bytes, &error), -EINVAL);
	cr_expect(strstr(error.text, "xxx...'"), "%s", error.text);
	cr_expect(strstr(error.text, "expected a number"), "the end is missing: %s", error.text);

	memset(text, '9', sizeof(text) - 1);
	cr_expect_eq(parse_size(text, &bytes, &error), -ERANGE);
	cr_expect(strstr(error.text, "too large"), "%s", error.text);
}

Test(parse_size, sentence_names_the_cause)
{
	static const struct {
		const char *text, *cause;
	} causes[] = {
		{"", "empty"},
		{"-5", "negative"},
		{"5Q", "'Q' is no unit"},
		{"1.5", "fraction of a byte"},
		{"99999999999999999999", "too large"},
	};
	for (size_t i = 0; i < N(causes); i++) {
		struct error error = {0};
		uint64_t bytes;
		parse_size(causes[i].text, &bytes, &error);
		cr_expect(strstr(error.text, causes[i].cause), "'%s': %s", causes[i].text, error.text);
	}
}

/* ---- Numbers ---- */

Test(parse_number, range)
{
	struct error error = {0};
	uint64_t number = 77;
	cr_expect_eq(parse_number("0", "count", 10, &number, &error), 0);
	cr_expect_eq(number, 0);
	cr_expect_eq(parse_number("10", "count", 10, &number, &error), 0);
	cr_expect_eq(number, 10);
	cr_expect_eq(parse_number("18446744073709551615", "count", UINT64_MAX, &number, &error), 0);
	cr_expect_eq(number, UINT64_MAX);
	cr_expect_eq(parse_number("11", "count", 10, &number, &error), -ERANGE);
	cr_expect(strstr(error.text, "'11' is too large for a count: at most 10"), "%s", error.text);
	cr_expect_eq(parse_number("18446744073709551616", "count", UINT64_MAX, &number, &error), -ERANGE);
	static const char *const bad[] = {"", "-1", "+1", "1.0", "1.", "1x", " 1", "0x1", "one"};
	for (size_t i = 0; i < N(bad); i++) {
		number = 77;
		expect_sentence(bad[i], -EINVAL, parse_number(bad[i], "count", 10, &number, &error), &error);
		cr_expect_eq(number, 77);
	}
}

/* ---- CPUs ---- */

Test(parse_cpus, good)
{
	static const struct {
		const char *text;
		double cpus;
	} good[] = {{"1", 1},         {"0.5", 0.5},     {".25", 0.25},         {"2.", 2},
		    {"0.001", 0.001}, {"64.75", 64.75}, {"0.000000001", 1e-9}, {"8192", 8192}};
	for (size_t i = 0; i < N(good); i++) {
		struct error error = {0};
		double cpus = -1;
		cr_expect_eq(parse_cpus(good[i].text, &cpus, &error), 0, "'%s': %s", good[i].text, error.text);
		cr_expect(fabs(cpus - good[i].cpus) < 1e-12, "'%s': %.17g", good[i].text, cpus);
	}
}

Test(parse_cpus, bad)
{
	static const struct {
		const char *text;
		int result;
	} bad[] = {
		{"", -EINVAL},
		{"0", -ERANGE},
		{"0.0", -ERANGE},
		{"0.0000000001", -ERANGE},
		{"-1", -EINVAL},
		{"-0.5", -EINVAL},
		{"nan", -EINVAL},
		{"NaN", -EINVAL},
		{"inf", -EINVAL},
		{"Inf", -EINVAL},
		{"infinity", -EINVAL},
		{"0x2", -EINVAL},
		{"1e2", -EINVAL},
		{"1.5c", -EINVAL},
		{"1,5", -EINVAL},
		{"1 ", -EINVAL},
		{" 1", -EINVAL},
		{"1.2.3", -EINVAL},
		{"two", -EINVAL},
		{".", -EINVAL},
		{"8193", -ERANGE},
		{"8192.1", -ERANGE},
		{"99999999999999999999999", -ERANGE},
	};
	for (size_t i = 0; i < N(bad); i++) {
		struct error error = {0};
		double cpus = 77;
		expect_sentence(bad[i].text, bad[i].result, parse_cpus(bad[i].text, &cpus, &error), &error);
		cr_expect(cpus > 76 && cpus < 78, "'%s' changed the result", bad[i].text);
	}
}

/* Where a comma is the decimal point, "0.5" must still be a half. Not every machine has such a locale. */
Test(parse_cpus, no_locale)
{
	static const char *const locales[] = {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8"};
	const char *set = NULL;
	double cpus;
	for (size_t i = 0; i < N(locales) && !set; i++)
		set = setlocale(LC_ALL, locales[i]);
	if (!set)
		cr_skip_test("no locale with a decimal comma is installed");
	cr_expect_eq(parse_cpus("0.5", &cpus, NULL), 0);
	cr_expect(fabs(cpus - 0.5) < 1e-12);
	cr_expect_eq(parse_cpus("0,5", &cpus, NULL), -EINVAL);
}

/* ---- Durations ---- */

Test(parse_duration, good)
{
	static const struct {
		const char *text;
		uint64_t ns;
	} good[] = {
		{"0", 0},
		{"10", 10 * SECOND},
		{"10s", 10 * SECOND},
		{"1.5s", SECOND * 3 / 2},
		{"1.5", SECOND * 3 / 2},
		{"500ms", SECOND / 2},
		{"0.5ms", SECOND / 2000},
		{"0.000000001", 1},
		{"0.0000000009", 0},
		{"2m", 120 * SECOND},
		{"1h", 3600 * SECOND},
		{"0.5h", 1800 * SECOND},
		{"1d", 86400 * SECOND},
		{"106751d", SECOND * 86400 * 106751},
	};
	for (size_t i = 0; i < N(good); i++) {
		struct error error = {0};
		uint64_t ns = 77;
		cr_expect_eq(parse_duration(good[i].text, &ns, &error), 0, "'%s': %s", good[i].text, error.text);
		cr_expect_eq(ns, good[i].ns, "'%s': %" PRIu64, good[i].text, ns);
	}
}

Test(parse_duration, bad)
{
	static const struct {
		const char *text;
		int result;
	} bad[] = {
		{"", -EINVAL},
		{"-1", -EINVAL},
		{"-1s", -EINVAL},
		{"s", -EINVAL},
		{"1S", -EINVAL},
		{"1M", -EINVAL},
		{"1 s", -EINVAL},
		{"1s ", -EINVAL},
		{"1h30m", -EINVAL},
		{"1week", -EINVAL},
		{"1e3", -EINVAL},
		{"inf", -EINVAL},
		{"0x1", -EINVAL},
		{"1us", -EINVAL},
		{"106752d", -ERANGE},
		{"9223372037", -ERANGE},
		{"99999999999999999999s", -ERANGE},
		{"18446744073709551615h", -ERANGE},
	};
	for (size_t i = 0; i < N(bad); i++) {
		struct error error = {0};
		uint64_t ns = 77;
		expect_sentence(bad[i].text, bad[i].result, parse_duration(bad[i].text, &ns, &error), &error);
		cr_expect_eq(ns, 77, "'%s' changed the result", bad[i].text);
	}
}

/* ---- CPU lists ---- */

Test(parse_cpu_list, good)
{
	static const struct {
		const char *text;
		unsigned int highest;
	} good[] = {{"0", 0},     {"7", 7},         {"0-3", 3},     {"3-3", 3},       {"0-3,7", 7}, {"7,0-3", 7},
		    {"1,1,1", 1}, {"0-1,4-5,2", 5}, {"8191", 8191}, {"0-8191", 8191}, {"00", 0}};
	for (size_t i = 0; i < N(good); i++) {
		struct error error = {0};
		unsigned int highest = 77777;
		cr_expect_eq(parse_cpu_list(good[i].text, &highest, &error), 0, "'%s': %s", good[i].text, error.text);
		cr_expect_eq(highest, good[i].highest, "'%s': %u", good[i].text, highest);
		cr_expect_eq(parse_cpu_list(good[i].text, NULL, NULL), 0);
	}
}

Test(parse_cpu_list, bad)
{
	static const struct {
		const char *text;
		int result;
	} bad[] = {
		{"", -EINVAL},
		{",", -EINVAL},
		{"0,", -EINVAL},
		{",0", -EINVAL},
		{"0,,1", -EINVAL},
		{"-", -EINVAL},
		{"-1", -EINVAL},
		{"1-", -EINVAL},
		{"0-1-2", -EINVAL},
		{"3-1", -EINVAL},
		{"a", -EINVAL},
		{"0-a", -EINVAL},
		{"0 1", -EINVAL},
		{" 0", -EINVAL},
		{"0;1", -EINVAL},
		{"0-3:2", -EINVAL},
		{"0x1", -EINVAL},
		{"all", -EINVAL},
		{"0\n1", -EINVAL},
		{"8192", -ERANGE},
		{"0-8192", -ERANGE},
		{"99999999999999999999", -ERANGE},
		{"0-18446744073709551616", -ERANGE},
	};
	for (size_t i = 0; i < N(bad); i++) {
		struct error error = {0};
		unsigned int highest = 77;
		int result = parse_cpu_list(bad[i].text, &highest, &error);
		cr_expect_eq(result, bad[i].result, "'%s': %d: %s", bad[i].text, result, error.text);
		cr_expect_eq(highest, 77, "'%s' changed the result", bad[i].text);
		if (!strchr(bad[i].text, '\n'))
			expect_sentence(bad[i].text, bad[i].result, result, &error);
	}
}

/* ---- Resource limits ---- */

Test(parse_rlimit, good)
{
	static const struct {
		const char *text;
		int resource;
		uint64_t soft, hard;
	} good[] = {
		{"nofile=1024", RLIMIT_NOFILE, 1024, 1024},
		{"NOFILE=1024:4096", RLIMIT_NOFILE, 1024, 4096},
		{"RLIMIT_NOFILE=0:1", RLIMIT_NOFILE, 0, 1},
		{"rlimit_Core=0:unlimited", RLIMIT_CORE, 0, UINT64_MAX},
		{"core=unlimited", RLIMIT_CORE, UINT64_MAX, UINT64_MAX},
		{"core=Unlimited:UNLIMITED", RLIMIT_CORE, UINT64_MAX, UINT64_MAX},
		{"core=infinity", RLIMIT_CORE, UINT64_MAX, UINT64_MAX},
		{"stack=8M", RLIMIT_STACK, 8 * KIB * KIB, 8 * KIB * KIB},
		{"memlock=64K:1M", RLIMIT_MEMLOCK, 64 * KIB, KIB * KIB},
		{"nproc=5", RLIMIT_NPROC, 5, 5},
		{"nice=40", RLIMIT_NICE, 40, 40},
	};
	for (size_t i = 0; i < N(good); i++) {
		struct error error = {0};
		struct berth_rlimit rlimit = {0};
		cr_expect_eq(parse_rlimit(good[i].text, &rlimit, &error), 0, "'%s': %s", good[i].text, error.text);
		cr_expect_eq(rlimit.resource, good[i].resource, "'%s'", good[i].text);
		cr_expect_eq(rlimit.soft, good[i].soft, "'%s': soft", good[i].text);
		cr_expect_eq(rlimit.hard, good[i].hard, "'%s': hard", good[i].text);
	}
}

Test(parse_rlimit, bad)
{
	static const struct {
		const char *text;
		int result;
	} bad[] = {
		{"", -EINVAL},
		{"nofile", -EINVAL},
		{"nofile=", -EINVAL},
		{"=1", -EINVAL},
		{"nofiles=1", -EINVAL},
		{"nofile=1:", -EINVAL},
		{"nofile=:1", -EINVAL},
		{"nofile=2:1", -EINVAL},
		{"nofile=unlimited:1", -EINVAL},
		{"nofile=-1", -EINVAL},
		{"nofile=1:2:3", -EINVAL},
		{"nofile=1K", -EINVAL},
		{"nofile=1.5", -EINVAL},
		{"stack=8Q", -EINVAL},
		{"RLIMIT_=1", -EINVAL},
		{"nofile = 1", -EINVAL},
		{"nofile=9223372036854775808", -ERANGE},
		{"stack=9999999999T", -ERANGE},
		{"nofile=1:99999999999999999999", -ERANGE},
	};
	for (size_t i = 0; i < N(bad); i++) {
		struct error error = {0};
		struct berth_rlimit rlimit = {.resource = 77, .soft = 77, .hard = 77};
		expect_sentence(bad[i].text, bad[i].result, parse_rlimit(bad[i].text, &rlimit, &error), &error);
		cr_expect(rlimit.resource == 77 && rlimit.soft == 77 && rlimit.hard == 77, "'%s' changed the result",
			  bad[i].text);
	}
}

/* Each resource that the kernel has, by the name of its constant. */
Test(parse_rlimit, every_resource_has_a_name)
{
	static const char *const names[RLIM_NLIMITS] = {
		[RLIMIT_AS] = "as",           [RLIMIT_CORE] = "core",         [RLIMIT_CPU] = "cpu",
		[RLIMIT_DATA] = "data",       [RLIMIT_FSIZE] = "fsize",       [RLIMIT_LOCKS] = "locks",
		[RLIMIT_MEMLOCK] = "memlock", [RLIMIT_MSGQUEUE] = "msgqueue", [RLIMIT_NICE] = "nice",
		[RLIMIT_NOFILE] = "nofile",   [RLIMIT_NPROC] = "nproc",       [RLIMIT_RSS] = "rss",
		[RLIMIT_RTPRIO] = "rtprio",   [RLIMIT_RTTIME] = "rttime",     [RLIMIT_SIGPENDING] = "sigpending",
		[RLIMIT_STACK] = "stack",
	};
	for (int resource = 0; resource < (int)RLIM_NLIMITS; resource++) {
		char text[64];
		struct berth_rlimit rlimit = {.resource = -1};
		cr_assert(names[resource] != NULL, "resource %d has no name", resource);
		snprintf(text, sizeof(text), "%s=1", names[resource]);
		cr_expect_eq(parse_rlimit(text, &rlimit, NULL), 0, "%s", text);
		cr_expect_eq(rlimit.resource, resource, "%s is %d", text, rlimit.resource);
	}
}

/* ---- Signals ---- */

Test(parse_signal, good)
{
	const struct {
		const char *text;
		int signal;
	} good[] = {
		{"TERM", SIGTERM},
		{"SIGTERM", SIGTERM},
		{"term", SIGTERM},
		{"sigTerm", SIGTERM},
		{"KILL", SIGKILL},
		{"usr1", SIGUSR1},
		{"SIGUSR2", SIGUSR2},
		{"HUP", SIGHUP},
		{"1", SIGHUP},
		{"9", SIGKILL},
		{"15", SIGTERM},
		{"64", SIGRTMAX},
		{"RTMIN", SIGRTMIN},
		{"rtmin+1", SIGRTMIN + 1},
		{"SIGRTMIN+2", SIGRTMIN + 2},
		{"RTMAX", SIGRTMAX},
		{"SIGRTMAX-3", SIGRTMAX - 3},
		{"RTMIN+30", SIGRTMAX},
		{"RTMIN+0", SIGRTMIN},
		{"CHLD", SIGCHLD},
		{"CLD", SIGCHLD},
		{"IOT", SIGABRT},
		{"ABRT", SIGABRT},
		{"POLL", SIGPOLL},
		{"IO", SIGIO},
		{"WINCH", SIGWINCH},
		{"32", 32},
	};
	for (size_t i = 0; i < N(good); i++) {
		struct error error = {0};
		int signal = 0;
		cr_expect_eq(parse_signal(good[i].text, &signal, &error), 0, "'%s': %s", good[i].text, error.text);
		cr_expect_eq(signal, good[i].signal, "'%s': %d", good[i].text, signal);
	}
}

Test(parse_signal, every_standard_signal_by_name_and_number)
{
	for (int expected = 1; expected < 32; expected++) {
		const char *name = sigabbrev_np(expected);
		char text[32];
		int signal = 0;
		if (name) {
			cr_expect_eq(parse_signal(name, &signal, NULL), 0, "%s", name);
			cr_expect_eq(signal, expected, "%s", name);
			snprintf(text, sizeof(text), "SIG%s", name);
			cr_expect_eq(parse_signal(text, &signal, NULL), 0, "%s", text);
			cr_expect_eq(signal, expected, "%s", text);
		}
		snprintf(text, sizeof(text), "%d", expected);
		cr_expect_eq(parse_signal(text, &signal, NULL), 0, "%s", text);
		cr_expect_eq(signal, expected, "%s", text);
	}
}

Test(parse_signal, bad)
{
	static const char *const bad[] = {"",        "0",       "65",       "-9",       "999999999999999999999",
					  "SIG",     "SIGFOO",  "TERMX",    "TER",      "SIGSIGTERM",
					  "9x",      "9 ",      " 9",       "1.0",      "RTMIN+",
					  "RTMIN-1", "RTMAX+1", "RTMIN+31", "RTMIN+-1", "RTMAX-31",
					  "SIG9",    "RTMINx",  "RTM",      "RTMIN+1x"};
	for (size_t i = 0; i < N(bad); i++) {
		struct error error = {0};
		int signal = 77;
		expect_sentence(bad[i], -EINVAL, parse_signal(bad[i], &signal, &error), &error);
		cr_expect_eq(signal, 77, "'%s' changed the result", bad[i]);
	}
}

/* ---- Volumes ---- */

Test(parse_volume, good)
{
	static const struct {
		const char *text, *source, *target;
		bool read_only;
	} good[] = {
		{"/a:/b", "/a", "/b", false},
		{"/a:/b:ro", "/a", "/b", true},
		{"/a:/b:rw", "/a", "/b", false},
		{"a:/b", "a", "/b", false},
		{"./a/../b:/", "./a/../b", "/", false},
		{"/with space:/in here", "/with space", "/in here", false},
		{"/a\\:b:/c\\:d:ro", "/a:b", "/c:d", true},
		{"/a\\\\:/b", "/a\\", "/b", false},
		{"/\\a:/\\b", "/a", "/b", false},
		{"\\::/b", ":", "/b", false},
		{"/a:/b\\:ro", "/a", "/b:ro", false},
	};
	for (size_t i = 0; i < N(good); i++) {
		struct error error = {0};
		char *source = NULL, *target = NULL;
		bool read_only = !good[i].read_only;
		cr_assert_eq(parse_volume(good[i].text, &source, &target, &read_only, &error), 0, "'%s': %s",
			     good[i].text, error.text);
		cr_expect_str_eq(source, good[i].source, "'%s'", good[i].text);
		cr_expect_str_eq(target, good[i].target, "'%s'", good[i].text);
		cr_expect_eq(read_only, good[i].read_only, "'%s'", good[i].text);
		free(source);
		free(target);
	}
}

Test(parse_volume, bad)
{
	static const char *const bad[] = {"",          ":",        "/a",          "/a:",      ":/b",
					  "/a:b",      "/a::ro",   "/a:/b:",      "/a:/b:rx", "/a:/b:RO",
					  "/a:/b:ro:", "/a:/b:/c", "/a:/b:ro:ro", "/a\\:/b",  "/a:/b\\",
					  "/a\\",      "\\"};
	for (size_t i = 0; i < N(bad); i++) {
		struct error error = {0};
		char *source = NULL, *target = NULL;
		bool read_only;
		expect_sentence(bad[i], -EINVAL, parse_volume(bad[i], &source, &target, &read_only, &error), &error);
		cr_expect(!source && !target, "'%s' returned memory", bad[i]);
	}
}

/* ---- Devices ---- */

Test(parse_device, good)
{
	static const struct {
		const char *text, *path, *inside, *access;
	} good[] = {
		{"/dev/kvm", "/dev/kvm", NULL, NULL},
		{"/dev/kvm:rw", "/dev/kvm", NULL, "rw"},
		{"/dev/kvm:/dev/other", "/dev/kvm", "/dev/other", NULL},
		{"/dev/kvm:/dev/other:r", "/dev/kvm", "/dev/other", "r"},
		{"kvm:mwr", "kvm", NULL, "mwr"},
		{"/dev/by-path/pci-0000\\:00:/x\\:y", "/dev/by-path/pci-0000:00", "/x:y", NULL},
	};
	for (size_t i = 0; i < N(good); i++) {
		struct error error = {0};
		char *path = NULL, *inside = NULL, *access = NULL;
		cr_assert_eq(parse_device(good[i].text, &path, &inside, &access, &error), 0, "'%s': %s", good[i].text,
			     error.text);
		cr_expect_str_eq(path, good[i].path, "'%s'", good[i].text);
		cr_expect(good[i].inside ? inside && strcmp(inside, good[i].inside) == 0 : !inside, "'%s'",
			  good[i].text);
		cr_expect(good[i].access ? access && strcmp(access, good[i].access) == 0 : !access, "'%s'",
			  good[i].text);
		free(path);
		free(inside);
		free(access);
	}
}

Test(parse_device, bad)
{
	static const char *const bad[] = {"",           ":",       ":rw",     "/a:",      "/a:rx",    "/a:b",
					  "/a:/b:",     "/a:/b:x", "/a:rw:r", "/a:/b:/c", "/a:/b:r:", "/a:/b:rw:rw",
					  "/a:/b:r:/c", "/a\\",    "/a:/b\\", "\\",       "/a::r",    "/a:/b:r\\"};
	for (size_t i = 0; i < N(bad); i++) {
		struct error error = {0};
		char *path = NULL, *inside = NULL, *access = NULL;
		expect_sentence(bad[i], -EINVAL, parse_device(bad[i], &path, &inside, &access, &error), &error);
		cr_expect(!path && !inside && !access, "'%s' returned memory", bad[i]);
	}
}

/* ---- tmpfs ---- */

Test(parse_tmpfs, good)
{
	static const struct {
		const char *text, *target;
		uint64_t bytes;
	} good[] = {{"/tmp", "/tmp", 0},
		    {"/tmp:64M", "/tmp", 64 * KIB * KIB},
		    {"/a\\:b:1K", "/a:b", KIB},
		    {"/:4096", "/", 4096}};
	for (size_t i = 0; i < N(good); i++) {
		struct error error = {0};
		char *target = NULL;
		uint64_t bytes = 77;
		cr_assert_eq(parse_tmpfs(good[i].text, &target, &bytes, &error), 0, "'%s': %s", good[i].text,
			     error.text);
		cr_expect_str_eq(target, good[i].target, "'%s'", good[i].text);
		cr_expect_eq(bytes, good[i].bytes, "'%s'", good[i].text);
		free(target);
	}
}

Test(parse_tmpfs, bad)
{
	static const struct {
		const char *text;
		int result;
	} bad[] = {{"", -EINVAL},       {"tmp", -EINVAL},           {":1M", -EINVAL},    {"/tmp:", -EINVAL},
		   {"/tmp:x", -EINVAL}, {"/tmp:-1", -EINVAL},       {"/tmp:0", -ERANGE}, {"/tmp:1M:2M", -EINVAL},
		   {"/tmp\\", -EINVAL}, {"/tmp:99999999T", -ERANGE}};
	for (size_t i = 0; i < N(bad); i++) {
		struct error error = {0};
		char *target = NULL;
		uint64_t bytes = 77;
		expect_sentence(bad[i].text, bad[i].result, parse_tmpfs(bad[i].text, &target, &bytes, &error), &error);
		cr_expect(!target && bytes == 77, "'%s' changed the result", bad[i].text);
	}
}
