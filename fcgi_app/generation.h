/* SPDX-License-Identifier: ISC */
/*
 * generation: the workers of one reading of the configuration, and all that they share. A reload
 * starts another one on the same socket, and lets the one before end what it has begun; so every
 * key takes effect, and no request sees two configurations.
 */
#ifndef FCGI_APP_GENERATION_H
#define FCGI_APP_GENERATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/config.h"
#include "core/err.h"
#include "fcgi_app/heads.h"

struct generation;

struct generation_state {
	size_t workers, busy, waiting; /* waiting: polls that are parked */
	bool database_is_away;
	bool hangs; /* a thread gives no sign of life any more */
};

/*
 * Check what can be checked without serving, and prepare it. Takes the configuration in any case.
 * NULL and the reason where it cannot be used.
 */
struct generation *generation_new(struct config *config, struct err *err);
const struct config *generation_config(const struct generation *g);
/*
 * Serve what comes to the socket; aborts where no thread can be had. FCGX_Init() comes first. What the
 * one before it (or NULL) counts is counted on.
 */
void generation_start(struct generation *g, int listen_fd, struct generation *before);
/* Of a started one: the heads that the main thread watches, and how it is. */
struct heads *generation_heads(struct generation *g);
void generation_look(struct generation *g, int64_t now, struct generation_state *state);
/*
 * Begin to end a started one: it takes nothing new, and its polls that wait are answered; with
 * `drain` also what waits in the socket, for a few seconds at most. Returns at once.
 */
void generation_end(struct generation *g, bool drain);
/* Has it ended? Then generation_free() does not wait. */
bool generation_has_ended(const struct generation *g);
/* Wait for its end, where it was started. */
void generation_free(struct generation **g);

#endif
