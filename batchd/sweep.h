/* SPDX-License-Identifier: ISC */
/* sweep: remote files of batches that are closed. */
#ifndef BATCHD_SWEEP_H
#define BATCHD_SWEEP_H

#include "batchd/daemon.h"

/*
 * Delete remote files of closed batches whose harvest is durable, some at a time; read
 * those that were named late.
 */
void sweep_closed(struct daemon *d);

#endif
