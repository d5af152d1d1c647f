/* SPDX-License-Identifier: ISC */
/*
 * remove_old: what retention asked to remove by its age and not job by job. Photographs that are of
 * use to no job any more, though its lots still name them: a retry says so (images_expired). And of
 * batches whose jobs are all deleted their timeline and the texts of their lines; a row of each stays.
 */
#ifndef BATCHD_REMOVE_OLD_H
#define BATCHD_REMOVE_OLD_H

#include "batchd/daemon.h"

/* Where the walk is; all zero: at no request. What is in memory alone begins anew, and finds the rest. */
struct remove_old {
	int64_t request, before;
	unsigned char after[32]; /* images: those up to this one were looked at */
	uint64_t n;              /* removed */
};

/* One slice of what is asked for: 1 = more, 0 = nothing is, -1. */
int remove_old_images(struct daemon *d, struct remove_old *walk, struct err *err);
int remove_old_batches(struct daemon *d, struct remove_old *walk, struct err *err);

#endif
