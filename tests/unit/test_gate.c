/* SPDX-License-Identifier: ISC */
#include "fcgi_app/gate.h"

#include "tests/unit/check.h"

#define WORKERS 8

static void small_bodies_need_nothing(void **state)
{
	struct gate g;

	(void)state;
	gate_init(&g, WORKERS);
	for (int i = 0; i < 100; i++) {
		struct gate_pass pass = {0};

		assert_true(gate_enter(&g, &pass, GATE_LONG_BYTES));
		assert_false(pass.is_long);
	}
}

static void half_of_the_workers_may_be_in_long_transfers(void **state)
{
	struct gate_pass passes[WORKERS / 2] = {0};
	struct gate_pass late = {0};
	struct gate g;

	(void)state;
	gate_init(&g, WORKERS);
	for (int i = 0; i < WORKERS / 2; i++)
		assert_true(gate_enter(&g, &passes[i], GATE_LONG_BYTES + 1));
	assert_false(gate_enter(&g, &late, GATE_LONG_BYTES + 1));
	assert_false(late.is_long);
	gate_leave(&g, &passes[0]);
	assert_true(gate_enter(&g, &late, GATE_LONG_BYTES + 1));
}

static void a_growing_transfer_counts_once(void **state)
{
	struct gate_pass pass = {0};
	struct gate_pass other = {0};
	struct gate g;

	(void)state;
	gate_init(&g, 4);
	for (uint64_t n = 1; n <= GATE_HUGE_BYTES; n *= 2)
		assert_true(gate_enter(&g, &pass, n));
	assert_true(gate_enter(&g, &other, GATE_HUGE_BYTES));
	gate_leave(&g, &pass);
	gate_leave(&g, &pass);
	assert_true(gate_enter(&g, &pass, GATE_HUGE_BYTES));
	gate_leave(&g, &pass);
	gate_leave(&g, &other);
	assert_int_equal(atomic_load(&g.n_long), 0);
}

static void one_huge_body_at_a_time(void **state)
{
	struct gate_pass first = {0};
	struct gate_pass second = {0};
	struct gate g;

	(void)state;
	gate_init(&g, WORKERS);
	assert_true(gate_enter(&g, &first, GATE_HUGE_BYTES + 1));
	assert_false(gate_enter(&g, &second, GATE_HUGE_BYTES + 1));
	gate_leave(&g, &second);
	gate_leave(&g, &first);
	assert_true(gate_enter(&g, &second, GATE_HUGE_BYTES + 1));
	gate_leave(&g, &second);
	assert_int_equal(atomic_load(&g.n_long), 0);
	assert_int_equal(atomic_load(&g.n_huge), 0);
}

static void a_single_worker_may_do_it_all(void **state)
{
	struct gate_pass pass = {0};
	struct gate g;

	(void)state;
	gate_init(&g, 1);
	assert_true(gate_enter(&g, &pass, GATE_HUGE_BYTES + 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(small_bodies_need_nothing),
		cmocka_unit_test(half_of_the_workers_may_be_in_long_transfers),
		cmocka_unit_test(a_growing_transfer_counts_once),
		cmocka_unit_test(one_huge_body_at_a_time),
		cmocka_unit_test(a_single_worker_may_do_it_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
