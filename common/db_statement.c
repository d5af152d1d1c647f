/* SPDX-License-Identifier: ISC */
/*
 * db_statement: the prepared statements of the catalogue, run with one list of parameters.
 *
 * Owns binding and the conversion of instants. Text is bound as STRING and bytes as BLOB: a UUID
 * column compared with 36 characters bound as BLOB finds nothing, and says nothing.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/db_private.h"
#include "core/timemath.h"

#define VAL_IS_TEXT 1 /* in db_val.i of a DB_T_BYTES: db_text() made it */

struct db_val db_text(const char *s)
{
	struct db_val v = db_bytes(s, s ? strlen(s) : 0);

	v.i = VAL_IS_TEXT;
	return v;
}

bool db_val_is_text(const struct db_val *v)
{
	return v->type == DB_T_BYTES && v->i == VAL_IS_TEXT;
}

struct db_val db_time(int64_t t_us)
{
	if (t_us == 0 || t_us == T_NEVER)
		return db_null();
	return (struct db_val){.type = DB_T_TIME, .i = t_us};
}

bool db_is_write(const char *sql)
{
	return strncasecmp(sql, "SELECT", 6) != 0;
}

void db_time_to_mysql(int64_t t_us, MYSQL_TIME *t)
{
	int64_t days = t_us / T_DAY, rest = t_us % T_DAY;
	int year, month, day;

	if (rest < 0) {
		rest += T_DAY;
		days--;
	}
	days_to_civil(days, &year, &month, &day);
	memset(t, 0, sizeof(*t));
	t->year = (unsigned)year;
	t->month = (unsigned)month;
	t->day = (unsigned)day;
	t->hour = (unsigned)(rest / T_H);
	t->minute = (unsigned)(rest / T_MIN % 60);
	t->second = (unsigned)(rest / T_S % 60);
	t->second_part = (unsigned long)(rest % T_S);
	t->time_type = MYSQL_TIMESTAMP_DATETIME;
}

static int prepare(struct db *db, enum stmt s, struct err *err)
{
	MYSQL_STMT *stmt = mysql_stmt_init(db->mysql);
	const char *sql = statements[s].sql;

	if (!stmt)
		abort();
	db->stmts[s] = stmt;
	if (mysql_stmt_prepare(stmt, sql, strlen(sql)) == 0)
		return 0;
	db_fail(db, mysql_stmt_errno(stmt), mysql_stmt_error(stmt), statements[s].name, err);
	if (db->mysql) { /* else db_fail closed it with the connection */
		mysql_stmt_close(stmt);
		db->stmts[s] = NULL;
	}
	return -1;
}

MYSQL_STMT *db_statement(struct db *db, enum stmt s, struct err *err)
{
	if (db_ready(db, err))
		return NULL;
	if (!db->stmts[s] && prepare(db, s, err))
		return NULL;
	return db->stmts[s];
}

int db_prepare_all(struct db *db, enum stmt_program program, struct err *err)
{
	for (unsigned s = 0; s < STMT_COUNT; s++)
		if ((statements[s].programs & program) && !db_statement(db, (enum stmt)s, err))
			return -1;
	return 0;
}

/* Where the values of one execution live until it is sent. */
struct binding {
	MYSQL_BIND bind[DB_MAX_COLUMNS];
	MYSQL_TIME times[DB_MAX_COLUMNS];
	unsigned long lengths[DB_MAX_COLUMNS];
};

static void bind_value(struct binding *b, size_t i, const struct db_val *v)
{
	MYSQL_BIND *bind = &b->bind[i];

	switch (v->type) {
	case DB_T_NULL:
		bind->buffer_type = MYSQL_TYPE_NULL;
		break;
	case DB_T_INT:
		bind->buffer_type = MYSQL_TYPE_LONGLONG;
		memcpy(&bind->buffer, &(const void *){&v->i}, sizeof(bind->buffer));
		break;
	case DB_T_BYTES:
		bind->buffer_type = db_val_is_text(v) ? MYSQL_TYPE_STRING : MYSQL_TYPE_BLOB;
		memcpy(&bind->buffer, &v->p, sizeof(bind->buffer));
		b->lengths[i] = v->n;
		bind->buffer_length = v->n;
		bind->length = &b->lengths[i];
		break;
	case DB_T_TIME:
		bind->buffer_type = MYSQL_TYPE_DATETIME;
		db_time_to_mysql(v->i, &b->times[i]);
		bind->buffer = &b->times[i];
		break;
	}
}

static int bind_values(struct db *db, enum stmt s, const struct db_val *params, size_t n,
		       struct binding *b, struct err *err)
{
	size_t bytes = 0;

	memset(b->bind, 0, n * sizeof(b->bind[0]));
	for (size_t i = 0; i < n; i++) {
		bind_value(b, i, &params[i]);
		bytes += params[i].type == DB_T_BYTES ? params[i].n : 16;
	}
	if (bytes + 1024 > db->max_packet)
		return err_set(err, ERR_NEVER, 1153, "%s: %zu bytes do not fit one packet",
			       statements[s].name, bytes);
	if (n && mysql_stmt_bind_param(db->stmts[s], b->bind))
		return db_fail_stmt(db, s, err);
	return 0;
}

static int run(struct db *db, enum stmt s, const struct db_val *params, size_t n, struct err *err)
{
	MYSQL_STMT *stmt = db_statement(db, s, err);
	struct binding b;
	unsigned one_row = 0;

	if (!stmt)
		return -1;
	if (n != mysql_stmt_param_count(stmt) || n > DB_MAX_COLUMNS)
		return err_set(err, ERR_BUG, 0, "%s: %zu parameters given, %lu wanted",
			       statements[s].name, n, mysql_stmt_param_count(stmt));
	mysql_stmt_attr_set(stmt, STMT_ATTR_ARRAY_SIZE, &one_row); /* db_bulk leaves another */
	if (bind_values(db, s, params, n, &b, err))
		return -1;
	if (mysql_stmt_execute(stmt))
		return db_fail_stmt(db, s, err);
	return 0;
}

int64_t db_exec(struct db *db, enum stmt s, const struct db_val *params, size_t n, struct err *err)
{
	MYSQL_STMT *stmt;

	if (run(db, s, params, n, err))
		return -1;
	stmt = db->stmts[s];
	if (mysql_stmt_field_count(stmt)) {
		mysql_stmt_free_result(stmt);
		return err_set(err, ERR_BUG, 0, "%s: returns rows", statements[s].name);
	}
	db->insert_id = mysql_stmt_insert_id(stmt);
	return (int64_t)mysql_stmt_affected_rows(stmt);
}

uint64_t db_insert_id(const struct db *db)
{
	return db->insert_id;
}

int db_query(struct db *db, enum stmt s, const struct db_val *params, size_t n,
	     struct db_rows **rows, struct err *err)
{
	if (run(db, s, params, n, err))
		return -1;
	if (!mysql_stmt_field_count(db->stmts[s]))
		return err_set(err, ERR_BUG, 0, "%s: returns no rows", statements[s].name);
	return db_rows_fetch(db, db->stmts[s], s, rows, err);
}
