/* SPDX-License-Identifier: ISC */
#include "fcgi_app/order_outlook.h"

#include <stdlib.h>

#include "common/batch.h"
#include "common/calls.h"
#include "common/clock.h"
#include "common/log.h"
#include "core/limits.h"
#include "core/outlook.h"
#include "core/status.h"
#include "core/timemath.h"
#include "fcgi_app/app.h"
#include "fcgi_app/call.h"
#include "fcgi_app/order_store.h"

#define TOO_SHORT "too_short_for_batches"
#define TOO_MUCH  "too_much_for_calls"

#define READ_EVERY T_S

static void warn(struct strbuf *status_json, const char *code, const char *message, int64_t now)
{
	struct strbuf with;

	strbuf_init(&with, LIMIT_STATUS_BYTES);
	status_add_warning(status_json->data, status_json->len, code, message, now, &with);
	if (!strbuf_failed(&with)) {
		strbuf_reset(status_json);
		strbuf_add(status_json, with.data, with.len);
	}
	strbuf_clear(&with);
}

/* --- what calls are asked for --- */

void order_load_init(struct order_load *l)
{
	pthread_mutex_init(&l->lock, NULL);
	l->read_at = 0;
	l->is_read = false;
}

void order_load_clear(struct order_load *l)
{
	pthread_mutex_destroy(&l->lock);
}

static bool must_read(struct order_load *l)
{
	bool must;

	pthread_mutex_lock(&l->lock);
	must = l->read_at == 0 || (!l->is_read && clock_boot() >= t_add(l->read_at, READ_EVERY));
	if (must)
		l->is_read = true;
	pthread_mutex_unlock(&l->lock);
	return must;
}

static int read_load(struct call *c, struct err *err)
{
	struct order_load *l = &c->app->order_load;
	struct load *load = calloc(1, sizeof(*load));
	int rc;

	if (!load)
		abort();
	rc = calls_load(c->database->db, c->app->config, load, err);
	pthread_mutex_lock(&l->lock);
	l->is_read = false;
	if (rc == 0) {
		l->load = *load;
		l->read_at = clock_boot();
	}
	pthread_mutex_unlock(&l->lock);
	free(load);
	return rc;
}

/* All that is due until then, of orders before this one, as one. */
static void take_load(struct order_load *l, int64_t deadline_at, struct load_due *due,
		      int64_t *call_us)
{
	pthread_mutex_lock(&l->lock);
	*due = load_until(&l->load, deadline_at);
	*call_us = l->load.call_us;
	pthread_mutex_unlock(&l->lock);
}

/* --- the order --- */

static unsigned look(struct call *c, const struct order *o, const struct order_terms *terms)
{
	const size_t to_describe = o->lot_count - o->described_count;
	const size_t translations = o->lot_count * o->language_count;
	const struct job_stage stage = {.opened_at = terms->now,
					.deadline_at = terms->deadline_at,
					.n_open = (int64_t)(to_describe + translations)};
	struct load *load = malloc(sizeof(*load));
	struct load_due due;
	unsigned outlook;
	int64_t call_us;

	if (!load)
		abort();
	take_load(&c->app->order_load, terms->deadline_at, &due, &call_us);
	load_init(load, call_us, false);
	load_add(load, terms->deadline_at, due.descriptions + to_describe,
		 due.translations + translations);
	outlook = batch_outlook(c->app->config, load, &stage,
				(int64_t)(to_describe ? to_describe : translations));
	free(load);
	return outlook;
}

unsigned order_outlook(struct call *c, const struct order *order, const struct order_terms *terms)
{
	struct err err;

	if (c->app->config->fallback.tiers.n == 0)
		return OUTLOOK_GOOD; /* batches are the only way */
	if (!must_read(&c->app->order_load) || read_load(c, &err) == 0)
		return look(c, order, terms);
	log_warning("outlook not read error=\"%s\"", err.text);
	return OUTLOOK_GOOD;
}

void order_outlook_warn(unsigned outlook, int64_t now, struct strbuf *status_json)
{
	if (outlook & OUTLOOK_NOT_ALL)
		warn(status_json, TOO_MUCH,
		     outlook & OUTLOOK_NO_BATCH
			     ? "with what was ordered before, more is to be asked than single calls "
			       "can answer by the deadline: the rest will fail"
			     : "what batches leave open may be more than single calls can answer by "
			       "the deadline: the rest would fail",
		     now);
	if (outlook & OUTLOOK_NO_BATCH)
		warn(status_json, TOO_SHORT,
		     "the deadline leaves no time for a batch: all is asked by single calls at "
		     "once, which may cost more",
		     now);
}
