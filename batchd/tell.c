/* SPDX-License-Identifier: ISC */
#include "batchd/tell.h"

#include <stdlib.h>

#include "batchd/telling.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/must.h"
#include "core/timemath.h"

#define PROGRESS_EVERY (60 * T_S)
#define PAGE           1000 /* LIMIT of the statements that list jobs */
/* A tick's telling: jobs that are due to end do not wait for more. */
#define TELL_MOST 100
#define TELL_TIME (200 * T_MS)

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

/* Jobs by id; in any order, and more than once, until they are sorted. */
struct id_list {
	int64_t *ids;
	size_t n, cap;
};

struct teller {
	int64_t left, until; /* of this tick: jobs, and its time by the boot clock */
	bool all, again;     /* every running job is told; and anew after that */
	int64_t all_after;   /* up to this one they are */
	struct id_list soon;
	bool is_clock_distrusted; /* as they were last told */
	int64_t soon_after; /* where the last tick's telling stopped: nobody is always the last */
	/* as told in the pass before; and in the present one, which is at this job */
	struct waiting_list before, now;
	int64_t after_job;
};

struct teller *teller_new(void)
{
	struct teller *t = must(calloc(1, sizeof(*t)));

	t->again = true;
	return t;
}

/* What another batchd told last is not known: all are told anew. */
static void clear(struct teller *t)
{
	free(t->soon.ids);
	free(t->before.items);
	free(t->now.items);
	*t = (struct teller){.again = true};
}

void teller_free(struct teller **t)
{
	if (*t)
		clear(*t);
	free(*t);
	*t = NULL;
}

static bool has_time(const struct daemon *d)
{
	return d->teller->left > 0 && clock_boot() < d->teller->until && lease_held(&d->lease);
}

/* True where it was told, or has nothing to be told any more. */
static bool tell_job(struct daemon *d, int64_t job)
{
	struct err err;
	const int rc = telling_store(d, job, &err);

	d->teller->left--;
	daemon_breathe(d);
	if (rc < 0)
		log_warning("job not told job=%lld error=\"%s\"", (long long)job, err.text);
	return rc == 0;
}

/* --- what concerns jobs --- */

void tell_all(struct daemon *d)
{
	d->teller->again = true;
}

static void add_id(struct id_list *l, int64_t id)
{
	if (l->n == l->cap) {
		l->cap = l->cap ? 2 * l->cap : 16;
		l->ids = must(realloc(l->ids, l->cap * sizeof(*l->ids)));
	}
	l->ids[l->n++] = id;
}

void tell_soon(struct daemon *d, int64_t job)
{
	add_id(&d->teller->soon, job);
}

/* At once where there is time for it. */
static void tell_now(struct daemon *d, int64_t job)
{
	if (!has_time(d) || !tell_job(d, job))
		tell_soon(d, job);
}

static int compare_ids(const void *a, const void *b)
{
	const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* By id, each once. */
static void sort_ids(struct id_list *l)
{
	size_t kept = 0;

	if (l->n > 0)
		qsort(l->ids, l->n, sizeof(*l->ids), compare_ids);
	for (size_t i = 0; i < l->n; i++) {
		if (kept == 0 || l->ids[i] != l->ids[kept - 1])
			l->ids[kept++] = l->ids[i];
	}
	l->n = kept;
}

/* From the one behind the last that was told, around; who is not told stays in the list. */
static void tell_those_named(struct daemon *d)
{
	struct teller *t = d->teller;
	struct id_list named = t->soon;
	size_t first = 0;

	sort_ids(&named);
	while (first < named.n && named.ids[first] <= t->soon_after)
		first++;
	t->soon = (struct id_list){.ids = NULL};
	for (size_t i = 0; i < named.n; i++) {
		const int64_t job = named.ids[(first + i) % named.n];

		if (has_time(d))
			t->soon_after = job;
		tell_now(d, job);
	}
	free(named.ids);
}

/* A page of them, as far as the time goes; who fails is told with those named. */
static void tell_running(struct daemon *d)
{
	struct teller *t = d->teller;
	struct db_rows *r;
	struct err err;
	bool more;

	if (db_query(d->db, STMT_TELL_RUNNING, DB_P(db_int(t->all_after)), &r, &err) < 0) {
		log_warning("jobs not read error=\"%s\"", err.text);
		return;
	}
	more = db_rows_count(r) == PAGE;
	while (has_time(d) && db_next(r)) {
		t->all_after = db_get_int(r, 0);
		tell_now(d, t->all_after);
	}
	t->all = more || !has_time(d);
	db_rows_free(&r);
}

/* News of all begin a round of their own: what was told in this one is told again. */
static void tell_those_running(struct daemon *d)
{
	struct teller *t = d->teller;

	if (!t->all && t->again) {
		t->all = true;
		t->again = false;
		t->all_after = 0;
	}
	if (t->all && has_time(d))
		tell_running(d);
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
	else
		tell_now(d, w.job);
	add_waiting(&t->now, &w);
}

/* Of those that wait no more, and have time again; the others have ended. */
static void look_at_rest(struct daemon *d)
{
	struct teller *t = d->teller;

	for (size_t i = 0; i < t->before.n; i++) {
		const struct waiting *w = &t->before.items[i];

		if (!find_waiting(&t->now, w))
			tell_now(d, w->job);
	}
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

bool tell_is_idle(const struct daemon *d)
{
	const struct teller *t = d->teller;

	return t->soon.n == 0 && !t->all && !t->again;
}

void tell_tick(struct daemon *d)
{
	struct teller *t = d->teller;

	if (t->is_clock_distrusted != daemon_distrusts_clock(d)) {
		t->is_clock_distrusted = !t->is_clock_distrusted;
		tell_all(d);
	}
	t->left = TELL_MOST;
	t->until = t_add(clock_boot(), TELL_TIME);
	tell_those_named(d);
	tell_those_running(d);
	tell_open(d);
}

/* --- news of a batch --- */

/* False where its jobs are not known. */
static bool tell_each(struct daemon *d, int64_t batch_id)
{
	struct db_rows *r;
	struct err err;

	if (db_query(d->db, STMT_BATCH_JOBS, DB_P(db_int(batch_id)), &r, &err) < 0)
		return false;
	while (db_next(r))
		tell_now(d, db_get_int(r, 0));
	db_rows_free(&r);
	return true;
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
