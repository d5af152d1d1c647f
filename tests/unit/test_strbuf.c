/* SPDX-License-Identifier: ISC */
/*
 * strbuf: limits and failures, JSON and base64 escaping; and UTF-8
 * (core/utf8.h) and runs of plain characters (core/json_run.h), which it stands on.
 */
#include "tests/unit/check.h"

#include <string.h>
#include <wchar.h>

#include "core/json_run.h"
#include "core/strbuf.h"
#include "core/utf8.h"

static void an_empty_buffer_is_an_empty_text(void **state)
{
	struct strbuf b;

	(void)state;
	strbuf_init(&b, 10);
	assert_string_equal(b.data, "");
	assert_int_equal(b.len, 0);
	assert_int_equal(b.cap, 0);
	strbuf_reset(&b);
	strbuf_truncate(&b, 0);
	assert_int_equal(strbuf_add(&b, NULL, 0), 0);
	assert_string_equal(b.data, "");
	strbuf_clear(&b);
	strbuf_clear(&b);
	assert_string_equal(b.data, "");
}

static void appends_follow_one_another(void **state)
{
	struct strbuf b;

	(void)state;
	strbuf_init(&b, 1000);
	assert_int_equal(strbuf_adds(&b, "a="), 0);
	assert_int_equal(strbuf_addi(&b, INT64_MIN), 0);
	assert_int_equal(strbuf_addc(&b, ' '), 0);
	assert_int_equal(strbuf_addu(&b, UINT64_MAX), 0);
	assert_int_equal(strbuf_addf(&b, " %s-%d", "x", 7), 0);
	assert_int_equal(strbuf_add(&b, "\0z", 2), 0);
	assert_string_equal(b.data, "a=-9223372036854775808 18446744073709551615 x-7");
	assert_int_equal(b.len, strlen(b.data) + 2);
	assert_int_equal(b.data[b.len], '\0');
	strbuf_truncate(&b, 1);
	assert_string_equal(b.data, "a");
	strbuf_truncate(&b, 5);
	assert_int_equal(b.len, 1);
	strbuf_clear(&b);
}

static void the_limit_is_exact_and_a_failure_changes_nothing(void **state)
{
	struct strbuf b;

	(void)state;
	strbuf_init(&b, 4);
	assert_int_equal(strbuf_adds(&b, "abcd"), 0);
	assert_false(strbuf_failed(&b));
	assert_int_equal(strbuf_adds(&b, "e"), -1);
	assert_true(strbuf_failed(&b));
	assert_string_equal(b.data, "abcd");
	/* later appends fail too, even where they would fit */
	strbuf_truncate(&b, 1);
	assert_int_equal(strbuf_addc(&b, 'x'), -1);
	assert_int_equal(strbuf_addf(&b, "x"), -1);
	assert_int_equal(strbuf_add_json(&b, "", 0), -1);
	assert_int_equal(strbuf_add_base64(&b, "", 0), -1);
	assert_string_equal(b.data, "a");
	strbuf_reset(&b);
	assert_int_equal(strbuf_adds(&b, "xyz"), 0);
	assert_string_equal(b.data, "xyz");
	strbuf_clear(&b);
	assert_int_equal(b.limit, 4);
	assert_int_equal(strbuf_adds(&b, "12345"), -1);
	strbuf_clear(&b);
	assert_false(strbuf_failed(&b));
}

/* In the C locale a wide character beyond ASCII has no form. */
static void a_format_that_fails_changes_nothing(void **state)
{
	struct strbuf b;

	(void)state;
	strbuf_init(&b, 100);
	strbuf_adds(&b, "a");
	assert_int_equal(strbuf_addf(&b, "x %ls", L"\u20ac"), -1);
	assert_true(strbuf_failed(&b));
	assert_string_equal(b.data, "a");
	strbuf_clear(&b);
}

static void it_grows_to_its_limit(void **state)
{
	struct strbuf b;

	(void)state;
	strbuf_init(&b, 100000);
	for (int i = 0; i < 100000; i++)
		assert_int_equal(strbuf_addc(&b, (char)('a' + i % 26)), 0);
	assert_int_equal(b.len, 100000);
	assert_true(b.cap <= 100001);
	for (size_t i = 0; i < b.len; i++)
		assert_int_equal(b.data[i], 'a' + i % 26);
	assert_int_equal(strbuf_addc(&b, 'x'), -1);
	strbuf_clear(&b);
}

static void memory_that_is_not_there_is_a_failure(void **state)
{
	struct strbuf b;

	(void)state;
	strbuf_init(&b, SIZE_MAX);
	assert_int_equal(strbuf_adds(&b, "a"), 0);
	assert_int_equal(strbuf_add(&b, "", SIZE_MAX - 1), -1);
	strbuf_reset(&b);
	assert_int_equal(strbuf_add_base64(&b, "", SIZE_MAX), -1);
	assert_string_equal(b.data, "");
	strbuf_clear(&b);
}

/* clang-format off */
static const struct {
	const char *text;
	size_t n;
	const char *json;
} json_cases[] = {
	{ "", 0, "\"\"" },
	{ "teapot", 6, "\"teapot\"" },
	{ "a\"b\\c/", 6, "\"a\\\"b\\\\c/\"" },
	{ "\b\t\n\f\r", 5, "\"\\b\\t\\n\\f\\r\"" },
	{ "\0\x1f\x7f", 3, "\"\\u0000\\u001f\x7f\"" },
	{ "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x8f\xba", 14, "\"caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x8f\xba\"" },
	{ "a\xff" "b", 3, "\"a\xef\xbf\xbd" "b\"" },
	{ "\x80", 1, "\"\xef\xbf\xbd\"" },
	{ "\xc3", 1, "\"\xef\xbf\xbd\"" },
	{ "\xc0\x80", 2, "\"\xef\xbf\xbd\xef\xbf\xbd\"" },
	{ "\xed\xa0\x80", 3, "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"" },
};
/* clang-format on */

static void json_strings_are_escaped_and_whole(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(json_cases) / sizeof(json_cases[0]); i++) {
		struct strbuf b;
		size_t size = json_string_size(json_cases[i].text, json_cases[i].n);

		assert_int_equal(size, strlen(json_cases[i].json));
		strbuf_init(&b, size);
		assert_int_equal(strbuf_add_json(&b, json_cases[i].text, json_cases[i].n), 0);
		assert_string_equal(b.data, json_cases[i].json);
		strbuf_clear(&b);
		/* one byte less: nothing at all */
		strbuf_init(&b, size - 1);
		assert_int_equal(strbuf_add_json(&b, json_cases[i].text, json_cases[i].n), -1);
		assert_string_equal(b.data, "");
		strbuf_clear(&b);
	}
}

static void a_missing_string_is_null(void **state)
{
	struct strbuf b;

	(void)state;
	strbuf_init(&b, 100);
	assert_int_equal(strbuf_adds_json(&b, NULL), 0);
	assert_int_equal(strbuf_adds_json(&b, "x"), 0);
	assert_string_equal(b.data, "null\"x\"");
	strbuf_clear(&b);
}

static void base64_is_that_of_rfc_4648(void **state)
{
	static const char *const cases[][2] = {
		{"", ""},
		{"f", "Zg=="},
		{"fo", "Zm8="},
		{"foo", "Zm9v"},
		{"foob", "Zm9vYg=="},
		{"fooba", "Zm9vYmE="},
		{"foobar", "Zm9vYmFy"},
		{"\xff\xfe\xfd", "//79"},
		{"\xfb\xef\xbe", "++++"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t n = strlen(cases[i][0]);
		char bytes[16];
		struct strbuf b;

		/* what lies behind must not show */
		memset(bytes, 0xff, sizeof(bytes));
		memcpy(bytes, cases[i][0], n);
		strbuf_init(&b, strlen(cases[i][1]));
		assert_int_equal(strbuf_add_base64(&b, bytes, n), 0);
		assert_string_equal(b.data, cases[i][1]);
		strbuf_clear(&b);
	}
}

/* clang-format off */
static const struct {
	const char *bytes;
	size_t n;
	size_t len;	/* of its first sequence */
} utf8_cases[] = {
	{ "", 0, 0 },			{ "a", 1, 1 },			{ "\x7f", 1, 1 },
	{ "\x80", 1, 0 },		{ "\xbf", 1, 0 },		{ "\xc1\xbf", 2, 0 },
	{ "\xc2\x80", 2, 2 },		{ "\xdf\xbf", 2, 2 },		{ "\xdf", 1, 0 },
	{ "\xdf\x7f", 2, 0 },		{ "\xe0\x9f\xbf", 3, 0 },	{ "\xe0\xa0\x80", 3, 3 },
	{ "\xed\x9f\xbf", 3, 3 },	{ "\xed\xa0\x80", 3, 0 },	{ "\xee\x80\x80", 3, 3 },
	{ "\xef\xbf\xbf", 3, 3 },	{ "\xef\xbf", 2, 0 },		{ "\xef\xbf\xc0", 3, 0 },
	{ "\xf0\x8f\xbf\xbf", 4, 0 },	{ "\xf0\x90\x80\x80", 4, 4 },	{ "\xf4\x8f\xbf\xbf", 4, 4 },
	{ "\xf4\x90\x80\x80", 4, 0 },	{ "\xf5\x80\x80\x80", 4, 0 },	{ "\xf0\x90\x80", 3, 0 },
	{ "\xf0\x90\x80\xc0", 4, 0 },	{ "\xff", 1, 0 },
};
/* clang-format on */

static void utf8_has_no_overlong_form_and_no_surrogate(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(utf8_cases) / sizeof(utf8_cases[0]); i++)
		assert_int_equal(utf8_sequence(utf8_cases[i].bytes, utf8_cases[i].n),
				 utf8_cases[i].len);
}

static void every_code_point_is_written_as_it_is_read(void **state)
{
	(void)state;
	for (uint32_t c = 0; c < 0x110000; c += c < 0x3000 ? 1 : 97) {
		char out[4];
		size_t len = utf8_encode(c, out);

		if (c >= 0xd800 && c < 0xe000)
			assert_int_equal(utf8_sequence(out, len), 0);
		else
			assert_int_equal(utf8_sequence(out, len), len);
		assert_int_equal(utf8_whole(out, len - 1), 0);
	}
}

static void a_cut_character_is_left_out(void **state)
{
	(void)state;
	assert_int_equal(utf8_whole("abc", 3), 3);
	assert_int_equal(utf8_whole("", 0), 0);
	assert_int_equal(utf8_whole("a\xe2\x82\xac", 4), 4);
	assert_int_equal(utf8_whole("a\xe2\x82\xac", 3), 1);
	assert_int_equal(utf8_whole("a\xe2\x82\xac", 2), 1);
	assert_int_equal(utf8_whole("a\xf0\x9f\x8f\xba", 4), 1);
}

static void texts_are_well_formed_up_to_their_first_fault(void **state)
{
	static const char text[] = "eight by eight: \xe2\x82\xac, and \xc3\xa9 again";
	char broken[sizeof(text)];

	(void)state;
	for (size_t n = 0; n < sizeof(text); n++)
		assert_int_equal(utf8_valid(text, n), utf8_whole(text, n));
	for (size_t i = 0; i < sizeof(text); i++) {
		memcpy(broken, text, sizeof(text));
		broken[i] = '\xff';
		assert_int_equal(utf8_valid(broken, sizeof(text)), utf8_whole(text, i));
	}
}

/* Wherever it stands among the eights, and whatever follows. */
static void a_run_ends_at_the_first_byte_that_ends_it(void **state)
{
	char text[24];

	(void)state;
	for (int c = 0; c < 256; c++) {
		const bool ends = c < 0x20 || c >= 0x80 || strchr("\"\\'", c);

		for (size_t at = 0; at < sizeof(text); at++)
			for (size_t n = 0; n <= sizeof(text); n++) {
				memset(text, at % 2 == 0 ? '!' : '#', sizeof(text));
				memset(text + at, c, sizeof(text) - at);
				assert_int_equal(json_run(text, n, '\''), ends && at < n ? at : n);
			}
	}
	assert_int_equal(json_run("it's so", 7, '"'), 7);
	assert_int_equal(json_run("some \" \x1f!", 8, '"'), 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_buffer_is_an_empty_text),
		cmocka_unit_test(appends_follow_one_another),
		cmocka_unit_test(the_limit_is_exact_and_a_failure_changes_nothing),
		cmocka_unit_test(a_format_that_fails_changes_nothing),
		cmocka_unit_test(it_grows_to_its_limit),
		cmocka_unit_test(memory_that_is_not_there_is_a_failure),
		cmocka_unit_test(json_strings_are_escaped_and_whole),
		cmocka_unit_test(a_missing_string_is_null),
		cmocka_unit_test(base64_is_that_of_rfc_4648),
		cmocka_unit_test(utf8_has_no_overlong_form_and_no_surrogate),
		cmocka_unit_test(every_code_point_is_written_as_it_is_read),
		cmocka_unit_test(a_cut_character_is_left_out),
		cmocka_unit_test(texts_are_well_formed_up_to_their_first_fault),
		cmocka_unit_test(a_run_ends_at_the_first_byte_that_ends_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
