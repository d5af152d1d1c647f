/* SPDX-License-Identifier: ISC */
#include "batchd/ask.h"

#include <stdlib.h>
#include <string.h>

#include "common/must.h"
#include "core/language.h"
#include "core/uuid.h"

struct ask_images {
	struct db_rows *rows; /* of all of them, by item */
	bool has_row;         /* the current one is still to be used */
	struct request_image list[LIMIT_IMAGES_PER_LOT];
	struct db_rows *blobs[LIMIT_IMAGES_PER_LOT];
	size_t n;
};

static void images_drop(struct ask_images *im)
{
	for (size_t i = 0; i < im->n; i++)
		db_rows_free(&im->blobs[i]);
	im->n = 0;
}

static int image_add(struct db *db, struct ask_images *im, struct err *err)
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
static int images_of(struct db *db, struct ask_images *im, int64_t item, struct err *err)
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

struct ask_images *ask_images_new(void)
{
	return must(calloc(1, sizeof(struct ask_images)));
}

void ask_images_free(struct ask_images **at)
{
	images_drop(*at);
	db_rows_free(&(*at)->rows);
	free(*at);
	*at = NULL;
}

int ask_images_read(struct ask_images *im, struct db *db, enum stmt stmt, const struct db_val *v,
		    size_t n, struct err *err)
{
	if (db_query(db, stmt, v, n, &im->rows, err) < 0)
		return -1;
	im->has_row = db_next(im->rows);
	return 0;
}

int ask_fill(struct db *db, const struct recipe *recipe, const struct db_rows *r,
	     struct ask_images *im, struct request *q, char custom_id[CUSTOM_ID_SIZE],
	     struct err *err)
{
	const int64_t item = db_get_int(r, ASK_ITEM);
	const bool was_cut = db_get_int(r, ASK_WAS_CUT) != 0;
	char mark[UUID_MARK_SIZE];

	*q = (struct request){
		.task = recipe->task,
		.model = recipe->model,
		.prompt = recipe->prompt,
		.schema = recipe->schema,
		.max_output_tokens =
			was_cut ? recipe->max_output_tokens_retry : recipe->max_output_tokens,
		.instructions = db_get_text(r, ASK_INSTRUCTIONS, NULL),
	};
	uuid_mark(db_get_text(r, ASK_JOB, NULL), mark);
	custom_id_format((uint64_t)item, (unsigned)db_get_int(r, ASK_ATTEMPT), mark, custom_id);
	if (recipe->task == TASK_DESCRIBE) {
		q->title = db_get_text(r, ASK_TITLE, NULL);
		q->notes = db_get_text(r, ASK_NOTES, NULL);
		if (images_of(db, im, item, err) < 0)
			return -1;
		q->images = im->list;
		q->n_images = im->n;
		return 0;
	}
	q->language_tag = db_get_text(r, ASK_LANGUAGE, NULL);
	q->language_name = language_name(q->language_tag);
	q->description =
		db_get_text(r, db_is_null(r, ASK_VALUE) ? ASK_RAW : ASK_VALUE, &q->description_n);
	if (!q->description)
		return err_set(err, ERR_BUG, 0, "item %lld has no description to translate",
			       (long long)item);
	return 0;
}
