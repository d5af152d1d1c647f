/* SPDX-License-Identifier: ISC */
/* What calls are asked for, and how long they take (core/load.h). */
#include "tests/unit/check.h"

#include "core/load.h"
#include "core/timemath.h"

#define T0 (1000 * T_DAY)

static struct load load; /* too large for a stack frame of its own liking */

static void what_is_due_until_a_deadline_counts(void **state)
{
	static const struct {
		int64_t deadline_at, concurrency, want;
	} rows[] = {
		{T0 + T_H - 1, 16, 0},
		{T0 + T_H, 16, 2 * 15 * T_S}, /* 16 then 1 */
		{T0 + T_H, 17, 2 * 15 * T_S}, /* one stage after the other */
		{T0 + T_H, 8, 3 * 15 * T_S},
		{T0 + 2 * T_H, 16, 5 * 15 * T_S}, /* 20 then 40 */
		{T0 + 2 * T_H, 0, 60 * 15 * T_S}, /* one at least */
		{T_NEVER, 16, 5 * 15 * T_S},
	};

	(void)state;
	load_init(&load, 15 * T_S, false);
	assert_int_equal(load_needed(&load, T_NEVER, 16), 0);
	load_add(&load, T0 + T_H, 16, 1);
	load_add(&load, T0 + 2 * T_H, 4, 39);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const int64_t us = load_needed(&load, rows[i].deadline_at, rows[i].concurrency);

		if (us != rows[i].want)
			fail_msg("row %zu: %lld", i, (long long)us);
	}
}

static void the_last_of_too_many_deadlines_count_as_one(void **state)
{
	(void)state;
	load_init(&load, T_S, false);
	for (int i = 0; i < LOAD_DEADLINES + 10; i++)
		load_add(&load, T0 + i, 0, 1);
	assert_int_equal(load_needed(&load, T0 + LOAD_DEADLINES - 2, 1),
			 (LOAD_DEADLINES - 1) * T_S);
	assert_int_equal(load_needed(&load, T0 + LOAD_DEADLINES - 1, 1),
			 (LOAD_DEADLINES + 10) * T_S);
}

static void what_is_immense_is_never(void **state)
{
	(void)state;
	load_init(&load, T_NEVER / 2, true);
	load_add(&load, T0, UINT32_MAX, UINT32_MAX);
	assert_int_equal(load_needed(&load, T0, 1), T_NEVER);
}

static void a_call_that_would_come_too_late_is_not_made(void **state)
{
	struct measure m = {0};

	(void)state;
	for (int i = 1; i < MEASURE_LEAST; i++)
		measure_add(&m, 15 * T_S);
	assert_true(measure_fits(&m, T0 + T_S, T0)); /* too few keep nothing from being tried */
	measure_add(&m, 15 * T_S);
	assert_true(measure_fits(&m, T0 + 15 * T_S, T0));
	assert_false(measure_fits(&m, T0 + 15 * T_S, T0 + 1));
}

static void of_measured_calls_the_slow_ones_count(void **state)
{
	struct measure m = {0};

	(void)state;
	for (int i = 1; i < MEASURE_LEAST; i++)
		measure_add(&m, i * T_S);
	assert_false(measure_is_enough(&m));
	assert_int_equal(measure_p95(&m), 19 * T_S);
	measure_add(&m, 20 * T_S);
	assert_true(measure_is_enough(&m));
	assert_int_equal(measure_p95(&m), 19 * T_S);
	for (int i = 0; i < 80; i++)
		measure_add(&m, T_S);
	assert_int_equal(measure_p95(&m), 15 * T_S);
	for (int i = 0; i < MEASURE_ROOM; i++) /* the old ones are forgotten */
		measure_add(&m, 2 * T_S);
	assert_int_equal(measure_p95(&m), 2 * T_S);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_due_until_a_deadline_counts),
		cmocka_unit_test(the_last_of_too_many_deadlines_count_as_one),
		cmocka_unit_test(what_is_immense_is_never),
		cmocka_unit_test(a_call_that_would_come_too_late_is_not_made),
		cmocka_unit_test(of_measured_calls_the_slow_ones_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
