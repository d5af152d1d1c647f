/* SPDX-License-Identifier: ISC */
/*
 * must: memory that has to be there. Where there is none the program ends at once: all that counts
 * is in the database, and its service starts it again.
 */
#ifndef COMMON_MUST_H
#define COMMON_MUST_H

#include <stdlib.h>

/* What an allocation returned, never NULL. */
static inline void *must(void *p)
{
	if (!p)
		abort();
	return p;
}

#endif
