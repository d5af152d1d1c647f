/* SPDX-License-Identifier: ISC */
#include "batchd/found.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "batchd/apply.h"
#include "common/must.h"

#define LOOKUP 100 /* items asked for in one query: placeholders of STMT_APPLY_ITEMS */

static int compare_found(const void *a, const void *b)
{
	const int64_t x = ((const struct found *)a)->id, y = ((const struct found *)b)->id;

	return (x > y) - (x < y);
}

struct found *found_find(const struct found_list *l, uint64_t id)
{
	const struct found key = {.id = (int64_t)id};

	return bsearch(&key, l->items, l->n, sizeof(*l->items), compare_found);
}

void found_set_code(struct found *f, const char *code)
{
	snprintf(f->code, sizeof(f->code), "%s", code ? code : "");
}

static void read_found(const struct db_rows *rows, struct found *f)
{
	const int grade = name_find(grade_names, GRADE_COUNT, db_get_text(rows, 9, NULL));
	const int state = name_find(item_state_names, ITEM_STATE_COUNT, db_get_text(rows, 4, NULL));
	const int outcome = name_find(attempt_outcome_names, ATTEMPT_OUTCOME_COUNT,
				      db_get_text(rows, 11, NULL));
	const int way = name_find(way_names, WAY_COUNT, db_get_text(rows, 18, NULL));
	const char *instructions = db_get_text(rows, 14, NULL);
	const char *request_id = db_get_text(rows, 16, NULL);

	memset(f, 0, sizeof(*f));
	f->id = db_get_int(rows, 0);
	f->job = db_get_int(rows, 1);
	f->lot = db_get_int(rows, 2);
	f->language = db_get_int(rows, 3);
	f->state = state < 0 ? ITEM_BLOCKED : (enum item_state)state;
	f->here = db_get_int(rows, 5) != 0;
	f->burned = db_get_int(rows, 6);
	f->repeats = db_get_int(rows, 7);
	f->has_answer_no = !db_is_null(rows, 8);
	f->answer_no = db_get_int(rows, 8);
	f->grade = grade < 0 ? GRADE_NONE : (enum grade)grade;
	f->attempt = db_get_int(rows, 10);
	f->way = way < 0 ? WAY_BATCH : (enum way)way;
	f->outcome = outcome < 0 ? ATTEMPT_OPEN : (enum attempt_outcome)outcome;
	uuid_mark(db_get_text(rows, 12, NULL), f->mark);
	f->translate_recipe = db_get_int(rows, 13);
	f->instructions = instructions ? must(strdup(instructions)) : NULL;
	found_set_code(f, db_get_text(rows, 15, NULL));
	f->is_answered = request_id != NULL;
	f->is_deleted = db_get_int(rows, 17) != 0;
	f->n_left = db_get_int(rows, 19);
	f->by_call = db_get_int(rows, 20) != 0;
	f->held = db_get_int(rows, 21);
	f->sent_on = db_get_time(rows, 22);
	f->is_repeating = db_get_int(rows, 23) != 0;
	f->is_repeat = db_get_int(rows, 24) != 0;
	snprintf(f->request_id, sizeof(f->request_id), "%s", request_id ? request_id : "");
}

/* Read the items of up to LOOKUP ids; the last one repeats to fill the placeholders. */
static int look_up(struct found_list *l, struct db *db, int64_t batch_id, const int64_t *ids,
		   size_t n, struct err *err)
{
	struct db_val v[LOOKUP + 1];
	struct db_rows *rows;

	v[0] = db_int(batch_id);
	for (size_t i = 0; i < LOOKUP; i++)
		v[i + 1] = db_int(ids[i < n ? i : n - 1]);
	if (db_query(db, STMT_APPLY_ITEMS, v, LOOKUP + 1, &rows, err) < 0)
		return -1;
	/*
	 * An item may have several attempts in an adopted batch: only as
	 * many rows as lines have room.
	 */
	while (l->n < l->cap && db_next(rows))
		read_found(rows, &l->items[l->n++]);
	db_rows_free(&rows);
	return 0;
}

static int compare_i64(const void *a, const void *b)
{
	const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static void begin(struct found_list *l, size_t most)
{
	l->items = must(calloc(most + 1, sizeof(*l->items)));
	l->n = 0;
	l->cap = most + 1;
}

int found_read_call(struct found_list *l, struct db *db, int64_t item, unsigned attempt,
		    struct err *err)
{
	struct db_rows *rows;

	begin(l, 1);
	if (db_query(db, STMT_APPLY_CALL, DB_P(db_int(attempt), db_int(item)), &rows, err) < 0)
		return -1;
	if (db_next(rows))
		read_found(rows, &l->items[l->n++]);
	db_rows_free(&rows);
	return 0;
}

int found_read(struct found_list *l, const struct chunk *c, int64_t batch_id, struct err *err)
{
	int64_t *ids;
	size_t n = 0, unique = 0;
	int rc = 0;

	begin(l, c->n);
	ids = must(calloc(c->n + 1, sizeof(*ids)));
	for (size_t i = 0; i < c->n; i++) {
		const struct result *res = &c->lines[i].result;

		if (res->kind == RESULT_ANSWER || res->kind == RESULT_FAILURE ||
		    res->kind == RESULT_VOID)
			ids[n++] = (int64_t)res->item;
	}
	qsort(ids, n, sizeof(*ids), compare_i64);
	for (size_t i = 0; i < n; i++) {
		if (i == 0 || ids[i] != ids[unique - 1])
			ids[unique++] = ids[i];
	}
	for (size_t i = 0; rc == 0 && i < unique; i += LOOKUP)
		rc = look_up(l, c->d->db, batch_id, ids + i,
			     unique - i < LOOKUP ? unique - i : LOOKUP, err);
	qsort(l->items, l->n, sizeof(*l->items), compare_found);
	free(ids);
	return rc;
}

void found_clear(struct found_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->items[i].instructions);
	free(l->items);
	*l = (struct found_list){0};
}

/* One by one: the server takes no INSERT ... SELECT in bulk, and adoptions are rare. */
int64_t found_adopt(const struct chunk *c, struct err *err)
{
	struct db *db = c->d->db;
	int64_t added = 0;

	for (size_t i = 0; i < c->n; i++) {
		const struct result *res = &c->lines[i].result;
		int64_t n;

		if (res->kind != RESULT_ANSWER && res->kind != RESULT_FAILURE &&
		    res->kind != RESULT_VOID)
			continue;
		n = db_exec(db, STMT_ADOPT_ATTEMPT,
			    DB_P(db_int(res->attempt), db_int(c->batch_id),
				 db_int((int64_t)res->item), db_text(res->mark)),
			    err);
		if (n < 0 ||
		    (n > 0 &&
		     db_exec(db, STMT_ADOPT_ITEM,
			     DB_P(db_int(res->attempt), db_int((int64_t)res->item)), err) < 0))
			return -1;
		added += n;
	}
	return added;
}
