/* SPDX-License-Identifier: ISC */
/* Creating a batch once, cancelling it, and watching it (batchd/submit.c, watch.c, batch_row.c). */
#include "core/timemath.h"
#include "tests/sim/batchd.h"

void submit_call(struct world *w, int32_t batch, enum call_kind kind)
{
	struct batch *b = row(w, batch);

	b->busy = w->life + 1;
	world_send(w, &(struct call){.kind = kind,
				     .batch = batch,
				     .attempt = NONE,
				     .file = b->file,
				     .remote = b->remote});
}

/* --- upload and create --- */

/* What its jobs do not want any more is taken out. Returns what is left. */
static uint32_t withdraw(struct world *w, int32_t batch)
{
	const struct batch *b = row(w, batch);
	uint32_t kept = 0;

	for (uint32_t i = 0; i < b->n_items; i++) {
		const struct attempt *a = &w->store.attempts[b->attempts[i]];
		struct item *item = &w->store.items[a->item];

		if (a->outcome != ATTEMPT_OPEN || a->left)
			continue;
		if (job_runs(&w->store.jobs[item->job]) && item->state == ITEM_SENT &&
		    item->batch == batch) {
			kept++;
			continue;
		}
		store_close_attempt(w, b->attempts[i], ATTEMPT_VOID);
		if (item->state == ITEM_SENT) {
			item->by_call = false;
			store_move_item(w, (uint32_t)a->item, ITEM_READY);
		}
	}
	store_commit(w, w->now);
	return kept;
}

void submit_upload(struct world *w, int32_t batch)
{
	struct batch *b = row(w, batch);
	const uint32_t n = withdraw(w, batch);

	if (b->phase == BATCH_UPLOADING)
		store_move_batch(w, batch, BATCH_SEALED);
	if (n == 0) {
		harvest_end(w, batch,
			    &(struct ending){.reason = REASON_NEVER_CREATED,
					     .outcome = ATTEMPT_VOID,
					     .ready_at = w->now});
		return;
	}
	store_move_batch(w, batch, BATCH_UPLOADING);
	b->file = provider_new_file(w, batch);
	store_commit(w, w->now);
	submit_call(w, batch, CALL_UPLOAD);
}

void submit_create(struct world *w, int32_t batch)
{
	store_move_batch(w, batch, BATCH_CREATING);
	store_commit(w, w->now);
	submit_call(w, batch, CALL_CREATE);
}

void submit_doubt(struct world *w, int32_t batch)
{
	if (is_broken_rule(w, BREAK_ONCE)) {
		submit_call(w, batch, CALL_CREATE);
		return;
	}
	store_move_batch(w, batch, BATCH_UNKNOWN);
	store_commit(w, w->now);
	batchd_advance(w, batch);
}

void submit_fence(struct world *w, int32_t batch)
{
	if (row(w, batch)->phase == BATCH_UNKNOWN) {
		store_move_batch(w, batch, BATCH_FENCING);
		store_commit(w, w->now);
	}
	submit_call(w, batch, CALL_DELETE);
}

void submit_anew(struct world *w, int32_t batch)
{
	store_move_batch(w, batch, BATCH_SEALED);
	row(w, batch)->file = NONE;
	store_commit(w, w->now);
	batchd_advance(w, batch);
}

void submit_cancel(struct world *w, int32_t batch)
{
	struct batch *b = row(w, batch);

	if (!b->cancel_at) {
		b->cancel_at = w->now;
		store_commit(w, w->now);
	}
	submit_call(w, batch, CALL_CANCEL);
}

/* --- what is seen --- */

/* As batch_row_observe: older than what is known, or back from an end, is not taken. */
static bool observe_view(struct world *w, int32_t batch, const struct remote_view *v, int64_t at)
{
	struct batch *b = row(w, batch);
	const bool was_final = remote_status_is_final(b->seen);
	bool changed;

	if (!is_broken_rule(w, BREAK_RAISE) &&
	    (at < b->observed_at || (was_final && !remote_status_is_final(v->status))))
		return false;
	if (at < b->observed_at || (was_final && b->seen != v->status))
		broken(w, "I6", b->n_jobs ? b->jobs[0].job : NONE,
		       "batch %d: %s overwrites %s, seen %lld s later", batch,
		       remote_status_names[v->status], remote_status_names[b->seen],
		       (long long)((b->observed_at - at) / T_S));
	changed = b->missing_since || b->seen != v->status || b->total != v->total ||
		  b->done != v->done || b->failed != v->failed;
	if (b->seen != v->status || b->total != v->total || b->done != v->done ||
	    b->failed != v->failed)
		b->progress_at = at;
	changed |= b->has_output != v->has_output || b->has_errors != v->has_errors;
	b->observed_at = at;
	b->missing_since = 0;
	b->remote = v->remote;
	b->seen = v->status;
	b->total = v->total;
	b->done = v->done;
	b->failed = v->failed;
	b->has_output |= v->has_output;
	b->has_errors |= v->has_errors;
	b->expires_at = v->expires_at;
	if (v->code)
		b->code = v->code;
	if (v->status == REMOTE_CANCELLING && !b->cancel_at)
		b->cancel_at = at;
	if (remote_status_is_final(v->status) && !b->ended_at)
		b->ended_at = at;
	if (changed)
		trace_batch(w, batch, "seen %s, %u of %u done, %u failed",
			    remote_status_names[v->status], v->done, v->total, v->failed);
	return changed;
}

static void adopt(struct world *w, int32_t batch, const struct remote_view *v)
{
	struct batch *b = row(w, batch);

	store_move_batch(w, batch, BATCH_RUNNING);
	b->submitted_at = b->progress_at = w->now;
	observe_view(w, batch, v, w->now);
}

static void later(struct world *w, int32_t batch, const struct call_outcome *o)
{
	store_backoff(w, batch, o->wait_us);
	store_commit(w, w->now);
}

/* --- replies --- */

static void on_uploaded(struct world *w, const struct call *c, const struct call_outcome *o)
{
	if (o->outcome != OUTCOME_DONE) { /* repeated under a new name */
		store_move_batch(w, c->batch, BATCH_SEALED);
		later(w, c->batch, o);
		return;
	}
	store_move_batch(w, c->batch, BATCH_UPLOADED);
	store_commit(w, w->now);
	batchd_advance(w, c->batch);
}

static void on_created(struct world *w, const struct call *c, const struct call_outcome *o)
{
	switch (o->outcome) {
	case OUTCOME_DONE:
		adopt(w, c->batch, &c->view);
		store_commit(w, w->now);
		break;
	case OUTCOME_LATER:
	case OUTCOME_NEVER:
		store_move_batch(w, c->batch,
				 c->http_status == 404 ? BATCH_SEALED : BATCH_UPLOADED);
		later(w, c->batch, o);
		break;
	case OUTCOME_UNKNOWN:
	case OUTCOME_COUNT:
		submit_doubt(w, c->batch);
		break;
	}
}

static void on_fenced(struct world *w, const struct call *c, const struct call_outcome *o)
{
	if (o->outcome != OUTCOME_DONE && c->http_status != 404) {
		later(w, c->batch, o);
		return;
	}
	store_move_batch(w, c->batch, BATCH_FENCED);
	store_commit(w, w->now);
	batchd_advance(w, c->batch);
}

static void on_cancelled(struct world *w, const struct call *c, const struct call_outcome *o)
{
	if (o->outcome != OUTCOME_DONE && o->outcome != OUTCOME_NEVER) {
		later(w, c->batch, o);
		return;
	}
	if (c->has_view)
		observe_view(w, c->batch, &c->view, w->now);
	row(w, c->batch)->next_at = t_add(w->now, w->p->settings.poll_interval);
	store_commit(w, w->now);
	batchd_advance(w, c->batch);
}

void submit_reply(struct world *w, const struct call *c)
{
	const struct call_outcome o = world_classify(c);
	struct batch *b = row(w, c->batch);

	b->busy = 0;
	if (c->kind == CALL_UPLOAD && b->phase == BATCH_UPLOADING)
		on_uploaded(w, c, &o);
	else if (c->kind == CALL_CREATE && b->phase == BATCH_CREATING)
		on_created(w, c, &o);
	else if (c->kind == CALL_DELETE && b->phase == BATCH_FENCING)
		on_fenced(w, c, &o);
	else if (c->kind == CALL_CANCEL && b->phase == BATCH_RUNNING)
		on_cancelled(w, c, &o);
}

/* --- the watcher --- */

static bool is_watched(const struct batch *b)
{
	return b->phase >= BATCH_CREATING && b->phase <= BATCH_RUNNING;
}

static void observe(struct world *w, int32_t batch, const struct remote_view *v, int64_t at)
{
	struct batch *b = row(w, batch);
	const enum batch_phase before = b->phase;
	bool changed;

	if (is_busy(w, b) || !is_watched(b))
		return;
	if (before != BATCH_RUNNING) {
		if (before == BATCH_CREATING)
			store_move_batch(w, batch, BATCH_UNKNOWN);
		store_move_batch(w, batch, BATCH_RUNNING);
		b->submitted_at = v->created_at;
		b->progress_at = w->now;
	}
	changed = observe_view(w, batch, v, at);
	if (!changed && before == BATCH_RUNNING)
		return;
	b->next_at = w->now;
	store_commit(w, w->now);
	batchd_advance(w, batch);
}

static void on_single(struct world *w, const struct call *c, const struct call_outcome *o)
{
	struct memory *m = memory_of(w);
	struct batch *b = row(w, c->batch);

	b->busy = 0;
	if (m->singles > 0) {
		m->singles--;
		if (o->outcome != OUTCOME_DONE && c->http_status != 404)
			m->is_reconciled = false;
	}
	if (o->outcome == OUTCOME_DONE) {
		observe(w, c->batch, &c->view, w->now);
		return;
	}
	if (c->http_status != 404 || b->phase != BATCH_RUNNING)
		return;
	if (!b->missing_since) {
		b->missing_since = w->now;
		store_commit(w, w->now);
		trace_batch(w, c->batch, "the provider does not know it");
	}
	batchd_advance(w, c->batch);
}

static void end_pass(struct world *w)
{
	struct memory *m = memory_of(w);
	const bool is_first = !m->is_reconciled;
	struct store *s = &w->store;

	m->pass_is_active = false;
	m->looked_at = m->pass_started;
	m->next_pass = t_add(m->pass_started, w->p->settings.poll_interval);
	m->is_reconciled = true;
	for (uint32_t i = s->n_open; i-- > 0;) {
		const int32_t id = i < s->n_open ? s->open[i] : NONE;
		const struct batch *b = id == NONE ? NULL : row(w, id);

		if (!b || !is_watched(b) || b->seen_in == m->pass || is_busy(w, b) ||
		    b->phase_at > m->pass_started)
			continue;
		if (b->remote == NONE) {
			batchd_advance(w, id);
			continue;
		}
		m->singles += is_first;
		submit_call(w, id, CALL_SINGLE);
	}
}

static void on_list(struct world *w, const struct call *c, const struct call_outcome *o)
{
	struct memory *m = memory_of(w);

	if (!m->pass_is_active)
		return;
	if (o->outcome != OUTCOME_DONE) {
		m->pass_is_active = false;
		m->next_pass = t_add(w->now, 5 * T_S);
		return;
	}
	for (uint32_t i = 0; i < c->n_list; i++) {
		const struct remote_view *v = &c->list[i];
		struct batch *b = row(w, v->key);

		/* The lost create that was proved never to come has come, or a second one has. */
		if ((b->remote != NONE && b->remote != v->remote) ||
		    (b->remote == NONE && !is_watched(b)))
			broken(w, "I3", b->n_jobs ? b->jobs[0].job : NONE,
			       "batch %d was created twice", v->key);
		b->seen_in = m->pass;
		observe(w, v->key, v, m->pass_started);
	}
	end_pass(w);
}

void watch_reply(struct world *w, const struct call *c)
{
	const struct call_outcome o = world_classify(c);

	if (c->kind == CALL_LIST)
		on_list(w, c, &o);
	else
		on_single(w, c, &o);
}

void watch_tick(struct world *w)
{
	struct memory *m = memory_of(w);
	const int64_t wanted_at = t_add(m->looked_at, T_S);
	bool has_watched = false;

	if (m->pass_is_active ||
	    w->now < (m->pass_is_wanted ? t_min(m->next_pass, wanted_at) : m->next_pass))
		return;
	for (uint32_t i = 0; i < w->store.n_open; i++)
		has_watched |= is_watched(row(w, w->store.open[i]));
	if (!has_watched && m->is_reconciled) {
		m->next_pass = t_add(w->now, w->p->settings.poll_interval);
		return;
	}
	m->pass_is_wanted = false;
	m->pass_is_active = true;
	m->pass_started = w->now;
	m->pass = w->life * 100000 + m->pass % 100000 + 1;
	world_send(w, &(struct call){.kind = CALL_LIST,
				     .batch = NONE,
				     .attempt = NONE,
				     .file = NONE,
				     .remote = NONE});
}
