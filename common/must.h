/* SPDX-License-Identifier: ISC */
/* must: where memory is lacking a program ends: must(calloc(1, n)), must(strdup(s)). */
#ifndef COMMON_MUST_H
#define COMMON_MUST_H

#include <stdlib.h>

static inline void *must(void *p)
{
	if (!p)
		abort();
	return p;
}

#endif
