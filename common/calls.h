/* SPDX-License-Identifier: ISC */
/*
 * calls: what synchronous calls are asked for and how long they take, as the database says
 * (core/load.h). Reads only.
 */
#ifndef COMMON_CALLS_H
#define COMMON_CALLS_H

#include "common/config.h"
#include "common/db.h"
#include "core/err.h"
#include "core/load.h"

/* Of the jobs that run. 0 or -1. */
int calls_load(struct db *db, const struct config *config, struct load *load, struct err *err);

#endif
