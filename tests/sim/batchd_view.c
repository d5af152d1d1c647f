/* SPDX-License-Identifier: ISC */
/* Rows as the views that the core decides by: what common/batch.c does with the database's. */
#include "tests/sim/batchd.h"

struct policy policy_for(const struct world *w, uint32_t n_items)
{
	const struct settings *s = &w->p->settings;

	struct policy p = n_items <= s->small_requests ? s->small : s->large;

	p.batch_takes = batch_takes(s->linger, s->poll_interval);
	return p;
}

static struct latest_start_view start_view(const struct world *w, const struct job *j)
{
	const struct settings *s = &w->p->settings;
	const struct load *load = &memory_of(w)->load;
	const int64_t own = time_needed(job_open_items(j), s->concurrency, load->call_us);

	return (struct latest_start_view){
		.opened_at = j->opened_at,
		.deadline_at = j->deadline_at,
		.calls_from = j->calls_from,
		.reserve = s->reserve,
		.needed = t_max(load_needed(load, j->deadline_at, s->concurrency), own),
	};
}

int64_t job_latest_start(const struct world *w, const struct job *j)
{
	const struct latest_start_view v = start_view(w, j);

	return latest_start(&v);
}

int64_t job_calls_start(const struct world *w, const struct job *j, const struct ready *r)
{
	const struct settings *s = &w->p->settings;
	const struct latest_start_view v = start_view(w, j);

	return calls_start(r->since, leave_start(&v, policy_for(w, r->n).cancel_grace), s->linger,
			   s->poll_interval);
}

struct ready job_ready_for(const struct world *w, const struct job *j, enum task task,
			   bool for_calls, enum plan_items *which)
{
	struct ready r = job_ready(j, task);
	const bool is_late = r.n > 0 && w->now >= job_calls_start(w, j, &r);

	*which = is_late ? PLAN_ALL : for_calls ? PLAN_MARKED : PLAN_UNMARKED;
	if (*which == PLAN_MARKED)
		r.n = r.n_by_call;
	else if (*which == PLAN_UNMARKED)
		r.n -= r.n_by_call;
	else if (!for_calls)
		r.n = 0;
	return r;
}

bool goes_by_call(const struct world *w, const struct item *i, uint32_t n_items)
{
	const struct policy p = policy_for(w, n_items);
	const struct latest_start_view start = start_view(w, &w->store.jobs[i->job]);
	const struct again_view v = {.has_calls = true,
				     .no_batches = w->store.incident.since != 0,
				     .n_left = i->n_left,
				     .batch_retries = p.batch_retries,
				     .batch_takes = p.batch_takes,
				     .leave_at = leave_start(&start, p.cancel_grace)};

	return item_goes_by_call(&v, w->now);
}

/* Of its jobs that run and did not take their items away. */
static void view_jobs(const struct world *w, const struct batch *b, struct batch_view *v,
		      int32_t *first_job)
{
	const int64_t grace = policy_for(w, b->n_items).cancel_grace;
	int64_t until = 0;

	v->latest_start = T_NEVER;
	*first_job = NONE;
	for (uint32_t i = 0; i < b->n_jobs; i++) {
		const struct job *j = &w->store.jobs[b->jobs[i].job];
		const struct latest_start_view start_of = start_view(w, j);
		int64_t start;

		if (b->jobs[i].left_at || !job_runs(j))
			continue;
		v->leave_from = t_max(v->leave_from, leave_start(&start_of, grace));
		v->n_wanted++;
		until = t_max(until, j->deadline_at);
		start = latest_start(&start_of);
		if (start < v->latest_start) {
			v->latest_start = start;
			*first_job = b->jobs[i].job;
		}
	}
	v->wanted_until = until ? until : T_NEVER;
}

struct batch_view batch_view_of(const struct world *w, int32_t batch, int32_t *first_job)
{
	const struct batch *b = w->store.batches[batch];
	const struct memory *m = memory_of(w);
	struct batch_view v = {
		.phase = b->phase,
		.remote = b->seen,
		.in_call = is_busy(w, b),
		.created_at = b->created_at,
		.phase_at = b->phase_at,
		.submitted_at = b->submitted_at,
		.progress_at = b->progress_at ? b->progress_at : b->submitted_at,
		.expires_at = b->expires_at,
		.cancel_at = b->cancel_at,
		.missing_since = b->missing_since,
		.next_at = b->next_at,
		.looked_at = m->looked_at,
		.steady_since = w->up_at,
		.left = b->left_at != 0,
		.awaits_answers = !b->has_output && (b->done > 0 || !b->has_errors),
		.awaits_errors = !b->has_errors && b->failed > 0,
		.is_empty = b->done + b->failed == 0,
		.ended_at = b->ended_at,
	};

	view_jobs(w, b, &v, first_job);
	return v;
}
