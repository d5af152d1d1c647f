/* SPDX-License-Identifier: ISC */
/*
 * order: the body of POST /jobs. order_parse() checks all of it, every lot too, and tells up to
 * LIMIT_FAULTS faults, each with its JSON pointer; order_lot_next() then
 * hands out the lots one by one.
 *
 * No tree is built. Everything is borrowed from the body, which must outlive the order, or decoded
 * into the struct's own buffers; memory is O(lots) for the ids while parsing, and one lot.
 * What needs a clock (deadlines in the past), hashes or the account's budget is the caller's.
 * A key whose value is null counts as absent.
 */
#ifndef CORE_ORDER_H
#define CORE_ORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <json-c/json_types.h>

#include "core/data_url.h"
#include "core/err.h"
#include "core/json_scan.h"
#include "core/language.h"
#include "core/limits.h"
#include "core/strbuf.h"

#define ORDER_CALLBACK_BYTES 2048 /* as much as the database keeps */

struct order_limits {
	size_t max_lots;
	size_t max_items;                 /* lots x (1 + languages) */
	const struct json_object *schema; /* of descriptions (json_schema_load); NULL: any object */
};

enum order_deadline {
	ORDER_DEADLINE_NONE,     /* the configuration's */
	ORDER_DEADLINE_DURATION, /* deadline_us after the job is taken */
	ORDER_DEADLINE_INSTANT,  /* deadline_us since 1970 */
};

struct order {
	struct strbuf name; /* "" where there is none; so are the next two */
	struct strbuf instructions;
	struct strbuf callback_url;
	enum order_deadline deadline;
	int64_t deadline_us;
	size_t language_count;
	/* normalised, unique, in the client's order */
	char languages[LIMIT_LANGUAGES][LANGUAGE_SIZE];
	size_t lot_count;
	size_t described_count;    /* lots that carry their own description */
	size_t image_count;        /* of all lots */
	struct json_span lots;     /* the array, in the body */
	struct json_span metadata; /* the object, in the body; n is 0 where there is none */
};

struct order_fault {
	char pointer[JSON_POINTER_SIZE];
	char detail[240];
};

struct order_faults {
	enum err_class class; /* ERR_NEVER, or ERR_LATER where memory was lacking */
	bool malformed; /* not JSON under our limits (HTTP 400); else rules are broken (422) */
	bool more;      /* there are more than are listed */
	size_t count;
	struct order_fault list[LIMIT_FAULTS];
};

/*
 * Read and check a body. 0 and *order, to be released by order_clear(); or -1 and *faults (count is
 * at least 1), and *order is empty.
 */
int order_parse(const char *body, size_t n, const struct order_limits *limits, struct order *order,
		struct order_faults *faults);
void order_clear(struct order *order);

/* What the body of a call that changes a job may have. */
enum order_change {
	ORDER_CHANGE_NOTHING,
	ORDER_CHANGE_DEADLINE,
	ORDER_CHANGE_LANGUAGES, /* one at least, and the deadline */
};

/*
 * Read and check such a body, as order_parse(); an empty one is "{}". Of the order its
 * deadline and its languages are filled.
 */
int order_parse_change(const char *body, size_t n, enum order_change change, struct order *order,
		       struct order_faults *faults);

/* One image of a lot: a URL for the provider to fetch, or bytes in a data URL. */
struct order_image {
	const char *url;      /* NUL-terminated, the lot's; NULL for a data URL */
	struct data_url data; /* where url is NULL: see data_url_decode() */
};

struct order_lot {
	size_t index; /* from 0, the place in `lots` */
	const char *id;
	const char *title; /* NULL where there is none; so is notes */
	const char *notes; /* both are never blank */
	size_t image_count;
	struct order_image images[LIMIT_IMAGES_PER_LOT];
	struct json_span description; /* the lot's own, in the body; n is 0 where there is none */
	struct strbuf text;           /* holds the strings above: never copy the struct */
};

struct order_iter {
	struct json_walk walk;
};

/*
 * The lots of an order that order_parse() accepted, one after the other: 1 and *lot, valid until
 * the next call with it; 0 after the last; -1 and *err (ERR_LATER) where memory is lacking.
 *
 * 	order_lots_begin(&order, &iter);
 * 	order_lot_init(&lot);
 * 	while ((found = order_lot_next(&iter, &lot, &err)) == 1)
 * 		...
 * 	order_lot_clear(&lot);
 */
void order_lots_begin(const struct order *order, struct order_iter *iter);
void order_lot_init(struct order_lot *lot);
void order_lot_clear(struct order_lot *lot);
int order_lot_next(struct order_iter *iter, struct order_lot *lot, struct err *err);

#endif
