/* SPDX-License-Identifier: ISC */
/* Tests of core/result_line.c: what lines are, by tables; texts byte for byte; cost. */
#include "tests/unit/check.h"

#include <json-c/json_object.h>
#include <stdlib.h>
#include <string.h>

#include "core/json_schema.h"
#include "core/limits.h"
#include "core/result_line.h"
#include "core/strbuf.h"
#include "tests/unit/result_lines.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static const char schema_text[] =
	"{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"t\",\"p\"],"
	"\"properties\":{\"t\":{\"type\":\"string\"},\"p\":{\"type\":[\"string\",\"null\"]}}}";
static struct json_object *schema;

static int load_schema(void **state)
{
	(void)state;
	return json_schema_load(schema_text, sizeof(schema_text) - 1, &schema, NULL);
}

static int drop_schema(void **state)
{
	(void)state;
	json_object_put(schema);
	return 0;
}

static bool same(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static void check_value(const struct line_case *t, const struct result *r)
{
	const struct json_span value = result_value(r);
	const char *want = t->value ? t->value : t->text;

	if (value.n != strlen(want) || memcmp(value.p, want, value.n) != 0)
		fail_msg("%s: value %.*s", t->what, (int)value.n, value.p);
}

static void check_line(const struct line_case *t)
{
	struct result r;

	result_line_read(t->line, strlen(t->line), schema, &r);
	if (r.kind != t->kind || r.grade != t->grade || r.outcome != t->outcome ||
	    r.scope != t->scope || !same(r.code, t->code) || !same(r.text, t->text) ||
	    strcmp(r.message, t->message) != 0)
		fail_msg("%s: kind %d, grade %d, outcome %d, scope %d, code %s, text %s, "
			 "message %s",
			 t->what, (int)r.kind, (int)r.grade, (int)r.outcome, (int)r.scope, r.code,
			 r.text, r.message);
	assert_int_equal(r.text_n, t->text == NULL ? 0 : strlen(t->text));
	if (r.grade >= GRADE_SALVAGED)
		check_value(t, &r);
	if (t->kind == A || t->kind == F || t->kind == V) {
		assert_int_equal(r.item, 42);
		assert_int_equal(r.attempt, 3);
		assert_string_equal(r.mark, "0123456789abcdef");
	}
	result_clear(&r);
	assert_null(r.text);
	result_clear(&r);
}

static void lines_are_what_the_table_says(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(lines); i++)
		check_line(&lines[i]);
}

static void without_a_schema_any_object_fits(void **state)
{
	static const char line[] = ANSWER("\"stop\"", "\"{\\\"x\\\":[1]}\"");
	static const char array[] = ANSWER("\"stop\"", "\"[1]\"");
	struct result r;

	(void)state;
	result_line_read(line, sizeof(line) - 1, NULL, &r);
	assert_int_equal(r.grade, GRADE_VALID);
	result_clear(&r);
	result_line_read(array, sizeof(array) - 1, NULL, &r);
	assert_string_equal(r.code, "schema_mismatch");
	result_clear(&r);
}

/* A line that was cut off, wherever, is broken: nothing is guessed. */
static void every_beginning_of_a_line_is_broken(void **state)
{
	static const char line[] =
		ANSWER("\"stop\"", "\"{\\\"t\\\":\\\"\\u00e9\\\",\\\"p\\\":null}\"");
	struct result r;

	(void)state;
	for (size_t n = 0; n < sizeof(line) - 1; n++) {
		char *exact = malloc(n + 1);

		assert_non_null(exact);
		memcpy(exact, line, n);
		result_line_read(exact, n, schema, &r);
		assert_int_equal(r.kind, RESULT_BROKEN);
		assert_null(r.doc);
		free(exact);
	}
}

static void texts_come_to_the_code_unit(void **state)
{
	/* clang-format off */
	static const struct {
		const char *content, *text;
		size_t n;
		const char *code;	/* NULL: valid */
	} t[] = {
		{ "\"{\\\"a\\\":\\\"\\ud83d\\ude00\\\"}\"",
		  "{\"a\":\"\xf0\x9f\x98\x80\"}", 12, NULL },
		{ "\"{\\\"a\\\":\\\"\\ufffd\\\"}\"", "{\"a\":\"\xef\xbf\xbd\"}", 11, NULL },
		{ "\"{\\\"a\\\":\\\"\xef\xbf\xbd\\\"}\"", "{\"a\":\"\xef\xbf\xbd\"}", 11, NULL },
		{ "\"{\\\"a\\\":\\\"\\\\ud800\\\"}\"", "{\"a\":\"\\ud800\"}", 14, NULL },
		{ "\"{\\\"a\\\":1e400,\\\"b\\\":12345678901234567890}\"",
		  "{\"a\":1e400,\"b\":12345678901234567890}", 36, NULL },
		{ "\"{\\\"a\\\":1,\\\"a\\\":2}\"", "{\"a\":1,\"a\":2}", 13, NULL },
		/* a NUL does not end a text */
		{ "\"{\\\"a\\\":\\\"\\u0000b\\\"}\"", "{\"a\":\"\0b\"}", 10, NULL },
		{ "\"{}\\u0000\"", "{}\0", 3, "invalid_json" },
		/* lone surrogates are kept apart from each other and from U+FFFD */
		{ "\"{\\\"a\\\":\\\"\\ud800\\\"}\"",
		  "{\"a\":\"\xed\xa0\x80\"}", 11, "invalid_json" },
		{ "\"\\uDBFF\\uD800\"", "\xed\xaf\xbf\xed\xa0\x80", 6, "invalid_json" },
		{ "\"\\udfff\\ud83d\\ude00\\udc01x\"",
		  "\xed\xbf\xbf\xf0\x9f\x98\x80\xed\xb0\x81x", 11, "invalid_json" },
		{ "\"\\ud800\\\\udc00\"", "\xed\xa0\x80\\udc00", 9, "invalid_json" },
	};
	/* clang-format on */

	(void)state;
	for (size_t i = 0; i < COUNT(t); i++) {
		struct strbuf line;
		struct result r;

		strbuf_init(&line, LIMIT_LINE_BYTES);
		strbuf_addf(&line,
			    LINE("\"response\":{\"status_code\":200,\"body\":{\"choices\":["
				 "{\"message\":{\"content\":%s}}]}}"),
			    t[i].content);
		result_line_read(line.data, line.len, NULL, &r);
		if (r.kind != RESULT_ANSWER || r.text_n != t[i].n ||
		    memcmp(r.text, t[i].text, t[i].n) != 0 || !same(r.code, t[i].code))
			fail_msg("row %zu: %zu bytes, %s", i, r.text_n, r.code);
		result_clear(&r);
		strbuf_clear(&line);
	}
}

static void what_comes_beside_the_text_is_read(void **state)
{
	static const char line[] = LINE(
		"\"response\":{\"status_code\":200,\"request_id\":\"req_1\",\"body\":{"
		"\"model\":\"gpt-5-2025-08-07\",\"service_tier\":\"default\",\"usage\":{"
		"\"prompt_tokens\":1500,\"completion_tokens\":300,\"total_tokens\":1800,"
		"\"prompt_tokens_details\":{\"cached_tokens\":1024}},"
		"\"choices\":[{\"message\":{\"content\":null},\"finish_reason\":\"length\"}]}}");
	struct result r;

	(void)state;
	result_line_read(line, sizeof(line) - 1, schema, &r);
	assert_int_equal(r.kind, RESULT_ANSWER);
	assert_int_equal(r.grade, GRADE_REFUSED);
	assert_int_equal(r.text_n, 0);
	assert_string_equal(r.model, "gpt-5-2025-08-07");
	assert_string_equal(r.service_tier, "default");
	assert_string_equal(r.request_id, "req_1");
	/* an answer without text is paid for too */
	assert_int_equal(r.input_tokens, 1500);
	assert_int_equal(r.cached_tokens, 1024);
	assert_int_equal(r.output_tokens, 300);
	result_clear(&r);
}

static void absurd_counts_become_harmless(void **state)
{
	/* clang-format off */
	static const struct {
		const char *in, *cached, *out;
		int64_t want_in, want_cached, want_out;
	} t[] = {
		{ "-5", "-1", "-7", 0, 0, 0 },
		{ "10", "11", "1.5", 10, 10, 0 },
		{ "99999999999999999999999", "1", "4294967296", 0, 0, 4294967295 },
		{ "4294967295", "4294967295", "\"12\"", 4294967295, 4294967295, 12 },
		{ "null", "null", "\"\"", 0, 0, 0 },
		{ "[]", "{}", "true", 0, 0, 0 },
	};
	/* clang-format on */

	(void)state;
	for (size_t i = 0; i < COUNT(t); i++) {
		struct strbuf body;
		struct result r;

		strbuf_init(&body, LIMIT_LINE_BYTES);
		strbuf_addf(&body,
			    "{\"usage\":{\"prompt_tokens\":%s,\"completion_tokens\":%s,"
			    "\"prompt_tokens_details\":{\"cached_tokens\":%s}}}",
			    t[i].in, t[i].out, t[i].cached);
		result_body_read(body.data, body.len, NULL, &r);
		if (r.input_tokens != t[i].want_in || r.cached_tokens != t[i].want_cached ||
		    r.output_tokens != t[i].want_out)
			fail_msg("row %zu", i);
		result_clear(&r);
		strbuf_clear(&body);
	}
}

/* Columns and logs hold them: cut between characters, on one line, valid UTF-8. */
static void short_texts_are_cut_and_cleaned(void **state)
{
	struct strbuf line;
	struct result r;

	(void)state;
	strbuf_init(&line, LIMIT_LINE_BYTES);
	strbuf_adds(
		&line,
		"{\"custom_id\":\"1-1-0123456789abcdef\",\"response\":{\"status_code\":500,"
		"\"request_id\":\"a\\nb\\u0000c\\u007f\\ud800\",\"body\":{\"error\":{\"code\":\"");
	for (int i = 0; i < 100; i++)
		strbuf_adds(&line, "x");
	strbuf_adds(&line, "\",\"message\":\"");
	for (int i = 0; i < 239; i++)
		strbuf_adds(&line, "m");
	strbuf_adds(&line, "\xc3\xa9 and more\"}}}}");
	result_line_read(line.data, line.len, NULL, &r);
	assert_int_equal(r.kind, RESULT_FAILURE);
	assert_string_equal(r.request_id, "a b c \xef\xbf\xbd");
	assert_int_equal(strlen(r.message), 239);
	assert_int_equal(r.message[238], 'm');
	result_clear(&r);
	strbuf_clear(&line);
}

/* Of what tells neither a text nor tokens nor an error it is not known whether it was paid for. */
static void what_tells_no_cost_may_have_been_paid_for(void **state)
{
	static const struct {
		const char *body;
		bool untold;
	} rows[] = {
		{"{}", true},
		{"{\"choices\":[]}", true},
		{CHOICE("\"stop\"", "{\"content\":null}"), true},
		{CHOICE("\"length\"", "{\"content\":\"\"}"), true},
		{CHOICE("\"content_filter\"", "{\"content\":\"\"}"), false},
		{CHOICE("\"stop\"", "{\"content\":\"x\"}"), false},
		{"{\"choices\":[],\"usage\":{\"prompt_tokens\":1}}", false},
		{"{\"error\":{\"code\":\"server_error\"}}", false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct result r;

		result_body_read(rows[i].body, strlen(rows[i].body), schema, &r);
		if (r.is_cost_untold != rows[i].untold)
			fail_msg("row %zu: %d", i, r.is_cost_untold);
		result_clear(&r);
	}
}

static void a_body_is_read_as_a_line_is(void **state)
{
	static const char good[] =
		CHOICE("\"stop\"", "{\"content\":\"{\\\"t\\\":\\\"x\\\",\\\"p\\\":null}\"}");
	static const char *const broken[] = {"",     "<html>",        "[]",
					     "null", "{\"choices\":", "\xef\xbb"};
	struct result r;

	(void)state;
	result_body_read(good, sizeof(good) - 1, schema, &r);
	assert_int_equal(r.kind, RESULT_ANSWER);
	assert_int_equal(r.grade, GRADE_VALID);
	assert_string_equal(r.text, "{\"t\":\"x\",\"p\":null}");
	assert_string_equal(r.model, "gpt-5-2025-08-07");
	assert_int_equal(r.item, 0);
	assert_string_equal(r.mark, "");
	result_clear(&r);
	for (size_t i = 0; i < COUNT(broken); i++) {
		result_body_read(broken[i], strlen(broken[i]), schema, &r);
		assert_int_equal(r.kind, RESULT_BROKEN);
		assert_int_equal(r.outcome, OUTCOME_LATER);
	}
}

/* Escapes, brackets and backslashes of 8 MiB: a test that ends is linear. */
static void the_longest_line_is_read(void **state)
{
	static const char *const bits[] = {"\\u00e9", "\\\\\\\"", "[{", "\\ud800", "a"};
	static const size_t decoded[] = {2, 2, 2, 3, 1};

	(void)state;
	for (size_t k = 0; k < COUNT(bits); k++) {
		const size_t times = (LIMIT_LINE_BYTES - 500) / strlen(bits[k]);
		struct strbuf line;
		struct result r;

		strbuf_init(&line, LIMIT_LINE_BYTES);
		strbuf_adds(&line, "{\"custom_id\":\"1-1-0123456789abcdef\",\"response\":{"
				   "\"status_code\":200,\"body\":{\"choices\":[{\"message\":{"
				   "\"content\":\"");
		for (size_t i = 0; i < times; i++)
			strbuf_adds(&line, bits[k]);
		strbuf_adds(&line, "\"}}]}}}");
		assert_false(strbuf_failed(&line));
		result_line_read(line.data, line.len, schema, &r);
		assert_int_equal(r.kind, RESULT_ANSWER);
		assert_int_equal(r.text_n, times * decoded[k]);
		result_clear(&r);
		strbuf_clear(&line);
	}
}

static void costs_are_those_of_the_table(void **state)
{
	/* clang-format off */
	static const struct {
		int64_t in, cached, out;
		struct prices p;
		int64_t want;
	} t[] = {
		/* USD 1.25 and 10 per million: 1,000 in, 500 out, half price = 0.003125 USD */
		{ 1000, 0, 500, { 1250000, 125000, 10000000, 500000 }, 3125 },
		{ 1000, 0, 500, { 1250000, 125000, 10000000, 1000000 }, 6250 },
		{ 1000, 400, 500, { 1250000, 125000, 10000000, 1000000 }, 5800 },
		{ 1000, 5000, 0, { 1250000, 125000, 10000000, 1000000 }, 125 },
		{ 0, 0, 0, { 1250000, 125000, 10000000, 1000000 }, 0 },
		{ -1, -1, -1, { 1250000, 125000, 10000000, 1000000 }, 0 },
		{ 10, -5, 0, { 1000000, 1, 1, 1000000 }, 10 },
		/* half up: 0.5, and just below */
		{ 1, 0, 0, { 500000, 0, 0, 1000000 }, 1 },
		{ 1, 0, 0, { 499999, 0, 0, 1000000 }, 0 },
		{ 3, 0, 0, { 500000, 0, 0, 1000000 }, 2 },
		{ 1, 0, 0, { 1000000, 0, 0, 500000 }, 1 },
		/* beyond 64 bits on the way, and at the end */
		{ 4294967295, 0, 4294967295, { 1000000000000, 0, 1000000000000, 500000 },
		  4294967295000000 },
		{ INT64_MAX, 0, 0, { 1000000, 0, 0, 1000000 }, INT64_MAX },
		{ INT64_MAX, 0, 0, { 2000000, 0, 0, 1000000 }, INT64_MAX },
		{ INT64_MAX, 0, INT64_MAX, { INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX },
		  INT64_MAX },
		{ INT64_MAX, 0, 0, { INT64_MAX, 0, 0, 1 }, INT64_MAX },
		{ 1000, 0, 0, { -5, -5, -5, 1000000 }, 0 },
		{ 1000, 0, 0, { 1000000, 0, 0, -1 }, 0 },
	};
	/* clang-format on */

	(void)state;
	for (size_t i = 0; i < COUNT(t); i++) {
		const int64_t cost = result_cost(t[i].in, t[i].cached, t[i].out, &t[i].p);

		if (cost != t[i].want)
			fail_msg("row %zu costs %lld", i, (long long)cost);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_what_the_table_says),
		cmocka_unit_test(without_a_schema_any_object_fits),
		cmocka_unit_test(every_beginning_of_a_line_is_broken),
		cmocka_unit_test(texts_come_to_the_code_unit),
		cmocka_unit_test(what_comes_beside_the_text_is_read),
		cmocka_unit_test(absurd_counts_become_harmless),
		cmocka_unit_test(short_texts_are_cut_and_cleaned),
		cmocka_unit_test(what_tells_no_cost_may_have_been_paid_for),
		cmocka_unit_test(a_body_is_read_as_a_line_is),
		cmocka_unit_test(the_longest_line_is_read),
		cmocka_unit_test(costs_are_those_of_the_table),
	};

	return cmocka_run_group_tests_name("result_line", tests, load_schema, drop_schema);
}
