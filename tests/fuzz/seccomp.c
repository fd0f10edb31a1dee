/* SPDX-License-Identifier: Apache-2.0 */
/* Profiles in JSON, and their compilation. */
#include <errno.h>
#include <seccomp.h>

#include "runtime/seccomp_profile.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct seccomp_profile profile;
	struct error error = {0};
	char *text = fuzz_text(data, size);
	if (seccomp_profile_parse(text, size, SCMP_ARCH_X86_64, &profile, &error) < 0) {
		fuzz_require(error.text[0]);
	} else {
		const struct profile_setting setting = {
			.capabilities = 0xa80425fb, .architecture = "amd64", .kernel = 6 << 16 | 1};
		for (size_t i = 0; i < profile.n_rules; i++)
			profile_rule_applies(&profile.rules[i], &setting);
		/* Thousands of rules take libseccomp its time. */
		struct bpf_program program = {0};
		if (profile.n_rules < 8) {
			if (seccomp_profile_compile(&profile, &setting, &program, &error) == 0)
				free(program.filters);
			else
				fuzz_require(error.text[0]);
		}
	}
	seccomp_profile_free(&profile);
	free(text);
	return 0;
}
