/* SPDX-License-Identifier: ISC */
/*
 * db_bulk: one statement over many rows of parameters, sent as arrays (a round trip a chunk).
 *
 * The connector wants column arrays: integers lie side by side, texts and times by pointer. A chunk
 * ends at 2,000 rows or at half of the server's max_allowed_packet, above which the server hangs
 * up; a row that fits no packet by itself is refused here.
 *
 * db_bulk_sets: the server runs a statement anew for each row of the arrays; rows that do the same
 * to many ids are made one.
 */
#include <stdlib.h>
#include <string.h>

#include "common/db_private.h"

#define CHUNK_ROWS     2000
#define VALUE_OVERHEAD 16 /* indicator, length or number, rounded up */

struct column {
	enum enum_field_types type;
	int64_t *ints;
	const void **pointers;
	MYSQL_TIME *times;
	unsigned long *lengths;
	char *indicators;
};

/* The one type of a column over all rows; NULLs fit any. -1 where they differ. */
static int column_type(const struct db_val *vals, size_t n_rows, size_t width, size_t col,
		       enum enum_field_types *type)
{
	enum db_type seen = DB_T_NULL;
	bool text = true;

	for (size_t r = 0; r < n_rows; r++) {
		const struct db_val *v = &vals[r * width + col];

		if (v->type == DB_T_NULL)
			continue;
		if (seen != DB_T_NULL && seen != v->type)
			return -1;
		seen = v->type;
		text = text && db_val_is_text(v);
	}
	switch (seen) {
	case DB_T_INT:
		*type = MYSQL_TYPE_LONGLONG;
		break;
	case DB_T_NULL: /* as text: a UUID column refuses even NULL where the type is a number */
	case DB_T_BYTES:
		*type = text ? MYSQL_TYPE_STRING : MYSQL_TYPE_BLOB;
		break;
	case DB_T_TIME:
		*type = MYSQL_TYPE_DATETIME;
		break;
	}
	return 0;
}

static void column_alloc(struct column *c, size_t rows)
{
	if (c->type == MYSQL_TYPE_LONGLONG)
		c->ints = db_alloc(NULL, rows, sizeof(*c->ints));
	else
		c->pointers = db_alloc(NULL, rows, sizeof(*c->pointers));
	if (c->type == MYSQL_TYPE_DATETIME)
		c->times = db_alloc(NULL, rows, sizeof(*c->times));
	c->lengths = db_alloc(NULL, rows, sizeof(*c->lengths));
	c->indicators = db_alloc(NULL, rows, 1);
}

static void columns_free(struct column *columns, size_t width)
{
	for (size_t i = 0; i < width; i++) {
		free(columns[i].ints);
		free(columns[i].pointers);
		free(columns[i].times);
		free(columns[i].lengths);
		free(columns[i].indicators);
	}
}

static void column_set(struct column *c, size_t row, const struct db_val *v)
{
	c->indicators[row] = v->type == DB_T_NULL ? STMT_INDICATOR_NULL : STMT_INDICATOR_NONE;
	c->lengths[row] = v->type == DB_T_BYTES ? v->n : 0;
	if (c->type == MYSQL_TYPE_LONGLONG) {
		c->ints[row] = v->i;
	} else if (c->type == MYSQL_TYPE_DATETIME) {
		db_time_to_mysql(v->type == DB_T_TIME ? v->i : 0, &c->times[row]);
		c->pointers[row] = &c->times[row];
	} else {
		c->pointers[row] = v->type == DB_T_BYTES ? v->p : "";
	}
}

static size_t row_bytes(const struct db_val *row, size_t width)
{
	size_t bytes = 0;

	for (size_t i = 0; i < width; i++)
		bytes += VALUE_OVERHEAD + (row[i].type == DB_T_BYTES ? row[i].n : 0);
	return bytes;
}

/* How many rows go into the next chunk; 0 where the first fits no packet. */
static size_t chunk_rows(const struct db *db, const struct db_val *vals, size_t n_rows,
			 size_t width)
{
	size_t bytes = row_bytes(vals, width), n = 1;

	if (bytes + 1024 > db->max_packet)
		return 0;
	while (n < n_rows && n < CHUNK_ROWS) {
		bytes += row_bytes(vals + n * width, width);
		if (bytes > db->max_packet / 2)
			break;
		n++;
	}
	return n;
}

static int64_t send_chunk(struct db *db, enum stmt s, struct column *columns, size_t width,
			  size_t rows, struct err *err)
{
	MYSQL_STMT *stmt = db->stmts[s];
	MYSQL_BIND bind[DB_MAX_COLUMNS];
	unsigned array_size = (unsigned)rows;

	memset(bind, 0, sizeof(bind));
	for (size_t i = 0; i < width; i++) {
		struct column *c = &columns[i];

		bind[i].buffer_type = c->type;
		bind[i].buffer = c->ints ? (void *)c->ints : (void *)c->pointers;
		bind[i].length = c->lengths;
		bind[i].u.indicator = c->indicators;
	}
	db_arm(db);
	mysql_stmt_attr_set(stmt, STMT_ATTR_ARRAY_SIZE, &array_size);
	if (mysql_stmt_bind_param(stmt, bind) || mysql_stmt_execute(stmt))
		return db_fail_stmt(db, s, err);
	return (int64_t)mysql_stmt_affected_rows(stmt);
}

static int64_t send_all(struct db *db, enum stmt s, struct column *columns, size_t width,
			const struct db_val *vals, size_t n_rows, struct err *err)
{
	int64_t total = 0;

	while (n_rows) {
		size_t n = chunk_rows(db, vals, n_rows, width);
		int64_t matched;

		if (n == 0)
			return err_set(err, ERR_NEVER, 1153, "%s: a row does not fit one packet",
				       statements[s].name);
		for (size_t r = 0; r < n; r++)
			for (size_t i = 0; i < width; i++)
				column_set(&columns[i], r, &vals[r * width + i]);
		matched = send_chunk(db, s, columns, width, n, err);
		if (matched < 0)
			return -1;
		total += matched;
		vals += n * width;
		n_rows -= n;
	}
	return total;
}

int64_t db_bulk(struct db *db, enum stmt s, const struct db_val *vals, size_t n_rows,
		struct err *err)
{
	struct column columns[DB_MAX_COLUMNS];
	int64_t total = -1;
	size_t width;

	if (n_rows == 0)
		return 0;
	if (!db_statement(db, s, err))
		return -1;
	width = mysql_stmt_param_count(db->stmts[s]);
	if (width == 0 || width > DB_MAX_COLUMNS || mysql_stmt_field_count(db->stmts[s]))
		return err_set(err, ERR_BUG, 0, "%s: no statement for many rows",
			       statements[s].name);
	memset(columns, 0, sizeof(columns));
	for (size_t i = 0; i < width; i++) {
		if (column_type(vals, n_rows, width, i, &columns[i].type)) {
			err_set(err, ERR_BUG, 0, "%s: parameter %zu is of several types",
				statements[s].name, i + 1);
			goto out;
		}
		column_alloc(&columns[i], n_rows < CHUNK_ROWS ? n_rows : CHUNK_ROWS);
	}
	total = send_all(db, s, columns, width, vals, n_rows, err);
out:
	columns_free(columns, width);
	return total;
}

/* --- sets --- */

static bool is_alike(const struct db_val *a, const struct db_val *b, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (a[i].type != b[i].type || a[i].i != b[i].i || a[i].n != b[i].n ||
		    (a[i].n > 0 && memcmp(a[i].p, b[i].p, a[i].n) != 0))
			return false;
	}
	return true;
}

struct sets {
	struct db_val *vals; /* of each set: the head, then DB_SET_IDS ids */
	size_t *filled;
	size_t n, head;
};

static void sets_add(struct sets *sets, const struct db_val *row)
{
	const size_t width = sets->head + DB_SET_IDS;
	size_t at = sets->n;
	struct db_val *to;

	while (at > 0 && (sets->filled[at - 1] == DB_SET_IDS ||
			  !is_alike(&sets->vals[(at - 1) * width], row, sets->head)))
		at--;
	if (at == 0) {
		at = ++sets->n;
		to = &sets->vals[(at - 1) * width];
		memcpy(to, row, sets->head * sizeof(*to));
		for (size_t i = 0; i < DB_SET_IDS; i++)
			to[sets->head + i] = row[sets->head];
	}
	sets->vals[(at - 1) * width + sets->head + sets->filled[at - 1]++] = row[sets->head];
}

int64_t db_bulk_sets(struct db *db, enum stmt s, const struct db_val *vals, size_t n_rows,
		     struct err *err)
{
	struct sets sets = {0};
	int64_t matched;
	size_t width;

	if (n_rows == 0)
		return 0;
	if (!db_statement(db, s, err))
		return -1;
	width = mysql_stmt_param_count(db->stmts[s]);
	if (width < DB_SET_IDS)
		return err_set(err, ERR_BUG, 0, "%s: no statement for sets", statements[s].name);
	sets.head = width - DB_SET_IDS;
	sets.vals = db_alloc(NULL, n_rows * width, sizeof(*sets.vals));
	sets.filled = db_alloc(NULL, n_rows, sizeof(*sets.filled));
	memset(sets.filled, 0, n_rows * sizeof(*sets.filled));
	for (size_t r = 0; r < n_rows; r++)
		sets_add(&sets, vals + r * (sets.head + 1));
	matched = db_bulk(db, s, sets.vals, sets.n, err);
	free(sets.vals);
	free(sets.filled);
	return matched;
}
