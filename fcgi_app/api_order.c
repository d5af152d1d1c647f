/* SPDX-License-Identifier: ISC */
/* POST /api/v1/jobs: read, check, store, answer 202. Nothing is answered before it is durable. */
#include <stdlib.h>

#include "common/log.h"
#include "core/limits.h"
#include "core/order.h"
#include "core/status.h"
#include "fcgi_app/api.h"
#include "fcgi_app/body.h"
#include "fcgi_app/order_store.h"

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

static void take_order(struct call *c, const struct strbuf *body)
{
	struct order_terms terms = {.body_bytes = body->len};
	struct strbuf status_json;
	struct order order;

	if (parse(c, body, &order) < 0)
		return;
	call_progress(c); /* the upload took the client's time */
	strbuf_init(&status_json, LIMIT_STATUS_BYTES);
	if (body_deadline(c, &order, &terms.now, &terms.deadline_at) == 0 &&
	    order_store(c, &order, &terms, &status_json) == 0) {
		log_info("order accepted job=%s account=%lld lots=%zu languages=%zu bytes=%zu",
			 c->job_id, (long long)c->caller.account_id, order.lot_count,
			 order.language_count, body->len);
		accept_order(c, &status_json);
	}
	strbuf_clear(&status_json);
	order_clear(&order);
}

void api_order(struct call *c)
{
	struct strbuf body;

	if (!http_is_json(http_variable(&c->request, "CONTENT_TYPE"))) {
		call_problem(c, PROBLEM_MEDIA_TYPE, "an order is application/json");
		return;
	}
	strbuf_init(&body, (size_t)c->app->config->job.max_body);
	if (body_read(c, &body) == 0)
		take_order(c, &body);
	strbuf_clear(&body);
}
