/* SPDX-License-Identifier: ISC */
/* What calls do at the provider (provider.h). */
#include <stdlib.h>

#include "core/timemath.h"
#include "tests/sim/provider.h"
#include "tests/sim/world.h"

static void refuse(struct call *c, int status, const char *code, const char *message)
{
	c->http_status = status;
	c->code = code;
	c->message = message;
}

static void do_create(struct world *w, struct call *c)
{
	if (!w->provider.files[c->file].is_there) {
		refuse(c, 404, NULL, "No such File object");
		return;
	}
	c->remote = provider_create(w, c->file);
	c->has_view = provider_view(w, c->remote, &c->view);
}

static void do_cancel(struct world *w, struct call *c)
{
	const struct batches *b = &w->p->batches;
	struct remote *r = w->provider.remotes[c->remote];
	struct rng *rng = &w->provider.rng;

	if (!provider_view(w, c->remote, &c->view)) {
		refuse(c, 404, "batch_not_found", NULL);
		return;
	}
	if (remote_status_is_final(c->view.status) || c->view.status == REMOTE_FINALIZING) {
		refuse(c, 409, NULL, "Cannot cancel a batch");
		return;
	}
	if (!r->cancel_at) {
		const int64_t slow = rng_between(rng, b->cancel_slow_low, b->cancel_slow_high);
		const int64_t usual = rng_lognormal(rng, b->cancel_median, 0.6);

		r->cancel_at = w->now;
		r->cancelled_at =
			t_add(w->now, rng_chance(rng, b->cancel_slow_share) ? slow : usual);
	}
	c->has_view = provider_view(w, c->remote, &c->view);
}

static void do_list(struct world *w, struct call *c)
{
	const struct provider *p = &w->provider;
	const uint32_t first = provider_first_recent(w);

	if (rng_chance(&w->network, w->p->calls.list_fails_share)) {
		refuse(c, 500, NULL, NULL);
		return;
	}
	free(c->list);
	c->list = calloc(p->n_remotes - first + 1, sizeof(*c->list));
	if (!c->list)
		abort();
	c->n_list = 0;
	for (uint32_t i = first; i < p->n_remotes; i++)
		c->n_list += provider_view(w, (int32_t)i, &c->list[c->n_list]);
}

/* The time that a synchronous call takes, and what comes of it. */
static void do_complete(struct world *w, struct call *c, int32_t id)
{
	const struct calls *m = &w->p->calls;
	struct rng *rng = &w->network;
	const bool is_flex = c->way == WAY_FLEX;
	const double refused = spans_hold(&w->provider.storms, w->now) ? m->storm_refused_share
								       : m->flex_refused_share;
	const int64_t takes = is_flex ? rng_lognormal(rng, m->flex_median, m->flex_sigma)
				      : rng_lognormal(rng, m->default_median, m->default_sigma);
	const bool has_incident =
		provider_has_incident(w) && rng_chance(rng, m->incident_fails_share);
	int64_t at = t_add(w->now, takes);
	const enum ran ran = provider_ran(w, c->attempt);

	if (is_flex && rng_chance(rng, refused)) {
		refuse(c, 429, "resource_unavailable", NULL);
		at = t_add(w->now, T_S);
	} else if (has_incident && rng_chance(rng, 0.8)) {
		refuse(c, 503, "overloaded", NULL);
		at = t_add(w->now, T_S);
	} else if (has_incident || ran == RAN_ERROR || rng_chance(rng, m->trouble_share)) {
		refuse(c, 500, NULL, NULL);
	} else if (ran == RAN_BAD_LOT) {
		refuse(c, 400, "invalid_image", NULL);
	} else {
		provider_book(w, c->attempt);
		c->grade = ran == RAN_REFUSED ? GRADE_REFUSED : GRADE_VALID;
	}
	if (c->is_lost || at >= c->cut_at) {
		c->transport = TRANSPORT_LOST;
		at = t_min(at, c->cut_at);
	}
	world_reply_at(w, id, at);
}

void provider_effect(struct world *w, int32_t id)
{
	struct call *c = &w->provider.calls[id];

	c->http_status = 200;
	if (c->kind == CALL_COMPLETE) {
		do_complete(w, c, id);
		return;
	}
	if (provider_has_incident(w) && rng_chance(&w->network, w->p->calls.incident_fails_share))
		refuse(c, 503, "overloaded", NULL);
	else if (c->kind == CALL_UPLOAD)
		w->provider.files[c->file].is_there = true;
	else if (c->kind == CALL_CREATE)
		do_create(w, c);
	else if (c->kind == CALL_CANCEL)
		do_cancel(w, c);
	else if (c->kind == CALL_DELETE)
		w->provider.files[c->file].is_there = false;
	else if (c->kind == CALL_LIST)
		do_list(w, c);
	else if (c->kind == CALL_SINGLE && !(c->has_view = provider_view(w, c->remote, &c->view)))
		refuse(c, 404, "batch_not_found", NULL);
	else if (c->kind == CALL_DOWNLOAD &&
		 rng_chance(&w->network, w->p->calls.download_fails_share))
		refuse(c, 502, NULL, NULL);
	if (!c->is_lost) /* else the caller's patience ends it */
		world_reply_at(w, id, t_add(w->now, rng_between(&w->network, T_S / 10, 2 * T_S)));
}
