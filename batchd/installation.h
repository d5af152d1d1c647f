/* SPDX-License-Identifier: ISC */
/*
 * installation: whose batches are ours. A random mark, made by the first migration, stands in the database, in
 * every file name and batch, and in batchd's state directory. Where database and directory differ, this may be a
 * copy of production: nothing is sent, cancelled or deleted until `batchctl installation keep|new`.
 */
#ifndef BATCHD_INSTALLATION_H
#define BATCHD_INSTALLATION_H

#include <stdbool.h>

#include "batchd/daemon.h"

/*
 * Read the mark and compare. Sets d->installation, d->renewed_at and d->is_foreign. `other_is_active`: another
 * batchd holds a live lease, so an empty directory may take the database's mark. 0, or -1.
 */
int installation_check(struct daemon *d, bool other_is_active, struct err *err);

#endif
