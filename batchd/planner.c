/* SPDX-License-Identifier: ISC */
#include "batchd/planner.h"

#include <stdio.h>
#include <stdlib.h>

#include "batchd/budget.h"
#include "batchd/build.h"
#include "batchd/candidates.h"
#include "batchd/hold.h"
#include "batchd/incident.h"
#include "batchd/items.h"
#include "batchd/orphan.h"
#include "batchd/sending.h"
#include "batchd/tell.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/must.h"
#include "core/limits.h"
#include "core/plan.h"
#include "core/timemath.h"

/* The most urgent jobs of each account; the rest has its turn after them. */
#define MAX_CANDIDATES 1000

struct planner {
	bool look; /* candidates may be due */
	struct plan_candidate candidates[MAX_CANDIDATES];
	size_t n;
	int64_t batch_id; /* being filled; 0 = none */
	const struct recipe *recipe;
	int64_t token_limit, token_room, byte_room; /* of it, and what is left */
};

struct planner *planner_new(void)
{
	struct planner *p = must(calloc(1, sizeof(*p)));

	p->look = true;
	return p;
}

void planner_free(struct planner **p)
{
	free(*p);
	*p = NULL;
}

void planner_reset(struct planner *p)
{
	p->batch_id = 0;
	p->look = true;
}

void planner_wake(struct planner *p)
{
	p->look = true;
}

int64_t planner_latest_start(const struct planner *p)
{
	int64_t nearest = T_NEVER;

	for (size_t i = 0; p->batch_id && i < p->n; i++)
		nearest = t_min(nearest, p->candidates[i].latest_start);
	return nearest;
}

bool planner_fills(const struct planner *p, int64_t batch_id)
{
	return p->batch_id == batch_id;
}

static bool may_go(struct daemon *d, const struct plan_candidate *c, const void *arg)
{
	(void)arg;
	return !hold_holds(d, c->recipe_id);
}

static int read_candidates(struct daemon *d, struct err *err)
{
	struct planner *p = d->planner;
	const struct candidate_query q = {.wants = may_go,
					  .out = p->candidates,
					  .max = MAX_CANDIDATES};
	const int n = candidates_read(d, &q, err);

	p->n = n < 0 ? 0 : (size_t)n;
	return n;
}

struct begin {
	struct daemon *d;
	char key[33];
	int64_t now, id;
};

static int begin_tx(struct db *db, void *arg, struct err *err)
{
	struct begin *b = arg;
	const struct recipe *recipe = b->d->planner->recipe;

	if (db_exec(db, STMT_BATCH_ADD,
		    DB_P(db_text(b->key), db_int(recipe->id), db_text(recipe->model),
			 db_time(b->now), db_time(b->now), db_time(b->now)),
		    err) < 0)
		return -1;
	b->id = (int64_t)db_insert_id(db);
	return incident_begun(b->d, db, b->id, err);
}

void planner_random_key(char out[33])
{
	uint8_t bytes[16];

	clock_random(bytes, sizeof(bytes));
	for (int i = 0; i < 16; i++)
		snprintf(out + 2 * i, 3, "%02x", bytes[i]);
}

static int query_int(struct daemon *d, enum stmt stmt, struct db_val v, int64_t *out,
		     struct err *err)
{
	struct db_rows *r;

	if (db_query(d->db, stmt, DB_P(v), &r, err) < 0)
		return -1;
	*out = db_next(r) ? db_get_int(r, 0) : 0;
	db_rows_free(&r);
	return 0;
}

/*
 * What the provider's queue for the model still takes; INT64_MAX where no limit is known, 0
 * where a batch is better not begun: when the queue is nearly full and does not take all of `n`
 * items like the first one, batches of a few items each would follow one another. Then it waits
 * until one of the model ends.
 */
static int token_room(struct daemon *d, const struct plan_candidate *first, uint32_t n,
		      int64_t *room, struct err *err)
{
	const char *model = d->planner->recipe->model;
	const struct config_model *m = config_model_find(d->config, model);
	int64_t open, each;

	*room = INT64_MAX;
	if (!m || m->enqueued_tokens == 0)
		return 0;
	if (query_int(d, STMT_BATCH_OPEN_TOKENS, db_text(model), &open, err) < 0 ||
	    query_int(d, STMT_PLAN_TOKENS, db_int(first->job_id), &each, err) < 0)
		return -1;
	*room = m->enqueued_tokens - open;
	if (open > 0 && *room < m->enqueued_tokens / 4 && *room < t_mul(each, n))
		*room = 0;
	return 0;
}

/* What is held waits, and holds up nothing else. */
static void drop_recipe(struct planner *p, int64_t recipe_id)
{
	size_t kept = 0;

	for (size_t i = 0; i < p->n; i++) {
		if (p->candidates[i].recipe_id != recipe_id)
			p->candidates[kept++] = p->candidates[i];
	}
	p->n = kept;
}

static void drop_job(struct planner *p, size_t at)
{
	p->n--;
	for (size_t i = at; i < p->n; i++)
		p->candidates[i] = p->candidates[i + 1];
}

/*
 * May a batch of these be begun now? 1, 0 = not now (an orphan, a full queue, a
 * recipe that is not to be read), -1.
 */
static int may_begin(struct daemon *d, const struct plan_candidate *first, uint32_t n,
		     struct err *err)
{
	struct planner *p = d->planner;
	bool held;

	p->recipe = recipe_get(d->recipes, d->db, first->recipe_id, err);
	if (!p->recipe) {
		log_err("recipe not read recipe=%lld error=\"%s\"", (long long)first->recipe_id,
			err->text);
		return 0;
	}
	if (orphan_holds(d, p->recipe->hash, &held, err) < 0 ||
	    token_room(d, first, n, &p->token_limit, err) < 0)
		return -1;
	return !held && p->token_limit > 0;
}

/* It is the job's own trouble, and no other's. */
static void refused(struct daemon *d, int64_t job, const struct err *err)
{
	log_warning("job put off job=%lld error=\"%s\"", (long long)job, err->text);
	candidates_put_off(d->candidates, job);
}

/* The same of the first one that was picked; what stands against it is dropped. 1, 0, -1. */
static int try_first(struct daemon *d, size_t first, uint32_t n, struct err *err)
{
	struct planner *p = d->planner;
	const struct plan_candidate c = p->candidates[first];
	int may = may_begin(d, &c, n, err);

	if (may < 0)
		return -1;
	if (may == 0) {
		drop_recipe(p, c.recipe_id);
		return 0;
	}
	may = budget_may_begin(d, &c, p->recipe, err);
	if (may < 0 && db_err_is_refusal(err)) {
		refused(d, c.job_id, err);
		may = 0;
	}
	if (may == 0) {
		drop_job(p, first);
	} else if (may > 0 && hold_wants_trial(d, &c, n)) {
		drop_recipe(p, c.recipe_id);
		may = 0;
	}
	return may;
}

/* 1 = a batch was begun, 0 = nothing is due, -1. */
static int begin_batch(struct daemon *d, struct err *err)
{
	struct planner *p = d->planner;
	const int64_t now = daemon_now(d);
	const struct plan_limits limits = {.linger = d->config->batch.linger,
					   .max_requests = (uint32_t)d->config->batch.max_requests};
	struct begin b = {.d = d, .now = now};
	size_t first;
	uint32_t n;
	int64_t at;
	int may;

	p->look = false;
	if (read_candidates(d, err) < 0)
		return -1;
	do {
		n = plan_pick(p->candidates, p->n, &limits, now, &at);
		if (n == 0)
			return 0;
		for (first = 0; p->candidates[first].share == 0;)
			first++;
		may = try_first(d, first, n, err);
		if (may < 0)
			return -1;
	} while (may == 0);
	planner_random_key(b.key);
	if (daemon_tx(d, begin_tx, &b, err) < 0)
		return -1;
	p->batch_id = b.id;
	p->byte_room = d->config->batch.max_bytes;
	p->token_room = p->token_limit;
	build_ahead_begin(d, b.id, p->recipe);
	return 1;
}

struct take {
	struct daemon *d;
	const struct plan_candidate *c;
	int64_t now;
	int64_t byte_part, token_part; /* of the room that is left: the turn's */
	/* out */
	uint32_t taken;
	int64_t items[SLICE_ROWS];
	int64_t bytes, tokens;
	bool full;
};

/* Is there room for one more? Sets t->full where the batch has none, not only the turn. */
static bool item_fits(struct take *t, int64_t bytes, int64_t tokens)
{
	const struct planner *p = t->d->planner;

	/* A batch always takes its first item: alone it cannot be made smaller. */
	if (p->byte_room == t->d->config->batch.max_bytes && t->taken == 0)
		return true;
	t->full = t->bytes + bytes > p->byte_room || t->tokens + tokens > p->token_room;
	if (t->full || t->taken == 0) /* a turn is one item at least */
		return !t->full;
	return t->bytes + bytes <= t->byte_part && t->tokens + tokens <= t->token_part;
}

static int store_taken(struct db *db, struct take *t, const struct sending *sending,
		       struct tally *tally, struct err *err)
{
	const int64_t job = t->c->job_id;
	struct batch_row b;

	if (sending_store(sending, db, tally, job, err) < 0 ||
	    db_exec(db, STMT_BATCH_JOB_ADD,
		    DB_P(db_int(sending->batch_id), db_int(job), db_int(t->taken)), err) < 0 ||
	    batch_row_read(db, sending->batch_id, &b, err) < 1)
		return -1;
	b.n_items += t->taken;
	b.est_tokens += t->tokens;
	return batch_row_store(db, &b, err);
}

/* Ready items; beside: repeats of done ones. */
static int read_items(struct db *db, struct take *t, struct sending *sending, struct budget *budget,
		      bool beside, struct err *err)
{
	enum money_verdict verdict;
	struct db_rows *r;

	const enum task task = t->d->planner->recipe->task;
	int rc;

	rc = beside ? sending_repeats(db, t->c->job_id, task, &r, err)
		    : sending_items(db, t->c->job_id, task, t->c->which, budget_is_short(budget),
				    &r, err);
	if (rc < 0)
		return -1;
	while (t->taken < t->c->share && t->taken < SLICE_ROWS && db_next(r)) {
		const int64_t bytes = db_get_int(r, SEND_BYTES),
			      tokens = db_get_int(r, SEND_TOKENS);

		if (!item_fits(t, bytes, tokens))
			break;
		verdict = sending_add(sending, budget, r);
		if (verdict == MONEY_NEVER)
			continue;
		if (verdict != MONEY_FITS)
			break;
		t->bytes += bytes;
		t->tokens += tokens;
		t->items[t->taken++] = db_get_int(r, SEND_ITEM);
	}
	db_rows_free(&r);
	return 0;
}

static int take_tx(struct db *db, void *arg, struct err *err)
{
	struct take *t = arg;
	const struct budget_order order = {.job = t->c->job_id,
					   .recipe = t->d->planner->recipe,
					   .way = WAY_BATCH,
					   .cheapest = WAY_BATCH};
	struct sending *sending = sending_new(t->d->planner->batch_id, WAY_BATCH);
	struct tally *tally = tally_new(t->d);
	struct budget *budget = NULL;
	bool running;
	int rc = -1;

	t->taken = 0;
	t->bytes = t->tokens = 0;
	t->full = false;
	if (tally_lock(tally, db, t->c->job_id, &running, err) < 0)
		goto out;
	rc = 0;
	if (!running)
		goto out; /* nothing is sent for an ended job */
	budget = budget_open(t->d, db, &order, err);
	rc = budget ? read_items(db, t, sending, budget, false, err) : -1;
	/* Repeats go by calls where there are any. */
	if (rc == 0 && t->d->config->fallback.tiers.n == 0 && !t->full &&
	    budget->last == MONEY_FITS && budget->n_failed == 0)
		rc = read_items(db, t, sending, budget, true, err);
	if (rc < 0 || budget_is_told(budget))
		goto out;
	if (t->taken > 0)
		rc = store_taken(db, t, sending, tally, err);
	else if (!t->full && budget->n_failed == 0 && budget->last == MONEY_FITS)
		tally_recount(tally, t->c->job_id); /* its counts promised more than there is */
	if (rc == 0)
		rc = budget_close(budget, db, tally, err);
	if (rc == 0)
		rc = tally_apply(tally, db, t->now, t->now, err);
out:
	free(budget);
	tally_free(&tally);
	free(sending);
	return rc;
}

struct seal {
	int64_t batch_id, now;
};

static int seal_tx(struct db *db, void *arg, struct err *err)
{
	const struct seal *s = arg;
	struct batch_row b;

	if (batch_row_read(db, s->batch_id, &b, err) < 0)
		return -1;
	if (b.phase != BATCH_FILLING)
		return 0;
	batch_row_move(&b, BATCH_SEALED, s->now);
	return batch_row_store(db, &b, err);
}

static int seal(struct daemon *d, struct err *err)
{
	struct planner *p = d->planner;
	struct seal s = {.batch_id = p->batch_id, .now = daemon_now(d)};

	p->batch_id = 0;
	p->look = true;
	if (daemon_tx(d, seal_tx, &s, err) < 0)
		return -1;
	tell_jobs_of(d, s.batch_id);
	daemon_advance(d, s.batch_id);
	return 1;
}

int planner_step(struct daemon *d, struct err *err)
{
	struct planner *p = d->planner;
	struct take t = {.d = d, .now = daemon_now(d)};
	uint32_t accounts;
	size_t at;

	if (!p->batch_id)
		return p->look && daemon_may_send(d) && !incident_holds(d->incident)
			       ? begin_batch(d, err)
			       : 0;
	if (build_ahead_step(d))
		return 1;
	at = plan_turn(p->candidates, p->n, &accounts);
	if (at == p->n)
		return seal(d, err);
	t.c = &p->candidates[at];
	t.byte_part = plan_part(d->config->batch.max_bytes, p->byte_room, accounts);
	t.token_part = plan_part(p->token_limit, p->token_room, accounts);
	if (daemon_tx(d, take_tx, &t, err) < 0) {
		if (db_err_is_refusal(err)) {
			refused(d, t.c->job_id, err);
			p->candidates[at].share = 0;
			return 1;
		}
		planner_reset(p);
		build_ahead_drop(d);
		p->look = false; /* before the next tick */
		return -1;
	}
	p->byte_room -= t.bytes;
	p->token_room -= t.tokens;
	plan_took(p->candidates, p->n, at, t.taken, t.tokens);
	build_ahead_joined(d, t.items, t.taken);
	if (t.full)
		return seal(d, err);
	if (t.taken == 0)
		p->candidates[at].share = 0; /* the job ended */
	return 1;
}
