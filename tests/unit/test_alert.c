/* SPDX-License-Identifier: ISC */
/* The kinds of alerts and their words (core/alert.c). */
#include "tests/unit/check.h"

#include <string.h>

#include "core/alert.h"
#include "core/policy.h"
#include "core/timemath.h"

static void every_kind_has_its_words(void **state)
{
	(void)state;
	for (int k = 0; k < ALERT_KIND_COUNT; k++) {
		const struct alert_word *w = &alert_words[k];

		assert_non_null(w->name);
		assert_in_range(strlen(w->name), 3, 31);
		assert_int_equal(strspn(w->name, "abcdefghijklmnopqrstuvwxyz_"), strlen(w->name));
		assert_true(w->summary && w->advice);
		assert_true(w->summary[0] && w->advice[0]);
		assert_true(w->summary[strlen(w->summary) - 1] != '.');
		assert_int_equal(alert_kind_find(w->name), k); /* no two have one name */
	}
	assert_int_equal(alert_kind_find("no_such_kind"), -1);
	for (int s = 0; s < ALERT_SEVERITY_COUNT; s++)
		assert_non_null(alert_severity_names[s]);
}

static void every_warning_of_a_batch_is_a_kind(void **state)
{
	(void)state;
	/* An incident is of no batch: batchd/incident.c raises it. */
	for (unsigned w = WARN_OLD; w < WARN_INCIDENT; w *= 2)
		assert_int_equal(alert_kind_find(warning_code((enum warning)w)),
				 ALERT_BATCH_OLD + __builtin_ctz(w));
}

static void what_happened_has_no_end(void **state)
{
	(void)state;
	for (int k = 0; k < ALERT_KIND_COUNT; k++)
		assert_int_equal(alert_words[k].is_event,
				 k == ALERT_BATCH_LOST || k == ALERT_JOB_PARTIAL ||
					 k == ALERT_JOB_FAILED || k == ALERT_BUDGET_JOB);
}

static void a_fingerprint_is_of_kind_and_subject(void **state)
{
	const uint64_t one = alert_fingerprint(ALERT_BATCH_OLD, "batch:1");

	(void)state;
	assert_true(one == alert_fingerprint(ALERT_BATCH_OLD, "batch:1"));
	assert_true(one != alert_fingerprint(ALERT_BATCH_OLD, "batch:2"));
	assert_true(one != alert_fingerprint(ALERT_BATCH_STALLED, "batch:1"));
	/* It is in messages that were sent: it never changes. */
	assert_true(alert_fingerprint(ALERT_QUOTA, "") == UINT64_C(0xc282dd60923e76cc));
}

static void a_deadline_is_at_risk_when_half_of_the_time_is_gone(void **state)
{
	static const struct {
		int64_t span, reserve, needed, before; /* the deadline */
	} cases[] = {
		{24 * T_H, 15 * T_MIN, 15 * T_S, 7 * T_MIN + 37 * T_S + 500 * T_MS},
		{T_H, 15 * T_MIN, 0, 3 * T_MIN}, /* the reserve: a tenth of the span at most */
		{24 * T_H, 0, 2 * T_H, T_H},
		{24 * T_H, 15 * T_MIN, T_NEVER, INT64_MAX / 2},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const int64_t opened = 1000 * T_DAY, deadline = opened + cases[i].span;

		assert_true(alert_risk_at(opened, deadline, cases[i].reserve, cases[i].needed) ==
			    deadline - cases[i].before);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind_has_its_words),
		cmocka_unit_test(every_warning_of_a_batch_is_a_kind),
		cmocka_unit_test(what_happened_has_no_end),
		cmocka_unit_test(a_fingerprint_is_of_kind_and_subject),
		cmocka_unit_test(a_deadline_is_at_risk_when_half_of_the_time_is_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
