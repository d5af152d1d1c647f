/* SPDX-License-Identifier: ISC */
/*
 * installation: whose batches are ours. A random mark, made by the first migration, stands in the
 * database, in every file name and batch, and in batchd's state directory. Where database and
 * directory differ, this may be a copy of production: nothing is sent, cancelled or deleted until
 * `batchctl installation keep|new`.
 */
#ifndef BATCHD_INSTALLATION_H
#define BATCHD_INSTALLATION_H

#include "batchd/daemon.h"

/*
 * Read the mark and compare: the lease is ours. Sets d->installation, d->renewed_at and
 * d->is_foreign. A directory that differs takes the mark where an operator said so, an empty one
 * also while no batch was ever created. 0, or -1.
 */
int installation_check(struct daemon *d, struct err *err);
/*
 * As a standby: an empty directory takes the mark where another batchd was seen to renew its lease
 * (that a lease is not over yet is no proof: a copy of the database has it too). 0, or -1.
 */
int installation_look(struct daemon *d, struct err *err);

#endif
