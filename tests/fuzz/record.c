/* SPDX-License-Identifier: Apache-2.0 */
/* container.json of the state directory. */
#include <fcntl.h>

#include "runtime/json.h"
#include "runtime/record.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	json_t *json = json_loadb((const char *)data, size, 0, NULL);
	if (json) {
		struct record record = {0};
		struct error error = {0};
		if (record_parse(json, &record, &error) < 0)
			fuzz_require(error.text[0]);
		else
			fuzz_require(record.name && record.workdir);
		record_free(&record);
		json_decref(json);
	}
	return 0;
}
