/* SPDX-License-Identifier: ISC */
#include "batchd/candidates.h"

#include <stdlib.h>

#include "common/batch.h"
#include "common/clock.h"
#include "common/must.h"
#include "core/timemath.h"

/* Jobs that the database refuses something of: more at one time and the oldest is tried again. */
#define MAX_PUT_OFF 64
#define PUT_OFF     (10 * T_S)

struct candidates {
	struct {
		int64_t job, until; /* boot clock */
	} put_off[MAX_PUT_OFF];
	size_t next;
};

struct candidates *candidates_new(void)
{
	return must(calloc(1, sizeof(struct candidates)));
}

void candidates_free(struct candidates **c)
{
	free(*c);
	*c = NULL;
}

void candidates_put_off(struct candidates *c, int64_t job)
{
	c->put_off[c->next].job = job;
	c->put_off[c->next].until = t_add(clock_boot(), PUT_OFF);
	c->next = (c->next + 1) % MAX_PUT_OFF;
}

static bool is_put_off(const struct candidates *c, int64_t job)
{
	const int64_t now = clock_boot();

	for (size_t i = 0; i < MAX_PUT_OFF; i++) {
		if (c->put_off[i].job == job && now < c->put_off[i].until)
			return true;
	}
	return false;
}

/* A row of STMT_PLAN_CANDIDATES. Without a tier all items go in batches. */
static struct plan_candidate candidate(const struct daemon *d, const struct db_rows *r,
				       bool for_calls, int64_t now)
{
	const bool has_calls = d->config->fallback.tiers.n > 0;
	const struct job_stage stage = {.opened_at = db_get_time(r, 5),
					.deadline_at = db_get_time(r, 6),
					.n_open = db_get_int(r, 7),
					.calls_from = db_get_time(r, 8)};
	const int64_t n_ready = db_get_int(r, 4), n_marked = db_get_int(r, 9);
	struct plan_candidate c = {
		.job_id = db_get_int(r, 0),
		.account_id = db_get_int(r, 1),
		.recipe_id = db_get_int(r, 2),
		.ready_since = db_get_time(r, 3),
		.latest_start = batch_latest_start(d->config, &d->load, &stage),
		.deadline_at = stage.deadline_at,
	};
	const bool is_late =
		now >= batch_calls_start(d->config, &d->load, &stage, n_ready, c.ready_since);

	c.which = !has_calls || is_late ? PLAN_ALL : for_calls ? PLAN_MARKED : PLAN_UNMARKED;
	if (c.which == PLAN_MARKED)
		c.n_ready = (uint32_t)n_marked;
	else if (c.which == PLAN_UNMARKED)
		c.n_ready = (uint32_t)(n_ready - n_marked);
	else if ((has_calls && is_late) == for_calls)
		c.n_ready = (uint32_t)n_ready;
	return c;
}

static bool is_wanted(struct daemon *d, const struct candidate_query *q,
		      const struct plan_candidate *c)
{
	return c->n_ready > 0 && !is_put_off(d->candidates, c->job_id) && q->wants(d, c, q->arg);
}

int candidates_read(struct daemon *d, const struct candidate_query *q, struct err *err)
{
	const int64_t now = daemon_now(d);
	struct db_rows *r;
	size_t n = 0;

	if (db_query(d->db, STMT_PLAN_CANDIDATES,
		     DB_P(db_time(now), db_time(now), db_int(d->config->budget.job),
			  db_int(d->config->budget.day)),
		     &r, err) < 0)
		return -1;
	while (n < q->max && db_next(r)) {
		q->out[n] = candidate(d, r, q->for_calls, now);
		n += is_wanted(d, q, &q->out[n]);
	}
	db_rows_free(&r);
	return (int)n;
}
