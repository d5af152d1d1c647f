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
#include "common/must.h"
#include "core/request_line.h"

/* Photographs make long lines: a slice stays short. */
#define SLICE_BYTES (8 << 20)

struct build {
	const struct recipe *recipe;
	FILE *file;
	char path[4096];
	int64_t cursor; /* item id of the last line */
	int64_t lines, bytes;
	int64_t page_rows; /* of the next page: what its slice will take */
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

static int write_line(struct build *b, struct err *err)
{
	if (strbuf_failed(&b->line))
		return err_set(err, ERR_BUG, 0, "a request line does not fit");
	if (fwrite(b->line.data, 1, b->line.len, b->file) != b->line.len)
		return err_set(err, ERR_LATER, errno, "cannot write %s: %s", b->path,
			       strerror(errno));
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
	int64_t unwanted[SLICE_ROWS]; /* by their jobs */
	size_t n_unwanted;
};

static int page_read(struct daemon *d, const struct build *b, int64_t batch_id, struct page *p,
		     struct err *err)
{
	const struct db_val from[] = {db_int(batch_id), db_int(b->cursor), db_int(b->page_rows)};

	if (db_query(d->db, STMT_BUILD_ITEMS, from, 3, &p->items, err) < 0)
		return -1;
	if (db_rows_count(p->items) == 0 || b->recipe->task != TASK_DESCRIBE)
		return 0;
	return ask_images_read(p->images, d->db, STMT_BUILD_IMAGES, from, 3, err);
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
	int64_t rows = 0;

	while (b->bytes < until && db_next(p->items)) {
		rows++;
		b->cursor = db_get_int(p->items, ASK_ITEM);
		if (db_get_int(p->items, ASK_IS_WANTED) == 0)
			p->unwanted[p->n_unwanted++] = b->cursor;
		else if (add_item(d, b, p->items, p->images, err) < 0)
			return -1;
	}
	b->page_rows = b->bytes < until ? SLICE_ROWS : rows;
	return 0;
}

static int build_step(struct work *w, struct err *err)
{
	struct build *b = w->state;
	struct daemon *d = w->d;
	struct page *p = must(calloc(1, sizeof(*p)));
	bool more = false;
	int rc;

	p->images = ask_images_new();
	rc = page_read(d, b, w->batch_id, p, err);
	if (rc == 0) {
		more = db_rows_count(p->items) > 0;
		rc = page_add(d, b, p, err);
	}
	if (rc == 0 && p->n_unwanted > 0)
		rc = items_withdraw(d, w->batch_id, p->unwanted, p->n_unwanted, err);
	page_free(p);
	if (rc < 0 || more)
		return rc < 0 ? -1 : 1;
	if (fflush(b->file) != 0 || fsync(fileno(b->file)) != 0)
		return err_set(err, ERR_LATER, errno, "cannot write %s: %s", b->path,
			       strerror(errno));
	submit_built(d, w->batch_id, b->lines, b->bytes);
	return 0;
}

void build_start(struct daemon *d, const struct batch_row *row)
{
	struct work *w = work_new(d, row->id);
	struct build *b = must(calloc(1, sizeof(*b)));
	struct err err;

	strbuf_init(&b->line, ASK_BYTES_MAX);
	b->page_rows = SLICE_ROWS;
	w->state = b;
	w->state_free = build_free;
	w->step = build_step;
	w->may_wait = true;
	b->recipe = recipe_get(d->recipes, d->db, row->recipe_id, &err);
	spool_path(d, row->id, "jsonl", b->path, sizeof(b->path));
	if (b->recipe) {
		b->file = fopen(b->path, "we");
		if (!b->file)
			err_set(&err, ERR_LATER, errno, "cannot write %s: %s", b->path,
				strerror(errno));
	}
	if (!b->file) {
		work_free(w);
		daemon_put_off(d, row->id, &err);
	}
}
