/* SPDX-License-Identifier: ISC */
#include "batchd/items.h"

#include <stdlib.h>

#include "batchd/incident.h"
#include "batchd/repeat.h"
#include "common/must.h"
#include "core/limits.h"

struct open_attempt {
	int64_t item, no, job, language, lot;
	bool is_here; /* its item is still sent in this batch */
	int64_t burned, n_left;
	int64_t held, sent_on;
	bool is_repeat; /* its item is done: a better answer is asked for */
};

/* job: the statement's second value; 0 where it has none. */
static int read_open(struct db *db, enum stmt stmt, int64_t batch_id, int64_t job,
		     struct open_attempt *a, size_t *n, struct err *err)
{
	struct db_rows *r;

	*n = 0;
	if (db_query(db, stmt, (struct db_val[]){db_int(batch_id), db_int(job)}, job ? 2 : 1, &r,
		     err) < 0)
		return -1;
	while (*n < SLICE_ROWS && db_next(r)) {
		a[(*n)++] = (struct open_attempt){
			.item = db_get_int(r, 0),
			.no = db_get_int(r, 1),
			.job = db_get_int(r, 2),
			.lot = db_get_int(r, 3),
			.language = db_get_int(r, 4),
			.is_here = db_get_int(r, 5) != 0,
			.burned = db_get_int(r, 6),
			.n_left = db_get_int(r, 7),
			.held = db_get_int(r, 8),
			.sent_on = db_get_time(r, 9),
			.is_repeat = db_get_int(r, 10) != 0,
		};
	}
	db_rows_free(&r);
	return 0;
}

bool items_go_by_call(const struct daemon *d, const struct tally *t, int64_t job, int64_t n_left,
		      int64_t n_items)
{
	const struct policy p = batch_policy(d->config, n_items);
	const struct again_view v = {
		.has_calls = d->config->fallback.tiers.n > 0,
		.no_batches = incident_since(d->incident) != 0,
		.n_left = (uint32_t)n_left,
		.batch_retries = p.batch_retries,
		.batch_takes = p.batch_takes,
		.leave_at =
			batch_leave_start(d->config, &d->load, tally_stage(t, job), p.cancel_grace),
	};

	return item_goes_by_call(&v, daemon_now(d));
}

#define RELEASE_COLS 6

struct release_run {
	struct daemon *d;
	const struct batch_row *b;
	struct db_val attempts[SLICE_ROWS * 5];
	struct db_val items[SLICE_ROWS * RELEASE_COLS];
	struct lot_key failed_lots[SLICE_ROWS];
	size_t n_items, n_failed_lots;
	struct tally *tally;
};

static int release_item(struct release_run *run, struct db *db, const struct open_attempt *a,
			const struct release *rel, struct err *err)
{
	const bool burns = rel->outcome == ATTEMPT_FAILED;
	const int64_t n_left = a->n_left + rel->has_left;
	struct item_view v = {.retryable = rel->again,
			      .burned = (uint32_t)(a->burned + burns),
			      .max_attempts = (uint32_t)run->d->config->fallback.max_attempts};
	enum item_verdict verdict;
	struct db_val *p = &run->items[run->n_items * RELEASE_COLS];
	bool again, by_call;

	if (tally_lock(run->tally, db, a->job, &v.job_running, err) < 0)
		return -1;
	verdict = item_decide(&v);
	again = verdict == ITEM_AGAIN;
	by_call = again && rel->has_left &&
		  items_go_by_call(run->d, run->tally, a->job, n_left, run->b->n_items);
	p[0] = db_text(item_state_names[again ? ITEM_READY : ITEM_FAILED]);
	p[1] = db_text(v.job_running ? rel->code : tally_end_code(run->tally, a->job));
	p[2] = db_int(v.burned);
	p[3] = db_int(n_left);
	p[4] = db_int(by_call);
	p[5] = db_int(a->item);
	run->n_items++;
	tally_move(run->tally, a->job, a->language, ITEM_SENT, again ? ITEM_READY : ITEM_FAILED, 1);
	tally_by_call(run->tally, a->job, a->language, by_call);
	if (!again && a->language == 0)
		run->failed_lots[run->n_failed_lots++] = (struct lot_key){a->job, a->lot};
	return 0;
}

/* The i-th of the run. */
static int release_attempt(struct release_run *run, struct db *db, size_t i,
			   const struct open_attempt *a, const struct release *rel, struct err *err)
{
	const bool keeps = rel->outcome == ATTEMPT_FAILED && money_is_presumed(rel->code);
	struct db_val *p = &run->attempts[i * 5];

	if (tally_lock(run->tally, db, a->job, NULL, err) < 0)
		return -1;
	tally_release(run->tally, a->job, a->sent_on, a->held, true, keeps);
	p[0] = db_text(attempt_outcome_names[rel->outcome]);
	p[1] = db_text(rel->code);
	p[2] = db_int(keeps);
	p[3] = db_int(a->no);
	p[4] = db_int(a->item);
	return 0;
}

int64_t items_release(struct daemon *d, struct batch_row *b, const struct release *rel, int64_t now,
		      struct err *err)
{
	struct open_attempt *open = must(calloc(SLICE_ROWS, sizeof(*open)));
	struct release_run *run = must(calloc(1, sizeof(*run)));
	int64_t rc = -1;
	size_t n;

	run->d = d;
	run->b = b;
	run->tally = tally_new(d);
	if (read_open(d->db, STMT_ATTEMPTS_OPEN, b->id, 0, open, &n, err) < 0)
		goto out;
	for (size_t i = 0; i < n; i++) {
		if (release_attempt(run, d->db, i, &open[i], rel, err) < 0)
			goto out;
		if (open[i].is_here && release_item(run, d->db, &open[i], rel, err) < 0)
			goto out;
		if (open[i].is_repeat &&
		    repeat_end(d, d->db, run->tally, open[i].job, &open[i].item, 1, err) < 0)
			goto out;
	}
	if (n > 0 && db_bulk_sets(d->db, STMT_ATTEMPT_CLOSE, run->attempts, n, err) < 0)
		goto out;
	if (run->n_items > 0 &&
	    db_bulk(d->db, STMT_ITEM_RELEASE, run->items, run->n_items, err) < 0)
		goto out;
	if (tally_fail_blocked(run->tally, d->db, run->failed_lots, run->n_failed_lots, err) < 0 ||
	    tally_apply(run->tally, d->db, now, rel->ready_at, err) < 0)
		goto out;
	*(rel->outcome == ATTEMPT_VOID ? &b->n_void : &b->n_failed) += (int64_t)n;
	rc = (int64_t)n;
out:
	tally_free(&run->tally);
	free(run);
	free(open);
	return rc;
}

int64_t items_leave(struct daemon *d, struct batch_row *b, int64_t job, int64_t now,
		    struct err *err)
{
	struct tally *tally = tally_new(d);
	struct db_val *items = must(calloc(SLICE_ROWS, 3 * sizeof(*items)));
	struct db_val *marks = must(calloc(SLICE_ROWS, 3 * sizeof(*marks)));
	struct open_attempt *open = must(calloc(SLICE_ROWS, sizeof(*open)));
	int64_t rc = -1;
	size_t n, here = 0;

	if (read_open(d->db, job ? STMT_ATTEMPTS_OF_JOB_TO_LEAVE : STMT_ATTEMPTS_TO_LEAVE, b->id,
		      job, open, &n, err) < 0)
		goto out;
	for (size_t i = 0; i < n; i++) {
		bool by_call;

		marks[3 * i] = db_time(now);
		marks[3 * i + 1] = db_int(open[i].item);
		marks[3 * i + 2] = db_int(open[i].no);
		if (open[i].is_repeat &&
		    repeat_end(d, d->db, tally, open[i].job, &open[i].item, 1, err) < 0)
			goto out;
		if (!open[i].is_here)
			continue;
		if (tally_lock(tally, d->db, open[i].job, NULL, err) < 0)
			goto out;
		by_call = items_go_by_call(d, tally, open[i].job, open[i].n_left + 1, b->n_items);
		items[3 * here] = db_int(open[i].n_left + 1);
		items[3 * here + 1] = db_int(by_call);
		items[3 * here++ + 2] = db_int(open[i].item);
		tally_move(tally, open[i].job, open[i].language, ITEM_SENT, ITEM_READY, 1);
		tally_by_call(tally, open[i].job, open[i].language, by_call);
	}
	if (n > 0 && db_bulk(d->db, STMT_ATTEMPT_LEAVE, marks, n, err) < 0)
		goto out;
	if (here > 0 && db_bulk(d->db, STMT_ITEM_LEAVE, items, here, err) < 0)
		goto out;
	if (tally_apply(tally, d->db, now, now, err) == 0)
		rc = (int64_t)n;
out:
	tally_free(&tally);
	free(open);
	free(marks);
	free(items);
	return rc;
}

struct withdraw {
	struct daemon *d;
	int64_t batch_id;
	const int64_t *items;
	size_t n;
};

/*
 * Nobody wants these items from this batch any more: attempts void. Those of jobs that
 * have ended stay open in their rows and count as failed; those that an earlier sending
 * answered meanwhile are done.
 */
static int withdraw_tx(struct db *db, void *arg, struct err *err)
{
	const struct withdraw *w = arg;
	const int64_t now = daemon_now(w->d);
	struct tally *tally = tally_new(w->d);
	struct batch_row b;
	struct db_rows *r;
	int rc = -1;

	if (batch_row_read(db, w->batch_id, &b, err) < 1)
		goto out;
	for (size_t i = 0; i < w->n; i++) {
		if (db_query(db, STMT_ITEM_PLACE, DB_P(db_int(w->batch_id), db_int(w->items[i])),
			     &r, err) < 0)
			goto out;
		if (db_next(r)) {
			const int64_t job = db_get_int(r, 0);

			if (tally_lock(tally, db, job, NULL, err) < 0) {
				db_rows_free(&r);
				goto out;
			}
			if (db_get_int(r, 2) != 0)
				tally_move(tally, job, db_get_int(r, 1), ITEM_SENT, ITEM_READY, 1);
			tally_release(tally, job, db_get_time(r, 4), db_get_int(r, 3), true, false);
			if (db_get_int(r, 5) != 0 &&
			    repeat_end(w->d, db, tally, job, &w->items[i], 1, err) < 0) {
				db_rows_free(&r);
				goto out;
			}
		}
		db_rows_free(&r);
		if (db_exec(db, STMT_ATTEMPT_VOID, DB_P(db_int(w->items[i]), db_int(w->batch_id)),
			    err) < 0 ||
		    db_exec(db, STMT_ITEM_WITHDRAW, DB_P(db_int(w->items[i])), err) < 0)
			goto out;
		b.n_void++;
	}
	if (tally_apply(tally, db, now, now, err) == 0)
		rc = batch_row_store(db, &b, err);
out:
	tally_free(&tally);
	return rc;
}

int items_withdraw(struct daemon *d, int64_t batch_id, const int64_t *items, size_t n,
		   struct err *err)
{
	struct withdraw w = {.d = d, .batch_id = batch_id, .items = items, .n = n};

	return daemon_tx(d, withdraw_tx, &w, err);
}
