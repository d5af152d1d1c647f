/* SPDX-License-Identifier: ISC */
#include "tests/sim/batchd.h"

#include "core/timemath.h"

bool batchd_may_send(const struct world *w)
{
	const struct memory *m = memory_of(w);

	return m->is_reconciled && m->singles == 0;
}

static void sleep_until(struct batch *b, int64_t at)
{
	b->next_at = at;
}

static void seal(struct world *w, int32_t batch)
{
	store_move_batch(w, batch, BATCH_SEALED);
	store_commit(w, w->now);
	batchd_advance(w, batch);
}

static void drop(struct world *w, int32_t batch, enum batch_reason reason,
		 enum attempt_outcome outcome)
{
	harvest_end(w, batch,
		    &(struct ending){.reason = reason,
				     .outcome = outcome,
				     .has_left = reason == REASON_LOST,
				     .ready_at = w->now});
}

static void poll_later(struct world *w, int32_t batch, const struct decision *next)
{
	const int64_t at = t_add(w->now, w->p->settings.poll_interval);

	sleep_until(w->store.batches[batch],
		    next->then_at > w->now ? t_min(next->then_at, at) : at);
}

static void execute(struct world *w, int32_t batch, const struct decision *next, int32_t first_job)
{
	switch (next->action) {
	case ACT_SEAL:
		seal(w, batch);
		break;
	case ACT_UPLOAD:
		submit_upload(w, batch);
		break;
	case ACT_CREATE:
		submit_create(w, batch);
		break;
	case ACT_DOUBT:
		submit_doubt(w, batch);
		break;
	case ACT_FENCE:
		submit_fence(w, batch);
		break;
	case ACT_ANEW:
		submit_anew(w, batch);
		break;
	case ACT_CANCEL:
		submit_cancel(w, batch);
		break;
	case ACT_LEAVE:
		harvest_leave(w, batch, NONE);
		break;
	case ACT_PART:
		harvest_leave(w, batch, first_job);
		break;
	case ACT_HARVEST:
		harvest_go_on(w, batch);
		break;
	case ACT_DROP:
		drop(w, batch, REASON_NEVER_CREATED, ATTEMPT_VOID);
		break;
	case ACT_GIVE_UP:
		drop(w, batch, REASON_LOST, ATTEMPT_FAILED);
		break;
	case ACT_LOOK:
		memory_of(w)->pass_is_wanted = true;
		__attribute__((fallthrough));
	case ACT_POLL:
		poll_later(w, batch, next);
		break;
	case ACT_WAIT:
		sleep_until(w->store.batches[batch], next->at);
		break;
	case ACT_NONE:
	case ACTION_COUNT:
		break;
	}
}

void batchd_advance(struct world *w, int32_t batch)
{
	const struct batch *b = w->store.batches[batch];
	const struct policy policy = policy_for(w, b->n_items);
	int32_t first_job;
	const struct batch_view view = batch_view_of(w, batch, &first_job);
	const struct decision next = batch_decide(&view, &policy, w->now);

	/* P2: a view that is not closed yields a finite time, and the time of a wait lies ahead. */
	if (b->phase != BATCH_CLOSED && next.at == T_NEVER)
		broken(w, "P2", b->n_jobs ? b->jobs[0].job : NONE, "batch %d waits for ever",
		       batch);
	if ((next.action == ACT_UPLOAD || next.action == ACT_CREATE) && !batchd_may_send(w)) {
		sleep_until(w->store.batches[batch], t_add(w->now, w->p->settings.tick));
		return;
	}
	if (next.action != ACT_WAIT && next.action != ACT_POLL)
		trace_batch(w, batch, "%s: %s", action_names[next.action], why_words[next.why]);
	execute(w, batch, &next, first_job);
}

static void advance_due(struct world *w)
{
	struct store *s = &w->store;

	/* Batches close, and change places, while they are gone through: from the end. */
	for (uint32_t i = s->n_open; i-- > 0;) {
		if (i < s->n_open && s->batches[s->open[i]]->next_at <= w->now)
			batchd_advance(w, s->open[i]);
	}
}

static void close_overdue(struct world *w)
{
	struct store *s = &w->store;

	if (is_broken_rule(w, BREAK_ENDS))
		return;
	for (uint32_t i = s->n_live; i-- > 0;) {
		if (i < s->n_live && s->jobs[s->live[i]].deadline_at <= w->now) {
			store_touch(s, s->live[i]);
			store_commit(w, w->now);
		}
	}
}

static void tick(struct world *w)
{
	calls_load(w);
	close_overdue(w);
	advance_due(w);
	watch_tick(w);
	incident_tick(w);
	calls_run(w);
	planner_run(w);
}

static void started(struct world *w)
{
	struct memory *m = memory_of(w);

	window_init(&m->window, w->p->settings.concurrency);
	m->pass_is_wanted = true;
	tick(w);
}

static void reply(struct world *w, const struct call *c)
{
	switch (c->kind) {
	case CALL_UPLOAD:
	case CALL_CREATE:
	case CALL_CANCEL:
	case CALL_DELETE:
		submit_reply(w, c);
		break;
	case CALL_LIST:
	case CALL_SINGLE:
		watch_reply(w, c);
		break;
	case CALL_DOWNLOAD:
		harvest_reply(w, c);
		break;
	case CALL_COMPLETE:
		calls_reply(w, c);
		break;
	case CALL_KIND_COUNT:
		break;
	}
	calls_run(w);
	if (c->kind != CALL_COMPLETE) /* those unblock translations too, but a tick is soon */
		planner_run(w);
}

/* When ready items of a job are due: to a batch after the linger, to calls at their start. */
static int64_t job_due(const struct world *w, const struct job *j)
{
	int64_t at = j->deadline_at;

	for (int t = 0; t < TASK_COUNT; t++) {
		const struct ready r = job_ready(j, (enum task)t);
		const int64_t lingers_to = t_add(r.since, w->p->settings.linger);
		const int64_t start = r.n > 0 ? job_calls_start(w, j, &r) : T_NEVER;

		if (r.n > 0 && lingers_to > w->now)
			at = t_min(at, lingers_to);
		if (r.n > 0 && start > w->now)
			at = t_min(at, start);
	}
	return at;
}

static int64_t due(const struct world *w)
{
	const struct memory *m = memory_of(w);
	const struct store *s = &w->store;
	int64_t at = T_NEVER;

	if (s->n_live == 0 && s->n_open == 0)
		return T_NEVER;
	/* What waits for something else is looked at now and then. */
	at = t_add(w->tick_at, w->p->settings.poll_interval);
	for (uint32_t i = 0; i < s->n_live; i++)
		at = t_min(at, job_due(w, &s->jobs[s->live[i]]));
	for (uint32_t i = 0; i < s->n_open; i++)
		at = t_min(at, s->batches[s->open[i]]->next_at);
	if (!m->pass_is_active)
		at = t_min(at, m->next_pass);
	if (m->window.not_before > w->now)
		at = t_min(at, m->window.not_before);
	return at;
}

const struct agent agent_batchd = {
	.ends_by_deadline = true,
	.memory = sizeof(struct memory),
	.started = started,
	.tick = tick,
	.reply = reply,
	.due = due,
};
