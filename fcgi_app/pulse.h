/* SPDX-License-Identifier: ISC */
/*
 * pulse: the sign of life of a thread. All that a thread waits for has a limit (a peer's bytes, the
 * database), so one that is at work and gave no sign for longer than any of them hangs.
 */
#ifndef FCGI_APP_PULSE_H
#define FCGI_APP_PULSE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Above PEER_TIMEOUT_S of http.c, and the second and a half of the database. */
#define PULSE_LOST_US INT64_C(60000000)

struct pulse {
	_Atomic int64_t at; /* on clock_boot(); 0: it rests */
};

/* The calling thread has this pulse from now on; it must stay. */
void pulse_of_thread(struct pulse *p);
/* The calling thread lives; it rests, until it lives again. Threads without a pulse may say so, too. */
void pulse_beat(void);
void pulse_rest(void);

bool pulse_rests(const struct pulse *p);
bool pulse_is_lost(const struct pulse *p, int64_t now);

#endif
