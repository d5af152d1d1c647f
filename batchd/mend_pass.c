/* SPDX-License-Identifier: ISC */
/* The pass over all answers in store (batchd/mend.h). */
#include <stdlib.h>

#include "batchd/mend.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/must.h"
#include "common/store.h"
#include "core/timemath.h"

#define AGAIN_AFTER (6 * T_H)
#define SHARE       10 /* at most the SHARE-th part of the time */
#define TURN        (50 * T_MS)

struct mend_pass {
	int64_t place;      /* items up to this one are done */
	int64_t not_before; /* boot clock */
	uint32_t n_mended, n_refused;
};

struct mend_pass *mend_pass_new(void)
{
	return must(calloc(1, sizeof(struct mend_pass)));
}

void mend_pass_free(struct mend_pass **p)
{
	free(*p);
	*p = NULL;
}

void mend_pass_reset(struct mend_pass *p)
{
	*p = (struct mend_pass){0};
}

static int lots_tx(struct db *db, void *arg, struct err *err)
{
	struct mend *m = arg;
	const int64_t now = daemon_now(m->d);
	struct tally *t = tally_new(m->d);
	int rc = mend_begin(m, db, t, err);

	if (rc == 0)
		rc = mend_lots(m, db, t, err);
	if (rc == 0 && m->n_mended + m->n_refused > 0)
		rc = store_event(db, m->job, 0, now, "repaired", m->n_mended, err,
				 "%u answers repaired, %u could not be", m->n_mended, m->n_refused);
	if (rc == 0 && m->n_mended + m->n_refused > 0)
		rc = tally_apply(t, db, now, now, err);
	mend_end(m);
	tally_free(&t);
	return rc;
}

/* From one of its lots to another. 0 or -1. */
static int mend_job(struct daemon *d, struct mend_pass *p, int64_t job, int64_t first, int64_t last,
		    struct err *err)
{
	struct mend m = {.d = d, .job = job, .first = first};

	while (m.first <= last && lease_held(&d->lease)) {
		m.last = t_min(last, m.first + 99);
		if (daemon_tx(d, lots_tx, &m, err) < 0)
			return -1;
		p->n_mended += m.n_mended;
		p->n_refused += m.n_refused;
		m.first = m.last + 1;
		daemon_breathe(d);
	}
	return 0;
}

/* One page. 1: more, 0: the pass is over, -1. A job that fails holds up no other. */
static int page(struct daemon *d, struct mend_pass *p, struct err *err)
{
	struct db_rows *r;
	int64_t end;

	if (db_query(d->db, STMT_MEND_PAGE, DB_P(db_int(p->place)), &r, err) < 0)
		return -1;
	end = db_next(r) ? db_get_int(r, 0) : 0;
	db_rows_free(&r);
	if (end == 0)
		return 0;
	if (db_query(d->db, STMT_MEND_PAGE_JOBS, DB_P(db_int(p->place), db_int(end)), &r, err) < 0)
		return -1;
	while (lease_held(&d->lease) && db_next(r)) {
		if (mend_job(d, p, db_get_int(r, 0), db_get_int(r, 1), db_get_int(r, 2), err) < 0)
			log_warning("answers not repaired job=%lld error=\"%s\"",
				    (long long)db_get_int(r, 0), err->text);
	}
	db_rows_free(&r);
	p->place = end;
	return 1;
}

static void end_pass(struct mend_pass *p)
{
	if (p->n_mended + p->n_refused > 0)
		log_notice("answers in store repaired repaired=%u refused=%u", p->n_mended,
			   p->n_refused);
	*p = (struct mend_pass){.not_before = t_add(clock_boot(), AGAIN_AFTER)};
}

void mend_pass_tick(struct daemon *d)
{
	struct mend_pass *p = d->mend_pass;
	const int64_t from = clock_boot();
	struct err err;
	int rc = 1;

	if (from < p->not_before)
		return;
	while (rc > 0 && lease_held(&d->lease) && clock_boot() < from + TURN)
		rc = page(d, p, &err);
	if (rc < 0)
		log_warning("answers in store not read error=\"%s\"", err.text);
	if (rc == 0)
		end_pass(p);
	else
		p->not_before = t_add(clock_boot(), t_mul(t_sub(clock_boot(), from), SHARE - 1));
}
