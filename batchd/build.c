/* SPDX-License-Identifier: ISC */
#include "batchd/build.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "batchd/items.h"
#include "batchd/submit.h"
#include "core/language.h"
#include "core/limits.h"
#include "core/request_line.h"
#include "core/uuid.h"

#define LINE_LIMIT ((size_t)LIMIT_IMAGES_PER_LOT * LIMIT_IMAGE_BYTES * 4 / 3 + (8u << 20))

#define PAGE_ROWS   200       /* LIMIT of STMT_BUILD_ITEMS and STMT_BUILD_IMAGES */
#define SLICE_BYTES (8 << 20) /* photographs make long lines: a slice stays short */

struct build {
	const struct recipe *recipe;
	FILE *file;
	char path[4096];
	int64_t cursor; /* item id of the last line */
	int64_t lines, bytes;
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

/* The photographs of a page of items; those of one item at a time in list. */
struct images {
	struct db_rows *rows; /* of all of the page, by item */
	bool has_row;         /* the current one is still to be used */
	struct request_image list[LIMIT_IMAGES_PER_LOT];
	struct db_rows *blobs[LIMIT_IMAGES_PER_LOT];
	size_t n;
};

static void images_drop(struct images *im)
{
	for (size_t i = 0; i < im->n; i++)
		db_rows_free(&im->blobs[i]);
	im->n = 0;
}

static int image_add(struct db *db, struct images *im, struct err *err)
{
	struct request_image *image = &im->list[im->n];
	struct db_rows **blob = &im->blobs[im->n];
	size_t n;
	const char *hash = db_get_text(im->rows, 2, &n);

	*image = (struct request_image){.url = db_get_text(im->rows, 1, NULL)};
	*blob = NULL;
	im->n++;
	if (image->url)
		return 0;
	if (db_query(db, STMT_IMAGE_READ, DB_P(db_bytes(hash, n)), blob, err) < 0)
		return -1;
	if (!db_next(*blob))
		return err_set(err, ERR_BUG, 0, "a photograph of item %lld is not stored",
			       (long long)db_get_int(im->rows, 0));
	image->media_type = db_get_text(*blob, 0, NULL);
	image->bytes = db_get_text(*blob, 1, &image->n_bytes);
	return 0;
}

/* Items are asked for in the order of the rows. */
static int images_of(struct db *db, struct images *im, int64_t item, struct err *err)
{
	images_drop(im);
	while (im->has_row && db_get_int(im->rows, 0) <= item) {
		if (db_get_int(im->rows, 0) == item && im->n < LIMIT_IMAGES_PER_LOT &&
		    image_add(db, im, err) < 0)
			return -1;
		im->has_row = db_next(im->rows);
	}
	return 0;
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
		    struct images *images, struct err *err)
{
	const struct recipe *recipe = b->recipe;
	const bool was_cut = db_get_int(r, 5) != 0;
	struct request q = {
		.task = recipe->task,
		.model = recipe->model,
		.prompt = recipe->prompt,
		.schema = recipe->schema,
		.max_output_tokens =
			was_cut ? recipe->max_output_tokens_retry : recipe->max_output_tokens,
		.instructions = db_get_text(r, 7, NULL),
	};
	char mark[UUID_MARK_SIZE], custom_id[CUSTOM_ID_SIZE];
	int rc = 0;

	uuid_mark(db_get_text(r, 6, NULL), mark);
	custom_id_format((uint64_t)db_get_int(r, 0), (unsigned)db_get_int(r, 1), mark, custom_id);
	if (recipe->task == TASK_DESCRIBE) {
		q.title = db_get_text(r, 9, NULL);
		q.notes = db_get_text(r, 10, NULL);
		rc = images_of(d->db, images, db_get_int(r, 0), err);
		q.images = images->list;
		q.n_images = images->n;
	} else {
		q.language_tag = db_get_text(r, 11, NULL);
		q.language_name = language_name(q.language_tag);
		q.description = db_get_text(r, db_is_null(r, 13) ? 12 : 13, &q.description_n);
		if (!q.description)
			rc = err_set(err, ERR_BUG, 0, "item %lld has no description to translate",
				     (long long)db_get_int(r, 0));
	}
	if (rc == 0) {
		strbuf_reset(&b->line);
		request_line_render(&q, custom_id, &b->line);
		rc = write_line(b, err);
	}
	return rc;
}

/* The rows of one page. */
struct page {
	struct db_rows *items;
	struct images images;
	int64_t unwanted[PAGE_ROWS]; /* by their jobs */
	size_t n_unwanted;
};

static int page_read(struct daemon *d, const struct build *b, int64_t batch_id, struct page *p,
		     struct err *err)
{
	const struct db_val from[] = {db_int(batch_id), db_int(b->cursor)};

	if (db_query(d->db, STMT_BUILD_ITEMS, from, 2, &p->items, err) < 0)
		return -1;
	if (db_rows_count(p->items) == 0 || b->recipe->task != TASK_DESCRIBE)
		return 0;
	if (db_query(d->db, STMT_BUILD_IMAGES, from, 2, &p->images.rows, err) < 0)
		return -1;
	p->images.has_row = db_next(p->images.rows);
	return 0;
}

static void page_free(struct page *p)
{
	images_drop(&p->images);
	db_rows_free(&p->images.rows);
	db_rows_free(&p->items);
	free(p);
}

/* As many of its items as a slice takes. */
static int page_add(struct daemon *d, struct build *b, struct page *p, struct err *err)
{
	const int64_t until = b->bytes + SLICE_BYTES;

	while (b->bytes < until && db_next(p->items)) {
		b->cursor = db_get_int(p->items, 0);
		if (db_get_int(p->items, 8) == 0)
			p->unwanted[p->n_unwanted++] = b->cursor;
		else if (add_item(d, b, p->items, &p->images, err) < 0)
			return -1;
	}
	return 0;
}

static int build_step(struct work *w, struct err *err)
{
	struct build *b = w->state;
	struct daemon *d = w->d;
	struct page *p = calloc(1, sizeof(*p));
	bool more = false;
	int rc;

	if (!p)
		abort();
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
	struct build *b = calloc(1, sizeof(*b));
	struct err err;

	if (!b)
		abort();
	strbuf_init(&b->line, LINE_LIMIT);
	w->state = b;
	w->state_free = build_free;
	w->step = build_step;
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
