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

/* Nearly always that is all of it. */
static size_t plain_length(const char *text)
{
	size_t length = 0;
	while (text[length] >= 0x20 && text[length] < 0x7f)
		length++;
	return length;
}

size_t text_visible_room(const char *text)
{
	size_t plain = plain_length(text);
	return plain + strlen(text + plain) * 4 + 1;
}

char *text_put_visible(char *out, const char *text)
{
	size_t plain = plain_length(text);
	const unsigned char *p = (const unsigned char *)text + plain;
	out = mempcpy(out, text, plain);
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
	return out;
}

char *text_visible(const char *text)
{
	char *visible = malloc(text_visible_room(text));
	if (visible)
		text_put_visible(visible, text);
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
