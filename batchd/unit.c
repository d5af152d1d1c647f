/* SPDX-License-Identifier: ISC */
#include "batchd/unit.h"

#include "common/clock.h"
#include "common/log.h"
#include "core/timemath.h"

#define DEATHS 3
#define SKIP_FIRST T_MIN
#define SKIP_MOST T_H

int unit_taken(struct unit *u, struct db *db, struct err *err)
{
	struct db_rows *r;

	/* A batchd that ended in order has left no unit behind. */
	if (db_exec(db, STMT_UNIT_TAKEN, DB_NONE, err) < 0 || db_query(db, STMT_UNIT_READ, DB_NONE, &r, err) < 0)
		return -1;
	*u = (struct unit){0};
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
	return 0;
}

bool unit_skips(const struct unit *u, int64_t batch_id)
{
	return batch_id == u->suspect && clock_boot() < u->skip_until;
}

static void record(struct unit *u, struct db *db, int64_t batch_id, bool keep_deaths)
{
	struct err err;

	if (db_exec(db, STMT_UNIT_RECORD,
		    DB_P(batch_id ? db_int(batch_id) : db_null(), db_int(keep_deaths ? u->deaths : 0)), &err) < 0) {
		log_warning("unit not recorded error=\"%s\"", err.text);
		return;
	}
	u->recorded = batch_id;
}

void unit_begin(struct unit *u, struct db *db, int64_t batch_id)
{
	if (u->recorded != batch_id)
		record(u, db, batch_id, batch_id == u->suspect);
}

void unit_end(struct unit *u, struct db *db, int64_t batch_id)
{
	if (batch_id && batch_id == u->suspect)
		*u = (struct unit){.recorded = u->recorded};
	/* While a suspect is skipped its deaths stay in the row. */
	if (u->recorded && !u->suspect)
		record(u, db, 0, false);
}
