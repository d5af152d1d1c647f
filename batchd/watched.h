/* SPDX-License-Identifier: ISC */
/*
 * watched: the batches that one pass over the provider's list looks for, as their rows were when it
 * began. It tells whose an entry of the list is, and whether that says anything new.
 */
#ifndef BATCHD_WATCHED_H
#define BATCHD_WATCHED_H

#include "batchd/daemon.h"

struct watched { /* texts live as long as the list */
	int64_t id;
	const char *name; /* remote id, or where that is not known the batch's key */
	bool has_remote_id;
	bool seen;
	bool is_closed; /* its files may be named late, or it may be back */
	bool is_running;
	const char *status, *output_file_id, *error_file_id; /* as last seen; or NULL */
	int64_t total, done, failed;
};

#define WATCHED_PARTS 2 /* what is open, and what is closed and not heard of */

struct watched_list {
	struct watched *items; /* by name */
	size_t n;
	struct db_rows *rows[WATCHED_PARTS];
	int64_t oldest_at; /* when the oldest was created; 0: none */
	int64_t closed_at; /* when the newest of the closed ones was; 0: none */
	int64_t slow_at;   /* when the newest of the slow ones was cancelled; 0: none */
};

/* What to read beside the open batches that are always looked for. */
struct watched_ask {
	/* slow: those that were cancelled before quick_since, or whose items have left: nothing waits for them */
	bool slow;
	int64_t quick_since;
	int64_t closed_since; /* those closed later than this and still to be looked for; 0: none */
};

/* Read the list anew. 0, or -1 with an empty list. */
int watched_read(struct watched_list *l, struct db *db, const struct watched_ask *ask,
		 struct err *err);
void watched_clear(struct watched_list *l);
/* NULL where it is none of these. */
struct watched *watched_find(const struct watched_list *l, const struct remote_batch *r);
bool watched_all_seen(const struct watched_list *l);
/*
 * May the row be left alone? So it may where batch_row_observe would find no change; a row that was
 * moved since knows better than this entry, or has its change told by the next pass.
 */
bool watched_is_unchanged(const struct watched *b, const struct remote_batch *r);

#endif
