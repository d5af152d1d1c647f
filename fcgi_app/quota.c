/* SPDX-License-Identifier: ISC */
/*
 * quota: see quota.h. A bucket is kept as the moment at which it is full: nothing has to be
 * refilled.
 */
#include "fcgi_app/quota.h"

#include <string.h>

#include "core/timemath.h"

void quota_init(struct quota *r, int64_t per_minute)
{
	memset(r, 0, sizeof(*r));
	r->per_minute = per_minute;
	r->step = per_minute > 0 ? T_MIN / per_minute : 0;
	pthread_mutex_init(&r->lock, NULL);
}

void quota_clear(struct quota *r)
{
	pthread_mutex_destroy(&r->lock);
}

/* The account's bucket; a new one takes the place of none, or of the fullest of its set. */
static struct quota_bucket *find(struct quota *r, int64_t account_id)
{
	/* Fibonacci hashing: the upper bits of the product are well mixed. */
	const uint64_t hash = (uint64_t)account_id * UINT64_C(0x9e3779b97f4a7c15);
	struct quota_bucket *set = r->buckets[(hash >> 32) % QUOTA_SETS];
	struct quota_bucket *fullest = &set[0];

	for (int i = 0; i < QUOTA_WAYS; i++) {
		if (set[i].account_id == account_id)
			return &set[i];
		if (set[i].full_at < fullest->full_at)
			fullest = &set[i];
	}
	*fullest = (struct quota_bucket){.account_id = account_id};
	return fullest;
}

struct quota_verdict quota_take(struct quota *r, int64_t account_id, int64_t requests, int64_t now)
{
	struct quota_verdict v = {.allowed = true};
	struct quota_bucket *b;
	int64_t taken; /* us until full */
	int64_t missing;

	if (r->per_minute == 0)
		return v;
	pthread_mutex_lock(&r->lock);
	b = find(r, account_id);
	taken = t_max(0, b->full_at - now);
	v.allowed = taken <= (r->per_minute - requests) * r->step;
	if (v.allowed) {
		taken += requests * r->step;
		b->full_at = now + taken;
	}
	pthread_mutex_unlock(&r->lock);
	missing = (taken + r->step - 1) / r->step;
	v.remaining = r->per_minute - missing;
	v.next_at = now + taken - (missing - 1) * r->step;
	return v;
}
