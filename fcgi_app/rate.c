/* SPDX-License-Identifier: ISC */
/*
 * rate: see rate.h. A bucket is kept as the moment at which it is full: nothing has to be refilled.
 */
#include "fcgi_app/rate.h"

#include <string.h>

#include "core/timemath.h"

void rate_init(struct rate *r, int64_t per_minute)
{
	memset(r, 0, sizeof(*r));
	r->quota = per_minute;
	r->step = per_minute > 0 ? T_MIN / per_minute : 0;
	pthread_mutex_init(&r->lock, NULL);
}

void rate_clear(struct rate *r)
{
	pthread_mutex_destroy(&r->lock);
}

/* The account's bucket; a new one takes the place of none, or of the fullest of its set. */
static struct rate_bucket *find(struct rate *r, int64_t account_id)
{
	/* Fibonacci hashing: the upper bits of the product are well mixed. */
	const uint64_t hash = (uint64_t)account_id * UINT64_C(0x9e3779b97f4a7c15);
	struct rate_bucket *set = r->buckets[(hash >> 32) % RATE_SETS];
	struct rate_bucket *fullest = &set[0];

	for (int i = 0; i < RATE_WAYS; i++) {
		if (set[i].account_id == account_id)
			return &set[i];
		if (set[i].full_at < fullest->full_at)
			fullest = &set[i];
	}
	*fullest = (struct rate_bucket){.account_id = account_id};
	return fullest;
}

struct rate_verdict rate_take(struct rate *r, int64_t account_id, int64_t requests, int64_t now)
{
	struct rate_verdict v = {.allowed = true};
	struct rate_bucket *b;
	int64_t taken; /* us until full */
	int64_t missing;

	if (r->quota == 0)
		return v;
	pthread_mutex_lock(&r->lock);
	b = find(r, account_id);
	taken = t_max(0, b->full_at - now);
	v.allowed = taken <= (r->quota - requests) * r->step;
	if (v.allowed) {
		taken += requests * r->step;
		b->full_at = now + taken;
	}
	pthread_mutex_unlock(&r->lock);
	missing = (taken + r->step - 1) / r->step;
	v.remaining = r->quota - missing;
	v.next_at = now + taken - (missing - 1) * r->step;
	return v;
}
