/* SPDX-License-Identifier: ISC */
/* http_header: headers as clients and web servers write them, and as nobody should. */
#include "tests/unit/check.h"

#include <string.h>

#include "core/http_header.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void lengths(void **state)
{
	static const struct {
		const char *text;
		int64_t n;
	} cases[] = {
		{NULL, HTTP_LENGTH_ABSENT},
		{"0", 0},
		{"0012", 12},
		{"9223372036854775807", INT64_MAX},
		{"9223372036854775808", HTTP_LENGTH_BAD},
		{"18446744073709551617", HTTP_LENGTH_BAD},
		{"", HTTP_LENGTH_BAD},
		{"-1", HTTP_LENGTH_BAD},
		{"+1", HTTP_LENGTH_BAD},
		{" 1", HTTP_LENGTH_BAD},
		{"1 ", HTTP_LENGTH_BAD},
		{"1,1", HTTP_LENGTH_BAD},
		{"0x1", HTTP_LENGTH_BAD},
		{"1e3", HTTP_LENGTH_BAD},
		{"x", HTTP_LENGTH_BAD},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_int_equal(http_content_length(cases[i].text), cases[i].n);
}

static void entity_tags(void **state)
{
	static const char *const match[] = {
		"\"x-1\"",        "W/\"x-1\"",       "*",
		"\"a\", \"x-1\"", " ,\t\"x-1\"",     "\"x-1-gzip\"",
		"W/\"x-1-br\"",   "\"x-1-deflate\"", "\"x-1-zstd\"",
		"\"a\"\"x-1\"",
	};
	static const char *const differ[] = {
		"",          "x-1",  "\"x-1",   "\"x-2\"",   "\"x-\"",          "\"x-1-\"",
		"\"-gzip\"", "\"\"", "W/x-1\"", "w/\"x-1\"", "\"x-1-gzip-br\"", "\"a\" x \"x-1\"",
	};

	(void)state;
	assert_false(http_etag_matches(NULL, "\"x-1\""));
	for (size_t i = 0; i < COUNT(match); i++)
		assert_true(http_etag_matches(match[i], "\"x-1\""));
	for (size_t i = 0; i < COUNT(differ); i++)
		assert_false(http_etag_matches(differ[i], "\"x-1\""));
}

static void preferences(void **state)
{
	static const struct {
		const char *text;
		int64_t seconds;
	} cases[] = {
		{NULL, 0},
		{"", 0},
		{"wait=5", 5},
		{"Wait = 5", 5},
		{"wait=\"5\"", 5},
		{"respond-async, wait=10", 10},
		{"respond-async;x=1 ,,wait=10;y", 10},
		{"wait=1, wait=2", 1},
		{"wait=999999999", 999999999},
		{"wait=1000000000", INT32_MAX},
		{"wait=99999999999999999999999", INT32_MAX},
		{"wait=0000000000000005", 5},
		{"wait=0000000000000000", 0},
		{"wait=-5", 0},
		{"wait=+5", 0},
		{"wait=x", 0},
		{"wait=", 0},
		{"wait", 0},
		{"waiting=5", 0},
		{"await=5", 0},
		{"x;wait=5", 0},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_int_equal(http_prefer_wait_s(cases[i].text), cases[i].seconds);
}

static void idempotency_keys(void **state)
{
	static const struct {
		const char *header, *key; /* NULL: refused */
	} cases[] = {
		{"a", "a"},   {"\"a\"", "a"}, {"a b", NULL}, {"", NULL},         {"\"\"", NULL},
		{"\"", "\""}, {"\"a", "\"a"}, {"a\t", NULL}, {"\xc3\xa9", NULL}, {"a\x7f", NULL},
	};
	char longest[HTTP_KEY_BYTES + 2];
	const char *key;
	size_t n;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const int rc = http_idempotency_key(cases[i].header, &key, &n);

		assert_int_equal(rc, cases[i].key ? 0 : -1);
		if (rc == 0) {
			assert_int_equal(n, strlen(cases[i].key));
			assert_memory_equal(key, cases[i].key, n);
		}
	}
	memset(longest, 'x', sizeof(longest));
	longest[HTTP_KEY_BYTES] = '\0';
	assert_int_equal(http_idempotency_key(longest, &key, &n), 0);
	longest[HTTP_KEY_BYTES] = 'x';
	longest[HTTP_KEY_BYTES + 1] = '\0';
	assert_int_equal(http_idempotency_key(longest, &key, &n), -1);
}

static void bearers(void **state)
{
	(void)state;
	assert_string_equal(http_bearer("Bearer a"), "a");
	assert_string_equal(http_bearer("bEARER   a b"), "a b");
	assert_string_equal(http_bearer("Bearer "), "");
	assert_null(http_bearer(""));
	assert_null(http_bearer("Bearer"));
	assert_null(http_bearer("Basic a"));
	assert_null(http_bearer("Bearera"));
	assert_null(http_bearer(" Bearer a"));
}

static void media_types(void **state)
{
	static const char *const json[] = {
		"application/json",     "Application/JSON",       "application/json; charset=utf-8",
		"application/json\t;x", "application/vnd.x+json", "application/a+JSON;x",
	};
	static const char *const other[] = {
		"",
		"json",
		"application/jsonx",
		"application/+json",
		"text/json",
		"application/x+xml",
		"application/xml; a=+json",
		"text/x+json",
		" application/json",
		"+json",
	};

	(void)state;
	assert_true(http_is_json(NULL));
	for (size_t i = 0; i < COUNT(json); i++)
		assert_true(http_is_json(json[i]));
	for (size_t i = 0; i < COUNT(other); i++)
		assert_false(http_is_json(other[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lengths),     cmocka_unit_test(entity_tags),
		cmocka_unit_test(preferences), cmocka_unit_test(idempotency_keys),
		cmocka_unit_test(bearers),     cmocka_unit_test(media_types),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
