/* SPDX-License-Identifier: ISC */
/* Work in hand (struct work of batchd/daemon.h): the list, and which of it is done next. */
#include <stdlib.h>

#include "batchd/daemon.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/must.h"
#include "core/timemath.h"

/* A download behind the latest start; of a short job a quarter of what is left. */
#define READ_LONGER (2 * T_MIN)

struct work *work_find(struct daemon *d, int64_t batch_id)
{
	struct work *w = d->works;

	while (w && w->batch_id != batch_id)
		w = w->next;
	return w;
}

struct work *work_new(struct daemon *d, int64_t batch_id)
{
	struct work *w = must(calloc(1, sizeof(*w)));

	w->batch_id = batch_id;
	w->d = d;
	w->next = d->works;
	d->works = w;
	return w;
}

void work_free(struct work *w)
{
	struct work **at = &w->d->works;

	while (*at != w)
		at = &(*at)->next;
	*at = w->next;
	if (w->state_free)
		w->state_free(w->state);
	free(w);
}

int64_t work_latest_start(struct work *w)
{
	struct batch_start nearest;
	struct err err;

	if (w->latest_start)
		return w->latest_start;
	if (batch_jobs_latest_start(w->d->db, w->d->config, &w->d->load, w->batch_id, 0, &nearest,
				    &err) < 0)
		log_warning("latest start not read batch=%lld error=\"%s\"", (long long)w->batch_id,
			    err.text);
	w->latest_start = nearest.at;
	return w->latest_start;
}

/* Of the jobs whose items can still go another way. */
static struct batch_start start_of(const struct work *w)
{
	struct batch_start nearest = {.at = T_NEVER};
	struct err err;

	if (w->d->config->fallback.tiers.n > 0 &&
	    batch_jobs_latest_start(w->d->db, w->d->config, &w->d->load, w->batch_id, 0, &nearest,
				    &err) < 0)
		log_warning("latest start not read batch=%lld error=\"%s\"", (long long)w->batch_id,
			    err.text);
	return nearest;
}

static int64_t boot_of(const struct work *w, int64_t at)
{
	return t_add(clock_boot(), t_sub(at, daemon_now(w->d)));
}

int64_t work_send_until(struct work *w)
{
	const struct batch_start start = start_of(w);

	return start.at == T_NEVER ? T_NEVER : boot_of(w, start.at);
}

int64_t work_read_until(struct work *w)
{
	const struct batch_start start = start_of(w);
	const int64_t from = t_max(start.at, daemon_now(w->d));

	if (start.at == T_NEVER)
		return T_NEVER;
	return boot_of(w, t_add(from, t_min(READ_LONGER, t_sub(start.deadline_at, from) / 4)));
}

bool work_is_aside(const struct work *w)
{
	return w->may_wait && unit_skips(&w->d->unit, w->batch_id);
}

struct work *work_nearest(struct daemon *d)
{
	struct work *nearest = NULL;

	for (struct work *w = d->works; w; w = w->next) {
		if (!w->step || work_is_aside(w))
			continue;
		if (!nearest || work_latest_start(w) < work_latest_start(nearest))
			nearest = w;
	}
	return nearest;
}
