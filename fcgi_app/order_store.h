/* SPDX-License-Identifier: ISC */
/*
 * order_store: an accepted order becomes a job. A small one is written in one
 * transaction; a large one invisibly in many, then shown by a last one. What a crash
 * leaves invisible is batchd's to sweep.
 */
#ifndef FCGI_APP_ORDER_STORE_H
#define FCGI_APP_ORDER_STORE_H

#include <stdint.h>

#include "core/order.h"
#include "core/strbuf.h"
#include "fcgi_app/call.h"
#include "fcgi_app/claim.h"

struct order_terms { /* what the order does not say itself */
	int64_t now; /* the database's */
	int64_t deadline_at;
	size_t body_bytes;
	struct claim *claim;
};

/*
 * 0: the job is durable, c->job_id is its id and *status_json its status object without
 * links (appended). -1: the error answer is prepared; then there is no job, unless the
 * answer says that it is unknown; but where terms->claim->lost there is no answer: another
 * request has the same order.
 */
int order_store(struct call *c, const struct order *order, const struct order_terms *terms,
		struct strbuf *status_json);

#endif
