/* SPDX-License-Identifier: ISC */
/*
 * stop: what stops all sending: no money, no key, another project's key. The row of the lease says
 * so, for a successor too; work waits in `ready` and only deadlines end it.
 *
 * Whoever hears of it calls daemon_stop_sending, whoever wants to send asks daemon_may_send (both
 * of batchd/daemon.h). It is over when the operator says so (`batchctl resume`), with another key,
 * or by a probe, one at a time, the first ten minutes later and then every ten: where the key was
 * refused it is the provider's list; else one waiting item, called synchronously, since only an
 * answer that is paid for proves that there is money. Where none waits there is nothing to prove.
 */
#ifndef BATCHD_STOP_H
#define BATCHD_STOP_H

#include "batchd/daemon.h"

struct stop *stop_new(void);
void stop_free(struct stop **s);
/* The lease was lost or taken: until the next tick nothing is known, and nothing is sent. */
void stop_reset(struct stop *s);
/* Read what the row says, do as the operator asked, probe. Each tick of the active batchd. */
void stop_tick(struct daemon *d);
/* A source of batchd/telling.h: what waits is told of the stop. */
struct telling;
int stop_tell(struct telling *t, struct err *err);
/* Is sending stopped for this code? */
bool stop_is_for(const struct stop *s, const char *code);
/* Over, where it is for this code; why: for the log. */
void stop_end(struct daemon *d, const char *code, const char *why);
/*
 * A call that only reads failed: it stops sending where the key was refused. What else it may be
 * refused for concerns what was read.
 */
void stop_heed_read(struct daemon *d, const struct openai_reply *r);
/* Is the provider's list the probe, and is it time for it? */
bool stop_wants_list(const struct daemon *d);
/* The list was read. */
void stop_listed(struct daemon *d);

#endif
