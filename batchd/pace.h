/* SPDX-License-Identifier: ISC */
/*
 * pace: how many synchronous calls may be made now, on which tier, and how long one takes: what the
 * ends of calls teach. In memory alone, but for what a call takes, which the others may read.
 */
#ifndef BATCHD_PACE_H
#define BATCHD_PACE_H

#include "batchd/call.h"
#include "core/allowance.h"
#include "core/load.h"
#include "core/window.h"

struct pace {
	struct window window;
	struct measure measure, by_way[WAY_COUNT];
	int64_t measured_at[WAY_COUNT]; /* last; boot clock */
	struct allowance allowances[WAY_COUNT];
};

/* The configuration's concurrency: another one than before begins anew. */
void pace_set(struct pace *p, uint32_t concurrency);
/* A call of this way is sent: its number for the order. */
uint64_t pace_sent(struct pace *p, enum way way);
/* A call ended. */
void pace_learn(struct pace *p, const struct daemon *d, const struct call_news *news);
/*
 * On which tier a call for a job with this deadline goes: a slow one gives way where its answer would
 * come too late. False: on none any more; what is not sent fails at the deadline.
 */
bool pace_choose(struct pace *p, const struct daemon *d, int64_t deadline_at, enum way *way);
/* How many may be sent on it, n being in flight: `room` at most, which window_room gives. */
uint32_t pace_allowed(const struct pace *p, enum way way, uint32_t n, uint32_t room);
/* Read what calls are asked for into d->load, with what one takes, and store that. 0 or -1. */
int pace_load(const struct pace *p, struct daemon *d, struct err *err);

#endif
