/* SPDX-License-Identifier: ISC */
/*
 * batch_row: the one mover of a batch's row (common/batch.h). It is read, changed in memory and
 * stored whole by compare-and-set on its version.
 */
#ifndef BATCHD_BATCH_ROW_H
#define BATCHD_BATCH_ROW_H

#include <stdbool.h>
#include <stdint.h>

#include "batchd/openai.h"
#include "common/batch.h"

/* Store every column; version + 1. -1 ERR_CONFLICT where another moved it. */
int batch_row_store(struct db *db, struct batch_row *b, struct err *err);
/*
 * Change the phase in memory (asserts that the move is allowed); next_at is now, and tries begin
 * anew but on the way from the file to the running batch.
 */
void batch_row_move(struct batch_row *b, enum batch_phase to, int64_t now);
/*
 * A step failed for now: one more try, next_at after the back-off (or wait, where that is longer).
 */
void batch_row_backoff(struct batch_row *b, int64_t now, int64_t wait_us, const char *error);
/*
 * The provider's object into the row. An older observation than the one stored, or a step back from
 * a final status, changes nothing. True where status, counts or files changed.
 */
bool batch_row_observe(struct batch_row *b, const struct remote_batch *r, int64_t observed_at);

#endif
