/* SPDX-License-Identifier: ISC */
/*
 * rate: whether a transfer keeps the least rate, measured over one span after another (DESIGN
 * section 5), so that a fast beginning excuses no crawling end.
 */
#ifndef CORE_RATE_H
#define CORE_RATE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/timemath.h"

#define RATE_LEAST_BYTES_PER_S 16384
#define RATE_SPAN_US           (30 * T_S)

struct rate { /* of the span under way; all zero at the beginning */
	int64_t us, bytes;
};

/* So many bytes moved in so many microseconds more. False: the span that this ends was too slow. */
bool rate_add(struct rate *r, int64_t us, int64_t bytes);

#endif
