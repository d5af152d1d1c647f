/* SPDX-License-Identifier: ISC */
#include "batchd/telling.h"

#include <stdio.h>
#include <string.h>

#include "batchd/budget.h"
#include "batchd/fallback.h"
#include "batchd/hold.h"
#include "batchd/incident.h"
#include "batchd/orphan.h"
#include "batchd/stop.h"
#include "batchd/tick.h"
#include "common/store.h"
#include "core/status.h"
#include "core/timemath.h"

/* --- sources --- */

static const char incident_words[] = "the provider makes no progress with any batch";

static void add_batch_warnings(struct telling *t, const struct batch_row *b, const struct policy *p,
			       unsigned set)
{
	const struct batch_view v = batch_row_view(b);
	const struct {
		enum warning w;
		const char *message;
		int64_t since;
	} all[] = {
		{WARN_OLD, "the batch takes unusually long", t_add(v.created_at, p->alert_after)},
		{WARN_STALLED, "the batch makes no progress at the provider",
		 t_add(v.progress_at, p->stall_after)},
		{WARN_FINALIZING, "the provider takes long to write the results",
		 t_add(v.progress_at, p->finalizing_after)},
		{WARN_MISSING, "the provider does not know the batch at the moment",
		 b->missing_since},
		{WARN_INCIDENT, incident_words, b->incident_at},
		{WARN_UNKNOWN_CREATE, "it is being found out whether the batch was created",
		 b->phase_at},
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		if (set & all[i].w)
			tell_add_warning(t, warning_code(all[i].w), all[i].message, all[i].since);
	}
}

/* Of its open batches it waits for the one with the next action that changes something. */
static void add_batch(struct telling *t, const struct batch_row *b, const struct batch_view *v)
{
	const struct policy p = batch_policy(t->d->config, b->n_items);
	const struct decision next = batch_decide(v, &p, t->now);

	add_batch_warnings(t, b, &p, next.warnings);
	if (unit_skips(&t->d->unit, b->id))
		tell_add_warning(
			t, "work_skipped",
			"something of its batch could not be worked on and is left aside for a while",
			b->phase_at);
	if (t->batch.what && t->batch.at <= next.then_at)
		return;
	t->batch = (struct tell_wait){
		.what = "batch",
		.action = action_words[next.then],
		.since = b->created_at,
		.progress_at = b->remote_done + b->remote_failed > 0 ? b->progress_at : 0,
		.at = next.then_at,
	};
}

static int tell_batches(struct telling *t, struct err *err)
{
	struct db_rows *r;
	struct batch_row b;
	struct batch_view v;
	int rc = 0;

	if (db_query(t->db, STMT_BATCHES_OF_JOB, DB_P(db_int(t->job.job)), &r, err) < 0)
		return -1;
	while (rc == 0 && db_next(r)) {
		rc = batch_row_read(t->db, db_get_int(r, 0), &b, err);
		if (rc <= 0)
			continue;
		rc = batch_view_read(t->db, t->d->config, &t->d->load, &b, &v, err);
		if (rc == 0)
			add_batch(t, &b, &v);
	}
	db_rows_free(&r);
	return rc;
}

/* What waits for a batch waits for that too. */
static int tell_incident(struct telling *t, struct err *err)
{
	const int64_t since = incident_since(t->d->incident);

	(void)err;
	if (since && t->job.n_ready > t->job.n_by_call)
		tell_add_warning(t, warning_code(WARN_INCIDENT), incident_words, since);
	return 0;
}

static int tell_deadline(struct telling *t, struct err *err)
{
	const int64_t since = telling_at_risk(t->d, &t->job);

	(void)err;
	if (since != T_NEVER)
		tell_add_warning(
			t, "deadline_at_risk",
			"not all of it may be there by the deadline; it ends then with what is there",
			since);
	return 0;
}

static int tell_clock(struct telling *t, struct err *err)
{
	(void)err;
	if (daemon_distrusts_clock(t->d))
		tell_add_warning(
			t, "clock_jump",
			"the clock of our database jumped: nothing ends by it for two minutes",
			t_sub(t->d->no_close_before, NO_CLOSE));
	return 0;
}

/* The state directory is of another installation. */
static int tell_foreign(struct telling *t, struct err *err)
{
	(void)err;
	if (!t->d->is_foreign)
		return 0;
	tell_add_warning(t, "foreign_state",
			 "nothing is sent until an operator has looked at the installation",
			 t->job.opened_at);
	tell_add_hold(t, "operator", t->job.opened_at, NULL, T_NEVER);
	return 0;
}

/* Each part that has something to say of jobs. */
/* clang-format off */
static tell_source_fn *const sources[] = {
	tell_batches,
	tell_deadline,
	tell_clock,
	tell_foreign,
	orphan_tell,
	stop_tell,
	hold_tell,
	tell_incident,
	budget_tell,
};
/* clang-format on */

void tell_add_warning(struct telling *t, const char *code, const char *message, int64_t since)
{
	size_t i = 0;

	while (i < t->n_warnings && strcmp(t->warnings[i].code, code) != 0)
		i++;
	if (i == TELL_WARNINGS || (i < t->n_warnings && t->warnings[i].since <= since))
		return;
	t->n_warnings += i == t->n_warnings;
	t->warnings[i].code = code;
	t->warnings[i].since = since;
	snprintf(t->warnings[i].message, sizeof(t->warnings[i].message), "%s", message);
}

void tell_add_hold(struct telling *t, const char *what, int64_t since, const char *action,
		   int64_t at)
{
	if (!t->held.what)
		t->held = (struct tell_wait){.what = what,
					     .since = since,
					     .action = action,
					     .at = at};
}

/* --- items that wait to be sent --- */

static struct job_stage stage_of(const struct tell_ready *job)
{
	return (struct job_stage){.opened_at = job->opened_at,
				  .deadline_at = job->deadline_at,
				  .n_open = job->n_open,
				  .calls_from = job->calls_from};
}

int64_t telling_at_risk(const struct daemon *d, const struct tell_ready *job)
{
	const struct job_stage stage = stage_of(job);
	const int64_t at = batch_risk_at(d->config, &d->load, &stage);

	return job->n_open > 0 && daemon_now(d) >= at ? at : T_NEVER;
}

struct tell_ready telling_read(const struct db_rows *r)
{
	return (struct tell_ready){
		.job = db_get_int(r, 0),
		.opened_at = db_get_time(r, 1),
		.deadline_at = db_get_time(r, 2),
		.calls_from = db_get_time(r, 3),
		.n_open = db_get_int(r, 4),
		.n_ready = db_get_int(r, 5),
		.ready_since = db_get_time(r, 6),
		.n_by_call = db_get_int(r, 7),
	};
}

static struct tell_wait wait_for_calls(struct daemon *d, const struct tell_ready *job)
{
	const int64_t now = daemon_now(d), cut_at = fallback_cut_at(d, job->job);
	const int64_t room_at = fallback_room_at(d);
	struct tell_wait w = {.what = "calls", .since = job->ready_since, .at = T_NEVER};

	if (job->calls_from >= job->opened_at)
		w.since = job->calls_from;
	if (cut_at != T_NEVER) {
		w.action = "ask again for what is not answered";
		w.at = cut_at;
	} else if (room_at > now) {
		w.action = action_words[ACT_PART];
		w.at = room_at;
	}
	return w;
}

/* It is put into a batch when its time has come; where that was in vain, it goes by calls while these fit. */
static struct tell_wait wait_for_planner(struct daemon *d, const struct tell_ready *job,
					 int64_t calls_start)
{
	const int64_t now = daemon_now(d);
	struct tell_wait w = {.what = "planner",
			      .since = t_min(job->ready_since, now),
			      .action = "put into a batch",
			      .at = t_add(job->ready_since, d->config->batch.linger)};

	if (w.at <= now) {
		w.action = NULL;
		w.at = T_NEVER;
	}
	if (calls_start < w.at) {
		w.action = action_words[ACT_PART];
		w.at = calls_start;
	}
	return w;
}

struct tell_wait telling_ready(struct daemon *d, const struct tell_ready *job)
{
	const bool has_calls = d->config->fallback.tiers.n > 0;
	const struct job_stage stage = stage_of(job);
	const int64_t start = has_calls ? batch_calls_start(d->config, &d->load, &stage,
							    job->n_ready, job->ready_since)
					: T_NEVER;

	if (fallback_cut_at(d, job->job) != T_NEVER)
		return wait_for_calls(d, job);
	if (job->n_ready == 0)
		return (struct tell_wait){0};
	if (daemon_now(d) >= start || (has_calls && job->n_by_call == job->n_ready))
		return wait_for_calls(d, job);
	return wait_for_planner(d, job, start);
}

/* --- gathering --- */

static struct tell_wait choose_wait(const struct telling *t)
{
	const struct tell_wait ready = telling_ready(t->d, &t->job);

	if (t->held.what && t->job.n_ready > 0)
		return t->held;
	if (t->batch.what && (!ready.what || strcmp(ready.what, "calls") != 0))
		return t->batch;
	if (ready.what)
		return ready;
	/* Its items are on their way from one to the other. */
	return (struct tell_wait){.what = "planner", .since = t->now};
}

static void render_warnings(const struct telling *t, struct strbuf *out)
{
	for (size_t i = 0; i < t->n_warnings; i++) {
		if (i > 0)
			strbuf_addc(out, ',');
		status_render_warning(t->warnings[i].code, t->warnings[i].message,
				      t->warnings[i].since, out);
	}
}

static int store(struct telling *t, struct err *err)
{
	const struct tell_wait w = choose_wait(t);
	struct job_patch patch = {.keep_open = daemon_distrusts_clock(t->d),
				  .set_wait = true,
				  .only_wait = true,
				  .wait_what = w.what,
				  .wait_since = w.since,
				  .wait_progress_at = w.progress_at,
				  .wait_action = w.at == T_NEVER ? NULL : w.action};
	struct strbuf warnings;
	int rc;

	patch.wait_action_at = patch.wait_action ? w.at : 0;
	strbuf_init(&warnings, 2 * TELL_WARNINGS * TELL_MESSAGE_BYTES);
	render_warnings(t, &warnings);
	patch.warnings = warnings.len ? warnings.data : "";
	rc = store_job_refresh(t->db, t->job.job, &patch, t->now, NULL, err);
	strbuf_clear(&warnings);
	return rc;
}

struct gather {
	struct daemon *d;
	int64_t job;
};

static int gather_tx(struct db *db, void *arg, struct err *err)
{
	const struct gather *g = arg;
	struct telling t = {.d = g->d, .db = db, .now = daemon_now(g->d)};
	struct db_rows *r;
	bool runs;

	if (db_query(db, STMT_TELL_JOB, DB_P(db_int(g->job)), &r, err) < 0)
		return -1;
	runs = db_next(r);
	if (runs)
		t.job = telling_read(r);
	db_rows_free(&r);
	if (!runs)
		return 0; /* it ended meanwhile */
	for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
		if (sources[i](&t, err) < 0)
			return -1;
	}
	return store(&t, err);
}

int telling_store(struct daemon *d, int64_t job, struct err *err)
{
	struct gather g = {.d = d, .job = job};

	return daemon_tx(d, gather_tx, &g, err);
}
