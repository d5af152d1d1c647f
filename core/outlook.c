/* SPDX-License-Identifier: ISC */
#include "core/outlook.h"

#include "core/timemath.h"

unsigned outlook_of(const struct latest_start_view *v, int64_t calls_at)
{
	const int64_t reserve = reserve_counted(v->opened_at, v->deadline_at, v->reserve);
	const int64_t until = t_sub(v->deadline_at, reserve);
	const bool no_batch = calls_at <= v->opened_at;
	const int64_t start = no_batch ? v->opened_at : latest_start(v);

	return (no_batch ? OUTLOOK_NO_BATCH : OUTLOOK_GOOD) |
	       (t_add(start, v->needed) > until ? OUTLOOK_NOT_ALL : OUTLOOK_GOOD);
}
