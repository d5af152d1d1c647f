/* SPDX-License-Identifier: ISC */
/*
 * ask: an item's request (core/request_line.h) from its row, for the line of a batch as for a
 * synchronous call.
 */
#ifndef BATCHD_ASK_H
#define BATCHD_ASK_H

#include "batchd/recipe.h"
#include "common/db.h"
#include "core/limits.h"
#include "core/model.h"
#include "core/request_line.h"

/* The largest request: every photograph that a lot can have, and texts. */
#define ASK_BYTES_MAX ((size_t)LIMIT_IMAGES_PER_LOT * LIMIT_IMAGE_BYTES * 4 / 3 + (8u << 20))

/* The photographs of some items, by item; in memory one item's at a time. */
struct ask_images;

struct ask_images *ask_images_new(void);
void ask_images_free(struct ask_images **im);
/* Rows (item, URL, hash) of a statement; 0 or -1. */
int ask_images_read(struct ask_images *im, struct db *db, enum stmt stmt, const struct db_val *v,
		    size_t n, struct err *err);
/* Columns of STMT_BUILD_ITEMS and STMT_CALL_ITEM. */
enum {
	ASK_ITEM,
	ASK_ATTEMPT,
	ASK_WAS_CUT,
	ASK_JOB, /* its public id */
	ASK_INSTRUCTIONS,
	ASK_IS_WANTED, /* by its job */
	ASK_TITLE,
	ASK_NOTES,
	ASK_LANGUAGE,
	ASK_RAW, /* of the description to translate; and its value */
	ASK_VALUE
};
/*
 * From a row of STMT_BUILD_ITEMS or STMT_CALL_ITEM; rows are asked for in the order of their items.
 * The request borrows from row, recipe and images, until the next call. 0 or -1.
 */
int ask_fill(struct db *db, const struct recipe *recipe, const struct db_rows *row,
	     struct ask_images *im, struct request *q, char custom_id[CUSTOM_ID_SIZE],
	     struct err *err);

#endif
