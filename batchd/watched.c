/* SPDX-License-Identifier: ISC */
#include "batchd/watched.h"

#include <stdlib.h>
#include <string.h>

#include "common/must.h"
#include "core/timemath.h"

static int compare(const void *a, const void *b)
{
	const struct watched *x = a, *y = b;
	const int by_name = strcmp(x->name, y->name);

	return by_name ? by_name : x->has_remote_id - y->has_remote_id;
}

static void add_row(struct watched_list *l, const struct db_rows *r)
{
	const char *remote_id = db_get_text(r, 1, NULL);
	const int64_t created_at = db_get_time(r, 4);

	l->items[l->n++] = (struct watched){
		.id = db_get_int(r, 0),
		.name = remote_id ? remote_id : db_get_text(r, 2, NULL),
		.has_remote_id = remote_id != NULL,
		.is_closed = !db_is_null(r, 3),
		.is_running = db_get_int(r, 5) != 0,
		.status = db_get_text(r, 6, NULL),
		.output_file_id = db_get_text(r, 7, NULL),
		.error_file_id = db_get_text(r, 8, NULL),
		.total = db_get_int(r, 9),
		.done = db_get_int(r, 10),
		.failed = db_get_int(r, 11),
	};
	l->closed_at = t_max(l->closed_at, db_get_time(r, 3));
	l->slow_at = t_max(l->slow_at, db_get_time(r, 12));
	l->oldest_at = l->oldest_at ? t_min(l->oldest_at, created_at) : created_at;
}

static int add_part(struct watched_list *l, size_t part, struct db *db, enum stmt stmt,
		    const struct db_val *v, size_t n, struct err *err)
{
	if (db_query(db, stmt, v, n, &l->rows[part], err) < 0)
		return -1;
	l->items = must(
		realloc(l->items, (l->n + db_rows_count(l->rows[part]) + 1) * sizeof(*l->items)));
	while (db_next(l->rows[part]))
		add_row(l, l->rows[part]);
	return 0;
}

int watched_read(struct watched_list *l, struct db *db, const struct watched_ask *ask,
		 struct err *err)
{
	const struct db_val quick_since = db_time(ask->quick_since);

	watched_clear(l);
	if (add_part(l, 0, db, STMT_BATCH_WATCHED,
		     DB_P(quick_since, db_int(ask->slow), quick_since), err) < 0 ||
	    (ask->closed_since &&
	     add_part(l, 1, db, STMT_BATCH_UNHEARD, DB_P(db_time(ask->closed_since)), err) < 0)) {
		watched_clear(l);
		return -1;
	}
	qsort(l->items, l->n, sizeof(*l->items), compare);
	return 0;
}

void watched_clear(struct watched_list *l)
{
	for (size_t i = 0; i < WATCHED_PARTS; i++)
		db_rows_free(&l->rows[i]);
	free(l->items);
	*l = (struct watched_list){0};
}

static struct watched *find(const struct watched_list *l, const char *name, bool has_remote_id)
{
	const struct watched key = {.name = name, .has_remote_id = has_remote_id};

	return l->n ? bsearch(&key, l->items, l->n, sizeof(*l->items), compare) : NULL;
}

struct watched *watched_find(const struct watched_list *l, const struct remote_batch *r)
{
	struct watched *b = find(l, r->id, true);

	return b ? b : find(l, r->batch_key, false);
}

bool watched_all_seen(const struct watched_list *l)
{
	for (size_t i = 0; i < l->n; i++) {
		if (!l->items[i].seen)
			return false;
	}
	return true;
}

/* As batch_row_observe takes a text: none says nothing. */
static bool is_news(const char *had, const char *named)
{
	return named && strcmp(had ? had : "", named) != 0;
}

bool watched_is_unchanged(const struct watched *b, const struct remote_batch *r)
{
	return b->is_running && b->has_remote_id && b->status && r->status_text &&
	       strcmp(b->status, r->status_text) == 0 && b->total == r->total &&
	       b->done == r->done && b->failed == r->failed &&
	       !is_news(b->output_file_id, r->output_file_id) &&
	       !is_news(b->error_file_id, r->error_file_id);
}
