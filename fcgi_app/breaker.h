/* SPDX-License-Identifier: ISC */
/*
 * breaker: one memory, shared by all workers, of the database being away. The first worker that
 * fails opens it; until a pause is over nobody tries, then one worker at a time probes. So a hung
 * server costs one worker its time-out, and all other requests are answered at once.
 *
 * Instants are microseconds since boot, 0 = closed. No locks; reads no clock.
 */
#ifndef FCGI_APP_BREAKER_H
#define FCGI_APP_BREAKER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define BREAKER_PAUSE_US INT64_C(1000000)

struct breaker {
	_Atomic int64_t down_until; /* 0: closed */
};

/* May this worker try? True while closed; while open once per pause, for the worker that probes. */
bool breaker_pass(struct breaker *b, int64_t now);
/* Did the last try fail? */
bool breaker_is_open(const struct breaker *b);
/* What came of a try. */
void breaker_fail(struct breaker *b, int64_t now);
void breaker_succeed(struct breaker *b);

#endif
