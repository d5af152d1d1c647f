/* SPDX-License-Identifier: ISC */
#include "core/window.h"

#include "core/outcome.h"
#include "core/timemath.h"

#define FIRST_AGAIN (10 * T_MIN)
/* As the longest back-off: a longer one that is asked for is not believed. */
#define WAIT_MOST (60 * T_S)

void window_init(struct window *w, uint32_t most)
{
	*w = (struct window){.size = most ? most : 1, .most = most ? most : 1};
}

uint32_t window_room(const struct window *w, uint32_t in_flight, int64_t now)
{
	if (now < w->not_before || in_flight >= w->size)
		return 0;
	return w->size - in_flight;
}

void window_answered(struct window *w, uint32_t tier)
{
	if (w->size < w->most)
		w->size++;
	w->refusals = 0;
	if (tier == 0)
		w->refused_since = 0;
}

void window_refused(struct window *w, uint32_t tier, bool no_room, int64_t now, int64_t wait_us,
		    uint64_t seed)
{
	/* Those that were sent together are refused together: that counts once. */
	if (now >= w->not_before) {
		w->refusals++;
		w->size = w->size > 1 ? w->size / 2 : 1;
	}
	if (no_room && tier == 0 && !w->refused_since)
		w->refused_since = now;
	w->not_before =
		t_max(w->not_before,
		      t_add(now, t_max(t_min(wait_us, WAIT_MOST), backoff_us(w->refusals, seed))));
}

void window_waited(struct window *w, uint32_t tier, int64_t sent_at)
{
	if (tier == 0 && w->refused_since)
		w->refused_since = t_min(w->refused_since, sent_at);
}

uint32_t window_tier(struct window *w, uint32_t n, int64_t patience, int64_t deadline_at,
		     int64_t now)
{
	const int64_t left = t_max(t_sub(deadline_at, w->refused_since), 0);
	const int64_t until = t_add(w->refused_since, t_min(patience, left / 2));

	if (n < 2 || !w->refused_since || now < until)
		return 0;
	/* By the whole patience: what is short of time gives up sooner, for itself alone. */
	if (now < t_add(t_add(w->refused_since, patience), FIRST_AGAIN))
		return 1;
	w->refused_since = 0;
	return 0;
}
