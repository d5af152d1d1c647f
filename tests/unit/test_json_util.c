/* SPDX-License-Identifier: ISC */
/* json_util: trees, and reading of them. */
#include "tests/unit/check.h"

#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "core/json_util.h"
#include "core/timemath.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static struct json_object *parse(const char *text)
{
	struct json_object *root = NULL;
	struct err err;

	if (json_parse(text, strlen(text), &json_rules_provider, &root, &err) != 0)
		fail_msg("%s: %s", text, err.text);
	return root;
}

static void documents_of_every_kind_become_trees(void **state)
{
	static const struct {
		const char *text;
		enum json_type type;
	} cases[] = {
		{"{\"a\":1}", json_type_object}, {"[1,2]", json_type_array},
		{"\"x\"", json_type_string},     {"12", json_type_int},
		{" -0.5e3 ", json_type_double},  {"true", json_type_boolean},
		{"null", json_type_null},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		/* no NUL behind it, and no room for one */
		char *copy = strdup(cases[i].text);
		struct json_object *root = (void *)1;
		struct err err;

		copy[strlen(copy)] = '9';
		assert_int_equal(json_parse(copy, strlen(cases[i].text), &json_rules_request, &root,
					    &err),
				 0);
		assert_int_equal(json_object_get_type(root), cases[i].type);
		json_object_put(root);
		free(copy);
	}
}

static void what_json_c_would_let_through_is_refused(void **state)
{
	static const char *const bad[] = {
		"{'a':1}",
		"[NaN]",
		"[Infinity]",
		"{\"a\":1,\"a\":2}",
		"[1,]",
		"\"\\ud800\"",
		"[123456789012345678901234567890123]",
		"1 2",
		"{} x",
		"",
		"\"\xff\"",
		"\"\\u0000\"",
		"/* x */ 1",
		"[1] //",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		struct json_object *root = (void *)1;
		struct err err;

		assert_int_equal(json_parse(bad[i], strlen(bad[i]), &json_rules_request, &root,
					    &err),
				 -1);
		assert_int_equal(err.class, ERR_NEVER);
		assert_ptr_equal(root, (void *)1);
	}
}

static void the_deepest_allowed_document_becomes_a_tree(void **state)
{
	char text[2 * JSON_SCAN_DEPTH + 2];

	(void)state;
	memset(text, '[', JSON_SCAN_DEPTH);
	text[JSON_SCAN_DEPTH] = '1';
	memset(text + JSON_SCAN_DEPTH + 1, ']', JSON_SCAN_DEPTH);
	text[sizeof(text) - 1] = '\0';
	json_object_put(parse(text));
}

static void a_tree_has_a_bounded_number_of_values(void **state)
{
	struct json_rules few = {.depth = 3, .values = 3};
	struct json_object *root;
	struct strbuf b;
	struct err err;

	(void)state;
	assert_int_equal(json_parse("[1,2]", 5, &few, &root, &err), 0);
	json_object_put(root);
	assert_int_equal(json_parse("[1,2,3]", 7, &few, &root, &err), -1);
	strbuf_init(&b, 1000000);
	strbuf_addc(&b, '[');
	for (int i = 1; i < JSON_TREE_VALUES; i++)
		strbuf_adds(&b, i == 1 ? "1" : ",1");
	strbuf_addc(&b, ']');
	assert_int_equal(json_parse(b.data, b.len, &json_rules_provider, &root, &err), 0);
	json_object_put(root);
	strbuf_truncate(&b, b.len - 1);
	strbuf_adds(&b, ",1]");
	assert_int_equal(json_parse(b.data, b.len, &json_rules_provider, &root, &err), -1);
	strbuf_clear(&b);
	assert_int_equal(json_parse("1", (size_t)1 << 31, &json_rules_provider, &root, &err), -1);
}

static void absent_null_and_empty_are_alike(void **state)
{
	struct json_object *o = parse("{\"id\":\"file-1\",\"null\":null,\"empty\":\"\",\"n\":1,"
				      "\"nul\":\"a\\u0000b\",\"o\":{},\"a\":[]}");
	const char *s = NULL;
	size_t n = 7;

	(void)state;
	assert_string_equal(json_get_text(o, "id"), "file-1");
	assert_null(json_get_text(o, "absent"));
	assert_null(json_get_text(o, "null"));
	assert_null(json_get_text(o, "empty"));
	assert_null(json_get_text(o, "n"));
	assert_null(json_get_text(o, "nul"));
	assert_null(json_get_text(NULL, "id"));
	assert_null(json_get_text(json_get_array(o, "a"), "id"));
	assert_int_equal(json_get_string(o, "nul", &s, &n), 1);
	assert_int_equal(n, 3);
	assert_memory_equal(s, "a\0b", 3);
	assert_int_equal(json_get_string(o, "empty", &s, &n), 1);
	assert_int_equal(n, 0);
	assert_int_equal(json_get_string(o, "null", &s, &n), 0);
	assert_int_equal(json_get_string(o, "n", &s, &n), -1);
	assert_non_null(json_get_object(o, "o"));
	assert_null(json_get_object(o, "a"));
	assert_null(json_get_object(o, "absent"));
	assert_non_null(json_get_array(o, "a"));
	assert_null(json_get_array(o, "o"));
	json_object_put(o);
}

static void whole_numbers_have_a_range(void **state)
{
	static const struct {
		const char *text;
		int rc;
		int64_t value;
	} cases[] = {
		{"{\"n\":5}", 1, 5},
		{"{\"n\":-10}", 1, -10},
		{"{\"n\":1e2}", 1, 100},
		{"{\"n\":7.0}", 1, 7},
		{"{}", 0, 0},
		{"{\"n\":null}", 0, 0},
		{"{\"n\":-11}", -1, 0},
		{"{\"n\":101}", -1, 0},
		{"{\"n\":1.5}", -1, 0},
		{"{\"n\":1e999}", -1, 0},
		{"{\"n\":\"5\"}", -1, 0},
		{"{\"n\":true}", -1, 0},
		{"{\"n\":[]}", -1, 0},
	};
	static const char *const clamped[] = {
		"{\"n\":9223372036854775808}",
		"{\"n\":99999999999999999999999}",
		"{\"n\":-99999999999999999999999}",
		"{\"n\":1e19}",
	};
	int64_t n;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct json_object *o = parse(cases[i].text);

		n = 0;
		assert_int_equal(json_get_int(o, "n", -10, 100, &n), cases[i].rc);
		assert_int_equal(n, cases[i].value);
		json_object_put(o);
	}
	for (size_t i = 0; i < COUNT(clamped); i++) {
		struct json_object *o = parse(clamped[i]);

		assert_int_equal(json_get_int(o, "n", INT64_MIN, INT64_MAX, &n), -1);
		json_object_put(o);
	}
}

static void booleans_are_no_numbers(void **state)
{
	struct json_object *o = parse("{\"t\":true,\"f\":false,\"n\":1,\"null\":null}");
	bool b = false;

	(void)state;
	assert_int_equal(json_get_bool(o, "t", &b), 1);
	assert_true(b);
	assert_int_equal(json_get_bool(o, "f", &b), 1);
	assert_false(b);
	assert_int_equal(json_get_bool(o, "n", &b), -1);
	assert_int_equal(json_get_bool(o, "null", &b), 0);
	assert_int_equal(json_get_bool(o, "absent", &b), 0);
	json_object_put(o);
}

static void times_come_in_many_forms(void **state)
{
	static const int64_t at = 1711471533 * T_S;
	static const struct {
		const char *text;
		int rc;
		int64_t us;
	} cases[] = {
		{"{\"t\":1711471533}", 1, at},
		{"{\"t\":1711471533.75}", 1, at},
		{"{\"t\":1.711471533e9}", 1, at},
		{"{\"t\":\"1711471533\"}", 1, at},
		{"{\"t\":\"2024-03-26T16:45:33Z\"}", 1, at},
		{"{\"t\":\"2024-03-26T17:45:33+01:00\"}", 1, at},
		{"{\"t\":\"2024-03-26T16:45:33.25\"}", 1, at + 250000},
		{"{\"t\":\"2024-03-26 16:45:33\"}", 1, at},
		{"{\"t\":\"2024-03-26T16:45:33.123456789+00:00\"}", 1, at + 123456},
		{"{}", 0, 0},
		{"{\"t\":null}", 0, 0},
		{"{\"t\":\"\"}", 0, 0},
		{"{\"t\":0}", 0, 0},
		{"{\"t\":0.0}", 0, 0},
		{"{\"t\":-5}", -1, 0},
		{"{\"t\":1e300}", -1, 0},
		{"{\"t\":253402300800}", -1, 0},
		{"{\"t\":\"soon\"}", -1, 0},
		{"{\"t\":\"1711471533171147\"}", -1, 0},
		{"{\"t\":\"171147153317114717114715331711471711471533171\"}", -1, 0},
		{"{\"t\":\"2024-03-26T16:45:33Z2024-03-26T16:45:33Z\"}", -1, 0},
		{"{\"t\":true}", -1, 0},
		{"{\"t\":{}}", -1, 0},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct json_object *o = parse(cases[i].text);
		int64_t us = 0;

		if (json_get_time(o, "t", &us) != cases[i].rc)
			fail_msg("%s", cases[i].text);
		assert_int_equal(us, cases[i].us);
		json_object_put(o);
	}
}

static void string_spans_are_decoded_whole_or_not(void **state)
{
	static const char text[] = "\"plain \\u00e9\\n\\\"end\\\\\"";
	struct json_span s = {text, sizeof(text) - 1};
	struct strbuf b;

	(void)state;
	strbuf_init(&b, 17);
	strbuf_adds(&b, "> ");
	assert_int_equal(json_string_decode(s, &b), 0);
	assert_string_equal(b.data, "> plain \xc3\xa9\n\"end\\");
	strbuf_clear(&b);
	strbuf_init(&b, 15);
	strbuf_adds(&b, "> ");
	assert_int_equal(json_string_decode(s, &b), -1);
	assert_string_equal(b.data, "> ");
	strbuf_clear(&b);
	assert_int_equal(json_string_decode((struct json_span){"\"tea\"", 5}, &b), 0);
	assert_string_equal(b.data, "tea");
	strbuf_clear(&b);
	assert_int_equal(json_string_decode((struct json_span){"\"\"", 2}, &b), 0);
	assert_int_equal(b.len, 0);
	strbuf_clear(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(documents_of_every_kind_become_trees),
		cmocka_unit_test(what_json_c_would_let_through_is_refused),
		cmocka_unit_test(the_deepest_allowed_document_becomes_a_tree),
		cmocka_unit_test(a_tree_has_a_bounded_number_of_values),
		cmocka_unit_test(absent_null_and_empty_are_alike),
		cmocka_unit_test(whole_numbers_have_a_range),
		cmocka_unit_test(booleans_are_no_numbers),
		cmocka_unit_test(times_come_in_many_forms),
		cmocka_unit_test(string_spans_are_decoded_whole_or_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
