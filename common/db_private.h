/* SPDX-License-Identifier: ISC */
/*
 * db_private: what the files of db share. Not for others: they see db.h.
 */
#ifndef COMMON_DB_PRIVATE_H
#define COMMON_DB_PRIVATE_H

#include <mysql.h>

#include "common/db.h"

#define DB_MAX_COLUMNS 128 /* of one result or one parameter list: the longest IN list has 101 */

struct db {
	struct db_options opt;
	MYSQL *mysql;                  /* NULL while there is no connection */
	MYSQL_STMT *stmts[STMT_COUNT]; /* prepared on first use; die with the connection */
	unsigned generation;
	uint64_t insert_id;
	size_t max_packet; /* the server's max_allowed_packet */
	int64_t deadline;  /* on clock_boot(); T_NEVER: none */
	bool in_tx;
	struct err tx_err; /* class set: the transaction is lost, nothing more may run in it */
};

/*
 * db.c: a connection for the next statement, and its deadline. Inside a
 * transaction nothing reconnects.
 */
int db_ready(struct db *db, struct err *err);
/* Start the clock of the next statement on a connection that is there. */
void db_arm(struct db *db);

/*
 * db_error.c: classify a server's or the connector's error, drop the connection where it is of no
 * more use, mark a transaction that it ended. what = the statement's name. Always -1.
 */
int db_fail(struct db *db, unsigned code, const char *text, const char *what, struct err *err);
int db_fail_stmt(struct db *db, enum stmt s, struct err *err);
/* The class alone; *drop says whether the connection is dead or useless after it. */
enum err_class db_classify(unsigned code, bool *drop);
/* True where the connection broke after the statement was sent. */
bool db_code_is_lost(unsigned code);

/*
 * db_statement.c: the prepared statement, with a connection; NULL and *err where it cannot be had.
 */
MYSQL_STMT *db_statement(struct db *db, enum stmt s, struct err *err);
bool db_is_write(const char *sql);
void db_time_to_mysql(int64_t t_us, MYSQL_TIME *t);
bool db_val_is_text(const struct db_val *v);

/* db_rows.c: read the whole result of an executed statement, or of a text query. */
int db_rows_fetch(struct db *db, MYSQL_STMT *stmt, enum stmt s, struct db_rows **rows,
		  struct err *err);
struct db_rows *db_rows_from_text(MYSQL_RES *res);

void *db_alloc(void *old, size_t n, size_t size); /* realloc; aborts where memory is lacking */

#endif
