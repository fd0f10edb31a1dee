/* SPDX-License-Identifier: Apache-2.0 */
#include "nsutil/base/text.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *text, *visible, *plain;
} cases[] = {
	{"", "", ""},
	{"plain ~", "plain ~", "plain ~"},
	{"a\nb\tc", "a\\nb\\tc", "a?b?c"},
	{"\x1b[31m\x7f", "\\x1b[31m\\x7f", "?[31m?"},
	{"caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80", "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80",
	 "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80"},
	/* C1 controls, alone and as UTF-8; a line's direction turned; too long, cut off, beyond Unicode. */
	{"\x9b", "\\x9b", "?"},
	{"\xc2\x9b", "\\xc2\\x9b", "??"},
	{"\xe2\x80\xae", "\\xe2\\x80\\xae", "???"},
	{"\xc0\xaf", "\\xc0\\xaf", "??"},
	{"\xe2\x82", "\\xe2\\x82", "??"},
	{"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80", "????"},
};

Test(text, only_what_can_be_shown_is)
{
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char *visible = text_visible(cases[i].text), plain[64];
		cr_expect_str_eq(visible, cases[i].visible);
		free(visible);
		strcpy(plain, cases[i].text);
		text_make_plain(plain);
		cr_expect_str_eq(plain, cases[i].plain);
	}
}
