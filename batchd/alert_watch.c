/* SPDX-License-Identifier: ISC */
#include "batchd/alert_watch.h"

#include <stdio.h>

#include "batchd/alert_private.h"
#include "common/clock.h"
#include "common/log.h"
#include "core/money.h"
#include "core/timemath.h"

#define LOOK_TICKS  10
#define COUNT_TICKS 60
/* Where more jobs are at risk than this, one more alert is of no use to anybody. */
#define AT_RISK_MOST 1000
/* Of a batchd that was away for longer it is no news how jobs ended. */
#define NEWS_AGE T_DAY
/* A transaction that began so long ago may still show an earlier change. */
#define LATE_COMMIT (10 * T_S)

void alert_heed_batch(struct daemon *d, const struct batch_row *b, unsigned warnings)
{
	const struct alert_subject subject = alert_subject_batch(b->id);

	for (unsigned w = WARN_OLD; *warning_code((enum warning)w); w *= 2) {
		const int kind = alert_kind_find(warning_code((enum warning)w));

		if (kind < 0)
			continue;
		if (warnings & w)
			alert_raise(d, (enum alert_kind)kind, subject.text,
				    "%lld of %lld requests done, %s", (long long)b->remote_done,
				    (long long)b->n_items,
				    b->remote_status[0] ? b->remote_status : "not seen yet");
		else
			alert_clear(d, (enum alert_kind)kind, subject.text);
	}
}

/* All that is so of a kind: what has no row any more is over. */
static int look_at_all(struct daemon *d, enum alert_kind kind, enum stmt s,
		       const struct db_val *params, size_t n,
		       void (*heed)(struct daemon *d, const struct db_rows *r), struct err *err)
{
	struct db_rows *r;

	if (db_query(d->db, s, params, n, &r, err) < 0)
		return -1;
	alert_round_begin(d, kind);
	while (db_next(r))
		heed(d, r);
	alert_round_end(d, kind);
	db_rows_free(&r);
	return 0;
}

/* Those that ended while nobody cleared their warnings. */
static int look_at_closed(struct daemon *d, struct err *err)
{
	struct db_rows *r;

	if (db_query(d->db, STMT_ALERTS_OF_CLOSED, DB_NONE, &r, err) < 0)
		return -1;
	while (db_next(r)) {
		const int kind = alert_kind_find(db_get_text(r, 0, NULL));

		if (kind >= 0)
			alert_clear(d, (enum alert_kind)kind, db_get_text(r, 1, NULL));
	}
	db_rows_free(&r);
	return 0;
}

/* --- jobs --- */

static void heed_end(struct daemon *d, const struct db_rows *r)
{
	const struct alert_subject s = alert_subject_job(db_get_text(r, 0, NULL));
	const bool is_partial = db_get_int(r, 1) != 0, has_failed = db_get_int(r, 2) != 0;
	const enum alert_kind kind = has_failed ? ALERT_JOB_FAILED : ALERT_JOB_PARTIAL;

	if (!has_failed)
		alert_clear(d, ALERT_JOB_FAILED, s.text);
	if (!is_partial)
		alert_clear(d, ALERT_JOB_PARTIAL, s.text);
	if ((is_partial || has_failed) && !db_get_int(r, 3))
		alert_raise(d, kind, s.text, "%lld of %lld items done", (long long)db_get_int(r, 4),
			    (long long)db_get_int(r, 5));
}

/*
 * Front ends end jobs too: so each job that changed is looked at, from a little before the last
 * look on; what was told is a row.
 */
static int look_at_ends(struct daemon *d, struct err *err)
{
	struct alerts *a = d->alerts;
	int64_t last = a->jobs_from;
	struct db_rows *r;

	if (!last)
		a->jobs_from = last = t_sub(daemon_now(d), NEWS_AGE);
	if (db_query(d->db, STMT_ALERT_JOBS_CHANGED, DB_P(db_time(last)), &r, err) < 0)
		return -1;
	while (db_next(r)) {
		heed_end(d, r);
		last = db_get_time(r, 6);
	}
	if (db_rows_count(r) < SLICE_ROWS)
		a->jobs_from = t_max(a->jobs_from, t_sub(daemon_now(d), LATE_COMMIT));
	else
		a->jobs_from = t_max(last, a->jobs_from + 1);
	db_rows_free(&r);
	return 0;
}

static void heed_deadline(struct daemon *d, const struct db_rows *r)
{
	const int64_t n_open = db_get_int(r, 3);
	const struct job_stage stage = {.opened_at = db_get_time(r, 1),
					.deadline_at = db_get_time(r, 2),
					.n_open = n_open};
	char deadline[RFC3339_SIZE];

	if (n_open == 0 || daemon_now(d) < batch_risk_at(d->config, &d->load, &stage) ||
	    d->alerts->n_at_risk == AT_RISK_MOST)
		return;
	d->alerts->n_at_risk++;
	rfc3339_format(db_get_time(r, 2), deadline);
	alert_raise(d, ALERT_DEADLINE_AT_RISK, alert_subject_job(db_get_text(r, 0, NULL)).text,
		    "%lld of %lld items are open, its deadline is %s", (long long)n_open,
		    (long long)db_get_int(r, 4), deadline);
}

static int look_at_deadlines(struct daemon *d, struct err *err)
{
	d->alerts->n_at_risk = 0;
	return look_at_all(d, ALERT_DEADLINE_AT_RISK, STMT_ALERT_JOBS_RUNNING, DB_NONE,
			   heed_deadline, err);
}

/* --- the rest --- */

static void heed_orphan(struct daemon *d, const struct db_rows *r)
{
	char subject[ALERT_SUBJECT_SIZE];

	snprintf(subject, sizeof(subject), "remote:%.200s", db_get_text(r, 0, NULL));
	alert_raise(d, ALERT_UNKNOWN_BATCH, subject, "%s at the provider", db_get_text(r, 1, NULL));
}

static int look_at_orphans(struct daemon *d, struct err *err)
{
	return look_at_all(d, ALERT_UNKNOWN_BATCH, STMT_ALERT_ORPHANS, DB_NONE, heed_orphan, err);
}

static void heed_day(struct daemon *d, const struct db_rows *r)
{
	char subject[80];

	snprintf(subject, sizeof(subject), "account:%s", db_get_text(r, 0, NULL));
	alert_raise(d, ALERT_BUDGET_DAY, subject,
		    "its jobs wait for the next day (UTC), or for a larger budget");
}

/* Accounts whose day is spent: another day has none yet. */
static int look_at_days(struct daemon *d, struct err *err)
{
	return look_at_all(d, ALERT_BUDGET_DAY, STMT_ALERT_DAYS,
			   DB_P(db_time(money_day(daemon_now(d)))), heed_day, err);
}

static void look_at_memory(struct daemon *d)
{
	const int64_t aside = unit_put_aside(&d->unit);
	char until[RFC3339_SIZE];

	alert_round_begin(d, ALERT_WORK_SKIPPED);
	if (aside)
		alert_raise(d, ALERT_WORK_SKIPPED, alert_subject_batch(aside).text,
			    "batchd died %lld times over it", (long long)d->unit.deaths);
	alert_round_end(d, ALERT_WORK_SKIPPED);
	if (d->is_foreign)
		alert_raise(d, ALERT_FOREIGN_STATE, "", "daemon.state_dir bears another mark");
	else
		alert_clear(d, ALERT_FOREIGN_STATE, "");
	if (daemon_distrusts_clock(d)) {
		rfc3339_format(d->no_close_before, until);
		alert_raise(d, ALERT_CLOCK_JUMP, "", "nothing ends by it until %s", until);
	} else {
		alert_clear(d, ALERT_CLOCK_JUMP, "");
	}
}

static void heed_count(struct daemon *d, const char *what, const char *words, int64_t n)
{
	if (n > 0)
		alert_raise(d, ALERT_INVARIANT_BROKEN, what, "%lld %s", (long long)n, words);
	else
		alert_clear(d, ALERT_INVARIANT_BROKEN, what);
}

/* I1: what outlived its clock. */
static int count_overdue(struct daemon *d, struct err *err)
{
	const int64_t job_grace = alert_job_grace(d->config->daemon.tick);
	struct db_rows *r;

	if (daemon_distrusts_clock(d))
		return 0;
	if (db_query(d->db, STMT_ALERT_OVERDUE, DB_P(db_int(job_grace), db_int(ALERT_BATCH_GRACE)),
		     &r, err) < 0)
		return -1;
	if (db_next(r)) {
		heed_count(d, "overdue_jobs", "jobs run past their deadline", db_get_int(r, 0));
		heed_count(d, "overdue_batches", "batches wait for a look that was due",
			   db_get_int(r, 1));
	}
	db_rows_free(&r);
	return 0;
}

static bool is_time(struct daemon *d, int64_t *last, int64_t ticks)
{
	const int64_t now = clock_boot();

	if (*last && now < t_add(*last, t_mul(d->config->daemon.tick, ticks)))
		return false;
	*last = now;
	return true;
}

void alert_watch(struct daemon *d)
{
	static int (*const looks[])(struct daemon * d,
				    struct err * err) = {look_at_closed, look_at_ends,
							 look_at_deadlines, look_at_orphans,
							 look_at_days};
	struct err err;

	if (is_time(d, &d->alerts->looked_at, LOOK_TICKS)) {
		for (size_t i = 0; i < sizeof(looks) / sizeof(looks[0]); i++)
			if (looks[i](d, &err) < 0)
				log_warning("alerts not looked for error=\"%s\"", err.text);
		look_at_memory(d);
	}
	if (is_time(d, &d->alerts->counted_at, COUNT_TICKS) && count_overdue(d, &err) < 0)
		log_warning("alerts not looked for error=\"%s\"", err.text);
}
