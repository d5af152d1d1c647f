/* SPDX-License-Identifier: ISC */
/*
 * What the tests of db share: a schema of their own in a real MariaDB, named by
 * LOTSCRIBE_TEST_DB (the path of its socket; the OS user's account must be allowed to create
 * a schema), and statements on it in place of the catalogue: a program that includes this
 * takes no common/statements.c.
 */
#ifndef TESTS_UNIT_DB_TABLE_H
#define TESTS_UNIT_DB_TABLE_H

#include "tests/unit/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/db.h"

enum { /* places in the catalogue that this test fills */
       T_INSERT,
       T_ADD,
       T_BY_ID,
       T_BY_UUID,
       T_COUNT,
       T_SUM,
       T_SET_N,
       T_SET_N_OF,
       T_LOCK,
       T_MY_ID,
       T_KILL,
       T_SLEEP,
       T_NO_TABLE,
       T_SETTINGS,
       T_WIDE,
       T_ALL,
       T_READONLY_ON,
};

/* clang-format off */
const struct stmt_text statements[STMT_COUNT] = {
	[T_INSERT] = {"INSERT", P_CTL, "INSERT INTO t (id, u, v, n, b, d) VALUES (?, ?, ?, ?, ?, ?)"},
	[T_ADD] = {"ADD", P_CTL, "INSERT INTO serial (v) VALUES (?)"},
	[T_BY_ID] = {"BY_ID", P_CTL, "SELECT id, u, v, n, b, d FROM t WHERE id = ?"},
	[T_BY_UUID] = {"BY_UUID", P_CTL, "SELECT id FROM t WHERE u = ?"},
	[T_COUNT] = {"COUNT", P_CTL, "SELECT COUNT(*) FROM t"},
	[T_SUM] = {"SUM", P_CTL, "SELECT SUM(n), AVG(n), 1e0 / 4 FROM t"},
	[T_SET_N] = {"SET_N", P_CTL, "UPDATE t SET n = ? WHERE id = ?"},
	[T_SET_N_OF] = {"SET_N_OF", P_CTL,
		"UPDATE t SET n = n + ?, v = ? WHERE id IN ("
		" ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?,"
		" ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?,"
		" ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?,"
		" ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?,"
		" ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"},
	[T_LOCK] = {"LOCK", P_CTL, "SELECT n FROM t WHERE id = ? FOR UPDATE"},
	[T_MY_ID] = {"MY_ID", P_CTL, "SELECT CONNECTION_ID()"},
	[T_KILL] = {"KILL", P_CTL, "KILL ?"},
	[T_SLEEP] = {"SLEEP", P_CTL, "SELECT SLEEP(?)"},
	[T_NO_TABLE] = {"NO_TABLE", P_FCGI, "SELECT id FROM no_such_table"},
	[T_SETTINGS] = {"SETTINGS", P_CTL,
		"SELECT @@tx_isolation, @@time_zone, @@sql_mode, @@character_set_connection, @@autocommit"},
	[T_WIDE] = {"WIDE", P_CTL, "SELECT CAST(18446744073709551615 AS UNSIGNED)"},
	[T_ALL] = {"ALL", P_CTL, "SELECT id, v FROM t ORDER BY id"},
	[T_READONLY_ON] = {"READONLY_ON", P_CTL, "SET SESSION TRANSACTION READ ONLY"},
};
/* clang-format on */

static struct db_options options = {
	.host = "",
	.name = "lotscribe_unit",
	.user = "",
	.password_file = "",
	.tls_ca = "",
	.program = "test_db",
	.connect_timeout_ms = 3000,
	.io_timeout_ms = 10000,
	.idle_tx_timeout_s = 30,
};

#define S(name) ((enum stmt)(name))

static struct db *connect_new(void)
{
	struct db *db = db_new(&options);
	struct err err = {0};

	if (db_connect(db, &err))
		fail_msg("%s", err.text);
	return db;
}

static void must(int64_t rc, int64_t want, const struct err *err)
{
	if (rc != want)
		fail_msg("%lld instead of %lld: %s", (long long)rc, (long long)want, err->text);
}

/* ---- */

static int set_up_schema(void **state)
{
	struct db_options o = options;
	struct err err = {0};
	struct db *db;

	(void)state;
	o.name = "";
	db = db_new(&o);
	if (db_script(
		    db,
		    "-- a comment; that ends like a statement;\n"
		    "DROP DATABASE IF EXISTS lotscribe_unit;\n"
		    "CREATE DATABASE lotscribe_unit;\nUSE lotscribe_unit;\n"
		    "CREATE TABLE t (\n"
		    "  id BIGINT UNSIGNED NOT NULL PRIMARY KEY, -- not; the end\n"
		    "  u UUID NULL, v VARCHAR(20) NULL, n INT NULL CHECK (n < 1000000),\n"
		    "  b LONGBLOB NULL, d DATETIME(6) NULL) DEFAULT CHARSET=utf8mb4;\n"
		    "CREATE TABLE serial (id BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY, v VARCHAR(20))",
		    &err)) {
		fprintf(stderr, "%s\n", err.text);
		return -1;
	}
	db_free(&db);
	return 0;
}

static int empty_table(void **state)
{
	struct err err = {0};
	struct db *db = connect_new();

	(void)state;
	must(db_script(db, "DELETE FROM t;\n", &err), 0, &err);
	db_free(&db);
	return 0;
}

static void insert_n(struct db *db, int64_t id, int64_t n)
{
	struct err err = {0};

	must(db_exec(db, S(T_INSERT),
		     DB_P(db_int(id), db_null(), db_null(), db_int(n), db_null(), db_null()), &err),
	     1, &err);
}

static int64_t query_int(struct db *db, enum stmt s, const struct db_val *params, size_t n)
{
	struct db_rows *rows;
	struct err err = {0};
	int64_t v;

	must(db_query(db, s, params, n, &rows, &err), 0, &err);
	v = db_next(rows) ? db_get_int(rows, 0) : -1;
	db_rows_free(&rows);
	return v;
}

/* Runs the tests, or tells the harness why not. */
static int run_db_tests(const char *name, const struct CMUnitTest *tests, size_t n)
{
	options.socket = getenv("LOTSCRIBE_TEST_DB");
	if (!options.socket) {
		puts("1..0 # SKIP LOTSCRIBE_TEST_DB names no MariaDB");
		return 0;
	}
	return _cmocka_run_group_tests(name, tests, n, set_up_schema, NULL);
}

#endif
