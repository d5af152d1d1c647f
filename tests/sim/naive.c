/* SPDX-License-Identifier: ISC */
/*
 * naive: what scripts do that know nothing of the troubles: one batch after another for each job and
 * stage, each stage when the one before has ended; a create without an answer is sent again at once,
 * as the official clients do. "wait for ever" polls until the batch ends, reads what is there and
 * sends the rest again; "cancel" gives a batch some hours, then cancels it and sends everything in
 * it again, whatever was done already. Nothing ends at a deadline.
 */
#include "core/timemath.h"
#include "tests/sim/batchd.h"

#define POLL         T_MIN
#define BATCH_TOKENS 4 /* a batch takes this part of the queue at most */

static void upload(struct world *w, int32_t batch)
{
	store_move_batch(w, batch, BATCH_UPLOADING);
	row(w, batch)->file = provider_new_file(w, batch);
	store_commit(w, w->now);
	submit_call(w, batch, CALL_UPLOAD);
}

/* A job's ready items of a task in batches of their own. */
static void send_job(struct world *w, int32_t job, enum task task)
{
	const int64_t each = task == TASK_DESCRIBE ? w->p->orders.describe_tokens
						   : w->p->orders.translate_tokens;
	const int64_t most = w->p->settings.enqueued_tokens / BATCH_TOKENS / each;

	while (job_next_ready(&w->store, job, task, PLAN_ALL) != NONE) {
		const int32_t batch = store_add_batch(w, task);
		uint32_t n = 0;

		for (int32_t i;
		     n < most && (i = job_next_ready(&w->store, job, task, PLAN_ALL)) != NONE; n++)
			store_send(w, (uint32_t)i, batch, WAY_BATCH);
		store_batch_job(row(w, batch), job, n);
		store_move_batch(w, batch, BATCH_SEALED);
		store_commit(w, w->now);
		upload(w, batch);
	}
}

static bool has_open_batch(const struct world *w, int32_t job)
{
	for (uint32_t i = 0; i < w->store.n_open; i++) {
		if (w->store.batches[w->store.open[i]]->jobs[0].job == job)
			return true;
	}
	return false;
}

static void drive_job(struct world *w, int32_t job)
{
	const struct job *j = &w->store.jobs[job];

	if (has_open_batch(w, job))
		return;
	for (int t = 0; t < TASK_COUNT; t++) {
		const struct ready r = job_ready(j, (enum task)t);

		if (r.n == 0)
			continue;
		if (r.since <= w->now)
			send_job(w, job, (enum task)t);
		return;
	}
}

static void drive_jobs(struct world *w)
{
	for (uint32_t i = w->store.n_live; i-- > 0;) {
		if (i < w->store.n_live)
			drive_job(w, w->store.live[i]);
	}
}

/* Everything again, in new batches; what the old one brings is not looked at. */
static void give_up(struct world *w, int32_t batch)
{
	trace_batch(w, batch, "cancelled, and everything again");
	submit_call(w, batch, CALL_CANCEL);
	harvest_end(w, batch,
		    &(struct ending){.reason = REASON_LOST,
				     .outcome = ATTEMPT_VOID,
				     .ready_at = w->now});
}

static void drive_batch(struct world *w, int32_t batch)
{
	const struct batch *b = row(w, batch);
	const int64_t hours = t_mul(T_H, w->o->cancel_hours);

	if (is_busy(w, b) || b->next_at > w->now)
		return;
	if (b->phase == BATCH_SEALED) {
		upload(w, batch);
	} else if (b->phase == BATCH_UPLOADING) { /* of an earlier life */
		store_move_batch(w, batch, BATCH_SEALED);
		upload(w, batch);
	} else if (b->phase == BATCH_UPLOADED) {
		store_move_batch(w, batch, BATCH_CREATING);
		store_commit(w, w->now);
		submit_call(w, batch, CALL_CREATE);
	} else if (b->phase == BATCH_CREATING) {
		submit_call(w, batch, CALL_CREATE);
	} else if (b->phase == BATCH_HARVESTING) {
		harvest_go_on(w, batch);
	} else if (w->o->policy == POLICY_CANCEL && w->now >= t_add(b->submitted_at, hours) &&
		   !remote_status_is_final(b->seen)) {
		give_up(w, batch);
	}
}

static void tick(struct world *w)
{
	struct memory *m = memory_of(w);

	for (uint32_t i = w->store.n_open; i-- > 0;) {
		if (i < w->store.n_open)
			drive_batch(w, w->store.open[i]);
	}
	drive_jobs(w);
	if (w->store.n_open == 0 || m->pass_is_active || w->now < m->next_pass)
		return;
	m->pass_is_active = true;
	world_send(w, &(struct call){.kind = CALL_LIST,
				     .batch = NONE,
				     .attempt = NONE,
				     .file = NONE,
				     .remote = NONE});
}

/* --- replies --- */

static void see(struct world *w, int32_t batch, const struct remote_view *v)
{
	struct batch *b = row(w, batch);

	b->seen = v->status;
	b->code = v->code;
	b->has_output = v->has_output;
	b->has_errors = v->has_errors;
	if (b->phase != BATCH_RUNNING || is_busy(w, b) || !remote_status_is_final(v->status))
		return;
	/* An end without a file is looked at again for a while. */
	if (!b->ended_at)
		b->ended_at = w->now;
	if (v->status == REMOTE_FAILED || v->has_output || v->has_errors ||
	    w->now >= t_add(b->ended_at, 10 * T_MIN))
		harvest_go_on(w, batch);
}

static void on_list(struct world *w, const struct call *c, const struct call_outcome *o)
{
	struct memory *m = memory_of(w);

	m->pass_is_active = false;
	m->next_pass = t_add(w->now, POLL);
	for (uint32_t i = 0; o->outcome == OUTCOME_DONE && i < c->n_list; i++) {
		const struct remote_view *v = &c->list[i];

		if (row(w, v->key)->remote == v->remote && row(w, v->key)->phase == BATCH_RUNNING)
			see(w, v->key, v);
	}
}

static void later(struct world *w, int32_t batch, const struct call_outcome *o)
{
	store_backoff(w, batch, o->wait_us);
	store_commit(w, w->now);
}

static void on_reply(struct world *w, const struct call *c, const struct call_outcome *o)
{
	struct batch *b = row(w, c->batch);

	b->busy = 0;
	if (c->kind == CALL_UPLOAD && b->phase == BATCH_UPLOADING) {
		store_move_batch(w, c->batch,
				 o->outcome == OUTCOME_DONE ? BATCH_UPLOADED : BATCH_SEALED);
		if (o->outcome == OUTCOME_DONE)
			store_commit(w, w->now);
		else
			later(w, c->batch, o);
	} else if (c->kind == CALL_CREATE && b->phase == BATCH_CREATING) {
		if (o->outcome != OUTCOME_DONE) { /* sent again, whatever became of it */
			later(w, c->batch, o);
			return;
		}
		store_move_batch(w, c->batch, BATCH_RUNNING);
		b->submitted_at = w->now;
		b->remote = c->view.remote;
		store_commit(w, w->now);
	}
}

static void reply(struct world *w, const struct call *c)
{
	const struct call_outcome o = world_classify(c);

	if (c->kind == CALL_LIST)
		on_list(w, c, &o);
	else if (c->kind == CALL_DOWNLOAD)
		harvest_reply(w, c);
	else
		on_reply(w, c, &o);
	drive_jobs(w);
}

static int64_t due(const struct world *w)
{
	const struct memory *m = memory_of(w);
	int64_t at = T_NEVER;

	for (uint32_t i = 0; i < w->store.n_live; i++) {
		const struct job *j = &w->store.jobs[w->store.live[i]];

		for (int t = 0; t < TASK_COUNT; t++) {
			const struct ready r = job_ready(j, (enum task)t);

			if (r.n > 0)
				at = t_min(at,
					   r.since > w->now ? r.since : t_add(w->tick_at, POLL));
		}
	}
	if (w->store.n_open == 0)
		return at;
	at = t_min(at, t_add(w->tick_at, POLL));
	for (uint32_t i = 0; i < w->store.n_open; i++) {
		const struct batch *b = w->store.batches[w->store.open[i]];

		if (!is_busy(w, b) && b->phase != BATCH_RUNNING)
			at = t_min(at, b->next_at);
	}
	return m->pass_is_active ? at : t_min(at, m->next_pass);
}

const struct agent agent_naive = {
	.ends_by_deadline = false,
	.memory = sizeof(struct memory),
	.started = tick,
	.tick = tick,
	.reply = reply,
	.due = due,
};
