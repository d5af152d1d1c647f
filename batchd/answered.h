/* SPDX-License-Identifier: ISC */
/*
 * answered: what came of one synchronous call, from the reply to the item. With the lease it is
 * settled; without it, it is kept as it came, keyed by its attempt, and the active batchd settles
 * it (DESIGN, "Calls in flight").
 */
#ifndef BATCHD_ANSWERED_H
#define BATCHD_ANSWERED_H

#include "batchd/daemon.h"
#include "core/result_line.h"
#include "core/uuid.h"

enum answered_how {
	HOW_ANSWERED,   /* by a body that is an object */
	HOW_REFUSED,    /* by an HTTP error that says that nothing was made */
	HOW_NOT_SENT,   /* asked again */
	HOW_UNSENDABLE, /* the request itself is at fault */
	HOW_LOST,       /* it may have been paid for: asked once more, and not again */
	HOW_COUNT
};

struct answered {
	int64_t job, item;
	unsigned attempt;
	char mark[UUID_MARK_SIZE];
	const struct recipe *recipe; /* may be NULL where there is no body */
	enum answered_how how;
	int http_status; /* 0: none */
	char request_id[129];
	char *body; /* owned; or NULL */
	size_t body_n;
	bool is_kept;         /* it is in the database */
	struct result result; /* by answered_read */
};

/* What it means: fills result. HOW_ANSWERED becomes HOW_LOST where it says nothing of use. */
void answered_read(struct answered *a);
void answered_clear(struct answered *a);
/* It is its attempt's outcome from now on. 0 or -1. */
int answered_settle(struct daemon *d, struct answered *a, struct err *err);
/* Without the lease: store it as it came. 0, also where that was done before, or -1. */
int answered_keep(struct daemon *d, const struct answered *a, struct err *err);
/* With the lease: settle what is kept. True: something was. */
bool answered_settle_kept(struct daemon *d);

/* Is that a call of this process that goes on? */
typedef bool answered_is_ours_fn(const struct daemon *d, int64_t item, unsigned attempt);
/*
 * Attempts that an earlier life left open, and of which nothing came, are booked as lost. 0; 1: the
 * database refuses that of some, which stay open; -1.
 */
int answered_book_lost(struct daemon *d, answered_is_ours_fn *is_ours, struct err *err);

#endif
