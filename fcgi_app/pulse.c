/* SPDX-License-Identifier: ISC */
/* pulse: see pulse.h. */
#include "fcgi_app/pulse.h"

#include <stddef.h>

#include "common/clock.h"

static _Thread_local struct pulse *mine;

void pulse_of_thread(struct pulse *p)
{
	mine = p;
}

void pulse_beat(void)
{
	if (mine)
		atomic_store_explicit(&mine->at, clock_boot(), memory_order_relaxed);
}

void pulse_rest(void)
{
	if (mine)
		atomic_store_explicit(&mine->at, 0, memory_order_relaxed);
}

bool pulse_rests(const struct pulse *p)
{
	return atomic_load_explicit(&p->at, memory_order_relaxed) == 0;
}

bool pulse_is_lost(const struct pulse *p, int64_t now)
{
	const int64_t at = atomic_load_explicit(&p->at, memory_order_relaxed);

	return at != 0 && now - at > PULSE_LOST_US;
}
