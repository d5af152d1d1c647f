/* SPDX-License-Identifier: ISC */
/* order_chunk: see order_chunk.h. */
#include "fcgi_app/order_chunk.h"

#include <stdlib.h>
#include <string.h>

#include "common/recipe.h"
#include "core/language.h"
#include "core/limits.h"
#include "core/request_line.h"

/* So much that a living server takes each statement well within the time of call_progress(). */
#define CHUNK_ROWS  500
#define CHUNK_BYTES (512u << 10)

static void *grow(void *p, size_t *cap, size_t need, size_t size)
{
	if (p && need <= *cap)
		return p;
	while (*cap < need)
		*cap = *cap ? 2 * *cap : 64;
	p = reallocarray(p, *cap, size);
	if (!p)
		abort();
	return p;
}

static void *keep(struct order_chunk *chunk, const void *bytes, size_t n)
{
	void *copy = malloc(n);

	if (!copy)
		abort();
	memcpy(copy, bytes, n);
	chunk->kept = grow(chunk->kept, &chunk->kept_cap, chunk->n_kept + 1, sizeof(*chunk->kept));
	chunk->kept[chunk->n_kept++] = copy;
	return copy;
}

static void add_row(struct order_rows *rows, const struct db_val *vals, size_t n)
{
	rows->vals = grow(rows->vals, &rows->cap, rows->n + n, sizeof(*rows->vals));
	memcpy(rows->vals + rows->n, vals, n * sizeof(*vals));
	rows->n += n;
	rows->n_rows++;
}

void order_chunk_init(struct order_chunk *chunk, struct call *call, const struct order *order,
		      int64_t now)
{
	*chunk = (struct order_chunk){.call = call, .order = order, .now = now};
	strbuf_init(&chunk->image, LIMIT_IMAGE_BYTES);
}

static void empty(struct order_chunk *chunk)
{
	for (size_t i = 0; i < chunk->n_kept; i++)
		free(chunk->kept[i]);
	chunk->n_kept = chunk->n_uploads = chunk->bytes = 0;
	chunk->lots.n = chunk->lots.n_rows = 0;
	chunk->lot_images.n = chunk->lot_images.n_rows = 0;
	chunk->items.n = chunk->items.n_rows = 0;
	chunk->given.n = chunk->given.n_rows = 0;
}

void order_chunk_clear(struct order_chunk *chunk)
{
	empty(chunk);
	free(chunk->lots.vals);
	free(chunk->lot_images.vals);
	free(chunk->items.vals);
	free(chunk->given.vals);
	free(chunk->uploads);
	free(chunk->kept);
	strbuf_clear(&chunk->image);
}

/* Remember a photograph that came as bytes; the SHA-256 that names it. */
static int add_upload(struct order_chunk *chunk, const struct data_url *url,
		      const unsigned char **sha256_of, struct err *err)
{
	unsigned char digest[32];
	struct order_upload *upload;

	strbuf_reset(&chunk->image);
	if (data_url_decode(url, &chunk->image) < 0)
		return err_set(err, ERR_LATER, 0, "no memory for an image of %zu bytes",
			       url->bytes);
	sha256(chunk->image.data, chunk->image.len, digest);
	chunk->uploads = grow(chunk->uploads, &chunk->uploads_cap, chunk->n_uploads + 1,
			      sizeof(*chunk->uploads));
	upload = &chunk->uploads[chunk->n_uploads++];
	*upload = (struct order_upload){.url = *url, .sha256 = keep(chunk, digest, sizeof(digest))};
	*sha256_of = upload->sha256;
	chunk->bytes += url->bytes;
	return 0;
}

static int add_images(struct order_chunk *chunk, const struct order_lot *lot,
		      struct request_image *images, struct err *err)
{
	for (size_t i = 0; i < lot->image_count; i++) {
		const struct order_image *image = &lot->images[i];
		const unsigned char *digest = NULL;
		const char *url =
			image->url ? keep(chunk, image->url, strlen(image->url) + 1) : NULL;

		if (!url && add_upload(chunk, &image->data, &digest, err) < 0)
			return -1;
		images[i] = (struct request_image){.url = url,
						   .media_type = image->data.media_type,
						   .n_bytes = url ? 0 : image->data.bytes};
		add_row(&chunk->lot_images,
			DB_P(db_int(chunk->job_id), db_int((int64_t)lot->index), db_int((int64_t)i),
			     db_text(url), db_bytes(digest, 32)));
		chunk->bytes += url ? strlen(url) : 0;
	}
	return 0;
}

static void add_item(struct order_chunk *chunk, size_t seq, size_t lang_no, const char *state,
		     const struct request *r)
{
	const bool done = strcmp(state, "done") == 0;

	add_row(&chunk->items,
		DB_P(db_int(chunk->job_id), db_int((int64_t)seq), db_int((int64_t)lang_no),
		     db_text(state), done ? db_int(0) : db_null(),
		     db_int(r ? (int64_t)request_line_size(r) : 0),
		     db_int(r ? request_tokens(r) : 0)));
}

static struct request new_request(const struct order_chunk *chunk, const struct recipe *recipe)
{
	const struct strbuf *instructions = &chunk->order->instructions;

	return (struct request){
		.task = recipe->task,
		.model = recipe->model,
		.prompt = recipe->prompt,
		.schema = recipe->schema,
		.max_output_tokens = recipe->max_output_tokens,
		.instructions = instructions->len ? instructions->data : NULL,
	};
}

/* The client described the lot itself: that answer is in hand, its translations can go. */
static void add_given(struct order_chunk *chunk, const struct order_lot *lot)
{
	const struct order *order = chunk->order;
	struct request r = new_request(chunk, &chunk->call->app->translate);

	add_item(chunk, lot->index, 0, "done", NULL);
	/* The item's id comes when the items are written; its place holds the lot meanwhile. */
	add_row(&chunk->given,
		DB_P(db_int((int64_t)lot->index), db_int(chunk->job_id),
		     db_bytes(lot->description.p, lot->description.n), db_time(chunk->now)));
	chunk->bytes += lot->description.n;
	r.description = lot->description.p;
	r.description_n = lot->description.n;
	for (size_t i = 0; i < order->language_count; i++) {
		r.language_tag = order->languages[i];
		r.language_name = language_name(order->languages[i]);
		add_item(chunk, lot->index, i + 1, "ready", &r);
	}
}

/* Translations get their estimate when their description is there. */
static void add_items(struct order_chunk *chunk, const struct order_lot *lot,
		      const struct request_image *images)
{
	struct request r = new_request(chunk, &chunk->call->app->describe);

	r.title = lot->title;
	r.notes = lot->notes;
	r.images = images;
	r.n_images = lot->image_count;
	add_item(chunk, lot->index, 0, "ready", &r);
	for (size_t i = 0; i < chunk->order->language_count; i++)
		add_item(chunk, lot->index, i + 1, "blocked", NULL);
}

static const char *keep_text(struct order_chunk *chunk, const char *text)
{
	if (!text)
		return NULL;
	chunk->bytes += strlen(text);
	return keep(chunk, text, strlen(text) + 1);
}

static int add_lot(struct order_chunk *chunk, const struct order_lot *lot, struct err *err)
{
	struct request_image images[LIMIT_IMAGES_PER_LOT];

	add_row(&chunk->lots,
		DB_P(db_int(chunk->job_id), db_int((int64_t)lot->index),
		     db_text(keep_text(chunk, lot->id)), db_text(keep_text(chunk, lot->title)),
		     db_text(keep_text(chunk, lot->notes))));
	if (add_images(chunk, lot, images, err) < 0)
		return -1;
	if (lot->description.n > 0)
		add_given(chunk, lot);
	else
		add_items(chunk, lot, images);
	return 0;
}

static size_t count_rows(const struct order_chunk *chunk)
{
	return chunk->lots.n_rows + chunk->lot_images.n_rows + chunk->items.n_rows +
	       chunk->given.n_rows;
}

int order_chunk_fill(struct order_chunk *chunk, struct order_iter *iter, struct order_lot *lot,
		     struct err *err)
{
	int found = 1;

	empty(chunk);
	while (count_rows(chunk) < CHUNK_ROWS && chunk->bytes < CHUNK_BYTES &&
	       (found = order_lot_next(iter, lot, err)) == 1)
		if (add_lot(chunk, lot, err) < 0)
			return -1;
	call_progress(chunk->call); /* that took our time, not the database's */
	return found < 0 ? -1 : (int)count_rows(chunk);
}

static int write_uploads(struct order_chunk *chunk, struct db *db, struct err *err)
{
	for (size_t i = 0; i < chunk->n_uploads; i++) {
		const struct order_upload *u = &chunk->uploads[i];

		strbuf_reset(&chunk->image);
		if (data_url_decode(&u->url, &chunk->image) < 0)
			return err_set(err, ERR_LATER, 0, "no memory for an image of %zu bytes",
				       u->url.bytes);
		call_progress(chunk->call);
		/* One that is there stays, and its row is locked from removal until the commit. */
		if (db_exec(db, STMT_FRONT_IMAGE_ADD,
			    DB_P(db_bytes(u->sha256, 32), db_text(u->url.media_type),
				 db_bytes(chunk->image.data, chunk->image.len),
				 db_time(chunk->now)),
			    err) < 0 &&
		    !db_err_is_duplicate(err))
			return -1;
		call_progress(chunk->call);
	}
	return 0;
}

static int write_rows(const struct order_chunk *chunk, struct db *db, enum stmt s,
		      const struct order_rows *rows, struct err *err)
{
	if (db_bulk(db, s, rows->vals, rows->n_rows, err) < 0)
		return -1;
	if (rows->n_rows)
		call_progress(chunk->call);
	return 0;
}

static int write_given(const struct order_chunk *chunk, struct db *db, struct err *err)
{
	const struct order_rows *given = &chunk->given;
	const size_t width = given->n_rows ? given->n / given->n_rows : 0;
	struct order_rows rows = {0};
	struct db_rows *items;
	int rc = 0;

	if (given->n_rows == 0)
		return 0;
	if (db_query(db, STMT_FRONT_GIVEN_ITEMS,
		     DB_P(db_int(chunk->job_id), given->vals[0], given->vals[given->n - width]),
		     &items, err) < 0)
		return -1;
	if (db_rows_count(items) != given->n_rows)
		rc = err_set(err, ERR_BUG, 0, "%zu descriptions for %zu items", given->n_rows,
			     db_rows_count(items));
	for (size_t i = 0; rc == 0 && db_next(items); i++) {
		add_row(&rows, given->vals + i * width, width);
		rows.vals[i * width] = db_int(db_get_int(items, 0));
	}
	db_rows_free(&items);
	if (rc == 0)
		rc = write_rows(chunk, db, STMT_FRONT_GIVEN_ADD, &rows, err);
	free(rows.vals);
	return rc;
}

int order_chunk_write(struct order_chunk *chunk, struct db *db, struct err *err)
{
	if (write_rows(chunk, db, STMT_FRONT_LOT_ADD, &chunk->lots, err) < 0 ||
	    write_uploads(chunk, db, err) < 0 ||
	    write_rows(chunk, db, STMT_FRONT_LOT_IMAGE_ADD, &chunk->lot_images, err) < 0 ||
	    write_rows(chunk, db, STMT_FRONT_ITEM_ADD, &chunk->items, err) < 0)
		return -1;
	return write_given(chunk, db, err);
}
