/* SPDX-License-Identifier: ISC */
/*
 * db against a real MariaDB, named by LOTSCRIBE_TEST_DB (the path of its socket; the OS user's account,
 * or root without a password, must be allowed to create a schema). Skips where none is given.
 *
 * The catalogue is replaced by statements of this test, on a table of its own; the program that links
 * this file takes no common/statements.c.
 */
#include "tests/unit/check.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/db.h"
#include "core/timemath.h"

enum { /* places in the catalogue that this test fills */
       T_INSERT,
       T_ADD,
       T_BY_ID,
       T_BY_UUID,
       T_COUNT,
       T_SUM,
       T_SET_N,
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

static void session_is_set_up(void **state)
{
	struct db *db = connect_new();
	struct db_rows *rows;
	struct err err = {0};

	(void)state;
	must(db_query(db, S(T_SETTINGS), DB_NONE, &rows, &err), 0, &err);
	assert_true(db_next(rows));
	assert_string_equal(db_get_text(rows, 0, NULL), "READ-COMMITTED");
	assert_string_equal(db_get_text(rows, 1, NULL), "+00:00");
	assert_non_null(strstr(db_get_text(rows, 2, NULL), "STRICT_ALL_TABLES"));
	assert_string_equal(db_get_text(rows, 3, NULL), "utf8mb4");
	assert_int_equal(db_get_int(rows, 4), 1);
	assert_false(db_next(rows));
	db_rows_free(&rows);
	db_free(&db);
}

static void values_come_back_as_they_went(void **state)
{
	static const char blob[] = "\xff\x00\xfe'\"\\;";
	const int64_t at = INT64_C(1764023625123456); /* 2025-11-24T22:33:45.123456Z */
	struct db *db = connect_new();
	struct db_rows *rows;
	struct err err = {0};
	size_t n;

	(void)state;
	must(db_exec(db, S(T_INSERT),
		     DB_P(db_int(7), db_text("365a09ce-1111-4111-8111-123456789abc"),
			  db_text("Teekännchen \xf0\x9f\xab\x96"), db_int(-5),
			  db_bytes(blob, sizeof(blob)), db_time(at)),
		     &err),
	     1, &err);
	assert_int_equal(query_int(db, S(T_BY_UUID),
				   DB_P(db_text("365a09ce-1111-4111-8111-123456789abc"))),
			 7);
	must(db_query(db, S(T_BY_ID), DB_P(db_int(7)), &rows, &err), 0, &err);
	assert_int_equal(db_rows_count(rows), 1);
	assert_int_equal(db_rows_columns(rows), 6);
	assert_string_equal(db_rows_name(rows, 5), "d");
	assert_true(db_next(rows));
	assert_int_equal(db_get_int(rows, 0), 7);
	assert_string_equal(db_get_text(rows, 1, NULL), "365a09ce-1111-4111-8111-123456789abc");
	assert_string_equal(db_get_text(rows, 2, &n), "Teekännchen \xf0\x9f\xab\x96");
	assert_int_equal(n, 17);
	assert_int_equal(db_get_int(rows, 3), -5);
	assert_memory_equal(db_get_text(rows, 4, &n), blob, sizeof(blob));
	assert_int_equal(n, sizeof(blob));
	assert_int_equal(db_get_time(rows, 5), at);
	db_rows_free(&rows);
	db_free(&db);
}

static void nulls_and_empty_texts_differ(void **state)
{
	struct db *db = connect_new();
	struct db_rows *rows;
	struct err err = {0};
	size_t n = 9;

	(void)state;
	must(db_exec(db, S(T_INSERT),
		     DB_P(db_int(1), db_null(), db_text(""), db_null(), db_text(NULL), db_time(0)),
		     &err),
	     1, &err);
	must(db_query(db, S(T_BY_ID), DB_P(db_int(1)), &rows, &err), 0, &err);
	assert_true(db_next(rows));
	assert_true(db_is_null(rows, 1));
	assert_false(db_is_null(rows, 2));
	assert_string_equal(db_get_text(rows, 2, NULL), "");
	assert_int_equal(db_get_int(rows, 3), 0);
	assert_null(db_get_text(rows, 4, &n));
	assert_int_equal(n, 0);
	assert_int_equal(db_get_time(rows, 5), 0);
	db_rows_free(&rows);
	db_free(&db);
}

static void sums_are_integers_and_too_wide_ones_an_error(void **state)
{
	struct db *db = connect_new();
	struct db_rows *rows;
	struct err err = {0};

	(void)state;
	insert_n(db, 1, 20);
	insert_n(db, 2, 21);
	must(db_query(db, S(T_SUM), DB_NONE, &rows, &err), 0, &err);
	assert_true(db_next(rows));
	assert_int_equal(db_get_int(rows, 0), 41);
	assert_string_equal(db_get_text(rows, 1, NULL), "20.5000");
	assert_string_equal(db_get_text(rows, 2, NULL), "0.25");
	db_rows_free(&rows);
	assert_int_equal(db_query(db, S(T_WIDE), DB_NONE, &rows, &err), -1);
	assert_int_equal(err.class, ERR_BUG);
	assert_int_equal(query_int(db, S(T_COUNT), DB_NONE), 2); /* the connection is in step */
	db_free(&db);
}

static void rows_outlive_the_next_statement(void **state)
{
	struct db *db = connect_new();
	struct db_rows *rows, *again;
	struct err err = {0};

	(void)state;
	insert_n(db, 1, 10);
	insert_n(db, 2, 20);
	must(db_query(db, S(T_ALL), DB_NONE, &rows, &err), 0, &err);
	for (int64_t id = 1; db_next(rows); id++) {
		must(db_query(db, S(T_ALL), DB_NONE, &again, &err), 0, &err);
		assert_int_equal(db_rows_count(again), 2);
		db_rows_free(&again);
		assert_int_equal(db_get_int(rows, 0), id);
	}
	db_rows_free(&rows);
	db_free(&db);
}

static void a_large_blob_goes_and_comes(void **state)
{
	const size_t size = 12u << 20;
	struct db *db = connect_new();
	char *blob = malloc(size);
	struct db_rows *rows;
	struct err err = {0};
	size_t n;

	(void)state;
	assert_non_null(blob);
	for (size_t i = 0; i < size; i++)
		blob[i] = (char)(i * 2654435761u >> 13);
	must(db_exec(db, S(T_INSERT),
		     DB_P(db_int(1), db_null(), db_null(), db_null(), db_bytes(blob, size),
			  db_null()),
		     &err),
	     1, &err);
	must(db_query(db, S(T_BY_ID), DB_P(db_int(1)), &rows, &err), 0, &err);
	assert_true(db_next(rows));
	assert_memory_equal(db_get_text(rows, 4, &n), blob, size);
	assert_int_equal(n, size);
	db_rows_free(&rows);
	free(blob);
	db_free(&db);
}

/* The server would hang up on it. */
static void what_fits_no_packet_is_refused_before_it_is_sent(void **state)
{
	const size_t size = (size_t)1 << 30;
	struct db *db = connect_new();
	struct err err = {0};
	struct db_val row[] = {db_int(1), db_null(),          db_null(),
			       db_null(), db_bytes("", size), db_null()};

	(void)state;
	assert_int_equal(db_exec(db, S(T_INSERT), row, 6, &err), -1);
	assert_int_equal(err.class, ERR_NEVER);
	assert_int_equal(err.detail, 1153);
	err = (struct err){0};
	assert_int_equal(db_bulk(db, S(T_INSERT), row, 1, &err), -1);
	assert_int_equal(err.detail, 1153);
	assert_true(db_connected(db));
	db_free(&db);
}

static void counts_are_of_matched_rows(void **state)
{
	struct db *db = connect_new();
	struct err err = {0};

	(void)state;
	insert_n(db, 1, 5);
	must(db_exec(db, S(T_SET_N), DB_P(db_int(5), db_int(1)), &err), 1,
	     &err); /* changes nothing */
	must(db_exec(db, S(T_SET_N), DB_P(db_int(5), db_int(2)), &err), 0, &err);
	must(db_exec(db, S(T_ADD), DB_P(db_text("x")), &err), 1, &err);
	assert_true(db_insert_id(db) >= 1);
	db_free(&db);
}

static void errors_have_their_class(void **state)
{
	/* clang-format off */
	static const struct {
		const char *what;
		struct db_val row[6];
		int code;
	} cases[] = {
		{"duplicate", {{DB_T_INT, 1, NULL, 0}}, 1062},
		{"too long", {{DB_T_INT, 2, NULL, 0}, {0}, {DB_T_BYTES, 0, "123456789012345678901", 21}}, 1406},
		{"bad UTF-8", {{DB_T_INT, 2, NULL, 0}, {0}, {DB_T_BYTES, 0, "\xff", 1}}, 1366},
		{"out of range", {{DB_T_INT, 2, NULL, 0}, {0}, {0}, {DB_T_INT, 1LL << 40, NULL, 0}}, 1264},
		{"CHECK", {{DB_T_INT, 2, NULL, 0}, {0}, {0}, {DB_T_INT, 1000000, NULL, 0}}, 4025},
		{"no UUID", {{DB_T_INT, 2, NULL, 0}, {DB_T_BYTES, 1, "x", 1}}, 1292},
	};
	/* clang-format on */
	struct db *db = connect_new();
	struct err err = {0};

	(void)state;
	insert_n(db, 1, 5);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		err = (struct err){0};
		if (db_exec(db, S(T_INSERT), cases[i].row, 6, &err) != -1 ||
		    err.class != ERR_NEVER || err.detail != cases[i].code)
			fail_msg("%s: %s", cases[i].what, err.text);
		assert_int_equal(db_err_is_duplicate(&err), cases[i].code == 1062);
		assert_true(db_connected(db));
	}
	assert_int_equal(db_prepare_all(db, P_FCGI, &err), -1); /* T_NO_TABLE */
	assert_int_equal(err.class, ERR_BUG);
	assert_int_equal(err.detail, 1146);
	assert_int_equal(db_prepare_all(db, P_CTL, &err), 0);
	assert_int_equal(db_exec(db, S(T_INSERT), DB_P(db_int(3)), &err), -1);
	assert_int_equal(err.class, ERR_BUG);
	assert_int_equal(db_exec(db, S(T_COUNT), DB_NONE, &err), -1);
	assert_int_equal(err.class, ERR_BUG);
	assert_int_equal(query_int(db, S(T_COUNT), DB_NONE), 1);
	db_free(&db);
}

static void bulk_stores_every_row(void **state)
{
	enum { ROWS = 4321 }; /* three chunks */
	struct db *db = connect_new();
	struct db_val *vals = calloc(ROWS * 6, sizeof(*vals));
	struct db_rows *rows;
	struct err err = {0};

	(void)state;
	assert_non_null(vals);
	for (int64_t i = 0; i < ROWS; i++) {
		struct db_val *v = vals + i * 6;

		v[0] = db_int(i);
		v[2] = i % 3 ? db_text(i % 2 ? "odd" : "") : db_null();
		v[3] = i % 5 ? db_int(i) : db_null();
		v[4] = db_bytes(&v[0].i, sizeof(v[0].i));
		v[5] = i % 7 ? db_time(T_S + i) : db_null();
	}
	must(db_bulk(db, S(T_INSERT), vals, ROWS, &err), ROWS, &err);
	assert_int_equal(query_int(db, S(T_COUNT), DB_NONE), ROWS);
	for (int64_t i = 0; i < ROWS; i += i < 8 ? 1 : 499) {
		must(db_query(db, S(T_BY_ID), DB_P(db_int(i)), &rows, &err), 0, &err);
		assert_true(db_next(rows));
		assert_int_equal(db_is_null(rows, 2), i % 3 == 0);
		if (i % 3)
			assert_string_equal(db_get_text(rows, 2, NULL), i % 2 ? "odd" : "");
		assert_int_equal(db_is_null(rows, 3), i % 5 == 0);
		assert_int_equal(db_get_int(rows, 3), i % 5 ? i : 0);
		assert_memory_equal(db_get_text(rows, 4, NULL), &i, sizeof(i));
		assert_int_equal(db_get_time(rows, 5), i % 7 ? T_S + i : 0);
		db_rows_free(&rows);
	}
	insert_n(db, ROWS, 1); /* single again after arrays */
	free(vals);
	db_free(&db);
}

static void bulk_update_counts_matched_rows(void **state)
{
	struct db *db = connect_new();
	struct err err = {0};
	struct db_val vals[] = {db_int(5), db_int(1), db_int(6), db_int(2), db_int(7), db_int(9)};

	(void)state;
	insert_n(db, 1, 5);
	insert_n(db, 2, 5);
	must(db_bulk(db, S(T_SET_N), vals, 3, &err), 2, &err);
	must(db_bulk(db, S(T_SET_N), vals, 0, &err), 0, &err);
	vals[2] = db_text("6");
	assert_int_equal(db_bulk(db, S(T_SET_N), vals, 3, &err), -1);
	assert_int_equal(err.class, ERR_BUG);
	db_free(&db);
}

static void bulk_with_a_duplicate_stores_nothing(void **state)
{
	struct db *db = connect_new();
	struct err err = {0};
	struct db_val vals[3 * 6] = {{0}};

	(void)state;
	vals[0] = db_int(1);
	vals[6] = db_int(2);
	vals[12] = db_int(1);
	assert_int_equal(db_bulk(db, S(T_INSERT), vals, 3, &err), -1);
	assert_true(db_err_is_duplicate(&err));
	assert_int_equal(query_int(db, S(T_COUNT), DB_NONE), 0);
	db_free(&db);
}

/* ---- Transactions and lost connections. */

struct tx {
	struct db *other;
	int runs, fail_until, fail_with;
	int64_t id;
	pthread_barrier_t *both_hold;
};

static void kill_connection(struct db *killer, struct db *victim)
{
	struct err err = {0};
	int64_t id = query_int(victim, S(T_MY_ID), DB_NONE);

	must(db_exec(killer, S(T_KILL), DB_P(db_int(id)), &err), 0, &err);
}

static int insert_and_fail(struct db *db, void *arg, struct err *err)
{
	struct tx *tx = arg;

	tx->runs++;
	if (db_exec(db, S(T_INSERT),
		    DB_P(db_int(tx->runs), db_null(), db_null(), db_null(), db_null(), db_null()),
		    err) < 0)
		return -1;
	return tx->runs < tx->fail_until ? err_set(err, (enum err_class)tx->fail_with, 0, "no") : 0;
}

static void a_failed_transaction_leaves_nothing(void **state)
{
	struct db *db = connect_new();
	struct tx tx = {.fail_until = 9, .fail_with = ERR_CONFLICT};
	struct err err = {0};

	(void)state;
	assert_int_equal(db_tx(db, insert_and_fail, &tx, &err), -1);
	assert_int_equal(err.class, ERR_CONFLICT);
	assert_int_equal(tx.runs, 1); /* a conflict that fn saw itself is its caller's */
	assert_int_equal(query_int(db, S(T_COUNT), DB_NONE), 0);
	tx = (struct tx){0};
	must(db_tx(db, insert_and_fail, &tx, &err), 0, &err);
	assert_int_equal(query_int(db, S(T_COUNT), DB_NONE), 1);
	db_free(&db);
}

static int insert_and_lose(struct db *db, void *arg, struct err *err)
{
	struct tx *tx = arg;

	if (insert_and_fail(db, tx, err))
		return -1;
	if (tx->runs == 1)
		kill_connection(tx->other, db);
	tx->id = db_exec(db, S(T_SET_N), DB_P(db_int(1), db_int(tx->runs)), err);
	if (tx->runs == 1) { /* nothing may reach a new connection outside the transaction */
		assert_int_equal(tx->id, -1);
		assert_int_equal(db_exec(db, S(T_ADD), DB_P(db_text("astray")), err), -1);
		return 0; /* even where fn takes no notice */
	}
	return tx->id == 1 ? 0 : -1;
}

static void a_transaction_whose_connection_dies_runs_again(void **state)
{
	struct db *db = connect_new();
	struct tx tx = {.other = connect_new()};
	unsigned generation = db_generation(db);
	struct err err = {0};

	(void)state;
	must(db_tx(db, insert_and_lose, &tx, &err), 0, &err);
	assert_int_equal(tx.runs, 2);
	assert_int_equal(db_generation(db), generation + 1);
	assert_int_equal(query_int(db, S(T_COUNT), DB_NONE), 1);
	db_free(&db);
	db_free(&tx.other);
}

static void a_dead_connection_is_replaced_in_silence(void **state)
{
	struct db *db = connect_new(), *other = connect_new();
	struct db_rows *gone;
	struct err err = {0};
	int64_t id = query_int(db, S(T_MY_ID), DB_NONE);

	(void)state;
	must(db_exec(other, S(T_KILL), DB_P(db_int(id)), &err), 0, &err);
	do /* until the server is done with it */
		must(db_query_text(other, "SELECT COUNT(*) FROM information_schema.processlist",
				   &gone, &err),
		     0, &err);
	while (db_next(gone) && db_get_int(gone, 0) > 1 && (db_rows_free(&gone), true));
	db_rows_free(&gone);
	insert_n(db, 1, 1); /* a write: it must not end as unknown */
	assert_int_equal(db_generation(db), 2);
	db_free(&db);
	db_free(&other);
}

static int lock_both(struct db *db, void *arg, struct err *err)
{
	struct tx *tx = arg;
	struct db_rows *rows;
	int64_t second = 3 - tx->id;

	if (db_query(db, S(T_LOCK), DB_P(db_int(tx->id)), &rows, err))
		return -1;
	db_rows_free(&rows);
	if (tx->runs++ == 0)
		pthread_barrier_wait(tx->both_hold);
	if (db_query(db, S(T_LOCK), DB_P(db_int(second)), &rows, err))
		return -1;
	tx->fail_with = (int)(db_next(rows) ? db_get_int(rows, 0) : -1);
	db_rows_free(&rows);
	return db_exec(db, S(T_SET_N), DB_P(db_int(tx->fail_with + 1), db_int(second)), err) == 1
		       ? 0
		       : -1;
}

static void *lock_both_thread(void *arg)
{
	struct db *db = connect_new();
	struct err err = {0};
	int rc = db_tx(db, lock_both, arg, &err);

	db_free(&db);
	return rc ? arg : NULL;
}

static void the_loser_of_a_deadlock_runs_again(void **state)
{
	struct db *db = connect_new();
	pthread_barrier_t both_hold;
	struct tx tx[2] = {{.id = 1, .both_hold = &both_hold}, {.id = 2, .both_hold = &both_hold}};
	pthread_t threads[2];
	void *failed;

	(void)state;
	insert_n(db, 1, 0);
	insert_n(db, 2, 0);
	pthread_barrier_init(&both_hold, NULL, 2);
	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, lock_both_thread, &tx[i]), 0);
	for (int i = 0; i < 2; i++) {
		pthread_join(threads[i], &failed);
		assert_null(failed);
	}
	pthread_barrier_destroy(&both_hold);
	assert_true(tx[0].runs + tx[1].runs >= 3);
	assert_int_equal(query_int(db, S(T_SUM), DB_NONE), 2);
	db_free(&db);
}

static void a_write_that_times_out_is_unknown(void **state)
{
	struct db_options o = options;
	struct db *db, *other = connect_new();
	struct db_rows *rows;
	struct err err = {0};

	(void)state;
	o.io_timeout_ms = 1000;
	db = db_new(&o);
	must(db_connect(db, &err), 0, &err);
	must(db_script(
		     db,
		     "SET SESSION max_statement_time = 0;\nSET SESSION innodb_lock_wait_timeout = 60;\n",
		     &err),
	     0, &err);
	insert_n(other, 1, 1);
	must(db_script(other, "START TRANSACTION;\nUPDATE t SET n = 2;\n", &err), 0, &err);
	assert_int_equal(db_exec(db, S(T_SET_N), DB_P(db_int(3), db_int(1)), &err), -1);
	assert_int_equal(err.class, ERR_UNKNOWN);
	assert_false(db_connected(db));
	must(db_script(other, "ROLLBACK;\n", &err), 0, &err);
	assert_int_equal(db_query(db, S(T_SLEEP), DB_P(db_int(5)), &rows, &err),
			 -1); /* max_statement_time */
	assert_int_equal(err.class, ERR_LATER);
	db_free(&db);
	db_free(&other);
}

static void a_refused_write_says_read_only(void **state)
{
	struct db *db = connect_new();
	struct err err = {0};

	(void)state;
	must(db_exec(db, S(T_READONLY_ON), DB_NONE, &err), 0, &err);
	assert_int_equal(db_exec(db, S(T_ADD), DB_P(db_text("x")), &err), -1);
	assert_int_equal(err.class, ERR_LATER);
	assert_true(db_err_is_readonly(&err));
	assert_false(
		db_connected(db)); /* behind a proxy the next one may lead to the new primary */
	must(db_exec(db, S(T_ADD), DB_P(db_text("x")), &err), 1, &err);
	db_free(&db);
}

/* Between client and server; hangs up instead of passing on the answer to COMMIT. */
struct relay {
	int listener, client, server;
	struct sockaddr_un at;
};

static int local_socket(struct sockaddr_un *a, const char *path)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	a->sun_family = AF_UNIX;
	snprintf(a->sun_path, sizeof(a->sun_path), "%s", path);
	assert_true(fd >= 0);
	return fd;
}

/* Pass on what came. 1, or 0 at an end; *commit where the client sent COMMIT. */
static int relay_once(int from, int to, bool *commit)
{
	char buf[65536];
	ssize_t n = read(from, buf, sizeof(buf));

	if (n <= 0 || write(to, buf, (size_t)n) != n)
		return 0;
	*commit = memmem(buf, (size_t)n,
			 "\x03"
			 "COMMIT",
			 7) != NULL; /* COM_QUERY; not READ COMMITTED */
	return 1;
}

static void *relay_run(void *arg)
{
	struct relay *r = arg;
	bool commit = false, ignored, alive = true;
	char answer;

	r->client = accept(r->listener, NULL, NULL);
	while (alive && !commit) {
		struct pollfd p[2] = {{.fd = r->client, .events = POLLIN},
				      {.fd = r->server, .events = POLLIN}};

		poll(p, 2, -1);
		if (p[0].revents)
			alive = relay_once(r->client, r->server, &commit);
		else
			alive = relay_once(r->server, r->client, &ignored);
	}
	if (commit && read(r->server, &answer, 1) < 0) /* it is committed now */
		perror("relay");
	close(r->client);
	close(r->server);
	return NULL;
}

static void a_lost_answer_to_commit_is_unknown(void **state)
{
	struct db_options o = options;
	struct sockaddr_un server;
	struct tx tx = {0};
	struct err err = {0};
	struct relay relay;
	pthread_t thread;
	char path[64];
	struct db *db;

	(void)state;
	snprintf(path, sizeof(path), "/tmp/lotscribe-relay.%ld", (long)getpid());
	relay.listener = local_socket(&relay.at, path);
	relay.server = local_socket(&server, options.socket);
	assert_int_equal(bind(relay.listener, (struct sockaddr *)&relay.at, sizeof(relay.at)), 0);
	assert_int_equal(listen(relay.listener, 1), 0);
	assert_int_equal(connect(relay.server, (struct sockaddr *)&server, sizeof(server)), 0);
	assert_int_equal(pthread_create(&thread, NULL, relay_run, &relay), 0);
	o.socket = path;
	db = db_new(&o);
	assert_int_equal(db_tx(db, insert_and_fail, &tx, &err), -1);
	assert_int_equal(err.class, ERR_UNKNOWN);
	assert_int_equal(tx.runs, 1); /* never blindly again */
	assert_false(db_connected(db));
	pthread_join(thread, NULL);
	close(relay.listener);
	unlink(path);
	db_free(&db);
	db = connect_new();
	assert_int_equal(query_int(db, S(T_COUNT), DB_NONE), 1);
	db_free(&db);
}

/* ---- Servers that do not answer. The bound is of the call, so the deadlines are measured. */

static void must_end(const struct db_options *o, int within_ms)
{
	struct db *db = db_new(o);
	struct err err = {0};
	int64_t started_at = clock_boot();

	assert_int_equal(db_connect(db, &err), -1);
	assert_int_equal(err.class, ERR_LATER);
	if (clock_boot() - started_at > within_ms * T_MS)
		fail_msg("after %lld ms: %s", (long long)((clock_boot() - started_at) / T_MS),
			 err.text);
	db_free(&db);
}

static void a_hung_server_is_given_up(void **state)
{
	struct db_options o = options;
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	socklen_t n = sizeof(in);
	int tcp = socket(AF_INET, SOCK_STREAM, 0), local = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)state;
	snprintf(un.sun_path, sizeof(un.sun_path), "/tmp/lotscribe-hung.%ld", (long)getpid());
	assert_int_equal(bind(tcp, (struct sockaddr *)&in, sizeof(in)), 0);
	assert_int_equal(listen(tcp, 5), 0);
	assert_int_equal(getsockname(tcp, (struct sockaddr *)&in, &n), 0);
	assert_int_equal(bind(local, (struct sockaddr *)&un, sizeof(un)), 0);
	assert_int_equal(listen(local, 0), 0);
	o.connect_timeout_ms = 300;
	o.socket = un.sun_path;
	must_end(&o, 1500);
	must_end(&o, 1500); /* now its backlog is full: another path in the connector */
	o.host = "127.0.0.1";
	o.port = ntohs(in.sin_port);
	must_end(&o, 1500);
	close(tcp);
	must_end(&o, 1500); /* refused */
	close(local);
	unlink(un.sun_path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(session_is_set_up),
		cmocka_unit_test_setup(values_come_back_as_they_went, empty_table),
		cmocka_unit_test_setup(nulls_and_empty_texts_differ, empty_table),
		cmocka_unit_test_setup(sums_are_integers_and_too_wide_ones_an_error, empty_table),
		cmocka_unit_test_setup(rows_outlive_the_next_statement, empty_table),
		cmocka_unit_test_setup(a_large_blob_goes_and_comes, empty_table),
		cmocka_unit_test_setup(what_fits_no_packet_is_refused_before_it_is_sent,
				       empty_table),
		cmocka_unit_test_setup(counts_are_of_matched_rows, empty_table),
		cmocka_unit_test_setup(errors_have_their_class, empty_table),
		cmocka_unit_test_setup(bulk_stores_every_row, empty_table),
		cmocka_unit_test_setup(bulk_update_counts_matched_rows, empty_table),
		cmocka_unit_test_setup(bulk_with_a_duplicate_stores_nothing, empty_table),
		cmocka_unit_test_setup(a_failed_transaction_leaves_nothing, empty_table),
		cmocka_unit_test_setup(a_transaction_whose_connection_dies_runs_again, empty_table),
		cmocka_unit_test_setup(a_dead_connection_is_replaced_in_silence, empty_table),
		cmocka_unit_test_setup(the_loser_of_a_deadlock_runs_again, empty_table),
		cmocka_unit_test_setup(a_write_that_times_out_is_unknown, empty_table),
		cmocka_unit_test_setup(a_lost_answer_to_commit_is_unknown, empty_table),
		cmocka_unit_test_setup(a_refused_write_says_read_only, empty_table),
		cmocka_unit_test(a_hung_server_is_given_up),
	};

	options.socket = getenv("LOTSCRIBE_TEST_DB");
	if (!options.socket) {
		puts("1..0 # SKIP LOTSCRIBE_TEST_DB names no MariaDB");
		return 0;
	}
	return cmocka_run_group_tests_name("db", tests, set_up_schema, NULL);
}
