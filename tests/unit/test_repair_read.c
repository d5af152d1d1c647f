/* SPDX-License-Identifier: ISC */
/* core/repair_lenient.c, core/repair_python*.c: the grammars, class by class. */
#include "tests/unit/repair_rows.h"

static const struct repair_rules any = {.object = false};

static void python_literals_are_read_by_their_grammar(void **state)
{
	static const struct repair_row rows[] = {
		{"{'a': None, 'b': True, 'c': False}", "{\"a\":null,\"b\":true,\"c\":false}",
		 "python_literal"},
		{"{'a': \"it's\"}", "{\"a\":\"it's\"}", "python_literal"},
		{"{'a': 'say \"x\"'}", "{\"a\":\"say \\\"x\\\"\"}", "python_literal"},
		{"{'a': 'it\\'s'}", "{\"a\":\"it's\"}", "python_literal"},
		{"'Caf\\xe9 \\U0001f600 \\x07 \\101\\n'",
		 "\"Caf\xc3\xa9 \xf0\x9f\x98\x80 \\u0007 A\\n\"", "python_literal"},
		{"'\\d \\/ \\\n.'", "\"\\\\d \\\\/ .\"", "python_literal"},
		{"'\\ud83d\\ude00 \\udfff'", "\"\\ud83d\\ude00 \\udfff\"", "python_literal"},
		{"r'C:\\new\\'s'", "\"C:\\\\new\\\\'s\"", "python_literal"},
		{"u'x'", "\"x\"", "python_literal"},
		{"'''a\n'b'\r\n'''", "\"a\\n'b'\\n\"", "python_literal"},
		{"['oil '\n 'on canvas']", "[\"oil on canvas\"]", "python_literal"},
		{"('a' \"b\" r'\\c')", "\"ab\\\\c\"", "python_literal"},
		{"b'caf\\xc3\\xa9'", "\"caf\xc3\xa9\"", "python_literal,bytes"},
		{"b'\\u0041'", "\"\\\\u0041\"", "python_literal,bytes"},
		{"b'\\xff'", NULL, NULL},
		{"b'a' 'b'", NULL, NULL},
		{"f'{x}'", NULL, NULL},
		{"'\\N{BULLET}'", NULL, NULL},
		{"'\\x4'", NULL, NULL},
		{"'\\U00110000'", NULL, NULL},
		{"'a\nb", NULL, NULL},
		{"(1, 2)", "[1,2]", "python_literal"},
		{"(1,)", "[1]", "python_literal"},
		{"((1))", "1", "python_literal"},
		{"()", "[]", "python_literal"},
		{"{1, 'a'}", "[1,\"a\"]", "python_literal"},
		{"{1}", "[1]", "python_literal"},
		{"set()", "[]", "python_literal"},
		{"frozenset({'a'})", "[\"a\"]", "python_literal"},
		{"frozenset()", "[]", "python_literal"},
		{"{'n': 12345678901234567890123}", "{\"n\":12345678901234567890123}",
		 "python_literal"},
		{"(1_000, 0xFF, 0o17, 0b11, -0x10)", "[1000,255,15,3,-16]", "python_literal"},
		{"(1., .5, 1E5, 1_0.2_5e-1_0, -0.0, 007.5)", "[1.0,0.5,1E5,10.25e-10,-0.0,7.5]",
		 "python_literal"},
		{"(+1, - 2, 00)", "[1,-2,0]", "python_literal"},
		{"('a', 007)", NULL, NULL},
		{"('a', 1__0)", NULL, NULL},
		{"('a', 1j)", NULL, NULL},
		{"('a', 1+2j)", NULL, NULL},
		{"('a', 0x10000000000000000)", NULL, NULL},
		{"{'a': nan, 'b': inf, 'c': -inf}", "{\"a\":null,\"b\":null,\"c\":null}",
		 "python_literal,nulled"},
		{"{1: 'a', None: 2, True: 3, 1.5: 4}",
		 "{\"1\":\"a\",\"null\":2,\"true\":3,\"1.5\":4}", "python_literal,keys"},
		{"{-1: 2, 0.5: 3, 1e+16: 4}", "{\"-1\":2,\"0.5\":3,\"1e+16\":4}",
		 "python_literal,keys"},
		{"{1: 2}", "{\"1\":2}", "keys"},
		{"{(1, 2): 'a'}", NULL, NULL},
		{"{nan: 'a'}", "{\"nan\":\"a\"}", "quotes,keys"},
		{"{'a': 1,}", "{\"a\":1}", "python_literal"},
		{"{'a': 1, # one\n 'b': 2}", "{\"a\":1,\"b\":2}", "python_literal"},
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
	static const struct repair_row rows[] = {
		{"OrderedDict([('a', 1), ('b', [2])])", "{\"a\":1,\"b\":[2]}", "python_literal"},
		{"collections.OrderedDict({'a': 1})", "{\"a\":1}", "python_literal"},
		{"OrderedDict()", "{}", "python_literal"},
		{"OrderedDict([])", "{}", "python_literal"},
		{"OrderedDict([('a', OrderedDict([('b', None)]))])", "{\"a\":{\"b\":null}}",
		 "python_literal"},
		{"OrderedDict([('a', 1, 2)])", NULL, NULL},
		{"OrderedDict([('a',)])", NULL, NULL},
		{"defaultdict(<class 'list'>, {'a': [1]})", "{\"a\":[1]}", "python_literal"},
		{"defaultdict(None, {})", "{}", "python_literal"},
		{"Counter({'a': 2})", "{\"a\":2}", "python_literal"},
		{"Counter([1])", NULL, NULL},
		{"Decimal('1.20')", "1.20", "python_literal"},
		{"Decimal('-1E+3')", "-1E+3", "python_literal"},
		{"Decimal('NaN')", "null", "python_literal,nulled"},
		{"Decimal('1.2.3')", NULL, NULL},
		{"Decimal('')", NULL, NULL},
		{"UUID('365a09ce-5416-49b5-8471-d6aad042761c')",
		 "\"365a09ce-5416-49b5-8471-d6aad042761c\"", "python_literal"},
		{"UUID('\"}')", NULL, NULL},
		{"datetime.date(1888, 1, 2)", "\"1888-01-02\"", "python_literal"},
		{"datetime.datetime(2024, 1, 2, 3, 4)", "\"2024-01-02T03:04:00\"",
		 "python_literal"},
		{"datetime(2024, 1, 2, 3, 4, 5, 60)", "\"2024-01-02T03:04:05.000060\"",
		 "python_literal"},
		{"datetime.datetime(2024, 1, 2, 3, 4, tzinfo=datetime.timezone.utc)",
		 "\"2024-01-02T03:04:00+00:00\"", "python_literal"},
		{"datetime.datetime(2024, 1, 2, 3, 4, "
		 "tzinfo=datetime.timezone(datetime.timedelta(days=-1, seconds=68400), 'EST'))",
		 "\"2024-01-02T03:04:00-05:00\"", "python_literal"},
		{"datetime.time(23, 5)", "\"23:05:00\"", "python_literal"},
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
	static const struct repair_row rows[] = {
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
	static const struct repair_row rows[] = {
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
		{"{0x1F: 2}", NULL, NULL},
		{"{\"a\": }", NULL, NULL},
		{"[1,,2]", NULL, NULL},
		{"[,1]", NULL, NULL},
		{"[1 2]", NULL, NULL},
		{"[\"oil\" \"canvas\"]", NULL, NULL},
		{"[\"a\", ...]", NULL, NULL},
		{"{\"a\": \"\\u00g0\",}", NULL, NULL},
		{"{\"a\": \"Caf\\xe9\", \"b\": null}", NULL, NULL},
		{"{\"a\": \"C:\\archive\\v2\\07\", \"b\": null}", NULL, NULL},
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

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(python_literals_are_read_by_their_grammar),
		cmocka_unit_test(reprs_of_the_library_become_what_they_say),
		cmocka_unit_test(json_is_read_with_what_people_do_to_it),
		cmocka_unit_test(what_can_be_read_in_two_ways_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
