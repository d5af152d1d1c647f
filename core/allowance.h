/* SPDX-License-Identifier: ISC */
/*
 * allowance: what the provider's rate-limit headers say that may still be asked of it. They tell the
 * state when a call was admitted, so that those sent since are taken off; a reset is the time until a
 * bucket is full again, in which it fills evenly, and after which nothing is known of it. Pure.
 */
#ifndef CORE_ALLOWANCE_H
#define CORE_ALLOWANCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum allowance_kind { ALLOW_REQUESTS, ALLOW_TOKENS, ALLOW_KINDS };

/* Of one answer: -1 where it does not tell. */
struct allowance_told {
	int64_t left[ALLOW_KINDS], limit[ALLOW_KINDS];
	int64_t full_in[ALLOW_KINDS]; /* microseconds */
};

extern const struct allowance_told allowance_untold;

/* One header; others than x-ratelimit-... and values that are none are passed over. */
void allowance_header(struct allowance_told *told, const char *name, const char *value);

struct allowance {
	struct allowance_bucket {
		bool is_told;
		uint64_t call; /* whose answer told it */
		int64_t at, left, limit, full_in;
	} buckets[ALLOW_KINDS];
	uint64_t n_sent;
	int64_t tokens_each; /* of answered calls, the newer ones counting more; 0 = none yet */
};

/* A call is sent: returns its number. */
uint64_t allowance_sent(struct allowance *a);
/* It was answered; at: when it was sent. Of several the one that was sent last counts. */
void allowance_learn(struct allowance *a, const struct allowance_told *told, uint64_t call,
		     int64_t at);
/* An answer took so many tokens. */
void allowance_used(struct allowance *a, int64_t tokens);
/* How many calls may be sent now, `most` at most, by the same clock. */
uint32_t allowance_room(const struct allowance *a, uint32_t most, int64_t now);

#endif
