/* SPDX-License-Identifier: ISC */
/*
 * statements: every SQL statement that the programs run, declared once in statements.def and called
 * by index. The set is closed and can be reviewed; a test looks for SQL anywhere else.
 */
#ifndef COMMON_STATEMENTS_H
#define COMMON_STATEMENTS_H

/* Who prepares a statement; grants in sql/grants.sql follow these. */
enum stmt_program {
	P_FCGI = 1,
	P_BATCHD = 2,
	P_CTL = 4,
	/* the front end too, at a scrape: where they fail all else goes on */
	P_METRICS = 8,
};

#define STMT(name, programs, sql) STMT_##name,
enum stmt {
#include "common/statements.def"
	STMT_COUNT
};
#undef STMT

struct stmt_text {
	const char *name;
	unsigned programs; /* of enum stmt_program */
	const char *sql;
};

extern const struct stmt_text statements[STMT_COUNT];

#endif
