/* SPDX-License-Identifier: ISC */
/*
 * budget: what a slice of items may cost its job and its account's day (core/money.h decides), read
 * from their rows in the transaction that sends them. Nothing of it is kept in memory: attempts hold
 * what is reserved for them, job and spending their sums (batchd/tally.c writes these).
 */
#ifndef BATCHD_BUDGET_H
#define BATCHD_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

#include "batchd/items.h"
#include "batchd/telling.h"
#include "core/money.h"
#include "core/plan.h"
#include "core/result_line.h"

struct budget_item {
	int64_t item, lot, language, by_call;
	bool is_beside; /* a repeat of it: the answer in hand stays */
};

struct budget {
	struct daemon *d;
	int64_t job, account, now;
	char public_id[37];
	enum task task;
	struct prices prices,
		cheapest;        /* of the way; of the cheapest that its items may still go */
	int64_t cap, cap_repeat; /* output tokens; of the repeat of an answer that was cut */
	int64_t lot;             /* a description's: the most that its translations cost */
	struct money_view view;
	bool is_day_told;   /* the row of the day says that it is spent */
	bool was_day_over;  /* the job waits for another day */
	int64_t was_wanted; /* stored already */
	int64_t day;
	/* out */
	int64_t held; /* for the item that was asked for last, and fits */
	uint32_t n_fit;
	enum money_verdict
		last; /* MONEY_FITS: all that were asked for, but for those that never fit */
	int64_t wanted;
	struct budget_item failed[SLICE_ROWS];
	size_t n_failed;
};

/* Items that are to be sent. */
struct budget_order {
	int64_t job;
	const struct recipe *recipe;
	enum way way; /* this way */
	enum way
		cheapest; /* or a cheaper one that they may still go: what this costs is their least */
};

/*
 * Inside a transaction, the job locked: what its budgets leave for such items. Owned: free(). NULL
 * with *err.
 */
struct budget *budget_open(struct daemon *d, struct db *db, const struct budget_order *order,
			   struct err *err);
/* Money is short: lots are to be finished, one by one. */
bool budget_is_short(const struct budget *b);
/*
 * The current row of sending_items, SLICE_ROWS of them at most: it counts as reserved where it
 * fits; where it never will, budget_close fails it.
 */
enum money_verdict budget_ask(struct budget *b, const struct db_rows *row);
/* Nothing fits, and the rows say so already. */
bool budget_is_told(const struct budget *b);
/* Inside the same transaction, before tally_apply: what did not fit fails or is marked. 0 or -1. */
int budget_close(struct budget *b, struct db *db, struct tally *tally, struct err *err);

/*
 * Before a batch is begun: does the first of its items fit? What never will fails, in
 * a transaction of its own. 1 = yes, 0 = not now, -1.
 */
int budget_may_begin(struct daemon *d, const struct plan_candidate *c, const struct recipe *recipe,
		     struct err *err);

/* Of jobs whose items wait for money (batchd/telling.h). */
tell_source_fn budget_tell;

#endif
