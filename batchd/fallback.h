/* SPDX-License-Identifier: ISC */
/*
 * fallback: items of jobs whose latest start has come are sent by synchronous calls, on the tiers of
 * the configuration, as many at once as the provider takes (core/window.h).
 */
#ifndef BATCHD_FALLBACK_H
#define BATCHD_FALLBACK_H

#include "batchd/daemon.h"

struct fallback *fallback_new(void);
void fallback_free(struct fallback **f);
/* The lease was lost or taken: calls of before are looked for in the database. */
void fallback_reset(struct fallback *f);
/* Store what came back. */
void fallback_store(struct daemon *d);
/* The same, and send what is due. */
void fallback_step(struct daemon *d);
/* A tick passed: look for items again. */
void fallback_wake(struct fallback *f);
/* Are calls of the job in flight? */
bool fallback_serves(const struct fallback *f, int64_t job);
/* Nothing is in flight and nothing waits to be stored. */
bool fallback_is_idle(const struct fallback *f);

#endif
