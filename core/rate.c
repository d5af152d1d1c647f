/* SPDX-License-Identifier: ISC */
/* rate: see rate.h. */
#include "core/rate.h"

bool rate_add(struct rate *r, int64_t us, int64_t bytes)
{
	bool enough;

	r->us = t_add(r->us, us);
	r->bytes = t_add(r->bytes, bytes);
	if (r->us < RATE_SPAN_US)
		return true;
	enough = r->bytes >= t_mul(r->us / T_S, RATE_LEAST_BYTES_PER_S);
	*r = (struct rate){0};
	return enough;
}
