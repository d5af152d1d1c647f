/* SPDX-License-Identifier: ISC */
/*
 * What holds of core/policy*.c over all states: of every view of a batch, and of an item after every
 * sequence of outcomes. test_policy_course.c drives a batch from its beginning to its end.
 */
#include "tests/unit/check.h"
#include "tests/unit/policy_view.h"

/* --- of every view --- */

/* Every combination of phase, remote status, ages and flags: calls f. */
static void each_view(void (*f)(const struct batch_view *v, int64_t now))
{
	static const int64_t ages[] = {0, T_S, T_MIN, T_H, 5 * T_H, T_DAY, 4 * T_DAY};
	const size_t n = sizeof(ages) / sizeof(ages[0]);

	for (int phase = 0; phase < BATCH_PHASE_COUNT; phase++) {
		for (int remote = 0; remote < REMOTE_STATUS_COUNT; remote++) {
			for (unsigned bits = 0; bits < 512; bits++) {
				for (size_t a = 0; a < n * n; a++) {
					const struct batch_view v = {
						.phase = (enum batch_phase)phase,
						.remote = (enum remote_status)remote,
						.n_wanted = bits & 1,
						.wanted_until = bits & 1 ? T0 + 6 * T_H : T_NEVER,
						.latest_start =
							(bits & 65) == 65 ? T0 + 3 * T_H : T_NEVER,
						.leave_from =
							(bits & 129) == 129 ? T0 + 2 * T_H : 0,
						.asked = (enum batch_asked)(bits & 256 ? bits % 3
										       : 0),
						.incident = bits & 256,
						.left = bits & 2,
						.awaits_answers = bits & 4,
						.is_empty = bits & 2,
						.in_call = bits & 8,
						.cancel_at = bits & 16 ? T0 + ages[a / n] : 0,
						.missing_since = bits & 32 ? T0 + ages[a / n] : 0,
						.looked_at = bits & 64 ? T0 + ages[a / n] : 0,
						.expires_at = bits & 2 ? 0 : T0 + T_DAY,
						.created_at = T0,
						.phase_at = T0,
						.submitted_at = T0,
						.progress_at = T0 + ages[a / n],
						.ended_at = T0,
						.next_at = T0 + ages[a % n],
					};

					f(&v, T0 + ages[a % n]);
				}
			}
		}
	}
}

static void check_finite(const struct batch_view *v, int64_t now)
{
	const struct decision d = batch_decide(v, &small_policy, now);

	if (v->phase == BATCH_CLOSED) {
		assert_int_equal(d.action, ACT_NONE);
		assert_true(d.at == T_NEVER);
		return;
	}
	assert_int_not_equal(d.action, ACT_NONE);
	if (d.at == T_NEVER)
		fail_msg("%s/%s never", batch_phase_names[v->phase],
			 remote_status_names[v->remote]);
	if (d.action == ACT_WAIT)
		assert_true(d.at > now);
}

static void I1_every_open_view_yields_a_finite_time(void **state)
{
	(void)state;
	each_view(check_finite);
}

/* In whatever phase: a back-off, or what the provider asks for, may be longer. */
static void I1_no_back_off_sleeps_through_the_latest_start(void **state)
{
	(void)state;
	for (int phase = BATCH_SEALED; phase < BATCH_CLOSED; phase++) {
		const struct batch_view v =
			RUNNING(.phase = (enum batch_phase)phase, .next_at = T0 + 2 * T_H,
				.latest_start = T0 + T_MIN);
		const struct decision d = batch_decide(&v, &small_policy, T0);

		if (d.action == ACT_WAIT && d.at > v.latest_start)
			fail_msg("%s", batch_phase_names[phase]);
	}
}

static void check_paid(const struct batch_view *v, int64_t now)
{
	const struct decision d = batch_decide(v, &small_policy, now);

	if (d.action == ACT_CREATE)
		assert_true(v->phase == BATCH_UPLOADED && !v->in_call && v->n_wanted > 0);
	if (d.action == ACT_ANEW)
		assert_true(v->phase == BATCH_FENCED && v->looked_at > v->phase_at);
	if (d.action == ACT_UPLOAD)
		assert_true((v->phase == BATCH_SEALED || v->phase == BATCH_UPLOADING) &&
			    v->n_wanted > 0);
}

static void I3_a_create_has_one_way_only(void **state)
{
	(void)state;
	each_view(check_paid);
}

static void check_kept(const struct batch_view *v, int64_t now)
{
	const struct decision d = batch_decide(v, &small_policy, now);

	/*
	 * What ended at the provider is harvested, or its files are still waited for:
	 * never dropped or given up.
	 */
	if (v->phase == BATCH_RUNNING && remote_status_is_final(v->remote) && !v->in_call)
		assert_true(d.action == ACT_HARVEST || d.why == WHY_NO_FILES ||
			    d.action == ACT_PART);
	if (d.action == ACT_DROP)
		assert_true(v->phase != BATCH_RUNNING && v->phase != BATCH_HARVESTING &&
			    v->phase != BATCH_UNKNOWN);
	if (d.action == ACT_ANEW)
		assert_int_equal(v->phase, BATCH_FENCED);
}

static void I2_what_ended_is_harvested(void **state)
{
	(void)state;
	each_view(check_kept);
}

/* A later clock may replace an action by a stronger one, never by waiting. */
static void check_monotone(const struct batch_view *v, int64_t now)
{
	static const int64_t later_by[] = {1, T_S, 10 * T_MIN, 3 * T_H, 5 * T_DAY, 40 * T_DAY};
	const struct decision d = batch_decide(v, &small_policy, now);

	for (size_t i = 0; d.action != ACT_WAIT && i < sizeof(later_by) / sizeof(later_by[0]);
	     i++) {
		const struct decision later =
			batch_decide(v, &small_policy, t_add(now, later_by[i]));

		if (later.action == ACT_WAIT)
			fail_msg("%s: %s, then wait", batch_phase_names[v->phase],
				 action_names[d.action]);
	}
}

static void a_later_clock_never_turns_doing_into_waiting(void **state)
{
	(void)state;
	each_view(check_monotone);
}

static void check_unpaid(const struct batch_view *v, int64_t now)
{
	const enum action a = batch_decide(v, &small_policy, now).action;

	if (v->asked || v->phase >= BATCH_RUNNING)
		assert_true(a != ACT_UPLOAD && a != ACT_CREATE && a != ACT_ANEW);
}

static void I3_nothing_is_paid_for_what_was_sent_or_cancelled(void **state)
{
	(void)state;
	each_view(check_unpaid);
}

/* --- of one item --- */

enum came { CAME_VALID, CAME_SALVAGED, CAME_REFUSED, CAME_FAILED, CAME_BAD, CAME_VOID, CAME_COUNT };

struct item {
	struct item_view v;
	enum grade best;
	unsigned sent, voids;
};

/* As what came back is booked; returns whether the item is sent again. */
static bool came_back(struct item *i, enum came came)
{
	static const enum grade grades[CAME_COUNT] = {[CAME_VALID] = GRADE_VALID,
						      [CAME_SALVAGED] = GRADE_SALVAGED,
						      [CAME_REFUSED] = GRADE_REFUSED};
	enum item_verdict verdict;
	bool is_beside;

	i->v.grade = grades[came];
	i->v.retryable = came != CAME_BAD;
	i->v.burned += came != CAME_VOID;
	i->voids += came == CAME_VOID;
	if (grades[came] > i->best)
		i->best = grades[came];
	i->v.best = i->best;
	verdict = item_decide(&i->v);
	is_beside = verdict == ITEM_IS_DONE_AND_REPEATS;
	i->v.repeats += verdict == ITEM_REPEAT || is_beside;
	assert_true((verdict == ITEM_IS_DONE || is_beside) == (i->best >= GRADE_SALVAGED));
	return verdict == ITEM_AGAIN || verdict == ITEM_REPEAT || is_beside;
}

#define SENDINGS 7

/* Every sequence of outcomes, as far as it is asked for. */
static void I3_attempts_stay_within_their_limit_whatever_comes_back(void **state)
{
	(void)state;
	for (uint32_t most = 1; most <= 4; most++) {
		for (unsigned n = 0; n < 279936; n++) { /* 6 to the 7th */
			struct item i = {.v = {.job_running = true, .max_attempts = most}};
			unsigned rest = n;

			for (unsigned k = 0; k < SENDINGS; k++, rest /= CAME_COUNT) {
				i.sent++;
				if (!came_back(&i, (enum came)(rest % CAME_COUNT)))
					break;
			}
			assert_true(i.v.burned <= most && i.v.repeats <= 1);
			assert_true(i.sent == i.v.burned + i.voids);
		}
	}
}

static void the_better_answer_wins_in_either_order(void **state)
{
	(void)state;
	for (int a = 0; a < CAME_COUNT; a++) {
		for (int b = 0; b < CAME_COUNT; b++) {
			struct item one = {.v = {.job_running = true, .max_attempts = 9}};
			struct item other = one;

			came_back(&one, (enum came)a);
			came_back(&one, (enum came)b);
			came_back(&other, (enum came)b);
			came_back(&other, (enum came)a);
			assert_int_equal(one.best, other.best);
		}
	}
	assert_true(GRADE_NONE < GRADE_REFUSED && GRADE_REFUSED < GRADE_SALVAGED &&
		    GRADE_SALVAGED < GRADE_VALID);
}

/* Later, or after more sendings, a call stays a call. */
static void an_item_that_goes_by_a_call_never_goes_back(void **state)
{
	(void)state;
	for (unsigned n = 0; n < 4 * 3 * 48; n++) {
		struct again_view v = {.has_calls = true,
				       .n_left = n % 4,
				       .batch_retries = n / 4 % 3,
				       .batch_takes = 3 * T_MIN,
				       .leave_at = T0 + T_H};
		const int64_t now = T0 + n / 12 * 5 * T_MIN;

		if (!item_goes_by_call(&v, now))
			continue;
		assert_true(item_goes_by_call(&v, now + T_S));
		v.n_left++;
		assert_true(item_goes_by_call(&v, now));
	}
}

/* Half of the span is for batches, and the calls begin before its end. */
static void starts_lie_within_the_second_half_of_the_span(void **state)
{
	static const int64_t times[] = {0, T_S, T_MIN, 20 * T_MIN, T_H, 5 * T_H, T_DAY, 9 * T_DAY};
	const size_t n = sizeof(times) / sizeof(times[0]);

	(void)state;
	for (size_t k = 0; k < n * n * n; k++) {
		const struct latest_start_view v = {.opened_at = T0,
						    .deadline_at = T0 + T_S + times[k % n],
						    .reserve = times[k / n % n],
						    .needed = times[k / n / n]};
		const int64_t half = T0 + (v.deadline_at - T0) / 2, start = latest_start(&v);

		assert_true(start >= half && start <= v.deadline_at);
		for (size_t i = 0; i < n; i++) {
			const int64_t leave = leave_start(&v, times[i]);

			assert_true(leave >= half && leave <= start);
			assert_true(leave == start || leave >= start - times[i]);
			assert_true(calls_start(T0, leave, T_MIN, T_S) <= leave);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(I1_every_open_view_yields_a_finite_time),
		cmocka_unit_test(I1_no_back_off_sleeps_through_the_latest_start),
		cmocka_unit_test(I2_what_ended_is_harvested),
		cmocka_unit_test(I3_a_create_has_one_way_only),
		cmocka_unit_test(I3_nothing_is_paid_for_what_was_sent_or_cancelled),
		cmocka_unit_test(a_later_clock_never_turns_doing_into_waiting),
		cmocka_unit_test(I3_attempts_stay_within_their_limit_whatever_comes_back),
		cmocka_unit_test(the_better_answer_wins_in_either_order),
		cmocka_unit_test(an_item_that_goes_by_a_call_never_goes_back),
		cmocka_unit_test(starts_lie_within_the_second_half_of_the_span),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
