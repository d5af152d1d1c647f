/* SPDX-License-Identifier: ISC */
/* The rules of core/policy*.c as tables of sentences; test_policy_properties.c has what holds of all. */
#include "tests/unit/check.h"
#include "tests/unit/policy_view.h"

struct row {
	const char *name;
	struct batch_view view;
	int64_t now;
	enum action want;
	enum why why;
	unsigned warnings;
};

/* clang-format off */
static const struct row rows[] = {
	{"a batch left filling by a dead batchd is sealed as it is", AT(BATCH_FILLING), T0, ACT_SEAL, WHY_DUE, 0},
	{"a sealed batch is uploaded", AT(BATCH_SEALED), T0, ACT_UPLOAD, WHY_DUE, 0},
	{"a sealed batch whose jobs were all cancelled is dropped", AT(BATCH_SEALED, .n_wanted = 0, .all_cancelled = true), T0, ACT_DROP, WHY_ALL_CANCELLED, 0},
	{"a sealed batch that nobody waits for is dropped", AT(BATCH_SEALED, .n_wanted = 0), T0, ACT_DROP, WHY_NOBODY_WAITS, 0},
	{"a failed upload waits for its back-off", AT(BATCH_SEALED, .next_at = T0 + T_S), T0, ACT_WAIT, WHY_BACKOFF, 0},
	{"an upload that was interrupted is repeated", AT(BATCH_UPLOADING), T0, ACT_UPLOAD, WHY_DUE, 0},
	{"an uploaded batch is created", AT(BATCH_UPLOADED), T0, ACT_CREATE, WHY_DUE, 0},
	{"an uploaded batch that nobody waits for is never created", AT(BATCH_UPLOADED, .n_wanted = 0), T0, ACT_DROP, WHY_NOBODY_WAITS, 0},
	{"I3: a create without its answer is doubted, never sent again", AT(BATCH_CREATING), T0, ACT_DOUBT, WHY_ANSWER_LOST, 0},
	{"I3: a create in flight is waited for", AT(BATCH_CREATING, .in_call = true), T0, ACT_WAIT, WHY_IN_CALL, 0},
	{"I3: a lost create is looked for", AT(BATCH_UNKNOWN), T0, ACT_LOOK, WHY_SETTLING, WARN_UNKNOWN_CREATE},
	{"I3: one look before settle is over is not enough", AT(BATCH_UNKNOWN, .looked_at = T0 + T_MIN), T0 + 3 * T_MIN, ACT_LOOK, WHY_SETTLING, WARN_UNKNOWN_CREATE},
	{"I3: not found by a pass begun after settle: fence", AT(BATCH_UNKNOWN, .looked_at = T0 + 2 * T_MIN), T0 + 3 * T_MIN, ACT_FENCE, WHY_NOT_FOUND, WARN_UNKNOWN_CREATE},
	{"I3: an interrupted fence is repeated", AT(BATCH_FENCING), T0, ACT_FENCE, WHY_NOT_FOUND, 0},
	{"I3: after the fence one more look", AT(BATCH_FENCED, .looked_at = T0), T0, ACT_LOOK, WHY_FENCED, WARN_UNKNOWN_CREATE},
	{"I3: settle is not shortened by a step of the clock", AT(BATCH_UNKNOWN, .looked_at = T0 + 3 * T_MIN, .steady_since = T0 + 2 * T_MIN), T0 + 4 * T_MIN, ACT_LOOK, WHY_SETTLING, WARN_UNKNOWN_CREATE},
	{"I3: it is over when it has passed by a steady clock", AT(BATCH_UNKNOWN, .looked_at = T0 + 4 * T_MIN, .steady_since = T0 + 2 * T_MIN), T0 + 4 * T_MIN, ACT_FENCE, WHY_NOT_FOUND, WARN_UNKNOWN_CREATE},
	{"I3: a look that may have begun before the fence is none", AT(BATCH_FENCED, .looked_at = T0 + 5 * T_S), T0 + T_MIN, ACT_LOOK, WHY_FENCED, WARN_UNKNOWN_CREATE},
	{"I3: only then it is sent anew", AT(BATCH_FENCED, .looked_at = T0 + 5 * T_S + 1), T0 + T_MIN, ACT_ANEW, WHY_FENCED, WARN_UNKNOWN_CREATE},
	{"fenced and nobody waits any more: dropped", AT(BATCH_FENCED, .looked_at = T0 + 5 * T_S + 1, .n_wanted = 0), T0 + T_MIN, ACT_DROP, WHY_NOBODY_WAITS, WARN_UNKNOWN_CREATE},
	{"a fence that the provider never lets through ends in the end", AT(BATCH_FENCING, .next_at = T0 + T_DAY), T0 + 3 * T_DAY, ACT_GIVE_UP, WHY_EXPIRED_LONG, WARN_OLD},
	{"a running batch is polled", RUNNING(), T0, ACT_POLL, WHY_RUNNING, 0},
	{"between polls it is left alone", RUNNING(.next_at = T0 + T_MIN), T0, ACT_WAIT, WHY_RUNNING, 0},
	{"its age counts from the creation of the batch, wherever it is", AT(BATCH_SEALED, .next_at = T0 + 3 * T_H), T0 + 2 * T_H, ACT_WAIT, WHY_BACKOFF, WARN_OLD},
	{"also where its results are being read", AT(BATCH_HARVESTING), T0 + 2 * T_H, ACT_HARVEST, WHY_ENDED, WARN_OLD},
	{"not its stay at the provider", RUNNING(.created_at = T0 - 2 * T_H), T0, ACT_POLL, WHY_RUNNING, WARN_OLD},
	{"no progress for stall_after: a warning", RUNNING(), T0 + T_H, ACT_POLL, WHY_RUNNING, WARN_STALLED},
	{"in an incident of the provider that is the warning", RUNNING(.incident = true), T0 + T_H, ACT_POLL, WHY_RUNNING, WARN_INCIDENT},
	{"a batch that moves has none", RUNNING(.incident = true), T0 + T_MIN, ACT_POLL, WHY_RUNNING, 0},
	{"its items leave as ever", RUNNING(.incident = true), T0 + 2 * T_H, ACT_CANCEL, WHY_STALLED, WARN_OLD | WARN_INCIDENT},
	{"progress resets the stall", RUNNING(.progress_at = T0 + T_H), T0 + T_H + T_MIN, ACT_POLL, WHY_RUNNING, 0},
	{"old but moving: only the age is told", RUNNING(.progress_at = T0 + 2 * T_H), T0 + 2 * T_H, ACT_POLL, WHY_RUNNING, WARN_OLD},
	{"no progress for cancel_after: cancel", RUNNING(), T0 + 2 * T_H, ACT_CANCEL, WHY_STALLED, WARN_OLD | WARN_STALLED},
	{"validating has a clock of its own", RUNNING(.remote = REMOTE_VALIDATING), T0 + T_H, ACT_CANCEL, WHY_VALIDATING_LONG, WARN_STALLED},
	{"finalizing is never cancelled, its results exist", RUNNING(.remote = REMOTE_FINALIZING), T0 + 3 * T_H, ACT_POLL, WHY_RUNNING, WARN_OLD | WARN_FINALIZING},
	{"its items leave at their latest start", RUNNING(.remote = REMOTE_FINALIZING, .latest_start = T0 + T_H), T0 + T_H, ACT_PART, WHY_LATEST_START, 0},
	{"a warning while it is finalizing counts from then", RUNNING(.remote = REMOTE_FINALIZING, .progress_at = T0 + T_H), T0 + 3 * T_H - 1, ACT_POLL, WHY_RUNNING, WARN_OLD},
	{"an unknown status is not final", RUNNING(.remote = REMOTE_UNKNOWN), T0, ACT_POLL, WHY_RUNNING, 0},
	{"all were cancelled: cancel, and say so", RUNNING(.n_wanted = 0, .all_cancelled = true), T0, ACT_CANCEL, WHY_ALL_CANCELLED, 0},
	{"nobody waits: cancel, what is done is still harvested", RUNNING(.n_wanted = 0), T0, ACT_CANCEL, WHY_NOBODY_WAITS, 0},
	{"nobody waits but it is finalizing: let it end", RUNNING(.n_wanted = 0, .remote = REMOTE_FINALIZING), T0, ACT_POLL, WHY_RUNNING, 0},
	{"a cancel is asked for until the provider heeds it", RUNNING(.cancel_at = T0), T0 + T_MIN, ACT_CANCEL, WHY_CANCELLING, 0},
	{"then it is polled", RUNNING(.cancel_at = T0, .remote = REMOTE_CANCELLING), T0 + T_MIN, ACT_POLL, WHY_CANCELLING, 0},
	{"I1: at the latest start the items of a running batch leave", RUNNING(.latest_start = T0 + T_H), T0 + T_H, ACT_PART, WHY_LATEST_START, WARN_STALLED},
	{"I1: so do those of a batch whose create is in doubt", AT(BATCH_UNKNOWN, .latest_start = T0 + T_MIN), T0 + T_MIN, ACT_PART, WHY_LATEST_START, WARN_UNKNOWN_CREATE},
	{"I1: and of one whose results cannot be read", AT(BATCH_HARVESTING, .next_at = T0 + 2 * T_H, .latest_start = T0 + T_H), T0 + T_H, ACT_PART, WHY_LATEST_START, 0},
	{"results that can be read are read first", AT(BATCH_HARVESTING, .latest_start = T0), T0 + T_H, ACT_HARVEST, WHY_ENDED, 0},
	{"an ended batch is read though the latest start has come", RUNNING(.remote = REMOTE_COMPLETED, .ended_at = T0, .latest_start = T0), T0, ACT_HARVEST, WHY_ENDED, 0},
	{"what was never created is dropped at the latest start", AT(BATCH_UPLOADED, .latest_start = T0 + T_H, .next_at = T0 + 2 * T_H), T0 + T_H, ACT_DROP, WHY_LATEST_START, 0},
	{"before the latest start it goes on", RUNNING(.latest_start = T0 + T_H), T0 + T_H - 1, ACT_POLL, WHY_RUNNING, 0},
	{"where all want to leave, the cancel goes out before the latest start", RUNNING(.latest_start = T0 + T_H, .leave_from = T0 + T_MIN), T0 + T_MIN, ACT_CANCEL, WHY_LATEST_START, 0},
	{"not before its time", RUNNING(.latest_start = T0 + T_H, .leave_from = T0 + T_MIN), T0 + T_MIN - 1, ACT_POLL, WHY_RUNNING, 0},
	{"where some want to stay, the others leave at their latest start", RUNNING(.latest_start = T0 + T_MIN, .leave_from = T0 + T_H), T0 + T_MIN, ACT_PART, WHY_LATEST_START, 0},
	{"finalizing is not cancelled for that either", RUNNING(.remote = REMOTE_FINALIZING, .latest_start = T0 + T_H, .leave_from = T0), T0 + T_MIN, ACT_POLL, WHY_RUNNING, 0},
	{"a stall comes first where it is earlier", RUNNING(.latest_start = T0 + 4 * T_H, .leave_from = T0 + 3 * T_H), T0 + 3 * T_H, ACT_CANCEL, WHY_STALLED, WARN_OLD | WARN_STALLED},
	{"a cancel that takes longer than its grace frees the items", RUNNING(.cancel_at = T0), T0 + 30 * T_MIN, ACT_LEAVE, WHY_CANCEL_SLOW, 0},
	{"once they left it is polled on", RUNNING(.cancel_at = T0, .remote = REMOTE_CANCELLING, .left = true), T0 + 31 * T_MIN, ACT_POLL, WHY_CANCELLING, 0},
	{"I2: completed is harvested", RUNNING(.remote = REMOTE_COMPLETED), T0, ACT_HARVEST, WHY_ENDED, 0},
	{"I2: failed is harvested", RUNNING(.remote = REMOTE_FAILED), T0, ACT_HARVEST, WHY_ENDED, 0},
	{"I2: expired is harvested", RUNNING(.remote = REMOTE_EXPIRED), T0, ACT_HARVEST, WHY_ENDED, 0},
	{"I2: cancelled is harvested, also when nobody waits", RUNNING(.remote = REMOTE_CANCELLED, .n_wanted = 0), T0, ACT_HARVEST, WHY_ENDED, 0},
	{"completed without its files is looked at again", RUNNING(.remote = REMOTE_COMPLETED, .ended_at = T0, .awaits_answers = true), T0 + T_MIN, ACT_POLL, WHY_NO_FILES, 0},
	{"for ten minutes", RUNNING(.remote = REMOTE_COMPLETED, .ended_at = T0, .awaits_answers = true), T0 + 10 * T_MIN, ACT_HARVEST, WHY_ENDED, 0},
	{"I2: so is expired", RUNNING(.remote = REMOTE_EXPIRED, .ended_at = T0, .awaits_answers = true), T0 + 9 * T_MIN, ACT_POLL, WHY_NO_FILES, 0},
	{"I2: and cancelled", RUNNING(.remote = REMOTE_CANCELLED, .ended_at = T0, .awaits_answers = true), T0 + 9 * T_MIN, ACT_POLL, WHY_NO_FILES, 0},
	{"where nothing was done there may be no file", RUNNING(.remote = REMOTE_CANCELLED, .ended_at = T0, .awaits_answers = true, .is_empty = true), T0 + 90 * T_S, ACT_HARVEST, WHY_ENDED, 0},
	{"an error file is looked for some more times", RUNNING(.remote = REMOTE_COMPLETED, .ended_at = T0, .awaits_errors = true), T0 + T_MIN, ACT_POLL, WHY_NO_FILES, 0},
	{"but counts lie", RUNNING(.remote = REMOTE_COMPLETED, .ended_at = T0, .awaits_errors = true), T0 + 90 * T_S, ACT_HARVEST, WHY_ENDED, 0},
	{"failed has no files", RUNNING(.remote = REMOTE_FAILED, .ended_at = T0, .awaits_answers = true), T0, ACT_HARVEST, WHY_ENDED, 0},
	{"a 404 is not believed at once", RUNNING(.missing_since = T0 + T_MIN), T0 + 2 * T_MIN, ACT_POLL, WHY_MISSING, WARN_MISSING},
	{"but it is in the end", RUNNING(.missing_since = T0 + T_MIN), T0 + 11 * T_MIN, ACT_GIVE_UP, WHY_VANISHED, WARN_MISSING},
	{"48 hours past its expiry it is lost", RUNNING(.progress_at = T0 + 3 * T_DAY), T0 + 3 * T_DAY, ACT_GIVE_UP, WHY_EXPIRED_LONG, WARN_OLD},
	{"where the provider names no expiry, its 24 hours count", RUNNING(.expires_at = 0, .progress_at = T0 + 3 * T_DAY - 1), T0 + 3 * T_DAY - 1, ACT_POLL, WHY_RUNNING, WARN_OLD},
	{"and then it is lost too", RUNNING(.expires_at = 0, .progress_at = T0 + 3 * T_DAY), T0 + 3 * T_DAY, ACT_GIVE_UP, WHY_EXPIRED_LONG, WARN_OLD},
	{"so is one whose cancel never ended", RUNNING(.cancel_at = T0, .remote = REMOTE_CANCELLING, .left = true), T0 + 3 * T_DAY, ACT_GIVE_UP, WHY_EXPIRED_LONG, WARN_OLD | WARN_STALLED},
	{"a harvest goes on where it stopped", AT(BATCH_HARVESTING), T0, ACT_HARVEST, WHY_ENDED, 0},
	{"a failed download waits", AT(BATCH_HARVESTING, .next_at = T0 + T_S), T0, ACT_WAIT, WHY_BACKOFF, 0},
	{"results that nobody could read before they expired are given up", AT(BATCH_HARVESTING, .next_at = T0 + T_DAY, .ended_at = T0 + T_H), T0 + T_H + 32 * T_DAY, ACT_GIVE_UP, WHY_UNREADABLE, WARN_OLD},
	{"not a moment before", AT(BATCH_HARVESTING, .ended_at = T0 + T_H), T0 + T_H + 32 * T_DAY - 1, ACT_HARVEST, WHY_ENDED, WARN_OLD},
	{"closed is closed", AT(BATCH_CLOSED), T0, ACT_NONE, WHY_ENDED, 0},
};
/* clang-format on */

static void table_of_sentences(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *r = &rows[i];
		const struct decision d = batch_decide(&r->view, &small_policy, r->now);

		if (d.action != r->want || d.why != r->why || d.warnings != r->warnings)
			fail_msg("%s: %s (%s) warnings %u", r->name, action_names[d.action],
				 why_words[d.why], d.warnings);
	}
}

static void latest_start_keeps_reserve_and_half(void **state)
{
	const struct latest_start_view usual = {.opened_at = T0,
						.deadline_at = T0 + 6 * T_H,
						.reserve = 15 * T_MIN,
						.needed = T_MIN};
	struct latest_start_view v = usual;

	(void)state;
	assert_int_equal(latest_start(&v), T0 + 6 * T_H - 15 * T_MIN - T_MIN);
	v.reserve = 2 * T_H; /* counts as a tenth of the span at most */
	assert_int_equal(latest_start(&v), T0 + 6 * T_H - 36 * T_MIN - T_MIN);
	v = usual;
	v.needed = 5 * T_H; /* batches get their half */
	assert_int_equal(latest_start(&v), T0 + 3 * T_H);
	v = usual;
	v.calls_from = T0 + 4 * T_H; /* once they began they go on */
	assert_int_equal(latest_start(&v), T0 + 4 * T_H);
	v.calls_from = T0 - T_H; /* it was opened again since */
	assert_int_equal(latest_start(&v), latest_start(&usual));
	assert_int_equal(time_needed(33, 16, T_S), 3 * T_S);
	assert_int_equal(time_needed(0, 16, T_S), 0);
	assert_int_equal(time_needed(3, 0, T_S), 3 * T_S);
	assert_true(time_needed(UINT64_MAX, 1, T_DAY) == T_NEVER);
}

static void a_cancel_comes_its_grace_before_the_latest_start(void **state)
{
	const struct latest_start_view usual = {.opened_at = T0,
						.deadline_at = T0 + 6 * T_H,
						.reserve = 15 * T_MIN,
						.needed = T_MIN};
	struct latest_start_view v = usual;

	(void)state;
	assert_int_equal(leave_start(&v, 30 * T_MIN), latest_start(&v) - 30 * T_MIN);
	assert_int_equal(leave_start(&v, 0), latest_start(&v));
	assert_int_equal(leave_start(&v, 4 * T_H), T0 + 3 * T_H); /* from half of the span on */
	v.calls_from = T0 + T_H; /* began before: no later than them */
	assert_int_equal(leave_start(&v, 30 * T_MIN), T0 + T_H);
}

struct again_row {
	const char *name;
	struct again_view view;
	bool want;
};

/* clang-format off */
static const struct again_row again_rows[] = {
	{"in an incident no batch is begun for what left", {.has_calls = true, .no_batches = true, .n_left = 1, .batch_retries = 1, .leave_at = T0 + T_H}, true},
	{"without batch retries an item that left goes by a call", {.has_calls = true, .n_left = 1, .leave_at = T0 + T_H}, true},
	{"with one left it goes in a batch again", {.has_calls = true, .n_left = 1, .batch_retries = 1, .leave_at = T0 + T_H}, false},
	{"until that one is used", {.has_calls = true, .n_left = 2, .batch_retries = 1, .leave_at = T0 + T_H}, true},
	{"one that fits to the microsecond is begun", {.has_calls = true, .n_left = 1, .batch_retries = 1, .batch_takes = T_H - 1, .leave_at = T0 + T_H}, false},
	{"none is begun that does not fit before the items must leave", {.has_calls = true, .n_left = 1, .batch_retries = 1, .batch_takes = T_H, .leave_at = T0 + T_H}, true},
	{"where there are no calls it goes in a batch, whatever else", {.n_left = 9, .batch_takes = T_DAY, .leave_at = T0}, false},
	{"what never had its chance has lost none", {.has_calls = true, .leave_at = T0 + T_H}, false},
};
/* clang-format on */

static void items_that_left_by_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(again_rows) / sizeof(again_rows[0]); i++) {
		if (item_goes_by_call(&again_rows[i].view, T0) != again_rows[i].want)
			fail_msg("%s", again_rows[i].name);
	}
	assert_int_equal(batch_takes(30 * T_S, 30 * T_S), 3 * T_MIN);
}

static void ready_items_go_by_calls_when_no_batch_fits(void **state)
{
	const int64_t linger = 30 * T_S, poll = 30 * T_S;

	(void)state;
	/* Lingering takes nothing from what fits. */
	assert_int_equal(calls_start(T0, T0 + T_H, linger, poll), T0 + T_H - 150 * T_S);
	assert_int_equal(calls_start(T0, T0 + 180 * T_S + 1, linger, poll), T0 + 30 * T_S + 1);
	assert_int_equal(calls_start(T0, T0 + 180 * T_S, linger, poll), T0);
	assert_int_equal(calls_start(T0 + T_H, T0 + T_MIN, linger, poll), T0 + T_MIN);
}

struct item_row {
	const char *name;
	struct item_view view;
	enum item_verdict want;
};

/* clang-format off */
static const struct item_row item_rows[] = {
	{"a valid answer ends it", {.job_running = true, .best = GRADE_VALID, .grade = GRADE_VALID, .burned = 1, .max_attempts = 4}, ITEM_IS_DONE},
	{"a valid answer counts after the job's end", {.best = GRADE_VALID, .grade = GRADE_VALID, .burned = 1, .max_attempts = 4}, ITEM_IS_DONE},
	{"an answer in hand is kept when a later sending fails", {.job_running = true, .best = GRADE_VALID, .burned = 4, .max_attempts = 4}, ITEM_IS_DONE},
	{"of a salvaged answer a better one is asked for beside it", {.job_running = true, .retryable = true, .best = GRADE_SALVAGED, .grade = GRADE_SALVAGED, .burned = 1, .max_attempts = 4}, ITEM_IS_DONE_AND_REPEATS},
	{"I3: once", {.job_running = true, .retryable = true, .best = GRADE_SALVAGED, .grade = GRADE_SALVAGED, .burned = 2, .repeats = 1, .max_attempts = 4}, ITEM_IS_DONE},
	{"within max_attempts", {.job_running = true, .retryable = true, .best = GRADE_SALVAGED, .grade = GRADE_SALVAGED, .burned = 4, .max_attempts = 4}, ITEM_IS_DONE},
	{"not of an ended job", {.retryable = true, .best = GRADE_SALVAGED, .grade = GRADE_SALVAGED, .burned = 1, .max_attempts = 4}, ITEM_IS_DONE},
	{"not beside a valid one", {.job_running = true, .retryable = true, .best = GRADE_VALID, .grade = GRADE_SALVAGED, .burned = 1, .max_attempts = 4}, ITEM_IS_DONE},
	{"a failure that may pass is sent again", {.job_running = true, .retryable = true, .burned = 1, .max_attempts = 4}, ITEM_AGAIN},
	{"until max_attempts", {.job_running = true, .retryable = true, .burned = 4, .max_attempts = 4}, ITEM_IS_FAILED},
	{"a failure for good ends it", {.job_running = true, .burned = 1, .max_attempts = 4}, ITEM_IS_FAILED},
	{"I3: an unreadable answer is asked again once", {.job_running = true, .retryable = true, .grade = GRADE_REFUSED, .burned = 1, .max_attempts = 4}, ITEM_REPEAT},
	{"I3: and only once", {.job_running = true, .retryable = true, .grade = GRADE_REFUSED, .burned = 2, .repeats = 1, .max_attempts = 4}, ITEM_IS_FAILED},
	{"nothing is sent for an ended job", {.retryable = true, .burned = 1, .max_attempts = 4}, ITEM_IS_FAILED},
};
/* clang-format on */

static void items_by_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(item_rows) / sizeof(item_rows[0]); i++) {
		if (item_decide(&item_rows[i].view) != item_rows[i].want)
			fail_msg("%s", item_rows[i].name);
	}
}

static void every_action_and_reason_has_words(void **state)
{
	(void)state;
	for (int i = 0; i < ACTION_COUNT; i++) {
		assert_non_null(action_names[i]);
		assert_non_null(action_words[i]);
	}
	for (int i = 0; i < WHY_COUNT; i++)
		assert_non_null(why_words[i]);
	for (unsigned w = WARN_OLD; w <= WARN_INCIDENT; w *= 2)
		assert_true(*warning_code((enum warning)w));
	assert_string_equal(warning_code(WARN_NONE), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table_of_sentences),
		cmocka_unit_test(latest_start_keeps_reserve_and_half),
		cmocka_unit_test(a_cancel_comes_its_grace_before_the_latest_start),
		cmocka_unit_test(items_that_left_by_table),
		cmocka_unit_test(ready_items_go_by_calls_when_no_batch_fits),
		cmocka_unit_test(items_by_table),
		cmocka_unit_test(every_action_and_reason_has_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
