/* SPDX-License-Identifier: ISC */
/*
 * json_scan and json_walk: documents that must and must not be accepted, and
 * reading of accepted ones.
 */
#include "tests/unit/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/json_scan.h"
#include "core/strbuf.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static struct json_fault fault;

static int scan(const char *text, const struct json_rules *rules)
{
	/* in a buffer of exactly its size, so that a read beyond the end is seen */
	size_t n = strlen(text);
	char *copy = malloc(n == 0 ? 1 : n);
	int rc;

	memcpy(copy, text, n);
	rc = json_scan(copy, n, rules, &fault);
	free(copy);
	return rc;
}

/* clang-format off */
static const char *const good[] = {
	"null", "true", "false", "0", "-0", "1", "-1", "10", "0.5", "-0.0", "1e5", "1E+5", "1e-5", "123.456e78",
	"\"\"", "\"a\"", "[]", "{}", " [ ] ", "\t{\n}\r", "[1]", "[1,2]", "[ 1 , 2 ]", "[[],[]]", "[{}]",
	"{\"a\":1}", "{ \"a\" : 1 , \"b\" : [ ] }", "{\"\":0}", "{\"a\":{\"a\":{\"a\":1}}}",
	"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\u0041\\u00e9\\u20AC\\uffff\"", "\"\\ud83c\\udffa\"",
	"\"caf\xc3\xa9\"", "\"\xf4\x8f\xbf\xbf\"", "\"\x7f\"", "\"/'\"", "[null,true,false,\"\",0]",
	"{\"a\":1,\"A\":2,\"a \":3,\"\\u0061b\":4}", "\"\\\\\"", "\"\\\\\\\"\"",
	"[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]", "12345678901234567890123456789012", "\"\\uD800\\uDC00\"",
};

static const struct {
	const char *text;
	size_t offset;
	const char *pointer;
} bad[] = {
	{ "", 0, "" }, { " ", 1, "" }, { "\xef\xbb\xbfnull", 0, "" }, { "nul", 0, "" }, { "nulll", 4, "" },
	{ "True", 0, "" }, { "None", 0, "" }, { "NaN", 0, "" }, { "Infinity", 0, "" }, { "-Infinity", 1, "" },
	{ "undefined", 0, "" }, { "'a'", 0, "" }, { "a", 0, "" },
	{ "1 2", 2, "" }, { "{}{}", 2, "" }, { "[]]", 2, "" }, { "{}}", 2, "" }, { "[] // x", 3, "" },
	{ "/* x */ 1", 0, "" }, { "# x", 0, "" },
	{ "01", 1, "" }, { "-01", 2, "" }, { "00", 1, "" }, { "-", 1, "" }, { "+1", 0, "" }, { ".5", 0, "" },
	{ "1.", 2, "" }, { "1.e5", 2, "" }, { "1e", 2, "" }, { "1e+", 3, "" }, { "1e5.5", 3, "" }, { "0x10", 1, "" },
	{ "1_000", 1, "" }, { "--1", 1, "" }, { "1a", 1, "" }, { "\xef\xbc\x91", 0, "" },
	{ "123456789012345678901234567890123", 33, "" },
	{ "[", 1, "/0" }, { "[1", 2, "/0" }, { "[1,", 3, "/1" }, { "[1,]", 3, "/1" }, { "[,1]", 1, "/0" }, { "[1 2]", 3, "/0" },
	{ "[1,,2]", 3, "/1" }, { "[1;2]", 2, "/0" }, { "[1}", 2, "/0" }, { "]", 0, "" }, { "[\"a\":1]", 4, "/0" },
	{ "{", 1, "" }, { "{]", 1, "" }, { "{\"a\"", 4, "/a" }, { "{\"a\":", 5, "/a" }, { "{\"a\":1", 6, "/a" },
	{ "{\"a\":1,", 7, "" }, { "{\"a\":1,}", 7, "" }, { "{\"a\" 1}", 5, "/a" }, { "{\"a\":}", 5, "/a" },
	{ "{a:1}", 1, "" }, { "{'a':1}", 1, "" }, { "{1:1}", 1, "" }, { "{null:1}", 1, "" }, { "{\"a\":1]", 6, "/a" },
	{ "{\"a\":1 \"b\":2}", 7, "/a" }, { "{\"a\":1,,\"b\":2}", 7, "" }, { "{,}", 1, "" }, { "{\"a\":1:2}", 6, "/a" },
	{ "\"", 1, "" }, { "\"a", 2, "" }, { "\"\\\"", 3, "" }, { "\"\\", 1, "" }, { "\"a\nb\"", 2, "" }, { "\"\t\"", 1, "" },
	{ "\"\x1f\"", 1, "" }, { "\"\\x41\"", 1, "" }, { "\"\\a\"", 1, "" }, { "\"\\'\"", 1, "" }, { "\"\\U0041\"", 1, "" },
	{ "\"\\u\"", 1, "" }, { "\"\\u004\"", 1, "" }, { "\"\\u00g1\"", 1, "" }, { "\"\\u004", 1, "" }, { "\"\\u0000\"", 1, "" },
	{ "\"\\ud83c\"", 1, "" }, { "\"\\ud83cx\"", 1, "" }, { "\"\\ud83c\\n\"", 1, "" }, { "\"\\udffa\"", 1, "" }, { "\"\\ud800\"", 1, "" }, { "\"\\udfff\"", 1, "" }, { "\"\\ud800\\ue000\"", 1, "" },
	{ "\"\\ud800\\udbff\"", 1, "" },
	{ "\"\\udffa\\ud83c\"", 1, "" }, { "\"\\ud83c\\ud83c\"", 1, "" }, { "\"\\ud83c\\u0041\"", 1, "" },
	{ "\"\\ud83c\\u\"", 1, "" },
	{ "\"\xff\"", 1, "" }, { "\"\xc3\"", 1, "" }, { "\"\xc0\xaf\"", 1, "" }, { "\"\xed\xa0\x80\"", 1, "" },
	{ "\"\xf4\x90\x80\x80\"", 1, "" }, { "\"a\xe2\x82\"", 2, "" },
	{ "[\"\xc3", 2, "/0" }, { "\xc3\xa9", 0, "" },
	{ "[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]", 17, "/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0" },
	{ "{\"a\":1,\"a\":2}", 10, "/a" }, { "{\"a\":1,\"\\u0061\":2}", 15, "/a" }, { "{\"\":1,\"\":2}", 8, "/" },
	{ "{\"b\":[{\"x\":1,\"y\":1,\"x\":1}]}", 22, "/b/0/x" },
	{ "{\"lots\":[{\"id\":\"1\"},{\"a/b\":{\"m~n\":[0,01]}}]}", 38, "/lots/1/a~1b/m~0n/1" },
};
/* clang-format on */

static void the_grammar_is_accepted(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(good); i++)
		if (scan(good[i], &json_rules_request) != 0)
			fail_msg("%s: %s", good[i], fault.what);
}

static void anything_else_is_refused_with_its_place(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		if (scan(bad[i].text, &json_rules_request) != -1)
			fail_msg("accepted: %s", bad[i].text);
		if (fault.offset != bad[i].offset || strcmp(fault.pointer, bad[i].pointer) != 0)
			fail_msg("%s: byte %zu at %s: %s", bad[i].text, fault.offset, fault.pointer,
				 fault.what);
		assert_true(strlen(fault.what) > 5);
	}
}

static void the_provider_may_write_more(void **state)
{
	static const char *const more[] = {
		"\"\\u0000\"",
		"\"\\ud83c\"",
		"\"\\udffa\\ud83c\"",
		"{\"a\":1,\"a\":2}",
		"123456789012345678901234567890123456789012345678901234567890",
		"[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(more); i++)
		assert_int_equal(scan(more[i], &json_rules_provider), 0);
	assert_int_equal(scan("\"\xff\"", &json_rules_provider), -1);
	assert_int_equal(scan("[1,]", &json_rules_provider), -1);
	assert_int_equal(scan("\"\\u00g1\"", &json_rules_provider), -1);
	assert_int_equal(scan("\"\\u000\"", &json_rules_provider), -1);
}

/* `depth` opening and closing brackets. */
static char *nested(size_t depth)
{
	char *text = malloc(2 * depth + 1);

	memset(text, '[', depth);
	memset(text + depth, ']', depth);
	text[2 * depth] = '\0';
	return text;
}

static void nesting_has_an_exact_end(void **state)
{
	struct json_rules boundless = {.depth = 1000000};
	char *text;

	(void)state;
	text = nested(JSON_SCAN_DEPTH);
	assert_int_equal(scan(text, &json_rules_provider), 0);
	assert_int_equal(scan(text, &boundless), 0);
	free(text);
	text = nested(JSON_SCAN_DEPTH + 1);
	assert_int_equal(scan(text, &boundless), -1);
	free(text);
	text = nested(1000000);
	assert_int_equal(scan(text, &boundless), -1);
	assert_int_equal(fault.offset, JSON_SCAN_DEPTH + 1);
	free(text);
}

/* An object of n keys k0, k1, ... */
static void add_object(struct strbuf *b, size_t n)
{
	strbuf_addc(b, '{');
	for (size_t i = 0; i < n; i++)
		strbuf_addf(b, "%s\"k%zu\":0", i == 0 ? "" : ",", i);
	strbuf_addc(b, '}');
}

static void keys_are_counted_object_by_object(void **state)
{
	struct json_rules rules = json_rules_request;
	struct strbuf b;

	(void)state;
	strbuf_init(&b, 1000000);
	add_object(&b, 64);
	assert_int_equal(scan(b.data, &rules), 0);
	strbuf_reset(&b);
	add_object(&b, 65);
	assert_int_equal(scan(b.data, &rules), -1);
	assert_non_null(strstr(fault.what, "too many keys"));
	/* many objects one after the other hold no keys of one another */
	strbuf_reset(&b);
	strbuf_addc(&b, '[');
	for (int i = 0; i < 100; i++) {
		add_object(&b, 64);
		strbuf_addc(&b, i == 99 ? ']' : ',');
	}
	assert_int_equal(scan(b.data, &rules), 0);
	/* whatever the rules say, what can be remembered is bounded */
	rules.keys = 5000;
	strbuf_reset(&b);
	add_object(&b, JSON_SCAN_KEYS);
	assert_int_equal(scan(b.data, &rules), 0);
	strbuf_reset(&b);
	add_object(&b, JSON_SCAN_KEYS + 1);
	assert_int_equal(scan(b.data, &rules), -1);
	rules.keys = 0;
	assert_int_equal(scan(b.data, &rules), 0);
	strbuf_clear(&b);
}

static void values_are_counted(void **state)
{
	struct json_rules rules = {.depth = 5, .values = 4};

	(void)state;
	assert_int_equal(scan("[1,{\"a\":2}]", &rules), 0);
	assert_int_equal(scan("[1,{\"a\":2},3]", &rules), -1);
	assert_non_null(strstr(fault.what, "too many values"));
}

static void a_pointer_that_is_too_long_ends_at_a_parent(void **state)
{
	struct strbuf b;

	(void)state;
	strbuf_init(&b, 2000);
	strbuf_adds(&b, "{\"parent\":{\"");
	for (int i = 0; i < 300; i++)
		strbuf_addc(&b, 'x');
	strbuf_adds(&b, "\":{\"z\":?}}}");
	assert_int_equal(scan(b.data, &json_rules_request), -1);
	assert_string_equal(fault.pointer, "/parent");
	strbuf_clear(&b);
}

static void a_fault_becomes_an_error(void **state)
{
	struct err err;

	(void)state;
	scan("{\"a\":[1,x]}", &json_rules_request);
	assert_int_equal(json_fault_err(&fault, &err), -1);
	assert_int_equal(err.class, ERR_NEVER);
	assert_string_equal(err.text, "something that is no JSON value, at byte 8 (/a/1)");
	scan("x", &json_rules_request);
	json_fault_err(&fault, &err);
	assert_string_equal(err.text, "something that is no JSON value, at byte 0");
}

static struct json_span span(const char *text)
{
	return json_span_of(text, strlen(text));
}

static void assert_span(struct json_span got, const char *want)
{
	assert_int_equal(got.n, strlen(want));
	assert_memory_equal(got.p, want, got.n);
}

static void members_come_one_by_one(void **state)
{
	struct json_span doc = span(" { \"a\" : 1 ,\"b]\":[ {\"c\":\"},\\\"\"} , 2],\"\\u0064\" : "
				    "{\"x\":{}},\"e\":null,\"f\":\"\\\\\" , \"g\":true}\n");
	static const struct {
		const char *key, *value;
		enum json_kind kind;
	} want[] = {
		{"\"a\"", "1", JSON_KIND_NUMBER},
		{"\"b]\"", "[ {\"c\":\"},\\\"\"} , 2]", JSON_KIND_ARRAY},
		{"\"\\u0064\"", "{\"x\":{}}", JSON_KIND_OBJECT},
		{"\"e\"", "null", JSON_KIND_NULL},
		{"\"f\"", "\"\\\\\"", JSON_KIND_STRING},
		{"\"g\"", "true", JSON_KIND_BOOL},
	};
	struct json_walk w;
	struct json_member m;

	(void)state;
	assert_int_equal(scan(doc.p, &json_rules_request), 0);
	assert_int_equal(json_count(doc), COUNT(want));
	json_walk_begin(&w, doc);
	for (size_t i = 0; i < COUNT(want); i++) {
		assert_true(json_walk_next(&w, &m));
		assert_span(m.key, want[i].key);
		assert_span(m.value, want[i].value);
		assert_int_equal(m.kind, want[i].kind);
		assert_int_equal(m.index, i);
	}
	assert_false(json_walk_next(&w, &m));
	assert_false(json_walk_next(&w, &m));
	assert_true(json_find(doc, "d", &m));
	assert_span(m.value, "{\"x\":{}}");
	assert_false(json_find(doc, "D", &m));
	assert_false(json_find(span("[\"d\",1]"), "d", &m));
}

static void members_are_found_in_one_walk(void **state)
{
	static const char *const keys[] = {"b", "none", "a", "c"};
	struct json_member m[COUNT(keys)];

	(void)state;
	json_find_each(span("{\"a\":1,\"b\":[2],\"a\":3,\"\\u0063\":null,\"bb\":4}"), keys,
		       COUNT(keys), m);
	assert_span(m[0].value, "[2]");
	assert_int_equal(m[1].kind, JSON_KIND_COUNT);
	assert_int_equal(m[1].value.n, 0);
	assert_span(m[2].value, "1"); /* the first */
	assert_int_equal(m[3].kind, JSON_KIND_NULL);
	json_find_each(span("[\"a\",1]"), keys, COUNT(keys), m);
	for (size_t i = 0; i < COUNT(keys); i++)
		assert_int_equal(m[i].kind, JSON_KIND_COUNT);
}

static void elements_come_one_by_one(void **state)
{
	struct json_walk w;
	struct json_member m;

	(void)state;
	json_walk_begin(&w, span("[ -1.5e3, \"x\" ,[[]],{}]"));
	assert_true(json_walk_next(&w, &m));
	assert_span(m.value, "-1.5e3");
	assert_int_equal(m.key.n, 0);
	assert_true(json_walk_next(&w, &m));
	assert_span(m.value, "\"x\"");
	assert_true(json_walk_next(&w, &m));
	assert_span(m.value, "[[]]");
	assert_true(json_walk_next(&w, &m));
	assert_span(m.value, "{}");
	assert_false(json_walk_next(&w, &m));
	assert_int_equal(json_count(span("[]")), 0);
	assert_int_equal(json_count(span("{ }")), 0);
}

static void a_walk_over_anything_stays_inside(void **state)
{
	static const char *const texts[] = {
		"",  "[",        "{",     "[\"",   "{\"a",        "{\"a\"}", "{\"a\":}", "[[[[",
		"]", "[\"\\\"]", "{a:1}", "[,,,]", "{\"a\":1 1}", "[1]]",    "{{}}",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		size_t n = strlen(texts[i]);
		char *copy = malloc(n == 0 ? 1 : n);
		struct json_walk w;
		struct json_member m;

		memcpy(copy, texts[i], n);
		json_walk_begin(&w, (struct json_span){copy, n});
		while (json_walk_next(&w, &m)) {
			assert_true(m.value.p >= copy && m.value.p + m.value.n <= copy + n);
			json_string_bytes(m.value);
		}
		free(copy);
	}
}

static void kinds_have_names(void **state)
{
	(void)state;
	for (int k = 0; k < JSON_KIND_COUNT; k++)
		assert_non_null(json_kind_name((enum json_kind)k));
	assert_string_equal(json_kind_name(JSON_KIND_OBJECT), "an object");
	assert_int_equal(json_kind_of(span("false")), JSON_KIND_BOOL);
	assert_int_equal(json_kind_of(span("-1")), JSON_KIND_NUMBER);
	assert_int_equal(json_kind_of(span("")), JSON_KIND_NULL);
}

/* clang-format off */
static const struct {
	const char *json;
	const char *text;
	size_t n;
} strings[] = {
	{ "\"\"", "", 0 },
	{ "\"tea\"", "tea", 3 },
	{ "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t", 8 },
	{ "\"\\u0041\\u00E9\\u20ac\"", "A\xc3\xa9\xe2\x82\xac", 6 },
	{ "\"\\ud83c\\udffa!\"", "\xf0\x9f\x8f\xba!", 5 },
	{ "\"\\uD800\\uDC00\\udbff\\udfff\"", "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf", 8 },
	{ "\"\\ud7ff\\ue000\"", "\xed\x9f\xbf\xee\x80\x80", 6 },
	{ "\"\\ud83cxudc00\"", "\xef\xbf\xbdxudc00", 9 },
	{ "\"x\\ud83c\"", "x\xef\xbf\xbd", 4 },
	{ "\"\\udffax\"", "\xef\xbf\xbdx", 4 },
	{ "\"\\ud83c\\u0041\"", "\xef\xbf\xbd" "A", 4 },
	{ "\"\\ud83c\\ud83c\\udffa\"", "\xef\xbf\xbd\xf0\x9f\x8f\xba", 7 },
	{ "\"a\\u0000b\"", "a\0b", 3 },
	{ "\"caf\xc3\xa9\"", "caf\xc3\xa9", 5 },
};
/* clang-format on */

static void strings_are_decoded(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(strings); i++) {
		struct json_span s = span(strings[i].json);
		char all[32];
		char out[4];
		size_t len;
		size_t done = 0;
		size_t at = 0;

		while ((len = json_string_next(s, &at, out)) != 0) {
			memcpy(all + done, out, len);
			done += len;
		}
		assert_int_equal(done, strings[i].n);
		assert_memory_equal(all, strings[i].text, done);
		assert_int_equal(json_string_bytes(s), done);
		assert_true(json_string_equals(s, strings[i].text, done));
		assert_false(json_string_equals(s, strings[i].text, done + 1));
		if (done > 0)
			assert_false(json_string_equals(s, strings[i].text, done - 1));
	}
}

static void strings_are_compared_by_what_they_mean(void **state)
{
	struct json_span plain = span("\"caf\xc3\xa9/\"");
	struct json_span escaped = span("\"\\u0063af\\u00e9\\/\"");

	(void)state;
	assert_true(json_string_same(plain, escaped));
	assert_int_equal(json_string_hash(plain), json_string_hash(escaped));
	assert_false(json_string_same(plain, span("\"caf\xc3\xa9\"")));
	assert_false(json_string_same(span("\"a\""), span("\"b\"")));
	assert_true(json_string_same(span("\"\""), span("\"\"")));
	/* the vector of FNV's authors */
	assert_true(json_string_hash(span("\"foobar\"")) == 0x85944171f73967e8u);
}

static void pointers_are_extended_or_left_alone(void **state)
{
	char pointer[16] = "";

	(void)state;
	assert_int_equal(json_pointer_add_text(pointer, sizeof(pointer), "a/b~c"), 0);
	assert_string_equal(pointer, "/a~1b~0c");
	assert_int_equal(json_pointer_add_index(pointer, sizeof(pointer), 42), 0);
	assert_string_equal(pointer, "/a~1b~0c/42");
	assert_int_equal(json_pointer_add_key(pointer, sizeof(pointer), span("\"\\u00e9x\"")), 0);
	assert_string_equal(pointer, "/a~1b~0c/42/\xc3\xa9x");
	assert_int_equal(json_pointer_add_index(pointer, sizeof(pointer), 1), -1);
	assert_int_equal(json_pointer_add_text(pointer, sizeof(pointer), ""), -1);
	assert_int_equal(json_pointer_add_key(pointer, sizeof(pointer), span("\"a\"")), -1);
	assert_string_equal(pointer, "/a~1b~0c/42/\xc3\xa9x");
	pointer[11] = '\0';
	assert_int_equal(json_pointer_add_key(pointer, sizeof(pointer), span("\"abcd\"")), -1);
	assert_int_equal(json_pointer_add_key(pointer, sizeof(pointer), span("\"ab/\"")), -1);
	assert_string_equal(pointer, "/a~1b~0c/42");
}

/* What the scan accepts the walk must read to its end, and what it refuses must not crash. */
static void mutilated_documents_do_no_harm(void **state)
{
	static const char seed[] =
		"{\"lots\":[{\"id\":\"1\\u00e9\",\"n\":[1,2.5e3,null,true]},{}],\"x\":\"\\\\\"}";
	static const char bytes[] = "\"\\{}[],:0eu \xc3t";
	uint32_t random = 1;

	(void)state;
	for (int round = 0; round < 60000; round++) {
		size_t n = sizeof(seed) - 1;
		char *text = malloc(n);

		memcpy(text, seed, n);
		for (int k = 0; k < 2; k++) {
			random = random * 1103515245 + 12345;
			text[(random >> 8) % n] = bytes[(random >> 20) % (sizeof(bytes) - 1)];
		}
		if (json_scan(text, n, &json_rules_request, &fault) == 0) {
			struct json_walk w;
			struct json_member m;
			const char *last = text;

			json_walk_begin(&w, json_span_of(text, n));
			while (json_walk_next(&w, &m)) {
				assert_true(m.value.p >= last);
				last = m.value.p + m.value.n;
				/* a part of a document is a document */
				assert_int_equal(json_scan(m.value.p, m.value.n,
							   &json_rules_request, &fault),
						 0);
			}
			assert_true(w.p == w.end || strspn(w.p, " ") >= (size_t)(w.end - w.p));
		}
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_grammar_is_accepted),
		cmocka_unit_test(anything_else_is_refused_with_its_place),
		cmocka_unit_test(the_provider_may_write_more),
		cmocka_unit_test(nesting_has_an_exact_end),
		cmocka_unit_test(keys_are_counted_object_by_object),
		cmocka_unit_test(values_are_counted),
		cmocka_unit_test(a_pointer_that_is_too_long_ends_at_a_parent),
		cmocka_unit_test(a_fault_becomes_an_error),
		cmocka_unit_test(members_come_one_by_one),
		cmocka_unit_test(members_are_found_in_one_walk),
		cmocka_unit_test(elements_come_one_by_one),
		cmocka_unit_test(a_walk_over_anything_stays_inside),
		cmocka_unit_test(kinds_have_names),
		cmocka_unit_test(strings_are_decoded),
		cmocka_unit_test(strings_are_compared_by_what_they_mean),
		cmocka_unit_test(pointers_are_extended_or_left_alone),
		cmocka_unit_test(mutilated_documents_do_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
