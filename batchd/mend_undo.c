/* SPDX-License-Identifier: ISC */
/* Undoing repairs of answers in store (batchd/mend.h). */
#include <stdlib.h>
#include <string.h>

#include "batchd/mend.h"
#include "common/must.h"

#define ANSWER_COLS 3
#define ITEM_COLS   4

/* Columns of STMT_UNDO_ROWS. */
enum { ITEM, ATTEMPT, WAS, LOT_SEQ, LANG_NO, STATE, ANSWER_NO, IS_REPEATING, OTHER };

struct run {
	struct mend *m;
	struct tally *tally;
	int64_t now;
	struct db_val *answers, *items;
	size_t n_answers, n_items;
};

/* Its item loses the answer, where it was of no use before; another one takes its place. */
static void undo_item(struct run *x, const struct db_rows *r)
{
	const bool has_other = !db_is_null(r, OTHER);
	struct db_val *v = &x->items[x->n_items++ * ITEM_COLS];

	v[0] = db_text(item_state_names[has_other ? ITEM_DONE : ITEM_FAILED]);
	v[1] = has_other ? db_null() : db_text("undone");
	v[2] = db_int(db_get_int(r, has_other ? OTHER : ATTEMPT));
	v[3] = db_int(db_get_int(r, ITEM));
	if (!has_other)
		tally_move(x->tally, x->m->job, db_get_int(r, LANG_NO), ITEM_DONE, ITEM_FAILED, 1);
}

static void undo_row(struct run *x, const struct db_rows *r)
{
	const bool was_of_use = strcmp(db_get_text(r, WAS, NULL), grade_names[GRADE_REFUSED]) != 0;
	const bool is_own =
		!db_is_null(r, ANSWER_NO) && db_get_int(r, ANSWER_NO) == db_get_int(r, ATTEMPT);
	struct db_val *v = &x->answers[x->n_answers++ * ANSWER_COLS];

	v[0] = db_time(x->now);
	v[1] = db_int(db_get_int(r, ITEM));
	v[2] = db_int(db_get_int(r, ATTEMPT));
	x->m->n_mended++;
	if (!was_of_use && is_own &&
	    strcmp(db_get_text(r, STATE, NULL), item_state_names[ITEM_DONE]) == 0)
		undo_item(x, r);
}

static int write_all(const struct run *x, struct db *db, struct err *err)
{
	if (db_bulk(db, STMT_UNDO_ANSWER, x->answers, x->n_answers, err) < 0)
		return -1;
	return x->n_items > 0 && db_bulk(db, STMT_UNDO_ITEM, x->items, x->n_items, err) < 0 ? -1
											    : 0;
}

int mend_undo(struct mend *m, struct db *db, struct tally *t, struct err *err)
{
	struct run x = {.m = m, .tally = t, .now = daemon_now(m->d)};
	struct db_rows *r;
	size_t n;
	int rc = 0;

	m->n_mended = 0;
	if (db_query(db, STMT_UNDO_ROWS,
		     DB_P(db_int(m->job), db_int(m->first), db_int(m->last), db_int(m->item)), &r,
		     err) < 0)
		return -1;
	n = db_rows_count(r);
	if (n > 0) {
		x.answers = must(calloc(n, ANSWER_COLS * sizeof(struct db_val)));
		x.items = must(calloc(n, ITEM_COLS * sizeof(struct db_val)));
		while (db_next(r))
			undo_row(&x, r);
		tally_patch(t, m->job)->may_lose = true;
		rc = write_all(&x, db, err);
		free(x.answers);
		free(x.items);
	}
	db_rows_free(&r);
	return rc;
}
