/* SPDX-License-Identifier: ISC */
/*
 * csv: rows of RFC 4180. Texts always stand in quotes, with theirs doubled and their line ends
 * kept; numbers, true and false do not; null and absent cells are empty.
 *
 * A spreadsheet takes a cell that begins with = + - @, TAB, CR or LF for a formula, in quotes too:
 * such a cell gets an apostrophe before it, which spreadsheets read as "this is text".
 */
#ifndef CORE_CSV_H
#define CORE_CSV_H

#include <stdbool.h>
#include <stddef.h>

#include "core/json_scan.h"
#include "core/strbuf.h"

/* Before the first row, so that spreadsheets read UTF-8. */
#define CSV_BYTE_ORDER_MARK "\xef\xbb\xbf"

struct csv_row {
	struct strbuf *out;
	bool any;        /* a cell was written: a comma is due */
	bool cell_empty; /* of the cell that is being written */
};

void csv_begin(struct csv_row *row, struct strbuf *out);
void csv_end(struct csv_row *row);

/* One cell. NULL: empty. A NUL, which few programs read, becomes U+FFFD. */
void csv_text(struct csv_row *row, const char *text);
/*
 * The same of a JSON value that json_scan() accepted (n 0: absent): strings decoded, the elements
 * of arrays joined by "; ", objects and arrays in arrays as JSON, numbers digit by digit.
 */
void csv_value(struct csv_row *row, struct json_span value);

#endif
