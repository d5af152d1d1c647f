/* SPDX-License-Identifier: ISC */
/*
 * migration: which versions of the schema this program carries, and what is to be done on a
 * database that has some of them. Decides only; batchctl/migrate.c acts.
 *
 * sql/schema.sql is version 1; sql/migrate/NNN_name.sql is version NNN, from 002 without gaps. A
 * line "-- min_program: N" in a migration says the oldest program that can work with a database of
 * its version; without one it is the version itself.
 */
#ifndef BATCHCTL_MIGRATION_H
#define BATCHCTL_MIGRATION_H

#include <stddef.h>
#include <stdint.h>

#include "common/sql_text.h"
#include "core/err.h"

/* In a version's row while it is being applied: no program can work with such a database. */
#define MIN_PROGRAM_BEGUN INT64_C(4294967295)

struct migration {
	int64_t version;
	const char *name; /* "schema.sql", "migrate/002_x.sql" */
	const char *text;
	char checksum[65]; /* SHA-256 of the text, hexadecimal */
	int64_t min_program;
};

/* A row of schema_version. */
struct applied {
	int64_t version;
	char checksum[65];
	int64_t min_program;
};

/* The migrations among `texts`, by version, in a new array (free). 0, or -1 where one is missing:
 * a fault of the build. */
int migration_list(const struct sql_text *texts, struct migration **out, size_t *n,
		   struct err *err);

/*
 * Compare what a database has, by version, with what the program carries. 0 and *first, the index
 * of the first migration to apply (n_known: none), or -1 with a line for the operator: half
 * applied, applied from another text, or newer than this program can work with.
 */
int migration_plan(const struct applied *applied, size_t n_applied, const struct migration *known,
		   size_t n_known, size_t *first, struct err *err);

#endif
