/* SPDX-License-Identifier: ISC */
#include "core/rate.h"

#include "tests/unit/check.h"

#define LEAST (30 * RATE_LEAST_BYTES_PER_S) /* of a whole span */

static void a_span_is_judged_at_its_end(void **state)
{
	static const struct {
		int64_t us, bytes; /* of each step */
		int steps;
		bool ok; /* after all of them; all before are */
	} cases[] = {
		{0, 0, 1, true},
		{RATE_SPAN_US - 1, 0, 1, true},
		{RATE_SPAN_US, 0, 1, false},
		{RATE_SPAN_US, LEAST - 1, 1, false},
		{RATE_SPAN_US, LEAST, 1, true},
		{2 * RATE_SPAN_US, LEAST, 1, false},
		{2 * RATE_SPAN_US, 2 * LEAST, 1, true},
		{T_S, RATE_LEAST_BYTES_PER_S, 90, true},
		{T_S, RATE_LEAST_BYTES_PER_S - 1, 30, false},
		{T_MS, 1, 30000, false},
		{1, 1 << 20, 1000, true},
		{INT64_MAX, INT64_MAX, 1, true},
		{INT64_MAX, LEAST, 1, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rate r = {0};

		for (int n = 1; n < cases[i].steps; n++)
			assert_true(rate_add(&r, cases[i].us, cases[i].bytes));
		assert_int_equal(rate_add(&r, cases[i].us, cases[i].bytes), cases[i].ok);
	}
}

static void a_fast_beginning_excuses_no_crawl(void **state)
{
	struct rate r = {0};

	(void)state;
	assert_true(rate_add(&r, T_S, 100 * LEAST));
	assert_true(rate_add(&r, RATE_SPAN_US - T_S, 0)); /* the first span is over */
	assert_true(rate_add(&r, RATE_SPAN_US - 1, 0));
	assert_false(rate_add(&r, 1, 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_span_is_judged_at_its_end),
		cmocka_unit_test(a_fast_beginning_excuses_no_crawl),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
