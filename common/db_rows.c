/* SPDX-License-Identifier: ISC */
/*
 * db_rows: a result, copied whole into memory of our own.
 *
 * Rows are read straight off the wire (no mysql_stmt_store_result, which would hold them twice);
 * strings are bound with no room, so that the length comes first and the bytes are copied once. A
 * value that does not fit its column's type is an error, never a cut.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/db_private.h"
#include "core/timemath.h"

enum cell_kind { CELL_NULL, CELL_INT, CELL_TIME, CELL_TEXT };

struct cell {
	enum cell_kind kind;
	int64_t i; /* integer or instant; of text: where it starts in data */
	size_t n;
};

struct db_rows {
	unsigned columns;
	size_t count, next;
	struct cell *cells; /* row after row */
	size_t cells_cap;
	char *data; /* the texts, each NUL-terminated */
	size_t data_len, data_cap;
	char **names;
};

/* What a column is fetched as. */
struct column {
	enum cell_kind kind;
	int64_t i;
	double d;
	MYSQL_TIME t;
	unsigned long length;
	my_bool is_null, error;
	bool is_double;
};

static struct db_rows *rows_new(unsigned columns, const MYSQL_FIELD *fields)
{
	struct db_rows *r = db_alloc(NULL, 1, sizeof(*r));

	memset(r, 0, sizeof(*r));
	r->columns = columns;
	r->names = db_alloc(NULL, columns, sizeof(*r->names));
	for (unsigned i = 0; i < columns; i++) {
		r->names[i] = strdup(fields[i].name);
		if (!r->names[i])
			abort();
	}
	return r;
}

void db_rows_free(struct db_rows **rows)
{
	struct db_rows *r = *rows;

	if (!r)
		return;
	for (unsigned i = 0; i < r->columns; i++)
		free(r->names[i]);
	free(r->names);
	free(r->cells);
	free(r->data);
	free(r);
	*rows = NULL;
}

static struct cell *add_row(struct db_rows *r)
{
	size_t used = r->count * r->columns;

	if (used + r->columns > r->cells_cap) {
		r->cells_cap = 2 * r->cells_cap + r->columns;
		r->cells = db_alloc(r->cells, r->cells_cap, sizeof(*r->cells));
	}
	r->count++;
	return r->cells + used;
}

/* Room for n bytes and a NUL at the end of data. */
static char *add_text(struct db_rows *r, struct cell *c, size_t n)
{
	char *to;

	if (n + 1 > r->data_cap - r->data_len) {
		r->data_cap = r->data_cap + r->data_cap / 2 + n + 256;
		r->data = db_alloc(r->data, r->data_cap, 1);
	}
	to = r->data + r->data_len;
	to[n] = '\0';
	*c = (struct cell){.kind = CELL_TEXT, .i = (int64_t)r->data_len, .n = n};
	r->data_len += n + 1;
	return to;
}

static void bind_integer(MYSQL_BIND *b, struct column *c, bool is_unsigned)
{
	c->kind = CELL_INT;
	b->buffer_type = MYSQL_TYPE_LONGLONG;
	b->buffer = &c->i;
	b->is_unsigned = is_unsigned;
}

static void bind_text(MYSQL_BIND *b, struct column *c)
{
	c->kind = CELL_TEXT;
	b->buffer_type = MYSQL_TYPE_BLOB; /* no room: only its length is wanted yet */
}

static int bind_column(MYSQL_BIND *b, struct column *c, const MYSQL_FIELD *f)
{
	b->length = &c->length;
	b->is_null = &c->is_null;
	b->error = &c->error;
	switch ((int)f->type) {
	case MYSQL_TYPE_TINY:
	case MYSQL_TYPE_SHORT:
	case MYSQL_TYPE_INT24:
	case MYSQL_TYPE_LONG:
	case MYSQL_TYPE_LONGLONG:
	case MYSQL_TYPE_YEAR:
		bind_integer(b, c, f->flags & UNSIGNED_FLAG);
		return 0;
	case MYSQL_TYPE_FLOAT:
	case MYSQL_TYPE_DOUBLE:
		c->kind = CELL_TEXT;
		c->is_double = true;
		b->buffer_type = MYSQL_TYPE_DOUBLE;
		b->buffer = &c->d;
		return 0;
	case MYSQL_TYPE_DATETIME:
	case MYSQL_TYPE_TIMESTAMP:
	case MYSQL_TYPE_DATE:
		c->kind = CELL_TIME;
		b->buffer_type = MYSQL_TYPE_DATETIME;
		b->buffer = &c->t;
		return 0;
	case MYSQL_TYPE_NULL:
	case MYSQL_TYPE_DECIMAL:
	case MYSQL_TYPE_NEWDECIMAL:
	case MYSQL_TYPE_VARCHAR:
	case MYSQL_TYPE_VAR_STRING:
	case MYSQL_TYPE_STRING:
	case MYSQL_TYPE_ENUM:
	case MYSQL_TYPE_SET:
	case MYSQL_TYPE_TINY_BLOB:
	case MYSQL_TYPE_BLOB:
	case MYSQL_TYPE_MEDIUM_BLOB:
	case MYSQL_TYPE_LONG_BLOB:
		bind_text(b, c);
		return 0;
	default:
		return -1;
	}
}

static int64_t time_from_mysql(const MYSQL_TIME *t)
{
	int64_t days = civil_to_days((int)t->year, (int)t->month, (int)t->day);

	return days * T_DAY + (int64_t)t->hour * T_H + (int64_t)t->minute * T_MIN +
	       (int64_t)t->second * T_S + (int64_t)t->second_part;
}

static int copy_text(MYSQL_STMT *stmt, unsigned col, const struct column *c, struct db_rows *r,
		     struct cell *cell)
{
	unsigned long n = c->length;
	my_bool error = 0;
	MYSQL_BIND b = {.buffer_type = MYSQL_TYPE_BLOB,
			.buffer_length = n,
			.length = &n,
			.error = &error};

	b.buffer = add_text(r, cell, n);
	return n && mysql_stmt_fetch_column(stmt, &b, col, 0) ? -1 : error ? 1 : 0;
}

/*
 * One value of the row that was just fetched. 0, 1 where it was cut, -1 where the statement says.
 */
static int take_value(MYSQL_STMT *stmt, unsigned col, const struct column *c, struct db_rows *r,
		      struct cell *cell)
{
	char text[32];

	if (c->is_null) {
		*cell = (struct cell){.kind = CELL_NULL};
		return 0;
	}
	if (c->is_double) {
		int n = snprintf(text, sizeof(text), "%.17g", c->d);

		memcpy(add_text(r, cell, (size_t)n), text, (size_t)n);
		return c->error;
	}
	switch (c->kind) {
	case CELL_INT:
		*cell = (struct cell){.kind = CELL_INT, .i = c->i};
		return c->error || (c->i < 0 && stmt->fields[col].flags & UNSIGNED_FLAG);
	case CELL_TIME:
		*cell = (struct cell){.kind = CELL_TIME, .i = time_from_mysql(&c->t)};
		return c->error;
	case CELL_NULL:
	case CELL_TEXT:
		return copy_text(stmt, col, c, r, cell);
	}
	return 0;
}

static int take_row(MYSQL_STMT *stmt, const struct column *columns, struct db_rows *r)
{
	struct cell *row = add_row(r);
	int rc = 0;

	for (unsigned i = 0; i < r->columns && rc == 0; i++)
		rc = take_value(stmt, i, &columns[i], r, &row[i]);
	return rc;
}

/* 0 after the last row, 1 where a value did not fit, -1 where the statement tells the error. */
static int take_rows(MYSQL_STMT *stmt, const struct column *columns, struct db_rows *r)
{
	int rc;

	for (;;) {
		rc = mysql_stmt_fetch(stmt);
		if (rc == MYSQL_NO_DATA)
			return 0;
		if (rc != 0 &&
		    rc != MYSQL_DATA_TRUNCATED) /* cut: texts always, others are told below */
			return -1;
		rc = take_row(stmt, columns, r);
		if (rc)
			return rc;
	}
}

static int bind_columns(MYSQL_STMT *stmt, struct column *columns, struct db_rows *r)
{
	MYSQL_BIND bind[DB_MAX_COLUMNS];

	memset(bind, 0, sizeof(bind));
	for (unsigned i = 0; i < r->columns; i++)
		if (bind_column(&bind[i], &columns[i], &stmt->fields[i]))
			return 1;
	return mysql_stmt_bind_result(stmt, bind) ? -1 : 0;
}

int db_rows_fetch(struct db *db, MYSQL_STMT *stmt, enum stmt s, struct db_rows **rows,
		  struct err *err)
{
	unsigned n = mysql_stmt_field_count(stmt);
	struct column columns[DB_MAX_COLUMNS];
	struct db_rows *r;
	int rc = 1;

	memset(columns, 0, sizeof(columns));
	r = rows_new(n, stmt->fields);
	if (n <= DB_MAX_COLUMNS)
		rc = bind_columns(stmt, columns, r);
	if (rc == 0)
		rc = take_rows(stmt, columns, r);
	if (rc == 0) {
		mysql_stmt_free_result(stmt);
		*rows = r;
		return 0;
	}
	db_rows_free(&r);
	if (rc < 0)
		return db_fail_stmt(db, s, err);
	mysql_stmt_free_result(stmt);
	return err_set(err, ERR_BUG, 0, "%s: a column's type or value cannot be read",
		       statements[s].name);
}

struct db_rows *db_rows_from_text(MYSQL_RES *res)
{
	struct db_rows *r = rows_new(mysql_num_fields(res), mysql_fetch_fields(res));
	MYSQL_ROW row;

	while ((row = mysql_fetch_row(res))) {
		const unsigned long *n = mysql_fetch_lengths(res);
		struct cell *cells = add_row(r);

		for (unsigned i = 0; i < r->columns; i++) {
			if (row[i])
				memcpy(add_text(r, &cells[i], n[i]), row[i], n[i]);
			else
				cells[i] = (struct cell){.kind = CELL_NULL};
		}
	}
	return r;
}

size_t db_rows_count(const struct db_rows *rows)
{
	return rows->count;
}

unsigned db_rows_columns(const struct db_rows *rows)
{
	return rows->columns;
}

const char *db_rows_name(const struct db_rows *rows, unsigned col)
{
	return rows->names[col];
}

bool db_next(struct db_rows *rows)
{
	if (rows->next >= rows->count)
		return false;
	rows->next++;
	return true;
}

/*
 * A column that is not there, or of another type than it is asked for: a bug that must not go on.
 */
static void misuse(const struct db_rows *r, unsigned col, const char *wanted)
{
	fprintf(stderr, "db: column %u (%s) of %u read as %s\n", col,
		col < r->columns ? r->names[col] : "?", r->columns, wanted);
	abort();
}

static const struct cell *cell_at(const struct db_rows *r, unsigned col)
{
	if (r->next == 0 || col >= r->columns)
		misuse(r, col, "a value");
	return &r->cells[(r->next - 1) * r->columns + col];
}

bool db_is_null(const struct db_rows *rows, unsigned col)
{
	return cell_at(rows, col)->kind == CELL_NULL;
}

/* Sums come as DECIMAL, that is as text. */
static int64_t int_from_text(const struct db_rows *r, unsigned col, const struct cell *c)
{
	const char *text = r->data + c->i;
	char *end;
	int64_t v = strtoimax(text, &end, 10);

	if (end == text || (*end && *end != '.'))
		misuse(r, col, "an integer");
	return v;
}

int64_t db_get_int(const struct db_rows *rows, unsigned col)
{
	const struct cell *c = cell_at(rows, col);

	switch (c->kind) {
	case CELL_NULL:
		return 0;
	case CELL_INT:
		return c->i;
	case CELL_TEXT:
		return int_from_text(rows, col, c);
	case CELL_TIME:
		break;
	}
	misuse(rows, col, "an integer");
	return 0;
}

int64_t db_get_time(const struct db_rows *rows, unsigned col)
{
	const struct cell *c = cell_at(rows, col);

	if (c->kind == CELL_NULL)
		return 0;
	if (c->kind != CELL_TIME)
		misuse(rows, col, "an instant");
	return c->i;
}

const char *db_get_text(const struct db_rows *rows, unsigned col, size_t *len)
{
	const struct cell *c = cell_at(rows, col);

	if (c->kind != CELL_NULL && c->kind != CELL_TEXT)
		misuse(rows, col, "text");
	if (len)
		*len = c->kind == CELL_NULL ? 0 : c->n;
	return c->kind == CELL_NULL ? NULL : rows->data + c->i;
}
