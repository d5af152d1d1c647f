/* SPDX-License-Identifier: ISC */
#include "batchd/build.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "batchd/ask.h"
#include "batchd/items.h"
#include "batchd/submit.h"
#include "common/log.h"
#include "common/must.h"
#include "core/request_line.h"

/* Photographs make long lines: a slice stays short. */
#define SLICE_BYTES (8 << 20)
#define ID_DIGITS   21 /* and what stands between two */

struct build {
	const struct recipe *recipe;
	int64_t batch_id;
	FILE *file;
	char path[4096];
	int64_t cursor; /* item id of the last line */
	int64_t lines, bytes;
	int64_t ids[SLICE_ROWS]; /* items to be written next, ascending: from next to n_ids */
	size_t n_ids, next;
	size_t page_rows; /* of the next page: what its slice will take */
	bool is_ahead;    /* its batch is still being filled, or was until a moment ago */
	bool stale;       /* ahead: an item was not wanted any more */
	struct strbuf line;
};

void spool_path(const struct daemon *d, int64_t batch_id, const char *what, char *out, size_t size)
{
	snprintf(out, size, "%s/batch-%lld.%s", d->spool, (long long)batch_id, what);
}

static void build_free(void *state)
{
	struct build *b = state;

	if (b->file)
		fclose(b->file);
	strbuf_clear(&b->line);
	free(b);
}

static struct build *build_new(const struct daemon *d, int64_t batch_id,
			       const struct recipe *recipe)
{
	struct build *b = must(calloc(1, sizeof(*b)));

	strbuf_init(&b->line, ASK_BYTES_MAX);
	b->batch_id = batch_id;
	b->recipe = recipe;
	b->page_rows = SLICE_ROWS;
	spool_path(d, batch_id, "jsonl", b->path, sizeof(b->path));
	return b;
}

static int cannot_write(const struct build *b, struct err *err)
{
	return err_set(err, ERR_LATER, errno, "cannot write %s: %s", b->path, strerror(errno));
}

static int open_file(struct build *b, struct err *err)
{
	b->file = fopen(b->path, "we");
	return b->file ? 0 : cannot_write(b, err);
}

/* What was written is gone. */
static int begin_anew(struct build *b, struct err *err)
{
	b->is_ahead = b->stale = false;
	b->cursor = b->lines = b->bytes = 0;
	b->n_ids = b->next = 0;
	b->file = freopen(b->path, "we", b->file);
	return b->file ? 0 : cannot_write(b, err);
}

static int write_line(struct build *b, struct err *err)
{
	if (strbuf_failed(&b->line))
		return err_set(err, ERR_BUG, 0, "a request line does not fit");
	if (fwrite(b->line.data, 1, b->line.len, b->file) != b->line.len)
		return cannot_write(b, err);
	b->lines++;
	b->bytes += (int64_t)b->line.len;
	return 0;
}

static int add_item(struct daemon *d, struct build *b, const struct db_rows *r,
		    struct ask_images *images, struct err *err)
{
	char custom_id[CUSTOM_ID_SIZE];
	struct request q;

	if (ask_fill(d->db, b->recipe, r, images, &q, custom_id, err) < 0)
		return -1;
	strbuf_reset(&b->line);
	request_line_render(&q, custom_id, &b->line);
	return write_line(b, err);
}

/* The rows of one page. */
struct page {
	struct db_rows *items;
	struct ask_images *images;
	char ids[SLICE_ROWS * ID_DIGITS + 2];
	int64_t unwanted[SLICE_ROWS]; /* by their jobs */
	size_t n_unwanted;
};

/* The ids of the page as a JSON array. */
static void page_ids(struct page *p, const int64_t *ids, size_t n)
{
	size_t len = 0;

	for (size_t i = 0; i < n; i++)
		len += (size_t)snprintf(p->ids + len, sizeof(p->ids) - len, "%c%lld",
					i == 0 ? '[' : ',', (long long)ids[i]);
	p->ids[len++] = ']';
	p->ids[len] = '\0';
}

static size_t page_size(const struct build *b)
{
	const size_t left = b->n_ids - b->next;

	return left < b->page_rows ? left : b->page_rows;
}

static int page_read(struct daemon *d, const struct build *b, struct page *p, struct err *err)
{
	page_ids(p, b->ids + b->next, page_size(b));
	if (db_query(d->db, STMT_BUILD_ITEMS, DB_P(db_text(p->ids), db_int(b->batch_id)), &p->items,
		     err) < 0)
		return -1;
	if (b->recipe->task != TASK_DESCRIBE)
		return 0;
	return ask_images_read(p->images, d->db, STMT_BUILD_IMAGES, DB_P(db_text(p->ids)), err);
}

static void page_free(struct page *p)
{
	ask_images_free(&p->images);
	db_rows_free(&p->items);
	free(p);
}

/* As many of its items as a slice takes. */
static int page_add(struct daemon *d, struct build *b, struct page *p, struct err *err)
{
	const int64_t until = b->bytes + SLICE_BYTES;
	size_t rows = 0;
	bool more;

	while ((more = db_next(p->items)) && b->bytes < until) {
		rows++;
		b->cursor = db_get_int(p->items, ASK_ITEM);
		if (db_get_int(p->items, ASK_IS_WANTED) == 0)
			p->unwanted[p->n_unwanted++] = b->cursor;
		else if (add_item(d, b, p->items, p->images, err) < 0)
			return -1;
	}
	b->next += more ? 0 : page_size(b); /* also those that had left */
	while (more && b->next < b->n_ids && b->ids[b->next] <= b->cursor)
		b->next++;
	b->page_rows = more ? rows : SLICE_ROWS;
	return 0;
}

/* Write a page of the items that are next. */
static int write_page(struct daemon *d, struct build *b, struct err *err)
{
	struct page *p = must(calloc(1, sizeof(*p)));
	int rc;

	p->images = ask_images_new();
	rc = page_read(d, b, p, err);
	if (rc == 0)
		rc = page_add(d, b, p, err);
	if (b->is_ahead)
		b->stale |= p->n_unwanted > 0;
	else if (rc == 0 && p->n_unwanted > 0)
		rc = items_withdraw(d, b->batch_id, p->unwanted, p->n_unwanted, err);
	page_free(p);
	return rc;
}

/* ---- After the seal. */

static int read_ids(struct daemon *d, struct build *b, struct err *err)
{
	struct db_rows *r;

	if (db_query(d->db, STMT_BUILD_PAGE,
		     DB_P(db_int(b->batch_id), db_int(b->cursor), db_int(SLICE_ROWS)), &r, err) < 0)
		return -1;
	for (b->n_ids = b->next = 0; b->n_ids < SLICE_ROWS && db_next(r); b->n_ids++)
		b->ids[b->n_ids] = db_get_int(r, 0);
	db_rows_free(&r);
	return 0;
}

static int finish(struct daemon *d, struct build *b, struct err *err)
{
	if (fflush(b->file) != 0)
		return cannot_write(b, err);
	submit_built(d, b->batch_id, b->lines, b->bytes);
	return 0;
}

static int build_step(struct work *w, struct err *err)
{
	struct build *b = w->state;

	if (b->next == b->n_ids && read_ids(w->d, b, err) < 0)
		return -1;
	if (b->n_ids == 0)
		return finish(w->d, b, err);
	return write_page(w->d, b, err) < 0 ? -1 : 1;
}

/* Does the file have what the rows have, and nothing else? */
static int equals_rows(struct daemon *d, const struct build *b, bool *equal, struct err *err)
{
	struct db_rows *r;

	*equal = false;
	if (b->stale)
		return 0;
	if (db_query(d->db, STMT_BUILD_COUNT, DB_P(db_int(b->batch_id), db_int(b->batch_id)), &r,
		     err) < 0)
		return -1;
	*equal = db_next(r) && db_get_int(r, 0) == b->lines && db_get_int(r, 1) == 0;
	db_rows_free(&r);
	return 0;
}

/* What was written while the batch was filled is its file, or is written anew. */
static int ahead_step(struct work *w, struct err *err)
{
	struct build *b = w->state;
	bool equal;

	if (b->next < b->n_ids)
		return write_page(w->d, b, err) < 0 ? -1 : 1;
	if (equals_rows(w->d, b, &equal, err) < 0)
		return -1;
	if (equal)
		return finish(w->d, b, err);
	log_info("input file written anew batch=%lld lines=%lld", (long long)b->batch_id,
		 (long long)b->lines);
	w->step = build_step;
	return begin_anew(b, err) < 0 ? -1 : 1;
}

void build_start(struct daemon *d, const struct batch_row *row)
{
	struct work *w = work_new(d, row->id);
	const struct recipe *recipe;
	struct err err;

	w->may_wait = true;
	w->state_free = build_free;
	if (d->ahead && d->ahead->batch_id == row->id) {
		w->state = d->ahead;
		w->step = ahead_step;
		d->ahead = NULL;
		return;
	}
	w->step = build_step;
	recipe = recipe_get(d->recipes, d->db, row->recipe_id, &err);
	if (recipe) {
		w->state = build_new(d, row->id, recipe);
		if (open_file(w->state, &err) == 0)
			return;
	}
	work_free(w);
	daemon_put_off(d, row->id, &err);
}

/* ---- While the batch is being filled. */

void build_ahead_drop(struct daemon *d)
{
	if (!d->ahead)
		return;
	unlink(d->ahead->path);
	build_free(d->ahead);
	d->ahead = NULL;
}

static void ahead_failed(struct daemon *d, const struct err *err)
{
	log_info("input file not written ahead batch=%lld error=\"%s\"",
		 (long long)d->ahead->batch_id, err->text);
	build_ahead_drop(d);
}

void build_ahead_begin(struct daemon *d, int64_t batch_id, const struct recipe *recipe)
{
	struct err err;

	build_ahead_drop(d);
	d->ahead = build_new(d, batch_id, recipe);
	d->ahead->is_ahead = true;
	if (open_file(d->ahead, &err) < 0)
		ahead_failed(d, &err);
}

static int by_id(const void *a, const void *b)
{
	const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

void build_ahead_joined(struct daemon *d, const int64_t *ids, size_t n)
{
	struct build *b = d->ahead;

	if (!b || n == 0)
		return;
	memcpy(b->ids, ids, n * sizeof(*ids));
	qsort(b->ids, n, sizeof(*ids), by_id);
	b->n_ids = n;
	b->next = 0;
}

bool build_ahead_step(struct daemon *d)
{
	struct build *b = d->ahead;
	struct err err;

	if (!b || b->next == b->n_ids)
		return false;
	if (write_page(d, b, &err) < 0)
		ahead_failed(d, &err);
	return true;
}
