/* SPDX-License-Identifier: ISC */
/* The counts of jobs within one transaction (batchd/items.h). */
#include "batchd/items.h"
#include "common/must.h"

#include <stdlib.h>

#include "common/must.h"
#include "core/limits.h"
#include "core/timemath.h"

struct day_money {
	int64_t day;
	struct money_move move;
};

struct job_tally {
	int64_t job;
	bool running;
	enum job_end end;
	bool recount;           /* the deltas are not certain: count the items instead */
	int64_t n_translations; /* languages but the description */
	struct job_stage stage;
	int64_t delta[LIMIT_LANGUAGES + 1][ITEM_STATE_COUNT];
	int64_t by_call[LIMIT_LANGUAGES + 1]; /* of the ready ones */
	int64_t repeating[LIMIT_LANGUAGES + 1], to_repeat[LIMIT_LANGUAGES + 1];
	struct job_patch patch;
	bool has_money; /* what follows is to be written */
	struct money_move money;
	int64_t need[TASK_COUNT]; /* -1: as it is */
	struct day_money *days;
	size_t n_days;
};

struct tally {
	struct job_tally **jobs;
	size_t n, cap;
	bool keep_open; /* nothing ends by the clock now */
};

struct tally *tally_new(const struct daemon *d)
{
	struct tally *t = must(calloc(1, sizeof(struct tally)));

	t->keep_open = daemon_distrusts_clock(d);
	return t;
}

void tally_free(struct tally **t)
{
	if (!*t)
		return;
	for (size_t i = 0; i < (*t)->n; i++) {
		free((*t)->jobs[i]->days);
		free((*t)->jobs[i]);
	}
	free((*t)->jobs);
	free(*t);
	*t = NULL;
}

static struct job_tally *find(const struct tally *t, int64_t job)
{
	for (size_t i = t->n; i > 0; i--) { /* neighbours in a file often share a job */
		if (t->jobs[i - 1]->job == job)
			return t->jobs[i - 1];
	}
	return NULL;
}

/* A job that was locked before: anything else is a mistake of the caller. */
static struct job_tally *held(const struct tally *t, int64_t job)
{
	return must(find(t, job));
}

size_t tally_jobs(const struct tally *t)
{
	return t->n;
}

int64_t tally_job(const struct tally *t, size_t i)
{
	return t->jobs[i]->job;
}

const char *tally_end_code(const struct tally *t, int64_t job)
{
	return job_end_codes[held(t, job)->end];
}

int64_t tally_translations(const struct tally *t, int64_t job)
{
	return held(t, job)->n_translations;
}

int tally_lock(struct tally *t, struct db *db, int64_t job, bool *running, struct err *err)
{
	struct job_tally *j = find(t, job);
	struct db_rows *r;

	if (!j) {
		if (db_query(db, STMT_TALLY_LOCK, DB_P(db_int(job)), &r, err) < 0)
			return -1;
		if (!db_next(r)) {
			db_rows_free(&r);
			return err_set(err, ERR_BUG, 0, "there is no job %lld", (long long)job);
		}
		j = must(calloc(1, sizeof(*j)));
		j->job = job;
		for (int task = 0; task < TASK_COUNT; task++)
			j->need[task] = -1;
		j->patch.keep_open = t->keep_open;
		j->running = db_get_int(r, 0) != 0;
		j->n_translations = db_get_int(r, 1);
		if (!db_is_null(r, 2))
			j->end = (enum job_end)name_find(job_end_codes, JOB_END_COUNT,
							 db_get_text(r, 2, NULL));
		j->stage = (struct job_stage){.opened_at = db_get_time(r, 3),
					      .deadline_at = db_get_time(r, 4),
					      .calls_from = db_get_time(r, 5),
					      .n_open = db_get_int(r, 6)};
		db_rows_free(&r);
		if (t->n == t->cap) {
			t->cap = t->cap ? 2 * t->cap : 16;
			t->jobs = must(realloc(t->jobs, t->cap * sizeof(struct job_tally *)));
		}
		t->jobs[t->n++] = j;
	}
	if (running)
		*running = j->running;
	return 0;
}

void tally_move(struct tally *t, int64_t job, int64_t language, enum item_state from,
		enum item_state to, int64_t n)
{
	struct job_tally *j = held(t, job);

	j->delta[language][from] -= n;
	j->delta[language][to] += n;
}

void tally_by_call(struct tally *t, int64_t job, int64_t language, int64_t n)
{
	held(t, job)->by_call[language] += n;
}

void tally_repeat(struct tally *t, int64_t job, int64_t language, int64_t repeating,
		  int64_t to_send)
{
	struct job_tally *j = held(t, job);

	j->repeating[language] += repeating;
	j->to_repeat[language] += to_send;
}

const struct job_stage *tally_stage(const struct tally *t, int64_t job)
{
	return &held(t, job)->stage;
}

struct job_patch *tally_patch(struct tally *t, int64_t job)
{
	return &held(t, job)->patch;
}

static struct day_money *day_of(struct job_tally *j, int64_t day)
{
	for (size_t i = 0; i < j->n_days; i++) {
		if (j->days[i].day == day)
			return &j->days[i];
	}
	j->days = must(realloc(j->days, (j->n_days + 1) * sizeof(*j->days)));
	j->days[j->n_days] = (struct day_money){.day = day};
	return &j->days[j->n_days++];
}

void tally_money(struct tally *t, int64_t job, int64_t day, struct money_move move)
{
	struct job_tally *j = held(t, job);
	struct day_money *d;

	j->has_money = true;
	j->money.reserved += move.reserved;
	j->money.presumed += move.presumed;
	for (int task = 0; task < TASK_COUNT; task++)
		j->need[task] = t_max(j->need[task], 0);
	if (!day)
		return;
	d = day_of(j, day);
	d->move.cost += move.cost;
	d->move.reserved += move.reserved;
	d->move.presumed += move.presumed;
}

void tally_release(struct tally *t, int64_t job, int64_t day, int64_t amount, bool was_open,
		   bool keeps)
{
	const struct money_move move = {.reserved = was_open ? -amount : 0,
					.presumed = (keeps ? amount : 0) - (was_open ? 0 : amount)};

	tally_money(t, job, day, move);
}

void tally_need(struct tally *t, int64_t job, enum task task, int64_t need)
{
	struct job_tally *j = held(t, job);

	j->has_money = true;
	j->need[task] = need;
}

/*
 * All translations of a lot are blocked while its description is open;
 * where that was not so, count.
 */
static void blocked_moved(struct tally *t, int64_t job, enum item_state to)
{
	const struct job_tally *j = held(t, job);

	for (int64_t no = 1; no <= j->n_translations; no++)
		tally_move(t, job, no, ITEM_BLOCKED, to, 1);
}

void tally_recount(struct tally *t, int64_t job)
{
	held(t, job)->recount = true;
}

static void recount_all(struct tally *t)
{
	for (size_t i = 0; i < t->n; i++)
		t->jobs[i]->recount = true;
}

int tally_fail_blocked(struct tally *t, struct db *db, const struct lot_key *lots, size_t n,
		       struct err *err)
{
	int64_t expected = 0, moved;
	struct db_val *v;

	if (n == 0)
		return 0;
	v = must(calloc(n, 2 * sizeof(*v)));
	for (size_t i = 0; i < n; i++) {
		v[2 * i] = db_int(lots[i].job);
		v[2 * i + 1] = db_int(lots[i].seq);
		expected += held(t, lots[i].job)->n_translations;
		blocked_moved(t, lots[i].job, ITEM_FAILED);
	}
	moved = db_bulk(db, STMT_ITEM_FAIL_BLOCKED, v, n, err);
	free(v);
	if (moved != expected)
		recount_all(t);
	return moved < 0 ? -1 : 0;
}

int tally_unblock(struct tally *t, struct db *db, const struct lot_unblock *lots, size_t n,
		  struct err *err)
{
	int64_t expected = 0, moved;
	struct db_val *v;

	if (n == 0)
		return 0;
	v = must(calloc(n, 4 * sizeof(*v)));
	for (size_t i = 0; i < n; i++) {
		v[4 * i] = db_int(lots[i].bytes);
		v[4 * i + 1] = db_int(lots[i].tokens);
		v[4 * i + 2] = db_int(lots[i].job);
		v[4 * i + 3] = db_int(lots[i].seq);
		expected += held(t, lots[i].job)->n_translations;
		blocked_moved(t, lots[i].job, ITEM_READY);
	}
	moved = db_bulk(db, STMT_ITEM_UNBLOCK, v, n, err);
	free(v);
	if (moved != expected)
		recount_all(t);
	return moved < 0 ? -1 : 0;
}

static int apply_counts(const struct job_tally *j, struct db *db, int64_t now, int64_t ready_at,
			struct err *err)
{
	for (int64_t no = 0; no <= j->n_translations; no++) {
		const int64_t *d = j->delta[no];

		if (!d[ITEM_READY] && !d[ITEM_SENT] && !d[ITEM_DONE] && !d[ITEM_FAILED] &&
		    !j->by_call[no] && !j->repeating[no] && !j->to_repeat[no])
			continue;
		if (db_exec(db, STMT_JOB_LANGUAGE_ADD,
			    DB_P(db_int(d[ITEM_READY]), db_int(ready_at > now), db_time(ready_at),
				 db_int(d[ITEM_READY]), db_int(j->by_call[no]),
				 db_int(d[ITEM_SENT]), db_int(d[ITEM_DONE]), db_int(d[ITEM_FAILED]),
				 db_int(j->repeating[no]), db_int(j->to_repeat[no]), db_int(j->job),
				 db_int(no)),
			    err) < 0)
			return -1;
	}
	return 0;
}

static struct db_val need_value(int64_t need)
{
	return need < 0 ? db_null() : db_int(need);
}

static int apply_money(const struct job_tally *j, struct db *db, struct err *err)
{
	if (!j->has_money)
		return 0;
	if (db_exec(db, STMT_MONEY_OF_JOB,
		    DB_P(db_int(j->money.reserved), db_int(j->money.presumed),
			 need_value(j->need[TASK_DESCRIBE]), need_value(j->need[TASK_TRANSLATE]),
			 db_int(j->job)),
		    err) < 0)
		return -1;
	for (size_t i = 0; i < j->n_days; i++) {
		const struct day_money *d = &j->days[i];

		if (db_exec(db, STMT_MONEY_DAY, DB_P(db_time(d->day), db_int(j->job)), err) < 0 ||
		    db_exec(db, STMT_MONEY_OF_DAY,
			    DB_P(db_int(d->move.cost), db_int(d->move.reserved),
				 db_int(d->move.presumed), db_int(j->job), db_time(d->day)),
			    err) < 0)
			return -1;
	}
	return 0;
}

int tally_apply(struct tally *t, struct db *db, int64_t now, int64_t ready_at, struct err *err)
{
	for (size_t i = 0; i < t->n; i++) {
		const struct job_tally *j = t->jobs[i];
		int rc;

		if (j->recount)
			rc = db_exec(db, STMT_JOB_RECOUNT,
				     DB_P(db_int(j->job), db_time(ready_at), db_int(j->job)),
				     err) < 0
				     ? -1
				     : 0;
		else
			rc = apply_counts(j, db, now, ready_at, err);
		if (rc < 0 || apply_money(j, db, err) < 0 ||
		    store_job_refresh(db, j->job, &j->patch, now, NULL, err) < 0)
			return -1;
	}
	return 0;
}
