/* SPDX-License-Identifier: Apache-2.0 */
/* What users type: runtime/parse.h. */
#include "cgroup/cgroup.h"
#include "runtime/parse.h"
#include "tests/fuzz/fuzz.h"

/* A parser that fails says so in a sentence, and leaves its results alone. */
#define expect(call, results_left)                                                                                     \
	do {                                                                                                           \
		struct error error = {0};                                                                              \
		if ((call) < 0)                                                                                        \
			fuzz_require(error.text[0] && !strchr(error.text, '\n') && (results_left));                    \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size);
	uint64_t number = 7, bytes = 7, span = 7;
	double cpus = 7;
	unsigned int highest = 7;
	expect(parse_number(text, "number", 1000, &number, &error), number == 7);
	fuzz_require(number <= 1000);
	expect(parse_size(text, &bytes, &error), bytes == 7);
	fuzz_require(bytes <= INT64_MAX);
	expect(parse_duration(text, &span, &error), span == 7);
	fuzz_require(span <= INT64_MAX);
	expect(parse_cpus(text, &cpus, &error), cpus == 7);
	fuzz_require(cpus > 0 && cpus <= PARSE_CPUS_MAX);
	expect(parse_cpu_list(text, &highest, &error), highest == 7);
	fuzz_require(highest < PARSE_CPUS_MAX);

	struct berth_rlimit rlimit = {0};
	int signal = 7;
	expect(parse_rlimit(text, &rlimit, &error), rlimit.hard == 0);
	fuzz_require(rlimit.soft <= rlimit.hard);
	expect(parse_signal(text, &signal, &error), signal == 7);
	fuzz_require(signal >= 1 && signal <= 64);

	char *source = NULL, *target = NULL;
	bool read_only = false;
	expect(parse_volume(text, &source, &target, &read_only, &error), !source && !target);
	fuzz_require(!target || target[0] == '/');
	free(source);
	free(target);
	target = NULL;
	expect(parse_tmpfs(text, &target, &bytes, &error), !target);
	fuzz_require(!target || target[0] == '/');
	free(target);
	char *path = NULL, *inside = NULL, *access = NULL;
	expect(parse_device(text, &path, &inside, &access, &error), !path && !inside && !access);
	fuzz_require(!inside || inside[0] == '/');
	free(path);
	free(inside);
	free(access);
	struct berth_id_range range = {0};
	expect(parse_id_range(text, &range, &error), range.length == 0);
	fuzz_require((uint64_t)range.inside + range.length <= 1ULL << 32 &&
		     (uint64_t)range.outside + range.length <= 1ULL << 32);
	struct cgroup_device_rule rule = {0};
	char rule_text[CGROUP_DEVICE_TEXT];
	struct error error = {0};
	if (cgroup_device_rule_parse(text, &rule, &error) < 0)
		fuzz_require(error.text[0] && !strchr(error.text, '\n'));
	else
		cgroup_device_rule_format(&rule, rule_text);
	free(text);
	return 0;
}
