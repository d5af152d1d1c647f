/* SPDX-License-Identifier: ISC */
/* Which ready items travel together (core/plan.c). */
#include "tests/unit/check.h"

#include "core/plan.h"
#include "core/timemath.h"

#define T0 (1000 * T_DAY)

static const struct plan_limits limits = {.linger = 30 * T_S, .max_requests = 100};

/* A job of an account with n ready items of recipe 1, ready since T0, to start within six hours. */
static struct plan_candidate candidate(int64_t job, int64_t account, uint32_t n)
{
	return (struct plan_candidate){.job_id = job,
				       .account_id = account,
				       .recipe_id = 1,
				       .ready_since = T0,
				       .latest_start = T0 + 6 * T_H,
				       .n_ready = n};
}

static uint32_t share_of(const struct plan_candidate *c, size_t n, int64_t job)
{
	for (size_t i = 0; i < n; i++) {
		if (c[i].job_id == job)
			return c[i].share;
	}
	return 0;
}

static void nothing_is_due_before_linger(void **state)
{
	struct plan_candidate c[] = {candidate(1, 1, 20)};
	int64_t at;

	(void)state;
	assert_int_equal(plan_pick(c, 1, &limits, T0 + 29 * T_S, &at), 0);
	assert_true(at == T0 + 30 * T_S);
	assert_int_equal(plan_pick(c, 1, &limits, T0 + 30 * T_S, &at), 20);
	assert_int_equal(c[0].share, 20);
}

static void no_candidate_no_time(void **state)
{
	int64_t at;

	(void)state;
	assert_int_equal(plan_pick(NULL, 0, &limits, T0, &at), 0);
	assert_true(at == T_NEVER);
}

static void a_full_batch_does_not_linger(void **state)
{
	struct plan_candidate c[] = {candidate(1, 1, 60), candidate(2, 1, 60)};
	int64_t at;

	(void)state;
	assert_int_equal(plan_pick(c, 2, &limits, T0, &at), 100);
	assert_int_equal(share_of(c, 2, 1), 60); /* the older job of one account first */
	assert_int_equal(share_of(c, 2, 2), 40);
}

static void what_backs_off_waits_even_where_it_would_fill_a_batch(void **state)
{
	struct plan_candidate c[] = {candidate(1, 1, 100)};
	int64_t at;

	(void)state;
	c[0].ready_since = T0 + T_MIN;
	assert_int_equal(plan_pick(c, 1, &limits, T0 + 59 * T_S, &at), 0);
	assert_true(at == T0 + T_MIN);
	assert_int_equal(plan_pick(c, 1, &limits, T0 + T_MIN, &at), 100);
}

static void two_jobs_share_a_batch(void **state)
{
	struct plan_candidate c[] = {candidate(1, 1, 20), candidate(2, 2, 10)};
	int64_t at;

	(void)state;
	c[1].ready_since = T0 + 29 * T_S; /* the younger travels with the older */
	assert_int_equal(plan_pick(c, 2, &limits, T0 + 30 * T_S, &at), 30);
}

static void recipes_never_mix(void **state)
{
	struct plan_candidate c[] = {candidate(1, 1, 20), candidate(2, 2, 10)};
	int64_t at;

	(void)state;
	c[1].recipe_id = 2;
	assert_int_equal(plan_pick(c, 2, &limits, T0 + T_MIN, &at), 20);
	assert_int_equal(share_of(c, 2, 2), 0);
}

static void accounts_take_turns(void **state)
{
	struct plan_candidate c[] = {candidate(1, 1, 1000), candidate(2, 2, 30),
				     candidate(3, 3, 1000)};
	int64_t at;

	(void)state;
	assert_int_equal(plan_pick(c, 3, &limits, T0, &at), 100);
	assert_int_equal(share_of(c, 3, 2), 30);
	assert_in_range(share_of(c, 3, 1), 34, 36);
	assert_in_range(share_of(c, 3, 3), 34, 36);
}

static void a_big_account_cannot_crowd_out_a_small_one_by_many_jobs(void **state)
{
	struct plan_candidate c[21];
	int64_t at;

	(void)state;
	for (int i = 0; i < 20; i++)
		c[i] = candidate(i + 1, 1, 50);
	c[20] = candidate(21, 2, 50);
	assert_int_equal(plan_pick(c, 21, &limits, T0, &at), 100);
	assert_int_equal(share_of(c, 21, 21), 50);
}

static void hurried_and_patient_jobs_travel_apart(void **state)
{
	struct plan_candidate c[] = {candidate(1, 1, 20), candidate(2, 1, 20), candidate(3, 1, 20)};
	int64_t at;

	(void)state;
	c[0].latest_start = T0 + 24 * T_H;
	c[1].latest_start = T0 + 2 * T_H;
	c[2].latest_start = T0 + 3 * T_H; /* within a factor of two of the most urgent */
	assert_int_equal(plan_pick(c, 3, &limits, T0 + T_MIN, &at), 40);
	assert_int_equal(share_of(c, 3, 1), 0);
}

static void the_factor_of_two_is_counted_from_now(void **state)
{
	struct plan_candidate c[] = {candidate(1, 1, 20), candidate(2, 1, 20), candidate(3, 1, 20)};
	int64_t at;

	(void)state;
	c[0].latest_start = T0 + 2 * T_H;
	c[1].latest_start = T0 + 4 * T_H;
	c[2].latest_start = T0 + 4 * T_H + 1;
	assert_int_equal(plan_pick(c, 3, &limits, T0, &at), 0);
	assert_int_equal(plan_pick(c, 3, &limits, T0 + 30 * T_S, &at), 20);
	c[1].latest_start -= 30 * T_S;
	c[2].latest_start -= 30 * T_S;
	assert_int_equal(plan_pick(c, 3, &limits, T0 + 30 * T_S, &at), 40);
	assert_int_equal(share_of(c, 3, 3), 0);
}

static void a_large_order_is_cut_at_50000_lines(void **state)
{
	const struct plan_limits most = {.linger = 30 * T_S, .max_requests = 50000};
	struct plan_candidate c[] = {candidate(1, 1, 49999), candidate(2, 1, 3)};
	int64_t at;

	(void)state;
	assert_int_equal(plan_pick(c, 2, &most, T0, &at), 50000);
	assert_int_equal(share_of(c, 2, 1), 49999);
	assert_int_equal(share_of(c, 2, 2), 1);
}

static void the_most_urgent_group_goes_first(void **state)
{
	struct plan_candidate c[] = {candidate(1, 1, 20), candidate(2, 1, 20)};
	int64_t at;

	(void)state;
	c[0].recipe_id = 1;
	c[1].recipe_id = 2;
	c[1].latest_start = T0 + T_H;
	assert_int_equal(plan_pick(c, 2, &limits, T0 + T_MIN, &at), 20);
	assert_int_equal(share_of(c, 2, 2), 20);
}

static void shares_never_pass_what_is_there(void **state)
{
	(void)state;
	for (uint32_t room = 1; room < 40; room++) {
		const struct plan_limits l = {.linger = 0, .max_requests = room};
		struct plan_candidate c[] = {candidate(1, 1, 7), candidate(2, 1, 1),
					     candidate(3, 2, 11), candidate(4, 3, 3)};
		int64_t at;
		uint32_t sum = 0;
		const uint32_t n = plan_pick(c, 4, &l, T0, &at);

		assert_int_equal(n, room < 22 ? room : 22);
		for (int i = 0; i < 4; i++) {
			assert_true(c[i].share <= c[i].n_ready);
			sum += c[i].share;
		}
		assert_int_equal(sum, n);
	}
}

/* Fill the batch as the planner does: items of these many tokens, until the room is used up. */
static void fill(struct plan_candidate *c, size_t n, int64_t each, int64_t room)
{
	int64_t left = room;
	uint32_t accounts;
	size_t i;

	while (left >= each && (i = plan_turn(c, n, &accounts)) < n) {
		const int64_t part = plan_part(room, left, accounts) / each;
		uint32_t items = part > 0 ? (uint32_t)part : 1;

		assert_true(accounts > 0);
		assert_true(part * each <= left);
		items = items < c[i].share ? items : c[i].share;
		plan_took(c, n, i, items, items * each);
		left -= items * each;
	}
}

static void accounts_take_turns_where_tokens_run_out_before_lines(void **state)
{
	struct plan_candidate c[] = {candidate(1, 1, 40), candidate(2, 1, 40), candidate(3, 2, 5),
				     candidate(4, 3, 15)};
	int64_t at;

	(void)state;
	c[2].latest_start += T_H; /* the others' come last */
	c[3].latest_start += T_H;
	assert_int_equal(plan_pick(c, 4, &limits, T0, &at), 100);
	fill(c, 4, 100, 3000);
	assert_int_equal(share_of(c, 4, 3), 0);
	assert_int_equal(share_of(c, 4, 4), 3);  /* 12 of 15 */
	assert_int_equal(share_of(c, 4, 1), 27); /* 13 of 40, the most urgent job's */
	assert_int_equal(share_of(c, 4, 2), 40);
}

static void one_account_takes_all_the_room_at_once(void **state)
{
	struct plan_candidate c[] = {candidate(1, 1, 50), candidate(2, 1, 50)};
	uint32_t accounts;
	int64_t at;

	(void)state;
	assert_int_equal(plan_pick(c, 2, &limits, T0, &at), 100);
	assert_int_equal(plan_turn(c, 2, &accounts), 0);
	assert_int_equal(accounts, 1);
	assert_true(plan_part(8000, 7000, accounts) == 7000);
	plan_took(c, 2, 0, 50, 5000);
	assert_int_equal(plan_turn(c, 2, &accounts), 1);
	plan_took(c, 2, 1, 50, 5000);
	assert_int_equal(plan_turn(c, 2, &accounts), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_due_before_linger),
		cmocka_unit_test(no_candidate_no_time),
		cmocka_unit_test(a_full_batch_does_not_linger),
		cmocka_unit_test(what_backs_off_waits_even_where_it_would_fill_a_batch),
		cmocka_unit_test(two_jobs_share_a_batch),
		cmocka_unit_test(recipes_never_mix),
		cmocka_unit_test(accounts_take_turns),
		cmocka_unit_test(a_big_account_cannot_crowd_out_a_small_one_by_many_jobs),
		cmocka_unit_test(hurried_and_patient_jobs_travel_apart),
		cmocka_unit_test(the_factor_of_two_is_counted_from_now),
		cmocka_unit_test(a_large_order_is_cut_at_50000_lines),
		cmocka_unit_test(the_most_urgent_group_goes_first),
		cmocka_unit_test(shares_never_pass_what_is_there),
		cmocka_unit_test(accounts_take_turns_where_tokens_run_out_before_lines),
		cmocka_unit_test(one_account_takes_all_the_room_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
