/* SPDX-License-Identifier: ISC */
/* POST /api/v1/jobs: read, check, store, answer 202. Nothing is answered before it is durable. */
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "core/limits.h"
#include "core/order.h"
#include "core/status.h"
#include "fcgi_app/api.h"
#include "fcgi_app/body.h"
#include "fcgi_app/claim.h"
#include "fcgi_app/job.h"
#include "fcgi_app/order_outlook.h"
#include "fcgi_app/order_store.h"
#include "fcgi_app/query.h"

#define FIRST_RETRY_AFTER_S 2

static int parse(struct call *c, const struct strbuf *body, struct order *order)
{
	const struct order_limits limits = {
		.max_lots = (size_t)c->app->config->job.max_lots,
		.max_items = (size_t)c->app->config->job.max_items,
		.schema = c->app->schema,
	};
	struct order_faults *faults = calloc(1, sizeof(*faults));
	int rc;

	if (!faults)
		abort();
	rc = order_parse(body->data, body->len, &limits, order, faults);
	if (rc < 0)
		body_refuse(c, faults);
	free(faults);
	return rc;
}

static void accept_order(struct call *c, const struct strbuf *status_json)
{
	struct http_response *a = &c->response;

	a->status = 202;
	http_add_header(a, "Location", "%s/api/v1/jobs/%s", c->app->link_base, c->job_id);
	http_add_header(a, "Retry-After", "%d", FIRST_RETRY_AFTER_S);
	strbuf_add(&a->body, status_json->data, status_json->len);
	status_render_links(c->job_id, c->app->link_base, &a->body);
}

/*
 * It was ordered before: its job as it is now, and a warning where nothing but the body says so.
 * False: the job was deleted a moment ago.
 */
static bool answer_known(struct call *c, const struct claim *claim)
{
	struct http_response *a = &c->response;
	bool is_there = true;
	struct job job;

	memcpy(c->job_id, claim->job_id, sizeof(c->job_id));
	if (job_load(c, &job) < 0) {
		is_there = a->status != problem_status(PROBLEM_NOT_FOUND);
	} else {
		a->status = claim->by_key ? 202 : 200;
		http_add_header(a, "Location", "%s/api/v1/jobs/%s", c->app->link_base, c->job_id);
		job_add_retry_after(c, &job);
		if (claim->by_key)
			job_render(c, &job, &a->body);
		else
			job_render_warning(
				c, &job, "duplicate_order",
				"the same order came less than ten minutes ago: this is its job; "
				"to order once more, send ?again=1",
				&a->body);
		log_info("order known job=%s by=%s", c->job_id, claim->by_key ? "key" : "body");
	}
	job_clear(&job);
	return is_there;
}

/* True where the order is to be carried out. */
static bool is_new(struct call *c, struct claim *claim)
{
	enum claim_state state = claim_look(claim, c);

	if (state == CLAIM_DONE && !answer_known(c, claim)) {
		http_response_reset(&c->response);
		state = claim_look(claim, c);
		if (state == CLAIM_DONE)
			call_problem(c, PROBLEM_BUSY, "the job of this order is being removed");
	}
	return state == CLAIM_FREE;
}

static void store(struct call *c, const struct order *order, struct order_terms *terms)
{
	struct strbuf status_json;
	int rc;

	strbuf_init(&status_json, LIMIT_STATUS_BYTES);
	if (body_deadline(c, order, &terms->now, &terms->deadline_at) == 0) {
		const unsigned outlook = order_outlook(c, order, terms);

		rc = order_store(c, order, terms, &status_json);
		if (rc == 0) {
			log_info(
				"order accepted job=%s account=%lld lots=%zu languages=%zu bytes=%zu",
				c->job_id, (long long)c->caller.account_id, order->lot_count,
				order->language_count, terms->body_bytes);
			order_outlook_warn(outlook, terms->now, &status_json);
			accept_order(c, &status_json);
		} else if (terms->claim->lost && is_new(c, terms->claim)) {
			/* And the other one gave it up meanwhile. */
			call_problem(c, PROBLEM_BUSY, "the order was being written; send it again");
		}
	}
	strbuf_clear(&status_json);
}

static void take_order(struct call *c, const struct strbuf *body, bool again)
{
	struct claim claim;
	struct order_terms terms = {.body_bytes = body->len, .claim = &claim};
	struct order order;

	call_progress(c); /* the upload took the client's time */
	if (claim_init(&claim, c, again, body->data, body->len) < 0 || !is_new(c, &claim) ||
	    parse(c, body, &order) < 0)
		return;
	call_progress(c);
	store(c, &order, &terms);
	order_clear(&order);
}

/* ?again=1, and no other. */
static int read_query(struct call *c, bool *again)
{
	for (size_t i = 0; i < c->target.parameter_count; i++) {
		const char *name = c->target.parameters[i].name;

		if (strcmp(name, "again") != 0)
			return query_refuse(c, name, "is not known here");
		if (query_flag(c->target.parameters[i].value, again) < 0)
			return query_refuse(c, name, "is 1 or 0");
	}
	return 0;
}

void api_order(struct call *c)
{
	bool again = false;
	struct strbuf body;

	if (read_query(c, &again) < 0)
		return;
	if (!http_is_json(http_variable(&c->request, "CONTENT_TYPE"))) {
		call_problem(c, PROBLEM_MEDIA_TYPE, "an order is application/json");
		return;
	}
	strbuf_init(&body, (size_t)c->app->config->job.max_body);
	if (body_read(c, &body) == 0)
		take_order(c, &body, again);
	strbuf_clear(&body);
}
