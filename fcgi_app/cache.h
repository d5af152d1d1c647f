/* SPDX-License-Identifier: ISC */
/*
 * cache: answers about jobs that this process has given, so that most polls need no database. It
 * is kept right by the follower, which tells it of every change within a second; it never goes
 * back: an answer older than what is known of its job is not taken. Bounded in bytes; what was not
 * asked for longest goes first.
 *
 * Safe for threads. Reads no clock: `now` is clock_boot().
 */
#ifndef FCGI_APP_CACHE_H
#define FCGI_APP_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/model.h"
#include "core/strbuf.h"
#include "core/timemath.h"

struct cache;

/* Of a job there may be several answers. */
#define CACHE_STATUS 0 /* its status object, without links */
#define CACHE_RESULT 1 /* the first page of its result */

/*
 * After so long an answer is read anew even if no change was told: a second
 * line behind the follower.
 */
#define CACHE_LIFE (5 * T_MIN)

/* What an answer is of; all but the version is the caller's. */
struct cached {
	int64_t job_id, account_id, version;
	int64_t updated_at, deadline_at;
	enum job_status status;
	enum job_end end;
};

/*
 * At most about so many bytes, bookkeeping included; 0: nothing is kept.
 * Aborts where memory is lacking.
 */
struct cache *cache_new(size_t bytes);
void cache_free(struct cache **c);

/* True and *head, and the text appended to *out, where the newest known answer is held. */
bool cache_get(struct cache *c, const uint8_t uuid[16], uint32_t variant, int64_t now,
	       struct cached *head, struct strbuf *out);
/* Keep a copy. False where a newer version of the job is known: the caller reads again. */
bool cache_put(struct cache *c, const uint8_t uuid[16], uint32_t variant, int64_t now,
	       const struct cached *head, const char *text, size_t n);
/* The job has this version now: what is older is not given again. */
void cache_outdate(struct cache *c, const uint8_t uuid[16], int64_t version);
/* Nothing that was kept is given again. */
void cache_forget_all(struct cache *c);
size_t cache_bytes(struct cache *c);

#endif
