/* SPDX-License-Identifier: ISC */
/*
 * Commands on one batch (store_batch_command of common/store.h): a row of `request`, for batchd, which alone moves
 * batches. Who asked is told on the timelines of the batch and of its jobs.
 */
#include "common/store.h"

#include <string.h>

struct batch_run {
	int64_t batch_id, now;
	enum command kind;
	const char *by;
	enum batch_command_result result;
};

static const char *const what_follows[] = {
	[BATCH_ASKED_CANCEL] = "it is cancelled, and what it has not answered then is sent again",
	[BATCH_ASKED_RETRY] = "it is cancelled, and what it has not answered is sent again at once",
};

/* What it comes to; 0 or -1. */
static int look(struct db *db, struct batch_run *r, enum batch_asked wanted, struct err *err)
{
	struct db_rows *rows;

	if (db_query(db, STMT_BATCH_COMMAND_LOCK, DB_P(db_int(r->batch_id)), &rows, err) < 0)
		return -1;
	if (!db_next(rows)) {
		r->result = BATCH_COMMAND_NO_BATCH;
	} else if (db_get_int(rows, 0) != 0) {
		r->result = BATCH_COMMAND_ENDED;
	} else {
		const int asked =
			name_find(batch_asked_names, BATCH_ASKED_COUNT, db_get_text(rows, 1, NULL));
		const bool waits = db_get_int(rows, wanted == BATCH_ASKED_CANCEL ? 2 : 3) != 0;

		r->result =
			asked >= (int)wanted || waits ? BATCH_COMMAND_NOTHING : BATCH_COMMAND_TAKEN;
	}
	db_rows_free(&rows);
	return 0;
}

/* On the timeline of each of its jobs; of the batch alone where it has none. */
static int add_events(struct db *db, const struct batch_run *r, enum batch_asked wanted,
		      struct err *err)
{
	const char *kind = wanted == BATCH_ASKED_CANCEL ? "batch_cancel" : "batch_retry";
	struct db_rows *rows;
	bool has_job = false;
	int rc = 0;

	if (db_query(db, STMT_BATCH_COMMAND_JOBS, DB_P(db_int(r->batch_id)), &rows, err) < 0)
		return -1;
	while (rc == 0 && db_next(rows)) {
		has_job = true;
		rc = store_event(db, db_get_int(rows, 0), r->batch_id, r->now, kind, -1, err,
				 "asked by %s of batch %lld: %s", r->by, (long long)r->batch_id,
				 what_follows[wanted]);
	}
	db_rows_free(&rows);
	if (rc == 0 && !has_job)
		rc = store_event(db, 0, r->batch_id, r->now, kind, -1, err, "asked by %s: %s",
				 r->by, what_follows[wanted]);
	return rc;
}

static int batch_command_tx(struct db *db, void *arg, struct err *err)
{
	struct batch_run *r = arg;
	const enum batch_asked wanted =
		r->kind == COMMAND_RETRY ? BATCH_ASKED_RETRY : BATCH_ASKED_CANCEL;

	if (store_now(db, &r->now, err) < 0 || look(db, r, wanted, err) < 0)
		return -1;
	if (r->result != BATCH_COMMAND_TAKEN)
		return 0;
	if (db_exec(db, STMT_BATCH_COMMAND_REQUEST,
		    DB_P(db_int(r->batch_id), db_text(command_names[r->kind]), db_time(r->now)),
		    err) < 0 ||
	    add_events(db, r, wanted, err) < 0)
		return -1;
	return store_wake(db, err);
}

int store_batch_command(struct db *db, int64_t batch_id, enum command kind, const char *by,
			enum batch_command_result *result, struct err *err)
{
	struct batch_run r = {.batch_id = batch_id, .kind = kind, .by = by};

	if (kind != COMMAND_CANCEL && kind != COMMAND_RETRY)
		return err_set(err, ERR_BUG, 0, "command %d is none of a batch", (int)kind);
	if (db_tx(db, batch_command_tx, &r, err) < 0)
		return -1;
	*result = r.result;
	return 0;
}
