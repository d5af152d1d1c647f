/* SPDX-License-Identifier: ISC */
/* Tests of core/outcome.c: what calls, lines and failed batches mean, by tables; back-off. */
#include "tests/unit/check.h"

#include <string.h>

#include "core/outcome.h"
#include "core/timemath.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

#define D OUTCOME_DONE
#define L OUTCOME_LATER
#define N OUTCOME_NEVER
#define U OUTCOME_UNKNOWN

#define ONE    SCOPE_CALL
#define RECIPE SCOPE_RECIPE
#define ALL    SCOPE_ALL

/* clang-format off */

/* Calls that came back with a status; a write is a call that must not be repeated blindly. */
static const struct call_case {
	int http;
	const char *code, *type, *message;
	enum outcome read, write;
	enum outcome_scope scope;
	const char *want;
} calls[] = {
	{ 200, NULL, NULL, NULL, D, D, ONE, "ok" },
	{ 201, NULL, NULL, NULL, D, D, ONE, "ok" },
	{ 299, "server_error", NULL, NULL, D, D, ONE, "ok" },

	/* refusals: definite for a write too */
	{ 400, NULL, NULL, NULL, N, N, ONE, "bad_request" },
	{ 400, "never_heard_of", "invalid_request_error", "No.", N, N, ONE, "bad_request" },
	{ 404, NULL, NULL, NULL, N, N, ONE, "not_found" },
	{ 404, "batch_not_found", NULL, NULL, N, N, ONE, "not_found" },
	{ 404, NULL, "invalid_request_error", "No such File object: file-abc",
	  L, L, ONE, "file_not_found" },
	{ 413, NULL, NULL, NULL, N, N, ONE, "too_large" },
	{ 422, NULL, NULL, NULL, N, N, ONE, "bad_request" },
	{ 425, NULL, NULL, NULL, L, L, ONE, "too_early" },
	{ 429, NULL, NULL, NULL, L, L, ONE, "rate_limited" },
	{ 429, "rate_limit_exceeded", "requests", "Rate limit reached", L, L, ONE, "rate_limited" },
	{ 429, NULL, "tokens", "Rate limit reached", L, L, ONE, "rate_limited" },
	{ 429, "rate_limit_exceeded", "tokens", "Request too large for gpt-5 on tokens per min",
	  N, N, ONE, "too_long" },
	{ 429, NULL, NULL, "Resource Unavailable", L, L, ONE, "no_capacity" },
	{ 498, "capacity_exceeded", NULL, NULL, L, L, ONE, "no_capacity" },
	{ 498, NULL, NULL, NULL, L, L, ONE, "no_capacity" },
	{ 400, NULL, NULL, "File is too large.", N, N, ONE, "file_too_large" },
	{ 409, NULL, NULL, "Cannot cancel a batch with status 'completed'.",
	  N, N, ONE, "not_cancellable" },
	{ 400, NULL, NULL, "We could not parse the JSON body of your request.",
	  L, L, ONE, "spurious_parse_error" },

	/* what stops everything is never the item's fault */
	{ 401, NULL, NULL, NULL, L, L, ALL, "invalid_api_key" },
	{ 401, "invalid_api_key", NULL, NULL, L, L, ALL, "invalid_api_key" },
	{ 402, NULL, NULL, NULL, L, L, ALL, "insufficient_quota" },
	{ 403, NULL, NULL, NULL, L, L, ALL, "forbidden" },
	{ 302, NULL, NULL, NULL, L, L, ALL, "redirected" },
	{ 429, "insufficient_quota", "insufficient_quota", "You exceeded your current quota",
	  L, L, ALL, "insufficient_quota" },
	{ 429, "credit_balance_exhausted", NULL, NULL, L, L, ALL, "insufficient_quota" },
	{ 400, "organization_spend_limit_exceeded", NULL, NULL, L, L, ALL, "insufficient_quota" },
	{ 403, "project_spend_limit_exceeded", NULL, NULL, L, L, ALL, "insufficient_quota" },
	{ 429, "organization_usage_limit_exceeded", NULL, NULL, L, L, ALL, "insufficient_quota" },
	{ 429, NULL, "insufficient_quota", NULL, L, L, ALL, "insufficient_quota" },
	{ 400, "billing_hard_limit_reached", NULL, NULL, L, L, ALL, "insufficient_quota" },
	{ 400, NULL, NULL, "Organizations are limited to 100 GB of files",
	  L, L, ALL, "storage_full" },

	/* the recipe's fault */
	{ 404, "model_not_found", NULL, "The model `x` does not exist",
	  N, N, RECIPE, "model_not_found" },
	{ 400, "unsupported_parameter", NULL, NULL, N, N, RECIPE, "bad_parameter" },
	{ 400, "unsupported_value", NULL, NULL, N, N, RECIPE, "bad_parameter" },
	{ 400, NULL, NULL, "Invalid schema for response_format 'x': In context=()",
	  N, N, RECIPE, "bad_schema" },

	/* may have been carried out */
	{ 408, NULL, NULL, NULL, L, U, ONE, "request_timeout" },
	{ 409, NULL, NULL, NULL, L, U, ONE, "conflict" },
	{ 500, NULL, NULL, NULL, L, U, ONE, "server_error" },
	{ 500, "server_error", "server_error", "The server had an error",
	  L, U, ONE, "server_error" },
	{ 502, NULL, NULL, "<html>Bad gateway</html>", L, U, ONE, "server_error" },
	{ 503, NULL, NULL, NULL, L, U, ONE, "overloaded" },
	{ 503, NULL, NULL, "upstream connect error or disconnect/reset", L, U, ONE, "overloaded" },
	{ 504, NULL, NULL, NULL, L, U, ONE, "server_error" },
	{ 520, NULL, NULL, NULL, L, U, ONE, "server_error" },
	{ 0, NULL, NULL, NULL, L, U, ONE, "bad_status" },
	{ 101, NULL, NULL, NULL, L, U, ONE, "bad_status" },
	{ 1000, NULL, NULL, NULL, L, U, ONE, "bad_status" },
	{ -5, NULL, NULL, NULL, L, U, ONE, "bad_status" },
	/* but not where the provider itself says that it was turned away */
	{ 503, "slow_down", NULL, NULL, L, L, ONE, "overloaded" },
	{ 503, NULL, NULL, "The engine is currently overloaded, please try again later",
	  L, L, ONE, "overloaded" },
	{ 503, NULL, NULL, "Slow Down", L, L, ONE, "overloaded" },
};

static const struct line_case {
	int http;
	const char *code, *type, *message;
	enum outcome outcome;
	enum outcome_scope scope;
	bool is_void;
	const char *want;
} lines[] = {
	/* never ran */
	{ 0, NULL, NULL, NULL, L, ONE, true, "void" },
	{ 0, "", "", "", L, ONE, true, "void" },
	{ 0, "batch_expired", NULL, "This request could not be executed before",
	  L, ONE, true, "batch_expired" },
	{ 0, "batch_cancelled", NULL, NULL, L, ONE, true, "batch_cancelled" },
	{ 0, "never_heard_of", NULL, "x", L, ONE, true, "void" },
	{ 429, NULL, NULL, NULL, L, ONE, true, "rate_limited" },
	{ 429, "rate_limit_exceeded", "requests", NULL, L, ONE, true, "rate_limited" },
	{ 429, "insufficient_quota", "insufficient_quota", NULL,
	  L, ALL, true, "insufficient_quota" },
	{ 401, NULL, NULL, NULL, L, ALL, true, "invalid_api_key" },
	{ 402, NULL, NULL, NULL, L, ALL, true, "insufficient_quota" },
	{ 498, NULL, NULL, NULL, L, ONE, true, "no_capacity" },

	/* their fault */
	{ 0, "server_error", NULL, NULL, L, ONE, false, "server_error" },
	{ 500, NULL, NULL, NULL, L, ONE, false, "server_error" },
	{ 500, "server_error", "server_error", "An error occurred", L, ONE, false, "server_error" },
	{ 502, NULL, NULL, NULL, L, ONE, false, "server_error" },
	{ 503, NULL, NULL, NULL, L, ONE, false, "overloaded" },
	{ 408, NULL, NULL, NULL, L, ONE, false, "request_timeout" },
	{ 409, NULL, NULL, NULL, L, ONE, false, "conflict" },
	{ 200, "never_heard_of", NULL, NULL, L, ONE, false, "bad_status" },
	{ 302, NULL, NULL, NULL, L, ONE, false, "bad_status" },

	/* the item's */
	{ 400, "invalid_image", NULL, NULL, N, ONE, false, "bad_image" },
	{ 400, "invalid_image_format", NULL, NULL, N, ONE, false, "bad_image" },
	{ 400, "invalid_base64_image", NULL, NULL, N, ONE, false, "bad_image" },
	{ 400, "invalid_image_url", NULL, NULL, N, ONE, false, "bad_image" },
	{ 400, "invalid_value", NULL, "Invalid image URL: 'x'.", N, ONE, false, "bad_image" },
	{ 400, "image_too_large", NULL, NULL, N, ONE, false, "bad_image" },
	{ 400, "image_too_small", NULL, NULL, N, ONE, false, "bad_image" },
	{ 400, "image_parse_error", NULL, NULL, N, ONE, false, "bad_image" },
	{ 400, "invalid_image_mode", NULL, NULL, N, ONE, false, "bad_image" },
	{ 400, "image_file_too_large", NULL, NULL, N, ONE, false, "bad_image" },
	{ 400, "unsupported_image_media_type", NULL, NULL, N, ONE, false, "bad_image" },
	{ 400, "empty_image_file", NULL, NULL, N, ONE, false, "bad_image" },
	{ 400, "image_file_not_found", NULL, NULL, N, ONE, false, "bad_image" },
	{ 400, "failed_to_download_image", NULL, NULL, L, ONE, false, "image_download_failed" },
	{ 400, "invalid_value", NULL, "Error while downloading https://a/b.jpg.",
	  L, ONE, false, "image_download_failed" },
	{ 400, "invalid_image_url", NULL, "Timeout while downloading https://a/b.jpg.",
	  L, ONE, false, "image_download_failed" },
	{ 400, NULL, NULL, "You uploaded an unsupported image. Please",
	  N, ONE, false, "bad_image" },
	{ 400, "image_content_policy_violation", NULL, NULL, N, ONE, false, "content_policy" },
	{ 400, "INVALID_PROMPT", NULL, NULL, N, ONE, false, "content_policy" },
	{ 400, "content_filter", NULL, NULL, N, ONE, false, "content_filter" },
	{ 400, "context_length_exceeded", NULL, NULL, N, ONE, false, "too_long" },
	{ 400, NULL, NULL, "This model's maximum context length is 8192 tokens.",
	  N, ONE, false, "too_long" },
	{ 413, NULL, NULL, NULL, N, ONE, false, "too_large" },
	{ 400, NULL, NULL, NULL, N, ONE, false, "bad_request" },
	{ 422, NULL, NULL, NULL, N, ONE, false, "bad_request" },
	/* a dead URL stops nobody else, though its code is also one of parameters */
	{ 400, "invalid_value", NULL, "Invalid value: 'ftp://a'.", N, ONE, false, "bad_request" },
	/* what a client's text says after the beginning counts for nothing */
	{ 400, NULL, NULL, "Bad URL 'Invalid schema for response_format'",
	  N, ONE, false, "bad_request" },
	{ 400, NULL, NULL, "Error while downloading Enqueued token limit reached",
	  L, ONE, false, "image_download_failed" },

	/* the recipe's */
	{ 403, NULL, NULL, "Request blocked", N, RECIPE, false, "forbidden" },
	{ 404, NULL, NULL, NULL, N, RECIPE, false, "model_not_found" },
	{ 404, "model_not_found", NULL, NULL, N, RECIPE, false, "model_not_found" },
	{ 400, "unknown_parameter", NULL, NULL, N, RECIPE, false, "bad_parameter" },
	{ 400, NULL, NULL, "Invalid schema for response_format 'lot_description'",
	  N, RECIPE, false, "bad_schema" },
};

static const struct failure_case {
	const char *code, *message;
	enum outcome outcome;
	enum outcome_scope scope;
	const char *want;
} failures[] = {
	{ "token_limit_exceeded", "Enqueued token limit reached for gpt-5",
	  L, ONE, "token_limit_exceeded" },
	{ NULL, "Enqueued token limit reached for gpt-5", L, ONE, "token_limit_exceeded" },
	{ NULL, "Cannot find file file-abc, or organization org-x does not have access to it.",
	  L, ONE, "file_not_found" },
	{ "invalid_request", "Cannot find file file-abc, or organization",
	  L, ONE, "file_not_found" },
	{ "billing_hard_limit_reached", NULL, L, ALL, "insufficient_quota" },
	{ "input_no_permissions", NULL, L, ALL, "forbidden" },
	{ "model_not_found", NULL, N, RECIPE, "model_not_found" },
	{ "model_mismatch", NULL, N, RECIPE, "model_mismatch" },
	{ "mismatched_model", NULL, N, RECIPE, "model_mismatch" },
	{ "invalid_json_line", "This line is not parseable as valid JSON.",
	  N, ONE, "bad_input_file" },
	{ "duplicate_custom_id", NULL, N, ONE, "bad_input_file" },
	{ "url_mismatch", NULL, N, ONE, "bad_input_file" },
	{ "empty_file", NULL, N, ONE, "bad_input_file" },
	{ "empty_batch", NULL, N, ONE, "bad_input_file" },
	{ "too_many_tasks", NULL, N, ONE, "bad_input_file" },
	{ "input_modified", NULL, N, ONE, "bad_input_file" },
	{ "never_heard_of", "x", N, ONE, "batch_failed" },
	{ NULL, NULL, N, ONE, "batch_failed" },
};

/* Retry-After as it came, and what is waited at least. */
static const struct {
	int http;
	const char *code;
	int64_t retry_after_us, want;
} waits[] = {
	{ 429, NULL, -1, 0 },
	{ 429, NULL, 0, 0 },
	{ 429, NULL, 50 * T_MS, 50 * T_MS },
	{ 429, NULL, 10 * T_MIN, 10 * T_MIN },
	{ 429, NULL, 11 * T_MIN, 10 * T_MIN },
	{ 429, NULL, INT64_MAX, 10 * T_MIN },
	{ 429, NULL, INT64_MIN, 0 },
	{ 503, NULL, 20 * T_S, 20 * T_S },
	/* one probe per 10 minutes where everything stopped */
	{ 429, "insufficient_quota", -1, 10 * T_MIN },
	{ 401, NULL, 5 * T_S, 10 * T_MIN },
	/* nothing is waited for */
	{ 400, NULL, 5 * T_S, 0 },
	{ 200, NULL, 5 * T_S, 0 },
};

/* clang-format on */

static void calls_mean_what_the_table_says(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(calls); i++) {
		const struct call_case *t = &calls[i];
		struct call_result r = {
			.transport = TRANSPORT_OK,
			.http_status = t->http,
			.error_code = t->code,
			.error_type = t->type,
			.error_message = t->message,
			.retry_after_us = -1,
		};

		for (int write = 0; write < 2; write++) {
			struct call_outcome o;

			r.is_write = write;
			o = call_classify(&r);
			if (o.outcome != (write ? t->write : t->read) || o.scope != t->scope ||
			    strcmp(o.code, t->want) != 0)
				fail_msg("row %zu (%d %s %s), %s: %s, scope %d, %s", i, t->http,
					 t->code, t->message, write ? "write" : "read",
					 outcome_names[o.outcome], (int)o.scope, o.code);
		}
	}
}

static void a_lost_answer_of_a_write_is_unknown(void **state)
{
	struct call_result r = {.transport = TRANSPORT_LOST, .is_write = true};
	struct call_outcome o = call_classify(&r);

	(void)state;
	assert_int_equal(o.outcome, OUTCOME_UNKNOWN);
	assert_string_equal(o.code, "answer_lost");
	r.is_write = false;
	assert_int_equal(call_classify(&r).outcome, OUTCOME_LATER);
	/* without a connection nothing was carried out */
	r.transport = TRANSPORT_NOT_SENT;
	r.is_write = true;
	o = call_classify(&r);
	assert_int_equal(o.outcome, OUTCOME_LATER);
	assert_string_equal(o.code, "not_connected");
}

static void waits_are_capped(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(waits); i++) {
		const struct call_result r = {
			.http_status = waits[i].http,
			.error_code = waits[i].code,
			.retry_after_us = waits[i].retry_after_us,
		};
		const int64_t wait = call_classify(&r).wait_us;

		if (wait != waits[i].want)
			fail_msg("row %zu waits %lld us", i, (long long)wait);
	}
}

static void lines_mean_what_the_table_says(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(lines); i++) {
		const struct line_case *t = &lines[i];
		const struct line_outcome o = line_classify(t->http, t->code, t->type, t->message);

		if (o.outcome != t->outcome || o.scope != t->scope || o.is_void != t->is_void ||
		    strcmp(o.code, t->want) != 0)
			fail_msg("row %zu (%d %s %s): %s, scope %d, void %d, %s", i, t->http,
				 t->code, t->message, outcome_names[o.outcome], (int)o.scope,
				 o.is_void, o.code);
	}
}

static void completions_are_refused_as_the_table_says(void **state)
{
	static const struct {
		int http;
		bool has_error;
		const char *code, *message;
		enum outcome outcome;
		bool is_void, no_room;
	} rows[] = {
		{429, true, "rate_limit_exceeded", NULL, L, true, true},
		{429, true, "resource_unavailable", NULL, L, true, true},
		{429, false, NULL, NULL, L, true, true},
		{429, true, "never_heard_of", NULL, L, true, true},
		{498, true, "capacity_exceeded", NULL, L, true, true},
		{503, true, NULL, "Busy", L, true, true},
		{503, true, "overloaded", NULL, L, true, true},
		{503, false, NULL, NULL, L, false, false}, /* of a proxy */
		{500, true, "server_error", NULL, L, false, false},
		{400, true, NULL, NULL, N, false, false},
		/* no waiting cures it */
		{429, true, "rate_limit_exceeded", "Request too large for gpt-5", N, false, false},
		/* everything stops: it never ran, but room was not what lacked */
		{429, true, "insufficient_quota", NULL, L, true, false},
		{401, true, NULL, NULL, L, true, false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		bool no_room;
		const struct line_outcome o =
			completion_refused(rows[i].http, rows[i].has_error, rows[i].code, NULL,
					   rows[i].message, &no_room);

		if (o.outcome != rows[i].outcome || o.is_void != rows[i].is_void ||
		    no_room != rows[i].no_room)
			fail_msg("row %zu (%d %s): %s, void %d, no room %d", i, rows[i].http,
				 rows[i].code, outcome_names[o.outcome], o.is_void, no_room);
	}
}

static void failed_batches_mean_what_the_table_says(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(failures); i++) {
		const struct failure_case *t = &failures[i];
		const struct call_outcome o = batch_failure_classify(t->code, t->message);

		if (o.outcome != t->outcome || o.scope != t->scope || strcmp(o.code, t->want) != 0)
			fail_msg("row %zu (%s %s): %s, scope %d, %s", i, t->code, t->message,
				 outcome_names[o.outcome], (int)o.scope, o.code);
	}
}

/* Over every status: a write is done, refused or unknown; what is unknown is never called later. */
static void a_write_is_never_repeated_after_a_5xx(void **state)
{
	(void)state;
	for (int http = -1; http <= 1100; http++) {
		const struct call_result r = {.http_status = http, .is_write = true};
		const struct call_outcome o = call_classify(&r);
		const struct line_outcome l = line_classify(http, NULL, NULL, NULL);

		if (http >= 500 || http < 200 || http == 408 || http == 409)
			assert_int_equal(o.outcome, OUTCOME_UNKNOWN);
		else
			assert_int_not_equal(o.outcome, OUTCOME_UNKNOWN);
		assert_int_equal(o.outcome == OUTCOME_DONE, http >= 200 && http <= 299);
		assert_true(strlen(o.code) <= 32 && strlen(l.code) <= 32);
		assert_true(l.outcome == OUTCOME_LATER || l.outcome == OUTCOME_NEVER);
	}
}

static void backoff_doubles_to_a_minute_with_jitter(void **state)
{
	(void)state;
	for (unsigned n = 0; n < 40; n++) {
		const int64_t full = n <= 1 ? T_S : n <= 6 ? T_S << (n - 1) : 60 * T_S;
		int64_t low = INT64_MAX, high = 0;

		for (uint64_t seed = 0; seed < 1000; seed++) {
			const int64_t wait = backoff_us(n, seed);

			assert_true(wait >= full * 3 / 4 && wait <= full * 5 / 4);
			assert_true(wait == backoff_us(n, seed));
			low = t_min(low, wait);
			high = t_max(high, wait);
		}
		/* the whole range: many that failed together do not come back together */
		assert_true(low < full * 77 / 100 && high > full * 123 / 100);
	}
	assert_true(backoff_us(UINT32_MAX, UINT64_MAX) <= 75 * T_S);
	assert_true(backoff_us(7, 1) != backoff_us(8, 1));
}

static void every_outcome_has_a_name(void **state)
{
	(void)state;
	for (int i = 0; i < OUTCOME_COUNT; i++)
		assert_non_null(outcome_names[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(calls_mean_what_the_table_says),
		cmocka_unit_test(a_lost_answer_of_a_write_is_unknown),
		cmocka_unit_test(waits_are_capped),
		cmocka_unit_test(lines_mean_what_the_table_says),
		cmocka_unit_test(completions_are_refused_as_the_table_says),
		cmocka_unit_test(failed_batches_mean_what_the_table_says),
		cmocka_unit_test(a_write_is_never_repeated_after_a_5xx),
		cmocka_unit_test(backoff_doubles_to_a_minute_with_jitter),
		cmocka_unit_test(every_outcome_has_a_name),
	};

	return cmocka_run_group_tests_name("outcome", tests, NULL, NULL);
}
