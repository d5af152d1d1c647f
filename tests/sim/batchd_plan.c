/* SPDX-License-Identifier: ISC */
/* The planner (batchd/planner.c): ready items into batches. */
#include "core/timemath.h"
#include "tests/sim/batchd.h"

#define MAX_CANDIDATES 512

struct planner {
	struct plan_candidate of[MAX_CANDIDATES];
	size_t n;
	int64_t token_limit, token_room;
};

static int64_t tokens_of(const struct world *w, int64_t task)
{
	return task == TASK_DESCRIBE ? w->p->orders.describe_tokens : w->p->orders.translate_tokens;
}

static void read_candidates(struct world *w, struct planner *p)
{
	p->n = 0;
	for (uint32_t i = 0; i < w->store.n_live; i++) {
		const int32_t id = w->store.live[i];
		const struct job *j = &w->store.jobs[id];
		const int64_t start = job_latest_start(w, j);

		if (j->deadline_at <= w->now)
			continue;
		for (int t = 0; t < TASK_COUNT && p->n < MAX_CANDIDATES; t++) {
			struct plan_candidate c = {.job_id = id,
						   .account_id = j->account,
						   .recipe_id = t,
						   .latest_start = start,
						   .deadline_at = j->deadline_at};

			const struct ready r = job_ready_for(w, j, (enum task)t, false, &c.which);

			c.n_ready = r.n;
			c.ready_since = r.since;
			if (r.n > 0)
				p->of[p->n++] = c;
		}
	}
}

/* As planner.c's token_room: 0 where a batch is better not begun. */
static int64_t token_room(const struct world *w, int64_t task, uint32_t n)
{
	const int64_t limit = w->p->settings.enqueued_tokens;
	int64_t open = 0, room;

	for (uint32_t i = 0; i < w->store.n_open; i++) {
		const struct batch *b = w->store.batches[w->store.open[i]];

		if (b->phase <= BATCH_RUNNING)
			open += b->tokens;
	}
	room = limit - open;
	return open > 0 && room < limit / 4 && room < t_mul(tokens_of(w, task), n) ? 0 : room;
}

static void drop_recipe(struct planner *p, int64_t recipe)
{
	size_t kept = 0;

	for (size_t i = 0; i < p->n; i++) {
		if (p->of[i].recipe_id != recipe)
			p->of[kept++] = p->of[i];
	}
	p->n = kept;
}

/* The task of the batch to begin, or NONE. */
static int32_t pick(struct world *w, struct planner *p)
{
	const struct plan_limits limits = {.linger = w->p->settings.linger,
					   .max_requests = w->p->settings.max_requests};
	int64_t at;

	for (;;) {
		const uint32_t n = plan_pick(p->of, p->n, &limits, w->now, &at);
		size_t first = 0;

		if (n == 0)
			return NONE;
		while (p->of[first].share == 0)
			first++;
		p->token_limit = token_room(w, p->of[first].recipe_id, n);
		if (p->token_limit > 0)
			return (int32_t)p->of[first].recipe_id;
		drop_recipe(p, p->of[first].recipe_id);
	}
}

/* One turn, one transaction. False where the batch is full. */
static bool take(struct world *w, struct planner *p, int32_t batch, size_t at, uint32_t accounts)
{
	struct batch *b = w->store.batches[batch];
	struct plan_candidate *c = &p->of[at];
	const int64_t each = tokens_of(w, b->task);
	const int64_t part = plan_part(p->token_limit, p->token_room, accounts);
	uint32_t taken = 0;
	int64_t tokens = 0;
	bool is_full = false;

	while (taken < c->share && taken < SLICE) {
		const int32_t item =
			job_next_ready(&w->store, (int32_t)c->job_id, b->task, c->which);

		if (item == NONE)
			break;
		is_full = tokens + each > p->token_room && b->n_items > 0;
		if (is_full || (taken > 0 && tokens + each > part))
			break;
		store_send(w, (uint32_t)item, batch, WAY_BATCH);
		tokens += each;
		taken++;
	}
	if (taken > 0) {
		store_batch_job(b, (int32_t)c->job_id, taken);
		b->tokens += tokens;
		trace(w, (int32_t)c->job_id, "%u items into batch %d", taken, batch);
	} else {
		c->share = 0;
	}
	p->token_room -= tokens;
	if (taken > 0)
		plan_took(p->of, p->n, at, taken, tokens);
	store_commit(w, w->now);
	return !is_full;
}

static bool plan_batch(struct world *w)
{
	struct planner p;
	int32_t task, batch;
	uint32_t accounts;
	size_t at;

	read_candidates(w, &p);
	task = pick(w, &p);
	if (task == NONE)
		return false;
	p.token_room = p.token_limit;
	batch = store_add_batch(w, (enum task)task);
	w->store.batches[batch]->busy = w->life + 1; /* being filled */
	incident_begun(w, batch);
	store_commit(w, w->now);
	do {
		at = plan_turn(p.of, p.n, &accounts);
	} while (at < p.n && take(w, &p, batch, at, accounts));
	w->store.batches[batch]->busy = 0;
	store_move_batch(w, batch, BATCH_SEALED);
	store_commit(w, w->now);
	batchd_advance(w, batch);
	return true;
}

void planner_run(struct world *w)
{
	while (batchd_may_send(w) && !incident_holds(w) && plan_batch(w))
		continue;
}
