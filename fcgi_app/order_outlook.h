/* SPDX-License-Identifier: ISC */
/* order_outlook: what an order's deadline leaves no time for (core/outlook.h), and the warning of it. */
#ifndef FCGI_APP_ORDER_OUTLOOK_H
#define FCGI_APP_ORDER_OUTLOOK_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/load.h"
#include "core/order.h"
#include "core/strbuf.h"

struct call;
struct order_terms;

/* What calls are asked for, read once a second at most however many orders come. Of all workers. */
struct order_load {
	pthread_mutex_t lock;
	int64_t read_at; /* by the boot clock; 0 = never */
	bool is_read;    /* a worker reads it now */
	struct load load;
};

void order_load_init(struct order_load *l);
void order_load_clear(struct order_load *l);

/*
 * Before the order is stored, so that it does not count twice: what its deadline leaves time for, of
 * enum outlook. Where the database cannot tell now, nothing is said.
 */
unsigned order_outlook(struct call *c, const struct order *order, const struct order_terms *terms);
/* Put the warnings into its job's status object, as status_render left it. */
void order_outlook_warn(unsigned outlook, int64_t now, struct strbuf *status_json);

#endif
