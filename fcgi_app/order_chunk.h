/* SPDX-License-Identifier: ISC */
/*
 * order_chunk: some lots of an order as rows to insert: the lots, their images, their items, and
 * the descriptions that came with them. Filled from the order without the database, then written in
 * one go, so that a transaction can be run again.
 */
#ifndef FCGI_APP_ORDER_CHUNK_H
#define FCGI_APP_ORDER_CHUNK_H

#include <stddef.h>
#include <stdint.h>

#include "common/db.h"
#include "core/err.h"
#include "core/order.h"
#include "core/strbuf.h"
#include "fcgi_app/call.h"

struct order_rows { /* for one statement */
	struct db_val *vals;
	size_t n, cap; /* in values, not rows */
	size_t n_rows;
};

struct order_upload {                /* an image that came as a data URL */
	struct data_url url;         /* borrowed from the body */
	const unsigned char *sha256; /* owned by the chunk */
};

struct order_chunk {
	struct call *call;
	const struct order *order;
	int64_t job_id;
	int64_t now;
	struct order_rows lots, lot_images, items, given;
	struct order_upload *uploads;
	size_t n_uploads, uploads_cap;
	void **kept; /* memory that the rows point to */
	size_t n_kept, kept_cap;
	size_t bytes;
	struct strbuf image; /* one decoded image at a time */
};

void order_chunk_init(struct order_chunk *chunk, struct call *call, const struct order *order,
		      int64_t now);
void order_chunk_clear(struct order_chunk *chunk);

/* Replace the content by the next lots: how many rows they make (0: no lots are left), or -1. */
int order_chunk_fill(struct order_chunk *chunk, struct order_iter *iter, struct order_lot *lot,
		     struct err *err);
/* Inside a transaction: insert all rows. Each statement is progress of the call. */
int order_chunk_write(struct order_chunk *chunk, struct db *db, struct err *err);

#endif
