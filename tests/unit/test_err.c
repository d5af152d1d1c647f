/* SPDX-License-Identifier: ISC */
/* err: classes, and texts that are one line and whole. */
#include "tests/unit/check.h"

#include <string.h>
#include <wchar.h>

#include "core/err.h"

static void a_failure_has_class_detail_and_text(void **state)
{
	struct err err;

	(void)state;
	assert_int_equal(err_set(&err, ERR_LATER, 503, "%s after %d tries", "busy", 3), -1);
	assert_int_equal(err.class, ERR_LATER);
	assert_int_equal(err.detail, 503);
	assert_string_equal(err.text, "busy after 3 tries");
}

static void nobody_need_want_the_reason(void **state)
{
	(void)state;
	assert_int_equal(err_set(NULL, ERR_BUG, 0, "x"), -1);
	assert_int_equal(err_prefix(NULL, "x"), -1);
}

static void a_prefix_keeps_class_and_detail(void **state)
{
	struct err err;

	(void)state;
	err_set(&err, ERR_NEVER, 7, "no such file");
	assert_int_equal(err_prefix(&err, "line %d", 12), -1);
	assert_string_equal(err.text, "line 12: no such file");
	assert_int_equal(err.class, ERR_NEVER);
	assert_int_equal(err.detail, 7);
}

static void the_old_text_may_be_an_argument(void **state)
{
	struct err err;

	(void)state;
	err_set(&err, ERR_NEVER, 0, "inner");
	err_set(&err, ERR_BUG, 0, "outer (%s)", err.text);
	assert_string_equal(err.text, "outer (inner)");
}

static void long_texts_are_cut_between_characters(void **state)
{
	char text[400];
	struct err err;

	(void)state;
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	err_set(&err, ERR_NEVER, 0, "%s", text);
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
	/* 238 letters and a character of two bytes do not fit 239 */
	text[238] = '\0';
	err_set(&err, ERR_NEVER, 0, "%s\xc3\xa9", text);
	assert_int_equal(strlen(err.text), 238);
	text[237] = '\0';
	err_set(&err, ERR_NEVER, 0, "%s\xc3\xa9", text);
	assert_int_equal(strlen(err.text), 239);
	err_prefix(&err, "%s", text);
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
	assert_string_equal(err.text + 237, ": ");
}

static void a_text_is_one_line(void **state)
{
	struct err err;

	(void)state;
	err_set(&err, ERR_NEVER, 0, "a\nb\tc\x7f");
	assert_string_equal(err.text, "a b c ");
}

/* In the C locale a wide character beyond ASCII has no form. */
static void a_text_that_cannot_be_formatted_is_left_out(void **state)
{
	struct err err;

	(void)state;
	assert_int_equal(err_set(&err, ERR_BUG, 3, "x %ls", L"\u20ac"), -1);
	assert_string_equal(err.text, "");
	assert_int_equal(err.class, ERR_BUG);
	err_set(&err, ERR_BUG, 3, "kept");
	assert_int_equal(err_prefix(&err, "%ls", L"\u20ac"), -1);
	assert_string_equal(err.text, "kept");
}

static void every_class_has_a_name(void **state)
{
	(void)state;
	assert_string_equal(err_class_name(ERR_NONE), "none");
	assert_string_equal(err_class_name(ERR_LATER), "later");
	assert_string_equal(err_class_name(ERR_NEVER), "never");
	assert_string_equal(err_class_name(ERR_CONFLICT), "conflict");
	assert_string_equal(err_class_name(ERR_UNKNOWN), "unknown");
	assert_string_equal(err_class_name(ERR_BUG), "bug");
	assert_string_equal(err_class_name(ERR_CLASS_COUNT), "?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_failure_has_class_detail_and_text),
		cmocka_unit_test(nobody_need_want_the_reason),
		cmocka_unit_test(a_prefix_keeps_class_and_detail),
		cmocka_unit_test(the_old_text_may_be_an_argument),
		cmocka_unit_test(long_texts_are_cut_between_characters),
		cmocka_unit_test(a_text_is_one_line),
		cmocka_unit_test(a_text_that_cannot_be_formatted_is_left_out),
		cmocka_unit_test(every_class_has_a_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
