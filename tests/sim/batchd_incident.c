/* SPDX-License-Identifier: ISC */
/* Does the provider as a whole stand still (batchd/incident.c)? What is known of it is stored. */
#include "core/incident.h"
#include "core/timemath.h"
#include "tests/sim/batchd.h"

/* What closed longer ago says nothing of now. */
#define NEWS_AGE T_DAY
/* A batch that was made longer ago is neither running nor news. */
#define BATCH_LIFE (4 * T_DAY)

bool incident_holds(const struct world *w)
{
	const struct incident_row *i = &w->store.incident;

	return i->since && (!i->may_try || i->trial != NONE);
}

void incident_begun(struct world *w, int32_t batch)
{
	struct incident_row *i = &w->store.incident;

	if (!i->since)
		return;
	i->trial = batch;
	i->step_at = w->now;
}

static int64_t stalls_at(const struct world *w, const struct batch *b)
{
	return t_add(b->progress_at, policy_for(w, b->n_items).stall_after);
}

/* What was cancelled or expired was not done by then, and tells of no progress. */
static void look_at_batch(const struct world *w, const struct batch *b, struct incident_view *v)
{
	if (b->phase == BATCH_CLOSED && b->seen == REMOTE_COMPLETED && b->n_answered > 0 &&
	    b->phase_at > t_sub(w->now, NEWS_AGE))
		v->moved_at = t_max(v->moved_at, b->ended_at);
	if (b->phase != BATCH_RUNNING || b->cancel_at || b->ended_at)
		return;
	v->n_running++;
	if (w->now >= stalls_at(w, b)) {
		v->n_stalled++;
		v->stalled_since = t_max(v->stalled_since, b->progress_at);
	}
	if (b->done + b->failed > 0)
		v->moved_at = t_max(v->moved_at, b->progress_at);
}

static void look_at_trial(const struct world *w, const struct incident_row *i,
			  struct incident_view *v)
{
	const struct batch *b = i->trial == NONE ? NULL : w->store.batches[i->trial];

	if (!b)
		return;
	v->has_trial = true;
	v->trial_moved = b->done + b->failed > 0 || b->n_answered > 0;
	v->trial_over = b->phase == BATCH_CLOSED ||
			w->now >= t_add(b->progress_at ? b->progress_at : b->created_at,
					policy_for(w, b->n_items).stall_after);
}

static void take_step(struct world *w, enum incident_step step)
{
	struct incident_row *i = &w->store.incident;

	i->step_at = w->now;
	i->trial = NONE;
	i->may_try = step == INCIDENT_TRY;
	if (step == INCIDENT_BEGIN) {
		i->since = w->now;
		w->r->incidents++;
	}
	if (step == INCIDENT_END)
		i->since = i->step_at = 0;
	trace(w, w->o->trace_job, "incident of the provider: step %d", (int)step);
	store_commit(w, w->now);
}

void incident_tick(struct world *w)
{
	struct memory *m = memory_of(w);
	const struct store *s = &w->store;
	struct incident_view v = {.since = s->incident.since,
				  .step_at = s->incident.step_at,
				  .may_try = s->incident.may_try};
	enum incident_step step;

	if (w->now < m->next_incident || !batchd_may_send(w))
		return;
	m->next_incident = t_add(w->now, w->p->settings.poll_interval);
	for (uint32_t i = s->n_batches; i-- > 0;) {
		if (s->batches[i]->created_at < t_sub(w->now, BATCH_LIFE))
			break;
		look_at_batch(w, s->batches[i], &v);
	}
	look_at_trial(w, &s->incident, &v);
	step = incident_decide(&v, w->p->settings.small.stall_after, w->now);
	if (step != INCIDENT_KEEP)
		take_step(w, step);
}
