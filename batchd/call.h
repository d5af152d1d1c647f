/* SPDX-License-Identifier: ISC */
/*
 * call: one synchronous call of an item. Its attempt is committed as open before; what comes back
 * is settled as a line of a result file is (batchd/apply.h). An answer that cannot be stored now
 * is kept and tried again; one that never came is booked as lost, and its item sent once more.
 */
#ifndef BATCHD_CALL_H
#define BATCHD_CALL_H

#include "batchd/daemon.h"

struct call; /* in flight, or answered and not stored yet */

enum call_end {
	CALL_ANSWERED, /* be it with a failure of its own */
	CALL_NO_ROOM,  /* refused for now */
	CALL_TROUBLED, /* lost, or never sent */
};

/* It ended: what the window learns from that. */
typedef void call_ended_fn(struct daemon *d, enum way way, enum call_end end, int64_t wait_us,
			   uint64_t seed);

struct call_order {
	const struct recipe *recipe;
	enum way way;
	int64_t job, item;
	unsigned attempt;
	int64_t deadline_at; /* of its job */
	call_ended_fn *ended;
};

/*
 * Send it. Where that cannot be done it is answered at once: never sent. NULL where not even its row
 * can be read: its attempt stays open for call_recover.
 */
struct call *call_start(struct daemon *d, const struct call_order *order);
/* Store its answer, where it is there. True: it is stored; the call is over. */
bool call_store(struct call *c);
int64_t call_job(const struct call *c);
/* When it is given up, by the boot clock; T_NEVER: it is answered. */
int64_t call_cut_at(const struct call *c);
void call_free(struct call *c);
/* Attempts that an earlier life left open are booked as lost. 0 or -1. */
int call_recover(struct daemon *d, struct err *err);

#endif
