/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/lxc/config.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size);
	/* Files that it names are not what is looked for here, and some never end. */
	if (!strstr(text, "include") && !strstr(text, "lxc.mount") && !strstr(text, "fstab")) {
		struct lxc_config config = LXC_CONFIG_INIT;
		struct berth_error error = BERTH_ERROR_INIT;
		if (lxc_config_parse(&config, "fuzz", text, &error) < 0)
			fuzz_require(error.text[0] && error.code > 0);
		lxc_config_free(&config);
		config = (struct lxc_config)LXC_CONFIG_INIT;
		lxc_config_define(&config, text, &error);
		lxc_config_free(&config);
	}
	struct lxc_config config = LXC_CONFIG_INIT;
	struct berth_error error = BERTH_ERROR_INIT;
	const struct lxc_where where = {"fuzz", 1};
	lxc_mount_add(&config, &where, text, &error);
	lxc_config_free(&config);
	free(text);
	return 0;
}
