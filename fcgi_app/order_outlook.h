/* SPDX-License-Identifier: ISC */
/* order_outlook: warns of what an order's deadline leaves no time for (core/outlook.h). */
#ifndef FCGI_APP_ORDER_OUTLOOK_H
#define FCGI_APP_ORDER_OUTLOOK_H

#include "core/order.h"
#include "core/strbuf.h"
#include "fcgi_app/call.h"
#include "fcgi_app/order_store.h"

/*
 * The order is stored: put the warnings into the job's status object, as status_render left it. Where
 * the database cannot tell now there are none.
 */
void order_outlook(struct call *c, const struct order *order, const struct order_terms *terms,
		   struct strbuf *status_json);

#endif
