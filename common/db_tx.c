/* SPDX-License-Identifier: ISC */
/*
 * db_tx: a transaction that is run again where the server says that it lost a race.
 *
 * After a deadlock the server has rolled back and would commit each further statement by itself: so
 * the first such error ends the transaction for good (db->tx_err), even where fn goes on. Runs
 * again only while less than one statement's time-out has passed since the start, and the caller's
 * deadline has not, so that a caller's patience is bounded when the server hangs or locks pile up.
 */
#include <assert.h>
#include <string.h>
#include <time.h>

#include "common/clock.h"
#include "common/db_private.h"
#include "common/log.h"
#include "core/timemath.h"

#define RUNS_AGAIN 5

static int simple(struct db *db, const char *sql, struct err *err)
{
	db_arm(db);
	if (mysql_real_query(db->mysql, sql, strlen(sql)) == 0)
		return 0;
	return db_fail(db, mysql_errno(db->mysql), mysql_error(db->mysql), sql, err);
}

/* Only a refusal that says "rolled back" is one; after anything else it may have been committed. */
static int commit(struct db *db, struct err *err)
{
	struct err e = {0};

	if (db_out_of_time(db)) { /* not sent: this is no doubt */
		db_disconnect(db);
		return err_set(err, ERR_LATER, 0, "COMMIT: no time is left");
	}
	if (simple(db, "COMMIT", &e) == 0)
		return 0;
	if (e.class != ERR_CONFLICT && !(db_err_is_readonly(&e) && e.detail != 1047)) {
		e.class = ERR_UNKNOWN;
		db_disconnect(db);
	}
	if (err)
		*err = e;
	return -1;
}

/* One run of fn in a transaction of its own. */
static int run_once(struct db *db, db_tx_fn *fn, void *arg, struct err *err)
{
	int rc;

	if (db_ready(db, err))
		return -1;
	db->tx_err = (struct err){0};
	db->in_tx = true;
	log_tx_begin();
	rc = simple(db, "START TRANSACTION", err);
	if (rc == 0)
		rc = fn(db, arg, err);
	if (db->tx_err.class != ERR_NONE) {
		*err = db->tx_err;
		rc = -1;
	}
	if (rc == 0)
		rc = commit(db, err);
	else if (db->mysql)
		simple(db, "ROLLBACK", NULL);
	db->in_tx = false;
	log_tx_end(rc == 0);
	return rc;
}

/* The server's refusals alone: fn's own verdicts (detail 0) are its caller's. */
static bool may_run_again(const struct db *db, const struct err *err)
{
	if (db->tx_err.class == ERR_NONE || err->class == ERR_UNKNOWN || db_err_is_readonly(err))
		return false;
	return err->class == ERR_CONFLICT || err->class == ERR_LATER;
}

static int64_t pause_before(int run)
{
	int64_t us = t_min(10 * T_MS << run, 200 * T_MS);
	uint32_t random;

	clock_random(&random, sizeof(random));
	return us / 2 + (int64_t)(random % (uint32_t)(us / 2));
}

static bool has_time(const struct db *db, int64_t started_at, int64_t pause)
{
	int64_t limit = db->opt.io_timeout_ms > 0 ? db->opt.io_timeout_ms * T_MS : T_NEVER;
	int64_t end = t_min(t_add(started_at, limit), db->deadline);

	return t_add(clock_boot(), pause) < end;
}

static void nap(int64_t us)
{
	nanosleep(&(struct timespec){.tv_sec = us / T_S, .tv_nsec = us % T_S * 1000}, NULL);
}

int db_tx(struct db *db, db_tx_fn *fn, void *arg, struct err *err)
{
	int64_t started_at = clock_boot();
	struct err e = {0};

	assert(!db->in_tx);
	for (int run = 0;; run++) {
		int64_t pause;

		if (run_once(db, fn, arg, &e) == 0)
			return 0;
		pause = pause_before(run);
		if (run == RUNS_AGAIN || !may_run_again(db, &e) || !has_time(db, started_at, pause))
			break;
		nap(pause);
	}
	if (err)
		*err = e;
	return -1;
}
