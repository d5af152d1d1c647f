/* SPDX-License-Identifier: ISC */
#include "batchd/remove.h"

#include <stdlib.h>

#include "batchd/asked.h"
#include "batchd/remove_old.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/must.h"
#include "core/timemath.h"

#define LOOK_EVERY T_MIN     /* also without a wake: what waits is looked at again */
#define LOOK_AGAIN (5 * T_S) /* at what failed */
#define SHARE      10        /* at most the SHARE-th part of the time */
#define TURN       (50 * T_MS)

/* The parts of a pass, in their order. */
enum part { PART_JOBS, PART_IMAGES, PART_BATCHES, PART_COUNT };

struct remover {
	bool look;  /* there may be something: a pass is under way */
	bool again; /* another after it */
	int64_t wake, look_at;
	int64_t not_before; /* boot clock */
	enum part part;
	int64_t after_id; /* jobs: requests up to this one are done, or wait */
	uint64_t n_jobs;
	struct remove_old images, batches;
};

struct remover *remover_new(void)
{
	struct remover *r = must(calloc(1, sizeof(*r)));

	r->look = true;
	return r;
}

void remover_free(struct remover **r)
{
	free(*r);
	*r = NULL;
}

void remover_reset(struct remover *r)
{
	*r = (struct remover){.look = true};
}

void remover_wake(struct remover *r)
{
	/* A pass goes to its end, or those that wait at its beginning would hold up the others. */
	r->again = true;
}

bool remover_is_idle(const struct remover *r)
{
	return !r->look && !r->again;
}

/* --- jobs that were deleted --- */

struct delete_run {
	struct asked asked;
	enum asked_slice slice;
};

static int delete_tx(struct db *db, void *arg, struct err *err)
{
	struct delete_run *run = arg;
	struct asked a = run->asked; /* the transaction may run again */

	run->slice = asked_delete(db, &a, err);
	if (run->slice == ASKED_FAILED)
		return -1;
	return run->slice == ASKED_WAITS ? 0 : asked_store(db, &a, run->slice, err);
}

/* 1 and the next of the pass, 0, -1. */
static int read_next(struct daemon *d, struct asked *a, struct err *err)
{
	struct db_rows *rows;
	int found = 0;

	if (db_query(d->db, STMT_REMOVE_NEXT, DB_P(db_int(d->remover->after_id)), &rows, err) < 0)
		return -1;
	if (db_next(rows)) {
		*a = (struct asked){
			.d = d,
			.id = db_get_int(rows, 0),
			.job = db_get_int(rows, 1),
			.kind = COMMAND_DELETE,
			.place = db_get_int(rows, 2),
			.now = daemon_now(d),
		};
		found = 1;
	}
	db_rows_free(&rows);
	return found;
}

/* One slice of the next. 1 = more, 0 = there is no other, -1. */
static int remove_job(struct daemon *d, struct remover *r, struct err *err)
{
	struct delete_run run;
	const int found = read_next(d, &run.asked, err);

	if (found <= 0)
		return found;
	if (daemon_tx(d, delete_tx, &run, err) < 0) {
		/* It must not hold up those after it: its turn comes in the next pass. */
		r->after_id = run.asked.id;
		return -1;
	}
	if (run.slice != ASKED_MORE)
		r->after_id = run.asked.id;
	r->n_jobs += run.slice == ASKED_DONE;
	return 1;
}

/* --- the pass --- */

static void begin_when_due(struct daemon *d, struct remover *r)
{
	if (d->wake != r->wake || daemon_now(d) >= r->look_at) {
		r->wake = d->wake;
		r->look_at = t_add(daemon_now(d), LOOK_EVERY);
		r->again = true;
	}
	if (r->look || !r->again)
		return;
	r->look = true;
	r->again = false;
	r->part = PART_JOBS;
	r->after_id = 0;
}

static void end_jobs(struct remover *r)
{
	if (r->n_jobs > 0)
		log_notice("content of deleted jobs removed jobs=%llu",
			   (unsigned long long)r->n_jobs);
	r->n_jobs = 0;
}

/* One slice. 1 = more, 0 = the pass is over, -1. */
static int step(struct daemon *d, struct remover *r, struct err *err)
{
	int rc = 0;

	switch (r->part) {
	case PART_JOBS:
		rc = remove_job(d, r, err);
		if (rc == 0)
			end_jobs(r);
		break;
	case PART_IMAGES:
		rc = remove_old_images(d, &r->images, err);
		break;
	case PART_BATCHES:
		rc = remove_old_batches(d, &r->batches, err);
		break;
	case PART_COUNT:
		return 0;
	}
	if (rc < 0)
		r->look_at = t_min(r->look_at, t_add(daemon_now(d), LOOK_AGAIN));
	if (rc == 0 || (rc < 0 && r->part != PART_JOBS))
		r->part++;
	return rc < 0 ? -1 : 1;
}

void remover_tick(struct daemon *d)
{
	struct remover *r = d->remover;
	const int64_t from = clock_boot();
	struct err err;
	int rc = 1;

	if (from < r->not_before)
		return;
	begin_when_due(d, r);
	if (!r->look)
		return;
	while (rc > 0 && lease_held(&d->lease) && clock_boot() < from + TURN) {
		rc = step(d, r, &err);
		daemon_breathe(d);
	}
	if (rc < 0)
		log_warning("not removed error=\"%s\"", err.text);
	if (rc == 0)
		r->look = false;
	r->not_before = t_add(clock_boot(), t_mul(t_sub(clock_boot(), from), SHARE - 1));
}
