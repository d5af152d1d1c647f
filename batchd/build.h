/* SPDX-License-Identifier: ISC */
/*
 * build: writes a batch's input file (JSONL) into the spool folder, in slices. Items whose
 * job ended meanwhile are taken out: nothing is sent for an ended job.
 *
 * It is written while the batch is filled, so that a sealed one goes at once. The rows are the
 * truth all the same: where an item left since, or its job ended, where nothing could be written, or
 * another process filled the batch, the file is written anew from them.
 */
#ifndef BATCHD_BUILD_H
#define BATCHD_BUILD_H

#include "batchd/daemon.h"

/* The batch is sealed: when its file is whole, submit_built (batchd/submit.h) goes on. */
void build_start(struct daemon *d, const struct batch_row *b);

/*
 * A batch that this process fills, one at a time. Whatever fails here is no trouble of the
 * batch: the file is written after the seal.
 */
void build_ahead_begin(struct daemon *d, int64_t batch_id, const struct recipe *recipe);
/* These items joined it, SLICE_ROWS at most; those before are written (build_ahead_step). */
void build_ahead_joined(struct daemon *d, const int64_t *items, size_t n);
/* Write a slice of what joined; false where there is nothing to write. */
bool build_ahead_step(struct daemon *d);
/* Forget it, and its file; where there is none too. */
void build_ahead_drop(struct daemon *d);

/* spool/batch-<id>.<what> */
void spool_path(const struct daemon *d, int64_t batch_id, const char *what, char *out, size_t size);

#endif
