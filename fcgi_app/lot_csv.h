/* SPDX-License-Identifier: ISC */
/*
 * lot_csv: a result as a table: a row for each lot and language, a column for each property of the
 * schema that the job's answers were asked for.
 */
#ifndef FCGI_APP_LOT_CSV_H
#define FCGI_APP_LOT_CSV_H

#include <stddef.h>
#include <stdint.h>

#include <json-c/json_types.h>

#include "core/json_scan.h"
#include "core/strbuf.h"
#include "fcgi_app/call.h"

struct lot_csv {
	struct json_object *schema; /* owned; NULL: none, and the value is one column */
	size_t n_columns;           /* its properties, in its order */
	const char **names;         /* of them */
	struct json_span *cells;    /* of the row at hand */
};

/* One item of a result: what is known of a lot in one language. */
struct lot_item {
	const char *tag;
	const char *value; /* JSON as it was answered; NULL: there is no answer */
	size_t value_n;
	const char *source, *repaired; /* NULL: none */
	bool salvaged;
	const char *code;      /* why there is no answer; NULL: it may still come */
	struct db_rows *large; /* what a value that was read by itself is borrowed from, or NULL */
};

/*
 * Read the schema of a job. 0, or -1 and the error answer is prepared; lot_csv_clear() in any case.
 */
int lot_csv_init(struct lot_csv *csv, struct call *c, int64_t job_id);
void lot_csv_clear(struct lot_csv *csv);
/* Append the first row, with what goes before it. */
void lot_csv_header(const struct lot_csv *csv, struct strbuf *out);
void lot_csv_row(struct lot_csv *csv, const char *lot_id, const char *lot_title,
		 const struct lot_item *item, struct strbuf *out);

#endif
