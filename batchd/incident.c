/* SPDX-License-Identifier: ISC */
#include "batchd/incident.h"

#include <stdlib.h>

#include "batchd/alert.h"
#include "batchd/tell.h"
#include "common/log.h"
#include "common/must.h"
#include "core/incident.h"
#include "core/timemath.h"

/* What closed longer ago says nothing of now. */
#define NEWS_AGE T_DAY

struct incident {
	bool is_read;
	int64_t since, step_at, trial; /* 0: none */
	bool may_try;
	int64_t next_at; /* when to look again */
};

struct incident *incident_new(void)
{
	return must(calloc(1, sizeof(struct incident)));
}

void incident_free(struct incident **i)
{
	free(*i);
	*i = NULL;
}

void incident_reset(struct incident *i)
{
	*i = (struct incident){0};
}

int64_t incident_since(const struct incident *i)
{
	return i->since;
}

bool incident_holds(const struct incident *i)
{
	return !i->is_read || (i->since && (!i->may_try || i->trial));
}

/* --- what is stored --- */

static int read_stored(struct daemon *d, struct err *err)
{
	struct incident *i = d->incident;
	struct db_rows *r;

	if (db_query(d->db, STMT_INCIDENT_READ, DB_NONE, &r, err) < 0)
		return -1;
	if (db_next(r)) {
		i->since = db_get_time(r, 0);
		i->step_at = db_get_time(r, 1);
		i->may_try = db_get_int(r, 2) != 0;
		i->trial = db_get_int(r, 3);
		i->is_read = true;
	}
	db_rows_free(&r);
	if (i->since) /* a successor may have told them otherwise */
		tell_all(d);
	return 0;
}

static int store(struct daemon *d, struct db *db, const struct incident *i, struct err *err)
{
	return db_exec(db, STMT_INCIDENT_STORE,
		       DB_P(db_time(i->since), db_time(i->step_at), db_int(i->may_try),
			    i->trial ? db_int(i->trial) : db_null(), db_int(d->lease.epoch)),
		       err) < 0
		       ? -1
		       : 0;
}

int incident_begun(struct daemon *d, struct db *db, int64_t batch_id, struct err *err)
{
	struct incident next = *d->incident;

	if (!next.since)
		return 0;
	next.trial = batch_id;
	next.step_at = daemon_now(d);
	d->incident->is_read = false; /* nothing is begun until it is known whether this was */
	d->incident->next_at = 0;
	return store(d, db, &next, err);
}

/* --- the look --- */

static int64_t stalls_at(const struct daemon *d, int64_t n_items, int64_t progress_at)
{
	return t_add(progress_at, config_policy_for(d->config, n_items)->stall_after);
}

static int look_at_batches(struct daemon *d, struct incident_view *v, int64_t now, struct err *err)
{
	struct db_rows *r;

	if (db_query(d->db, STMT_INCIDENT_BATCHES, DB_NONE, &r, err) < 0)
		return -1;
	while (db_next(r)) {
		const int64_t progress_at = db_get_time(r, 1);

		v->n_running++;
		if (now >= stalls_at(d, db_get_int(r, 0), progress_at)) {
			v->n_stalled++;
			v->stalled_since = t_max(v->stalled_since, progress_at);
		}
		if (db_get_int(r, 2))
			v->moved_at = t_max(v->moved_at, progress_at);
	}
	db_rows_free(&r);
	if (db_query(d->db, STMT_INCIDENT_MOVED, DB_P(db_time(t_sub(now, NEWS_AGE))), &r, err) < 0)
		return -1;
	if (db_next(r))
		v->moved_at = t_max(v->moved_at, db_get_time(r, 0));
	db_rows_free(&r);
	return 0;
}

static int look_at_trial(struct daemon *d, struct incident_view *v, int64_t now, struct err *err)
{
	struct db_rows *r;

	if (!v->has_trial)
		return 0;
	if (db_query(d->db, STMT_INCIDENT_TRIAL, DB_P(db_int(d->incident->trial)), &r, err) < 0)
		return -1;
	v->trial_over = true;
	if (db_next(r)) {
		v->trial_moved = db_get_int(r, 1) != 0;
		v->trial_over = db_get_int(r, 0) ||
				now >= stalls_at(d, db_get_int(r, 2), db_get_time(r, 3));
	}
	db_rows_free(&r);
	return 0;
}

/* The jobs of stalled batches are told otherwise now. */
static void announce(struct daemon *d, const struct incident_view *v)
{
	if (d->incident->since)
		log_err("provider incident stalled=%u running=%u", v->n_stalled, v->n_running);
	else
		log_notice("provider incident over");
	tell_all(d);
}

/* Each time: a successor knows of no alert, and a predecessor may have left one. */
static void alert(struct daemon *d, const struct incident_view *v)
{
	if (d->incident->since)
		alert_raise(d, ALERT_INCIDENT, "", "%u of %u running batches make no progress",
			    v->n_stalled, v->n_running);
	else
		alert_clear(d, ALERT_INCIDENT, "");
}

static int take_step(struct daemon *d, const struct incident_view *v, enum incident_step step,
		     int64_t now, struct err *err)
{
	struct incident next = *d->incident;

	next.step_at = now;
	next.trial = 0;
	next.may_try = step == INCIDENT_TRY;
	if (step == INCIDENT_BEGIN)
		next.since = now;
	if (step == INCIDENT_END)
		next.since = next.step_at = 0;
	if (store(d, d->db, &next, err) < 0)
		return -1;
	*d->incident = next;
	if (step == INCIDENT_BEGIN || step == INCIDENT_END)
		announce(d, v);
	else
		log_info("provider incident %s",
			 step == INCIDENT_TRY ? "one batch may be tried" : "the trial failed");
	return 0;
}

static int look(struct daemon *d, int64_t now, struct err *err)
{
	struct incident *i = d->incident;
	struct incident_view v = {0};
	enum incident_step step;

	v.since = i->since;
	v.step_at = i->step_at;
	v.may_try = i->may_try;
	v.has_trial = i->trial != 0;
	if (look_at_batches(d, &v, now, err) < 0 || look_at_trial(d, &v, now, err) < 0)
		return -1;
	step = incident_decide(&v, config_policy_for(d->config, 1)->stall_after, now);
	if (step != INCIDENT_KEEP && take_step(d, &v, step, now, err) < 0)
		return -1;
	alert(d, &v);
	return 0;
}

void incident_tick(struct daemon *d)
{
	struct incident *i = d->incident;
	const int64_t now = daemon_now(d);
	struct err err;

	/* Before anything may be sent: the only tick of a single pass comes before that. */
	if (!i->is_read && read_stored(d, &err) < 0) {
		log_warning("incident not read error=\"%s\"", err.text);
		return;
	}
	/* What was not looked at, or by a clock that jumped, does not stand still. */
	if (now < i->next_at || !daemon_may_send(d) || daemon_distrusts_clock(d))
		return;
	i->next_at = t_add(now, d->config->batch.poll_interval);
	if (look(d, now, &err) < 0) {
		i->next_at = 0;
		log_warning("incident not looked for error=\"%s\"", err.text);
	}
}
