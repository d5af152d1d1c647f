/* SPDX-License-Identifier: ISC */
/* The invariants of DESIGN section 1, as far as a run without a database has them. */
#include <stdlib.h>
#include <string.h>

#include "core/timemath.h"
#include "tests/sim/world.h"

const char *const sim_break_names[SIM_BREAK_COUNT] = {
	[BREAK_NONE] = "none",   [BREAK_ENDS] = "ends",     [BREAK_KEEPS] = "keeps",
	[BREAK_ONCE] = "once",   [BREAK_COUNTS] = "counts", [BREAK_RAISE] = "raise",
	[BREAK_LIMIT] = "limit",
};

const char *const sim_break_invariants[SIM_BREAK_COUNT] = {
	[BREAK_NONE] = "",     [BREAK_ENDS] = "I1",  [BREAK_KEEPS] = "I2", [BREAK_ONCE] = "I3",
	[BREAK_COUNTS] = "I4", [BREAK_RAISE] = "I6", [BREAK_LIMIT] = "P4",
};

/* --- I1 --- */

/* How late a job may end, by whether batchd was there at its deadline. */
static int64_t end_by(const struct world *w, const struct job *j)
{
	const int64_t tick = w->p->settings.tick;
	const bool was_there = w->is_up && w->up_at <= j->deadline_at;

	return t_add(j->deadline_at, was_there ? tick : t_mul(tick, FRONT_END_TICKS));
}

void check_now(struct world *w)
{
	if (!w->agent->ends_by_deadline)
		return;
	for (uint32_t i = 0; i < w->store.n_live; i++) {
		const int32_t id = w->store.live[i];

		if (w->is_up && w->now > end_by(w, &w->store.jobs[id]))
			broken(w, "I1", id, "it has outlived its deadline");
	}
}

/* --- I4: jobs --- */

static void check_counts(struct world *w, int32_t id)
{
	const struct job *j = &w->store.jobs[id];

	for (uint32_t l = 0; l < LANGUAGES; l++) {
		const struct language_counts *c = &j->counts[l];
		uint32_t n[ITEM_STATE_COUNT] = {0}, n_by_call = 0;

		for (uint32_t k = 0; k < j->lots; k++) {
			const struct item *i = &w->store.items[item_at(j, l, k)];

			n[i->state]++;
			n_by_call += i->state == ITEM_READY && i->by_call;
		}
		if (n[ITEM_READY] != c->ready || n[ITEM_SENT] != c->sent ||
		    n[ITEM_DONE] != c->done || n[ITEM_FAILED] != c->failed ||
		    n_by_call != j->n_by_call[l])
			broken(w, "I4", id, "language %u: counts are not those of its items", l);
	}
}

void check_ended_job(struct world *w, int32_t id)
{
	const struct job *j = &w->store.jobs[id];

	if (w->agent->ends_by_deadline && w->now > end_by(w, j))
		broken(w, "I1", id, "it ended %lld s after its deadline",
		       (long long)((w->now - j->deadline_at) / T_S));
	check_counts(w, id);
}

/* --- I6 --- */

void check_verdict(struct world *w, int32_t id, const struct job_verdict *v)
{
	const struct job *j = &w->store.jobs[id];

	if (!job_status_is_terminal(j->status))
		return;
	if (v->status != j->status && !(j->status == JOB_FAILED && v->status == JOB_COMPLETED))
		broken(w, "I6", id, "an ended job goes from %s to %s", job_status_names[j->status],
		       job_status_names[v->status]);
	if (j->outcome == OUTCOME_FULL && v->outcome != OUTCOME_FULL)
		broken(w, "I6", id, "a full job is not any more");
}

/* --- I4: batches --- */

void check_closed_batch(struct world *w, int32_t batch)
{
	const struct batch *b = w->store.batches[batch];
	const int32_t job = b->n_jobs ? b->jobs[0].job : NONE;
	uint32_t n[ATTEMPT_OUTCOME_COUNT] = {0};

	for (uint32_t i = 0; i < b->n_items; i++)
		n[w->store.attempts[b->attempts[i]].outcome]++;
	if (n[ATTEMPT_OPEN] > 0)
		broken(w, "I4", job, "batch %d is closed with %u open attempts", batch,
		       n[ATTEMPT_OPEN]);
	if (b->n_items != b->n_answered + b->n_failed + b->n_void ||
	    n[ATTEMPT_ANSWERED] != b->n_answered || n[ATTEMPT_FAILED] != b->n_failed ||
	    n[ATTEMPT_VOID] != b->n_void)
		broken(w, "I4", job, "batch %d: %u items, %u answered, %u failed, %u void", batch,
		       b->n_items, b->n_answered, b->n_failed, b->n_void);
}

/* --- I2, I3 and the limits, of an item --- */

struct item_sums {
	uint32_t sent, left, lost_calls, resent_calls;
};

/* Why this sending, which was paid, was not the last paid one. */
static void count_twice(struct world *w, const struct attempt *a, struct item_sums *s)
{
	struct sim_twice *t = &w->r->twice;

	if (a->is_refused) {
		t->again++;
	} else if (a->call_lost) {
		t->call++;
		s->resent_calls++;
	} else if (a->batch_lost) {
		t->lost++;
	} else if (a->left) {
		t->left++;
	} else {
		broken(w, "I3", w->store.items[a->item].job,
		       "item %d was paid twice: sending %u (%s) has no cause", a->item, a->no,
		       way_names[a->way]);
	}
}

static void count_bounds(struct world *w, const struct attempt *a, struct item_sums *s)
{
	struct sim_twice *t = &w->r->twice;

	s->sent += a->outcome != ATTEMPT_VOID;
	s->left += a->left;
	s->lost_calls += a->call_lost;
	t->left_most += a->left;
	t->call_most += a->call_lost;
	t->lost_most += a->batch_lost;
	t->again_most += a->is_refused;
}

static void check_attempt(struct world *w, const struct attempt *a, const struct item *i)
{
	if (a->outcome == ATTEMPT_OPEN)
		broken(w, "I4", i->job, "sending %u of item %d is open for ever", a->no, a->item);
	if (a->in_file && !a->is_stored)
		broken(w, "I2", i->job, "item %d: what sending %u brought was not kept", a->item,
		       a->no);
	if (a->batch == NONE && a->runs && !a->call_lost && !a->is_stored)
		broken(w, "I2", i->job, "item %d: the answer of call %u was not kept", a->item,
		       a->no);
	if (a->is_stored && !a->is_refused && i->state != ITEM_DONE)
		broken(w, "I2", i->job, "item %d has an answer and is %s", a->item,
		       item_state_names[i->state]);
	if (a->runs > 1)
		broken(w, "I3", i->job, "item %d: one sending (%u) ran %u times", a->item, a->no,
		       a->runs);
}

static void check_item(struct world *w, uint32_t id)
{
	const struct item *i = &w->store.items[id];
	const uint32_t most = w->p->settings.max_attempts;
	struct item_sums s = {0};
	bool is_paid_later = false;

	for (int32_t k = i->newest; k != NONE; k = w->store.attempts[k].before) {
		const struct attempt *a = &w->store.attempts[k];

		check_attempt(w, a, i);
		count_bounds(w, a, &s);
		if (a->runs && is_paid_later)
			count_twice(w, a, &s);
		is_paid_later |= a->runs > 0;
	}
	/* What left was sent again before it was known how it ended. */
	if (s.sent > most + s.left || i->burned > s.sent || i->burned + s.left < s.sent ||
	    i->repeats > 1)
		broken(w, "P4", i->job, "item %u was sent %u times, %u burned, %u repeats", id,
		       s.sent, i->burned, i->repeats);
	if (s.resent_calls > 1)
		broken(w, "I3", i->job, "item %u: two lost calls were paid and repeated", id);
	if ((i->state == ITEM_DONE) != (i->answer != NONE && i->grade >= GRADE_SALVAGED))
		broken(w, "I2", i->job, "item %u is %s", id, item_state_names[i->state]);
}

static void check_created_once(struct world *w)
{
	const struct provider *p = &w->provider;
	uint8_t *n = calloc(w->store.n_batches + 1, 1);

	if (!n)
		abort();
	for (uint32_t i = 0; i < p->n_remotes; i++) {
		const struct batch *b = w->store.batches[p->remotes[i]->key];

		if (n[p->remotes[i]->key]++)
			broken(w, "I3", b->n_jobs ? b->jobs[0].job : NONE,
			       "batch %d was created twice", p->remotes[i]->key);
	}
	free(n);
}

/* --- sums --- */

#define SMALL 100 /* lots */

/* Why this was paid and is not the item's answer: by itself, or by an earlier sending. */
static int64_t *cause_of(struct world *w, const struct attempt *a)
{
	struct sim_cost *c = &w->r->cost;
	bool has_lost_call = false, has_left = false;

	for (int32_t k = w->store.items[a->item].newest; k != NONE;
	     k = w->store.attempts[k].before) {
		has_lost_call |= w->store.attempts[k].call_lost;
		has_left |= w->store.attempts[k].left;
	}
	if (a->batch_lost)
		return &c->by_lost;
	if (a->call_lost || (has_lost_call && !has_left))
		return &c->by_call;
	return &c->by_left;
}

static void sum_costs(struct world *w)
{
	struct sim_cost *c = &w->r->cost;
	const struct orders *o = &w->p->orders;

	for (uint32_t i = 0; i < w->store.n_items; i++) {
		const struct item *item = &w->store.items[i];
		const int64_t price = item->language ? o->translate_cost : o->describe_cost;

		c->ideal += price;
		c->answered += item->state == ITEM_DONE ? price : 0;
	}
	for (uint32_t i = 0; i < w->store.n_attempts; i++) {
		const struct attempt *a = &w->store.attempts[i];
		const struct item *item = &w->store.items[a->item];

		if (item->answer == (int32_t)i && item->grade >= GRADE_SALVAGED)
			c->used += a->paid;
		else if (a->is_refused)
			c->repeats += a->paid;
		else if (a->paid > 0)
			*cause_of(w, a) += a->paid;
	}
	c->wasted = c->paid - c->used - c->repeats;
}

static void sum_jobs(struct world *w)
{
	struct sim_result *r = w->r;
	const int64_t late = t_mul(w->p->settings.tick, FRONT_END_TICKS);

	r->jobs = w->store.n_jobs;
	r->items = w->store.n_items;
	r->batches = w->provider.n_remotes;
	r->took = calloc(r->jobs + 1, sizeof(*r->took));
	if (!r->took)
		abort();
	for (uint32_t i = 0; i < r->jobs; i++) {
		const struct job *j = &w->store.jobs[i];
		const bool has_ended = !job_runs(j);
		const bool in_time = has_ended && j->completed_at <= t_add(j->deadline_at, late);

		r->took[i] = has_ended ? j->completed_at - j->opened_at : INT64_MAX;
		r->in_time += in_time;
		r->full_in_time += in_time && j->was_full;
		r->full += j->outcome == OUTCOME_FULL;
		r->small += j->lots <= SMALL;
		r->small_full += j->lots <= SMALL && in_time && j->was_full;
		for (int l = 0; l < LANGUAGES; l++)
			r->items_done += j->counts[l].done;
	}
	for (uint32_t i = 0; i < w->store.n_batches; i++)
		r->batches_lost += w->store.batches[i]->reason == REASON_LOST;
}

void check_all(struct world *w)
{
	provider_book_all(w);
	sum_costs(w);
	sum_jobs(w);
	if (!w->agent->ends_by_deadline)
		return;
	if (w->store.n_live > 0)
		broken(w, "I1", w->store.live[0], "it never ends");
	if (w->store.n_open > 0)
		broken(w, "P3", NONE, "batch %d is never closed", w->store.open[0]);
	for (uint32_t i = 0; i < w->store.n_jobs; i++)
		check_counts(w, (int32_t)i);
	for (uint32_t i = 0; i < w->store.n_items && !w->r->is_broken; i++)
		check_item(w, i);
	check_created_once(w);
}
