/* SPDX-License-Identifier: ISC */
/*
 * table: rows of typed values, for a person (aligned columns, or one record line by line) or for a
 * program (JSON). Both are written from the same values. It reads result sets of common/db.h and
 * runs no statement.
 */
#ifndef BATCHCTL_TABLE_H
#define BATCHCTL_TABLE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "common/db.h"
#include "core/strbuf.h"

enum table_kind {
	TABLE_TEXT,
	TABLE_INT,
	TABLE_BOOL,  /* an integer: 0 is no */
	TABLE_TIME,  /* an instant, shown as it is */
	TABLE_AGE,   /* an instant, shown as "3m ago" or "in 2h"; in JSON as it is */
	TABLE_MONEY, /* micro-dollars */
	TABLE_JSON   /* text that is JSON already */
};

struct table_column {      /* of static life */
	const char *key;   /* in JSON */
	const char *title; /* for a person */
	enum table_kind kind;
};

struct table; /* opaque */

/* An empty table; ages are counted from `now`. Aborts where memory is lacking, like all that adds
 * to it. */
struct table *table_new(const struct table_column *columns, size_t n, int64_t now);
/* Take over all rows of a result set whose columns are those of the table, in order. */
void table_load(struct table *t, struct db_rows *rows);
/*
 * Add a row of values, in the order of the columns: text for TABLE_TEXT and TABLE_JSON (NULL is
 * null), else i (a time of 0 or T_NEVER is null).
 */
struct table_value {
	const char *text;
	int64_t i;
};
void table_add(struct table *t, const struct table_value *values);
/* The same, in a new table, for a result set with names of its own; every value is text. */
struct table *table_from_rows(struct db_rows *rows, int64_t now);
void table_free(struct table **t);
size_t table_rows(const struct table *t);

/* Aligned columns under a line of titles, each line after `indent`; columns without any value are
 * left out. */
void table_print(const struct table *t, const char *indent, FILE *out);
/* The first row, a line for each value that is there. */
void table_print_record(const struct table *t, FILE *out);

/* Append an array of objects. */
int table_json(const struct table *t, struct strbuf *out);
/* Append the first row's members without braces. */
int table_json_record(const struct table *t, struct strbuf *out);

#endif
