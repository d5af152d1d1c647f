/* SPDX-License-Identifier: ISC */
#include "fcgi_app/quota.h"

#include "core/timemath.h"
#include "tests/unit/check.h"

#define NOW   INT64_C(1000000000)
#define QUOTA 60
#define STEP  T_S

static struct quota rate;

static int begin(void **state)
{
	(void)state;
	quota_init(&rate, QUOTA);
	return 0;
}

static int end(void **state)
{
	(void)state;
	quota_clear(&rate);
	return 0;
}

/* How many of n are allowed at that moment. */
static int allowed(int64_t account_id, int n, int64_t now)
{
	int count = 0;

	while (n-- > 0)
		count += quota_take(&rate, account_id, 1, now).allowed;
	return count;
}

static void a_minutes_worth_may_come_at_once(void **state)
{
	(void)state;
	for (int i = 1; i <= QUOTA; i++) {
		struct quota_verdict v = quota_take(&rate, 1, 1, NOW);

		assert_true(v.allowed);
		assert_int_equal(v.remaining, QUOTA - i);
		assert_int_equal(v.next_at, NOW + STEP);
	}
	assert_false(quota_take(&rate, 1, 1, NOW).allowed);
}

static void what_is_refused_costs_nothing_and_says_when(void **state)
{
	struct quota_verdict v;

	(void)state;
	allowed(1, QUOTA, NOW);
	for (int i = 0; i < 1000; i++) {
		v = quota_take(&rate, 1, 1, NOW + STEP / 4);
		assert_false(v.allowed);
		assert_int_equal(v.remaining, 0);
		assert_int_equal(v.next_at, NOW + STEP);
	}
	assert_false(quota_take(&rate, 1, 1, v.next_at - 1).allowed);
	v = quota_take(&rate, 1, 1, v.next_at);
	assert_true(v.allowed);
	assert_int_equal(v.remaining, 0);
}

static void it_fills_steadily_and_never_above_its_brim(void **state)
{
	(void)state;
	allowed(1, QUOTA, NOW);
	assert_int_equal(allowed(1, QUOTA, NOW + 5 * STEP), 5);
	assert_int_equal(allowed(1, QUOTA, NOW + 6 * STEP + STEP / 2), 1);
	assert_int_equal(allowed(1, QUOTA, NOW + 7 * STEP), 1);
	assert_int_equal(allowed(1, 2 * QUOTA, NOW + T_DAY), QUOTA);
}

static void accounts_do_not_disturb_one_another(void **state)
{
	(void)state;
	assert_int_equal(allowed(1, 2 * QUOTA, NOW), QUOTA);
	assert_int_equal(allowed(2, 2 * QUOTA, NOW), QUOTA);
	assert_int_equal(allowed(1, 1, NOW), 0);
}

static void a_full_table_gives_up_what_is_nearest_to_full(void **state)
{
	(void)state;
	allowed(1, QUOTA, NOW);
	for (int64_t id = 2; id < 100 * QUOTA_SETS * QUOTA_WAYS; id++)
		assert_true(quota_take(&rate, id, 1, NOW).allowed);
	assert_false(quota_take(&rate, 1, 1, NOW).allowed);
}

static void a_look_takes_nothing(void **state)
{
	(void)state;
	allowed(1, 10, NOW);
	for (int i = 0; i < 2 * QUOTA; i++) {
		struct quota_verdict v = quota_take(&rate, 1, 0, NOW);

		assert_true(v.allowed);
		assert_int_equal(v.remaining, QUOTA - 10);
		assert_int_equal(v.next_at, NOW + STEP);
	}
	assert_int_equal(quota_take(&rate, 2, 0, NOW).remaining, QUOTA);
}

static void zero_is_no_limit(void **state)
{
	(void)state;
	quota_init(&rate, 0);
	assert_int_equal(allowed(1, 100000, NOW), 100000);
}

static void odd_quotas_are_kept_too(void **state)
{
	(void)state;
	quota_init(&rate, 7);
	assert_int_equal(allowed(1, 100, NOW), 7);
	assert_int_equal(allowed(1, 100, NOW + T_MIN), 7);
	quota_init(&rate, 1000000);
	assert_int_equal(allowed(1, 1000001, NOW), 1000000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_minutes_worth_may_come_at_once, begin, end),
		cmocka_unit_test_setup_teardown(what_is_refused_costs_nothing_and_says_when, begin,
						end),
		cmocka_unit_test_setup_teardown(it_fills_steadily_and_never_above_its_brim, begin,
						end),
		cmocka_unit_test_setup_teardown(accounts_do_not_disturb_one_another, begin, end),
		cmocka_unit_test_setup_teardown(a_full_table_gives_up_what_is_nearest_to_full,
						begin, end),
		cmocka_unit_test_setup_teardown(a_look_takes_nothing, begin, end),
		cmocka_unit_test_setup_teardown(zero_is_no_limit, begin, end),
		cmocka_unit_test_setup_teardown(odd_quotas_are_kept_too, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
