/* SPDX-License-Identifier: ISC */
/* Rows as the views that the core decides by: what common/batch.c does with the database's. */
#include "tests/sim/batchd.h"

struct policy policy_for(const struct world *w, uint32_t n_items)
{
	const struct settings *s = &w->p->settings;

	return n_items <= s->small_requests ? s->small : s->large;
}

int64_t job_latest_start(const struct world *w, const struct job *j)
{
	const struct settings *s = &w->p->settings;
	const struct latest_start_view v = {
		.opened_at = j->opened_at,
		.deadline_at = j->deadline_at,
		.calls_from = j->calls_from,
		.reserve = s->reserve,
		.needed = time_needed(job_open_items(j), s->concurrency, s->estimate),
	};

	return latest_start(&v);
}

/* Of its jobs that run and did not take their items away. */
static void view_jobs(const struct world *w, const struct batch *b, struct batch_view *v,
		      int32_t *first_job)
{
	int64_t until = 0;

	v->latest_start = T_NEVER;
	*first_job = NONE;
	for (uint32_t i = 0; i < b->n_jobs; i++) {
		const struct job *j = &w->store.jobs[b->jobs[i].job];
		int64_t start;

		if (b->jobs[i].left_at || !job_runs(j))
			continue;
		v->n_wanted++;
		until = t_max(until, j->deadline_at);
		start = job_latest_start(w, j);
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
