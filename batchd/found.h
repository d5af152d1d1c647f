/* SPDX-License-Identifier: ISC */
/*
 * found: the items that results name, as they are and as they become (batchd/settle.h).
 */
#ifndef BATCHD_FOUND_H
#define BATCHD_FOUND_H

#include <stdbool.h>
#include <stdint.h>

#include "core/err.h"
#include "core/model.h"
#include "core/uuid.h"

struct chunk;
struct db;

struct found {
	int64_t id, job, lot, language;
	enum item_state state;
	bool here; /* sent by this attempt */
	int64_t burned, repeats, n_left;
	bool by_call;      /* when it is ready; or its repeat is to be called */
	bool is_repeating; /* a better answer is asked for beside the one in hand; here: by this */
	bool is_repeat;    /* the attempt was sent to better an answer */
	int64_t answer_no; /* of the best answer; 0 came with the order */
	bool has_answer_no;
	enum grade grade;             /* of that answer */
	int64_t attempt;              /* in this batch, or this call */
	enum way way;                 /* of it */
	enum attempt_outcome outcome; /* of it */
	int64_t held, sent_on; /* micro-dollars held for it; the day that pays, 0 = unknown */
	bool is_answered;      /* by it, be it in a twin's file */
	/* of the newest line of it that was paid for; empty: none, or not told */
	char request_id[129];
	char mark[UUID_MARK_SIZE];
	int64_t translate_recipe;
	char *instructions; /* owned; for descriptions */
	char code[33];      /* empty: none */
	bool is_deleted;    /* its job was: it has no content any more, and needs none */
	bool changed;
};

struct found_list {
	struct found *items; /* by id */
	size_t n, cap;
};

/*
 * Read the items of the lines of a batch; of a twin the attempts are those of its first batch,
 * which is the one to name. 0 or -1.
 */
int found_read(struct found_list *l, const struct chunk *c, int64_t batch_id, struct err *err);
/* Read the item of a synchronous call; the list is empty where there is none. 0 or -1. */
int found_read_call(struct found_list *l, struct db *db, int64_t item, unsigned attempt,
		    struct err *err);
void found_clear(struct found_list *l);
/* NULL where there is none. */
struct found *found_find(const struct found_list *l, uint64_t id);
void found_set_code(struct found *f, const char *code);
/*
 * An adopted batch has no attempts yet: its lines say which. A number that is taken belongs to
 * another sending. Returns how many were made, or -1.
 */
int64_t found_adopt(const struct chunk *c, struct err *err);

#endif
