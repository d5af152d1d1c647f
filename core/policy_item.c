/* SPDX-License-Identifier: ISC */
/* The rules of single items, and of when their jobs begin to go by calls (core/policy.h). */
#include "core/policy.h"

#include "core/timemath.h"

/* Of a batch: to be created, to begin, to end and to be seen to. */
#define BATCH_LOOKS 5

int64_t time_needed(uint64_t items, int64_t concurrency, int64_t call_us)
{
	const uint64_t lanes = concurrency > 0 ? (uint64_t)concurrency : 1;
	const uint64_t rounds = items / lanes + (items % lanes != 0);

	return t_mul(call_us, rounds > INT64_MAX ? INT64_MAX : (int64_t)rounds);
}

int64_t reserve_counted(int64_t opened_at, int64_t deadline_at, int64_t reserve)
{
	return t_min(reserve, t_sub(deadline_at, opened_at) / 10);
}

int64_t latest_start(const struct latest_start_view *v)
{
	const int64_t span = t_sub(v->deadline_at, v->opened_at);
	const int64_t reserve = reserve_counted(v->opened_at, v->deadline_at, v->reserve);
	const int64_t start = t_max(t_sub(t_sub(v->deadline_at, reserve), v->needed),
				    t_add(v->opened_at, span / 2));

	return v->calls_from && v->calls_from >= v->opened_at ? t_min(start, v->calls_from) : start;
}

enum item_verdict item_decide(const struct item_view *i)
{
	const bool attempts_left = i->burned < i->max_attempts;

	const bool may_ask = i->job_running && i->retryable && attempts_left;

	if (i->best == GRADE_SALVAGED && i->grade == GRADE_SALVAGED && may_ask && i->repeats == 0)
		return ITEM_IS_DONE_AND_REPEATS;
	if (i->best >= GRADE_SALVAGED)
		return ITEM_IS_DONE;
	if (!may_ask)
		return ITEM_IS_FAILED;
	if (i->grade == GRADE_REFUSED)
		return i->repeats == 0 ? ITEM_REPEAT : ITEM_IS_FAILED;
	return ITEM_AGAIN;
}

int64_t leave_start(const struct latest_start_view *v, int64_t cancel_grace)
{
	const int64_t half = t_add(v->opened_at, t_sub(v->deadline_at, v->opened_at) / 2);
	const int64_t start = latest_start(v);

	return t_min(start, t_max(t_sub(start, cancel_grace), half));
}

int64_t batch_takes(int64_t linger, int64_t poll_interval)
{
	return t_add(linger, t_mul(poll_interval, BATCH_LOOKS));
}

int64_t calls_start(int64_t ready_since, int64_t leave_at, int64_t linger, int64_t poll_interval)
{
	if (t_add(ready_since, batch_takes(linger, poll_interval)) >= leave_at)
		return t_min(ready_since, leave_at);
	return t_sub(leave_at, batch_takes(0, poll_interval));
}

bool item_goes_by_call(const struct again_view *v, int64_t now)
{
	if (!v->has_calls)
		return false;
	return v->no_batches || v->n_left > v->batch_retries ||
	       t_add(now, v->batch_takes) >= v->leave_at;
}
