/* SPDX-License-Identifier: ISC */
#include "batchd/fallback.h"

#include <stdlib.h>
#include <string.h>

#include "batchd/answered.h"
#include "batchd/budget.h"
#include "batchd/call.h"
#include "batchd/candidates.h"
#include "batchd/hold.h"
#include "batchd/items.h"
#include "batchd/orphan.h"
#include "batchd/pace.h"
#include "batchd/planner.h"
#include "batchd/sending.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/must.h"
#include "core/plan.h"
#include "core/timemath.h"

#define MAX_JOBS      1000
#define RECOVER_AGAIN (10 * T_S)
#define MAX_CALLS     1000 /* fallback.concurrency's range */

struct fallback {
	struct pace pace;
	struct call *calls[MAX_CALLS];
	uint32_t n;
	struct call *one; /* of them, made alone; NULL: none */
	fallback_one_fn *one_done;
	int64_t one_recipe;
	bool recovered;     /* what an earlier life left open is closed */
	int64_t recover_at; /* boot clock: what of it could not be is tried again */
	bool look;          /* items may be due */
	bool look_kept;     /* answers that came to another life may be there */
};

struct fallback *fallback_new(void)
{
	struct fallback *f = must(calloc(1, sizeof(*f)));

	f->look = true;
	return f;
}

void fallback_taken(struct fallback *f)
{
	f->recovered = false;
	f->look = f->look_kept = true;
}

void fallback_free(struct fallback **f)
{
	while ((*f)->n > 0)
		call_free((*f)->calls[--(*f)->n]);
	free(*f);
	*f = NULL;
}

void fallback_wake(struct fallback *f)
{
	f->look = f->look_kept = true;
}

/* Of the calls of a job (0: of any) the first; T_NEVER: none is in flight. */
static int64_t first_cut(const struct daemon *d, int64_t job)
{
	const struct fallback *f = d->fallback;
	int64_t first = T_NEVER;

	for (uint32_t i = 0; i < f->n; i++) {
		if (!job || call_job(f->calls[i]) == job)
			first = t_min(first, call_cut_at(f->calls[i]));
	}
	return first;
}

int64_t fallback_cut_at(const struct daemon *d, int64_t job)
{
	const int64_t boot = first_cut(d, job);

	return boot == T_NEVER ? T_NEVER : t_add(daemon_now(d), t_sub(boot, clock_boot()));
}

int64_t fallback_room_at(const struct daemon *d)
{
	const struct fallback *f = d->fallback;
	const int64_t now = daemon_now(d);

	if (window_room(&f->pace.window, f->n, t_max(now, f->pace.window.not_before)) == 0)
		return fallback_cut_at(d, 0);
	return f->pace.window.not_before;
}

bool fallback_is_idle(const struct fallback *f)
{
	return f->n == 0;
}

int fallback_load(struct daemon *d, struct err *err)
{
	return pace_load(&d->fallback->pace, d, err);
}

static void on_ended(struct daemon *d, const struct call_news *news)
{
	pace_learn(&d->fallback->pace, d, news);
}

/* --- which items --- */

struct take {
	struct daemon *d;
	const struct plan_candidate *c;
	const struct recipe *recipe;
	enum way way;
	uint32_t most;
	bool is_alone;           /* the others of its job go as they would without it */
	struct sending *sending; /* out: owned */
};

/* Ready items; beside: repeats of done ones. */
static int take_items(struct db *db, struct take *t, struct budget *budget, bool beside,
		      struct err *err)
{
	enum money_verdict verdict = MONEY_FITS;
	struct db_rows *r;
	int rc;

	rc = beside ? sending_repeats(db, t->c->job_id, t->recipe->task, &r, err)
		    : sending_items(db, t->c->job_id, t->recipe->task, t->c->which, true, &r, err);
	if (rc < 0)
		return -1;
	while ((verdict == MONEY_FITS || verdict == MONEY_NEVER) && t->sending->n < t->most &&
	       t->sending->n < SLICE_ROWS && db_next(r))
		verdict = sending_add(t->sending, budget, r);
	db_rows_free(&r);
	return 0;
}

static int begin_calls(struct db *db, const struct take *t, struct tally *tally, int64_t now,
		       struct err *err)
{
	const int64_t job = t->c->job_id;

	if (sending_store(t->sending, db, tally, job, err) < 0)
		return -1;
	/* Before the latest start what is in a batch stays there. */
	if (t->c->which == PLAN_ALL && !t->is_alone &&
	    db_exec(db, now < t->c->latest_start ? STMT_JOB_CALLS_ALONE : STMT_JOB_CALLS_FROM,
		    DB_P(db_time(now), db_int(job)), err) < 0)
		return -1;
	return store_event(db, job, 0, now, "sent", t->sending->n, err,
			   "%u sent synchronously (%s)", t->sending->n, way_names[t->way]);
}

static bool has_flex(const struct config *config)
{
	const struct config_list *tiers = &config->fallback.tiers;

	for (size_t i = 0; i < tiers->n; i++) {
		if (strcmp(tiers->texts[i], way_names[WAY_FLEX]) == 0)
			return true;
	}
	return false;
}

/* What goes by calls goes by no batch any more, but for one alone. */
static enum way cheapest_way(const struct take *t)
{
	if (t->is_alone)
		return WAY_BATCH;
	return has_flex(t->d->config) ? WAY_FLEX : WAY_DEFAULT;
}

static int take_tx(struct db *db, void *arg, struct err *err)
{
	struct take *t = arg;
	const struct budget_order order = {.job = t->c->job_id,
					   .recipe = t->recipe,
					   .way = t->way,
					   .cheapest = cheapest_way(t)};
	const int64_t now = daemon_now(t->d);
	struct tally *tally = tally_new(t->d);
	struct budget *budget = NULL;
	bool running;
	int rc = -1;

	free(t->sending); /* the transaction may run again */
	t->sending = sending_new(0, t->way);
	if (tally_lock(tally, db, t->c->job_id, &running, err) < 0)
		goto out;
	rc = 0;
	if (!running)
		goto out; /* nothing is sent for an ended job */
	budget = budget_open(t->d, db, &order, err);
	rc = budget ? take_items(db, t, budget, false, err) : -1;
	if (rc == 0 && budget->last == MONEY_FITS && budget->n_failed == 0)
		rc = take_items(db, t, budget, true, err);
	if (rc < 0 || budget_is_told(budget))
		goto out;
	if (t->sending->n > 0)
		rc = begin_calls(db, t, tally, now, err);
	else if (budget->n_failed == 0 && budget->last == MONEY_FITS)
		tally_recount(tally, t->c->job_id); /* its counts promised more than there is */
	if (rc == 0)
		rc = budget_close(budget, db, tally, err);
	if (rc == 0)
		rc = tally_apply(tally, db, now, now, err);
out:
	free(budget);
	tally_free(&tally);
	return rc;
}

static struct call_order order_of(const struct take *t, uint32_t i)
{
	return (struct call_order){.recipe = t->recipe,
				   .way = t->way,
				   .job = t->c->job_id,
				   .item = sending_item(t->sending, i),
				   .attempt = sending_attempt(t->sending, i),
				   .mark = t->sending->mark,
				   .deadline_at = t->c->deadline_at,
				   .ended = on_ended};
}

/* Every attempt is committed before its call is sent. */
static void send_items(struct daemon *d, const struct take *t)
{
	struct fallback *f = d->fallback;

	for (uint32_t i = 0; i < t->sending->n; i++) {
		struct call_order order = order_of(t, i);

		if (lease_held(&d->lease)) {
			order.number = pace_sent(&f->pace, t->way);
			f->calls[f->n++] = call_start(d, &order);
		} else {
			f->calls[f->n++] = call_unsent(d, &order, false);
		}
		daemon_breathe(d); /* photographs take their time */
	}
}

/* Their COMMIT may have been carried out. */
static void doubt_items(struct daemon *d, const struct take *t)
{
	struct fallback *f = d->fallback;

	for (uint32_t i = 0; i < t->sending->n; i++) {
		const struct call_order order = order_of(t, i);

		f->calls[f->n++] = call_unsent(d, &order, true);
	}
}

/* How many were sent, or -1. */
static int send_taken(struct daemon *d, struct take *t, struct err *err)
{
	bool held;
	int rc;

	t->recipe = recipe_get(d->recipes, d->db, t->c->recipe_id, err);
	/* A remote batch of ours without a row may hold these items. */
	if (!t->recipe || orphan_holds(d, t->recipe->hash, &held, err) < 0)
		return -1;
	if (held)
		return 0;
	rc = daemon_tx(d, take_tx, t, err);
	if (rc == 0) {
		rc = (int)t->sending->n;
		send_items(d, t);
	} else if (err->class == ERR_UNKNOWN) {
		doubt_items(d, t);
	}
	free(t->sending);
	return rc;
}

/* A COMMIT of the job's may have been carried out: more of it could be sent twice. */
static bool is_doubted(const struct fallback *f, int64_t job)
{
	for (uint32_t i = 0; i < f->n; i++) {
		if (call_job(f->calls[i]) == job && call_is_doubted(f->calls[i]))
			return true;
	}
	return false;
}

static bool may_be_called(struct daemon *d, const struct plan_candidate *c, const void *arg)
{
	enum way way;

	(void)arg;
	return !hold_holds(d, c->recipe_id) && !is_doubted(d->fallback, c->job_id) &&
	       pace_choose(&d->fallback->pace, d, c->deadline_at, &way);
}

static int send_job(struct daemon *d, const struct plan_candidate *c, uint32_t room,
		    struct err *err)
{
	struct take t = {.d = d, .c = c};

	if (!pace_choose(&d->fallback->pace, d, c->deadline_at, &t.way))
		return 0;
	t.most = pace_allowed(&d->fallback->pace, t.way, d->fallback->n, room);
	return t.most == 0 ? 0 : send_taken(d, &t, err);
}

/* One that fails must not keep the others waiting. 0; -1: nothing can be sent now. */
static int send_or_put_off(struct daemon *d, const struct plan_candidate *c, uint32_t room,
			   struct err *err)
{
	if (send_job(d, c, room, err) >= 0)
		return 0;
	log_warning("calls not made job=%lld error=\"%s\"", (long long)c->job_id, err->text);
	if (!db_err_is_refusal(err))
		return -1;
	candidates_put_off(d->candidates, c->job_id);
	return 0;
}

static void send_each(struct daemon *d, const struct plan_candidate *jobs, int n)
{
	struct fallback *f = d->fallback;
	struct err err;

	for (int i = 0; i < n && lease_held(&d->lease); i++) {
		const uint32_t room = window_room(&f->pace.window, f->n, daemon_now(d));

		if (room == 0 || send_or_put_off(d, &jobs[i], room, &err) < 0)
			return;
		daemon_breathe(d);
	}
}

static int send_due(struct daemon *d, struct err *err)
{
	struct fallback *f = d->fallback;
	struct plan_candidate *jobs = must(calloc(MAX_JOBS, sizeof(*jobs)));
	const struct candidate_query q = {.for_calls = true,
					  .wants = may_be_called,
					  .out = jobs,
					  .max = MAX_JOBS};
	int n;

	f->look = false;
	n = candidates_read(d, &q, err);
	send_each(d, jobs, n);
	free(jobs);
	return n < 0 ? -1 : 0;
}

/* --- one alone --- */

bool fallback_can_send_one(const struct fallback *f)
{
	return f->recovered && !f->one && f->n < MAX_CALLS;
}

int64_t fallback_one(const struct fallback *f)
{
	return f->one ? f->one_recipe : 0;
}

int fallback_send_one(struct daemon *d, const struct plan_candidate *c, fallback_one_fn *done,
		      struct err *err)
{
	const struct config_list *tiers = &d->config->fallback.tiers;
	const bool is_flex =
		tiers->n > 0 && strcmp(tiers->texts[tiers->n - 1], way_names[WAY_FLEX]) == 0;
	struct fallback *f = d->fallback;
	struct take t = {.d = d,
			 .c = c,
			 .most = 1,
			 .way = is_flex ? WAY_FLEX : WAY_DEFAULT,
			 .is_alone = true};
	int n;

	if (is_doubted(f, c->job_id))
		return 0;
	n = send_taken(d, &t, err);
	if (n <= 0)
		return n;
	f->one = f->calls[f->n - 1];
	f->one_done = done;
	f->one_recipe = c->recipe_id;
	return 1;
}

/* --- the step --- */

static void end_call(struct fallback *f, uint32_t i)
{
	if (f->calls[i] == f->one)
		f->one = NULL;
	call_free(f->calls[i]);
	f->calls[i] = f->calls[--f->n];
}

void fallback_store(struct daemon *d)
{
	struct fallback *f = d->fallback;

	for (uint32_t i = 0; i < f->n;) {
		if (!call_store(f->calls[i])) {
			i++;
			continue;
		}
		if (f->calls[i] == f->one)
			f->one_done(d, f->one_recipe, call_result(f->calls[i]));
		end_call(f, i);
		f->look = true;
		planner_wake(d->planner);
	}
}

void fallback_keep(struct daemon *d)
{
	struct fallback *f = d->fallback;

	for (uint32_t i = 0; i < f->n;) {
		if (call_keep(f->calls[i]))
			end_call(f, i);
		else
			i++;
	}
}

static void settle_kept(struct daemon *d)
{
	struct fallback *f = d->fallback;

	if (!f->look_kept)
		return;
	f->look_kept = false;
	if (answered_settle_kept(d)) {
		f->look = true;
		planner_wake(d->planner);
	}
}

static bool is_ours(const struct daemon *d, int64_t item, unsigned attempt)
{
	const struct fallback *f = d->fallback;

	for (uint32_t i = 0; i < f->n; i++) {
		if (call_is(f->calls[i], item, attempt))
			return true;
	}
	return false;
}

/* What is open and not in the list of this life is of an earlier one. */
static bool recover(struct daemon *d)
{
	struct fallback *f = d->fallback;
	struct err err;

	if (f->recovered && clock_boot() < f->recover_at)
		return true;
	switch (answered_book_lost(d, is_ours, &err)) {
	case 0:
		f->recover_at = T_NEVER;
		f->recovered = true;
		break;
	case 1: /* their items stay as they are, and are not sent again */
		f->recover_at = t_add(clock_boot(), RECOVER_AGAIN);
		f->recovered = true;
		break;
	default:
		log_warning("lost calls not booked error=\"%s\"", err.text);
	}
	return f->recovered;
}

void fallback_step(struct daemon *d)
{
	struct fallback *f = d->fallback;
	const uint32_t concurrency = (uint32_t)d->config->fallback.concurrency;
	struct err err;

	pace_set(&f->pace, concurrency);
	fallback_store(d);
	settle_kept(d);
	if (!recover(d) || !f->look || d->config->fallback.tiers.n == 0 || !daemon_may_send(d) ||
	    daemon_distrusts_clock(d))
		return;
	if (send_due(d, &err) < 0)
		log_warning("calls not made error=\"%s\"", err.text);
}
