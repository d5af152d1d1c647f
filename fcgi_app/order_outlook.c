/* SPDX-License-Identifier: ISC */
#include "fcgi_app/order_outlook.h"

#include <stdlib.h>

#include "common/batch.h"
#include "common/calls.h"
#include "common/log.h"
#include "core/limits.h"
#include "core/outlook.h"
#include "core/status.h"

#define TOO_SHORT "too_short_for_batches"
#define TOO_MUCH  "too_much_for_calls"

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

static unsigned look(struct call *c, const struct order *o, const struct order_terms *terms)
{
	const struct config *config = c->app->config;
	const size_t to_describe = o->lot_count - o->described_count;
	const size_t translations = o->lot_count * o->language_count;
	const struct job_stage stage = {.opened_at = terms->now,
					.deadline_at = terms->deadline_at,
					.n_open = (int64_t)(to_describe + translations)};
	struct load *load = calloc(1, sizeof(*load));
	unsigned outlook = OUTLOOK_GOOD;
	struct err err;

	if (!load)
		abort();
	if (calls_load(c->database->db, config, terms->deadline_at, load, &err) == 0)
		outlook = batch_outlook(config, load, &stage,
					(int64_t)(to_describe ? to_describe : translations));
	else
		log_warning("outlook not read job=%s error=\"%s\"", c->job_id, err.text);
	free(load);
	return outlook;
}

void order_outlook(struct call *c, const struct order *order, const struct order_terms *terms,
		   struct strbuf *status_json)
{
	unsigned outlook;

	if (c->app->config->fallback.tiers.n == 0)
		return; /* batches are the only way */
	outlook = look(c, order, terms);
	if (outlook & OUTLOOK_NOT_ALL)
		warn(status_json, TOO_MUCH,
		     outlook & OUTLOOK_NO_BATCH
			     ? "with what was ordered before, more is to be asked than single calls "
			       "can answer by the deadline: the rest will fail"
			     : "what batches leave open may be more than single calls can answer by "
			       "the deadline: the rest would fail",
		     terms->now);
	if (outlook & OUTLOOK_NO_BATCH)
		warn(status_json, TOO_SHORT,
		     "the deadline leaves no time for a batch: all is asked by single calls at "
		     "once, which may cost more",
		     terms->now);
}
