/* SPDX-License-Identifier: ISC */
#include "batchd/watch.h"

#include <json-c/json_object.h>
#include <stdlib.h>
#include <string.h>

#include "batchd/late.h"
#include "batchd/orphan.h"
#include "batchd/stop.h"
#include "batchd/submit.h"
#include "batchd/tell.h"
#include "batchd/watched.h"
#include "common/log.h"
#include "common/must.h"
#include "core/json_util.h"
#include "core/timemath.h"

/* A batch may show in the list with a creation time by the provider's clock. */
#define CLOCK_SLACK (10 * T_MIN)
/*
 * Of the pass after a start: batches run 24 hours, and ended ones are of interest for 48 (DESIGN).
 */
#define RECONCILE_DEPTH (96 * T_H)
#define RETRY_AFTER     (5 * T_S)
#define WRONG_PROJECT   "wrong_project"
/* So long a closed batch of which something was never heard is looked for, ever more rarely. */
#define UNHEARD_AGE (48 * T_H)

struct watch {
	bool reconciled, wanted, active;
	int64_t started_at, looked_at, next_at;
	int64_t oldest_at;  /* pages are read back to this */
	int64_t unheard_at; /* when closed batches are looked for again */
	int64_t slow_at;    /* and those that were cancelled, and that nothing waits for */
	struct watched_list list;
	size_t pages;
	char after[LIMIT_REMOTE_ID_BYTES]; /* asked for with the page in hand; empty: the first */
	/* some batch with our mark, ever since the reset: the key sees our project */
	bool saw_ours;
	unsigned singles; /* single reads of the first pass that are under way */
	unsigned pass;    /* number of the pass: answers of an earlier one are ignored */
};

struct page_call {
	struct daemon *d;
	unsigned pass;
};

struct watch *watch_new(void)
{
	return must(calloc(1, sizeof(struct watch)));
}

static void forget(struct watch *w)
{
	watched_clear(&w->list);
	w->active = false;
}

void watch_free(struct watch **w)
{
	if (*w) {
		forget(*w);
		free(*w);
		*w = NULL;
	}
}

void watch_reset(struct watch *w)
{
	forget(w);
	w->reconciled = w->saw_ours = false;
	w->singles = 0;
	w->pass++;
	w->wanted = true;
	w->looked_at = w->next_at = w->unheard_at = w->slow_at = 0;
}

bool watch_is_reconciled(const struct watch *w)
{
	return w->reconciled && w->singles == 0;
}

/* Until the key sees one of ours, another key or the operator's word. */
static void stop_wrong_project(struct daemon *d)
{
	daemon_stop_sending(d, WRONG_PROJECT, "the key sees none of our batches");
}

static void saw_ours(struct daemon *d)
{
	d->watch->saw_ours = true;
	stop_end(d, WRONG_PROJECT, "the key sees our batches");
}

bool watch_doubts_project(struct daemon *d, const struct batch_row *b)
{
	const bool is_same = strcmp(b->key_fingerprint, d->key_fingerprint) == 0 &&
			     strcmp(b->base_url, openai_base_url(d->openai)) == 0;

	if (d->trusts_key || d->watch->saw_ours || !b->key_fingerprint[0] || is_same)
		return false;
	stop_wrong_project(d);
	return true;
}

int64_t watch_looked_at(const struct watch *w)
{
	return w->looked_at;
}

void watch_want(struct watch *w)
{
	w->wanted = true;
}

void watch_heed_node(struct daemon *d)
{
	if (db_generation(d->db) == d->db_generation)
		return;
	d->db_generation = db_generation(d->db);
	watch_reset(d->watch);
}

/* Ever more rarely: at a tenth of the time since the newest of them (0: none) was closed, or cancelled. */
static int64_t next_look(const struct daemon *d, int64_t newest_at)
{
	const int64_t now = d->watch->started_at;
	const int64_t age = newest_at ? t_sub(now, newest_at) : 0;

	return t_add(now, t_max(d->config->batch.poll_interval, age / 10));
}

/* Those that are looked for more rarely too, where it is time. */
static int read_watched(struct daemon *d, struct watch *w, struct err *err)
{
	const int64_t grace = batch_policy(d->config, INT64_MAX).cancel_grace;
	const bool is_time = w->started_at >= w->unheard_at;
	const struct watched_ask ask = {
		.slow = w->started_at >= w->slow_at,
		.quick_since = t_sub(w->started_at, grace),
		.closed_since = is_time ? t_sub(w->started_at, UNHEARD_AGE) : 0,
	};

	if (watched_read(&w->list, d->db, &ask, err) < 0)
		return -1;
	if (is_time)
		w->unheard_at = next_look(d, w->list.closed_at);
	if (ask.slow)
		w->slow_at = next_look(d, w->list.slow_at);
	w->oldest_at = t_sub(w->list.n ? t_min(w->list.oldest_at, w->started_at) : w->started_at,
			     CLOCK_SLACK);
	if (!w->reconciled)
		w->oldest_at = t_min(w->oldest_at, t_sub(w->started_at, RECONCILE_DEPTH));
	return 0;
}

/* Store what was seen and act on it. */
static void observe(struct daemon *d, int64_t id, const struct remote_batch *r, int64_t at)
{
	struct batch_row b;
	struct err err;
	const bool in_call = work_find(d, id) != NULL;
	enum batch_phase before;
	bool changed;

	if (in_call || batch_row_read(d->db, id, &b, &err) < 1)
		return; /* a reply is on its way and knows better */
	before = b.phase;
	if (b.phase == BATCH_CLOSED) {
		late_seen(d, &b, r);
		return;
	}
	if (b.phase == BATCH_CREATING || b.phase == BATCH_UNKNOWN || b.phase == BATCH_FENCING ||
	    b.phase == BATCH_FENCED) {
		if (b.phase == BATCH_CREATING)
			batch_row_move(&b, BATCH_UNKNOWN, daemon_now(d));
		batch_row_move(&b, BATCH_RUNNING, daemon_now(d));
		b.submitted_at = r->created_at ? r->created_at : at;
		b.progress_at = daemon_now(d);
	} else if (b.phase != BATCH_RUNNING) {
		return;
	}
	changed = batch_row_observe(&b, r, at);
	if (!changed && before == BATCH_RUNNING)
		return;
	b.next_at = daemon_now(d);
	if (submit_store(d, &b, before == BATCH_RUNNING ? NULL : "found",
			 "found in the provider's list after a lost answer") < 0)
		return;
	tell_jobs_of(d, id);
	daemon_advance(d, id);
}

static void on_single(const struct openai_reply *r, void *ctx)
{
	struct work *w = ctx;
	struct daemon *d = w->d;
	const int64_t id = w->batch_id;
	const bool is_first =
		*(const unsigned *)w->state == d->watch->pass && d->watch->singles > 0;
	struct remote_batch remote;
	struct batch_row b;
	struct err err;

	work_free(w);
	if (is_first) {
		d->watch->singles--;
		if (r->outcome.outcome != OUTCOME_DONE && r->http_status != 404)
			d->watch->reconciled = false; /* by the next pass */
	}
	if (r->outcome.outcome == OUTCOME_DONE && remote_batch_read(r->body, &remote) == 0) {
		saw_ours(d);
		observe(d, id, &remote, daemon_now(d));
		return;
	}
	stop_heed_read(d, r);
	if (r->http_status != 404 || batch_row_read(d->db, id, &b, &err) < 1 ||
	    b.phase != BATCH_RUNNING)
		return;
	if (watch_doubts_project(d, &b))
		return; /* nothing counts as lost */
	if (!b.missing_since) {
		b.missing_since = daemon_now(d);
		log_warning("batch missing batch=%lld remote=%s", (long long)id, b.remote_id);
		if (submit_store(d, &b, "missing", "the provider does not know it at the moment") ==
		    0)
			tell_jobs_of(d, id);
	}
	daemon_advance(d, id);
}

/* What the list lacks. Those of the first pass come before any submission too. */
static void read_single(struct daemon *d, const struct watched *b, bool is_first)
{
	struct work *w;
	struct err err;

	if (work_find(d, b->id))
		return;
	w = work_new(d, b->id);
	w->state = must(malloc(sizeof(unsigned)));
	w->state_free = free;
	*(unsigned *)w->state = d->watch->pass;
	if (openai_get_batch(d->openai, b->name, on_single, w, &err) < 0)
		work_free(w);
	else if (is_first)
		d->watch->singles++;
}

/*
 * Batches that another key may have made and that no single read can find: this
 * key must see some of ours.
 */
static void check_project(struct daemon *d)
{
	struct db_rows *r;
	struct err err;

	if (d->trusts_key || d->watch->saw_ours)
		return;
	if (db_query(d->db, STMT_BATCH_OF_OTHER_KEY,
		     DB_P(db_text(d->key_fingerprint), db_text(openai_base_url(d->openai))), &r,
		     &err) < 0) {
		log_warning("batches not read error=\"%s\"", err.text);
		d->watch->reconciled = false; /* by the next pass */
		return;
	}
	if (db_next(r))
		stop_wrong_project(d);
	db_rows_free(&r);
}

static void end_pass(struct daemon *d)
{
	struct watch *w = d->watch;
	const bool is_first = !w->reconciled;

	w->active = false;
	w->looked_at = w->started_at;
	w->next_at = t_add(w->started_at, d->config->batch.poll_interval);
	if (is_first)
		log_info("reconciled batches=%zu pages=%zu", w->list.n, w->pages);
	w->reconciled = true;
	if (is_first)
		check_project(d);
	for (size_t i = 0; i < w->list.n; i++) {
		const struct watched *b = &w->list.items[i];

		if (b->seen || b->is_closed)
			continue;
		if (b->has_remote_id)
			read_single(d, b, is_first);
		else
			daemon_advance(d, b->id);
	}
}

static void next_page(struct daemon *d, const char *after);

static void pass_failed(struct daemon *d, const struct openai_reply *r)
{
	struct watch *w = d->watch;

	log_warning("call failed call=list code=%s error=\"%s\"",
		    r->outcome.code ? r->outcome.code : "-",
		    r->outcome.outcome == OUTCOME_DONE ? "the answer is no list" : r->message);
	if (r->outcome.scope == SCOPE_ALL)
		daemon_stop_sending(d, r->outcome.code, r->message);
	w->active = false;
	w->unheard_at = w->slow_at = 0;
	w->next_at =
		t_add(daemon_now(d), t_max(r->outcome.wait_us,
					   t_min(RETRY_AFTER, d->config->batch.poll_interval)));
}

/*
 * Look at one page. 1 and the id of its last batch where another page is wanted, 0 at
 * the end of the pass, -1 where it is no page: an answer that is not understood must not
 * pass for "there is no batch".
 */
static int read_page(struct daemon *d, const struct json_object *body, const char **after)
{
	struct watch *w = d->watch;
	struct json_object *data = json_get_array(body, "data");
	const size_t n = data ? json_object_array_length(data) : 0;
	struct remote_batch r = {0};
	bool more = false, deep = true;

	if (!data)
		return -1;
	for (size_t i = 0; i < n; i++) {
		struct watched *b;

		if (remote_batch_read(json_object_array_get_idx(data, i), &r) < 0)
			continue;
		deep = !r.created_at || r.created_at >= w->oldest_at;
		if (!r.installation || !r.batch_key || strcmp(r.installation, d->installation) != 0)
			continue; /* never touched */
		saw_ours(d);
		b = watched_find(&w->list, &r);
		if (b)
			b->seen = true;
		if (!b)
			orphan_seen(d, &r);
		else if (!watched_is_unchanged(b, &r))
			observe(d, b->id, &r, w->started_at);
		daemon_breathe(d);
	}
	json_get_bool(body, "has_more", &more);
	if (!more || !deep || (n > 0 && w->reconciled && watched_all_seen(&w->list)))
		return 0;
	/*
	 * As the official clients page: by the last element's id, not by last_id. The
	 * same once more leads nowhere.
	 */
	if (!r.id || strcmp(r.id, w->after) == 0)
		return -1;
	*after = r.id;
	return 1;
}

static void on_page(const struct openai_reply *r, void *ctx)
{
	struct page_call *call = ctx;
	struct daemon *d = call->d;
	const bool is_old = call->pass != d->watch->pass;
	const char *after = NULL;
	int rc;

	free(call);
	if (is_old || !d->watch->active || !lease_held(&d->lease))
		return;
	if (r->outcome.outcome != OUTCOME_DONE) {
		pass_failed(d, r);
		return;
	}
	d->watch->pages++;
	rc = read_page(d, r->body, &after);
	if (!d->watch->active)
		return;
	if (rc < 0) {
		pass_failed(d, r);
		return;
	}
	stop_listed(d);
	if (rc > 0)
		next_page(d, after);
	else
		end_pass(d);
}

static void next_page(struct daemon *d, const char *after)
{
	struct page_call *call = must(calloc(1, sizeof(*call)));
	struct err err;

	snprintf(d->watch->after, sizeof(d->watch->after), "%s", after ? after : "");
	call->d = d;
	call->pass = d->watch->pass;
	if (openai_list_batches(d->openai, after, on_page, call, &err) < 0) {
		log_warning("list not started error=\"%s\"", err.text);
		d->watch->active = false;
		free(call);
	}
}

void watch_tick(struct daemon *d)
{
	struct watch *w = d->watch;
	const int64_t now = daemon_now(d);
	const int64_t wanted_at = t_add(w->looked_at, t_min(T_S, d->config->batch.poll_interval));
	struct err err;

	if (w->active || d->stopping ||
	    now < (w->wanted ? t_min(w->next_at, wanted_at) : w->next_at))
		return;
	w->started_at = now;
	if (read_watched(d, w, &err) < 0) {
		log_warning("batches not read error=\"%s\"", err.text);
		return;
	}
	if (w->list.n == 0 && w->reconciled && !stop_is_for(d->stop, WRONG_PROJECT) &&
	    !stop_wants_list(d)) { /* nothing to watch */
		w->next_at = t_add(now, d->config->batch.poll_interval);
		return;
	}
	w->wanted = false;
	w->active = true;
	w->pages = 0;
	w->pass++;
	next_page(d, NULL);
}
