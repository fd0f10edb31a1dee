/* SPDX-License-Identifier: Apache-2.0 */
#include "nsutil/base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "nsutil/base/text.h"

static void set(struct error *error, int code, const char *format, va_list arguments)
{
	error->code = code;
	error->exit_status = ERROR_STATUS_FAILED;
	vsnprintf(error->text, sizeof error->text, format, arguments);
	text_make_plain(error->text);
}

static void append(struct error *error, const char *separator, const char *text)
{
	size_t used = strlen(error->text);
	snprintf(error->text + used, sizeof error->text - used, "%s%s", separator, text);
	text_make_plain(error->text + used);
}

int error_set(struct error *error, int code, const char *format, ...)
{
	if (error) {
		va_list arguments;
		va_start(arguments, format);
		set(error, code, format, arguments);
		va_end(arguments);
	}
	return -code;
}

int error_errno(struct error *error, int code, const char *format, ...)
{
	if (error) {
		va_list arguments;
		va_start(arguments, format);
		set(error, code, format, arguments);
		va_end(arguments);
		const char *description = strerrordesc_np(code);
		char number[32];
		snprintf(number, sizeof number, "Unknown error %d", code);
		append(error, ": ", description ? description : number);
	}
	return -code;
}

int error_wrap(struct error *error, const char *format, ...)
{
	if (!error)
		return -EINVAL;
	char inner[sizeof error->text];
	memcpy(inner, error->text, sizeof inner);
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(error->text, sizeof error->text, format, arguments);
	va_end(arguments);
	text_make_plain(error->text);
	append(error, ": ", inner);
	return -error->code;
}

void error_hint(struct error *error, const char *format, ...)
{
	if (!error)
		return;
	char hint[sizeof error->text];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(hint, sizeof hint, format, arguments);
	va_end(arguments);
	append(error, " ", hint);
}
