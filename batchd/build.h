/* SPDX-License-Identifier: ISC */
/*
 * build: writes a sealed batch's input file (JSONL) into the spool folder, in slices. Items whose
 * job ended meanwhile are taken out: nothing is sent for an ended job.
 */
#ifndef BATCHD_BUILD_H
#define BATCHD_BUILD_H

#include "batchd/daemon.h"

/* Begin; when the file is whole, submit_upload (batchd/submit.h) goes on. */
void build_start(struct daemon *d, const struct batch_row *b);
/* spool/batch-<id>.<what> */
void spool_path(const struct daemon *d, int64_t batch_id, const char *what, char *out, size_t size);

#endif
