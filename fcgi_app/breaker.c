/* SPDX-License-Identifier: ISC */
/* breaker: see breaker.h. */
#include "fcgi_app/breaker.h"

bool breaker_pass(struct breaker *b, int64_t now)
{
	int64_t until = atomic_load(&b->down_until);

	if (until == 0)
		return true;
	if (now < until)
		return false;
	/* The probe itself may hang for longer than a pause; the next one then starts beside it. */
	return atomic_compare_exchange_strong(&b->down_until, &until, now + BREAKER_PAUSE_US);
}

bool breaker_is_open(const struct breaker *b)
{
	return atomic_load(&b->down_until) != 0;
}

void breaker_fail(struct breaker *b, int64_t now)
{
	atomic_store(&b->down_until, now + BREAKER_PAUSE_US);
}

void breaker_succeed(struct breaker *b)
{
	/* Reads first: the line stays shared between the processors while all is well. */
	if (atomic_load(&b->down_until) != 0)
		atomic_store(&b->down_until, 0);
}
