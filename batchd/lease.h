/* SPDX-License-Identifier: ISC */
/*
 * lease: the claim of the one active batchd, a row moved by compare-and-set on the database's
 * clock. Its epoch fences: every moving transaction locks the row in share mode first, so a
 * takeover waits for its end and a late writer's transaction fails.
 */
#ifndef BATCHD_LEASE_H
#define BATCHD_LEASE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/db.h"
#include "core/err.h"

struct lease {
	char owner[129]; /* host, process, random: never the same twice */
	int64_t epoch;   /* 0: not held */
	int64_t length;  /* microseconds */
	/* by the boot clock, counted from before the statement that renewed it */
	int64_t expires_boot;
	int64_t renewed_boot; /* 0: given up or never held */
};

void lease_init(struct lease *l, int64_t length);
static inline bool lease_held(const struct lease *l)
{
	return l->epoch != 0;
}
/* Try to take it. 1 = taken (a new epoch), 0 = another holds it, -1. */
int lease_take(struct lease *l, struct db *db, struct err *err);
/* Renew. 1, 0 = lost (l is reset), -1. */
int lease_renew(struct lease *l, struct db *db, struct err *err);
/* Give it back, so that a standby need not wait. */
void lease_release(struct lease *l, struct db *db);
/*
 * Inside a transaction: 0 where it is still ours, locked until the end; -1
 * ERR_NEVER where it is not.
 */
int lease_guard(const struct lease *l, struct db *db, struct err *err);

#endif
