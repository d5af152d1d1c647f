/* SPDX-License-Identifier: ISC */
/* target: addresses as web servers hand them over, raw. */
#include "tests/unit/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/strbuf.h"
#include "core/target.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static struct target target;
static struct err err;

static int parse(const char *uri, const char *base)
{
	size_t n = strlen(uri);
	char *copy = malloc(n == 0 ? 1 : n);
	int rc;

	memcpy(copy, uri, n);
	memset(&target, 0xa5, sizeof(target));
	rc = target_parse(copy, n, base, &target, &err);
	free(copy);
	return rc;
}

/* "a|b|c" with a bar at the end for a trailing slash; "" for "/" */
static void join(char *out, size_t size)
{
	size_t len = 0;

	out[0] = '\0';
	for (size_t i = 0; i < target.segment_count; i++)
		len += (size_t)snprintf(out + len, size - len, "%s%s", i == 0 ? "" : "|",
					target_segment(&target, i));
	if (target.trailing_slash && target.segment_count > 0)
		snprintf(out + len, size - len, "|");
}

/* clang-format off */
static const struct {
	const char *uri;
	const char *base;
	const char *segments;
} good[] = {
	{ "/", "", "" },
	{ "/?x=1", "", "" },
	{ "/healthz", "", "healthz" },
	{ "/api/v1/jobs", "", "api|v1|jobs" },
	{ "/api/v1/jobs/", "", "api|v1|jobs|" },
	{ "/api/v1/jobs/365a09ce-1234/status", "", "api|v1|jobs|365a09ce-1234|status" },
	{ "/a.b_c~d-e/...", "", "a.b_c~d-e|..." },
	{ "/1/2/3/4/5/6/7/8", "", "1|2|3|4|5|6|7|8" },
	{ "/lots/api", "/lots", "api" },
	{ "/lots", "/lots", "" },
	{ "/lots/", "/lots", "" },
	{ "/lots?x", "/lots", "" },
	{ "/l/o/api/v1", "/l/o", "api|v1" },
	{ "/a", "", "a" },
};

static const struct {
	const char *uri;
	const char *base;
	int status;
} bad[] = {
	{ "", "", 400 }, { "api", "", 400 }, { "*", "", 400 }, { "http://h/api", "", 400 }, { "?x", "", 400 },
	{ "//", "", 400 }, { "//api", "", 400 }, { "/api//v1", "", 400 }, { "/api/v1//", "", 400 },
	{ "/.", "", 400 }, { "/..", "", 400 }, { "/api/../v1", "", 400 }, { "/api/./v1", "", 400 }, { "/api/..", "", 400 },
	{ "/a%2Fb", "", 400 }, { "/%41", "", 400 }, { "/+a", "", 400 }, { "/a%2e", "", 400 }, { "/a%", "", 400 }, { "/a+b", "", 400 }, { "/a b", "", 400 }, { "/a:b", "", 400 },
	{ "/a;b", "", 400 }, { "/a=b", "", 400 }, { "/a&b", "", 400 }, { "/a\\b", "", 400 }, { "/a#b", "", 400 }, { "/a\tb", "", 400 },
	{ "/a\x7f", "", 400 }, { "/caf\xc3\xa9", "", 400 }, { "/?q=caf\xc3\xa9", "", 400 }, { "/?q=a b", "", 400 },
	{ "/1/2/3/4/5/6/7/8/9", "", 404 },
	{ "/lotsx/api", "/lots", 404 }, { "/api", "/lots", 404 }, { "/", "/lots", 404 }, { "/lot", "/lots", 404 },
	{ "/LOTS/api", "/lots", 404 }, { "/lots//api", "/lots", 400 },
	{ "/?x=1&x=2", "", 400 }, { "/?x&x", "", 400 }, { "/?=1", "", 400 }, { "/?%78=1&x=2", "", 400 },
	{ "/?x=%", "", 400 }, { "/?x=%4", "", 400 }, { "/?x=%4g", "", 400 }, { "/?x=%g4", "", 400 },
	{ "/?x=%00", "", 400 }, { "/?x=%0a", "", 400 }, { "/?x=%7f", "", 400 }, { "/?x=%ff", "", 400 }, { "/?x=%c3", "", 400 },
	{ "/?%0d=1", "", 400 },
	{ "/?1&2&3&4&5&6&7&8&9&10&11&12&13&14&15&16&17", "", 400 },
};
/* clang-format on */

static void paths_are_split(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		char joined[200];

		if (parse(good[i].uri, good[i].base) != 0)
			fail_msg("%s: %s", good[i].uri, err.text);
		join(joined, sizeof(joined));
		assert_string_equal(joined, good[i].segments);
	}
	assert_string_equal(target_segment(&target, 1), "");
	assert_string_equal(target_segment(&target, 1000), "");
}

static void anything_unusual_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		if (parse(bad[i].uri, bad[i].base) != -1)
			fail_msg("accepted: %s", bad[i].uri);
		if (err.detail != bad[i].status)
			fail_msg("%s: %d", bad[i].uri, err.detail);
		assert_int_equal(err.class, ERR_NEVER);
	}
	assert_int_equal(target_parse("/a\0b", 4, "", &target, &err), -1);
}

static void a_trailing_slash_is_told(void **state)
{
	(void)state;
	parse("/api/", "");
	assert_true(target.trailing_slash);
	parse("/api", "");
	assert_false(target.trailing_slash);
	parse("/", "");
	assert_true(target.trailing_slash);
	assert_int_equal(target.segment_count, 0);
	parse("/lots", "/lots");
	assert_int_equal(target.segment_count, 0);
}

static void parameters_are_decoded_once(void **state)
{
	(void)state;
	assert_int_equal(parse("/jobs?status=a%20b%2B%26&&limit=&again&%61fter=%252F&q=%C3%A9=x?/",
			       ""),
			 0);
	assert_int_equal(target.parameter_count, 5);
	assert_string_equal(target_parameter(&target, "status"), "a b+&");
	assert_string_equal(target_parameter(&target, "limit"), "");
	assert_string_equal(target_parameter(&target, "again"), "");
	assert_string_equal(target_parameter(&target, "after"), "%2F");
	assert_string_equal(target_parameter(&target, "q"), "\xc3\xa9=x?/");
	assert_int_equal(parse("/?q=+a+", ""), 0);
	assert_string_equal(target_parameter(&target, "q"), " a ");
	parse("/jobs?y", "");
	assert_null(target_parameter(&target, "x"));
	assert_int_equal(parse("/?", ""), 0);
	assert_int_equal(target.parameter_count, 0);
	assert_int_equal(parse("/?&", ""), 0);
	assert_int_equal(parse("/?1&2&3&4&5&6&7&8&9&10&11&12&13&14&15&16", ""), 0);
	assert_int_equal(target.parameter_count, TARGET_PARAMETERS);
}

static void the_longest_address_fits_exactly(void **state)
{
	struct strbuf b;

	(void)state;
	strbuf_init(&b, 10000);
	strbuf_adds(&b, "/x?q=");
	while (b.len < LIMIT_TARGET_BYTES)
		strbuf_addc(&b, 'q');
	assert_int_equal(parse(b.data, ""), 0);
	assert_int_equal(strlen(target_parameter(&target, "q")), LIMIT_TARGET_BYTES - 5);
	strbuf_addc(&b, 'q');
	assert_int_equal(parse(b.data, ""), -1);
	assert_int_equal(err.detail, 414);
	strbuf_clear(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_are_split),
		cmocka_unit_test(anything_unusual_is_refused),
		cmocka_unit_test(a_trailing_slash_is_told),
		cmocka_unit_test(parameters_are_decoded_once),
		cmocka_unit_test(the_longest_address_fits_exactly),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
