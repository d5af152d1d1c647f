/* SPDX-License-Identifier: ISC */
/*
 * window: how many synchronous calls may be in flight, and on which tier. It grows by one with
 * each answer and is halved by a refusal for lack of room (429, 503), as TCP does; a tier that
 * has refused for too long gives way to the next one. Pure.
 */
#ifndef CORE_WINDOW_H
#define CORE_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

struct window {
	uint32_t size, most; /* calls; at least 1 */
	uint32_t refusals;   /* rounds in a row, for the back-off */
	int64_t not_before;  /* nothing is sent earlier; 0 = at once */
	/* the first tier's first refusal since it last answered; 0 = none */
	int64_t refused_since;
};

/* Open as wide as it goes: the first refusals close it. */
void window_init(struct window *w, uint32_t most);
/* How many more calls may be sent now, with so many in flight. */
uint32_t window_room(const struct window *w, uint32_t in_flight, int64_t now);
/* A call was answered, on this tier (0: the first). */
void window_answered(struct window *w, uint32_t tier);
/*
 * A call was refused for lack of room, or (`no_room` false) lost, which is not its tier's fault:
 * nothing is sent before its back-off is over, or the wait that the provider asks for, where that
 * is longer, a minute at most: a call that is refused costs nothing, and a deadline comes nearer.
 * seed: of the attempt, so that calls do not come back all at once.
 */
void window_refused(struct window *w, uint32_t tier, bool no_room, int64_t now, int64_t wait_us,
		    uint64_t seed);
/*
 * Such a call was cut for it: it had waited since it was sent, and so has its tier, which has had its
 * patience by that.
 */
void window_waited(struct window *w, uint32_t tier, int64_t sent_at);
/*
 * Of n tiers (1 or 2) the one to try now, for a job with this deadline: the second where the first
 * has refused for `patience`, or for half of what was left. It is tried again ten minutes later.
 */
uint32_t window_tier(struct window *w, uint32_t n, int64_t patience, int64_t deadline_at,
		     int64_t now);

#endif
