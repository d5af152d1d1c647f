/* SPDX-License-Identifier: ISC */
/* core/repair.c: envelopes, what was cut off, schemas and reports. The grammars: test_repair_read.c. */
#include "tests/unit/check.h"

#include <json-c/json_object.h>
#include <stdlib.h>
#include <string.h>

#include "core/json_schema.h"
#include "tests/unit/repair_rows.h"

static const struct repair_rules any = {.object = false};
static const struct repair_rules object = {.object = true};
static void valid_json_passes_byte_for_byte(void **state)
{
	static const char *const texts[] = {
		"{}",
		" {\"a\" : 1}\n",
		"[1, 2.50, \"\\u00e9\\/\"]",
		"{\"a\":1,\"a\":2}",
		"null",
		"\"{\\\"a\\\": 1}\"",
		"123456789012345678901234567890",
		"\"\\ud800\"",
		"1e999",
		"{\"a\": \"```json\\n{}\\n```\"}",
		"\"None\"",
		"{\"a\": \"<think>x</think>\"}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct repaired r;

		repair_text(texts[i], strlen(texts[i]), &any, &r);
		assert_int_equal(r.verdict, REPAIR_UNCHANGED);
		assert_true(repair_is_clean(&r.report));
		assert_int_equal(r.text.len, 0);
		repaired_clear(&r);
	}
}

static void envelopes_are_taken_off(void **state)
{
	static const struct repair_row rows[] = {
		{"\xef\xbb\xbf{\"a\": 1}", "{\"a\": 1}", "bom"},
		{"```json\n{\"a\": 1}\n```", "{\"a\": 1}", "fence"},
		{"```\n{'a': 1}\n```\n", "{\"a\":1}", "fence,python_literal"},
		{"~~~JSON\n{\"a\": 1}\n~~~", "{\"a\": 1}", "fence"},
		{"Here is the JSON:\n```json\n{\"a\": 1}\n```\nEnjoy!", "{\"a\": 1}",
		 "fence,prose"},
		{"Sure! {\"a\": \"{\"} Anything else?", "{\"a\": \"{\"}", "prose"},
		{"As asked [1], for [the] lot: {\"a\": [1]}", "{\"a\": [1]}", "prose"},
		{"<think>A {draft} of \"a\": 2</think>\n\n{\"a\": 1}", "{\"a\": 1}", "think"},
		{"a draft</think>{\"a\": True}", "{\"a\":true}", "think,python_literal"},
		{"{\"a\": 1}}", "{\"a\": 1}", "brackets"},
		{"{\"a\": 1}\n]}", "{\"a\": 1}", "brackets"},
		{"\"{\\\"a\\\": 1}\"", "{\"a\": 1}", "encoded"},
		{"\"{'a': None}\"", "{\"a\":null}", "encoded,python_literal"},
		{"'{\"a\": 1}'", "{\"a\": 1}", "encoded,python_literal"},
		{"\"\\\"{\\\\\\\"a\\\\\\\": 1}\\\"\"", "{\"a\": 1}", "encoded"},
		{"{\\\"a\\\": \\\"b\\\"}", "{\"a\": \"b\"}", "encoded"},
		{"\"```json\\n{\\\"a\\\": 1}\\n```\"", "{\"a\": 1}", "fence,encoded"},
		{"[{\"a\": 1}]", NULL, NULL},
		{"\"text\"", NULL, NULL},
		{"null", NULL, NULL},
		{"OrderedDict([('a', 1)]) is it", NULL, NULL},
	};

	(void)state;
	CHECK_ROWS(rows, &object);
}

static void of_a_document_that_is_cut_off_what_is_whole_is_kept(void **state)
{
	static const struct repair_row rows[] = {
		{"{\"a\": \"x\", \"b\": \"y", "{\"a\":\"x\"}", "cut"},
		{"{\"a\": \"x\", \"b\": 12", "{\"a\":\"x\"}", "cut"},
		{"{\"a\": \"x\", \"b\": 1 /* one}", "{\"a\":\"x\",\"b\":1}", "cut"},
		{"{\"a\": \"x\", \"b\": tru", "{\"a\":\"x\"}", "cut"},
		{"{\"a\": \"x\", \"b\": true", "{\"a\":\"x\",\"b\":true}", "cut"},
		{"{\"a\": \"x\", \"b\"", "{\"a\":\"x\"}", "cut"},
		{"{\"a\": \"x\", \"b\":", "{\"a\":\"x\"}", "cut"},
		{"{\"a\": \"x\",", "{\"a\":\"x\"}", "cut"},
		{"{\"a\": [\"x\", \"y\", \"z", "{\"a\":[\"x\",\"y\"]}", "cut"},
		{"{\"a\": 1, \"b\": {\"c\": [", "{\"a\":1}", "cut"},
		{"{\"a\": \"x\", \"b\": \"\\ud83d\\u", "{\"a\":\"x\"}", "cut"},
		{"{\"a\": \"x\", \"b\": \"caf\xc3", "{\"a\":\"x\"}", "cut"},
		{"```json\n{\"a\": \"x\", \"b\": \"y", "{\"a\":\"x\"}", "fence,cut"},
		{"{'a': 'x', 'b': 'y'", "{\"a\":\"x\"}", "python_literal,cut"},
		{"{'a': None, 'b': ('c', 'd", "{\"a\":null,\"b\":[\"c\"]}", "python_literal,cut"},
		{"{'a': None, 'b': ('c'", "{\"a\":null}", "python_literal,cut"},
		{"{'a': None, 'b': {'c', 'd", "{\"a\":null,\"b\":[\"c\"]}", "python_literal,cut"},
		{"OrderedDict([('a', 1), ('b'", "{\"a\":1}", "python_literal,cut"},
		{"{'a': 1, 'b': {'c': tru", "{\"a\":1}", "python_literal,cut"},
		{"{'a': true, 'b': 'c", "{\"a\":true}", "quotes,cut"},
		{"{", NULL, NULL},
		{"{\"a\": [\"x", NULL, NULL},
		{"[\"x", NULL, NULL},
	};

	(void)state;
	CHECK_ROWS(rows, &object);
}

static struct json_object *schema_of_two(void)
{
	static const char text[] =
		"{\"type\":\"object\",\"additionalProperties\":false,"
		"\"required\":[\"title\",\"materials\"],\"properties\":{"
		"\"title\":{\"type\":[\"string\",\"null\"]},"
		"\"materials\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}}}}";
	struct json_object *schema = NULL;

	assert_int_equal(json_schema_load(text, sizeof(text) - 1, &schema, NULL), 0);
	return schema;
}

static void the_schema_decides_what_is_whole(void **state)
{
	static const struct {
		const char *in, *out;
		enum repair_verdict verdict;
	} rows[] = {
		{"{\"title\":\"x\",\"materials\":[]}", "", REPAIR_UNCHANGED},
		{"{'title': None, 'materials': ['oil']}",
		 "{\"title\":null,\"materials\":[\"oil\"]}", REPAIR_MENDED},
		{"{\"title\":\"x\"}", "{\"title\":\"x\"}", REPAIR_SALVAGED},
		{"{\"title\":\"x\",\"materials\":[1]}", "{\"title\":\"x\"}", REPAIR_SALVAGED},
		{"{\"title\":\"x\",\"materials\":[],\"note\":1}",
		 "{\"title\":\"x\",\"materials\":[]}", REPAIR_SALVAGED},
		{"{\"title\":\"x\",\"title\":\"y\",\"materials\":[]}", "{\"materials\":[]}",
		 REPAIR_SALVAGED},
		{"{\"title\":\"x\",\"materials\":[\"oil\",\"can",
		 "{\"title\":\"x\",\"materials\":[\"oil\"]}", REPAIR_SALVAGED},
		{"{\"note\":1}", "", REPAIR_REFUSED},
		{"{\"result\":{\"title\":\"x\",\"materials\":[]}}", "", REPAIR_REFUSED},
		{"[]", "", REPAIR_REFUSED},
	};
	struct json_object *schema = schema_of_two();
	const struct repair_rules rules = {.object = true, .schema = schema};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct repaired r;

		repair_text(rows[i].in, strlen(rows[i].in), &rules, &r);
		assert_int_equal(r.verdict, rows[i].verdict);
		assert_string_equal(r.text.data, rows[i].out);
		assert_int_equal(r.is_misfit, r.verdict == REPAIR_REFUSED ||
						      r.report.of[REPAIR_MISFIT].count > 0 ||
						      i == 2);
		repaired_clear(&r);
	}
	json_object_put(schema);
}

static void the_report_tells_places_and_bytes(void **state)
{
	static const char text[] = "Yes: {\"a\": \"x\",\n \"b\": 'y";
	struct strbuf report;
	struct repaired r;

	(void)state;
	strbuf_init(&report, 4096);
	repair_text(text, strlen(text), &object, &r);
	repaired_tell(&r, &report);
	assert_string_equal(report.data,
			    "\"verdict\":\"salvaged\",\"classes\":{"
			    "\"prose\":{\"count\":1,\"offset\":0,\"dropped\":4},"
			    "\"python_literal\":{\"count\":1,\"offset\":22,\"dropped\":0},"
			    "\"cut\":{\"count\":1,\"offset\":17,\"dropped\":7}}");
	strbuf_clear(&report);
	repaired_clear(&r);
}

static void a_refusal_tells_where_and_why(void **state)
{
	struct repaired r;

	(void)state;
	repair_text("{\"a\": text}", 11, &any, &r);
	assert_int_equal(r.verdict, REPAIR_REFUSED);
	assert_string_equal(r.fault.what, "text without quotes");
	assert_int_equal(r.fault.offset, 6);
	repaired_clear(&r);
}

/* Ever the same pattern, at two lengths: what is not linear shows. */
static size_t steps_of(const char *pattern, size_t bytes)
{
	const size_t len = strlen(pattern);
	char *text = malloc(bytes);
	struct repaired r;
	size_t steps;

	assert_non_null(text);
	for (size_t i = 0; i < bytes; i++)
		text[i] = pattern[i % len];
	repair_text(text, bytes, &object, &r);
	steps = r.steps;
	assert_true(r.text.cap <= 8 * bytes + 1024);
	repaired_clear(&r);
	free(text);
	return steps;
}

static void time_is_linear(void **state)
{
	static const char *const patterns[] = {
		"[",
		"{",
		"{\"a\":",
		"[1,",
		"(",
		"\"",
		"'",
		"\\",
		"\\\"",
		"{\"a\":1}",
		"x [",
		"[x] ",
		"```json\n",
		"<think>",
		"</think>",
		"{'a':1,",
		"'a' ",
		"b'a' ",
		"OrderedDict([('a',",
		"/*",
		"#",
		"\xe2\x80\x9c",
		"\"\\\"",
		"{{",
		"[[1],",
		"1",
		"-",
		"a:",
		"[\"",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++)
		for (size_t bytes = 1000; bytes <= 100000; bytes *= 10)
			assert_true(steps_of(patterns[i], bytes) <= 16 * bytes);
}

static void the_list_of_classes_fits_its_column(void **state)
{
	struct repair_report all;
	char list[64];

	(void)state;
	for (size_t i = 0; i < REPAIR_CLASS_COUNT; i++) {
		assert_non_null(repair_names[i]);
		all.of[i] = (struct repair_seen){.count = 1};
	}
	repair_list(&all, list, sizeof(list));
	assert_true(strlen(list) < sizeof(list));
	assert_int_not_equal(list[strlen(list) - 1], ',');
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(valid_json_passes_byte_for_byte),
		cmocka_unit_test(envelopes_are_taken_off),
		cmocka_unit_test(of_a_document_that_is_cut_off_what_is_whole_is_kept),
		cmocka_unit_test(the_schema_decides_what_is_whole),
		cmocka_unit_test(the_report_tells_places_and_bytes),
		cmocka_unit_test(a_refusal_tells_where_and_why),
		cmocka_unit_test(time_is_linear),
		cmocka_unit_test(the_list_of_classes_fits_its_column),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
