/* SPDX-License-Identifier: Apache-2.0 */
#include "nsutil/base/text.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Length of the UTF-8 sequence at p that stands for a printable character, else 0. RFC 3629, section 4 */
static size_t utf8_printable(const unsigned char *p)
{
	uint32_t code;
	size_t length;
	if (*p < 0x80)
		return *p >= 0x20 && *p != 0x7f;
	if ((*p & 0xe0) == 0xc0)
		length = 2, code = *p & 0x1f;
	else if ((*p & 0xf0) == 0xe0)
		length = 3, code = *p & 0x0f;
	else if ((*p & 0xf8) == 0xf0)
		length = 4, code = *p & 0x07;
	else
		return 0;
	for (size_t i = 1; i < length; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (p[i] & 0x3f);
	}
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	/* Too long for what it says, a surrogate, beyond Unicode, a C1 control, or one that turns the line's direction.
	 */
	if (code < least[length] || (code >= 0xd800 && code <= 0xdfff) || code > 0x10ffff || code < 0xa0 ||
	    (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069) || code == 0x2028 ||
	    code == 0x2029)
		return 0;
	return length;
}

char *text_visible(const char *text)
{
	const unsigned char *p = (const unsigned char *)text;
	while (*p >= 0x20 && *p < 0x7f)
		p++;
	/* Nearly always it is plain. */
	size_t plain = (size_t)((const char *)p - text);
	char *visible = malloc(plain + strlen((const char *)p) * 4 + 1);
	if (!visible)
		return NULL;
	char *out = mempcpy(visible, text, plain);
	while (*p) {
		size_t length = utf8_printable(p);
		if (length) {
			out = mempcpy(out, p, length);
			p += length;
			continue;
		}
		if (*p == '\n')
			out = stpcpy(out, "\\n");
		else if (*p == '\t')
			out = stpcpy(out, "\\t");
		else
			out += sprintf(out, "\\x%02x", *p);
		p++;
	}
	*out = '\0';
	return visible;
}

void text_make_plain(char *text)
{
	for (unsigned char *p = (unsigned char *)text; *p;) {
		size_t length = utf8_printable(p);
		if (!length)
			*p = '?';
		p += length ? length : 1;
	}
}
