/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/name.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *name = fuzz_text(data, size), encoded[NAME_ENCODED_SIZE];
	if (name_check(name, "name", NULL) == 0) {
		name_encode(name, encoded);
		size_t length = strlen(encoded);
		/* One component of a path, and none that is special. */
		fuzz_require(length > 0 && length < NAME_ENCODED_SIZE && encoded[0] != '.');
		fuzz_require(strspn(encoded, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.%~") ==
			     length);
	}
	free(name);
	return 0;
}
