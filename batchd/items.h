/* SPDX-License-Identifier: ISC */
/*
 * items: moves of items and attempts in sets, with the counts of their jobs. Deltas are gathered in
 * memory and applied once per job and transaction; job rows are locked before their items.
 */
#ifndef BATCHD_ITEMS_H
#define BATCHD_ITEMS_H

#include "batchd/daemon.h"
#include "common/store.h"
#include "core/money.h"

/* Deltas of jobs within one transaction. */
struct tally;

struct tally *tally_new(const struct daemon *d);
void tally_free(struct tally **t);
/* Lock the job's row, once per tally. 0 and whether it still runs (may be NULL), or -1. */
int tally_lock(struct tally *t, struct db *db, int64_t job, bool *running, struct err *err);
/* Of a job that is locked: how many languages it is translated into. */
int64_t tally_translations(const struct tally *t, int64_t job);
/* What an item of it counts as that is not answered: the code of its end. */
const char *tally_end_code(const struct tally *t, int64_t job);
/* One or n items of a language moved. */
void tally_move(struct tally *t, int64_t job, int64_t language, enum item_state from,
		enum item_state to, int64_t n);
/* So many more of its ready items (fewer, below 0) are marked to go by a call. */
void tally_by_call(struct tally *t, int64_t job, int64_t language, int64_t n);
/*
 * So many more of its done items ask for a better answer beside the one in hand; of these, so many
 * more have their call still to be made.
 */
void tally_repeat(struct tally *t, int64_t job, int64_t language, int64_t repeating,
		  int64_t to_send);
/* Of a job that is locked: its span and what was open when it was. Borrowed. */
const struct job_stage *tally_stage(const struct tally *t, int64_t job);
/* The job's counts are in doubt: they are made anew from its items. */
void tally_recount(struct tally *t, int64_t job);
/* Cost and tokens to add. Borrowed. */
struct job_patch *tally_patch(struct tally *t, int64_t job);
/*
 * What is held against its budgets, and what its account's day pays (the day of the attempt, 0 =
 * none is known), changed. What it needs is not known any more.
 */
void tally_money(struct tally *t, int64_t job, int64_t day, struct money_move move);
/*
 * An attempt is closed for which so much was held: it is free again, or (keeps) counts as spent.
 * was_open: else it was closed before, and what it kept is told now.
 */
void tally_release(struct tally *t, int64_t job, int64_t day, int64_t held, bool was_open,
		   bool keeps);
/* Its items of a task wait until so much is free in its budgets. */
void tally_need(struct tally *t, int64_t job, enum task task, int64_t need);
/*
 * The translations of these lots (job, seq pairs), blocked by their
 * descriptions, fail; with their counts.
 */
struct lot_key {
	int64_t job, seq;
};
int tally_fail_blocked(struct tally *t, struct db *db, const struct lot_key *lots, size_t n,
		       struct err *err);
/* The same: they become ready; bytes and tokens are estimates for their request lines. */
struct lot_unblock {
	int64_t job, seq, bytes, tokens;
};
int tally_unblock(struct tally *t, struct db *db, const struct lot_unblock *lots, size_t n,
		  struct err *err);
/*
 * Write the counts, refresh every job of the tally; ready_at: since when items
 * made ready count as waiting.
 */
int tally_apply(struct tally *t, struct db *db, int64_t now, int64_t ready_at, struct err *err);
size_t tally_jobs(const struct tally *t);
int64_t tally_job(const struct tally *t, size_t i);

/*
 * An item of a job that is locked is sent again, n_left of its sendings in batches having brought
 * no answer, that in one of n_items among them: does it go by a call, at once?
 */
bool items_go_by_call(const struct daemon *d, const struct tally *t, int64_t job, int64_t n_left,
		      int64_t n_items);

/*
 * Take items out of a batch before it is sent: attempts void, items ready
 * again. Its own transaction.
 */
int items_withdraw(struct daemon *d, int64_t batch_id, const int64_t *items, size_t n,
		   struct err *err);

/*
 * Inside a transaction: give every open attempt of the batch this outcome, up to SLICE_ROWS of
 * them; their items, where still sent in it, go back to ready, or fail with `code` where nothing is
 * left to try. Returns how many attempts were closed (0 = none are left), or -1. Counts go to the
 * row `b`, which the caller stores.
 */
struct release {
	enum attempt_outcome outcome; /* FAILED burns an attempt, VOID does not */
	const char *code;
	bool again;       /* false: items fail */
	bool has_left;    /* the batch had its chance: counts towards batch_retries */
	int64_t ready_at; /* earliest start of the linger window of what goes back */
};
int64_t items_release(struct daemon *d, struct batch_row *b, const struct release *rel, int64_t now,
		      struct err *err);
/*
 * Inside a transaction: open attempts, of one job or (0) of all, leave (a mark, not an outcome),
 * their items are ready again. As above.
 */
int64_t items_leave(struct daemon *d, struct batch_row *b, int64_t job, int64_t now,
		    struct err *err);

#endif
