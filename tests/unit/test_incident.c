/* SPDX-License-Identifier: ISC */
/* The rules of core/incident.c as a table of sentences. */
#include "tests/unit/check.h"

#include "core/incident.h"
#include "core/timemath.h"

#define T0 (1000 * T_DAY)

struct row {
	const char *name;
	struct incident_view view;
	enum incident_step want; /* an hour after T0, trials being due after an hour */
};

/* Since T0; four batches run, all stalled. */
#define ON(...)                                                                         \
	{                                                                               \
		.n_running = 4, .n_stalled = 4, .stalled_since = T0 - T_H, .since = T0, \
		.step_at = T0 + T_MIN, __VA_ARGS__                                      \
	}

#pragma GCC diagnostic ignored "-Woverride-init"
/* clang-format off */
static const struct row rows[] = {
	{"nothing runs", {0}, INCIDENT_KEEP},
	{"two that stall together are chance", {.n_running = 2, .n_stalled = 2, .stalled_since = T0}, INCIDENT_KEEP},
	{"three are an incident", {.n_running = 3, .n_stalled = 3, .stalled_since = T0}, INCIDENT_BEGIN},
	{"where they are half of all", {.n_running = 6, .n_stalled = 3, .stalled_since = T0}, INCIDENT_BEGIN},
	{"not where they are fewer", {.n_running = 7, .n_stalled = 3, .stalled_since = T0}, INCIDENT_KEEP},
	{"nor where something moved since", {.n_running = 3, .n_stalled = 3, .stalled_since = T0, .moved_at = T0 + 1}, INCIDENT_KEEP},
	{"what moved before they did says nothing", {.n_running = 3, .n_stalled = 3, .stalled_since = T0, .moved_at = T0}, INCIDENT_BEGIN},
	{"while nothing moves it goes on", ON(), INCIDENT_KEEP},
	{"when something moves one batch may be tried", ON(.moved_at = T0 + T_MIN + 1), INCIDENT_TRY},
	{"what moved before the last trial failed is no news", ON(.moved_at = T0 + T_S), INCIDENT_KEEP},
	{"where nothing runs one must be tried", ON(.n_running = 0, .n_stalled = 0), INCIDENT_TRY},
	{"and after a while", ON(.step_at = T0), INCIDENT_TRY},
	{"one that may be begun is waited for", ON(.may_try = true), INCIDENT_KEEP},
	{"or the stalled ones move, and nothing waits", ON(.may_try = true, .n_stalled = 1, .moved_at = T0 + 1), INCIDENT_END},
	{"one that moves while the others do not is not enough for that", ON(.may_try = true, .moved_at = T0 - T_H), INCIDENT_KEEP},
	{"nor that they are gone a moment ago", ON(.may_try = true, .n_running = 0, .n_stalled = 0), INCIDENT_KEEP},
	{"but in the end", ON(.may_try = true, .n_running = 0, .n_stalled = 0, .step_at = T0), INCIDENT_END},
	{"a trial is waited for", ON(.may_try = true, .has_trial = true, .step_at = T0), INCIDENT_KEEP},
	{"when it moves it is over", ON(.may_try = true, .has_trial = true, .trial_moved = true), INCIDENT_END},
	{"also where it is closed by then", ON(.may_try = true, .has_trial = true, .trial_moved = true, .trial_over = true), INCIDENT_END},
	{"when it stalls too none is begun", ON(.may_try = true, .has_trial = true, .trial_over = true), INCIDENT_HOLD},
};
/* clang-format on */

static void table_of_sentences(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const enum incident_step step = incident_decide(&rows[i].view, T_H, T0 + T_H);

		if (step != rows[i].want)
			fail_msg("%s: %d", rows[i].name, (int)step);
	}
}

/* Without a trial to wait for it does not stay for ever, whatever there is to see. */
static void every_step_has_an_end(void **state)
{
	(void)state;
	for (unsigned bits = 0; bits < 32; bits++) {
		struct incident_view v = {.n_running = bits & 1 ? 4 : 0,
					  .n_stalled = bits & 2 ? 4 : 0,
					  .stalled_since = T0 - T_H,
					  .moved_at = bits & 4 ? T0 + T_MIN : 0,
					  .since = T0,
					  .step_at = T0,
					  .may_try = bits & 8,
					  .has_trial = bits & 16,
					  .trial_over = true};
		const enum incident_step step = incident_decide(&v, T_H, T0 + T_H);

		if (v.has_trial)
			assert_int_equal(step, INCIDENT_HOLD);
		else if (!v.may_try)
			assert_int_equal(step, INCIDENT_TRY);
		else if (!(bits & 2))
			assert_int_equal(step, INCIDENT_END);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table_of_sentences),
		cmocka_unit_test(every_step_has_an_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
