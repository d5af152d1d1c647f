/* SPDX-License-Identifier: ISC */
#include "batchd/build.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "batchd/items.h"
#include "batchd/submit.h"
#include "common/log.h"
#include "core/language.h"
#include "core/limits.h"
#include "core/request_line.h"
#include "core/uuid.h"

#define LINE_LIMIT ((size_t)LIMIT_IMAGES_PER_LOT * LIMIT_IMAGE_BYTES * 4 / 3 + (8u << 20))

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

/* The images of one lot. Results own the bytes: free them with images_free. */
struct images {
	struct request_image list[LIMIT_IMAGES_PER_LOT];
	struct db_rows *rows, *blobs[LIMIT_IMAGES_PER_LOT];
	size_t n;
};

static void images_free(struct images *im)
{
	db_rows_free(&im->rows);
	for (size_t i = 0; i < im->n; i++)
		db_rows_free(&im->blobs[i]);
}

static int images_read(struct db *db, int64_t job, int64_t lot, struct images *im, struct err *err)
{
	memset(im, 0, sizeof(*im));
	if (db_query(db, STMT_BUILD_IMAGES, DB_P(db_int(job), db_int(lot)), &im->rows, err) < 0)
		return -1;
	while (im->n < LIMIT_IMAGES_PER_LOT && db_next(im->rows)) {
		struct request_image *image = &im->list[im->n];
		struct db_rows **blob = &im->blobs[im->n];
		size_t n;
		const char *hash = db_get_text(im->rows, 1, &n);

		im->n++;
		image->url = db_get_text(im->rows, 0, NULL);
		if (image->url)
			continue;
		if (db_query(db, STMT_IMAGE_READ, DB_P(db_bytes(hash, n)), blob, err) < 0)
			return -1;
		if (!db_next(*blob))
			return err_set(err, ERR_BUG, 0, "a photograph of lot %lld is not stored",
				       (long long)lot);
		image->media_type = db_get_text(*blob, 0, NULL);
		image->bytes = db_get_text(*blob, 1, &image->n_bytes);
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

static int add_item(struct daemon *d, struct build *b, const struct db_rows *r, struct err *err)
{
	const struct recipe *recipe = b->recipe;
	const bool was_cut = db_get_int(r, 5) != 0;
	struct images images = {0};
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
		rc = images_read(d->db, db_get_int(r, 2), db_get_int(r, 3), &images, err);
		q.images = images.list;
		q.n_images = images.n;
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
	images_free(&images);
	return rc;
}

static int build_step(struct work *w, struct err *err)
{
	struct build *b = w->state;
	struct daemon *d = w->d;
	struct db_rows *r;
	const int64_t until = b->bytes + SLICE_BYTES;
	int64_t unwanted[200];
	size_t n_unwanted = 0, n = 0;
	int rc = 0;

	if (db_query(d->db, STMT_BUILD_ITEMS, DB_P(db_int(w->batch_id), db_int(b->cursor)), &r,
		     err) < 0)
		return -1;
	while (rc == 0 && b->bytes < until && db_next(r)) {
		n++;
		b->cursor = db_get_int(r, 0);
		if (db_get_int(r, 8) == 0)
			unwanted[n_unwanted++] = b->cursor;
		else
			rc = add_item(d, b, r, err);
	}
	db_rows_free(&r);
	if (rc == 0 && n_unwanted > 0)
		rc = items_withdraw(d, w->batch_id, unwanted, n_unwanted, err);
	if (rc < 0 || n > 0)
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
