/* SPDX-License-Identifier: ISC */
/*
 * core/repair*.c: what comes of each class of malformed text. Where two readings are possible, or
 * something would have to be made up, the expectation is a refusal (OUT NULL).
 */
#include "tests/unit/check.h"

#include <json-c/json_object.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/json_schema.h"
#include "core/repair.h"

struct row {
	const char *in, *out; /* out: NULL: refused */
	const char *classes;
};

static const struct repair_rules any = {.object = false};
static const struct repair_rules object = {.object = true};

static void check_row(const struct row *row, const struct repair_rules *rules)
{
	const size_t n = strlen(row->in);
	char *exact = malloc(n ? n : 1); /* so that a sanitizer sees each byte read past it */
	char classes[256];
	struct repaired r, again;

	assert_non_null(exact);
	memcpy(exact, row->in, n);
	repair_text(exact, n, rules, &r);
	repair_list(&r.report, classes, sizeof(classes));
	if ((row->out == NULL) != (r.verdict == REPAIR_REFUSED))
		fail_msg("%s: %s", row->in,
			 r.verdict == REPAIR_REFUSED ? r.fault.what : r.text.data);
	if (row->out != NULL) {
		assert_string_equal(r.text.data, row->out);
		assert_string_equal(classes, row->classes);
		repair_text(r.text.data, r.text.len, rules, &again);
		assert_int_equal(again.verdict, REPAIR_UNCHANGED);
		repaired_clear(&again);
	}
	repaired_clear(&r);
	free(exact);
}

#define CHECK_ROWS(rows, rules)                                                  \
	do {                                                                     \
		for (size_t i_ = 0; i_ < sizeof(rows) / sizeof((rows)[0]); i_++) \
			check_row(&(rows)[i_], rules);                           \
	} while (0)

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

static void python_literals_are_read_by_their_grammar(void **state)
{
	static const struct row rows[] = {
		{"{'a': None, 'b': True, 'c': False}", "{\"a\":null,\"b\":true,\"c\":false}",
		 "python"},
		{"{'a': \"it's\"}", "{\"a\":\"it's\"}", "python"},
		{"{'a': 'say \"x\"'}", "{\"a\":\"say \\\"x\\\"\"}", "python"},
		{"{'a': 'it\\'s'}", "{\"a\":\"it's\"}", "python"},
		{"'Caf\\xe9 \\U0001f600 \\x07 \\101\\n'",
		 "\"Caf\xc3\xa9 \xf0\x9f\x98\x80 \\u0007 A\\n\"", "python"},
		{"'\\d \\/ \\\n.'", "\"\\\\d \\\\/ .\"", "python"},
		{"'\\ud83d\\ude00 \\udfff'", "\"\\ud83d\\ude00 \\udfff\"", "python"},
		{"r'C:\\new\\'s'", "\"C:\\\\new\\\\'s\"", "python"},
		{"u'x'", "\"x\"", "python"},
		{"'''a\n'b'\r\n'''", "\"a\\n'b'\\n\"", "python"},
		{"['oil '\n 'on canvas']", "[\"oil on canvas\"]", "python"},
		{"('a' \"b\" r'\\c')", "\"ab\\\\c\"", "python"},
		{"b'caf\\xc3\\xa9'", "\"caf\xc3\xa9\"", "python,bytes"},
		{"b'\\u0041'", "\"\\\\u0041\"", "python,bytes"},
		{"b'\\xff'", NULL, NULL},
		{"b'a' 'b'", NULL, NULL},
		{"f'{x}'", NULL, NULL},
		{"'\\N{BULLET}'", NULL, NULL},
		{"'\\x4'", NULL, NULL},
		{"'\\U00110000'", NULL, NULL},
		{"'a\nb", NULL, NULL},
		{"(1, 2)", "[1,2]", "python"},
		{"(1,)", "[1]", "python"},
		{"((1))", "1", "python"},
		{"()", "[]", "python"},
		{"{1, 'a'}", "[1,\"a\"]", "python"},
		{"{1}", "[1]", "python"},
		{"set()", "[]", "python"},
		{"frozenset({'a'})", "[\"a\"]", "python"},
		{"frozenset()", "[]", "python"},
		{"{'n': 12345678901234567890123}", "{\"n\":12345678901234567890123}", "python"},
		{"(1_000, 0xFF, 0o17, 0b11, -0x10)", "[1000,255,15,3,-16]", "python"},
		{"(1., .5, 1E5, 1_0.2_5e-1_0, -0.0, 007.5)", "[1.0,0.5,1E5,10.25e-10,-0.0,7.5]",
		 "python"},
		{"(+1, - 2, 00)", "[1,-2,0]", "python"},
		{"('a', 007)", NULL, NULL},
		{"('a', 1__0)", NULL, NULL},
		{"('a', 1j)", NULL, NULL},
		{"('a', 1+2j)", NULL, NULL},
		{"('a', 0x10000000000000000)", NULL, NULL},
		{"{'a': nan, 'b': inf, 'c': -inf}", "{\"a\":null,\"b\":null,\"c\":null}",
		 "python,nulled"},
		{"{1: 'a', None: 2, True: 3, 1.5: 4}",
		 "{\"1\":\"a\",\"null\":2,\"true\":3,\"1.5\":4}", "python,keys"},
		{"{(1, 2): 'a'}", NULL, NULL},
		{"{nan: 'a'}", "{\"nan\":\"a\"}", "quotes,keys"},
		{"{'a': 1,}", "{\"a\":1}", "python"},
		{"{'a': 1, # one\n 'b': 2}", "{\"a\":1,\"b\":2}", "python"},
		{"{'a': 1 'b': 2}", "{\"a\":1,\"b\":2}", "quotes,commas"},
		{"{'a': x}", NULL, NULL},
		{"{'a': <object object at 0x7f>}", NULL, NULL},
		{"{'a': print('x')}", NULL, NULL},
		{"{'a': [1, 2}", NULL, NULL},
	};

	(void)state;
	CHECK_ROWS(rows, &any);
}

static void reprs_of_the_library_become_what_they_say(void **state)
{
	static const struct row rows[] = {
		{"OrderedDict([('a', 1), ('b', [2])])", "{\"a\":1,\"b\":[2]}", "python"},
		{"collections.OrderedDict({'a': 1})", "{\"a\":1}", "python"},
		{"OrderedDict()", "{}", "python"},
		{"OrderedDict([])", "{}", "python"},
		{"OrderedDict([('a', OrderedDict([('b', None)]))])", "{\"a\":{\"b\":null}}",
		 "python"},
		{"OrderedDict([('a', 1, 2)])", NULL, NULL},
		{"OrderedDict([('a',)])", NULL, NULL},
		{"defaultdict(<class 'list'>, {'a': [1]})", "{\"a\":[1]}", "python"},
		{"defaultdict(None, {})", "{}", "python"},
		{"Counter({'a': 2})", "{\"a\":2}", "python"},
		{"Counter([1])", NULL, NULL},
		{"Decimal('1.20')", "1.20", "python"},
		{"Decimal('-1E+3')", "-1E+3", "python"},
		{"Decimal('NaN')", "null", "python,nulled"},
		{"Decimal('1.2.3')", NULL, NULL},
		{"Decimal('')", NULL, NULL},
		{"UUID('365a09ce-5416-49b5-8471-d6aad042761c')",
		 "\"365a09ce-5416-49b5-8471-d6aad042761c\"", "python"},
		{"UUID('\"}')", NULL, NULL},
		{"datetime.date(1888, 1, 2)", "\"1888-01-02\"", "python"},
		{"datetime.datetime(2024, 1, 2, 3, 4)", "\"2024-01-02T03:04:00\"", "python"},
		{"datetime(2024, 1, 2, 3, 4, 5, 60)", "\"2024-01-02T03:04:05.000060\"", "python"},
		{"datetime.datetime(2024, 1, 2, 3, 4, tzinfo=datetime.timezone.utc)",
		 "\"2024-01-02T03:04:00+00:00\"", "python"},
		{"datetime.datetime(2024, 1, 2, 3, 4, "
		 "tzinfo=datetime.timezone(datetime.timedelta(days=-1, seconds=68400), 'EST'))",
		 "\"2024-01-02T03:04:00-05:00\"", "python"},
		{"datetime.time(23, 5)", "\"23:05:00\"", "python"},
		{"datetime.datetime(2024, 13, 2, 3, 4)", NULL, NULL},
		{"datetime.datetime(2024, 1, 2, 3, 4, fold=1)", NULL, NULL},
		{"datetime.datetime(2024, 1, 2, 3, 4, tzinfo=zoneinfo.ZoneInfo(key='Europe/Paris'))",
		 NULL, NULL},
		{"datetime.date(2024, 1)", NULL, NULL},
		{"ObjectId('507f1f77')", NULL, NULL},
	};

	(void)state;
	CHECK_ROWS(rows, &any);
}

static void json_is_read_with_what_people_do_to_it(void **state)
{
	static const struct row rows[] = {
		{"{\"a\": 1,}", "{\"a\":1}", "commas"},
		{"[1, 2,]", "[1,2]", "commas"},
		{"{\"a\": 1\n\"b\": 2}", "{\"a\":1,\"b\":2}", "commas"},
		{"{\"a\": \"x\" \"b\": 2}", "{\"a\":\"x\",\"b\":2}", "commas"},
		{"[{\"a\": 1} {\"b\": 2}]", "[{\"a\":1},{\"b\":2}]", "commas"},
		{"[\"oil\"\n\"canvas\"]", "[\"oil\",\"canvas\"]", "commas"},
		{"{a: 1, $b_2: 2, c-d: 3, 7: 4}", "{\"a\":1,\"$b_2\":2,\"c-d\":3,\"7\":4}", "keys"},
		{"{'a': true, \"b\": null}", "{\"a\":true,\"b\":null}", "quotes"},
		{"{'a': None, 'b': null}", "{\"a\":null,\"b\":null}", "quotes,words"},
		{"{'a': 'it\\'s \\x41', 'b': null}", "{\"a\":\"it's A\",\"b\":null}",
		 "quotes,escapes"},
		{"{\xe2\x80\x9c"
		 "a\xe2\x80\x9d: \xe2\x80\x9cit's \"x\"\xe2\x80\x9d}",
		 "{\"a\":\"it's \\\"x\\\"\"}", "quotes"},
		{"{\xe2\x80\x9e"
		 "a\xe2\x80\x9c: 1}",
		 "{\"a\":1}", "quotes"},
		{"{\"a\": 1 /* one */, // two\n\"b\": 2 # three\n}", "{\"a\":1,\"b\":2}",
		 "comments"},
		{"{\"a\": \"x\ny\tz\"}", "{\"a\":\"x\\ny\\tz\"}", "controls"},
		{"{\"a\": \"C:\\dir it\\'s\"}", "{\"a\":\"C:\\\\dir it's\"}", "escapes"},
		{"{\"a\": \"x\\/\\ud83d\\ude00\",}", "{\"a\":\"x\\/\\ud83d\\ude00\"}", "commas"},
		{"{\"a\": undefined, \"b\": NaN, \"c\": -Infinity}",
		 "{\"a\":null,\"b\":null,\"c\":null}", "nulled"},
		{"{\"a\": 007, \"b\": .5, \"c\": 5., \"d\": +1, \"e\": 0xff}",
		 "{\"a\":\"007\",\"b\":0.5,\"c\":5.0,\"d\":1,\"e\":255}", "numbers"},
		{"{\"n\": 12345678901234567890123,}", "{\"n\":12345678901234567890123}", "commas"},
		{"{a: {b: [1, {c: 'd',},],},}", "{\"a\":{\"b\":[1,{\"c\":\"d\"}]}}",
		 "quotes,keys,commas"},
	};

	(void)state;
	CHECK_ROWS(rows, &any);
}

static void what_can_be_read_in_two_ways_is_refused(void **state)
{
	static const struct row rows[] = {
		{"", NULL, NULL},
		{" \n", NULL, NULL},
		{"Sorry, I cannot describe this lot.", NULL, NULL},
		{"<html><body>502 Bad Gateway</body></html>", NULL, NULL},
		{"<style>b {color: red}</style>", NULL, NULL},
		{"{\"a\": \"A \"fine\" chair\"}", NULL, NULL},
		{"{\"a\": \"size \"5\" inches\"}", NULL, NULL},
		{"{\"a\": text}", NULL, NULL},
		{"{\"a\": tru}", NULL, NULL},
		{"{\"a\", 1}", NULL, NULL},
		{"{:2}", NULL, NULL},
		{"{\"a\": }", NULL, NULL},
		{"[1,,2]", NULL, NULL},
		{"[,1]", NULL, NULL},
		{"[1 2]", NULL, NULL},
		{"[\"oil\" \"canvas\"]", NULL, NULL},
		{"[\"a\", ...]", NULL, NULL},
		{"{\"a\": \"\\u00g0\",}", NULL, NULL},
		{"{\"a\": \"Caf\\xe9\", \"b\": null}", NULL, NULL},
		{"{\"a\": 12px}", NULL, NULL},
		{"{\"a\": 1} {\"b\": 2}", NULL, NULL},
		{"{\"a\": 1}\n{\"a\": 2}\n", NULL, NULL},
		{"{\"a\": {\"b\": 1}}, \"c\": 2}", NULL, NULL},
		{"\"a\": {\"b\": 1}", NULL, NULL},
		{"First {\"a\": 1}, then {\"a\": 2}", NULL, NULL},
		{"```json\n{\"a\": 1}\n```\n```json\n{\"a\": 2}\n```", NULL, NULL},
		{"Use {braces}. {\"a\": 1}", NULL, NULL},
		{"<think>{\"a\": 1}", NULL, NULL},
		{"{\xe2\x80\x98"
		 "a\xe2\x80\x99: \xe2\x80\x98it\xe2\x80\x99s\xe2\x80\x99}",
		 NULL, NULL},
		{"{\"a\"\xef\xbc\x9a 1}", NULL, NULL},
		{"{\"a\": \xc2\xabx\xc2\xbb}", NULL, NULL},
		{"{\"a\": \"\xff\"}", NULL, NULL},
		{"{\"a\": 2}\xd3", NULL, NULL},
		{"{\"a\": \"\xed\xa0\x80\"}", NULL, NULL},
		{"{\"a\": \"x\" + \"y\"}", NULL, NULL},
	};

	(void)state;
	CHECK_ROWS(rows, &any);
}

static void envelopes_are_taken_off(void **state)
{
	static const struct row rows[] = {
		{"\xef\xbb\xbf{\"a\": 1}", "{\"a\": 1}", "bom"},
		{"```json\n{\"a\": 1}\n```", "{\"a\": 1}", "fence"},
		{"```\n{'a': 1}\n```\n", "{\"a\":1}", "fence,python"},
		{"~~~JSON\n{\"a\": 1}\n~~~", "{\"a\": 1}", "fence"},
		{"Here is the JSON:\n```json\n{\"a\": 1}\n```\nEnjoy!", "{\"a\": 1}",
		 "fence,prose"},
		{"Sure! {\"a\": \"{\"} Anything else?", "{\"a\": \"{\"}", "prose"},
		{"As asked [1], for [the] lot: {\"a\": [1]}", "{\"a\": [1]}", "prose"},
		{"<think>A {draft} of \"a\": 2</think>\n\n{\"a\": 1}", "{\"a\": 1}", "think"},
		{"a draft</think>{\"a\": True}", "{\"a\":true}", "think,python"},
		{"{\"a\": 1}}", "{\"a\": 1}", "brackets"},
		{"{\"a\": 1}\n]}", "{\"a\": 1}", "brackets"},
		{"\"{\\\"a\\\": 1}\"", "{\"a\": 1}", "encoded"},
		{"\"{'a': None}\"", "{\"a\":null}", "encoded,python"},
		{"'{\"a\": 1}'", "{\"a\": 1}", "encoded,python"},
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
	static const struct row rows[] = {
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
		{"{'a': 'x', 'b': 'y'", "{\"a\":\"x\"}", "python,cut"},
		{"{'a': None, 'b': ('c', 'd", "{\"a\":null,\"b\":[\"c\"]}", "python,cut"},
		{"{'a': None, 'b': ('c'", "{\"a\":null}", "python,cut"},
		{"{'a': None, 'b': {'c', 'd", "{\"a\":null,\"b\":[\"c\"]}", "python,cut"},
		{"OrderedDict([('a', 1), ('b'", "{\"a\":1}", "python,cut"},
		{"{'a': 1, 'b': {'c': tru", "{\"a\":1}", "python,cut"},
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
	repair_report_json(&r.report, &report);
	assert_string_equal(report.data, "{\"prose\":{\"count\":1,\"offset\":0,\"dropped\":4},"
					 "\"python\":{\"count\":1,\"offset\":22,\"dropped\":0},"
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
		cmocka_unit_test(python_literals_are_read_by_their_grammar),
		cmocka_unit_test(reprs_of_the_library_become_what_they_say),
		cmocka_unit_test(json_is_read_with_what_people_do_to_it),
		cmocka_unit_test(what_can_be_read_in_two_ways_is_refused),
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
