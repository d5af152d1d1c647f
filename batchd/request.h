/* SPDX-License-Identifier: ISC */
/*
 * request: carries out what clients and operators asked of jobs (store_command), oldest first,
 * slice by slice; the row of the request says where the next slice begins, so that each is carried
 * out once, whoever dies in between. Also removes idempotency keys of orders that have served, and
 * requests that were done long ago. What is to be removed is batchd/remove.h.
 */
#ifndef BATCHD_REQUEST_H
#define BATCHD_REQUEST_H

#include "batchd/daemon.h"

struct requests *requests_new(void);
void requests_free(struct requests **r);
/* There may be new ones: the lease was taken. */
void requests_reset(struct requests *r);
/* A batch was closed, for which some may wait: look now. */
void requests_wake(struct requests *r);
/*
 * Do one slice where there is something to do: 1 = more now, 0 = nothing before the next tick, -1.
 */
int requests_step(struct daemon *d, struct err *err);

#endif
