/* SPDX-License-Identifier: ISC */
#include "fcgi_app/breaker.h"

#include "tests/unit/check.h"

#define NOW INT64_C(1000000000)

static void a_closed_breaker_lets_everyone_pass(void **state)
{
	struct breaker b = {0};

	(void)state;
	for (int i = 0; i < 3; i++)
		assert_true(breaker_pass(&b, NOW));
}

static void after_a_failure_nobody_passes_for_a_pause(void **state)
{
	struct breaker b = {0};

	(void)state;
	breaker_fail(&b, NOW);
	assert_false(breaker_pass(&b, NOW));
	assert_false(breaker_pass(&b, NOW + BREAKER_PAUSE_US - 1));
}

static void after_the_pause_one_passes_in_each_pause(void **state)
{
	struct breaker b = {0};
	int64_t now = NOW;

	(void)state;
	breaker_fail(&b, now);
	for (int i = 0; i < 3; i++) {
		now += BREAKER_PAUSE_US;
		assert_true(breaker_pass(&b, now));
		assert_false(breaker_pass(&b, now));
		assert_false(breaker_pass(&b, now + BREAKER_PAUSE_US / 2));
	}
}

static void a_success_closes_it(void **state)
{
	struct breaker b = {0};

	(void)state;
	breaker_fail(&b, NOW);
	breaker_succeed(&b);
	assert_true(breaker_pass(&b, NOW));
	assert_true(breaker_pass(&b, NOW));
}

static void a_failed_probe_begins_a_new_pause(void **state)
{
	struct breaker b = {0};
	int64_t now = NOW + BREAKER_PAUSE_US;

	(void)state;
	breaker_fail(&b, NOW);
	assert_true(breaker_pass(&b, now));
	breaker_fail(&b, now + BREAKER_PAUSE_US / 2);
	assert_false(breaker_pass(&b, now + BREAKER_PAUSE_US));
	assert_true(breaker_pass(&b, now + BREAKER_PAUSE_US * 3 / 2));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_closed_breaker_lets_everyone_pass),
		cmocka_unit_test(after_a_failure_nobody_passes_for_a_pause),
		cmocka_unit_test(after_the_pause_one_passes_in_each_pause),
		cmocka_unit_test(a_success_closes_it),
		cmocka_unit_test(a_failed_probe_begins_a_new_pause),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
