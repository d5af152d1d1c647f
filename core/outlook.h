/* SPDX-License-Identifier: ISC */
/*
 * outlook: what the deadline of a job leaves time for (DESIGN, "Latest start"): batches, and all of
 * its items by synchronous calls. The front end warns by what batchd sends by. Pure.
 */
#ifndef CORE_OUTLOOK_H
#define CORE_OUTLOOK_H

#include "core/policy.h"

enum outlook {
	OUTLOOK_GOOD = 0,
	OUTLOOK_NO_BATCH = 1, /* too short for batches: all goes by calls at once */
	OUTLOOK_NOT_ALL = 2,  /* more than calls can do in the time that batches leave them */
	OUTLOOK_COUNT = 4     /* both may be */
};

/* Of a job that is opened now; calls_at: when its items, ready now, would go by calls. */
unsigned outlook_of(const struct latest_start_view *v, int64_t calls_at);

#endif
