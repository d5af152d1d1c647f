/* SPDX-License-Identifier: ISC */
#include "batchd/submit.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "batchd/build.h"
#include "batchd/close.h"
#include "batchd/tell.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/store.h"
#include "core/json_util.h"
#include "core/timemath.h"

/* A create's answer comes within seconds; what is left of the lease bounds it (DESIGN). */
#define CREATE_TIMEOUT       (60 * T_S)
#define LEASE_MARGIN_PERCENT 10

struct store {
	struct daemon *d;
	struct batch_row *b;
	const char *event, *message;
};

static int store_tx(struct db *db, void *arg, struct err *err)
{
	const struct store *s = arg;
	struct batch_row b = *s->b; /* the transaction may run again */

	if (batch_row_store(db, &b, err) < 0)
		return -1;
	if (s->event && store_event(db, 0, b.id, daemon_now(s->d), s->event, b.n_items, err, "%s",
				    s->message) < 0)
		return -1;
	return 0;
}

int submit_store(struct daemon *d, struct batch_row *b, const char *event, const char *message)
{
	struct store s = {.d = d, .b = b, .event = event, .message = message ? message : ""};
	struct err err;

	if (daemon_tx(d, store_tx, &s, &err) < 0) {
		log_warning("batch not stored batch=%lld phase=%s error=\"%s\"", (long long)b->id,
			    batch_phase_names[b->phase], err.text);
		return -1;
	}
	b->version++;
	log_info("batch stored batch=%lld phase=%s items=%lld remote=%s", (long long)b->id,
		 batch_phase_names[b->phase], (long long)b->n_items,
		 b->remote_id[0] ? b->remote_id : "-");
	return 0;
}

/*
 * The row of a call that ended, where it is still in the phase that the call was
 * made in; its work is freed.
 */
static bool reread(struct work *w, enum batch_phase phase, struct daemon **d, struct batch_row *b)
{
	const int64_t id = w->batch_id;
	struct err err;
	int rc;

	*d = w->d;
	work_free(w);
	if (!lease_held(&(*d)->lease))
		return false;
	rc = batch_row_read((*d)->db, id, b, &err);
	if (rc < 0)
		log_warning("batch not read batch=%lld error=\"%s\"", (long long)id, err.text);
	return rc == 1 && b->phase == phase;
}

static void log_failure(const struct batch_row *b, const char *what, const struct openai_reply *r)
{
	log_warning("call failed call=%s batch=%lld outcome=%s code=%s request_id=%s error=\"%s\"",
		    what, (long long)b->id, outcome_names[r->outcome.outcome],
		    r->outcome.code ? r->outcome.code : "-", r->request_id[0] ? r->request_id : "-",
		    r->message);
}

/*
 * A step that may be tried again; a failure that concerns everything stops all sending. However
 * long the provider asks to wait, the latest starts of its jobs are kept.
 */
static void try_later(struct daemon *d, struct batch_row *b, const char *what,
		      const struct openai_reply *r)
{
	log_failure(b, what, r);
	if (r->outcome.scope == SCOPE_ALL)
		daemon_stop_sending(d, r->outcome.code, r->message);
	batch_row_backoff(b, daemon_now(d), r->outcome.wait_us, r->message);
	if (submit_store(d, b, NULL, NULL) == 0)
		daemon_advance(d, b->id);
}

static void on_uploaded(const struct openai_reply *r, void *ctx)
{
	struct daemon *d;
	struct batch_row b;
	const char *id;
	char path[4096];

	if (!reread(ctx, BATCH_UPLOADING, &d, &b))
		return;
	id = r->outcome.outcome == OUTCOME_DONE ? json_get_text(r->body, "id") : NULL;
	if (r->outcome.outcome == OUTCOME_NEVER && r->outcome.scope != SCOPE_ALL) {
		log_failure(&b, "upload", r);
		snprintf(b.last_error, sizeof(b.last_error), "%s", r->message);
		close_failed(d, &b, r->outcome.code ? r->outcome.code : "upload_refused",
			     r->outcome.scope);
		return;
	}
	if (!id || strlen(id) >= sizeof(b.input_file_id)) {
		/*
		 * Lost or refused: simply repeated, under a new name; files
		 * that nobody names are swept.
		 */
		batch_row_move(&b, BATCH_SEALED, daemon_now(d));
		try_later(d, &b, "upload", r);
		return;
	}
	batch_row_move(&b, BATCH_UPLOADED, daemon_now(d));
	snprintf(b.input_file_id, sizeof(b.input_file_id), "%s", id);
	if (submit_store(d, &b, NULL, NULL) == 0) {
		spool_path(d, b.id, "jsonl", path, sizeof(path));
		unlink(path);
		daemon_advance(d, b.id);
	}
}

void submit_built(struct daemon *d, int64_t batch_id, int64_t lines, int64_t bytes)
{
	struct batch_row b;
	struct err err;
	char path[4096], name[128];
	struct work *w;

	if (batch_row_read(d->db, batch_id, &b, &err) < 1)
		return;
	if (b.phase == BATCH_UPLOADING)
		batch_row_move(&b, BATCH_SEALED, daemon_now(d));
	if (lines == 0) {
		close_drop(d, &b);
		return;
	}
	batch_row_move(&b, BATCH_UPLOADING, daemon_now(d));
	b.uploads++;
	b.input_bytes = bytes;
	if (submit_store(d, &b, NULL, NULL) < 0)
		return;
	spool_path(d, b.id, "jsonl", path, sizeof(path));
	snprintf(name, sizeof(name), "lotscribe-%s-%s-%lld.jsonl", d->installation, b.key,
		 (long long)b.uploads);
	w = work_new(d, b.id);
	if (openai_upload(d->openai, path, name, work_send_until(w), on_uploaded, w, &err) < 0) {
		log_warning("upload not started batch=%lld error=\"%s\"", (long long)b.id,
			    err.text);
		work_free(w);
	}
}

/* Fill the row from the provider's batch object. False where the object cannot be ours. */
static bool adopt_object(struct daemon *d, struct batch_row *b, const struct json_object *object)
{
	struct remote_batch remote;

	if (remote_batch_read(object, &remote) < 0)
		return false;
	batch_row_move(b, BATCH_RUNNING, daemon_now(d));
	b->submitted_at = daemon_now(d);
	b->progress_at = b->submitted_at;
	batch_row_observe(b, &remote, daemon_now(d));
	return true;
}

static void create_refused(struct daemon *d, struct batch_row *b, const struct openai_reply *r)
{
	/* A file that the provider has not found yet, or no more, is uploaded anew. */
	const bool file_missing = r->http_status == 404 && r->outcome.scope != SCOPE_RECIPE;

	if (r->outcome.outcome == OUTCOME_NEVER && !file_missing && r->outcome.scope != SCOPE_ALL) {
		log_failure(b, "create", r);
		snprintf(b->last_error, sizeof(b->last_error), "%s", r->message);
		close_failed(d, b, r->outcome.code ? r->outcome.code : "create_refused",
			     r->outcome.scope);
		return;
	}
	batch_row_move(b, file_missing ? BATCH_SEALED : BATCH_UPLOADED, daemon_now(d));
	try_later(d, b, "create", r);
}

static void on_created(const struct openai_reply *r, void *ctx)
{
	struct daemon *d;
	struct batch_row b;

	if (!reread(ctx, BATCH_CREATING, &d, &b))
		return;
	switch (r->outcome.outcome) {
	case OUTCOME_DONE:
		if (adopt_object(d, &b, r->body)) {
			submit_store(d, &b, "submitted", b.remote_id);
			tell_jobs_of(d, b.id);
			return;
		}
		break;
	case OUTCOME_LATER:
	case OUTCOME_NEVER:
		create_refused(d, &b, r);
		return;
	case OUTCOME_UNKNOWN:
	case OUTCOME_COUNT:
		break;
	}
	log_failure(&b, "create", r);
	submit_doubt(d, &b);
}

void submit_create(struct daemon *d, struct batch_row *b)
{
	const int64_t now = clock_boot();
	const int64_t lease_ends =
		t_sub(d->lease.expires_boot, d->lease.length * LEASE_MARGIN_PERCENT / 100);
	const struct recipe *recipe;
	struct openai_create c = {.input_file_id = b->input_file_id,
				  .installation = d->installation,
				  .batch_key = b->key,
				  .deadline = t_min(t_add(now, CREATE_TIMEOUT), lease_ends)};
	struct work *w;
	struct err err;

	recipe = recipe_get(d->recipes, d->db, b->recipe_id, &err);
	if (!recipe || now >= lease_ends)
		return;
	c.recipe = recipe->hash;
	/* Should this process die now, no other has the lease before the call ends; it doubts. */
	batch_row_move(b, BATCH_CREATING, daemon_now(d));
	snprintf(b->base_url, sizeof(b->base_url), "%s", openai_base_url(d->openai));
	snprintf(b->key_fingerprint, sizeof(b->key_fingerprint), "%s", d->key_fingerprint);
	if (submit_store(d, b, NULL, NULL) < 0)
		return;
	w = work_new(d, b->id);
	if (openai_create_batch(d->openai, &c, on_created, w, &err) < 0) {
		log_warning("create not started batch=%lld error=\"%s\"", (long long)b->id,
			    err.text);
		work_free(w);
	}
}

void submit_doubt(struct daemon *d, struct batch_row *b)
{
	batch_row_move(b, BATCH_UNKNOWN, daemon_now(d));
	if (submit_store(d, b, "create_unknown", "the answer to the creation was lost") == 0)
		daemon_advance(d, b->id);
}

static void on_fenced(const struct openai_reply *r, void *ctx)
{
	struct daemon *d;
	struct batch_row b;

	if (!reread(ctx, BATCH_FENCING, &d, &b))
		return;
	if (r->outcome.outcome != OUTCOME_DONE && r->http_status != 404) {
		try_later(d, &b, "delete", r);
		return;
	}
	batch_row_move(&b, BATCH_FENCED, daemon_now(d));
	if (submit_store(d, &b, NULL, NULL) == 0)
		daemon_advance(d, b.id);
}

void submit_fence(struct daemon *d, struct batch_row *b)
{
	struct work *w;
	struct err err;

	if (b->phase == BATCH_UNKNOWN) {
		batch_row_move(b, BATCH_FENCING, daemon_now(d));
		if (submit_store(d, b, "fenced",
				 "not found: its input file is deleted, so that it cannot come") <
		    0)
			return;
	}
	w = work_new(d, b->id);
	if (openai_delete_file(d->openai, b->input_file_id, on_fenced, w, &err) < 0) {
		work_free(w);
		daemon_put_off(d, b->id, &err);
	}
}

void submit_anew(struct daemon *d, struct batch_row *b)
{
	batch_row_move(b, BATCH_SEALED, daemon_now(d));
	b->input_file_id[0] = '\0';
	if (submit_store(d, b, "anew", "proved never created: sent anew") == 0)
		daemon_advance(d, b->id);
}

static void on_cancelled(const struct openai_reply *r, void *ctx)
{
	struct daemon *d;
	struct batch_row b;
	struct remote_batch remote;

	if (!reread(ctx, BATCH_RUNNING, &d, &b))
		return;
	/* 409: it ended meanwhile. 404 is for the watcher to judge. */
	if (r->outcome.outcome != OUTCOME_DONE && r->outcome.outcome != OUTCOME_NEVER) {
		try_later(d, &b, "cancel", r);
		return;
	}
	if (r->body && remote_batch_read(r->body, &remote) == 0)
		batch_row_observe(&b, &remote, daemon_now(d));
	b.next_at = t_add(daemon_now(d), d->config->batch.poll_interval);
	if (submit_store(d, &b, NULL, NULL) == 0)
		daemon_advance(d, b.id);
}

void submit_cancel(struct daemon *d, struct batch_row *b)
{
	struct work *w;
	struct err err;

	if (!b->cancel_at) {
		/* The grace runs from the decision, whatever becomes of the call. */
		b->cancel_at = daemon_now(d);
		if (submit_store(d, b, "cancel", "to be cancelled at the provider") < 0)
			return;
	}
	w = work_new(d, b->id);
	if (openai_cancel_batch(d->openai, b->remote_id, on_cancelled, w, &err) < 0) {
		work_free(w);
		daemon_put_off(d, b->id, &err);
	}
}
