/* SPDX-License-Identifier: ISC */
/*
 * quota: how many requests an account may make, as a token bucket for each account that called
 * lately. The table has a fixed size: where it is full, the bucket that is nearest to full is given
 * up, which its account gains by. Of one process; threads may share it. Knows no clock.
 */
#ifndef FCGI_APP_QUOTA_H
#define FCGI_APP_QUOTA_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#define QUOTA_SETS 256
#define QUOTA_WAYS 8

struct quota_bucket {
	int64_t account_id; /* 0: none */
	int64_t full_at;    /* when it will be full again: all that there is to know of a bucket */
};

struct quota {
	int64_t per_minute; /* requests, and as many at one time; 0: no limit */
	int64_t step;       /* us until one more is allowed */
	pthread_mutex_t lock;
	struct quota_bucket buckets[QUOTA_SETS][QUOTA_WAYS];
};

struct quota_verdict {
	bool allowed;
	int64_t remaining; /* requests that would be allowed now */
	int64_t next_at;   /* when there will be one more */
};

void quota_init(struct quota *r, int64_t per_minute);
void quota_clear(struct quota *r);
/* Take so many requests (0: only look) at `now`, us of a clock that never goes back. */
struct quota_verdict quota_take(struct quota *r, int64_t account_id, int64_t requests, int64_t now);

#endif
