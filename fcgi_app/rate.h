/* SPDX-License-Identifier: ISC */
/*
 * rate: how many requests an account may make, as a token bucket for each account that called
 * lately. The table has a fixed size: where it is full, the bucket that is nearest to full is given
 * up, which its account gains by. Of one process; threads may share it. Knows no clock.
 */
#ifndef FCGI_APP_RATE_H
#define FCGI_APP_RATE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#define RATE_SETS 256
#define RATE_WAYS 8

struct rate_bucket {
	int64_t account_id; /* 0: none */
	int64_t full_at;    /* when it will be full again: all that there is to know of a bucket */
};

struct rate {
	int64_t quota; /* requests a minute, and at one time; 0: no limit */
	int64_t step;  /* us until one more is allowed */
	pthread_mutex_t lock;
	struct rate_bucket buckets[RATE_SETS][RATE_WAYS];
};

struct rate_verdict {
	bool allowed;
	int64_t remaining; /* requests that would be allowed now */
	int64_t next_at;   /* when there will be one more */
};

void rate_init(struct rate *r, int64_t per_minute);
void rate_clear(struct rate *r);
/* Take so many requests (0: only look) at `now`, us of a clock that never goes back. */
struct rate_verdict rate_take(struct rate *r, int64_t account_id, int64_t requests, int64_t now);

#endif
