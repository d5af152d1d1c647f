/* SPDX-License-Identifier: ISC */
/*
 * late: what the provider shows of a batch after we closed it. Result files that it names only now
 * are read like any other (batchd/harvest.h); the row stays closed, and what was lost becomes
 * harvested. A lost batch that is back and runs is cancelled, since its items went elsewhere.
 */
#ifndef BATCHD_LATE_H
#define BATCHD_LATE_H

#include "batchd/daemon.h"

/* The provider shows a batch of which no call is under way; b: its row, just read. */
void late_seen(struct daemon *d, struct batch_row *b, const struct remote_batch *r);
/* The late files of the row are read. */
void late_done(struct daemon *d, struct batch_row *b);

#endif
