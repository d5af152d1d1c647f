/* SPDX-License-Identifier: ISC */
#include "batchd/close.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "batchd/alert.h"
#include "batchd/build.h"
#include "batchd/fallback.h"
#include "batchd/hold.h"
#include "batchd/items.h"
#include "batchd/planner.h"
#include "batchd/remove.h"
#include "batchd/request.h"
#include "batchd/tell.h"
#include "common/log.h"
#include "common/must.h"
#include "common/store.h"
#include "core/timemath.h"

/* An order is written within minutes; what is invisible for so long was cut off. */
#define UNFINISHED_AFTER T_H

struct ending {
	struct daemon *d;
	struct batch_row *b;
	struct batch_row after; /* the row as the transaction leaves it: it may run again */
	struct release release;
	enum batch_reason reason;
	int64_t now;
	bool ended;
};

/* One slice: release what is open; with nothing left, close. */
static int ending_tx(struct db *db, void *arg, struct err *err)
{
	struct ending *e = arg;
	struct batch_row b = *e->b;
	const int64_t n = items_release(e->d, &b, &e->release, e->now, err);

	if (n < 0)
		return -1;
	e->ended = n == 0;
	if (e->ended) {
		batch_row_move(&b, BATCH_CLOSED, e->now);
		b.reason = e->reason;
		/* Its end makes room in the provider's queue: what waits for that is ready now. */
		if (b.remote_id[0] && b.reason != REASON_FAILED &&
		    db_exec(db, STMT_READY_NOW,
			    DB_P(db_time(e->now), db_time(e->now), db_text(b.model)), err) < 0)
			return -1;
		if (b.reason == REASON_LOST && b.created_at >= e->d->renewed_at &&
		    alert_raise_tx(e->d, db, ALERT_BATCH_LOST, alert_subject_batch(b.id).text, err,
				   "%lld of its %lld requests have no answer; remote id %.100s",
				   (long long)(b.n_items - b.n_answered), (long long)b.n_items,
				   b.remote_id[0] ? b.remote_id : "unknown") < 0)
			return -1;
		if (store_event(db, 0, b.id, e->now, "closed", b.n_answered, err,
				"%s: %lld answered, %lld failed, "
				"%lld never ran",
				batch_reason_names[b.reason], (long long)b.n_answered,
				(long long)b.n_failed, (long long)b.n_void) < 0)
			return -1;
	}
	if (batch_row_store(db, &b, err) < 0)
		return -1;
	e->after = b;
	return 0;
}

static void spool_remove(const struct daemon *d, int64_t batch_id)
{
	static const char *const names[] = {"jsonl", "part", "output", "errors"};
	char path[4096];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		spool_path(d, batch_id, names[i], path, sizeof(path));
		unlink(path);
	}
}

static int ending_step(struct work *w, struct err *err)
{
	struct ending *e = w->state;

	e->now = daemon_now(w->d);
	if (daemon_tx(w->d, ending_tx, e, err) < 0)
		return -1;
	*e->b = e->after;
	if (!e->ended)
		return 1;
	spool_remove(w->d, e->b->id);
	log_info("batch closed batch=%lld reason=%s answered=%lld failed=%lld void=%lld",
		 (long long)e->b->id, batch_reason_names[e->reason], (long long)e->b->n_answered,
		 (long long)e->b->n_failed, (long long)e->b->n_void);
	planner_wake(w->d->planner);
	requests_wake(w->d->requests);
	remover_wake(w->d->remover);
	tell_closed(w->d, e->b->id);
	if (e->b->is_adopted)
		tell_all(w->d); /* it held its recipe */
	return 0;
}

static void ending_free(void *state)
{
	struct ending *e = state;

	free(e->b);
	free(e);
}

static void begin_ending(struct daemon *d, const struct batch_row *b, enum batch_reason reason,
			 struct release release)
{
	struct work *w = work_new(d, b->id);
	struct ending *e = must(calloc(1, sizeof(*e)));

	e->b = must(malloc(sizeof(*e->b)));
	*e->b = *b;
	e->d = d;
	e->reason = reason;
	e->release = release;
	w->state = e;
	w->state_free = ending_free;
	w->step = ending_step;
}

void close_drop(struct daemon *d, struct batch_row *b)
{
	begin_ending(d, b, REASON_NEVER_CREATED,
		     (struct release){.outcome = ATTEMPT_VOID,
				      .code = "never_sent",
				      .again = true,
				      .ready_at = daemon_now(d)});
}

/* A failure of the whole recipe burns nothing of its items, until the recipe is known to be good. */
static enum attempt_outcome outcome_of(struct daemon *d, const struct batch_row *b,
				       const char *code, enum outcome_scope scope)
{
	return scope == SCOPE_RECIPE && hold_doubt(d, b->recipe_id, code) ? ATTEMPT_VOID
									  : ATTEMPT_FAILED;
}

void close_failed(struct daemon *d, struct batch_row *b, const char *code, enum outcome_scope scope)
{
	const enum attempt_outcome outcome = outcome_of(d, b, code, scope);

	begin_ending(d, b, REASON_FAILED,
		     (struct release){.outcome = outcome,
				      .code = code,
				      .again = true,
				      .has_left = outcome == ATTEMPT_FAILED,
				      .ready_at = daemon_now(d)});
}

void close_lost(struct daemon *d, struct batch_row *b)
{
	begin_ending(d, b, REASON_LOST,
		     (struct release){.outcome = ATTEMPT_FAILED,
				      .code = "batch_lost",
				      .again = true,
				      .has_left = true,
				      .ready_at = daemon_now(d)});
}

/* How often its items have been sent, this time included. */
static unsigned sendings_of(struct daemon *d, const struct batch_row *b)
{
	struct db_rows *r;
	struct err err;
	int64_t n = 1;

	if (db_query(d->db, STMT_BATCH_SENDINGS, DB_P(db_int(b->id)), &r, &err) < 0)
		return 1;
	if (db_next(r))
		n = db_get_int(r, 0);
	db_rows_free(&r);
	return n > 0 ? (unsigned)n : 1;
}

/*
 * A file that is not found yet is uploaded again after a back-off. All else waits until one of the
 * model ends, which calls it earlier, or ten poll intervals (DESIGN).
 */
static int64_t wait_before_again(struct daemon *d, const struct batch_row *b,
				 const struct call_outcome *o)
{
	if (strcmp(o->code, "file_not_found") == 0)
		return t_max(o->wait_us, backoff_us(sendings_of(d, b), (uint64_t)b->id));
	return t_max(o->wait_us, t_mul(d->config->batch.poll_interval, 10));
}

void close_harvested(struct daemon *d, struct batch_row *b)
{
	struct release r = {.outcome = ATTEMPT_FAILED,
			    .code = "no_line",
			    .again = true,
			    .has_left = true,
			    .ready_at = daemon_now(d)};
	enum batch_reason reason = REASON_HARVESTED;

	if (b->remote == REMOTE_FAILED) {
		const struct call_outcome o = batch_failure_classify(b->remote_code, b->last_error);

		reason = REASON_FAILED;
		r.code = o.code;
		r.outcome = outcome_of(d, b, o.code, o.scope);
		r.has_left = o.outcome != OUTCOME_LATER && o.scope != SCOPE_ALL &&
			     r.outcome == ATTEMPT_FAILED;
		if (o.scope == SCOPE_ALL)
			daemon_stop_sending(d, o.code, b->last_error);
		if (o.outcome == OUTCOME_LATER) { /* it never ran: burns nothing, waits a while */
			r.outcome = ATTEMPT_VOID;
			/* Of a stop its end says when. */
			if (o.scope != SCOPE_ALL)
				r.ready_at = t_add(r.ready_at, wait_before_again(d, b, &o));
		}
	} else if (b->remote == REMOTE_EXPIRED || b->remote == REMOTE_CANCELLED) {
		r.outcome = ATTEMPT_VOID; /* lines that are in no file never ran */
		r.code = b->remote == REMOTE_EXPIRED ? "batch_expired" : "batch_cancelled";
	}
	begin_ending(d, b, reason, r);
}

struct leaving {
	struct daemon *d;
	int64_t batch_id, n;
	int64_t job; /* its items alone; 0 = all */
};

static int job_left(struct db *db, const struct leaving *l, struct err *err)
{
	const int64_t now = daemon_now(l->d);

	if (db_exec(db, STMT_BATCH_JOB_LEFT,
		    DB_P(db_time(now), db_int(l->batch_id), db_int(l->job)), err) < 0 ||
	    db_exec(db, STMT_JOB_CALLS_FROM, DB_P(db_time(now), db_int(l->job)), err) < 0)
		return -1;
	return store_event(db, l->job, l->batch_id, now, "left", -1, err,
			   "the latest start has come: what batch %lld did not answer is sent "
			   "synchronously",
			   (long long)l->batch_id);
}

static int leaving_tx(struct db *db, void *arg, struct err *err)
{
	struct leaving *l = arg;
	struct batch_row b;

	if (batch_row_read(db, l->batch_id, &b, err) < 1)
		return -1;
	l->n = items_leave(l->d, &b, l->job, daemon_now(l->d), err);
	if (l->n != 0)
		return l->n < 0 ? -1 : 0;
	if (l->job)
		return job_left(db, l, err);
	b.left_at = daemon_now(l->d);
	return batch_row_store(db, &b, err);
}

static int leaving_step(struct work *w, struct err *err)
{
	struct leaving l = {.d = w->d, .batch_id = w->batch_id};

	if (daemon_tx(w->d, leaving_tx, &l, err) < 0)
		return -1;
	planner_wake(w->d->planner);
	return l.n > 0;
}

void close_leave(struct daemon *d, struct batch_row *b)
{
	work_new(d, b->id)->step = leaving_step;
}

static int parting_step(struct work *w, struct err *err)
{
	const struct batch_start *first = w->state;
	struct leaving l = {.d = w->d, .batch_id = w->batch_id, .job = first->job};

	if (daemon_tx(w->d, leaving_tx, &l, err) < 0)
		return -1;
	fallback_wake(w->d->fallback);
	return l.n > 0;
}

void close_part(struct daemon *d, struct batch_row *b)
{
	struct batch_start *first = must(calloc(1, sizeof(*first)));
	struct work *w;
	struct err err;

	if (batch_jobs_latest_start(d->db, d->config, &d->load, b->id, 0, first, &err) < 0 ||
	    !first->job) {
		free(first);
		return; /* seen again in the next tick */
	}
	w = work_new(d, b->id);
	w->state = first;
	w->state_free = free;
	w->step = parting_step;
}

/* --- jobs past their deadline --- */

struct overdue {
	int64_t job, now;
};

static int overdue_tx(struct db *db, void *arg, struct err *err)
{
	const struct overdue *o = arg;

	return store_job_refresh(db, o->job, NULL, o->now, NULL, err);
}

int close_overdue_jobs(struct daemon *d, struct err *err)
{
	struct overdue t = {.now = daemon_now(d)};
	struct db_rows *r;
	int n = 0, rc = 0, closed = 0;

	if (t.now < d->no_close_before)
		return 0;
	if (db_query(d->db, STMT_JOBS_OVERDUE, DB_P(db_time(t.now)), &r, err) < 0)
		return -1;
	while (lease_held(&d->lease) && db_next(r)) {
		t.job = db_get_int(r, 0);
		n++;
		/* One that cannot be closed now, a locked row, must not keep the others open. */
		if (daemon_tx(d, overdue_tx, &t, err) < 0) {
			rc = -1;
			continue;
		}
		closed++;
		log_info("job ended at its deadline job=%lld", (long long)t.job);
	}
	db_rows_free(&r);
	return n == 100 && closed > 0 ? 1 : rc;
}

/* --- orders that were never finished --- */

struct unfinished {
	int64_t job;
	bool more;
};

/* Slice by slice from the widest tables; the job row goes last. */
static int unfinished_tx(struct db *db, void *arg, struct err *err)
{
	static const enum stmt parts[] = {STMT_UNFINISHED_ANSWERS,   STMT_UNFINISHED_ITEMS,
					  STMT_UNFINISHED_IMAGES,    STMT_UNFINISHED_LOTS,
					  STMT_UNFINISHED_LANGUAGES, STMT_UNFINISHED_JOB};
	struct unfinished *u = arg;
	struct db_rows *r;
	bool unfinished;

	if (db_query(db, STMT_UNFINISHED_LOCK, DB_P(db_int(u->job)), &r, err) < 0)
		return -1;
	unfinished = db_next(r);
	db_rows_free(&r);
	u->more = false;
	if (!unfinished)
		return 0; /* it was finished after all */
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		const int64_t n = db_exec(db, parts[i], DB_P(db_int(u->job)), err);

		if (n < 0)
			return -1;
		u->more = n >= SLICE_ROWS;
		if (u->more)
			return 0;
	}
	return 0;
}

int close_unfinished_orders(struct daemon *d, struct err *err)
{
	struct unfinished u = {0};
	struct db_rows *r;

	if (db_query(d->db, STMT_UNFINISHED_FIND,
		     DB_P(db_time(t_sub(daemon_now(d), UNFINISHED_AFTER))), &r, err) < 0)
		return -1;
	if (db_next(r))
		u.job = db_get_int(r, 0);
	db_rows_free(&r);
	if (!u.job)
		return 0;
	if (daemon_tx(d, unfinished_tx, &u, err) < 0)
		return -1;
	if (!u.more)
		log_info("unfinished order removed job=%lld", (long long)u.job);
	return 1;
}
