/* SPDX-License-Identifier: ISC */
#include "batchd/vitals.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/must.h"
#include "common/service.h"
#include "core/timemath.h"

#define FEED_EVERY T_S
#define TELL_EVERY (5 * T_S)

struct vitals {
	int64_t fed_at, told_at; /* boot clock */
};

struct vitals *vitals_new(void)
{
	return must(calloc(1, sizeof(struct vitals)));
}

void vitals_free(struct vitals **v)
{
	free(*v);
	*v = NULL;
}

static void tell(struct daemon *d)
{
	const char *stop;
	char line[256];
	struct db_rows *r;
	struct err err;

	if (!lease_held(&d->lease)) {
		service_notify(db_connected(d->db) ? "STATUS=standby: waits for the lease"
						   : "STATUS=the database is away");
		return;
	}
	if (db_query(d->db, STMT_VITALS, DB_NONE, &r, &err) < 0) {
		service_notify("STATUS=the database is away");
		return;
	}
	db_next(r);
	stop = db_get_text(r, 2, NULL);
	snprintf(
		line, sizeof(line),
		"STATUS=active: %lld jobs run, %lld batches are open, %u requests are in flight%s%s",
		(long long)db_get_int(r, 0), (long long)db_get_int(r, 1), http_in_flight(d->http),
		stop ? "; nothing is sent: " : "", stop ? stop : "");
	db_rows_free(&r);
	service_notify(line);
}

void vitals_turn(struct daemon *d)
{
	struct vitals *v = d->vitals;
	const int64_t now = clock_boot();

	if (now >= t_add(v->fed_at, FEED_EVERY)) {
		v->fed_at = now;
		service_notify("WATCHDOG=1");
	}
	if (now >= t_add(v->told_at, TELL_EVERY)) {
		v->told_at = now;
		tell(d);
	}
}
