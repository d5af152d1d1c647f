/* SPDX-License-Identifier: ISC */
/*
 * unit: the batch whose work is in hand, recorded in the lease row. Work under which three
 * epochs in a row died is skipped for a minute, doubling to an hour, so that one poisonous
 * batch stops nothing else.
 */
#ifndef BATCHD_UNIT_H
#define BATCHD_UNIT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/db.h"
#include "core/err.h"

struct unit {
	int64_t epoch;
	int64_t recorded; /* what the row says; 0 = nothing */
	int64_t suspect;  /* died under; 0 = none */
	int64_t deaths;
	int64_t skip_until; /* boot clock */
	bool in_hand;       /* the suspect's work is being done: the row says so */
};

/* The lease was taken, with this epoch: read what the last one died under, if it did. 0 or -1. */
int unit_taken(struct unit *u, struct db *db, int64_t epoch, struct err *err);
/* Is work of this batch to be left alone for now? */
bool unit_skips(const struct unit *u, int64_t batch_id);
/* The batch that three epochs in a row or more died under, as long as its work is not done; or 0. */
int64_t unit_put_aside(const struct unit *u);
/* Work of this batch begins; written where it changed. */
void unit_begin(struct unit *u, struct db *db, int64_t batch_id);
/*
 * Nothing is in hand. `done`: this batch's work is done (then it is no suspect any
 * more); 0 = it only failed.
 */
void unit_end(struct unit *u, struct db *db, int64_t done);

#endif
