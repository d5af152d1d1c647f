/* SPDX-License-Identifier: ISC */
#include "batchd/repeat.h"

#include <stdlib.h>

#include "batchd/planner.h"
#include "common/batch.h"
#include "common/must.h"

/* Columns of STMT_REPEAT_READ. */
enum { LOT_SEQ, LANG_NO, IS_TO_SEND, TEXT, TRANSLATE_RECIPE, INSTRUCTIONS };

int repeat_unblock(struct daemon *d, struct db *db, struct tally *t, const struct repeat_lot *lot,
		   struct err *err)
{
	const struct recipe *recipe = recipe_get(d->recipes, db, lot->translate_recipe, err);
	struct lot_unblock u = {.job = lot->job, .seq = lot->seq};
	struct estimate e;

	if (!recipe)
		return -1;
	e = recipe_estimate_translation(recipe, lot->instructions, lot->text.p, lot->text.n);
	u.bytes = e.bytes;
	u.tokens = e.tokens;
	return tally_unblock(t, db, &u, 1, err);
}

static int end_row(struct daemon *d, struct db *db, struct tally *t, int64_t job,
		   const struct db_rows *r, struct err *err)
{
	struct repeat_lot lot = {.job = job,
				 .seq = db_get_int(r, LOT_SEQ),
				 .translate_recipe = db_get_int(r, TRANSLATE_RECIPE),
				 .instructions = db_get_text(r, INSTRUCTIONS, NULL)};
	bool running;

	if (tally_lock(t, db, job, &running, err) < 0)
		return -1;
	tally_repeat(t, job, db_get_int(r, LANG_NO), -1, -db_get_int(r, IS_TO_SEND));
	if (db_get_int(r, LANG_NO) != 0 || !running || tally_translations(t, job) == 0)
		return 0;
	lot.text.p = db_get_text(r, TEXT, &lot.text.n);
	return repeat_unblock(d, db, t, &lot, err);
}

int repeat_end(struct daemon *d, struct db *db, struct tally *t, int64_t job, const int64_t *items,
	       size_t n, struct err *err)
{
	struct db_rows *r;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < n; i++) {
		if (db_query(db, STMT_REPEAT_READ, DB_P(db_int(items[i])), &r, err) < 0)
			return -1;
		if (db_next(r))
			rc = end_row(d, db, t, job, r, err);
		db_rows_free(&r);
		if (rc == 0 && db_exec(db, STMT_REPEAT_END, DB_P(db_int(items[i])), err) < 0)
			rc = -1;
	}
	return rc;
}

/* --- those that nobody can wait for --- */

struct ending {
	struct daemon *d;
	int64_t job, language;
	bool more;
};

static int end_slice(struct ending *e, struct db *db, struct tally *t, struct err *err)
{
	int64_t items[SLICE_ROWS];
	struct db_rows *r;
	size_t n = 0;

	if (db_query(db, STMT_REPEATS_OF_JOB, DB_P(db_int(e->job), db_int(e->language)), &r, err) <
	    0)
		return -1;
	while (n < SLICE_ROWS && db_next(r))
		items[n++] = db_get_int(r, 0);
	db_rows_free(&r);
	e->more = n == SLICE_ROWS;
	if (n == 0)
		tally_recount(t, e->job); /* its counts promised some */
	return repeat_end(e->d, db, t, e->job, items, n, err);
}

static int ending_tx(struct db *db, void *arg, struct err *err)
{
	struct ending *e = arg;
	const int64_t now = daemon_now(e->d);
	struct tally *t = tally_new(e->d);
	int rc = tally_lock(t, db, e->job, NULL, err);

	if (rc == 0)
		rc = end_slice(e, db, t, err);
	if (rc == 0)
		rc = tally_apply(t, db, now, now, err);
	tally_free(&t);
	return rc;
}

/*
 * A row of STMT_REPEATS_OPEN. A translation's last moment is its job's. That calls have begun says
 * nothing of when they must: the stage is seen without it.
 */
static bool is_over(const struct daemon *d, const struct db_rows *r)
{
	const struct job_stage stage = {.opened_at = db_get_time(r, 3),
					.deadline_at = db_get_time(r, 4),
					.n_open = db_get_int(r, 5)};
	const bool is_description = db_get_int(r, 1) == 0, is_running = db_get_int(r, 2) != 0;

	return !is_running ||
	       (is_description && daemon_now(d) >= batch_latest_start(d->config, &d->load, &stage));
}

int repeats_step(struct daemon *d, struct err *err)
{
	struct ending e = {.d = d};
	struct db_rows *r;
	int rc = 0;

	if (db_query(d->db, STMT_REPEATS_OPEN, DB_NONE, &r, err) < 0)
		return -1;
	while (rc == 0 && lease_held(&d->lease) && db_next(r)) {
		if (!is_over(d, r))
			continue;
		e.job = db_get_int(r, 0);
		e.language = db_get_int(r, 1);
		rc = daemon_tx(d, ending_tx, &e, err);
		planner_wake(d->planner);
		daemon_breathe(d);
		if (rc == 0 && e.more)
			rc = 1;
	}
	db_rows_free(&r);
	return rc;
}
