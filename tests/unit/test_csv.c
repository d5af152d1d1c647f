/* SPDX-License-Identifier: ISC */
/* csv: cells as spreadsheets and csv readers take them. */
#include "tests/unit/check.h"

#include <string.h>

#include "core/csv.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static struct strbuf out;

static struct csv_row fresh(void)
{
	struct csv_row row;

	strbuf_clear(&out);
	csv_begin(&row, &out);
	return row;
}

static void texts_stand_in_quotes(void **state)
{
	static const struct {
		const char *text, *cell;
	} cases[] = {
		{NULL, ""},
		{"", "\"\""},
		{"a", "\"a\""},
		{"a,b", "\"a,b\""},
		{"a\"b\"", "\"a\"\"b\"\"\""},
		{"a\r\nb", "\"a\r\nb\""},
		{" a ", "\" a \""},
		{"\"=1", "\"\"\"=1\""},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct csv_row row = fresh();

		csv_text(&row, cases[i].text);
		assert_string_equal(out.data, cases[i].cell);
	}
}

static void formulas_are_made_harmless(void **state)
{
	(void)state;
	for (const char *c = "=+-@\t\r\n"; *c; c++) {
		const char text[] = {*c, '1', '\0'};
		const char cell[] = {'"', '\'', *c, '1', '"', '\0'};
		struct csv_row row = fresh();

		csv_text(&row, text);
		assert_string_equal(out.data, cell);
	}
}

static void values_are_cells(void **state)
{
	static const struct {
		const char *json, *cell;
	} cases[] = {
		{"", ""},
		{"null", ""},
		{"true", "true"},
		{"false", "false"},
		{"12345678901234567890", "12345678901234567890"},
		{"-1.50e3", "'-1.50e3"},
		{"\"\"", "\"\""},
		{"\"a\\\"\\n\\u00e9\\ud83d\\ude00\"", "\"a\"\"\n\xc3\xa9\xf0\x9f\x98\x80\""},
		{"\"\\u003d1\"", "\"'=1\""},
		{"\"a\\u0000b\"", "\"a\xef\xbf\xbd"
				  "b\""},
		{"\"\\u0000\"", "\"\xef\xbf\xbd\""},
		{"\"\\ud800\"", "\"\xef\xbf\xbd\""},
		{"[]", "\"\""},
		{"[\"a\", \"b; c\",null,1, true]", "\"a; b; c; null; 1; true\""},
		{"[\"=a\",\"=b\"]", "\"'=a; =b\""},
		{"[\"\",\"\"]", "\"; \""},
		{"[{\"a\": \"\\n\"},[1, 2]]", "\"{\"\"a\"\": \"\"\\n\"\"}; [1, 2]\""},
		{"{\"a\":\n1}", "\"{\"\"a\"\":\n1}\""},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct csv_row row = fresh();

		csv_value(&row, json_span_of(cases[i].json, strlen(cases[i].json)));
		assert_string_equal(out.data, cases[i].cell);
	}
}

static void long_strings_are_whole(void **state)
{
	char json[5003] = "\"";
	struct csv_row row = fresh();

	(void)state;
	for (size_t n = 1; n < 5000; n += 1) {
		json[n] = n % 7 ? 'x' : ',';
		memcpy(json + n + 1, "\"", 2);
		row = fresh();
		csv_value(&row, (struct json_span){json, n + 2});
		assert_int_equal(out.len, n + 2);
		assert_memory_equal(out.data, json, n + 2);
	}
}

static void rows_end_as_RFC_4180_says(void **state)
{
	struct csv_row row = fresh();

	(void)state;
	csv_text(&row, NULL);
	csv_text(&row, "a");
	csv_text(&row, NULL);
	csv_end(&row);
	csv_begin(&row, &out);
	csv_value(&row, json_span_of("1", 1));
	csv_text(&row, "b");
	csv_end(&row);
	assert_string_equal(out.data, ",\"a\",\r\n1,\"b\"\r\n");
}

static int begin(void **state)
{
	(void)state;
	strbuf_init(&out, 1u << 20);
	return 0;
}

static int end(void **state)
{
	(void)state;
	strbuf_clear(&out);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_stand_in_quotes),
		cmocka_unit_test(formulas_are_made_harmless),
		cmocka_unit_test(values_are_cells),
		cmocka_unit_test(long_strings_are_whole),
		cmocka_unit_test(rows_end_as_RFC_4180_says),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
