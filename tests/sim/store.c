/* SPDX-License-Identifier: ISC */
#include "tests/sim/store.h"

#include <stdlib.h>
#include <string.h>

#include "core/outcome.h"
#include "core/timemath.h"
#include "tests/sim/world.h"

static void *grown(void *p, uint32_t n, uint32_t *cap, size_t size)
{
	if (n < *cap)
		return p;
	*cap = *cap ? 2 * *cap : 64;
	p = realloc(p, *cap * size);
	if (!p)
		abort();
	return p;
}

static void *longer(void *p, uint32_t n, size_t size)
{
	p = realloc(p, n * size);
	if (!p)
		abort();
	return p;
}

void store_free(struct store *s)
{
	for (uint32_t i = 0; i < s->n_batches; i++) {
		free(s->batches[i]->attempts);
		free(s->batches[i]->jobs);
		free(s->batches[i]);
	}
	free(s->batches);
	free(s->jobs);
	free(s->items);
	free(s->attempts);
	free(s->live);
	free(s->open);
	free(s->calls);
}

/* --- jobs --- */

int32_t store_add_job(struct world *w, const struct order *o)
{
	struct store *s = &w->store;
	const int32_t id = (int32_t)s->n_jobs;
	struct job *j;

	s->jobs = longer(s->jobs, s->n_jobs + 1, sizeof(*s->jobs));
	s->live = longer(s->live, s->n_live + 1, sizeof(*s->live));
	s->live[s->n_live++] = id;
	j = &s->jobs[s->n_jobs++];
	*j = (struct job){.account = o->account,
			  .lots = o->lots,
			  .first_item = s->n_items,
			  .opened_at = w->now,
			  .deadline_at = o->deadline_at};
	for (uint32_t l = 0; l < LANGUAGES; l++) {
		j->counts[l] = (struct language_counts){.total = o->lots};
		for (uint32_t k = 0; k < o->lots; k++) {
			s->items = grown(s->items, s->n_items, &s->items_cap, sizeof(*s->items));
			s->items[s->n_items++] = (struct item){
				.job = id,
				.batch = NONE,
				.newest = NONE,
				.answer = NONE,
				.language = (uint8_t)l,
				.state = l ? ITEM_BLOCKED : ITEM_READY,
				.is_bad = l == 0 && (int32_t)k == o->bad_lot,
			};
		}
	}
	j->counts[0].ready = o->lots;
	j->ready_since[0] = w->now;
	return id;
}

uint32_t job_open_items(const struct job *j)
{
	uint32_t n = 0;

	for (int l = 0; l < LANGUAGES; l++)
		n += j->counts[l].total - j->counts[l].done - j->counts[l].failed;
	return n;
}

struct ready job_ready(const struct job *j, enum task task)
{
	const int from = task == TASK_DESCRIBE ? 0 : 1, to = task == TASK_DESCRIBE ? 1 : LANGUAGES;
	struct ready r = {.since = T_NEVER};
	int64_t marked_since = T_NEVER;

	for (int l = from; l < to; l++) {
		const uint32_t n = j->counts[l].ready;

		r.n += n;
		r.n_by_call += j->n_by_call[l];
		if (n > j->n_by_call[l])
			r.since = t_min(r.since, j->ready_since[l]);
		else if (n > 0)
			marked_since = t_min(marked_since, j->ready_since[l]);
	}
	if (r.since == T_NEVER)
		r.since = marked_since;
	return r;
}

static int32_t next_ready(struct store *s, struct job *j, enum task task, bool by_call)
{
	const uint32_t begin = item_at(j, task == TASK_DESCRIBE ? 0 : 1, 0);
	const uint32_t end = item_at(j, task == TASK_DESCRIBE ? 1 : LANGUAGES, 0);
	uint32_t i = j->ready_from[task][by_call];

	if (i < begin)
		i = begin;
	while (i < end && (s->items[i].state != ITEM_READY || s->items[i].by_call != by_call))
		i++;
	j->ready_from[task][by_call] = i;
	return i < end ? (int32_t)i : NONE;
}

int32_t job_next_ready(struct store *s, int32_t job, enum task task, enum plan_items which)
{
	int32_t item = NONE;

	if (which != PLAN_MARKED)
		item = next_ready(s, &s->jobs[job], task, false);
	if (item == NONE && which != PLAN_UNMARKED)
		item = next_ready(s, &s->jobs[job], task, true);
	return item;
}

int32_t job_next_call(struct store *s, int32_t job, enum task task, enum plan_items which)
{
	struct job *j = &s->jobs[job];
	const uint32_t from = task == TASK_DESCRIBE ? 0 : 1,
		       to = task == TASK_DESCRIBE ? 1 : LANGUAGES;
	bool is_before = true; /* every ready item so far */

	for (uint32_t lot = j->lot_from[task]; lot < j->lots; lot++) {
		for (uint32_t l = from; l < to; l++) {
			const struct item *i = &s->items[item_at(j, l, lot)];

			if (i->state != ITEM_READY)
				continue;
			is_before = false;
			if (which == PLAN_ALL || i->by_call == (which == PLAN_MARKED))
				return (int32_t)item_at(j, l, lot);
		}
		if (is_before)
			j->lot_from[task] = lot + 1;
	}
	return NONE;
}

bool job_is_in_batch(const struct store *s, int32_t job)
{
	for (uint32_t i = 0; i < s->n_open; i++) {
		const struct batch *b = s->batches[s->open[i]];

		for (uint32_t k = 0; k < b->n_jobs; k++) {
			if (b->jobs[k].job == job && !b->jobs[k].left_at)
				return true;
		}
	}
	return false;
}

struct job *store_touch(struct store *s, int32_t id)
{
	struct job *j = &s->jobs[id];

	if (!j->is_dirty) {
		if (s->n_dirty == sizeof(s->dirty) / sizeof(s->dirty[0]))
			abort();
		s->dirty[s->n_dirty++] = id;
		j->is_dirty = true;
	}
	return j;
}

static uint32_t *count_of(struct language_counts *c, enum item_state state)
{
	switch (state) {
	case ITEM_READY:
		return &c->ready;
	case ITEM_SENT:
		return &c->sent;
	case ITEM_DONE:
		return &c->done;
	case ITEM_FAILED:
		return &c->failed;
	case ITEM_BLOCKED:
	case ITEM_STATE_COUNT:
		break;
	}
	return NULL;
}

void store_move_item(struct world *w, uint32_t item, enum item_state to)
{
	struct item *i = &w->store.items[item];
	struct job *j = store_touch(&w->store, i->job);
	struct language_counts *c = &j->counts[i->language];
	uint32_t *from_n = count_of(c, (enum item_state)i->state), *to_n = count_of(c, to);
	uint32_t lot;

	if (!item_may_move[i->state][to])
		broken(w, "I6", i->job, "item %u may not move from %s to %s", item,
		       item_state_names[i->state], item_state_names[to]);
	if (from_n)
		--*from_n;
	if (to == ITEM_READY && c->ready == 0)
		j->newly_ready[i->language] = true;
	if (i->by_call)
		j->n_by_call[i->language] +=
			(uint32_t)(to == ITEM_READY) - (uint32_t)(i->state == ITEM_READY);
	if (to_n)
		++*to_n;
	i->state = (uint8_t)to;
	if (to != ITEM_SENT)
		i->batch = NONE;
	if (to == ITEM_READY && item < j->ready_from[task_of(i)][i->by_call])
		j->ready_from[task_of(i)][i->by_call] = item;
	lot = (item - j->first_item) % j->lots;
	if (to == ITEM_READY && lot < j->lot_from[task_of(i)])
		j->lot_from[task_of(i)] = lot;
}

/* --- attempts --- */

int32_t store_send(struct world *w, uint32_t item, int32_t batch, enum way way)
{
	struct store *s = &w->store;
	struct item *i = &s->items[item];
	const int32_t id = (int32_t)s->n_attempts;
	struct batch *b;

	s->attempts = grown(s->attempts, s->n_attempts, &s->attempts_cap, sizeof(*s->attempts));
	s->attempts[s->n_attempts++] = (struct attempt){
		.item = (int32_t)item,
		.before = i->newest,
		.batch = batch,
		.no = ++i->attempts,
		.way = (uint8_t)way,
	};
	i->newest = id;
	store_move_item(w, item, ITEM_SENT);
	i->batch = batch;
	if (batch == NONE) {
		s->calls = longer(s->calls, s->n_calls + 1, sizeof(*s->calls));
		s->calls[s->n_calls++] = id;
		return id;
	}
	b = s->batches[batch];
	b->attempts = grown(b->attempts, b->n_items, &b->cap, sizeof(*b->attempts));
	b->attempts[b->n_items++] = id;
	return id;
}

static uint32_t *outcome_count(struct batch *b, enum attempt_outcome outcome)
{
	return outcome == ATTEMPT_ANSWERED ? &b->n_answered
	       : outcome == ATTEMPT_VOID   ? &b->n_void
					   : &b->n_failed;
}

void store_close_attempt(struct world *w, int32_t attempt, enum attempt_outcome outcome)
{
	struct store *s = &w->store;
	struct attempt *a = &s->attempts[attempt];

	for (uint32_t i = 0; a->batch == NONE && i < s->n_calls; i++) {
		if (s->calls[i] == attempt)
			s->calls[i] = s->calls[--s->n_calls];
	}
	if (a->batch != NONE) {
		struct batch *b = s->batches[a->batch];

		if (a->outcome != ATTEMPT_OPEN)
			--*outcome_count(b, (enum attempt_outcome)a->outcome);
		if (!is_broken_rule(w, BREAK_COUNTS) || outcome != ATTEMPT_VOID)
			++*outcome_count(b, outcome);
	}
	a->outcome = (uint8_t)outcome;
}

/* --- batches --- */

int32_t store_add_batch(struct world *w, enum task task)
{
	struct store *s = &w->store;
	struct batch *b = calloc(1, sizeof(*b));

	if (!b)
		abort();
	*b = (struct batch){.task = task,
			    .file = NONE,
			    .remote = NONE,
			    .created_at = w->now,
			    .phase_at = w->now,
			    .next_at = w->now};
	s->batches = grown(s->batches, s->n_batches, &s->batches_cap, sizeof(struct batch *));
	s->open = longer(s->open, s->n_open + 1, sizeof(*s->open));
	s->open[s->n_open++] = (int32_t)s->n_batches;
	s->batches[s->n_batches] = b;
	return (int32_t)s->n_batches++;
}

void store_batch_job(struct batch *b, int32_t job, uint32_t n)
{
	for (uint32_t i = 0; i < b->n_jobs; i++) {
		if (b->jobs[i].job == job) {
			b->jobs[i].n += n;
			return;
		}
	}
	b->jobs = longer(b->jobs, b->n_jobs + 1, sizeof(*b->jobs));
	b->jobs[b->n_jobs++] = (struct batch_job){.job = job, .n = n};
}

/* As batchd's: the back-off grows over all tries from the file to the running batch. */
static bool is_same_effort(enum batch_phase from, enum batch_phase to)
{
	return from >= BATCH_SEALED && from <= BATCH_CREATING && to >= BATCH_SEALED &&
	       to <= BATCH_CREATING;
}

void store_move_batch(struct world *w, int32_t batch, enum batch_phase to)
{
	struct store *s = &w->store;
	struct batch *b = s->batches[batch];

	if (!batch_may_move[b->phase][to])
		broken(w, "I6", b->n_jobs ? b->jobs[0].job : NONE,
		       "batch %d may not move from %s to %s", batch, batch_phase_names[b->phase],
		       batch_phase_names[to]);
	trace_batch(w, batch, "%s -> %s", batch_phase_names[b->phase], batch_phase_names[to]);
	if (!is_same_effort(b->phase, to))
		b->tries = 0;
	b->phase = to;
	b->phase_at = b->next_at = w->now;
	if (to != BATCH_CLOSED)
		return;
	for (uint32_t i = 0; i < s->n_open; i++) {
		if (s->open[i] == batch) {
			s->open[i] = s->open[--s->n_open];
			break;
		}
	}
	check_closed_batch(w, batch);
}

void store_backoff(struct world *w, int32_t batch, int64_t wait)
{
	struct batch *b = w->store.batches[batch];

	b->tries++;
	b->next_at = t_add(w->now, t_max(wait, backoff_us(b->tries, (uint64_t)batch)));
}

/* --- the end of a transaction --- */

static void job_ended(struct world *w, int32_t id)
{
	struct store *s = &w->store;

	s->jobs[id].completed_at = w->now;
	s->jobs[id].was_full = s->jobs[id].outcome == OUTCOME_FULL;
	for (uint32_t i = 0; i < s->n_live; i++) {
		if (s->live[i] == id) {
			s->live[i] = s->live[--s->n_live];
			break;
		}
	}
	check_ended_job(w, id);
}

static void refresh(struct world *w, int32_t id, int64_t ready_at)
{
	struct job *j = &w->store.jobs[id];
	struct job_view v = {.status = j->status,
			     .outcome = j->outcome,
			     .deadline_at = w->agent->ends_by_deadline ? j->deadline_at : T_NEVER,
			     .opened_at = j->opened_at,
			     .lots = j->lots,
			     .languages = j->counts,
			     .n_languages = LANGUAGES};
	const enum job_status before = j->status;
	struct job_verdict verdict;

	for (int l = 0; l < LANGUAGES; l++) {
		if (j->newly_ready[l])
			j->ready_since[l] = ready_at;
		j->newly_ready[l] = false;
	}
	j->is_dirty = false;
	verdict = job_decide(&v, w->now);
	check_verdict(w, id, &verdict);
	j->status = verdict.status;
	j->outcome = verdict.outcome;
	if (verdict.ended_now)
		job_ended(w, id);
	if (before != j->status)
		trace(w, id, "job is %s, %u items open", job_status_names[j->status],
		      job_open_items(j));
}

void store_refresh(struct world *w, int64_t ready_at)
{
	struct store *s = &w->store;

	for (uint32_t i = 0; i < s->n_dirty; i++)
		refresh(w, s->dirty[i], ready_at);
	s->n_dirty = 0;
}

void store_commit(struct world *w, int64_t ready_at)
{
	store_refresh(w, ready_at);
	world_step(w);
}
