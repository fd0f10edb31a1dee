/* SPDX-License-Identifier: Apache-2.0 */
#include "nsutil/base/mountinfo.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mount_table table;
	struct error error = {0};
	if (mount_table_parse(fuzz_text(data, size), &table, &error) < 0) {
		fuzz_require(error.text[0]);
		return 0;
	}
	for (size_t i = 0; i < table.count; i++) {
		const struct mount_entry *entry = &table.entries[i];
		fuzz_require(entry->root && entry->point && entry->options && entry->type && entry->source &&
			     entry->super);
		mount_option_has(entry->options, "ro");
		mount_option_has(entry->super, "cpu");
	}
	mount_table_free(&table);
	return 0;
}
