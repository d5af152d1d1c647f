/* SPDX-License-Identifier: ISC */
/*
 * call: one synchronous call of an item. Its attempt is committed as open before; what comes back
 * goes the way of batchd/answered.h, and is tried again where it cannot be stored now. It goes on
 * where the lease is lost.
 */
#ifndef BATCHD_CALL_H
#define BATCHD_CALL_H

#include "batchd/daemon.h"
#include "core/allowance.h"
#include "core/result_line.h"

struct call; /* in flight, or answered and not stored yet */

enum call_end {
	CALL_ANSWERED, /* be it with a failure of its own */
	CALL_NO_ROOM,  /* refused for now */
	CALL_TROUBLED, /* lost, or never sent */
};

/* It ended: what is learned from that. */
struct call_news {
	enum way way;
	enum call_end end;
	bool was_cut;     /* its patience was over */
	bool is_measured; /* took_us is how long one takes */
	int64_t took_us;
	int64_t wait_us; /* asked for by the provider; 0 = not */
	uint64_t seed;   /* of the attempt */
	/* of the order, when it was sent (boot clock), and what the answer says of the rate limits */
	uint64_t number;
	int64_t sent_at;
	struct allowance_told told;
	int64_t tokens; /* that the answer took */
};
typedef void call_ended_fn(struct daemon *d, const struct call_news *news);

struct call_order {
	const struct recipe *recipe;
	enum way way;
	int64_t job, item;
	unsigned attempt;
	const char *mark;    /* of the job; copied */
	uint64_t number;     /* of its tier's calls (core/allowance.h) */
	int64_t deadline_at; /* of its job */
	call_ended_fn *ended;
};

/* Send it. Where that cannot be done it is answered at once: not sent. */
struct call *call_start(struct daemon *d, const struct call_order *order);
/*
 * It is not sent, and answered so. is_doubted: the answer to the COMMIT of its attempt was lost; then
 * nothing may be sent before it is stored, since the number of its attempt may be free.
 */
struct call *call_unsent(struct daemon *d, const struct call_order *order, bool is_doubted);
bool call_is_doubted(const struct call *c);
/* Store its answer, where it is there. True: it is stored; the call is over. */
bool call_store(struct call *c);
/* The same without the lease: for the active batchd. */
bool call_keep(struct call *c);
int64_t call_job(const struct call *c);
/* Of one that is stored. Borrowed. */
const struct result *call_result(const struct call *c);
/* When it is given up, by the boot clock; T_NEVER: it is answered. */
int64_t call_cut_at(const struct call *c);
bool call_is(const struct call *c, int64_t item, unsigned attempt);
void call_free(struct call *c);

#endif
