/* SPDX-License-Identifier: ISC */
/*
 * Retry and added languages (batchd/asked.h): moves of a job's items, some lots at a time. A job
 * that ended meanwhile is not retried; items of added languages are made in any case, since its
 * counts speak of them (DESIGN, I4).
 */
#include <stdlib.h>
#include <string.h>

#include "batchd/asked.h"
#include "common/must.h"
#include "core/limits.h"

#define MOST_LOTS 200 /* of a slice: the texts of their descriptions are all in memory */

struct lots_run { /* one slice */
	struct asked *a;
	struct tally *tally;
	bool running;
	int64_t lots, n_languages, first, last; /* last: inclusive */
	const struct recipe *recipe;            /* of the translations */
	const char *instructions;               /* borrowed from job_rows */
	struct db_rows *job_rows, *described;
	int64_t added[LIMIT_LANGUAGES]; /* numbers of the languages to make items of */
	int64_t n_added;
};

/* Columns of STMT_ASKED_DESCRIBED. */
enum { LOT_SEQ, STATE, TEXT };

static int begin(struct lots_run *r, struct db *db, struct err *err)
{
	const struct daemon *d = r->a->d;
	int64_t n;

	r->tally = tally_new(d);
	if (tally_lock(r->tally, db, r->a->job, &r->running, err) < 0 ||
	    db_query(db, STMT_ASKED_JOB, DB_P(db_int(r->a->job)), &r->job_rows, err) < 0)
		return -1;
	db_next(r->job_rows);
	r->lots = db_get_int(r->job_rows, 0);
	r->n_languages = db_get_int(r->job_rows, 2);
	r->instructions = db_get_text(r->job_rows, 3, NULL);
	r->recipe = recipe_get(d->recipes, db, db_get_int(r->job_rows, 1), err);
	if (!r->recipe)
		return -1;
	n = SLICE_ROWS / (r->n_languages > 0 ? r->n_languages : 1);
	n = n < 1 ? 1 : n > MOST_LOTS ? MOST_LOTS : n;
	r->first = r->a->place;
	r->last = r->first + n < r->lots ? r->first + n - 1 : r->lots - 1;
	return 0;
}

/* Counts of the slice's items by language and state, added to the job's with this sign. */
static int count(struct lots_run *r, struct db *db, int64_t sign, struct err *err)
{
	struct db_rows *rows;

	if (db_query(db, STMT_ASKED_COUNT,
		     DB_P(db_int(r->a->job), db_int(r->first), db_int(r->last)), &rows, err) < 0)
		return -1;
	while (db_next(rows)) {
		const int state =
			name_find(item_state_names, ITEM_STATE_COUNT, db_get_text(rows, 1, NULL));

		/* What is not counted otherwise is blocked. */
		tally_move(r->tally, r->a->job, db_get_int(rows, 0), ITEM_BLOCKED,
			   (enum item_state)state, sign * db_get_int(rows, 2));
		tally_by_call(r->tally, r->a->job, db_get_int(rows, 0), sign * db_get_int(rows, 3));
		tally_repeat(r->tally, r->a->job, db_get_int(rows, 0), sign * db_get_int(rows, 4),
			     sign * db_get_int(rows, 5));
	}
	db_rows_free(&rows);
	return 0;
}

static int of_lots(struct lots_run *r, struct db *db, enum stmt stmt, struct err *err)
{
	return db_exec(db, stmt, DB_P(db_int(r->a->job), db_int(r->first), db_int(r->last)), err) <
			       0
		       ? -1
		       : 0;
}

static int read_described(struct lots_run *r, struct db *db, struct err *err)
{
	return db_query(db, STMT_ASKED_DESCRIBED,
			DB_P(db_int(r->a->job), db_int(r->first), db_int(r->last)), &r->described,
			err);
}

static bool is_described(const struct lots_run *r)
{
	return strcmp(db_get_text(r->described, STATE, NULL), item_state_names[ITEM_DONE]) == 0;
}

static struct estimate estimate(const struct lots_run *r)
{
	size_t n;
	const char *text = db_get_text(r->described, TEXT, &n);

	return recipe_estimate_translation(r->recipe, r->instructions, text, n);
}

/* The mark of reopening goes with the last request that set it. */
static int may_end_reopening(const struct lots_run *r, struct db *db, struct err *err)
{
	struct db_rows *rows;
	bool is_last;

	if (db_query(db, STMT_ASKED_OTHERS, DB_P(db_int(r->a->job), db_int(r->a->id)), &rows, err) <
	    0)
		return -1;
	is_last = db_rows_count(rows) == 0;
	db_rows_free(&rows);
	tally_patch(r->tally, r->a->job)->is_open = is_last;
	return 0;
}

static enum asked_slice end(struct lots_run *r, struct db *db, bool done, struct err *err)
{
	if ((done && may_end_reopening(r, db, err) < 0) ||
	    tally_apply(r->tally, db, r->a->now, r->a->now, err) < 0)
		return ASKED_FAILED;
	r->a->place = r->last + 1;
	return done ? ASKED_DONE : ASKED_MORE;
}

static void run_clear(struct lots_run *r)
{
	tally_free(&r->tally);
	db_rows_free(&r->job_rows);
	db_rows_free(&r->described);
}

/* --- retry --- */

/* Translations that failed, or were left blocked when the job ended, whose description is there. */
static int ready_translations(struct lots_run *r, struct db *db, struct err *err)
{
	struct db_val *v = must(calloc(MOST_LOTS, 4 * sizeof(*v)));
	size_t n = 0;
	int rc = read_described(r, db, err);

	while (rc == 0 && n < MOST_LOTS && db_next(r->described)) {
		struct estimate e;

		if (!is_described(r))
			continue;
		e = estimate(r);
		v[4 * n] = db_int(e.bytes);
		v[4 * n + 1] = db_int(e.tokens);
		v[4 * n + 2] = db_int(r->a->job);
		v[4 * n++ + 3] = db_int(db_get_int(r->described, LOT_SEQ));
	}
	if (n > 0 && db_bulk(db, STMT_RETRY_READY, v, n, err) < 0)
		rc = -1;
	free(v);
	return rc;
}

static int retry_lots(struct lots_run *r, struct db *db, struct err *err)
{
	if ((r->a->place == 0 &&
	     db_exec(db, STMT_BUDGET_FORGET, DB_P(db_int(r->a->job)), err) < 0) ||
	    count(r, db, -1, err) < 0 || of_lots(r, db, STMT_RETRY_ALLOW, err) < 0 ||
	    of_lots(r, db, STMT_RETRY_DESCRIBE, err) < 0 ||
	    of_lots(r, db, STMT_RETRY_REPEAT, err) < 0 ||
	    of_lots(r, db, STMT_RETRY_BLOCK, err) < 0 || ready_translations(r, db, err) < 0)
		return -1;
	return count(r, db, 1, err);
}

enum asked_slice asked_retry(struct db *db, struct asked *a, struct err *err)
{
	struct lots_run r = {.a = a};
	enum asked_slice slice = ASKED_FAILED;

	if (begin(&r, db, err) == 0 && (!r.running || retry_lots(&r, db, err) == 0))
		slice = end(&r, db, !r.running || r.last == r.lots - 1, err);
	run_clear(&r);
	return slice;
}

/* --- languages --- */

static bool is_tagged(const char *tags, const char *tag)
{
	const size_t n = strlen(tag);

	while (tags) {
		if (strncmp(tags, tag, n) == 0 && (tags[n] == ',' || tags[n] == '\0'))
			return true;
		tags = strchr(tags, ',');
		tags += tags != NULL;
	}
	return false;
}

static int find_added(struct lots_run *r, struct db *db, struct err *err)
{
	struct db_rows *rows;

	if (db_query(db, STMT_JOB_LANGUAGES, DB_P(db_int(r->a->job)), &rows, err) < 0)
		return -1;
	for (int64_t no = 0; db_next(rows); no++) {
		if (r->n_added < LIMIT_LANGUAGES &&
		    is_tagged(r->a->tags, db_get_text(rows, 0, NULL)))
			r->added[r->n_added++] = no;
	}
	db_rows_free(&rows);
	return 0;
}

#define ITEM_COLS 7

/* The items of one lot: ready where its description is there, blocked while it may come. */
static void add_lot(const struct lots_run *r, struct db_val *v)
{
	const bool described = is_described(r);
	const bool failed =
		strcmp(db_get_text(r->described, STATE, NULL), item_state_names[ITEM_FAILED]) == 0;
	const struct estimate e = described ? estimate(r) : (struct estimate){0};

	for (int64_t i = 0; i < r->n_added; i++, v += ITEM_COLS) {
		v[0] = db_int(r->a->job);
		v[1] = db_int(db_get_int(r->described, LOT_SEQ));
		v[2] = db_int(r->added[i]);
		v[3] = db_text(item_state_names[described ? ITEM_READY
						: failed  ? ITEM_FAILED
							  : ITEM_BLOCKED]);
		v[4] = db_text(failed ? "description_failed" : NULL);
		v[5] = db_int(e.bytes);
		v[6] = db_int(e.tokens);
	}
}

static int add_items(struct lots_run *r, struct db *db, struct err *err)
{
	size_t n = 0;
	struct db_val *v;
	int rc = read_described(r, db, err);

	if (rc < 0 || r->n_added == 0)
		return rc;
	v = must(calloc(db_rows_count(r->described) * (size_t)r->n_added + 1,
			ITEM_COLS * sizeof(*v)));
	while (db_next(r->described)) {
		add_lot(r, v + n * ITEM_COLS);
		n += (size_t)r->n_added;
	}
	if (n > 0 && db_bulk(db, STMT_LANGUAGE_ITEM_ADD, v, n, err) < 0)
		rc = -1;
	free(v);
	return rc;
}

/* Of a job that had ended, what was open stays unanswered: it is not asked for now. */
static int close_open(struct lots_run *r, struct db *db, struct err *err)
{
	if (!r->a->was)
		return 0;
	return db_exec(db, STMT_LANGUAGE_CLOSE,
		       DB_P(db_text(r->a->was), db_int(r->a->job), db_int(r->first),
			    db_int(r->last)),
		       err) < 0
		       ? -1
		       : 0;
}

static int language_lots(struct lots_run *r, struct db *db, struct err *err)
{
	if (find_added(r, db, err) < 0 || count(r, db, -1, err) < 0 || close_open(r, db, err) < 0 ||
	    add_items(r, db, err) < 0)
		return -1;
	return count(r, db, 1, err);
}

enum asked_slice asked_languages(struct db *db, struct asked *a, struct err *err)
{
	struct lots_run r = {.a = a};
	enum asked_slice slice = ASKED_FAILED;

	if (begin(&r, db, err) == 0 && language_lots(&r, db, err) == 0)
		slice = end(&r, db, r.last == r.lots - 1, err);
	run_clear(&r);
	return slice;
}
