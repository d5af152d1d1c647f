/* SPDX-License-Identifier: ISC */
/* repair_python: the parts of the Python reader. Private to core/repair_python*.c. */
#ifndef CORE_REPAIR_PYTHON_H
#define CORE_REPAIR_PYTHON_H

#include "core/repair_reading.h"

/* White space, comments and joined lines. */
void python_skip(struct reading *r);
/* The same, and a token must follow: 0, or -1. */
int python_look(struct reading *r);

/*
 * Does a string literal begin here, with or without a prefix? Then one is read, with those that
 * follow at once. 0, or -1.
 */
bool python_string_begins(const struct reading *r);
int python_string(struct reading *r);

/*
 * Calls that are one value: Decimal('1.20'), UUID('...'), datetime.date(2024, 1, 2). r->p is behind
 * the opening parenthesis, and then behind the closing one. 1: there is no such name, 0, -1.
 */
int python_call(struct reading *r, const char *name, size_t n);

/* That text, without a NUL. */
static inline bool python_is(const char *s, size_t n, const char *text)
{
	return __builtin_strlen(text) == n && __builtin_memcmp(s, text, n) == 0;
}

#endif
