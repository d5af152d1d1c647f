/* SPDX-License-Identifier: ISC */
/* What the policy makes of a batch that an operator asked to cancel, or to cancel and leave. */
#include "tests/unit/check.h"
#include "tests/unit/policy_view.h"

/* A batch with a job that waits for it, and nothing that would be done by itself. */
static struct batch_view in_phase(enum batch_phase phase, enum batch_asked asked)
{
	return (struct batch_view)RUNNING(.phase = phase, .asked = asked);
}

static struct decision decide(struct batch_view v)
{
	return batch_decide(&v, &small_policy, T0 + T_MIN);
}

static void what_was_not_created_is_dropped(void **state)
{
	static const enum batch_phase before[] = {BATCH_SEALED, BATCH_UPLOADING, BATCH_UPLOADED};

	(void)state;
	for (int asked = BATCH_ASKED_CANCEL; asked < BATCH_ASKED_COUNT; asked++) {
		for (size_t i = 0; i < sizeof(before) / sizeof(before[0]); i++) {
			struct batch_view v = in_phase(before[i], (enum batch_asked)asked);
			struct decision d;

			v.next_at = T0 + T_H; /* no back-off is waited for */
			d = decide(v);
			assert_int_equal(d.action, ACT_DROP);
			assert_int_equal(d.why, WHY_ASKED);
		}
	}
}

static void what_may_have_been_created_is_looked_for_first(void **state)
{
	struct batch_view v = in_phase(BATCH_CREATING, BATCH_ASKED_RETRY);

	(void)state;
	assert_int_equal(decide(v).action, ACT_DOUBT);
	v.in_call = true;
	assert_int_equal(decide(v).action, ACT_WAIT);
	assert_int_equal(decide(in_phase(BATCH_UNKNOWN, BATCH_ASKED_RETRY)).action, ACT_LOOK);
	assert_int_equal(decide(in_phase(BATCH_FENCING, BATCH_ASKED_RETRY)).action, ACT_FENCE);
	v = in_phase(BATCH_FENCED, BATCH_ASKED_CANCEL);
	assert_int_equal(decide(v).action, ACT_LOOK);
	v.looked_at = T0 + 10 * T_S; /* proved never to come */
	assert_int_equal(decide(v).action, ACT_DROP);
	v.asked = BATCH_ASKED_NOTHING;
	assert_int_equal(decide(v).action, ACT_ANEW);
}

static void what_runs_is_cancelled_in_any_status(void **state)
{
	(void)state;
	for (int remote = 0; remote < REMOTE_COMPLETED; remote++) {
		struct batch_view v = in_phase(BATCH_RUNNING, BATCH_ASKED_CANCEL);
		struct decision d;

		v.remote = (enum remote_status)remote;
		d = decide(v);
		assert_int_equal(d.action, ACT_CANCEL);
		assert_int_equal(d.why, WHY_ASKED);
	}
}

static void a_cancel_has_its_grace_and_a_retry_none(void **state)
{
	struct batch_view v = in_phase(BATCH_RUNNING, BATCH_ASKED_CANCEL);
	struct decision d;

	(void)state;
	v.remote = REMOTE_CANCELLING;
	v.cancel_at = T0 + T_MIN;
	d = decide(v);
	assert_int_equal(d.action, ACT_POLL);
	assert_int_equal(d.then, ACT_LEAVE);
	assert_true(d.then_at == T0 + T_MIN + small_policy.cancel_grace);
	v.asked = BATCH_ASKED_RETRY;
	d = decide(v);
	assert_int_equal(d.action, ACT_LEAVE);
	assert_int_equal(d.why, WHY_ASKED);
	v.left = true; /* polled on to its end */
	assert_int_equal(decide(v).action, ACT_POLL);
}

static void what_has_ended_is_read(void **state)
{
	(void)state;
	for (int remote = REMOTE_COMPLETED; remote < REMOTE_STATUS_COUNT; remote++) {
		struct batch_view v = in_phase(BATCH_RUNNING, BATCH_ASKED_RETRY);

		v.remote = (enum remote_status)remote;
		assert_int_equal(decide(v).action, ACT_HARVEST);
	}
	assert_int_equal(decide(in_phase(BATCH_HARVESTING, BATCH_ASKED_RETRY)).action, ACT_HARVEST);
	assert_int_equal(decide(in_phase(BATCH_CLOSED, BATCH_ASKED_RETRY)).action, ACT_NONE);
}

/* I3: a batch that is to be cancelled is not paid for any more. */
static void nothing_is_paid_for_after_it_was_asked(void **state)
{
	(void)state;
	for (int phase = 0; phase < BATCH_PHASE_COUNT; phase++) {
		for (int64_t at = T0; at < T0 + 4 * T_DAY; at += 20 * T_MIN) {
			struct batch_view v = in_phase((enum batch_phase)phase, BATCH_ASKED_CANCEL);
			struct decision d;

			v.looked_at = at;
			d = batch_decide(&v, &small_policy, at + 1);
			assert_false(d.action == ACT_UPLOAD || d.action == ACT_CREATE ||
				     d.action == ACT_ANEW);
			assert_true(d.action == ACT_NONE || d.at < T_NEVER);
		}
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_not_created_is_dropped),
		cmocka_unit_test(what_may_have_been_created_is_looked_for_first),
		cmocka_unit_test(what_runs_is_cancelled_in_any_status),
		cmocka_unit_test(a_cancel_has_its_grace_and_a_retry_none),
		cmocka_unit_test(what_has_ended_is_read),
		cmocka_unit_test(nothing_is_paid_for_after_it_was_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
