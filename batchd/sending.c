/* SPDX-License-Identifier: ISC */
#include "batchd/sending.h"

#include <stdlib.h>

#include "common/must.h"

struct sending *sending_new(int64_t batch_id, enum way way)
{
	struct sending *s = must(calloc(1, sizeof(*s)));

	s->batch_id = batch_id;
	s->way = way;
	return s;
}

int sending_items(struct db *db, int64_t job, enum task task, enum plan_items which, bool by_lot,
		  struct db_rows **rows, struct err *err)
{
	const bool translate = task == TASK_TRANSLATE;

	return db_query(db, by_lot ? STMT_PLAN_CALLS : STMT_PLAN_ITEMS,
			DB_P(db_int(job), db_int(which == PLAN_MARKED),
			     db_int(which != PLAN_UNMARKED), db_int(translate),
			     db_int(translate ? LIMIT_LANGUAGES : 0)),
			rows, err);
}

int sending_repeats(struct db *db, int64_t job, enum task task, struct db_rows **rows,
		    struct err *err)
{
	const bool translate = task == TASK_TRANSLATE;

	return db_query(db, STMT_PLAN_REPEATS,
			DB_P(db_int(job), db_int(translate),
			     db_int(translate ? LIMIT_LANGUAGES : 0)),
			rows, err);
}

enum money_verdict sending_add(struct sending *s, struct budget *budget, const struct db_rows *r)
{
	const enum money_verdict verdict = budget_ask(budget, r);
	const int64_t id = db_get_int(r, SEND_ITEM), no = db_get_int(r, SEND_ATTEMPTS) + 1;
	const int64_t language = db_get_int(r, SEND_LANGUAGE);
	const bool is_repeat = db_get_int(r, SEND_IS_REPEAT) != 0;
	const struct db_val batch = s->batch_id ? db_int(s->batch_id) : db_null();
	struct db_val *a = &s->attempts[s->n * SENDING_ATTEMPT_COLS];
	struct db_val *i = &s->items[s->n * SENDING_ITEM_COLS];

	if (verdict != MONEY_FITS)
		return verdict;
	a[0] = db_int(id);
	a[1] = db_int(no);
	a[2] = batch;
	a[3] = db_text(way_names[s->way]);
	a[4] = db_int(is_repeat);
	a[5] = db_is_null(r, SEND_MADE_FROM) ? db_null() : db_int(db_get_int(r, SEND_MADE_FROM));
	a[6] = db_int(budget->held);
	a[7] = db_time(budget->day);
	i[0] = batch;
	i[1] = db_int(no);
	i[2] = db_int(id);
	if (s->n == 0)
		uuid_mark(db_get_text(r, SEND_JOB, NULL), s->mark);
	if (db_get_int(r, SEND_IS_BESIDE) != 0) {
		s->repeats[language]++;
	} else {
		s->per_language[language]++;
		s->n_ready++;
	}
	s->by_call[language] += db_get_int(r, SEND_BY_CALL);
	s->held += budget->held;
	s->day = budget->day;
	s->n++;
	return MONEY_FITS;
}

int64_t sending_item(const struct sending *s, uint32_t i)
{
	return s->items[i * SENDING_ITEM_COLS + 2].i;
}

unsigned sending_attempt(const struct sending *s, uint32_t i)
{
	return (unsigned)s->items[i * SENDING_ITEM_COLS + 1].i;
}

static int64_t send_repeats(const struct sending *s, struct db *db, struct err *err)
{
	struct db_val *v = must(calloc(s->n - s->n_ready + 1, 2 * sizeof(*v)));
	size_t n = 0;
	int64_t rc;

	for (uint32_t i = s->n_ready; i < s->n; i++) {
		const struct db_val *item = &s->items[i * SENDING_ITEM_COLS];

		v[2 * n] = item[1];
		v[2 * n++ + 1] = item[2];
	}
	rc = n > 0 ? db_bulk(db, STMT_ITEM_SEND_REPEAT, v, n, err) : 0;
	free(v);
	return rc;
}

int sending_store(const struct sending *s, struct db *db, struct tally *tally, int64_t job,
		  struct err *err)
{
	int64_t moved, repeated;

	if (db_bulk(db, STMT_ATTEMPT_ADD, s->attempts, s->n, err) < 0)
		return -1;
	moved = db_bulk_sets(db, STMT_ITEM_SEND, s->items, s->n_ready, err);
	if (moved < 0)
		return -1;
	repeated = send_repeats(s, db, err);
	if (repeated < 0)
		return -1;
	moved += repeated;
	if (moved != s->n)
		return err_set(err, ERR_BUG, 0, "%lld of %u items were ready", (long long)moved,
			       s->n);
	tally_money(tally, job, s->day, (struct money_move){.reserved = s->held});
	for (int no = 0; no <= LIMIT_LANGUAGES; no++) {
		if (s->repeats[no] > 0)
			tally_repeat(tally, job, no, 0, -s->repeats[no]);
		if (s->per_language[no] == 0)
			continue;
		tally_move(tally, job, no, ITEM_READY, ITEM_SENT, s->per_language[no]);
		tally_by_call(tally, job, no, -s->by_call[no]);
	}
	return 0;
}
