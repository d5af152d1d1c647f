/* SPDX-License-Identifier: ISC */
/*
 * db: one connection to MariaDB. Owns connecting (with proof of TLS where it is configured),
 * session set-up, the prepared statements of the catalogue (common/statements.h),
 * transactions with retry, and the mapping of server errors to classes. Blocking, bounded by
 * time-outs; one struct db per thread.
 *
 * Facts about the connector: see the comments in db.c.
 */
#ifndef COMMON_DB_H
#define COMMON_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/statements.h"
#include "core/err.h"

struct db;      /* opaque */
struct db_rows; /* opaque: a stored result */

struct db_options {       /* all strings are copied by db_new */
	const char *host; /* "" = unix socket */
	unsigned port;
	const char *socket;
	const char *name;
	const char *user;          /* "" = the name of the OS user */
	const char *password_file; /* "" = none (unix_socket account); read at each connect */
	const char *tls_ca;        /* "" = no TLS; else required and proved */
	const char *program;       /* connection attribute program_name */
	/* connect and read together, hung servers included, must end within these */
	int connect_timeout_ms;
	int io_timeout_ms; /* read and write time-out of a statement */
	/* the server drops a stalled transaction after so long; 0 = server's own */
	int idle_tx_timeout_s;
};

enum db_type { DB_T_NULL, DB_T_INT, DB_T_BYTES, DB_T_TIME };

/*
 * One value bound to a `?`. Bytes are borrowed until the call returns. Text and blobs are both
 * DB_T_BYTES (bound as BLOB, which every string column takes).
 */
struct db_val {
	enum db_type type;
	int64_t i; /* integer, or an instant in microseconds UTC (DATETIME(6)) */
	const void *p;
	size_t n;
};

static inline struct db_val db_null(void)
{
	return (struct db_val){.type = DB_T_NULL};
}
static inline struct db_val db_int(int64_t i)
{
	return (struct db_val){.type = DB_T_INT, .i = i};
}
static inline struct db_val db_bytes(const void *p, size_t n)
{
	return (struct db_val){.type = p ? DB_T_BYTES : DB_T_NULL, .p = p, .n = n};
}
struct db_val db_text(const char *s); /* NULL -> SQL NULL */
struct db_val db_time(int64_t t_us);  /* 0 and T_NEVER -> SQL NULL */

/*
 * Parameters of a statement: DB_P(db_int(id), db_text(name)); DB_NONE for a statement without any.
 */
#define DB_P(...)                               \
	((const struct db_val[]){__VA_ARGS__}), \
		(sizeof((const struct db_val[]){__VA_ARGS__}) / sizeof(struct db_val))
#define DB_NONE NULL, 0

/* Never fails (aborts where memory is lacking); connects on first use. `*options` is copied. */
struct db *db_new(const struct db_options *options);
void db_free(struct db **db);

/*
 * Nothing waits for the server beyond this instant of clock_boot(), whatever the
 * time-outs say: no connect, statement, COMMIT or run of db_tx. Holds until the next
 * call; T_NEVER (as at first): none. While the server goes on taking a long statement, each part
 * that it takes puts the instant off to an io_timeout_ms later.
 */
void db_deadline(struct db *db, int64_t boot_us);
bool db_out_of_time(const struct db *db);

/*
 * Connect now where there is no connection. 0, or -1 (ERR_LATER; ERR_NEVER for
 * a refused account or TLS).
 */
int db_connect(struct db *db, struct err *err);
void db_disconnect(struct db *db);
bool db_connected(const struct db *db);
/* Counts connects made: a caller that sees another number knows that the session is a new one. */
unsigned db_generation(const struct db *db);
/* Prepare every statement that names this program: finds a drift of schema or grants at start. */
int db_prepare_all(struct db *db, enum stmt_program program, struct err *err);

/* Run a statement. Returns the number of matched rows (CLIENT_FOUND_ROWS), or -1. */
int64_t db_exec(struct db *db, enum stmt s, const struct db_val *params, size_t n, struct err *err);
/* Id given by AUTO_INCREMENT in the last db_exec. */
uint64_t db_insert_id(const struct db *db);
/*
 * One statement over n_rows rows of parameters (row after row in vals), sent as bulk arrays, cut in
 * chunks by rows and by packet size. Atomic only inside a transaction. Returns matched rows, or -1.
 */
int64_t db_bulk(struct db *db, enum stmt s, const struct db_val *vals, size_t n_rows,
		struct err *err);

/*
 * As db_bulk, of a statement that ends with DB_SET_IDS places for ids: rows that differ in nothing
 * but their last value, the id, are sent as one row of up to so many (free places repeat one), in
 * no certain order.
 */
#define DB_SET_IDS 100
int64_t db_bulk_sets(struct db *db, enum stmt s, const struct db_val *vals, size_t n_rows,
		     struct err *err);

/* Run a query and store its result on the client. 0 and *rows (free with db_rows_free), or -1. */
int db_query(struct db *db, enum stmt s, const struct db_val *params, size_t n,
	     struct db_rows **rows, struct err *err);
size_t db_rows_count(const struct db_rows *rows);
/* Step to the next row: true, or false after the last. */
bool db_next(struct db_rows *rows);
/* Columns of the current row, from 0. Pointers live until db_rows_free. */
bool db_is_null(const struct db_rows *rows, unsigned col);
int64_t db_get_int(const struct db_rows *rows, unsigned col);  /* NULL -> 0 */
int64_t db_get_time(const struct db_rows *rows, unsigned col); /* NULL -> 0 */
/* NUL-terminated; NULL -> NULL, *len = 0 (len may be NULL). */
const char *db_get_text(const struct db_rows *rows, unsigned col, size_t *len);
void db_rows_free(struct db_rows **rows);

/*
 * SQL text outside the catalogue, for batchctl alone (migrations, grants, invariant
 * queries): runs every statement of a script separated by ";" at line ends. -1 names the
 * statement's first line in err->text.
 */
int db_script(struct db *db, const char *sql, struct err *err);
/* One query of text without parameters; values are read by db_get_text, names by db_rows_name. */
int db_query_text(struct db *db, const char *sql, struct db_rows **rows, struct err *err);
unsigned db_rows_columns(const struct db_rows *rows);
const char *db_rows_name(const struct db_rows *rows, unsigned col);

/*
 * Run fn in a transaction (READ COMMITTED). fn returns 0 to commit, -1 with *err to roll back; it
 * may run again, so it has database effects only. Deadlocks, lock waits and lost connections before
 * COMMIT are run again up to 5 times; a lost answer to COMMIT is ERR_UNKNOWN: the caller looks,
 * then decides. Transactions do not nest.
 */
typedef int db_tx_fn(struct db *db, void *arg, struct err *err);
int db_tx(struct db *db, db_tx_fn *fn, void *arg, struct err *err);

/*
 * True where the last error says that the server refuses writes (read-only,
 * standby, WSREP not ready).
 */
bool db_err_is_readonly(const struct err *err);
/* MySQL error 1062. */
bool db_err_is_duplicate(const struct err *err);
/*
 * Refused for what is in it: not a lost race, a lost connection, or a statement that the schema
 * does not know or the grants do not allow.
 */
bool db_err_is_refusal(const struct err *err);

#endif
