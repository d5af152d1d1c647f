/* SPDX-License-Identifier: ISC */
#include "batchd/tick.h"

#include <string.h>

#include "batchd/installation.h"
#include "batchd/tell.h"
#include "batchd/watch.h"
#include "common/clock.h"
#include "common/log.h"
#include "core/timemath.h"

#define CLOCK_JUMP (60 * T_S)

int64_t daemon_now(const struct daemon *d)
{
	return d->db_time + (clock_boot() - d->db_time_boot);
}

bool daemon_distrusts_clock(const struct daemon *d)
{
	return daemon_now(d) < d->no_close_before;
}

/* For two minutes, by the clock as it is now. */
static int distrust_clock(struct daemon *d, struct err *err)
{
	if (!lease_held(&d->lease))
		return 0;
	return db_exec(d->db, STMT_LEASE_NO_CLOSE,
		       DB_P(db_int(NO_CLOSE), db_text(d->lease.owner), db_int(d->lease.epoch)),
		       err) < 0
		       ? -1
		       : 0;
}

/*
 * What was waited for by a clock that was put forward or back is waited for
 * anew, and looked for anew.
 */
static void heed_step(struct daemon *d, int64_t now)
{
	const int64_t boot = clock_boot();
	const int64_t step = (now - d->steady_since) - (boot - d->steady_boot);

	if (d->steady_since != 0 && step < CLOCK_SLIP && step > -CLOCK_SLIP)
		return;
	if (d->steady_since != 0)
		log_warning("database clock stepped seconds=%lld", (long long)(step / T_S));
	d->steady_since = now;
	d->steady_boot = boot;
	watch_reset(d->watch);
}

/*
 * Database time and boot clock must agree in their advance. 1 = it jumped, 0,
 * -1 = seen again next time.
 */
static int check_clock(struct daemon *d, int64_t now, int64_t no_close_before, struct err *err)
{
	const int64_t jump = now - daemon_now(d), guarded_until = t_add(now, NO_CLOSE);

	if (d->db_time == 0 || (jump < CLOCK_JUMP && jump > -CLOCK_JUMP)) {
		/*
		 * What lies further ahead was set before the clock was put back; and a jump that
		 * was seen before the lease was taken is not in the row yet.
		 */
		if ((no_close_before > guarded_until ||
		     (no_close_before < d->no_close_before && now < d->no_close_before)) &&
		    distrust_clock(d, err) < 0)
			return -1;
		d->no_close_before =
			t_min(t_max(d->no_close_before, no_close_before), guarded_until);
		return 0;
	}
	if (distrust_clock(d, err) < 0)
		return -1;
	log_err("database clock jumped seconds=%lld", (long long)(jump / T_S));
	d->no_close_before = guarded_until;
	lease_release(&d->lease, d->db);
	return 1;
}

int tick_read(struct daemon *d, struct err *err)
{
	struct db_rows *r;
	int64_t now;
	int rc = 0;

	if (db_query(d->db, STMT_TICK, DB_NONE, &r, err) < 0)
		return -1;
	if (db_next(r)) {
		now = db_get_time(r, 0);
		rc = check_clock(d, now, db_get_time(r, 2), err);
		if (rc >= 0) {
			heed_step(d, now);
			d->db_time = now;
			d->db_time_boot = clock_boot();
			d->wake = db_get_int(r, 1);
		}
	}
	db_rows_free(&r);
	return rc < 0 ? -1 : 0;
}

void tick_heed_installation(struct daemon *d)
{
	const bool was_foreign = d->is_foreign;
	char before[sizeof(d->installation)];
	struct err err;

	if (!was_foreign && d->wake == d->wake_heeded)
		return;
	memcpy(before, d->installation, sizeof(before));
	if (installation_check(d, &err) < 0) {
		log_warning("installation not read error=\"%s\"", err.text);
		return;
	}
	d->wake_heeded = d->wake;
	if (was_foreign == d->is_foreign && strcmp(before, d->installation) == 0)
		return;
	watch_reset(d->watch);
	tell_all(d);
	if (db_exec(d->db, STMT_BATCHES_WAKE, DB_P(db_time(daemon_now(d))), &err) < 0)
		log_warning("batches not woken error=\"%s\"", err.text);
}
