/* SPDX-License-Identifier: ISC */
/*
 * park: polls that wait for a change (Prefer: wait). A parked request holds no worker and no
 * database connection: the follower tells which jobs changed and what time it is, and what is due
 * is handed back, to be served by whichever worker takes it.
 *
 * Safe for threads. Reads no clock: instants are clock_boot().
 */
#ifndef FCGI_APP_PARK_H
#define FCGI_APP_PARK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct FCGX_Request;
struct park;

/*
 * Of one job no more than these wait: who asks for more gets the answer at once (DESIGN section 5).
 */
#define PARK_PER_JOB 16

/* Room for max_waiting requests. Aborts where memory is lacking. */
struct park *park_new(size_t max_waiting);
/* All requests must have been taken back. */
void park_free(struct park **p);

/* Readable (an eventfd that counts, one a read) while a request is to be taken back. */
int park_ready_fd(const struct park *p);
bool park_is_ready(struct park *p);

/* How many it has room for. */
size_t park_places(const struct park *p);
/* Is there room for one more of this job? */
bool park_has_room(struct park *p, const uint8_t uuid[16]);
/*
 * Park until the job has a newer version than `version`, or until the instant. True: the request is
 * ours until it is taken back. False: no room, or the end has begun.
 */
bool park_add(struct park *p, struct FCGX_Request *request, const uint8_t uuid[16], int64_t version,
	      int64_t until);
/* A request to be served now, or NULL. */
struct FCGX_Request *park_take(struct park *p);

/*
 * The follower's: the job changed; the time is now, and whose peer has left is not waited for; all
 * are due from now on, and nothing is parked any more.
 */
void park_changed(struct park *p, const uint8_t uuid[16], int64_t version);
void park_expire(struct park *p, int64_t now);
void park_end(struct park *p);
size_t park_count(struct park *p);

#endif
