/* SPDX-License-Identifier: ISC */
/*
 * harvest: reads the result files of an ended batch, whatever its end: download to the spool
 * folder with its length checked, then line by line in slices (batchd/apply.h), then the
 * next file, then the rest.
 */
#ifndef BATCHD_HARVEST_H
#define BATCHD_HARVEST_H

#include "batchd/daemon.h"

/*
 * Go on where the row's cursor stands: of a batch that ended, or that is closed and has late files.
 */
void harvest_go_on(struct daemon *d, struct batch_row *b);

#endif
