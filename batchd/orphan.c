/* SPDX-License-Identifier: ISC */
#include "batchd/orphan.h"

#include <stdio.h>
#include <string.h>

#include "batchd/late.h"
#include "batchd/planner.h"
#include "batchd/tell.h"
#include "batchd/watch.h"
#include "common/log.h"
#include "common/store.h"
#include "core/timemath.h"

/* Older ones that ended are of no interest (DESIGN, "Creating a batch once"). */
#define ORPHAN_AGE (48 * T_H)
/* A batch of ours may be lost two days after its expiry, and be back within two more. */
#define LATE_AGE (120 * T_H)

struct add {
	struct daemon *d;
	int64_t twin_of; /* or 0: adopted */
	int64_t recipe_id;
	const struct remote_batch *remote; /* of a twin */
	char remote_id[LIMIT_REMOTE_ID_BYTES], key[33];
	const char *model;
	int64_t now, id;
};

/* A row for a batch that runs at the provider. */
static int add_row(struct db *db, struct add *a, const char *remote_id, struct err *err)
{
	const struct db_val now = db_time(a->now);

	if (db_exec(db, STMT_BATCH_ADD_REMOTE,
		    DB_P(db_text(a->key), db_int(a->recipe_id),
			 a->twin_of ? db_int(a->twin_of) : db_null(), db_int(a->twin_of == 0),
			 db_text(a->model), db_text(remote_id), now, now, now, now, now,
			 db_text(openai_base_url(a->d->openai)), db_text(a->d->key_fingerprint)),
		    err) < 0)
		return -1;
	a->id = (int64_t)db_insert_id(db);
	return store_event(db, 0, a->id, a->now, a->twin_of ? "twin" : "adopted", -1, err, "%s",
			   remote_id);
}

/*
 * A row that waits to be created has been: its batch is there. 1 = it has it now,
 * 0 = it does not wait, -1.
 */
static int64_t attach_row(struct db *db, struct add *a, int64_t id, struct err *err)
{
	const struct db_val now = db_time(a->now);
	const int64_t n = db_exec(db, STMT_BATCH_ATTACH,
				  DB_P(db_text(a->remote_id), now, now, now, now,
				       db_text(openai_base_url(a->d->openai)),
				       db_text(a->d->key_fingerprint), db_int(id)),
				  err);

	if (n <= 0)
		return n;
	a->id = id;
	return store_event(db, 0, id, a->now, "found", -1, err, "%s has its key", a->remote_id) < 0
		       ? -1
		       : 1;
}

/* --- twins --- */

static int twin_tx(struct db *db, void *arg, struct err *err)
{
	struct add *a = arg;
	struct batch_row b;
	char younger[LIMIT_REMOTE_ID_BYTES];
	bool is_older;

	if (batch_row_read(db, a->twin_of, &b, err) < 1)
		return -1;
	/*
	 * The row of a batch that runs is the older one's; what was seen of the other is forgotten.
	 */
	is_older = b.phase == BATCH_RUNNING && a->remote->created_at &&
		   a->remote->created_at < t_sub(b.submitted_at, T_S);
	if (!is_older) {
		if (add_row(db, a, a->remote_id, err) < 0 || batch_row_read(db, a->id, &b, err) < 1)
			return -1;
		batch_row_observe(&b, a->remote, a->now);
		return batch_row_store(db, &b, err);
	}
	memcpy(younger, b.remote_id, sizeof(younger));
	memcpy(b.remote_id, a->remote_id, sizeof(b.remote_id));
	b.input_file_id[0] = b.output_file_id[0] = b.error_file_id[0] = b.remote_status[0] = '\0';
	b.remote = REMOTE_UNKNOWN;
	b.cancel_at = b.ended_at = b.missing_since = 0;
	batch_row_observe(&b, a->remote, t_max(a->now, b.observed_at));
	b.next_at = a->now;
	if (batch_row_store(db, &b, err) < 0)
		return -1;
	return add_row(db, a, younger, err);
}

/*
 * Two batches with one key: the younger is cancelled, since nobody waits for a twin
 * (core/policy.h), and both are harvested; what the second answers again is recorded as
 * duplicates: paid and wasted.
 */
static void twin(struct daemon *d, int64_t row_id, const struct remote_batch *r)
{
	struct add a = {.d = d, .twin_of = row_id, .now = daemon_now(d), .remote = r};
	struct batch_row b;
	struct err err;

	if (work_find(d, row_id) || batch_row_read(d->db, row_id, &b, &err) < 1)
		return; /* the next pass sees it again */
	a.recipe_id = b.recipe_id;
	a.model = b.model;
	snprintf(a.remote_id, sizeof(a.remote_id), "%s", r->id);
	planner_random_key(a.key);
	if (daemon_tx(d, twin_tx, &a, &err) < 0) {
		log_warning("twin not stored batch=%lld remote=%s error=\"%s\"", (long long)row_id,
			    r->id, err.text);
		return;
	}
	log_err("two batches with one key batch=%lld twin=%lld remote=%s", (long long)row_id,
		(long long)a.id, r->id);
	watch_want(d->watch);
}

/* --- batches without a row --- */

struct attach {
	struct add add;
	int64_t row_id;
};

static int attach_tx(struct db *db, void *arg, struct err *err)
{
	struct attach *t = arg;

	return attach_row(db, &t->add, t->row_id, err) < 0 ? -1 : 0;
}

/* The database is older than the batch: its row has not been submitted yet, and must not be. */
static void attach(struct daemon *d, int64_t row_id, const struct remote_batch *r)
{
	struct attach t = {.add = {.d = d, .now = daemon_now(d)}, .row_id = row_id};
	struct err err;

	if (work_find(d, row_id))
		return;
	snprintf(t.add.remote_id, sizeof(t.add.remote_id), "%s", r->id);
	if (daemon_tx(d, attach_tx, &t, &err) < 0)
		log_warning("batch not found error=\"%s\"", err.text);
	else if (t.add.id)
		log_err("batch was created already batch=%lld remote=%s", (long long)row_id, r->id);
	watch_want(d->watch);
}

static void note(struct daemon *d, const struct remote_batch *r)
{
	struct db_rows *rows;
	struct err err;
	bool is_news;

	if (db_query(d->db, STMT_ORPHAN_SEEN, DB_P(db_text(r->id)), &rows, &err) < 0)
		return; /* the next pass sees it again */
	is_news = !db_next(rows);
	db_rows_free(&rows);
	if (db_exec(d->db, STMT_ORPHAN_ADD,
		    DB_P(db_text(r->id), db_text(r->batch_key), db_text(r->recipe ? r->recipe : ""),
			 db_text(r->status_text ? r->status_text : ""), db_time(daemon_now(d))),
		    &err) < 0)
		log_warning("orphan not stored error=\"%s\"", err.text);
	else if (is_news)
		log_err("unknown batch of ours remote=%s key=%s status=%s: nothing of its recipe is sent until "
			"`batchctl adopt %s`",
			r->id, r->batch_key, r->status_text ? r->status_text : "-", r->id);
	if (is_news)
		tell_all(d);
}

/* Not among those that were watched when the pass began: closed, as a rule. */
static void known_seen(struct daemon *d, int64_t row_id, const struct remote_batch *r)
{
	struct batch_row b;
	struct err err;

	if (!work_find(d, row_id) && batch_row_read(d->db, row_id, &b, &err) > 0)
		late_seen(d, &b, r);
}

void orphan_seen(struct daemon *d, const struct remote_batch *r)
{
	const bool has_ended = remote_status_is_final(r->status);
	struct db_rows *rows;
	struct err err;
	int64_t row_id = 0, known_id = 0;
	int phase = 0;
	bool has_remote = false;

	if (d->is_foreign || (has_ended && r->created_at < t_sub(daemon_now(d), LATE_AGE)))
		return;
	if (strlen(r->batch_key) != 32 ||
	    db_query(d->db, STMT_BATCH_BY_REMOTE, DB_P(db_text(r->id), db_text(r->batch_key)),
		     &rows, &err) < 0)
		return;
	while (db_next(rows)) {
		row_id = db_get_int(rows, 0);
		has_remote = !db_is_null(rows, 1);
		if (has_remote && strcmp(db_get_text(rows, 1, NULL), r->id) == 0)
			known_id = row_id;
		phase = name_find(batch_phase_names, BATCH_PHASE_COUNT, db_get_text(rows, 2, NULL));
	}
	db_rows_free(&rows);
	if (known_id)
		known_seen(d, known_id, r);
	else if (has_ended && r->created_at < t_sub(daemon_now(d), ORPHAN_AGE))
		return;
	else if (has_remote)
		twin(d, row_id, r);
	else if (!row_id || phase == BATCH_FILLING || phase == BATCH_CLOSED)
		note(d, r);
	else if (phase < BATCH_CREATING)
		attach(d, row_id, r);
}

static int adopt_tx(struct db *db, void *arg, struct err *err)
{
	struct add *a = arg;
	struct db_rows *r;
	int64_t row_id = 0, n = 0;
	bool known = false;

	if (db_query(db, STMT_BATCH_BY_REMOTE, DB_P(db_text(a->remote_id), db_text(a->key)), &r,
		     err) < 0)
		return -1;
	while (db_next(r)) {
		row_id = db_get_int(r, 0);
		known |= !db_is_null(r, 1) && strcmp(db_get_text(r, 1, NULL), a->remote_id) == 0;
	}
	db_rows_free(&r);
	if (row_id) { /* it may wait to be created, or have been given up */
		n = known ? 1 : attach_row(db, a, row_id, err);
		planner_random_key(a->key);
	}
	if (n < 0 || (n == 0 && add_row(db, a, a->remote_id, err) < 0))
		return -1;
	return db_exec(db, STMT_ORPHAN_ADOPTED, DB_P(db_time(a->now), db_text(a->remote_id)), err) <
			       0
		       ? -1
		       : 0;
}

static void adopt(struct daemon *d, const char *remote_id, const char *key, int64_t recipe_id)
{
	struct add a = {.d = d, .recipe_id = recipe_id, .now = daemon_now(d)};
	const struct recipe *recipe;
	struct err err;

	recipe = recipe_get(d->recipes, d->db, recipe_id, &err);
	if (!recipe) {
		log_warning("orphan not adopted remote=%s error=\"%s\"", remote_id, err.text);
		return;
	}
	a.model = recipe->model;
	snprintf(a.remote_id, sizeof(a.remote_id), "%s", remote_id);
	snprintf(a.key, sizeof(a.key), "%s", key);
	if (daemon_tx(d, adopt_tx, &a, &err) < 0) {
		log_warning("orphan not adopted remote=%s error=\"%s\"", remote_id, err.text);
		return;
	}
	tell_all(d);
	log_notice("orphan adopted remote=%s batch=%lld", remote_id, (long long)a.id);
	watch_want(d->watch);
}

void orphan_adopt_asked(struct daemon *d)
{
	struct db_rows *r;
	struct err err;

	if (db_query(d->db, STMT_ORPHANS_ASKED, DB_NONE, &r, &err) < 0) {
		log_warning("orphans not read error=\"%s\"", err.text);
		return;
	}
	while (db_next(r))
		adopt(d, db_get_text(r, 0, NULL), db_get_text(r, 1, NULL), db_get_int(r, 2));
	db_rows_free(&r);
}

int orphan_tell(struct telling *t, struct err *err)
{
	struct db_rows *r;

	if (t->job.n_ready == 0)
		return 0;
	if (db_query(t->db, STMT_TELL_ORPHAN, DB_P(db_int(t->job.job)), &r, err) < 0)
		return -1;
	if (db_next(r) && !db_is_null(r, 0)) {
		tell_add_warning(
			t, "unknown_batch",
			"the provider has a batch that is not known here; nothing that it may "
			"hold is asked for again until an operator has looked at it",
			db_get_time(r, 0));
		tell_add_hold(t, "operator", db_get_time(r, 0), NULL, T_NEVER);
	}
	db_rows_free(&r);
	return 0;
}

int orphan_holds(struct daemon *d, const char *recipe_hash, bool *holds, struct err *err)
{
	struct db_rows *r;

	if (db_query(d->db, STMT_ORPHAN_HOLDS, DB_P(db_text(recipe_hash)), &r, err) < 0)
		return -1;
	*holds = db_next(r) && db_get_int(r, 0) > 0;
	db_rows_free(&r);
	return 0;
}
