/* SPDX-License-Identifier: ISC */
#include "batchd/tell.h"

#include <stdlib.h>

#include "batchd/telling.h"
#include "common/log.h"
#include "common/must.h"
#include "core/timemath.h"

#define PROGRESS_EVERY (60 * T_S)
#define PAGE           1000 /* LIMIT of the statements that list jobs */

/* What a job was last told of its items that wait (what: NULL: none do), and of its deadline. */
struct waiting {
	int64_t job, at;
	const char *what, *action; /* static */
	bool at_risk;
};

struct waiting_list { /* by job */
	struct waiting *items;
	size_t n, cap;
};

struct teller {
	bool all;
	int64_t *soon;
	size_t n_soon, soon_cap;
	/* as told in the pass before; and in the present one, which is at this job */
	struct waiting_list before, now;
	int64_t after_job;
};

struct teller *teller_new(void)
{
	return must(calloc(1, sizeof(struct teller)));
}

static void clear(struct teller *t)
{
	free(t->soon);
	free(t->before.items);
	free(t->now.items);
	*t = (struct teller){0};
}

void teller_free(struct teller **t)
{
	if (*t)
		clear(*t);
	free(*t);
	*t = NULL;
}

/* True where it was told, or has nothing to be told any more. */
static bool tell_job(struct daemon *d, int64_t job)
{
	struct err err;

	if (telling_store(d, job, &err) == 0)
		return true;
	log_warning("job not told job=%lld error=\"%s\"", (long long)job, err.text);
	return false;
}

/* --- what concerns jobs --- */

void tell_all(struct daemon *d)
{
	d->teller->all = true;
}

void tell_soon(struct daemon *d, int64_t job)
{
	struct teller *t = d->teller;

	for (size_t i = 0; i < t->n_soon; i++) {
		if (t->soon[i] == job)
			return;
	}
	if (t->n_soon == t->soon_cap) {
		t->soon_cap = t->soon_cap ? 2 * t->soon_cap : 16;
		t->soon = must(realloc(t->soon, t->soon_cap * sizeof(*t->soon)));
	}
	t->soon[t->n_soon++] = job;
}

static void tell_those_named(struct daemon *d)
{
	struct teller *t = d->teller;
	size_t kept = 0;

	for (size_t i = 0; i < t->n_soon; i++) {
		if (!tell_job(d, t->soon[i]))
			t->soon[kept++] = t->soon[i]; /* in the next tick */
		daemon_breathe(d);
	}
	t->n_soon = kept;
}

/* Every running job; false where some were not told. */
static bool tell_running(struct daemon *d)
{
	int64_t after = 0;
	bool all = true, more = true;
	struct db_rows *r;
	struct err err;

	while (more && lease_held(&d->lease)) {
		if (db_query(d->db, STMT_TELL_RUNNING, DB_P(db_int(after)), &r, &err) < 0) {
			log_warning("jobs not read error=\"%s\"", err.text);
			return false;
		}
		more = db_rows_count(r) == PAGE;
		while (lease_held(&d->lease) && db_next(r)) {
			after = db_get_int(r, 0);
			all &= tell_job(d, after);
			daemon_breathe(d);
		}
		db_rows_free(&r);
	}
	return all;
}

/* --- what waits to be sent, and what time is left --- */

static int compare(const void *a, const void *b)
{
	const int64_t x = ((const struct waiting *)a)->job, y = ((const struct waiting *)b)->job;

	return (x > y) - (x < y);
}

static void add_waiting(struct waiting_list *l, const struct waiting *w)
{
	if (l->n == l->cap) {
		l->cap = l->cap ? 2 * l->cap : 64;
		l->items = must(realloc(l->items, l->cap * sizeof(*l->items)));
	}
	l->items[l->n++] = *w;
}

/* Moves of the time alone are told when the one that was told has come. */
static bool is_told(const struct waiting *told, const struct waiting *w, int64_t now)
{
	return told && told->what == w->what && told->action == w->action &&
	       told->at_risk == w->at_risk && (told->at == w->at || told->at > now);
}

static const struct waiting *find_waiting(const struct waiting_list *l, const struct waiting *w)
{
	return l->n ? bsearch(w, l->items, l->n, sizeof(*w), compare) : NULL;
}

static void look_at_open(struct daemon *d, const struct tell_ready *job)
{
	struct teller *t = d->teller;
	const struct tell_wait wait = telling_ready(d, job);
	struct waiting w = {.job = job->job,
			    .what = wait.what,
			    .action = wait.action,
			    .at = wait.at,
			    .at_risk = telling_at_risk(d, job) != T_NEVER};
	const struct waiting *told = find_waiting(&t->before, &w);

	if (!w.what && !w.at_risk)
		return;
	if (is_told(told, &w, daemon_now(d)))
		w = *told;
	else if (!tell_job(d, w.job))
		return; /* in the next pass */
	add_waiting(&t->now, &w);
}

/* Of those that wait no more, and have time again; the others have ended. */
static void look_at_rest(struct daemon *d)
{
	struct teller *t = d->teller;
	const size_t n = t->now.n;

	for (size_t i = 0; i < t->before.n; i++) {
		const struct waiting *w = &t->before.items[i];
		const struct waiting_list seen = {.items = t->now.items, .n = n};

		if (find_waiting(&seen, w))
			continue;
		if (!tell_job(d, w->job))
			add_waiting(&t->now, w); /* in the next pass */
		daemon_breathe(d);
	}
	if (t->now.n > n)
		qsort(t->now.items, t->now.n, sizeof(*t->now.items), compare);
}

/* A page of the running jobs; those of several pages take several ticks. */
static void tell_open(struct daemon *d)
{
	struct teller *t = d->teller;
	struct waiting_list swap;
	struct db_rows *r;
	struct err err;
	bool more;

	if (db_query(d->db, STMT_TELL_OPEN, DB_P(db_int(t->after_job)), &r, &err) < 0) {
		log_warning("jobs not read error=\"%s\"", err.text);
		return;
	}
	more = db_rows_count(r) == PAGE;
	while (lease_held(&d->lease) && db_next(r)) {
		const struct tell_ready job = telling_read(r);

		t->after_job = job.job;
		look_at_open(d, &job);
		daemon_breathe(d);
	}
	db_rows_free(&r);
	if (more || !lease_held(&d->lease))
		return;
	look_at_rest(d);
	swap = t->before;
	t->before = t->now;
	t->now = swap;
	t->now.n = 0;
	t->after_job = 0;
}

void tell_tick(struct daemon *d)
{
	struct teller *t = d->teller;

	if (t->all)
		t->all = !tell_running(d);
	tell_those_named(d);
	tell_open(d);
}

/* --- news of a batch --- */

/* True where every job was told. */
static bool tell_each(struct daemon *d, int64_t batch_id)
{
	struct db_rows *r;
	struct err err;
	bool all = true;

	if (db_query(d->db, STMT_BATCH_JOBS, DB_P(db_int(batch_id)), &r, &err) < 0)
		return false;
	while (db_next(r)) {
		all &= tell_job(d, db_get_int(r, 0));
		daemon_breathe(d);
	}
	db_rows_free(&r);
	return all;
}

static struct told *told_of(struct daemon *d, int64_t batch_id)
{
	struct told *t = d->told;

	while (t && t->batch_id != batch_id)
		t = t->next;
	return t;
}

void tell_forget(struct daemon *d, int64_t batch_id)
{
	struct told **at = &d->told;

	if (batch_id == 0)
		clear(d->teller);

	while (*at) {
		struct told *t = *at;

		if (batch_id == 0 || t->batch_id == batch_id) {
			*at = t->next;
			free(t);
		} else {
			at = &t->next;
		}
	}
}

/* Are there news worth a new version of the jobs? */
static bool is_news(const struct told *t, const struct batch_row *b, unsigned warnings, int64_t now)
{
	return !t || t->warnings != warnings || t->remote != b->remote ||
	       (b->progress_at > t->at && now >= t_add(t->at, PROGRESS_EVERY));
}

static void note(struct daemon *d, const struct batch_row *b, unsigned warnings, int64_t now)
{
	struct told *t = told_of(d, b->id);

	if (!t) {
		t = must(calloc(1, sizeof(*t)));
		t->batch_id = b->id;
		t->next = d->told;
		d->told = t;
	}
	t->at = now;
	t->warnings = warnings;
	t->remote = b->remote;
}

void tell_jobs(struct daemon *d, const struct batch_row *b, const struct decision *next)
{
	const int64_t now = daemon_now(d);

	if (b->phase != BATCH_CLOSED && is_news(told_of(d, b->id), b, next->warnings, now) &&
	    tell_each(d, b->id))
		note(d, b, next->warnings, now);
}

void tell_jobs_of(struct daemon *d, int64_t batch_id)
{
	struct batch_row b;
	struct batch_view v;
	struct decision next;
	struct policy p;
	struct err err;

	if (batch_row_read(d->db, batch_id, &b, &err) < 1)
		return;
	p = batch_policy(d->config, b.n_items);
	if (batch_view_read(d->db, d->config, &d->load, &b, &v, &err) < 0)
		return;
	next = batch_decide(&v, &p, daemon_now(d));
	tell_jobs(d, &b, &next);
}

void tell_closed(struct daemon *d, int64_t batch_id)
{
	tell_forget(d, batch_id);
	tell_each(d, batch_id);
}
