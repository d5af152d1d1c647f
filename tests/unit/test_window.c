/* SPDX-License-Identifier: ISC */
/* How many calls, and on which tier (core/window.h). */
#include "tests/unit/check.h"

#include "core/timemath.h"
#include "core/window.h"

#define T0       (1000 * T_DAY)
#define DEADLINE (T0 + 10 * T_H)

static void test_opens_wide_and_counts_what_is_in_flight(void **state)
{
	struct window w;

	(void)state;
	window_init(&w, 16);
	assert_int_equal(window_room(&w, 0, T0), 16);
	assert_int_equal(window_room(&w, 15, T0), 1);
	assert_int_equal(window_room(&w, 16, T0), 0);
	assert_int_equal(window_room(&w, 17, T0), 0);
	window_init(&w, 0);
	assert_int_equal(window_room(&w, 0, T0), 1);
}

static void test_refusals_sent_together_halve_it_once(void **state)
{
	struct window w;

	(void)state;
	window_init(&w, 16);
	for (uint64_t i = 0; i < 16; i++)
		window_refused(&w, 0, true, T0, 0, i);
	assert_int_equal(w.size, 8);
	assert_int_equal(window_room(&w, 0, T0), 0);
	assert_true(w.not_before > T0);
	assert_int_equal(window_room(&w, 0, w.not_before), 8);
}

static void test_it_never_closes_for_good_and_grows_by_one(void **state)
{
	struct window w;

	(void)state;
	window_init(&w, 4);
	for (int i = 0; i < 10; i++)
		window_refused(&w, 0, true, w.not_before > T0 ? w.not_before : T0, 0, 7);
	assert_int_equal(w.size, 1);
	assert_int_equal(window_room(&w, 0, w.not_before), 1);
	for (int i = 0; i < 10; i++)
		window_answered(&w, 0);
	assert_int_equal(w.size, 4);
	assert_int_equal(w.refusals, 0);
}

static void test_what_the_provider_asks_for_is_kept_for_a_minute_at_most(void **state)
{
	struct window w;

	(void)state;
	window_init(&w, 4);
	window_refused(&w, 0, true, T0, 50 * T_S, 1);
	assert_int_equal(w.not_before, T0 + 50 * T_S);
	window_refused(&w, 0, true, T0, T_S, 1); /* a shorter wait does not shorten it */
	assert_int_equal(w.not_before, T0 + 50 * T_S);
	window_refused(&w, 0, true, T0, T_H, 1);
	assert_int_equal(w.not_before, T0 + T_MIN);
}

static void test_a_tier_gives_way_after_its_patience(void **state)
{
	struct window w;

	(void)state;
	window_init(&w, 4);
	assert_int_equal(window_tier(&w, 2, 15 * T_MIN, DEADLINE, T0), 0);
	window_refused(&w, 0, false, T0, 0, 1); /* lost: no fault of the tier */
	assert_int_equal(window_tier(&w, 2, 15 * T_MIN, DEADLINE, T0 + T_H), 0);
	window_refused(&w, 0, true, T0, 0, 1);
	assert_int_equal(window_tier(&w, 2, 15 * T_MIN, DEADLINE, T0 + 15 * T_MIN - 1), 0);
	assert_int_equal(window_tier(&w, 2, 15 * T_MIN, DEADLINE, T0 + 15 * T_MIN), 1);
	assert_int_equal(window_tier(&w, 1, 15 * T_MIN, DEADLINE, T0 + 15 * T_MIN), 0);
	/* What the second answers does not bring back the first: that would ask it between all calls. */
	window_answered(&w, 1);
	window_refused(&w, 1, true, T0 + 16 * T_MIN, 0, 1);
	assert_int_equal(window_tier(&w, 2, 15 * T_MIN, DEADLINE, T0 + 25 * T_MIN - 1), 1);
	assert_int_equal(window_tier(&w, 2, 15 * T_MIN, DEADLINE, T0 + 25 * T_MIN), 0);
	assert_int_equal(window_tier(&w, 2, 15 * T_MIN, DEADLINE, T0 + 25 * T_MIN), 0);
	window_refused(&w, 0, true, T0 + 25 * T_MIN, 0, 1);
	assert_int_equal(window_tier(&w, 2, 15 * T_MIN, DEADLINE, T0 + 39 * T_MIN), 0);
	assert_int_equal(window_tier(&w, 2, 15 * T_MIN, DEADLINE, T0 + 40 * T_MIN), 1);
	window_answered(&w, 0);
	assert_int_equal(window_tier(&w, 2, 15 * T_MIN, DEADLINE, T0 + 40 * T_MIN), 0);
}

static void test_a_tier_that_hangs_gives_way_when_its_call_is_cut(void **state)
{
	struct window w;

	(void)state;
	window_init(&w, 4);
	window_waited(&w, 0, T0); /* nothing was refused */
	assert_int_equal(window_tier(&w, 2, 15 * T_MIN, DEADLINE, T0 + T_H), 0);
	window_refused(&w, 0, true, T0 + 15 * T_MIN, 0, 1);
	window_waited(&w, 1, T0);
	assert_int_equal(window_tier(&w, 2, 15 * T_MIN, DEADLINE, T0 + 15 * T_MIN), 0);
	window_waited(&w, 0, T0);
	assert_int_equal(window_tier(&w, 2, 15 * T_MIN, DEADLINE, T0 + 15 * T_MIN), 1);
	window_waited(&w, 0, T0 + T_MIN); /* another that was sent later changes nothing */
	assert_int_equal(window_tier(&w, 2, 15 * T_MIN, DEADLINE, T0 + 15 * T_MIN), 1);
}

static void test_a_near_deadline_leaves_it_less(void **state)
{
	struct window w;

	(void)state;
	window_init(&w, 4);
	window_refused(&w, 0, true, T0, 0, 1);
	assert_int_equal(window_tier(&w, 2, 15 * T_MIN, T0 + 2 * T_MIN, T0 + T_MIN - 1), 0);
	assert_int_equal(window_tier(&w, 2, 15 * T_MIN, T0 + 2 * T_MIN, T0 + T_MIN), 1);
	assert_int_equal(window_tier(&w, 2, 15 * T_MIN, T0 - T_MIN, T0), 1); /* it is over */
	/* What is short of time does not begin the patience of the others anew. */
	assert_int_equal(window_tier(&w, 2, 15 * T_MIN, T0 + 2 * T_MIN, T0 + 14 * T_MIN), 1);
	assert_int_equal(window_tier(&w, 2, 15 * T_MIN, DEADLINE, T0 + 15 * T_MIN), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_opens_wide_and_counts_what_is_in_flight),
		cmocka_unit_test(test_refusals_sent_together_halve_it_once),
		cmocka_unit_test(test_it_never_closes_for_good_and_grows_by_one),
		cmocka_unit_test(test_what_the_provider_asks_for_is_kept_for_a_minute_at_most),
		cmocka_unit_test(test_a_tier_gives_way_after_its_patience),
		cmocka_unit_test(test_a_tier_that_hangs_gives_way_when_its_call_is_cut),
		cmocka_unit_test(test_a_near_deadline_leaves_it_less),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
