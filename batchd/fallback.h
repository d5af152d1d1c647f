/* SPDX-License-Identifier: ISC */
/*
 * fallback: items of jobs whose latest start has come are sent by synchronous calls, on the tiers of
 * the configuration, as many at once as the provider takes (core/window.h).
 */
#ifndef BATCHD_FALLBACK_H
#define BATCHD_FALLBACK_H

#include "batchd/daemon.h"
#include "core/plan.h"
#include "core/result_line.h"

struct fallback *fallback_new(void);
void fallback_free(struct fallback **f);
/*
 * The lease was taken: calls of an earlier life are looked for in the database. Our own of before
 * go on.
 */
void fallback_taken(struct fallback *f);
/* Store what came back; with the lease. */
void fallback_store(struct daemon *d);
/* The same without it. */
void fallback_keep(struct daemon *d);
/* With it: the same, also what was kept without it, and send what is due. */
void fallback_step(struct daemon *d);
/* Read what calls are asked for and how long they take into d->load. 0 or -1. */
int fallback_load(struct daemon *d, struct err *err);
/* A tick passed: look for items again. */
void fallback_wake(struct fallback *f);
/*
 * When the first of the job's calls in flight is cut at the latest, by the database's clock; T_NEVER where none is.
 */
int64_t fallback_cut_at(const struct daemon *d, int64_t job);
/* When there is room for one more call at the latest; now or earlier: there is. */
int64_t fallback_room_at(const struct daemon *d);
/* What became of a call that was made alone, once that is stored. */
typedef void fallback_one_fn(struct daemon *d, int64_t recipe_id, const struct result *r);
/* No such call is in flight, and those of an earlier life are booked. */
bool fallback_can_send_one(const struct fallback *f);
/* The recipe of the one in flight; 0: there is none. */
int64_t fallback_one(const struct fallback *f);
/*
 * One item of the candidate, now, outside the ladder: on the last tier, that it be answered and not
 * wait for room. 1 = sent, 0 = nothing is there to be sent, -1. Where the lease is lost meanwhile
 * `done` is not called.
 */
int fallback_send_one(struct daemon *d, const struct plan_candidate *c, fallback_one_fn *done,
		      struct err *err);
/* Nothing is in flight and nothing waits to be stored. */
bool fallback_is_idle(const struct fallback *f);

#endif
