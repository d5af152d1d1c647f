/* SPDX-License-Identifier: ISC */
/*
 * follower: one thread a process that reads from the database, twice a second, which jobs
 * changed: what is cached of them is outdated, who waits for them is woken. While it is up to
 * date the cache may answer.
 *
 * How it sees every change: job.changed_at is set by the database with each write of the row. A
 * row is seen some time after that, when its transaction commits; so each look goes back further
 * than a transaction may last. A jump of the database's clock, or more changes than one look
 * takes, make it forget all.
 */
#ifndef FCGI_APP_FOLLOWER_H
#define FCGI_APP_FOLLOWER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/config.h"
#include "fcgi_app/cache.h"
#include "fcgi_app/park.h"

struct follower;

/* A poll may show a change so much late. */
#define FOLLOWER_LATE_US INT64_C(1000000)

/*
 * Start it. The cache and the park are borrowed. Aborts where it cannot be started. With nothing to
 * keep right (no bytes for the cache, no places to wait) it rests, and is never fresh.
 */
struct follower *follower_start(const struct config *config, struct cache *cache,
				struct park *park);
/* Let those that wait go (park_end) and end the thread; what it saw last can still be asked for. */
void follower_end(struct follower *f);
void follower_free(struct follower **f);
/* Does its thread give no sign of life any more? fcgi_app/pulse.h */
bool follower_hangs(const struct follower *f, int64_t now);

/* Is all that was committed up to FOLLOWER_LATE_US ago known to the cache? */
bool follower_is_fresh(const struct follower *f, int64_t now);
/* The database's clock at `now` of clock_boot(), as last seen; 0 where it was never seen. */
int64_t follower_db_time(const struct follower *f, int64_t now);

#endif
