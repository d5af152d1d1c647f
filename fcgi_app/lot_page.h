/* SPDX-License-Identifier: ISC */
/*
 * lot_page: the lots of a job as they stand in its result. Read in slices by key, so that no
 * statement is held while anything is written, and rendered into a buffer, lot by lot.
 */
#ifndef FCGI_APP_LOT_PAGE_H
#define FCGI_APP_LOT_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/limits.h"
#include "core/strbuf.h"
#include "fcgi_app/call.h"
#include "fcgi_app/job.h"
#include "fcgi_app/lot_csv.h"

/* What a result is written as. */
enum lot_format {
	LOT_JSON,   /* lots as elements of an array */
	LOT_NDJSON, /* the same, one a line */
	LOT_CSV,    /* rows */
};

struct lot_page {
	struct call *c;
	const struct job *job;
	const char *tags[LIMIT_LANGUAGES + 1]; /* by number; owned by rows */
	size_t n_tags;
	int language; /* number of the one that is wanted, or -1: all */
	struct db_rows *tag_rows;
	enum lot_format format; /* LOT_JSON, until the caller sets another */
	struct lot_csv *csv;    /* of LOT_CSV, the caller's */
	int64_t n_lots;         /* of the job */
	int64_t next_seq;       /* of the first lot that was not rendered yet */
	bool any;               /* some lot was rendered: a comma is due */
};

/*
 * Read the job's languages. `language` is a tag or NULL. 0; or -1, the
 * answer (422, 503) is prepared.
 */
int lot_page_init(struct lot_page *p, struct call *c, const struct job *job, const char *language,
		  int64_t first_seq);
void lot_page_clear(struct lot_page *p);
/*
 * Append up to `most` further lots (JSON: comma-separated), those of one slice at most, and none
 * after *out holds LOT_PAGE_BYTES: how many; 0 at the end; -1 and the answer is prepared.
 */
#define LOT_PAGE_BYTES (16u << 20)
int lot_page_next(struct lot_page *p, int64_t most, struct strbuf *out);

#endif
