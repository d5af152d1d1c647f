/* SPDX-License-Identifier: ISC */
/*
 * apply: a chunk of result lines into the database, in one transaction with the harvest cursor
 * (DESIGN I2): every line becomes an answer, or a row that says why it is none.
 */
#ifndef BATCHD_APPLY_H
#define BATCHD_APPLY_H

#include "batchd/daemon.h"
#include "core/result_line.h"

struct apply_line {
	int64_t offset, size;
	char *text; /* owned */
	size_t n;
	bool too_large, is_unstorable;
	struct result result; /* of result_line_read */
};

struct chunk {
	struct daemon *d;
	int64_t batch_id, recipe_id;
	int file_no;
	struct apply_line *lines;
	size_t n;
	int64_t end_offset; /* the cursor afterwards */
	/* out, static: a line says that everything stops (quota, key); what failed is the recipe */
	const char *stop_code, *recipe_code;
	bool has_answers; /* out */
};

/*
 * Apply the chunk. A chunk that the database refuses for its content is halved down to the line,
 * which is recorded as unstorable. 0, or -1 with nothing of the refused part applied.
 */
int apply_chunk(const struct chunk *c, struct err *err);

#endif
