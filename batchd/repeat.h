/* SPDX-License-Identifier: ISC */
/*
 * repeat: a better answer is bought beside one that was salvaged, once for each item: by a call, or
 * in a batch where the fallback has no tier. The item is done all the while (DESIGN, section 4); the
 * translations of its lot wait for the repeat, until their own latest start.
 */
#ifndef BATCHD_REPEAT_H
#define BATCHD_REPEAT_H

#include "batchd/items.h"

/*
 * Inside a transaction, their job locked in the tally: no better answer of these items is waited for
 * any more. 0 or -1.
 */
int repeat_end(struct daemon *d, struct db *db, struct tally *t, int64_t job, const int64_t *items,
	       size_t n, struct err *err);
/*
 * The same of a description whose repeat is over already: its translations can be asked for, made
 * from this text. 0 or -1.
 */
struct repeat_lot {
	int64_t job, seq, translate_recipe;
	const char *instructions;
	struct json_span text;
};
int repeat_unblock(struct daemon *d, struct db *db, struct tally *t, const struct repeat_lot *lot,
		   struct err *err);
/*
 * End those that nobody can wait for: of jobs that have ended, and of descriptions where the latest
 * start has come. Each tick. 0; 1: there are more; -1.
 */
int repeats_step(struct daemon *d, struct err *err);

#endif
