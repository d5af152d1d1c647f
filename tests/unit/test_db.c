/* SPDX-License-Identifier: ISC */
/*
 * db: values, counts, bulk and classes of errors, against a real MariaDB (tests/unit/db_table.h).
 */
#include "tests/unit/db_table.h"

#include "core/timemath.h"

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

static void alike_rows_of_ids_are_one_statement(void **state)
{
	enum { ROWS = 300 }; /* of five kinds, two of which take two statements each */
	struct db *db = connect_new();
	struct db_val vals[ROWS * 3];
	struct db_rows *rows;
	struct err err = {0};

	(void)state;
	for (int64_t i = 0; i < ROWS; i++) {
		insert_n(db, i, 1000);
		vals[3 * i] = db_int(i % 2);
		vals[3 * i + 1] = i == 77 ? db_text("") : i % 5 ? db_text("fifth") : db_null();
		vals[3 * i + 2] = db_int(i);
	}
	must(db_bulk_sets(db, S(T_SET_N_OF), vals, ROWS, &err), ROWS, &err);
	for (int64_t i = 0; i < ROWS; i++) {
		must(db_query(db, S(T_BY_ID), DB_P(db_int(i)), &rows, &err), 0, &err);
		assert_true(db_next(rows));
		assert_int_equal(db_get_int(rows, 3), 1000 + i % 2); /* and not twice */
		assert_int_equal(db_is_null(rows, 2), i % 5 == 0);
		if (i % 5)
			assert_string_equal(db_get_text(rows, 2, NULL), i == 77 ? "" : "fifth");
		db_rows_free(&rows);
	}
	must(db_bulk_sets(db, S(T_SET_N_OF), vals, 0, &err), 0, &err);
	assert_int_equal(db_bulk_sets(db, S(T_SET_N), vals, 1, &err), -1);
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
		cmocka_unit_test_setup(alike_rows_of_ids_are_one_statement, empty_table),
		cmocka_unit_test_setup(bulk_with_a_duplicate_stores_nothing, empty_table),
	};

	return run_db_tests("db", tests, sizeof(tests) / sizeof(tests[0]));
}
