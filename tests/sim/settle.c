/* SPDX-License-Identifier: ISC */
/* What came back for an attempt, and what becomes of its item (batchd/settle.c, items.c). */
#include "tests/sim/batchd.h"

/* The lot's translations of a description: they are failed with it, or asked for. */
static void follow_description(struct world *w, uint32_t item, enum item_state to)
{
	struct store *s = &w->store;
	const struct job *j = &s->jobs[s->items[item].job];
	const uint32_t lot = item - j->first_item;

	for (uint32_t l = 1; l < LANGUAGES; l++) {
		const uint32_t id = item_at(j, l, lot);
		struct item *i = &s->items[id];

		if (to == ITEM_FAILED && i->state == ITEM_BLOCKED) {
			i->by_description = true;
			store_move_item(w, id, ITEM_FAILED);
		} else if (to == ITEM_READY && (i->state == ITEM_BLOCKED ||
						(i->state == ITEM_FAILED && i->by_description))) {
			i->by_description = false;
			store_move_item(w, id, ITEM_READY);
		}
	}
}

static bool is_here(const struct item *i, const struct attempt *a)
{
	return i->state == ITEM_SENT && i->batch == a->batch && i->attempts == a->no && !a->left;
}

static void burn(const struct world *w, struct item *i)
{
	i->burned = (uint8_t)(i->burned + !is_broken_rule(w, BREAK_LIMIT));
}

/* Where the item stands after this. */
static void settle_item(struct world *w, uint32_t id, const struct attempt *a,
			const struct came *came)
{
	struct item *i = &w->store.items[id];
	const bool here = is_here(i, a), runs = job_runs(&w->store.jobs[i->job]);
	const enum item_state before = (enum item_state)i->state;
	const struct item_view v = {
		.job_running = runs,
		.best = (enum grade)i->grade,
		.grade = came->is_answer ? came->grade : GRADE_NONE,
		.retryable = came->is_void || came->outcome == OUTCOME_LATER,
		.burned = i->burned,
		.repeats = i->repeats,
		.max_attempts = w->p->settings.max_attempts,
	};
	const enum item_verdict verdict = item_decide(&v);
	enum item_state to = ITEM_READY;

	/* An item that left this batch, or ended, only gains by what it brings. */
	if (verdict != ITEM_IS_DONE && !here)
		return;
	if (verdict == ITEM_REPEAT)
		i->repeats++;
	if (verdict == ITEM_IS_DONE)
		to = ITEM_DONE;
	else if (verdict == ITEM_IS_FAILED)
		to = ITEM_FAILED;
	if (to == before)
		return;
	if (to == ITEM_READY &&
	    a->batch != NONE) { /* what a call did not answer goes by one again */
		i->n_left++;
		i->by_call = goes_by_call(w, i, w->store.batches[a->batch]->n_items);
	}
	store_move_item(w, id, to);
	if (i->language == 0 && to == ITEM_DONE && runs)
		follow_description(w, id, ITEM_READY);
	else if (i->language == 0 && to == ITEM_FAILED)
		follow_description(w, id, ITEM_FAILED);
}

static void settle_answer(struct world *w, int32_t attempt, const struct came *came)
{
	struct attempt *a = &w->store.attempts[attempt];
	struct item *i = &w->store.items[a->item];

	if (a->outcome != ATTEMPT_FAILED) /* that did */
		burn(w, i);
	store_close_attempt(w, attempt, ATTEMPT_ANSWERED);
	a->is_stored = true;
	a->is_refused = came->grade == GRADE_REFUSED;
	if (came->grade > (enum grade)i->grade) { /* the better wins, the first on a tie */
		i->grade = (uint8_t)came->grade;
		i->answer = attempt;
	}
	settle_item(w, (uint32_t)a->item, a, came);
}

void settle(struct world *w, int32_t attempt, const struct came *came)
{
	struct attempt *a = &w->store.attempts[attempt];

	if (came->is_answer && !a->is_stored) {
		settle_answer(w, attempt, came);
		return;
	}
	if (a->outcome != ATTEMPT_OPEN)
		return;
	store_close_attempt(w, attempt, came->is_void ? ATTEMPT_VOID : ATTEMPT_FAILED);
	if (!came->is_void)
		burn(w, &w->store.items[a->item]);
	settle_item(w, (uint32_t)a->item, a, came);
}

void settle_release(struct world *w, int32_t attempt, const struct ending *e)
{
	struct attempt *a = &w->store.attempts[attempt];
	struct item *i = &w->store.items[a->item];
	const bool here = is_here(i, a);
	struct item_view v = {.job_running = job_runs(&w->store.jobs[i->job]),
			      .retryable = true,
			      .max_attempts = w->p->settings.max_attempts};

	a->batch_lost = e->reason == REASON_LOST;
	store_close_attempt(w, attempt, e->outcome);
	if (!here)
		return;
	if (e->outcome == ATTEMPT_FAILED)
		burn(w, i);
	v.burned = i->burned;
	if (item_decide(&v) == ITEM_AGAIN) {
		i->n_left = (uint8_t)(i->n_left + e->has_left);
		i->by_call = e->has_left && goes_by_call(w, i, w->store.batches[a->batch]->n_items);
		store_move_item(w, (uint32_t)a->item, ITEM_READY);
		return;
	}
	store_move_item(w, (uint32_t)a->item, ITEM_FAILED);
	if (i->language == 0)
		follow_description(w, (uint32_t)a->item, ITEM_FAILED);
}
