/* SPDX-License-Identifier: ISC */
#include "batchd/lease.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"

void lease_init(struct lease *l, int64_t length)
{
	char host[64] = "";
	uint64_t random;

	memset(l, 0, sizeof(*l));
	gethostname(host, sizeof(host) - 1);
	clock_random(&random, sizeof(random));
	snprintf(l->owner, sizeof(l->owner), "%s/%ld/%016" PRIx64, host, (long)getpid(), random);
	l->length = length;
}

int lease_take(struct lease *l, struct db *db, struct err *err)
{
	const int64_t before = clock_boot();
	struct db_rows *rows;
	int64_t n;

	n = db_exec(db, STMT_LEASE_TAKE,
		    DB_P(db_text(l->owner), db_text(l->owner), db_text(l->owner),
			 db_int(l->length)),
		    err);
	if (n <= 0)
		return (int)n;
	if (db_query(db, STMT_LEASE_EPOCH, DB_P(db_text(l->owner)), &rows, err) < 0)
		return -1;
	l->epoch = db_next(rows) ? db_get_int(rows, 0) : 0;
	db_rows_free(&rows);
	l->renewed_boot = before;
	l->expires_boot = before + l->length;
	return lease_held(l);
}

int lease_renew(struct lease *l, struct db *db, struct err *err)
{
	const int64_t before = clock_boot();
	const int64_t n =
		db_exec(db, STMT_LEASE_RENEW,
			DB_P(db_int(l->length), db_text(l->owner), db_int(l->epoch)), err);

	if (n < 0)
		return -1;
	if (n == 0) {
		l->epoch = 0;
		return 0;
	}
	l->renewed_boot = before;
	l->expires_boot = before + l->length;
	return 1;
}

void lease_release(struct lease *l, struct db *db)
{
	struct err err;

	if (lease_held(l) &&
	    db_exec(db, STMT_LEASE_RELEASE, DB_P(db_text(l->owner), db_int(l->epoch)), &err) < 0)
		log_warning("lease not released error=\"%s\"", err.text);
	l->epoch = 0;
	l->renewed_boot = 0;
}

int lease_guard(const struct lease *l, struct db *db, struct err *err)
{
	struct db_rows *rows;
	bool ours;

	if (db_query(db, STMT_LEASE_GUARD, DB_P(db_text(l->owner), db_int(l->epoch)), &rows, err) <
	    0)
		return -1;
	ours = db_next(rows);
	db_rows_free(&rows);
	if (!ours)
		return err_set(err, ERR_NEVER, 0, "the lease was taken by another batchd");
	return 0;
}
