/* SPDX-License-Identifier: ISC */
/* The end of a batch: its files are read, the rest is released (batchd/harvest.c, close.c). */
#include "core/timemath.h"
#include "tests/sim/batchd.h"

/* --- closing --- */

/* One slice of what is open. Returns how many. */
static uint32_t release_slice(struct world *w, int32_t batch, const struct ending *e)
{
	const struct batch *b = row(w, batch);
	uint32_t n = 0;

	for (uint32_t i = 0; i < b->n_items && n < SLICE; i++) {
		if (w->store.attempts[b->attempts[i]].outcome != ATTEMPT_OPEN)
			continue;
		settle_release(w, b->attempts[i], e);
		n++;
	}
	return n;
}

/* Its end makes room in the provider's queue: what waits for that is ready now. */
static void ready_now(struct world *w)
{
	for (uint32_t i = 0; i < w->store.n_live; i++) {
		struct job *j = &w->store.jobs[w->store.live[i]];

		for (int l = 0; l < LANGUAGES; l++) {
			if (j->counts[l].ready > 0)
				j->ready_since[l] = t_min(j->ready_since[l], w->now);
		}
	}
}

void harvest_end(struct world *w, int32_t batch, const struct ending *e)
{
	while (release_slice(w, batch, e) > 0)
		store_commit(w, e->ready_at);
	row(w, batch)->reason = e->reason;
	if (row(w, batch)->remote != NONE && e->reason != REASON_FAILED)
		ready_now(w);
	store_move_batch(w, batch, BATCH_CLOSED);
	store_commit(w, e->ready_at);
}

static void end_harvested(struct world *w, int32_t batch)
{
	const struct batch *b = row(w, batch);
	struct ending e = {.reason = REASON_HARVESTED,
			   .outcome = ATTEMPT_FAILED,
			   .has_left = true,
			   .ready_at = w->now};

	if (b->seen == REMOTE_FAILED) {
		const struct call_outcome o = batch_failure_classify(b->code, b->code);

		e.reason = REASON_FAILED;
		e.has_left = o.outcome != OUTCOME_LATER && o.scope != SCOPE_ALL;
		if (o.outcome == OUTCOME_LATER) { /* it never ran, and waits a while */
			const int64_t wait = t_mul(w->p->settings.poll_interval, 10);

			e.outcome = ATTEMPT_VOID;
			e.ready_at = t_add(w->now, t_max(o.wait_us, wait));
		}
	} else if (b->seen == REMOTE_EXPIRED || b->seen == REMOTE_CANCELLED) {
		e.outcome = ATTEMPT_VOID; /* lines that are in no file never ran */
	}
	harvest_end(w, batch, &e);
}

/* --- the files --- */

static bool has_file(const struct world *w, const struct batch *b)
{
	if (is_broken_rule(w, BREAK_KEEPS) && b->seen != REMOTE_COMPLETED)
		return false;
	return b->harvest_file == 0 ? b->has_output : b->has_errors;
}

void harvest_go_on(struct world *w, int32_t batch)
{
	struct batch *b = row(w, batch);

	if (b->phase == BATCH_RUNNING) {
		store_move_batch(w, batch, BATCH_HARVESTING);
		store_commit(w, w->now);
	}
	while (b->harvest_file < 2 && !has_file(w, b)) {
		b->harvest_file++;
		b->harvest_line = 0;
	}
	if (b->harvest_file >= 2) {
		end_harvested(w, batch);
		return;
	}
	store_commit(w, w->now);
	b->busy = w->life + 1;
	world_send(w, &(struct call){.kind = CALL_DOWNLOAD,
				     .batch = batch,
				     .attempt = NONE,
				     .file = NONE,
				     .remote = b->remote});
}

static struct came came_of(enum ran ran, bool did_run)
{
	struct line_outcome o = {.is_void = true};

	if (!did_run)
		o = line_classify(0, "batch_expired", NULL, NULL);
	else if (ran == RAN_VALID || ran == RAN_REFUSED)
		return (struct came){.is_answer = true,
				     .grade = ran == RAN_VALID ? GRADE_VALID : GRADE_REFUSED,
				     .outcome = OUTCOME_LATER}; /* one that is no JSON */
	else if (ran == RAN_VOID)
		o = line_classify(0, NULL, NULL, NULL);
	else if (ran == RAN_ERROR)
		o = line_classify(500, NULL, NULL, NULL);
	else
		o = line_classify(400, "invalid_image", NULL, NULL);
	return (struct came){.is_void = o.is_void, .outcome = o.outcome};
}

/* Up to a slice of lines in one transaction, with the cursor. False at the file's end. */
static bool read_slice(struct world *w, int32_t batch)
{
	struct batch *b = row(w, batch);
	const uint32_t n = provider_lines(w, b->remote);
	uint32_t taken = 0;
	bool has_void = false;

	for (; b->harvest_line < n && taken < SLICE; b->harvest_line++) {
		int32_t attempt;
		enum ran ran = RAN_VOID;
		bool did_run;
		struct came came;

		if (provider_line(w, b->remote, b->harvest_line, &attempt, &ran, &did_run) !=
		    (int)b->harvest_file)
			continue;
		came = came_of(ran, did_run);
		has_void |= came.is_void;
		settle(w, attempt, &came);
		taken++;
	}
	/* What came back without having run is not sent again at once. */
	store_commit(w, has_void ? t_add(w->now, w->p->settings.poll_interval) : w->now);
	return taken > 0;
}

void harvest_reply(struct world *w, const struct call *c)
{
	const struct call_outcome o = world_classify(c);
	struct batch *b = row(w, c->batch);

	b->busy = 0;
	if (b->phase != BATCH_HARVESTING)
		return;
	if (o.outcome != OUTCOME_DONE) {
		store_backoff(w, c->batch, t_max(o.wait_us, (w->now - b->phase_at) / 10));
		store_commit(w, w->now);
		return;
	}
	while (read_slice(w, c->batch))
		continue;
	b->harvest_file++;
	b->harvest_line = 0;
	b->next_at = w->now; /* a tick during the call has put it off */
	store_commit(w, w->now);
	batchd_advance(w, c->batch);
}

/* --- leaving --- */

static uint32_t leave_slice(struct world *w, int32_t batch, int32_t job)
{
	const struct batch *b = row(w, batch);
	uint32_t n = 0;

	for (uint32_t i = 0; i < b->n_items && n < SLICE; i++) {
		struct attempt *a = &w->store.attempts[b->attempts[i]];
		struct item *item = &w->store.items[a->item];
		const bool here = item->state == ITEM_SENT && item->batch == batch;

		if (a->outcome != ATTEMPT_OPEN || a->left)
			continue;
		if (job != NONE && (item->job != job || !here))
			continue;
		a->left = true;
		if (here) {
			item->n_left++;
			item->by_call = goes_by_call(w, item, b->n_items);
			store_move_item(w, (uint32_t)a->item, ITEM_READY);
		}
		n++;
	}
	return n;
}

void harvest_leave(struct world *w, int32_t batch, int32_t job)
{
	struct batch *b = row(w, batch);

	if (job == NONE || job_runs(&w->store.jobs[job])) {
		while (leave_slice(w, batch, job) > 0)
			store_commit(w, w->now);
	}
	if (job == NONE)
		b->left_at = w->now;
	for (uint32_t i = 0; i < b->n_jobs; i++) {
		struct job *j = &w->store.jobs[b->jobs[i].job];

		if (b->jobs[i].job != job)
			continue;
		b->jobs[i].left_at = w->now;
		if (!j->calls_from)
			j->calls_from = w->now;
		trace(w, job, "its items leave batch %d", batch);
	}
	store_commit(w, w->now);
	batchd_advance(w, batch);
}
