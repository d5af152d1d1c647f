/* SPDX-License-Identifier: ISC */
#include "batchd/unit.h"

#include "common/clock.h"
#include "common/log.h"
#include "core/timemath.h"

#define DEATHS     3
#define SKIP_FIRST T_MIN
#define SKIP_MOST  T_H

static void record(struct unit *u, struct db *db, int64_t batch_id, int64_t deaths)
{
	struct err err;

	if (db_exec(db, STMT_UNIT_RECORD,
		    DB_P(batch_id ? db_int(batch_id) : db_null(), db_int(deaths), db_int(u->epoch)),
		    &err) < 0) {
		log_warning("unit not recorded error=\"%s\"", err.text);
		return;
	}
	u->recorded = batch_id;
}

/*
 * A suspect stays in the row with one death less: a death under nothing
 * neither adds one nor forgets it.
 */
static void at_rest(struct unit *u, struct db *db)
{
	record(u, db, u->suspect, u->suspect ? u->deaths - 1 : 0);
	u->in_hand = false;
}

int unit_taken(struct unit *u, struct db *db, int64_t epoch, struct err *err)
{
	struct db_rows *r;

	/* A batchd that ended in order has left no unit behind. */
	if (db_exec(db, STMT_UNIT_TAKEN, DB_P(db_int(epoch)), err) < 0 ||
	    db_query(db, STMT_UNIT_READ, DB_NONE, &r, err) < 0)
		return -1;
	*u = (struct unit){.epoch = epoch};
	if (db_next(r)) {
		u->suspect = db_get_int(r, 0);
		u->deaths = db_get_int(r, 1);
	}
	db_rows_free(&r);
	u->recorded = u->suspect;
	if (u->suspect && u->deaths >= DEATHS) {
		int64_t skip = SKIP_FIRST;

		for (int64_t i = DEATHS; i < u->deaths && skip < SKIP_MOST; i++)
			skip *= 2;
		u->skip_until = t_add(clock_boot(), t_min(skip, SKIP_MOST));
		log_err("work skipped batch=%lld deaths=%lld seconds=%lld", (long long)u->suspect,
			(long long)u->deaths, (long long)(t_min(skip, SKIP_MOST) / T_S));
	}
	if (u->suspect)
		at_rest(u, db);
	return 0;
}

bool unit_skips(const struct unit *u, int64_t batch_id)
{
	return batch_id == u->suspect && clock_boot() < u->skip_until;
}

int64_t unit_put_aside(const struct unit *u)
{
	return u->deaths >= DEATHS ? u->suspect : 0;
}

void unit_begin(struct unit *u, struct db *db, int64_t batch_id)
{
	const bool is_suspect = batch_id == u->suspect;

	if (u->recorded != batch_id || u->in_hand != is_suspect)
		record(u, db, batch_id, is_suspect ? u->deaths : 0);
	u->in_hand = is_suspect;
}

void unit_end(struct unit *u, struct db *db, int64_t done)
{
	if (done && done == u->suspect) {
		log_notice("work done after all batch=%lld deaths=%lld", (long long)done,
			   (long long)u->deaths);
		u->suspect = u->deaths = 0;
	}
	if (u->in_hand || u->recorded != u->suspect)
		at_rest(u, db);
}
