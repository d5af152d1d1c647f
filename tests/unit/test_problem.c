/* SPDX-License-Identifier: ISC */
#include "fcgi_app/problem.h"

#include <json-c/json.h>
#include <string.h>

#include "tests/unit/check.h"

static void every_problem_has_a_status_a_reason_and_a_document(void **state)
{
	(void)state;
	for (int p = 0; p < PROBLEM_COUNT; p++) {
		struct strbuf out;
		json_object *o;

		strbuf_init(&out, 4096);
		assert_int_equal(problem_render((enum problem)p, "d \"q\" \x01", NULL, 0, &out), 0);
		o = json_tokener_parse(out.data);
		assert_non_null(o);
		assert_int_equal(json_object_get_int(json_object_object_get(o, "status")),
				 problem_status((enum problem)p));
		assert_in_range(problem_status((enum problem)p), 400, 599);
		assert_string_not_equal(http_reason(problem_status((enum problem)p)), "Unknown");
		assert_string_equal(json_object_get_string(json_object_object_get(o, "title")),
				    http_reason(problem_status((enum problem)p)));
		assert_string_equal(json_object_get_string(json_object_object_get(o, "detail")),
				    "d \"q\" \x01");
		assert_true(strlen(json_object_get_string(json_object_object_get(o, "code"))) > 0);
		assert_null(json_object_object_get(o, "errors"));
		json_object_put(o);
		strbuf_clear(&out);
	}
}

static void faults_are_listed_with_their_places(void **state)
{
	const struct problem_fault faults[] = {
		{.pointer = "/lots/0/~1", .detail = "is \"odd\""},
		{.parameter = "limit", .detail = "is no number"},
		{.pointer = "", .detail = "is no JSON"},
	};
	struct strbuf out;

	(void)state;
	strbuf_init(&out, 4096);
	assert_int_equal(problem_render(PROBLEM_INVALID, "no", faults, 3, &out), 0);
	assert_string_equal(
		out.data,
		"{\"type\":\"about:blank\",\"title\":\"Unprocessable Content\","
		"\"status\":422,\"code\":\"invalid_request\",\"detail\":\"no\",\"errors\":["
		"{\"pointer\":\"/lots/0/~1\",\"detail\":\"is \\\"odd\\\"\"},"
		"{\"parameter\":\"limit\",\"detail\":\"is no number\"},"
		"{\"pointer\":\"\",\"detail\":\"is no JSON\"}]}\n");
	strbuf_clear(&out);
}

static void a_document_that_does_not_fit_fails(void **state)
{
	struct strbuf out;

	(void)state;
	strbuf_init(&out, 40);
	assert_int_equal(problem_render(PROBLEM_NOT_FOUND, "there is no such job", NULL, 0, &out),
			 -1);
	strbuf_clear(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_problem_has_a_status_a_reason_and_a_document),
		cmocka_unit_test(faults_are_listed_with_their_places),
		cmocka_unit_test(a_document_that_does_not_fit_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
