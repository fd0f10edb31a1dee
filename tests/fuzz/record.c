/* SPDX-License-Identifier: Apache-2.0 */
/* What the library needs of a record, as record_pack makes it. */
#include "runtime/record.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	void *bytes = malloc(size ? size : 1);
	fuzz_require(bytes);
	memcpy(bytes, data, size);
	struct record record;
	if (record_unpack(bytes, size, &record) == 0) {
		struct cgroup_layout *layout = NULL;
		fuzz_require(record.name && record.workdir && record.argv[0]);
		cgroup_layout_unpack(record.layout, record.layout_size, &layout);
		cgroup_layout_free(layout);
	}
	record_free(&record);
	return 0;
}
