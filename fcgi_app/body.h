/* SPDX-License-Identifier: ISC */
/*
 * body: request bodies, and what is told where they do not arrive or are not valid.
 */
#ifndef FCGI_APP_BODY_H
#define FCGI_APP_BODY_H

#include <stdint.h>

#include "core/order.h"
#include "core/strbuf.h"
#include "fcgi_app/call.h"

/*
 * Read the whole body into *body, whose limit is the body's. 0, or -1 and the answer is prepared.
 */
int body_read(struct call *c, struct strbuf *body);
/* Prepare the answer for a body that core/order refused. */
void body_refuse(struct call *c, const struct order_faults *faults);
/*
 * The order's deadline, job.deadline where it has none, as an instant by the database's clock.
 * 0 and both instants, or -1 and the answer is prepared.
 */
int body_deadline(struct call *c, const struct order *order, int64_t *now, int64_t *deadline_at);

#endif
