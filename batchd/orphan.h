/* SPDX-License-Identifier: ISC */
/*
 * orphan: remote batches that bear our mark and are not what a row expects: without a row (the
 * database was restored from a backup), or a second one with a row's key.
 */
#ifndef BATCHD_ORPHAN_H
#define BATCHD_ORPHAN_H

#include "batchd/daemon.h"
#include "batchd/telling.h"

/* A batch of the list that no watched row names. */
void orphan_seen(struct daemon *d, const struct remote_batch *r);
/* Make rows of those that an operator asked to adopt (`batchctl adopt`). */
void orphan_adopt_asked(struct daemon *d);
/*
 * May items of this recipe be at the provider already, in a batch that has no row, or was adopted
 * and is not read? 0 and *holds, or -1.
 */
int orphan_holds(struct daemon *d, const char *recipe_hash, bool *holds, struct err *err);
/* To jobs with items that wait for it (batchd/telling.h). */
int orphan_tell(struct telling *t, struct err *err);

#endif
