/* SPDX-License-Identifier: ISC */
#include "batchd/tell.h"

#include <stdlib.h>

#include "batchd/fallback.h"
#include "common/log.h"
#include "common/store.h"
#include "core/timemath.h"

#define PROGRESS_EVERY (60 * T_S)

static void add_warning(struct strbuf *out, unsigned set, enum warning w, const char *message,
			int64_t since)
{
	if (!(set & w))
		return;
	if (out->len)
		strbuf_addc(out, ',');
	strbuf_addf(out, "{\"code\":\"%s\",\"message\":", warning_code(w));
	strbuf_adds_json(out, message);
	strbuf_adds(out, ",\"since\":");
	strbuf_add_time(out, since);
	strbuf_addc(out, '}');
}

static void render_warnings(const struct batch_row *b, const struct policy *p, unsigned set,
			    struct strbuf *out)
{
	const struct batch_view v = batch_row_view(b);

	add_warning(out, set, WARN_OLD, "the batch has been at the provider for unusually long",
		    t_add(v.created_at, p->alert_after));
	add_warning(out, set, WARN_STALLED, "the batch makes no progress at the provider",
		    t_add(v.progress_at, p->stall_after));
	add_warning(out, set, WARN_FINALIZING, "the provider takes long to write the results",
		    t_add(v.progress_at, p->finalizing_after));
	add_warning(out, set, WARN_MISSING, "the provider does not know the batch at the moment",
		    b->missing_since);
	add_warning(out, set, WARN_UNKNOWN_CREATE,
		    "it is being found out whether the batch was created", b->phase_at);
}

struct tell {
	struct daemon *d;
	int64_t job, now;
};

/*
 * What one open batch adds to its job: the batch with the next action that changes
 * something is what it waits for.
 */
static void add_batch(struct daemon *d, const struct batch_row *b, const struct batch_view *v,
		      int64_t now, struct job_patch *patch, struct strbuf *warnings)
{
	const struct policy p = batch_policy(d->config, b->n_items);
	const struct decision next = batch_decide(v, &p, now);

	render_warnings(b, &p, next.warnings, warnings);
	if (patch->wait_action && patch->wait_action_at <= next.then_at)
		return;
	patch->wait_what = "batch";
	patch->wait_since = b->created_at;
	patch->wait_progress_at = b->remote_done + b->remote_failed > 0 ? b->progress_at : 0;
	patch->wait_action = action_words[next.then];
	patch->wait_action_at = next.then_at;
}

static int add_batches(struct db *db, const struct tell *t, struct job_patch *patch,
		       struct strbuf *warnings, struct err *err)
{
	struct db_rows *r;
	struct batch_row b;
	struct batch_view v;
	int rc = 0;

	if (db_query(db, STMT_BATCHES_OF_JOB, DB_P(db_int(t->job)), &r, err) < 0)
		return -1;
	while (rc == 0 && db_next(r)) {
		rc = batch_row_read(db, db_get_int(r, 0), &b, err);
		if (rc > 0)
			rc = batch_view_read(db, t->d->config, &b, &v, err);
		if (rc == 0)
			add_batch(t->d, &b, &v, t->now, patch, warnings);
	}
	db_rows_free(&r);
	return rc;
}

/* From all open batches of the job; without any it waits for the planner. */
static int tell_tx(struct db *db, void *arg, struct err *err)
{
	const struct tell *t = arg;
	struct job_patch patch = {.keep_open = daemon_distrusts_clock(t->d),
				  .set_wait = true,
				  .only_wait = true};
	struct strbuf warnings;
	int rc;

	strbuf_init(&warnings, 8192);
	rc = add_batches(db, t, &patch, &warnings, err);
	if (rc == 0) {
		if (!patch.wait_what && fallback_serves(t->d->fallback, t->job)) {
			patch.wait_what = "calls";
			patch.wait_since = t->now;
		} else if (!patch.wait_what) {
			patch.wait_what = "planner";
			patch.wait_since = t->now;
			patch.wait_action = "put into a batch";
			patch.wait_action_at = t_add(t->now, t->d->config->batch.linger);
		}
		patch.warnings = warnings.len ? warnings.data : "";
		rc = store_job_refresh(db, t->job, &patch, t->now, NULL, err);
	}
	strbuf_clear(&warnings);
	return rc;
}

/* True where every job was told. */
static bool tell_each(struct daemon *d, int64_t batch_id)
{
	struct tell t = {.d = d, .now = daemon_now(d)};
	struct db_rows *r;
	struct err err;
	bool all = true;

	if (db_query(d->db, STMT_BATCH_JOBS, DB_P(db_int(batch_id)), &r, &err) < 0)
		return false;
	while (db_next(r)) {
		t.job = db_get_int(r, 0);
		if (daemon_tx(d, tell_tx, &t, &err) < 0) {
			log_warning("job not told job=%lld error=\"%s\"", (long long)t.job,
				    err.text);
			all = false;
		}
		daemon_breathe(d);
	}
	db_rows_free(&r);
	return all;
}

static struct told *told_of(struct daemon *d, int64_t batch_id)
{
	struct told *t = d->told;

	while (t && t->batch_id != batch_id)
		t = t->next;
	return t;
}

void tell_forget(struct daemon *d, int64_t batch_id)
{
	struct told **at = &d->told;

	while (*at) {
		struct told *t = *at;

		if (batch_id == 0 || t->batch_id == batch_id) {
			*at = t->next;
			free(t);
		} else {
			at = &t->next;
		}
	}
}

/* Are there news worth a new version of the jobs? */
static bool is_news(const struct told *t, const struct batch_row *b, unsigned warnings, int64_t now)
{
	return !t || t->warnings != warnings || t->remote != b->remote ||
	       (b->progress_at > t->at && now >= t_add(t->at, PROGRESS_EVERY));
}

static void note(struct daemon *d, const struct batch_row *b, unsigned warnings, int64_t now)
{
	struct told *t = told_of(d, b->id);

	if (!t) {
		t = calloc(1, sizeof(*t));
		if (!t)
			abort();
		t->batch_id = b->id;
		t->next = d->told;
		d->told = t;
	}
	t->at = now;
	t->warnings = warnings;
	t->remote = b->remote;
}

void tell_jobs(struct daemon *d, const struct batch_row *b, const struct decision *next)
{
	const int64_t now = daemon_now(d);

	if (b->phase != BATCH_CLOSED && is_news(told_of(d, b->id), b, next->warnings, now) &&
	    tell_each(d, b->id))
		note(d, b, next->warnings, now);
}

void tell_jobs_of(struct daemon *d, int64_t batch_id)
{
	struct batch_row b;
	struct batch_view v;
	struct decision next;
	struct policy p;
	struct err err;

	if (batch_row_read(d->db, batch_id, &b, &err) < 1)
		return;
	p = batch_policy(d->config, b.n_items);
	if (batch_view_read(d->db, d->config, &b, &v, &err) < 0)
		return;
	next = batch_decide(&v, &p, daemon_now(d));
	tell_jobs(d, &b, &next);
}

void tell_closed(struct daemon *d, int64_t batch_id)
{
	tell_forget(d, batch_id);
	tell_each(d, batch_id);
}
