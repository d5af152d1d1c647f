/* SPDX-License-Identifier: ISC */
/* Work in hand (struct work of batchd/daemon.h): the list, and which of it is done next. */
#include <stdlib.h>

#include "batchd/daemon.h"
#include "common/log.h"
#include "common/must.h"
#include "core/timemath.h"

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

struct work *work_nearest(struct daemon *d)
{
	struct work *nearest = NULL;

	for (struct work *w = d->works; w; w = w->next) {
		if (!w->step || unit_skips(&d->unit, w->batch_id))
			continue;
		if (!nearest || work_latest_start(w) < work_latest_start(nearest))
			nearest = w;
	}
	return nearest;
}
