/* SPDX-License-Identifier: ISC */
/* Does an item fit its budgets (core/money.c)? */
#include "tests/unit/check.h"

#include <stdbool.h>

#include "core/money.h"
#include "core/timemath.h"

#define AMPLE 1000000000

struct row {
	const char *name;
	struct money_view v;
	struct money_need n;
	enum money_verdict want;
	int64_t wanted; /* where it waits */
};

#define DAY .day_budget = AMPLE
#define ITEM                               \
	{                                  \
		.item = 10, .cheapest = 10 \
	}
#define FULL_PRICE                         \
	{                                  \
		.item = 20, .cheapest = 10 \
	}
#define LOT                                           \
	{                                             \
		.item = 10, .cheapest = 10, .lot = 20 \
	}

/* clang-format off */
static const struct row rows[] = {
	{"it fits to the last micro-dollar", {.job_budget = 100, .job_spent = 60, .job_reserved = 30, DAY}, ITEM, MONEY_FITS, 0},
	{"one more is too much, while open attempts may cost less", {.job_budget = 99, .job_spent = 60, .job_reserved = 30, DAY}, ITEM, MONEY_WAITS, 10},
	{"with nothing open it never fits", {.job_budget = 99, .job_spent = 90, DAY}, ITEM, MONEY_NEVER, 0},
	{"nor where what is open does not matter", {.job_budget = 99, .job_spent = 90, .job_reserved = 5, DAY}, ITEM, MONEY_NEVER, 0},
	{"a budget of nothing sends nothing", {DAY}, ITEM, MONEY_NEVER, 0},
	{"a budget that was lowered below what is spent", {.job_budget = 5, .job_spent = 90, .job_reserved = 90, DAY}, ITEM, MONEY_NEVER, 0},
	{"at the full price it waits for a cheaper tier", {.job_budget = 15, DAY}, FULL_PRICE, MONEY_WAITS, 10},
	{"what costs nothing always fits", {DAY}, {0}, MONEY_FITS, 0},

	{"a day has the same edge", {.job_budget = AMPLE, .day_budget = 100, .day_spent = 60, .day_reserved = 30}, ITEM, MONEY_FITS, 0},
	{"a day whose rest is reserved", {.job_budget = AMPLE, .day_budget = 99, .day_spent = 60, .day_reserved = 30}, ITEM, MONEY_DAY_WAITS, 10},
	{"a day that is spent", {.job_budget = AMPLE, .day_budget = 99, .day_spent = 90}, ITEM, MONEY_DAY_SPENT, 10},
	{"a spent day fails nothing that its job's budget takes", {.job_budget = 10, .day_budget = 9}, ITEM, MONEY_DAY_SPENT, 10},
	{"what its job's budget never takes need not wait for the day", {.job_budget = 9, .day_budget = 9}, ITEM, MONEY_NEVER, 0},

	{"a whole lot fits", {.job_budget = 100, .job_spent = 30, .job_reserved = 20, .promised = 20, DAY}, LOT, MONEY_FITS, 0},
	{"a lot that could not be finished waits for those begun", {.job_budget = 99, .job_spent = 30, .job_reserved = 20, .promised = 20, DAY}, LOT, MONEY_WAITS, 50},
	{"a lot waits where only promises are left", {.job_budget = 99, .job_spent = 50, .promised = 20, DAY}, LOT, MONEY_WAITS, 50},
	{"with nothing begun its description goes alone", {.job_budget = 99, .job_spent = 70, DAY}, LOT, MONEY_FITS, 0},
	{"a description that does not fit alone", {.job_budget = 79, .job_spent = 70, DAY}, LOT, MONEY_NEVER, 0},
	{"of the rest all descriptions go alone that fit", {.job_budget = 99, .job_spent = 60, .job_reserved = 20, .promised = 20, .is_rest = true, DAY}, LOT, MONEY_FITS, 0},
	{"a translation takes what was promised", {.job_budget = 99, .job_spent = 50, .job_reserved = 30, .promised = 40, DAY}, ITEM, MONEY_FITS, 0},

	{"sums do not overflow", {.job_budget = AMPLE, .job_spent = INT64_MAX - 1, .job_reserved = INT64_MAX, DAY}, {.item = INT64_MAX, .cheapest = INT64_MAX, .lot = INT64_MAX}, MONEY_NEVER, 0},
};
/* clang-format on */

static void verdicts_by_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *r = &rows[i];
		const enum money_verdict got = money_decide(&r->v, &r->n);

		if (got != r->want)
			fail_msg("%s: verdict %d", r->name, (int)got);
		if (r->wanted && money_wanted(&r->v, &r->n, got) != r->wanted)
			fail_msg("%s: it wants %lld", r->name,
				 (long long)money_wanted(&r->v, &r->n, got));
	}
}

static uint64_t next(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

/* Whatever is sent and whatever it costs, up to its estimate: no budget is ever exceeded. */
static void I3_what_is_spent_and_reserved_never_exceeds_a_budget(void **state)
{
	uint64_t seed = 4711;

	(void)state;
	for (int run = 0; run < 2000; run++) {
		struct money_view v = {.job_budget = (int64_t)(next(&seed) % 500),
				       .day_budget = (int64_t)(next(&seed) % 500)};
		int64_t open[64];
		size_t n_open = 0;

		for (int step = 0; step < 200; step++) {
			struct money_need n = {.cheapest = (int64_t)(next(&seed) % 40),
					       .lot = (int64_t)(next(&seed) % 2 * 30)};

			n.item = n.cheapest * (int64_t)(1 + next(&seed) % 2);
			if (n_open < 64 && money_decide(&v, &n) == MONEY_FITS) {
				money_take(&v, &n);
				open[n_open++] = n.item;
			} else if (n_open > 0) {
				const int64_t held = open[--n_open];
				const int64_t cost =
					held ? (int64_t)(next(&seed) % (uint64_t)held) : 0;

				v.job_reserved -= held;
				v.day_reserved -= held;
				v.job_spent += cost;
				v.day_spent += cost;
			}
			assert_true(v.job_spent + v.job_reserved <= v.job_budget);
			assert_true(v.day_spent + v.day_reserved <= v.day_budget);
		}
	}
}

/* A lot that waits for others does so only while something of its job is under way. */
static void I1_nothing_waits_for_its_job_with_nothing_under_way(void **state)
{
	(void)state;
	for (int64_t budget = 0; budget < 60; budget++) {
		for (int64_t spent = 0; spent < 60; spent += 5) {
			const struct money_view v = {.job_budget = budget,
						     .job_spent = spent,
						     .day_budget = AMPLE};
			const struct money_need item = ITEM, lot = LOT;

			assert_int_not_equal(money_decide(&v, &item), MONEY_WAITS);
			assert_int_not_equal(money_decide(&v, &lot), MONEY_WAITS);
		}
	}
}

static void the_rest_is_known_by_its_first_item(void **state)
{
	struct money_view v = {.job_budget = 25, .day_budget = AMPLE};
	const struct money_need lot = LOT;

	(void)state;
	assert_int_equal(money_decide(&v, &lot), MONEY_FITS);
	money_take(&v, &lot);
	assert_true(v.is_rest);
	assert_int_equal(money_decide(&v, &lot), MONEY_FITS);
	money_take(&v, &lot);
	assert_int_equal(money_decide(&v, &lot), MONEY_WAITS);
	v = (struct money_view){.job_budget = 30, .day_budget = AMPLE};
	money_take(&v, &lot);
	assert_false(v.is_rest);
	assert_int_equal(money_decide(&v, &lot), MONEY_WAITS);
}

static void days_are_those_of_utc(void **state)
{
	(void)state;
	assert_int_equal(money_day(20000 * T_DAY), 20000 * T_DAY);
	assert_int_equal(money_day(20000 * T_DAY - 1), 19999 * T_DAY);
	assert_int_equal(money_day(20000 * T_DAY + 23 * T_H), 20000 * T_DAY);
}

static void what_may_have_been_paid_for(void **state)
{
	(void)state;
	assert_true(money_is_presumed("call_lost"));
	assert_true(money_is_presumed("no_line"));
	assert_false(money_is_presumed("rate_limited"));
	assert_false(money_is_presumed(NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(verdicts_by_table),
		cmocka_unit_test(I3_what_is_spent_and_reserved_never_exceeds_a_budget),
		cmocka_unit_test(I1_nothing_waits_for_its_job_with_nothing_under_way),
		cmocka_unit_test(the_rest_is_known_by_its_first_item),
		cmocka_unit_test(days_are_those_of_utc),
		cmocka_unit_test(what_may_have_been_paid_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
