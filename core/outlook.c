/* SPDX-License-Identifier: ISC */
#include "core/outlook.h"

#include "core/timemath.h"

unsigned outlook_of(const struct latest_start_view *v, int64_t calls_at)
{
	const int64_t span = t_sub(v->deadline_at, v->opened_at);
	const int64_t until = t_sub(v->deadline_at, t_min(v->reserve, span / 10));
	const bool no_batch = calls_at <= v->opened_at;
	const int64_t start = no_batch ? v->opened_at : latest_start(v);

	return (no_batch ? OUTLOOK_NO_BATCH : OUTLOOK_GOOD) |
	       (t_add(start, v->needed) > until ? OUTLOOK_NOT_ALL : OUTLOOK_GOOD);
}
