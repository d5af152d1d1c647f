/* SPDX-License-Identifier: ISC */
/*
 * sending: ready items of one job that are sent together, in a batch or each by a call: their
 * attempts, and the items with them, in sets. Its owner reads them and decides how many.
 */
#ifndef BATCHD_SENDING_H
#define BATCHD_SENDING_H

#include <stdint.h>

#include "batchd/budget.h"
#include "batchd/items.h"
#include "core/limits.h"
#include "core/model.h"
#include "core/money.h"
#include "core/plan.h"
#include "core/uuid.h"

#define SENDING_ATTEMPT_COLS 8
#define SENDING_ITEM_COLS    3

struct sending {
	int64_t batch_id; /* 0: none, by calls */
	enum way way;
	/* out */
	uint32_t n;
	char mark[UUID_MARK_SIZE]; /* of their job */
	struct db_val attempts[SLICE_ROWS * SENDING_ATTEMPT_COLS];
	struct db_val items[SLICE_ROWS * SENDING_ITEM_COLS];
	uint32_t n_ready; /* of them, the first; the others are repeats beside an answer in hand */
	int64_t per_language[LIMIT_LANGUAGES + 1];
	int64_t repeats[LIMIT_LANGUAGES + 1];
	int64_t by_call[LIMIT_LANGUAGES + 1]; /* of them: marked so */
	int64_t held, day; /* micro-dollars against its budgets; the day that pays */
};

/* Empty; freed with free(). */
struct sending *sending_new(int64_t batch_id, enum way way);
/* Columns of sending_items. */
enum {
	SEND_ITEM,
	SEND_LANGUAGE,
	SEND_ATTEMPTS,
	SEND_IS_REPEAT,
	SEND_BYTES,
	SEND_TOKENS,
	SEND_MADE_FROM,
	SEND_JOB, /* its public id */
	SEND_BY_CALL,
	SEND_LOT,
	SEND_WAS_CUT,
	SEND_IS_BESIDE /* an answer in hand: a repeat of a done item */
};
/*
 * Query these of the ready items of a job that are of this task; by_lot: those of one lot follow
 * one another. 0 or -1.
 */
int sending_items(struct db *db, int64_t job, enum task task, enum plan_items which, bool by_lot,
		  struct db_rows **rows, struct err *err);
/* The same of the repeats that are to be called, behind the ready items. */
int sending_repeats(struct db *db, int64_t job, enum task task, struct db_rows **rows,
		    struct err *err);
/*
 * Add the item of the current row, SLICE_ROWS of them at most, where its budgets let it. Of
 * the refusals only MONEY_NEVER is worth going on after.
 */
enum money_verdict sending_add(struct sending *s, struct budget *budget, const struct db_rows *row);
/* Of the i-th: its item and the number of its attempt. */
int64_t sending_item(const struct sending *s, uint32_t i);
unsigned sending_attempt(const struct sending *s, uint32_t i);
/* Inside a transaction, the job locked in the tally: write them. 0 or -1. */
int sending_store(const struct sending *s, struct db *db, struct tally *tally, int64_t job,
		  struct err *err);

#endif
