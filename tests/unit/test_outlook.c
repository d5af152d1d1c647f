/* SPDX-License-Identifier: ISC */
/* What a deadline leaves time for (core/outlook.h). */
#include "tests/unit/check.h"

#include "core/outlook.h"
#include "core/timemath.h"

#define T0     (1000 * T_DAY)
#define LINGER (30 * T_S)
#define POLL   (30 * T_S)

/* clang-format off */
static const struct {
	const char *name;
	int64_t span, reserve, needed, cancel_grace;
	unsigned outlook;
} rows[] = {
	{"time for both", 6 * T_H, 15 * T_MIN, T_MIN, 30 * T_MIN, OUTLOOK_GOOD},
	{"no grace, and half of the span is enough", 6 * T_MIN + 2, 0, T_MIN, 0, OUTLOOK_GOOD},
	{"half of the span is not enough", 6 * T_MIN, 0, 3 * T_MIN, 0, OUTLOOK_NO_BATCH},
	{"the cancel takes its grace", 10 * T_MIN, 0, T_MIN, 30 * T_MIN, OUTLOOK_GOOD},
	{"a short one with little to do", 3 * T_MIN + 11 * T_S, 0, 10 * T_S, 0, OUTLOOK_GOOD},
	{"a shorter one", 3 * T_MIN, 0, 10 * T_S, 0, OUTLOOK_NO_BATCH},
	{"too short, and calls fill it", 5 * T_MIN, 15 * T_MIN, 4 * T_MIN + 30 * T_S, 0, OUTLOOK_NO_BATCH},
	{"too short, and too much", 5 * T_MIN, 15 * T_MIN, 4 * T_MIN + 31 * T_S, 0, OUTLOOK_NO_BATCH | OUTLOOK_NOT_ALL},
	{"long, and too much: batches get their half", 24 * T_H, 15 * T_MIN, 13 * T_H, 30 * T_MIN, OUTLOOK_NOT_ALL},
	{"immense", 24 * T_H, 15 * T_MIN, T_NEVER, 30 * T_MIN, OUTLOOK_NOT_ALL},
};
/* clang-format on */

static void deadlines_leave_what_the_table_says(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct latest_start_view v = {.opened_at = T0,
						    .deadline_at = T0 + rows[i].span,
						    .reserve = rows[i].reserve,
						    .needed = rows[i].needed};
		const int64_t at =
			calls_start(T0, leave_start(&v, rows[i].cancel_grace), LINGER, POLL);
		const unsigned outlook = outlook_of(&v, at);

		if (outlook != rows[i].outlook)
			fail_msg("%s: %u", rows[i].name, outlook);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(deadlines_leave_what_the_table_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
