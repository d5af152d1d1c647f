/* SPDX-License-Identifier: ISC */
/*
 * settle: what one result line makes of its attempt, its item and its job. It decides and gathers
 * rows; batchd/apply.c writes them, in the transaction of which the run is the memory.
 */
#ifndef BATCHD_SETTLE_H
#define BATCHD_SETTLE_H

#include "batchd/apply.h"
#include "batchd/found.h"
#include "batchd/items.h"

/* Values of a row of each kind, in the order of its statement's parameters. */
#define ANSWER_COLS  15
#define LINE_COLS    12
#define ATTEMPT_COLS 4

struct settle_run {
	const struct chunk *c;
	struct batch_row b;
	const struct config_model *model; /* NULL: it has no prices */
	int64_t now;
	struct found_list found;
	struct tally *tally;
	struct db_val *answers, *lines, *attempts; /* each with room for all of the chunk */
	size_t n_answers, n_lines, n_attempts;
	struct lot_unblock *unblock;
	struct lot_key *failed;
	size_t n_unblock, n_failed;
};

/* One line; its job is locked where that is needed. Values borrow from the line. 0 or -1. */
int settle_line(struct settle_run *r, const struct apply_line *l, struct err *err);

#endif
