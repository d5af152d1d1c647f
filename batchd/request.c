/* SPDX-License-Identifier: ISC */
#include "batchd/request.h"

#include <stdlib.h>

#include "batchd/asked.h"
#include "batchd/planner.h"
#include "common/log.h"
#include "common/must.h"
#include "core/limits.h"
#include "core/timemath.h"

#define LOOK_EVERY T_MIN     /* also without a wake: what waits is looked at again */
#define LOOK_AGAIN (5 * T_S) /* at what failed */
#define TIDY_EVERY T_H
/* At least: so long an order whose answer was lost may be sent again. As in STMT_KEYS_REMOVE. */
#define KEEP_KEYS T_DAY
/* What was asked, and done. */
#define KEEP_REQUESTS (30 * T_DAY)

struct requests {
	bool look;  /* there may be some: a pass is under way */
	bool again; /* another after it */
	int64_t wake, look_at;
	int64_t after_id;            /* the pass is there: those up to this one are done, or wait */
	int64_t tidy_at, tidy_after; /* idempotency keys up to this age were looked at */
};

struct requests *requests_new(void)
{
	struct requests *r = must(calloc(1, sizeof(*r)));

	r->look = true;
	return r;
}

void requests_free(struct requests **r)
{
	free(*r);
	*r = NULL;
}

void requests_reset(struct requests *r)
{
	*r = (struct requests){.look = true};
}

void requests_wake(struct requests *r)
{
	/* A pass goes to its end, or those that wait at its beginning would hold up the others. */
	r->again = true;
}

/* The end of a job by a command: its batches, which nobody may want any more, are looked at now. */
static enum asked_slice asked_end(struct db *db, const struct asked *a, struct err *err)
{
	return db_exec(db, STMT_ASKED_WAKE_BATCHES, DB_P(db_time(a->now), db_int(a->job)), err) < 0
		       ? ASKED_FAILED
		       : ASKED_DONE;
}

/* Its row says so, and the policy does it: at once, or when its create is not in doubt any more. */
static enum asked_slice asked_batch(struct db *db, const struct asked *a, struct err *err)
{
	return db_exec(db, STMT_ASKED_BATCH,
		       DB_P(db_text(command_names[a->kind]), db_time(a->now), db_time(a->now),
			    db_int(a->batch)),
		       err) < 0
		       ? ASKED_FAILED
		       : ASKED_DONE;
}

static enum asked_slice carry_out(struct db *db, struct asked *a, struct err *err)
{
	if (a->batch)
		return asked_batch(db, a, err);
	switch (a->kind) {
	case COMMAND_CANCEL:
	case COMMAND_FINISH:
		return asked_end(db, a, err);
	case COMMAND_RETRY:
		return asked_retry(db, a, err);
	case COMMAND_LANGUAGES:
		return asked_languages(db, a, err);
	case COMMAND_IMPORT:
	case COMMAND_REPAIR:
	case COMMAND_UNDO:
		return asked_mend(db, a, err);
	case COMMAND_DELETE: /* of batchd/remove.c */
	case COMMAND_IMAGES:
	case COMMAND_BATCHES:
	case COMMAND_COUNT:
		break;
	}
	return ASKED_FAILED;
}

int asked_store(struct db *db, const struct asked *a, enum asked_slice slice, struct err *err)
{
	const int64_t n =
		db_exec(db, STMT_ASKED_STORE,
			DB_P(db_int(a->place), slice == ASKED_DONE ? db_time(a->now) : db_null(),
			     db_int(a->id)),
			err);

	if (n == 0)
		return err_set(err, ERR_CONFLICT, 0, "request %lld is done already",
			       (long long)a->id);
	return n < 0 ? -1 : 0;
}

struct slice_run {
	struct asked asked;
	enum asked_slice slice;
};

static int slice_tx(struct db *db, void *arg, struct err *err)
{
	struct slice_run *s = arg;
	struct asked a = s->asked; /* the transaction may run again */

	s->slice = carry_out(db, &a, err);
	if (s->slice == ASKED_FAILED)
		return -1;
	return s->slice == ASKED_WAITS ? 0 : asked_store(db, &a, s->slice, err);
}

/* 1 and the next request of the pass, its texts borrowed from *rows; 0, -1. */
static int read_next(struct daemon *d, struct asked *a, struct db_rows **rows, struct err *err)
{
	int kind;

	if (db_query(d->db, STMT_ASKED_NEXT, DB_P(db_int(d->requests->after_id)), rows, err) < 0)
		return -1;
	if (!db_next(*rows)) {
		db_rows_free(rows);
		return 0;
	}
	kind = name_find(command_names, COMMAND_COUNT, db_get_text(*rows, 2, NULL));
	*a = (struct asked){
		.d = d,
		.id = db_get_int(*rows, 0),
		.job = db_get_int(*rows, 1),
		.kind = kind < 0 ? COMMAND_COUNT : (enum command)kind,
		.tags = db_get_text(*rows, 3, NULL),
		.was = db_get_text(*rows, 4, NULL),
		.place = db_get_int(*rows, 5),
		.batch = db_get_int(*rows, 6),
		.item = db_get_int(*rows, 7),
		.now = daemon_now(d),
	};
	return 1;
}

/* One slice of the next request of this pass. 1 = more, 0 = the pass is over, -1. */
static int step(struct daemon *d, struct err *err)
{
	struct requests *r = d->requests;
	struct slice_run s;
	struct db_rows *rows;
	int found = read_next(d, &s.asked, &rows, err);

	if (found <= 0)
		return found;
	if (daemon_tx(d, slice_tx, &s, err) < 0) {
		/* It must not hold up those after it: its turn comes in the next pass. */
		r->after_id = s.asked.id;
		r->look_at = t_min(r->look_at, t_add(daemon_now(d), LOOK_AGAIN));
		found = -1;
	} else if (s.slice == ASKED_DONE) {
		log_info("request done request=%lld job=%lld batch=%lld kind=%s",
			 (long long)s.asked.id, (long long)s.asked.job, (long long)s.asked.batch,
			 command_names[s.asked.kind]);
		planner_wake(d->planner);
	} else if (s.slice == ASKED_WAITS) {
		r->after_id = s.asked.id;
	}
	db_rows_free(&rows);
	return found;
}

/* --- idempotency keys, and requests that are done --- */

struct tidy_page {
	struct db_val keys[SLICE_ROWS * 2];
	size_t n;
};

static int remove_keys_tx(struct db *db, void *arg, struct err *err)
{
	const struct tidy_page *p = arg;

	return db_bulk(db, STMT_KEYS_REMOVE, p->keys, p->n, err) < 0 ? -1 : 0;
}

/* A page of keys by their age: those of jobs that are gone have served. 1 = more, 0, -1. */
static int tidy_keys(struct daemon *d, struct err *err)
{
	struct requests *r = d->requests;
	struct tidy_page *p = must(calloc(1, sizeof(*p)));
	struct db_rows *rows;
	size_t found;
	int rc = 0;

	if (db_query(d->db, STMT_KEYS_OLD,
		     DB_P(db_time(t_max(r->tidy_after, 1)),
			  db_time(t_sub(daemon_now(d), KEEP_KEYS))),
		     &rows, err) < 0) {
		free(p);
		return -1;
	}
	found = db_rows_count(rows);
	while (db_next(rows)) {
		size_t n;
		const char *name = db_get_text(rows, 1, &n);

		r->tidy_after = db_get_time(rows, 2);
		if (db_get_int(rows, 3) == 0)
			continue;
		p->keys[2 * p->n] = db_int(db_get_int(rows, 0));
		p->keys[2 * p->n++ + 1] = db_bytes(name, n);
	}
	if (p->n > 0)
		rc = daemon_tx(d, remove_keys_tx, p, err);
	db_rows_free(&rows);
	free(p);
	return rc < 0 ? -1 : found == SLICE_ROWS;
}

struct old_requests {
	int64_t before, n;
};

static int remove_requests_tx(struct db *db, void *arg, struct err *err)
{
	struct old_requests *o = arg;

	o->n = db_exec(db, STMT_REQUESTS_REMOVE, DB_P(db_time(o->before)), err);
	return o->n < 0 ? -1 : 0;
}

/* 1 = more, 0, -1. */
static int tidy(struct daemon *d, struct err *err)
{
	struct old_requests o = {.before = t_sub(daemon_now(d), KEEP_REQUESTS)};
	const int rc = tidy_keys(d, err);

	if (rc != 0)
		return rc;
	return daemon_tx(d, remove_requests_tx, &o, err) < 0 ? -1 : o.n == SLICE_ROWS;
}

static int tidy_when_due(struct daemon *d, struct err *err)
{
	struct requests *r = d->requests;
	int rc;

	if (daemon_now(d) < r->tidy_at)
		return 0;
	rc = tidy(d, err);
	if (rc <= 0) {
		r->tidy_at = t_add(daemon_now(d), TIDY_EVERY);
		r->tidy_after = 0;
	}
	return rc;
}

int requests_step(struct daemon *d, struct err *err)
{
	struct requests *r = d->requests;
	int rc;

	if (d->wake != r->wake || daemon_now(d) >= r->look_at) {
		r->wake = d->wake;
		r->look_at = t_add(daemon_now(d), LOOK_EVERY);
		requests_wake(r);
	}
	if (!r->look && !r->again)
		return tidy_when_due(d, err);
	if (!r->look) {
		r->look = true;
		r->again = false;
		r->after_id = 0;
	}
	rc = step(d, err);
	if (rc != 0)
		return rc;
	r->look = false;
	return r->again;
}
