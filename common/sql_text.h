/* SPDX-License-Identifier: ISC */
/*
 * The SQL files of sql/, compiled into the program.
 *
 * Owns the declaration; the table itself, sql/sql_text.c, is made by sql/embed.awk when the project
 * is built. It does not run anything.
 */
#ifndef COMMON_SQL_TEXT_H
#define COMMON_SQL_TEXT_H

struct sql_text {
	const char *name; /* path below sql/: "schema.sql", "migrate/001_initial.sql" */
	const char *text; /* the whole file, byte for byte; its last line ends in a newline */
};

/* In the order of the file names, migrations too; the last entry's name is NULL. */
extern const struct sql_text sql_texts[];

#endif
