/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/subid.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size);
	struct id_map ranges = {0};
	subid_parse(text, "berth", 1000, &ranges);
	for (size_t i = 0; i < ranges.count; i++)
		fuzz_require(ranges.ranges[i].length > 0 &&
			     (uint64_t)ranges.ranges[i].outside + ranges.ranges[i].length <= 1ULL << 32);
	free(text);
	return 0;
}
