/* SPDX-License-Identifier: ISC */
/*
 * watch: reconciles the provider's list of batches with ours. One pass reads pages, newest first,
 * until every batch that we watch was seen or the list is older than the oldest of them; what the
 * list lacks is read singly. The first pass after a start or a takeover goes further back and
 * comes before any submission.
 */
#ifndef BATCHD_WATCH_H
#define BATCHD_WATCH_H

#include "batchd/daemon.h"

struct watch *watch_new(void);
void watch_free(struct watch **w);
/* The lease was taken, or the database may be another: reconcile before anything is sent. */
void watch_reset(struct watch *w);
/* True once a whole pass was made since the last reset, and what it lacked was read singly. */
bool watch_is_reconciled(const struct watch *w);
/*
 * Does the key that this batch was created with see another project than ours? So it is taken where
 * ours is another and sees none of our batches: then sending stops, and nothing counts as lost.
 */
bool watch_doubts_project(struct daemon *d, const struct batch_row *b);
/* Start (database time) of the last whole pass; 0 = none. */
int64_t watch_looked_at(const struct watch *w);
/*
 * A new connection may be to another server of the database: look before anything is sent (DESIGN).
 */
void watch_heed_node(struct daemon *d);
/* Somebody wants to know: a pass begins at the next tick even before poll_interval is over. */
void watch_want(struct watch *w);
/* Called each tick: begins a pass where one is due. */
void watch_tick(struct daemon *d);

#endif
