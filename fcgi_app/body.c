/* SPDX-License-Identifier: ISC */
/* body: see body.h. */
#include "fcgi_app/body.h"

#include <stdio.h>

#include "common/log.h"
#include "common/store.h"
#include "core/timemath.h"

#define NO_MEMORY "there is no memory for a body of this size at present"

int body_read(struct call *c, struct strbuf *body)
{
	const enum http_body how = http_read_body(&c->request, &c->app->gate, &c->pass, body);

	meter_count(c->app->meter, METER_BYTES_IN, body->len);
	switch (how) {
	case HTTP_BODY_OK:
		return 0;
	case HTTP_BODY_TOO_LARGE:
		call_problem(c, PROBLEM_TOO_LARGE, "the body has %zu bytes at most", body->limit);
		break;
	case HTTP_BODY_CUT:
		call_problem(c, PROBLEM_BODY_CUT, "the body did not arrive as it was announced");
		break;
	case HTTP_BODY_BAD_LENGTH:
		call_problem(c, PROBLEM_BAD_REQUEST, "Content-Length is no number");
		break;
	case HTTP_BODY_SLOW:
		call_problem(c, PROBLEM_TIMEOUT, "the body arrived too slowly");
		break;
	case HTTP_BODY_BUSY:
		call_problem(c, PROBLEM_BUSY, "other large bodies are being received; try again");
		break;
	case HTTP_BODY_NO_MEMORY:
		log_err("no memory body_bytes=%zu", body->len);
		call_problem(c, PROBLEM_BUSY, NO_MEMORY);
		break;
	}
	return -1;
}

void body_refuse(struct call *c, const struct order_faults *faults)
{
	struct problem_fault list[LIMIT_FAULTS];

	if (faults->class == ERR_LATER) {
		call_problem(c, PROBLEM_BUSY, NO_MEMORY);
		return;
	}
	for (size_t i = 0; i < faults->count; i++)
		list[i] = (struct problem_fault){.pointer = faults->list[i].pointer,
						 .detail = faults->list[i].detail};
	if (faults->malformed)
		call_problem_faults(c, PROBLEM_BAD_REQUEST,
				    "the body is not JSON as it is taken here", list,
				    faults->count);
	else
		call_problem_faults(c, PROBLEM_INVALID,
				    faults->more ? "the body is not valid; more faults than listed"
						 : "the body is not valid",
				    list, faults->count);
}

static int refuse_deadline(struct call *c, const char *why, int64_t limit_us)
{
	struct problem_fault fault = {.pointer = "/deadline"};
	char limit[32];
	char detail[120];

	duration_format(limit_us, limit, sizeof(limit));
	snprintf(detail, sizeof(detail), "%s %s", why, limit);
	fault.detail = detail;
	call_problem_faults(c, PROBLEM_INVALID, "the body is not valid", &fault, 1);
	return -1;
}

int body_deadline(struct call *c, const struct order *order, int64_t *now, int64_t *deadline_at)
{
	const struct config *config = c->app->config;
	int64_t span = config->job.deadline;
	struct err err;

	if (store_now(c->database->db, now, &err) < 0) {
		call_fail(c, &err);
		return -1;
	}
	if (order->deadline == ORDER_DEADLINE_DURATION)
		span = order->deadline_us;
	else if (order->deadline == ORDER_DEADLINE_INSTANT)
		span = t_sub(order->deadline_us, *now);
	if (span <= 0)
		return refuse_deadline(c, "lies in the past; it takes at least",
				       config->job.min_deadline);
	if (span < config->job.min_deadline)
		return refuse_deadline(c, "is too soon; it takes at least",
				       config->job.min_deadline);
	if (span > config->job.max_deadline)
		return refuse_deadline(c, "is too late; it may take at most",
				       config->job.max_deadline);
	*deadline_at = t_add(*now, span);
	return 0;
}
