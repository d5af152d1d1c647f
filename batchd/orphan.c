/* SPDX-License-Identifier: ISC */
#include "batchd/orphan.h"

#include <stdio.h>
#include <string.h>

#include "batchd/planner.h"
#include "common/log.h"
#include "common/store.h"
#include "core/timemath.h"

/* Older ones that ended are of no interest (DESIGN, "Creating a batch once"). */
#define ORPHAN_AGE (48 * T_H)

struct add {
	struct daemon *d;
	int64_t twin_of;		/* or 0: adopted */
	int64_t recipe_id;
	char remote_id[LIMIT_REMOTE_ID_BYTES], key[33];
	const char *model;
	int64_t now, id;
};

static int add_tx(struct db *db, void *arg, struct err *err)
{
	struct add *a = arg;

	if (db_exec(db, STMT_BATCH_ADD_REMOTE,
		    DB_P(db_text(a->key), db_int(a->recipe_id), a->twin_of ? db_int(a->twin_of) : db_null(),
			 db_int(a->twin_of == 0), db_text(a->model), db_text(a->remote_id), db_time(a->now),
			 db_time(a->now), db_time(a->now), db_time(a->now), db_time(a->now)),
		    err) < 0)
		return -1;
	a->id = (int64_t)db_insert_id(db);
	return store_event(db, 0, a->id, a->now, a->twin_of ? "twin" : "adopted", -1, err, "%s", a->remote_id);
}

static int swap_tx(struct db *db, void *arg, struct err *err)
{
	struct add *a = arg;
	struct batch_row b;
	char other[LIMIT_REMOTE_ID_BYTES];

	if (batch_row_read(db, a->twin_of, &b, err) < 1)
		return -1;
	memcpy(other, a->remote_id, sizeof(other));
	memcpy(a->remote_id, b.remote_id, sizeof(other));
	memcpy(b.remote_id, other, sizeof(other));
	if (batch_row_store(db, &b, err) < 0)
		return -1;
	return add_tx(db, a, err);
}

/*
 * Two batches with one key: the younger is cancelled, since nobody waits for a twin (core/policy.h), and both are
 * harvested; what the second answers again is recorded as duplicates: paid and wasted.
 */
static void twin(struct daemon *d, int64_t row_id, const struct remote_batch *r)
{
	struct add a = {.d = d, .twin_of = row_id, .now = daemon_now(d)};
	struct batch_row b;
	struct err err;
	bool is_older;

	if (batch_row_read(d->db, row_id, &b, &err) < 1 || b.phase != BATCH_RUNNING)
		return;
	is_older = r->created_at > 0 && r->created_at < t_sub(b.submitted_at, T_S);
	a.recipe_id = b.recipe_id;
	a.model = b.model;
	snprintf(a.remote_id, sizeof(a.remote_id), "%s", r->id);
	planner_random_key(a.key);
	if (daemon_tx(d, is_older ? swap_tx : add_tx, &a, &err) < 0) {
		log_warning("twin not stored batch=%lld remote=%s error=\"%s\"", (long long)row_id, r->id, err.text);
		return;
	}
	log_err("two batches with one key batch=%lld twin=%lld remote=%s", (long long)row_id, (long long)a.id, r->id);
	daemon_advance(d, a.id);
}

static void note(struct daemon *d, const struct remote_batch *r)
{
	struct err err;

	log_err("unknown batch of ours remote=%s key=%s status=%s: adopt it with `batchctl adopt %s`", r->id,
		r->batch_key, r->status_text ? r->status_text : "-", r->id);
	if (db_exec(d->db, STMT_ORPHAN_ADD,
		    DB_P(db_text(r->id), db_text(r->batch_key), db_text(r->recipe ? r->recipe : ""),
			 db_text(r->status_text ? r->status_text : ""), db_time(daemon_now(d))),
		    &err) < 0)
		log_warning("orphan not stored error=\"%s\"", err.text);
}

void orphan_seen(struct daemon *d, const struct remote_batch *r)
{
	struct db_rows *rows;
	struct err err;
	int64_t row_id = 0;
	bool known = false;

	if (remote_status_is_final(r->status) && r->created_at < t_sub(daemon_now(d), ORPHAN_AGE))
		return;
	if (strlen(r->batch_key) != 32
	    || db_query(d->db, STMT_BATCH_BY_REMOTE, DB_P(db_text(r->id), db_text(r->batch_key)), &rows, &err) < 0)
		return;
	while (db_next(rows)) {
		row_id = db_get_int(rows, 0);
		known |= db_is_null(rows, 1) || strcmp(db_get_text(rows, 1, NULL), r->id) == 0;
	}
	db_rows_free(&rows);
	if (known)
		return;
	if (row_id)
		twin(d, row_id, r);
	else
		note(d, r);
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
	if (daemon_tx(d, add_tx, &a, &err) < 0
	    || db_exec(d->db, STMT_ORPHAN_ADOPTED, DB_P(db_time(a.now), db_text(remote_id)), &err) < 0) {
		log_warning("orphan not adopted remote=%s error=\"%s\"", remote_id, err.text);
		return;
	}
	log_notice("orphan adopted remote=%s batch=%lld", remote_id, (long long)a.id);
	daemon_advance(d, a.id);
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
