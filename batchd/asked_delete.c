/* SPDX-License-Identifier: ISC */
/*
 * The content of a job that was deleted goes, some lots at a time, once no attempt of it is
 * open. Its items, attempts and answers stay without their texts: the ledger (DESIGN, I4).
 */
#include "batchd/asked.h"
#include "core/limits.h"
#include "core/timemath.h"

#define MOST_LOTS 20 /* of a slice: each may have many photographs */

static int query_has_rows(struct db *db, enum stmt stmt, int64_t job, struct err *err)
{
	struct db_rows *r;
	int found;

	if (db_query(db, stmt, DB_P(db_int(job)), &r, err) < 0)
		return -1;
	found = db_rows_count(r) > 0;
	db_rows_free(&r);
	return found;
}

/* Is something of it still under way? 1, 0, -1. */
static int is_open(struct db *db, int64_t job, struct err *err)
{
	const int batches = query_has_rows(db, STMT_DELETE_BATCHES, job, err);

	return batches != 0 ? batches : query_has_rows(db, STMT_DELETE_CALLS, job, err);
}

/* Those that no other lot names. The lock first: an order may be naming it at this moment. */
static int remove_images(struct db *db, struct db_rows *images, struct err *err)
{
	while (db_next(images)) {
		size_t n;
		const char *sha256 = db_get_text(images, 0, &n);
		struct db_rows *lock;

		if (db_query(db, STMT_DELETE_IMAGE_LOCK, DB_P(db_bytes(sha256, n)), &lock, err) < 0)
			return -1;
		db_rows_free(&lock);
		if (db_exec(db, STMT_DELETE_IMAGE, DB_P(db_bytes(sha256, n), db_bytes(sha256, n)),
			    err) < 0)
			return -1;
	}
	return 0;
}

static int remove_lots(struct db *db, int64_t job, int64_t first, int64_t last, struct err *err)
{
	static const enum stmt parts[] = {STMT_DELETE_LOT_IMAGES, STMT_DELETE_LOTS,
					  STMT_DELETE_ANSWERS, STMT_DELETE_LINES};
	struct db_rows *images;
	int rc = 0;

	if (db_query(db, STMT_DELETE_IMAGES, DB_P(db_int(job), db_int(first), db_int(last)),
		     &images, err) < 0)
		return -1;
	for (size_t i = 0; rc == 0 && i < sizeof(parts) / sizeof(parts[0]); i++) {
		if (db_exec(db, parts[i], DB_P(db_int(job), db_int(first), db_int(last)), err) < 0)
			rc = -1;
	}
	if (rc == 0)
		rc = remove_images(db, images, err);
	db_rows_free(&images);
	return rc;
}

/* The timeline and what was told of it, then the texts of the row itself. */
static enum asked_slice remove_rest(struct db *db, const struct asked *a, struct err *err)
{
	const int64_t n = db_exec(db, STMT_DELETE_EVENTS, DB_P(db_int(a->job)), err);

	if (n < 0)
		return ASKED_FAILED;
	if (n == SLICE_ROWS)
		return ASKED_MORE;
	if (db_exec(db, STMT_DELETE_ALERTS, DB_P(db_int(a->job)), err) < 0 ||
	    db_exec(db, STMT_DELETE_JOB_TEXTS, DB_P(db_int(a->job)), err) < 0)
		return ASKED_FAILED;
	return ASKED_DONE;
}

enum asked_slice asked_delete(struct db *db, struct asked *a, struct err *err)
{
	struct tally *tally = tally_new(a->d);
	struct db_rows *r;
	int64_t last, lots = 0;
	int open = tally_lock(tally, db, a->job, NULL, err);

	tally_free(&tally); /* the lock stays */
	if (open == 0)
		open = is_open(db, a->job, err);
	if (open != 0)
		return open < 0 ? ASKED_FAILED : ASKED_WAITS;
	if (db_query(db, STMT_ASKED_JOB, DB_P(db_int(a->job)), &r, err) < 0)
		return ASKED_FAILED;
	if (db_next(r))
		lots = db_get_int(r, 0);
	db_rows_free(&r);
	last = t_min(a->place + MOST_LOTS, lots) - 1;
	if (last >= a->place && remove_lots(db, a->job, a->place, last, err) < 0)
		return ASKED_FAILED;
	a->place = t_max(a->place, last + 1);
	return a->place < lots ? ASKED_MORE : remove_rest(db, a, err);
}
