/* SPDX-License-Identifier: ISC */
/*
 * order_check: what order.c and order_lot.c share while an order is
 * checked. Nobody else includes it.
 */
#ifndef CORE_ORDER_CHECK_H
#define CORE_ORDER_CHECK_H

#include "core/order.h"

struct order_check {
	const struct order_limits *limits;
	struct order *order;
	struct order_faults *faults;
	char pointer[JSON_POINTER_SIZE]; /* of the value at hand */
	struct strbuf scratch;           /* a URL, decoded */
	struct strbuf ids;               /* order_lot.c: of every lot so far */
};

/* What is at hand is wrong: note why, with the pointer. */
void order_fault(struct order_check *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void order_no_memory(struct order_check *c);

/* What a text must be like. */
struct text_rules {
	size_t max_bytes;
	bool one_line; /* no control characters */
	bool no_outer_space;
	bool filled; /* not empty */
};

/* Is the value at hand a text of this kind? If not, the fault was noted. */
bool order_text_fits(struct order_check *c, const struct json_member *m,
		     const struct text_rules *rules);
/* Is it white space alone, or empty? */
bool order_text_is_blank(struct json_span string);

/* A key that an object may have, and what checks its value. */
struct order_key {
	const char *name;
	void (*check)(struct order_check *c, const struct json_member *m, void *context);
};

/* Check an object's members; those that are null count as absent. */
void order_check_members(struct order_check *c, struct json_span object,
			 const struct order_key *keys, size_t n_keys, void *context);

/* Check the element `lots` of an order. */
void order_check_lots(struct order_check *c, struct json_span lots);

#endif
