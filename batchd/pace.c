/* SPDX-License-Identifier: ISC */
#include "batchd/pace.h"

#include <string.h>

#include "common/calls.h"
#include "common/clock.h"
#include "common/log.h"
#include "core/timemath.h"

#define BELIEVED T_H /* how long calls took, after the last of them */

void pace_set(struct pace *p, uint32_t concurrency)
{
	if (p->window.most != concurrency)
		window_init(&p->window, concurrency);
}

uint64_t pace_sent(struct pace *p, enum way way)
{
	return allowance_sent(&p->allowances[way]);
}

/* The place of a way among the tiers; 0 also where a reload took it out. */
static uint32_t tier_of(const struct config *config, enum way way)
{
	const struct config_list *tiers = &config->fallback.tiers;

	return tiers->n > 1 && strcmp(tiers->texts[1], way_names[way]) == 0;
}

void pace_learn(struct pace *p, const struct daemon *d, const struct call_news *news)
{
	const uint32_t tier = tier_of(d->config, news->way);

	if (news->is_measured) {
		measure_add(&p->measure, news->took_us);
		measure_add(&p->by_way[news->way], news->took_us);
		p->measured_at[news->way] = clock_boot();
	}
	allowance_learn(&p->allowances[news->way], &news->told, news->number, news->sent_at);
	allowance_used(&p->allowances[news->way], news->tokens);
	if (news->end == CALL_ANSWERED)
		window_answered(&p->window, tier);
	else
		window_refused(&p->window, tier, news->end == CALL_NO_ROOM, daemon_now(d),
			       news->wait_us, news->seed);
	if (news->was_cut)
		window_waited(&p->window, tier, t_sub(daemon_now(d), news->took_us));
}

static enum way way_of_tier(const struct daemon *d, uint32_t tier)
{
	const char *name = d->config->fallback.tiers.texts[tier];

	return strcmp(name, way_names[WAY_FLEX]) == 0 ? WAY_FLEX : WAY_DEFAULT;
}

/* What was slow an hour ago may be quick again, and only calls can tell. */
static bool fits(const struct pace *p, enum way way, int64_t deadline_at, int64_t now)
{
	return clock_boot() >= t_add(p->measured_at[way], BELIEVED) ||
	       measure_fits(&p->by_way[way], deadline_at, now);
}

bool pace_choose(struct pace *p, const struct daemon *d, int64_t deadline_at, enum way *way)
{
	const uint32_t n = (uint32_t)d->config->fallback.tiers.n;
	const int64_t now = daemon_now(d);
	uint32_t tier =
		window_tier(&p->window, n, d->config->fallback.flex_timeout, deadline_at, now);

	while (tier < n && !fits(p, way_of_tier(d, tier), deadline_at, now))
		tier++;
	if (tier < n)
		*way = way_of_tier(d, tier);
	return tier < n;
}

/* Where nothing is in flight, one, since the rate limits may mislead. */
uint32_t pace_allowed(const struct pace *p, enum way way, uint32_t n, uint32_t room)
{
	const uint32_t allowed = allowance_room(&p->allowances[way], room, clock_boot());

	return allowed == 0 && n == 0 ? 1 : allowed;
}

/* For those who are not batchd; not each time that it moves a little. */
static void store_measured(struct daemon *d, int64_t stored, int64_t us)
{
	struct err err;

	if (us > stored - stored / 10 && us < stored + stored / 10)
		return;
	if (db_exec(d->db, STMT_CALLS_MEASURED_STORE, DB_P(db_int(us), db_int(d->lease.epoch)),
		    &err) < 0)
		log_warning("measured calls not stored error=\"%s\"", err.text);
}

int pace_load(const struct pace *p, struct daemon *d, struct err *err)
{
	const struct measure *m = &p->measure;
	struct load *l = &d->load;
	int64_t us;

	if (calls_load(d->db, d->config, l, err) < 0)
		return -1;
	if (!measure_is_enough(m))
		return 0;
	us = measure_p95(m);
	store_measured(d, l->is_measured ? l->call_us : 0, us);
	l->call_us = us;
	l->is_measured = true;
	return 0;
}
