/* SPDX-License-Identifier: ISC */
#include "tests/sim/world.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "core/timemath.h"

/* Any instant but 0, which means "not set". */
#define BEGIN (INT64_C(20000) * T_DAY)
/* Orders over, jobs end within a day, and batches are given up three days later. */
#define AFTERWARDS (6 * T_DAY)
/* How long the caller of a lost reply waits (batchd/submit.c, batchd/openai.c). */
#define PATIENCE (60 * T_S)

const char *const sim_policy_names[SIM_POLICY_COUNT] = {
	[POLICY_PROJECT] = "the project's",
	[POLICY_WAIT] = "wait for ever",
	[POLICY_CANCEL] = "cancel, all again",
};

/* --- telling --- */

void broken(struct world *w, const char *invariant, int32_t job, const char *fmt, ...)
{
	struct sim_result *r = w->r;
	va_list ap;

	if (r->is_broken)
		return;
	r->is_broken = true;
	r->broken_at = w->now - w->begin;
	r->broken_job = job;
	snprintf(r->invariant, sizeof(r->invariant), "%s", invariant);
	va_start(ap, fmt);
	vsnprintf(r->what, sizeof(r->what), fmt, ap);
	va_end(ap);
	trace(w, job, "%s is broken: %s", r->invariant, r->what);
}

static void write_time(const struct world *w)
{
	const int64_t s = (w->now - w->begin) / T_S;

	fprintf(w->o->trace_to, "%s%lldd %02lld:%02lld:%02lld  ",
		w->o->trace_mark ? w->o->trace_mark : "", (long long)(s / 86400),
		(long long)(s / 3600 % 24), (long long)(s / 60 % 60), (long long)(s % 60));
}

static void write_line(const struct world *w, const char *fmt, va_list ap)
{
	vfprintf(w->o->trace_to, fmt, ap);
	fputc('\n', w->o->trace_to);
}

void trace(struct world *w, int32_t job, const char *fmt, ...)
{
	va_list ap;

	if (w->o->trace_job == NONE || w->o->trace_job != job)
		return;
	va_start(ap, fmt);
	write_time(w);
	write_line(w, fmt, ap);
	va_end(ap);
}

void trace_batch(struct world *w, int32_t batch, const char *fmt, ...)
{
	const struct batch *b = w->store.batches[batch];
	va_list ap;

	if (w->o->trace_job == NONE)
		return;
	for (uint32_t i = 0; i < b->n_jobs; i++) {
		if (b->jobs[i].job != w->o->trace_job)
			continue;
		va_start(ap, fmt);
		write_time(w);
		fprintf(w->o->trace_to, "batch %d: ", batch);
		write_line(w, fmt, ap);
		va_end(ap);
		return;
	}
}

/* --- the process --- */

void world_step(struct world *w)
{
	if (w->steps_may_crash && rng_chance(&w->crashes, w->o->crash_share))
		longjmp(w->crash, 1);
}

static void die(struct world *w)
{
	const struct settings *s = &w->p->settings;

	w->steps_may_crash = false;
	w->is_up = false;
	w->life++;
	w->r->crashes++;
	/* Started again at once; the lease of the one before must have run out. */
	w->up_at = t_add(w->now, rng_between(&w->crashes, T_S, s->lease + 5 * T_S));
	trace(w, w->o->trace_job, "the process dies");
	if (w->store.n_dirty > 0)
		abort(); /* a step within a transaction */
}

static void call_agent(struct world *w, void (*fn)(struct world *w), const struct call *c)
{
	w->steps_may_crash = true;
	if (setjmp(w->crash) == 0) {
		if (c)
			w->agent->reply(w, c);
		else
			fn(w);
		w->steps_may_crash = false;
	} else {
		die(w);
	}
}

static void start(struct world *w)
{
	w->is_up = true;
	w->up_at = w->tick_at = w->now;
	memset(w->memory, 0, w->agent->memory);
	trace(w, w->o->trace_job, "the process is up");
	call_agent(w, w->agent->started, NULL);
}

/* --- the network --- */

static int32_t new_call(struct provider *p)
{
	if (p->n_free == 0) {
		p->calls = realloc(p->calls, (p->n_calls + 1) * sizeof(*p->calls));
		p->free_calls = realloc(p->free_calls, (p->n_calls + 1) * sizeof(*p->free_calls));
		if (!p->calls || !p->free_calls)
			abort();
		p->calls[p->n_calls].list = NULL;
		p->free_calls[p->n_free++] = (int32_t)p->n_calls++;
	}
	return p->free_calls[--p->n_free];
}

void world_reply_at(struct world *w, int32_t call, int64_t at)
{
	events_put(&w->events, at, EVENT_REPLY, call);
}

/* How long a call is on its way to the provider. */
static int64_t way_there(struct world *w, const struct call *c)
{
	const struct calls *m = &w->p->calls;

	if (c->kind == CALL_UPLOAD)
		return rng_between(&w->network, T_S, 10 * T_S);
	if (c->kind == CALL_CREATE && c->is_lost && rng_chance(&w->network, m->late_share))
		return rng_between(&w->network, T_MIN, m->late_most);
	return rng_between(&w->network, T_S / 10, T_S);
}

void world_send(struct world *w, const struct call *sent)
{
	const bool is_lost = rng_chance(&w->network, w->p->calls.lost_share);
	struct call *c;
	int32_t id;

	world_step(w);
	id = new_call(&w->provider);
	c = &w->provider.calls[id];
	free(c->list);
	*c = *sent;
	c->life = w->life;
	c->sent_at = w->now;
	c->is_lost = is_lost;
	c->transport = is_lost ? TRANSPORT_LOST : TRANSPORT_OK;
	if (is_lost && rng_chance(&w->network, 0.5)) { /* before it arrives */
		world_reply_at(w, id, t_add(w->now, rng_between(&w->network, T_S, PATIENCE)));
	} else {
		events_put(&w->events, t_add(w->now, way_there(w, c)), EVENT_EFFECT, id);
		if (is_lost && c->kind != CALL_COMPLETE)
			world_reply_at(w, id, t_add(w->now, PATIENCE));
	}
	world_step(w);
}

struct call_outcome world_classify(const struct call *c)
{
	const struct call_result r = {
		.transport = c->transport,
		.http_status = c->transport == TRANSPORT_OK ? c->http_status : 0,
		.error_code = c->code,
		.error_message = c->message,
		.retry_after_us = -1,
		.is_write = c->kind == CALL_UPLOAD || c->kind == CALL_CREATE ||
			    c->kind == CALL_CANCEL || c->kind == CALL_COMPLETE,
	};

	return call_classify(&r);
}

static void free_call(struct world *w, int32_t id)
{
	struct call *c = &w->provider.calls[id];

	free(c->list);
	c->list = NULL;
	w->provider.free_calls[w->provider.n_free++] = id;
}

static void deliver(struct world *w, int32_t id)
{
	struct call c = w->provider.calls[id];

	w->provider.calls[id].list = NULL;
	/* A create that comes later than its reply is awaited keeps its place. */
	if (!(c.kind == CALL_CREATE && c.is_lost))
		free_call(w, id);
	if (w->is_up && c.life == w->life) {
		if (c.is_lost)
			c.has_view = false;
		call_agent(w, NULL, &c);
	}
	free(c.list);
}

static void happen(struct world *w, const struct event *e)
{
	if (e->kind == EVENT_EFFECT)
		provider_effect(w, e->call);
	else
		deliver(w, e->call);
}

/* --- orders --- */

static void take_order(struct world *w)
{
	const struct orders *m = &w->p->orders;
	struct rng *r = &w->orders;
	const bool is_story = rng_chance(r, m->story_share);
	const uint32_t lots = (uint32_t)rng_log_uniform(r, 1, m->lots_most);
	const int64_t span = rng_log_uniform(r, m->deadline_low, m->deadline_high);
	const bool has_bad = rng_chance(r, m->bad_lot_share);
	struct order o = {.account = (int32_t)rng_between(r, 1, m->accounts),
			  .lots = is_story ? 20 : lots,
			  .deadline_at = t_add(w->now, span),
			  .bad_lot = NONE};

	if (has_bad)
		o.bad_lot = (int32_t)rng_between(r, 0, (int64_t)o.lots - 1);
	store_add_job(w, &o);
	w->next_order = t_add(w->now, rng_exponential(r, (double)T_DAY / m->per_day));
	w->orders_over = w->next_order >= t_add(w->begin, t_mul(T_DAY, w->o->days));
}

/* --- the loop --- */

/* Where no batchd ends a job, the front end does, when a client polls. */
static void front_end(struct world *w)
{
	const int64_t late = t_mul(w->p->settings.tick, FRONT_END_TICKS);

	if (!w->agent->ends_by_deadline)
		return;
	for (uint32_t i = w->store.n_live; i-- > 0;) {
		const int32_t id = w->store.live[i];

		if (!w->is_up && w->now >= t_add(w->store.jobs[id].deadline_at, late)) {
			store_touch(&w->store, id);
			store_refresh(w, w->now);
		}
	}
}

static int64_t next_close(const struct world *w)
{
	const int64_t late = t_mul(w->p->settings.tick, FRONT_END_TICKS);
	int64_t at = T_NEVER;

	if (w->is_up || !w->agent->ends_by_deadline)
		return T_NEVER;
	for (uint32_t i = 0; i < w->store.n_live; i++)
		at = t_min(at, t_add(w->store.jobs[w->store.live[i]].deadline_at, late));
	return at;
}

/* On the grid of ticks that began when the process came up. */
static int64_t next_tick(const struct world *w)
{
	const int64_t tick = w->p->settings.tick, due = w->agent->due(w);
	int64_t n;

	if (due == T_NEVER)
		return T_NEVER;
	n = (t_max(due, t_add(w->tick_at, tick)) - w->up_at + tick - 1) / tick;
	return t_add(w->up_at, t_mul(tick, n));
}

static bool is_over(const struct world *w)
{
	return w->r->is_broken || w->now >= w->horizon ||
	       (w->orders_over && w->store.n_live == 0 && w->store.n_open == 0 &&
		w->store.n_calls == 0);
}

static void turn(struct world *w)
{
	const int64_t order_at = w->orders_over ? T_NEVER : w->next_order;
	const int64_t process_at = w->is_up ? next_tick(w) : w->up_at;
	int64_t at = t_min(t_min(order_at, process_at), events_next_at(&w->events));

	at = t_min(t_min(at, next_close(w)), w->horizon);
	w->now = t_max(at, w->now);
	if (events_next_at(&w->events) <= w->now) {
		const struct event e = events_take(&w->events);

		happen(w, &e);
	} else if (order_at <= w->now) {
		take_order(w);
	} else if (w->is_up && process_at <= w->now) {
		w->tick_at = w->now;
		call_agent(w, w->agent->tick, NULL);
		check_now(w);
	} else if (!w->is_up && w->up_at <= w->now) {
		start(w);
	}
	front_end(w);
}

void sim_run(const struct sim_options *o, const struct params *p, struct sim_result *r)
{
	struct world *w = calloc(1, sizeof(*w));

	if (!w)
		abort();
	*r = (struct sim_result){.broken_job = NONE};
	w->o = o;
	w->p = p;
	w->r = r;
	w->agent = o->policy == POLICY_PROJECT ? &agent_batchd : &agent_naive;
	w->memory = calloc(1, w->agent->memory);
	if (!w->memory)
		abort();
	w->begin = w->now = w->up_at = BEGIN;
	w->store.incident.trial = NONE;
	w->horizon = t_add(BEGIN, t_add(t_mul(T_DAY, o->days), AFTERWARDS));
	w->next_order = t_add(BEGIN, T_MIN);
	w->orders = rng_stream(o->seed, 1);
	w->network = rng_stream(o->seed, 2);
	w->crashes = rng_stream(o->seed, 3);
	provider_init(w);
	while (!is_over(w))
		turn(w);
	if (!r->is_broken)
		check_all(w);
	store_free(&w->store);
	provider_free(&w->provider);
	events_free(&w->events);
	free(w->memory);
	free(w);
}
