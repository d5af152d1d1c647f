/* SPDX-License-Identifier: ISC */
/*
 * invariants: sql/invariants.sql taken apart into named queries. A query follows a line "-- name:
 * NAME" and ends at the first line that ends in ";". What a row of it means is said by the name's
 * prefix. It runs nothing.
 */
#ifndef BATCHCTL_INVARIANTS_H
#define BATCHCTL_INVARIANTS_H

#include <stdbool.h>

enum invariant_kind {
	INVARIANT_RULE,    /* must return nothing */
	INVARIANT_WARNING, /* "warning:": told, no failure */
	INVARIANT_BOOKED,  /* "booked:": money paid and not used; told, no failure */
	INVARIANT_KIND_COUNT
};

struct invariant {
	enum invariant_kind kind;
	char name[120];  /* without the prefix */
	const char *sql; /* into the text */
	int sql_n;       /* bytes */
};

extern const char *const invariant_kind_names[INVARIANT_KIND_COUNT];

/* Read the next query from *text and advance it; false after the last. */
bool invariant_next(const char **text, struct invariant *out);

#endif
