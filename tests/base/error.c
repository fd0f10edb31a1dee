/* SPDX-License-Identifier: Apache-2.0 */
#include "nsutil/base/error.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

Test(error, set_keeps_the_text_and_returns_the_negative_code)
{
	struct error error;
	cr_assert_eq(error_set(&error, EBUSY, "%s %d", "thing", 7), -EBUSY);
	cr_assert_eq(error.code, EBUSY);
	cr_assert_eq(error.exit_status, ERROR_STATUS_FAILED);
	cr_assert_str_eq(error.text, "thing 7");
}

Test(error, errno_adds_the_cause)
{
	struct error error;
	cr_assert_eq(error_errno(&error, ENOENT, "open %s", "/x"), -ENOENT);
	cr_assert_str_eq(error.text, "open /x: No such file or directory");
	error_errno(&error, 4095, "open");
	cr_assert_str_eq(error.text, "open: Unknown error 4095");
}

Test(error, wrap_puts_context_before_and_keeps_code_and_status)
{
	struct error error;
	error_set(&error, EPERM, "inner");
	error.exit_status = ERROR_STATUS_NOT_FOUND;
	cr_assert_eq(error_wrap(&error, "outer %d", 1), -EPERM);
	cr_assert_eq(error_wrap(&error, "more"), -EPERM);
	cr_assert_str_eq(error.text, "more: outer 1: inner");
	cr_assert_eq(error.exit_status, ERROR_STATUS_NOT_FOUND);
}

Test(error, hint_goes_behind)
{
	struct error error;
	error_set(&error, EPERM, "mount failed.");
	error_hint(&error, "Run as %s.", "root");
	cr_assert_str_eq(error.text, "mount failed. Run as root.");
}

Test(error, no_error_object_is_fine)
{
	cr_assert_eq(error_set(NULL, EIO, "x"), -EIO);
	cr_assert_eq(error_errno(NULL, EIO, "x"), -EIO);
	cr_assert_eq(error_wrap(NULL, "x"), -EINVAL);
	error_hint(NULL, "x");
}

Test(error, quoted_control_characters_are_shown_as_question_marks)
{
	struct error error;
	error_set(&error, EINVAL, "'%s' is no size", "1\n\x1b[31m\x7f\xc3\xa9");
	cr_expect_str_eq(error.text, "'1??[31m?\xc3\xa9' is no size");
	error_hint(&error, "not\t%s", "so");
	error_wrap(&error, "a\nb");
	cr_expect_str_eq(error.text, "a?b: '1??[31m?\xc3\xa9' is no size not?so");
}

Test(error, long_texts_are_cut_and_terminated)
{
	struct error error;
	char text[2 * sizeof error.text];
	memset(text, 'a', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	error_errno(&error, EIO, "%s", text);
	cr_assert_eq(strlen(error.text), sizeof error.text - 1);
	error_hint(&error, "%s", text);
	cr_assert_eq(strlen(error.text), sizeof error.text - 1);
	error_wrap(&error, "context");
	cr_assert_eq(strlen(error.text), sizeof error.text - 1);
	cr_assert_eq(strncmp(error.text, "context: aaaa", 13), 0, "what matters most, the context, stays: %.20s",
		     error.text);
	error_wrap(&error, "%s", text);
	cr_assert_eq(strlen(error.text), sizeof error.text - 1);
}
