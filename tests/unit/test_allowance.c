/* SPDX-License-Identifier: ISC */
/* What rate-limit headers allow (core/allowance.h). */
#include "tests/unit/check.h"

#include "core/allowance.h"
#include "core/timemath.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define T0           (1000 * T_DAY)

static void headers_are_read(void **state)
{
	static const struct {
		const char *name, *value;
		int64_t left[2], limit[2], full_in[2];
	} rows[] = {
		{"x-ratelimit-remaining-requests", "59", {59, -1}, {-1, -1}, {-1, -1}},
		{"X-RateLimit-Remaining-Tokens", "149984", {-1, 149984}, {-1, -1}, {-1, -1}},
		{"x-ratelimit-limit-requests", "60", {-1, -1}, {60, -1}, {-1, -1}},
		{"x-ratelimit-limit-tokens", "0", {-1, -1}, {-1, 0}, {-1, -1}},
		{"x-ratelimit-reset-requests", "12ms", {-1, -1}, {-1, -1}, {12 * T_MS, -1}},
		{"x-ratelimit-reset-requests", "60s", {-1, -1}, {-1, -1}, {60 * T_S, -1}},
		{"x-ratelimit-reset-tokens", "6m0s", {-1, -1}, {-1, -1}, {-1, 6 * T_MIN}},
		{"x-ratelimit-reset-tokens",
		 "1h2m3.5s",
		 {-1, -1},
		 {-1, -1},
		 {-1, T_H + 2 * T_MIN + 3500 * T_MS}},
		{"x-ratelimit-reset-tokens", "1d", {-1, -1}, {-1, -1}, {-1, T_DAY}},
		{"x-ratelimit-reset-tokens", "0s", {-1, -1}, {-1, -1}, {-1, 0}},
		{"x-ratelimit-reset-tokens", "", {-1, -1}, {-1, -1}, {-1, -1}},
		{"x-ratelimit-reset-tokens", "5", {-1, -1}, {-1, -1}, {-1, -1}},
		{"x-ratelimit-reset-tokens", "-5s", {-1, -1}, {-1, -1}, {-1, -1}},
		{"x-ratelimit-reset-tokens", "nans", {-1, -1}, {-1, -1}, {-1, -1}},
		{"x-ratelimit-reset-tokens", "1e300s", {-1, -1}, {-1, -1}, {-1, -1}},
		{"x-ratelimit-remaining-requests", "-1", {-1, -1}, {-1, -1}, {-1, -1}},
		{"x-ratelimit-remaining-requests", "5x", {-1, -1}, {-1, -1}, {-1, -1}},
		{"x-ratelimit-remaining-requests",
		 "99999999999999999999",
		 {-1, -1},
		 {-1, -1},
		 {-1, -1}},
		{"x-ratelimit-remaining-tokens_usage_based", "5", {-1, -1}, {-1, -1}, {-1, -1}},
		{"x-request-id", "5", {-1, -1}, {-1, -1}, {-1, -1}},
		{"x-ratelimit-", "5", {-1, -1}, {-1, -1}, {-1, -1}},
		{"", "5", {-1, -1}, {-1, -1}, {-1, -1}},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct allowance_told t = allowance_untold;

		allowance_header(&t, rows[i].name, rows[i].value);
		for (int k = 0; k < ALLOW_KINDS; k++) {
			if (t.left[k] != rows[i].left[k] || t.limit[k] != rows[i].limit[k] ||
			    t.full_in[k] != rows[i].full_in[k])
				fail_msg("%s: %s", rows[i].name, rows[i].value);
		}
	}
}

static struct allowance_told requests(int64_t left, int64_t limit, int64_t full_in)
{
	struct allowance_told t = allowance_untold;

	t.left[ALLOW_REQUESTS] = left;
	t.limit[ALLOW_REQUESTS] = limit;
	t.full_in[ALLOW_REQUESTS] = full_in;
	return t;
}

static void what_is_not_told_bounds_nothing(void **state)
{
	struct allowance a = {0};

	(void)state;
	assert_int_equal(allowance_room(&a, 16, T0), 16);
	allowance_learn(&a, &allowance_untold, allowance_sent(&a), T0);
	assert_int_equal(allowance_room(&a, 16, T0), 16);
}

static void calls_sent_since_are_taken_off(void **state)
{
	const struct allowance_told t = requests(5, 60, T_MIN);
	struct allowance a = {0};
	uint64_t first;

	(void)state;
	first = allowance_sent(&a);
	allowance_sent(&a);
	allowance_sent(&a);
	allowance_learn(&a, &t, first, T0);
	assert_int_equal(allowance_room(&a, 16, T0), 3);
	assert_int_equal(allowance_room(&a, 2, T0), 2);
	for (int i = 0; i < 5; i++)
		allowance_sent(&a);
	assert_int_equal(allowance_room(&a, 16, T0), 0);
}

static void a_bucket_fills_evenly_until_its_reset(void **state)
{
	const struct allowance_told t = requests(0, 60, T_MIN), no_limit = requests(0, -1, T_MIN);
	struct allowance a = {0};

	(void)state;
	allowance_learn(&a, &t, allowance_sent(&a), T0);
	assert_int_equal(allowance_room(&a, 100, T0 - T_H), 0); /* a clock that was put back */
	assert_int_equal(allowance_room(&a, 100, T0), 0);
	assert_int_equal(allowance_room(&a, 100, T0 + T_S - 1), 0);
	assert_int_equal(allowance_room(&a, 100, T0 + T_S), 1);
	assert_int_equal(allowance_room(&a, 100, T0 + 30 * T_S), 30);
	assert_int_equal(allowance_room(&a, 100, T0 + T_MIN - 1), 59);
	assert_int_equal(allowance_room(&a, 100, T0 + T_MIN), 100); /* it says no more */
	allowance_learn(&a, &no_limit, allowance_sent(&a), T0);
	assert_int_equal(allowance_room(&a, 100, T0 + T_MIN - 1), 0);
	assert_int_equal(allowance_room(&a, 100, T0 + T_MIN), 100);
}

static void the_call_that_was_sent_last_counts(void **state)
{
	const struct allowance_told few = requests(2, 60, T_MIN), many = requests(50, 60, T_MIN);
	struct allowance a = {0};
	const uint64_t first = allowance_sent(&a), second = allowance_sent(&a);

	(void)state;
	allowance_learn(&a, &few, second, T0);
	allowance_learn(&a, &many, first, T0);
	assert_int_equal(allowance_room(&a, 100, T0), 2);
}

static void tokens_count_by_what_an_answer_took(void **state)
{
	struct allowance_told t = allowance_untold;
	struct allowance a = {0};

	(void)state;
	t.left[ALLOW_TOKENS] = 10000;
	t.full_in[ALLOW_TOKENS] = T_MIN;
	allowance_learn(&a, &t, allowance_sent(&a), T0);
	assert_int_equal(allowance_room(&a, 16, T0), 16); /* what one takes is not known */
	allowance_used(&a, 0);
	allowance_used(&a, 2000);
	assert_int_equal(allowance_room(&a, 16, T0), 5);
	allowance_used(&a, 10000);
	assert_int_equal(a.tokens_each, 3000);
	assert_int_equal(allowance_room(&a, 16, T0), 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(headers_are_read),
		cmocka_unit_test(what_is_not_told_bounds_nothing),
		cmocka_unit_test(calls_sent_since_are_taken_off),
		cmocka_unit_test(a_bucket_fills_evenly_until_its_reset),
		cmocka_unit_test(the_call_that_was_sent_last_counts),
		cmocka_unit_test(tokens_count_by_what_an_answer_took),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
