/* SPDX-License-Identifier: ISC */
/* Synchronous calls for what batches did not answer in time (batchd/fallback.c, call.c). */
#include <stdlib.h>

#include "core/timemath.h"
#include "tests/sim/batchd.h"

#define TIERS 2 /* flex, then default */

static bool was_lost_before(const struct world *w, int32_t attempt)
{
	const struct attempt *a = &w->store.attempts[attempt];

	for (int32_t i = a->before; i != NONE; i = w->store.attempts[i].before) {
		if (w->store.attempts[i].call_lost)
			return true;
	}
	return false;
}

/* The answer is lost: it may have been paid for. Asked once more, and not again. */
static struct came lost(struct world *w, int32_t attempt)
{
	const bool again = was_lost_before(w, attempt);

	w->store.attempts[attempt].call_lost = true;
	return (struct came){.outcome = again ? OUTCOME_NEVER : OUTCOME_LATER};
}

/* Open calls of an earlier life: whether they ran is not known. */
static void recover(struct world *w)
{
	while (w->store.n_calls > 0) {
		const int32_t attempt = w->store.calls[0];
		const struct came came = lost(w, attempt);

		trace(w, w->store.items[w->store.attempts[attempt].item].job,
		      "the call of item %d is lost", w->store.attempts[attempt].item);
		settle(w, attempt, &came);
		store_commit(w, w->now);
	}
}

/* --- how long calls take --- */

static int by_deadline(const void *a, const void *b)
{
	const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

void calls_load(struct world *w)
{
	struct memory *m = memory_of(w);
	struct store *s = &w->store;
	int64_t jobs[1024][3];
	uint32_t n = 0;

	for (uint32_t i = 0; i < s->n_live && n < 1024; i++) {
		const struct job *j = &s->jobs[s->live[i]];
		const struct language_counts *d = &j->counts[0];
		const uint32_t descriptions = d->total - d->done - d->failed;

		jobs[n][0] = j->deadline_at;
		jobs[n][1] = descriptions;
		jobs[n++][2] = job_open_items(j) - descriptions;
	}
	if (n > 1)
		qsort(jobs, n, sizeof(jobs[0]), by_deadline);
	if (m->has_measured && measure_is_enough(&m->measure))
		s->call_us = measure_p95(&m->measure);
	m->has_measured = false;
	load_init(&m->load, s->call_us ? s->call_us : w->p->settings.estimate, s->call_us != 0);
	for (uint32_t i = 0; i < n; i++)
		load_add(&m->load, jobs[i][0], (uint64_t)jobs[i][1], (uint64_t)jobs[i][2]);
}

/* --- sending --- */

struct due_job {
	int32_t job;
	enum task task;
	enum plan_items which;
	uint32_t turn; /* among its account's jobs for the task */
	int64_t deadline_at;
};

/* Accounts take turns: how many jobs of the same one come before it. */
static uint32_t turn_of(const struct world *w, int32_t job, enum task task)
{
	const struct store *s = &w->store;
	const struct job *j = &s->jobs[job];
	uint32_t turn = 0;

	for (uint32_t i = 0; i < s->n_live; i++) {
		const struct job *o = &s->jobs[s->live[i]];

		if (o->account == j->account && job_ready(o, task).n > 0 &&
		    (o->deadline_at < j->deadline_at ||
		     (o->deadline_at == j->deadline_at && s->live[i] < job)))
			turn++;
	}
	return turn;
}

static int by_turn(const void *a, const void *b)
{
	const struct due_job *x = a, *y = b;

	if (x->turn != y->turn)
		return x->turn < y->turn ? -1 : 1;
	if (x->deadline_at != y->deadline_at)
		return x->deadline_at < y->deadline_at ? -1 : 1;
	return x->job != y->job ? x->job - y->job : (int)y->task - (int)x->task;
}

/* One job's items in one transaction, then their calls. */
static void send_job(struct world *w, const struct due_job *d, uint32_t room)
{
	struct memory *m = memory_of(w);
	struct job *j = &w->store.jobs[d->job];
	const uint32_t tier =
		window_tier(&m->window, TIERS, w->p->settings.flex_timeout, d->deadline_at, w->now);
	const enum way way = tier ? WAY_DEFAULT : WAY_FLEX;
	const int64_t left = t_sub(d->deadline_at, w->now);
	const int64_t patience = tier ? w->p->settings.request_timeout
				      : t_max(t_min(w->p->settings.flex_timeout, left / 2), T_S);
	int32_t sent[1024];
	uint32_t n = 0;

	while (n < room && n < sizeof(sent) / sizeof(sent[0])) {
		const int32_t item = job_next_call(&w->store, d->job, d->task, d->which);

		if (item == NONE)
			break;
		sent[n++] = store_send(w, (uint32_t)item, NONE, way);
	}
	if (n == 0)
		return;
	/* Before the latest start what is in a batch stays there. */
	if (d->which == PLAN_ALL && !j->calls_from &&
	    (w->now >= job_latest_start(w, j) || !job_is_in_batch(&w->store, d->job)))
		j->calls_from = w->now;
	trace(w, d->job, "%u by call (%s)", n, way_names[way]);
	store_commit(w, w->now);
	for (uint32_t i = 0; i < n; i++) {
		m->n_calls++;
		*(way == WAY_FLEX ? &w->r->calls_flex : &w->r->calls_default) += 1;
		world_send(w, &(struct call){.kind = CALL_COMPLETE,
					     .batch = NONE,
					     .attempt = sent[i],
					     .file = NONE,
					     .remote = NONE,
					     .way = way,
					     .cut_at = t_add(w->now, patience)});
	}
}

void calls_run(struct world *w)
{
	struct memory *m = memory_of(w);
	struct due_job due[512];
	uint32_t n = 0;

	if (!m->has_recovered) {
		if (m->n_calls > 0)
			return;
		recover(w);
		m->has_recovered = true;
	}
	if (!batchd_may_send(w) || window_room(&m->window, m->n_calls, w->now) == 0)
		return;
	for (uint32_t i = 0; i < w->store.n_live && n + TASK_COUNT < 512; i++) {
		const int32_t id = w->store.live[i];
		const struct job *j = &w->store.jobs[id];

		if (j->deadline_at <= w->now)
			continue;
		for (int t = 0; t < TASK_COUNT; t++) {
			struct due_job d = {.job = id,
					    .task = (enum task)t,
					    .deadline_at = j->deadline_at};

			if (job_ready_for(w, j, d.task, true, &d.which).n == 0)
				continue;
			d.turn = turn_of(w, id, d.task);
			due[n++] = d;
		}
	}
	if (n > 1)
		qsort(due, n, sizeof(due[0]), by_turn);
	for (uint32_t i = 0; i < n; i++) {
		const uint32_t room = window_room(&m->window, m->n_calls, w->now);

		if (room == 0)
			return;
		/* What cannot be answered in time any more fails at the deadline. */
		if (!measure_fits(&m->measure, due[i].deadline_at, w->now))
			continue;
		send_job(w, &due[i], room);
	}
}

/* --- what came back --- */

static bool has_no_room(const struct call *c)
{
	return c->transport == TRANSPORT_OK &&
	       (c->http_status == 429 || (c->http_status == 503 && c->code));
}

static struct came came_of(struct world *w, const struct call *c, const struct call_outcome *o)
{
	struct line_outcome line;

	if (o->outcome == OUTCOME_DONE)
		return (struct came){.is_answer = true,
				     .grade = c->grade,
				     .outcome = OUTCOME_LATER};
	if (o->outcome == OUTCOME_UNKNOWN && !has_no_room(c))
		return lost(w, c->attempt);
	line = line_classify(c->http_status, c->code, NULL, c->message);
	return (struct came){.is_void = has_no_room(c) || line.is_void || line.scope == SCOPE_ALL,
			     .outcome = line.outcome};
}

void calls_reply(struct world *w, const struct call *c)
{
	struct memory *m = memory_of(w);
	const struct call_outcome o = world_classify(c);
	const uint32_t tier = c->way == WAY_DEFAULT;
	const struct attempt *a = &w->store.attempts[c->attempt];
	const bool was_cut = c->transport == TRANSPORT_LOST && w->now >= c->cut_at;
	struct came came;

	m->n_calls--;
	if (o.outcome == OUTCOME_DONE || was_cut) {
		measure_add(&m->measure, w->now - c->sent_at);
		m->has_measured = true;
	}
	if (c->transport == TRANSPORT_OK && !has_no_room(c) && c->http_status < 500)
		window_answered(&m->window, tier);
	else
		window_refused(&m->window, tier, has_no_room(c) || was_cut, w->now, o.wait_us,
			       (uint64_t)a->item * 31 + a->no);
	if (was_cut)
		window_waited(&m->window, tier, c->sent_at);
	came = came_of(w, c, &o);
	settle(w, c->attempt, &came);
	store_commit(w, came.is_void ? t_add(w->now, w->p->settings.poll_interval) : w->now);
}
