/* SPDX-License-Identifier: ISC */
/*
 * db_text: SQL that is not in the catalogue, for batchctl (migrations, grants, invariant queries).
 *
 * Text comes from files of the program itself, never from a request.
 */
#include <ctype.h>
#include <string.h>

#include "common/db_private.h"

/* Read and forget what a statement returned, as far as it returned anything. */
static int drain(MYSQL *m)
{
	int rc;

	do {
		MYSQL_RES *res = mysql_store_result(m);

		if (!res && mysql_errno(m))
			return -1;
		mysql_free_result(res);
		rc = mysql_next_result(m);
	} while (rc == 0);
	return rc > 0 ? -1 : 0;
}

static int run_statement(struct db *db, const char *sql, size_t n, struct err *err)
{
	char name[80];

	if (db_ready(db, err))
		return -1;
	if (mysql_real_query(db->mysql, sql, n) == 0 && drain(db->mysql) == 0)
		return 0;
	n = strcspn(sql, "\n");
	if (n >= sizeof(name))
		n = sizeof(name) - 1;
	memcpy(name, sql, n);
	name[n] = '\0';
	return db_fail(db, mysql_errno(db->mysql), mysql_error(db->mysql), name, err);
}

static bool is_comment(const char *line, size_t n)
{
	while (n && isspace((unsigned char)*line)) {
		line++;
		n--;
	}
	return n == 0 || (n >= 2 && line[0] == '-' && line[1] == '-') || line[0] == '#';
}

static bool ends_statement(const char *line, size_t n)
{
	while (n && isspace((unsigned char)line[n - 1]))
		n--;
	return n && line[n - 1] == ';';
}

int db_script(struct db *db, const char *sql, struct err *err)
{
	const char *start =
		NULL; /* of the statement that is being read: its first line that is no comment */

	while (*sql) {
		size_t n = strcspn(sql, "\n");
		bool ends = !is_comment(sql, n) && ends_statement(sql, n);

		if (!start && !is_comment(sql, n))
			start = sql;
		if (start && ends) {
			if (run_statement(db, start, (size_t)(sql + n - start), err))
				return -1;
			start = NULL;
		}
		sql += n + (sql[n] == '\n');
	}
	return start ? run_statement(db, start, strlen(start), err) : 0;
}

int db_query_text(struct db *db, const char *sql, struct db_rows **rows, struct err *err)
{
	struct db_rows *r;
	MYSQL_RES *res;

	if (db_ready(db, err))
		return -1;
	if (mysql_real_query(db->mysql, sql, strlen(sql)))
		return db_fail(db, mysql_errno(db->mysql), mysql_error(db->mysql), "query", err);
	res = mysql_store_result(db->mysql);
	if (!res && mysql_errno(db->mysql))
		return db_fail(db, mysql_errno(db->mysql), mysql_error(db->mysql), "query", err);
	if (!res)
		return err_set(err, ERR_BUG, 0, "query: returns no rows");
	r = db_rows_from_text(res);
	mysql_free_result(res);
	if (mysql_more_results(db->mysql)) {
		db_rows_free(&r);
		db_disconnect(db);
		return err_set(err, ERR_BUG, 0, "query: several statements");
	}
	*rows = r;
	return 0;
}
