/* SPDX-License-Identifier: ISC */
#include "common/calls.h"

int calls_load(struct db *db, const struct config *config, struct load *load, struct err *err)
{
	struct db_rows *r;
	int64_t measured;

	if (db_query(db, STMT_CALLS_MEASURED, DB_NONE, &r, err) < 0)
		return -1;
	measured = db_next(r) ? db_get_int(r, 0) : 0;
	db_rows_free(&r);
	if (db_query(db, STMT_CALLS_LOAD, DB_NONE, &r, err) < 0)
		return -1;
	load_init(load, measured > 0 ? measured : config->fallback.estimate, measured > 0);
	while (db_next(r))
		load_add(load, db_get_time(r, 0), (uint64_t)db_get_int(r, 1),
			 (uint64_t)db_get_int(r, 2));
	db_rows_free(&r);
	return 0;
}
