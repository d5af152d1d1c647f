/* SPDX-License-Identifier: ISC */
#include "batchd/answered.h"

#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "batchd/hold.h"
#include "batchd/settle.h"
#include "common/log.h"
#include "common/must.h"
#include "core/json_util.h"

static const char *const how_names[HOW_COUNT] = {
	[HOW_ANSWERED] = "answered",     [HOW_REFUSED] = "refused", [HOW_NOT_SENT] = "not_sent",
	[HOW_UNSENDABLE] = "unsendable", [HOW_LOST] = "lost",
};

void answered_clear(struct answered *a)
{
	result_clear(&a->result);
	free(a->body);
	a->body = NULL;
}

/* --- reading --- */

static void set_result(struct answered *a, enum result_kind kind, enum outcome outcome,
		       const char *code)
{
	a->result.kind = kind;
	a->result.outcome = outcome;
	a->result.code = code;
}

static void read_body(struct answered *a)
{
	struct result *res = &a->result;

	result_body_read(a->body, a->body_n, a->recipe ? a->recipe->schema_tree : NULL, res);
	/* Perhaps paid for, and not to be read: as good as lost. */
	if ((res->kind != RESULT_ANSWER && res->kind != RESULT_FAILURE) || res->is_cost_untold)
		a->how = HOW_LOST;
	if (!res->request_id[0])
		memcpy(res->request_id, a->request_id, sizeof(res->request_id));
}

static void read_refusal(struct answered *a)
{
	struct json_object *body = NULL;
	const struct json_object *error;
	struct line_outcome o;
	bool no_room;

	if (a->body_n > 0 && json_parse(a->body, a->body_n, &json_rules_provider, &body, NULL) < 0)
		body = NULL;
	error = json_get_object(body, "error");
	o = completion_refused(a->http_status, error != NULL, json_get_text(error, "code"),
			       json_get_text(error, "type"), json_get_text(error, "message"),
			       &no_room);
	a->result.scope = o.scope;
	set_result(a, o.is_void ? RESULT_VOID : RESULT_FAILURE, o.outcome, o.code);
	json_object_put(body);
}

void answered_read(struct answered *a)
{
	result_clear(&a->result);
	memset(&a->result, 0, sizeof(a->result));
	switch (a->how) {
	case HOW_ANSWERED:
		read_body(a);
		break;
	case HOW_REFUSED:
		read_refusal(a);
		break;
	case HOW_NOT_SENT:
		set_result(a, RESULT_VOID, OUTCOME_LATER, "not_sent");
		break;
	case HOW_UNSENDABLE:
		set_result(a, RESULT_FAILURE, OUTCOME_NEVER, "unsendable");
		break;
	case HOW_LOST:
	case HOW_COUNT:
		break;
	}
	if (a->how == HOW_LOST)
		set_result(a, RESULT_FAILURE, OUTCOME_LATER, "call_lost");
	a->result.item = (uint64_t)a->item;
	a->result.attempt = a->attempt;
	memcpy(a->result.mark, a->mark, sizeof(a->result.mark));
}

/* --- with the lease --- */

struct settling {
	struct daemon *d;
	struct answered *a;
};

/* A lost answer is asked for once more, and not again. */
static int heed_lost(struct db *db, struct answered *a, struct err *err)
{
	struct db_rows *r;

	if (db_query(db, STMT_CALL_WAS_LOST, DB_P(db_int(a->item), db_int(a->attempt)), &r, err) <
	    0)
		return -1;
	a->result.outcome = db_next(r) ? OUTCOME_NEVER : OUTCOME_LATER;
	db_rows_free(&r);
	return 0;
}

/*
 * The job is locked first: a COMMIT of its attempt that is still being carried out, its answer
 * lost, is waited for.
 */
static int settle_run(struct settle_run *r, struct db *db, struct answered *a, struct err *err)
{
	struct found *f;

	if (a->job != 0 && tally_lock(r->tally, db, a->job, NULL, err) < 0)
		return -1;
	if (found_read_call(&r->found, db, a->item, a->attempt, err) < 0 ||
	    (a->how == HOW_LOST && heed_lost(db, a, err) < 0))
		return -1;
	f = settle_find(r, &a->result);
	if (f && (settle_result(r, f, &a->result, err) < 0 || settle_write(r, db, err) < 0))
		return -1;
	if (!a->is_kept)
		return 0;
	return db_exec(db, STMT_CALL_KEPT_REMOVE, DB_P(db_int(a->item), db_int(a->attempt)), err) <
			       0
		       ? -1
		       : 0;
}

static int settle_tx(struct db *db, void *arg, struct err *err)
{
	const struct settling *s = arg;
	struct settle_run r;
	int rc;

	settle_begin(&r, s->d, 1);
	if (s->a->recipe)
		r.model = config_model_find(s->d->config, s->a->recipe->model);
	rc = settle_run(&r, db, s->a, err);
	settle_end(&r);
	return rc;
}

/* What it says of its recipe. */
static void heed_recipe(struct daemon *d, const struct answered *a, bool is_spared)
{
	if (is_spared)
		hold_doubt(d, a->recipe->id, a->result.code);
	else if (a->recipe && a->result.kind == RESULT_ANSWER)
		hold_answered(d, a->recipe->id, false);
}

int answered_settle(struct daemon *d, struct answered *a, struct err *err)
{
	struct settling s = {.d = d, .a = a};
	const bool is_spared = a->recipe && hold_spare(d, a->recipe->id, &a->result);

	if (daemon_tx(d, settle_tx, &s, err) == 0) {
		heed_recipe(d, a, is_spared);
		return 0;
	}
	if (!db_err_is_refusal(err) || !lease_held(&d->lease) || a->result.kind != RESULT_ANSWER)
		return -1;
	/* It is the item's failure, for good: asking again would buy the same. */
	log_err("answer not storable item=%lld-%u error=\"%s\"", (long long)a->item, a->attempt,
		err->text);
	set_result(a, RESULT_FAILURE, OUTCOME_NEVER, "unstorable");
	return daemon_tx(d, settle_tx, &s, err);
}

/* --- without it --- */

static int insert(struct db *db, const struct answered *a, enum answered_how how, size_t body_n,
		  struct err *err)
{
	return db_exec(db, STMT_CALL_KEEP,
		       DB_P(db_int(a->item), db_int(a->attempt), db_text(a->mark),
			    db_text(how_names[how]), db_int(a->http_status), db_text(a->request_id),
			    db_bytes(a->body ? a->body : "", body_n)),
		       err) < 0
		       ? -1
		       : 0;
}

int answered_keep(struct daemon *d, const struct answered *a, struct err *err)
{
	/* What was too much for the database is at least known to have come. */
	if (insert(d->db, a, a->how, a->body ? a->body_n : 0, err) == 0 ||
	    db_err_is_duplicate(err) ||
	    (db_err_is_refusal(err) && insert(d->db, a, HOW_LOST, 0, err) == 0)) {
		log_notice("answer kept for the active batchd item=%lld-%u how=%s",
			   (long long)a->item, a->attempt, how_names[a->how]);
		return 0;
	}
	return -1;
}

static int read_kept(struct daemon *d, const struct db_rows *r, struct answered *a, struct err *err)
{
	const int how = name_find(how_names, HOW_COUNT, db_get_text(r, 3, NULL));
	const char *body = db_get_text(r, 6, &a->body_n);

	a->item = db_get_int(r, 0);
	a->attempt = (unsigned)db_get_int(r, 1);
	strncpy(a->mark, db_get_text(r, 2, NULL), sizeof(a->mark) - 1);
	a->how = how < 0 ? HOW_LOST : (enum answered_how)how;
	a->http_status = (int)db_get_int(r, 4);
	strncpy(a->request_id, db_get_text(r, 5, NULL), sizeof(a->request_id) - 1);
	a->job = db_get_int(r, 7);
	a->is_kept = true;
	a->body = must(malloc(a->body_n + 1));
	memcpy(a->body, body, a->body_n + 1);
	if (a->job == 0)
		return 0; /* nothing knows it any more: removed */
	a->recipe = recipe_get(d->recipes, d->db, db_get_int(r, 8), err);
	return a->recipe ? 0 : -1;
}

static bool settle_row(struct daemon *d, const struct db_rows *r)
{
	struct answered a = {0};
	struct err err;
	int rc = read_kept(d, r, &a, &err);

	if (rc == 0) {
		answered_read(&a);
		rc = answered_settle(d, &a, &err);
	}
	if (rc < 0)
		log_warning("kept answer not settled item=%lld-%u error=\"%s\"", (long long)a.item,
			    a.attempt, err.text);
	answered_clear(&a);
	return rc == 0;
}

/* Where a page of rows ended. */
struct kept_place {
	int64_t item, attempt;
};

/* One page from *at on, which moves. How many rows it had, or -1. */
static int settle_page(struct daemon *d, struct kept_place *at, bool *any)
{
	struct db_rows *r;
	struct err err;
	int n;

	if (db_query(d->db, STMT_CALLS_KEPT,
		     DB_P(db_int(at->item), db_int(at->item), db_int(at->attempt)), &r, &err) < 0) {
		log_warning("kept answers not read error=\"%s\"", err.text);
		return -1;
	}
	n = (int)db_rows_count(r);
	while (lease_held(&d->lease) && db_next(r)) {
		*at = (struct kept_place){db_get_int(r, 0), db_get_int(r, 1)};
		*any |= settle_row(d, r);
		daemon_breathe(d);
	}
	db_rows_free(&r);
	return n;
}

bool answered_settle_kept(struct daemon *d)
{
	struct kept_place at = {0, 0};
	bool any = false;

	while (lease_held(&d->lease) && settle_page(d, &at, &any) > 0)
		;
	return any;
}

/* 0; 1: refused, -1. */
static int book_row(struct daemon *d, const struct db_rows *r, struct err *err)
{
	struct answered a = {.item = db_get_int(r, 0),
			     .attempt = (unsigned)db_get_int(r, 1),
			     .job = db_get_int(r, 3),
			     .how = HOW_LOST};
	int rc;

	uuid_mark(db_get_text(r, 2, NULL), a.mark);
	answered_read(&a);
	log_warning("call lost item=%lld-%u", (long long)a.item, a.attempt);
	rc = answered_settle(d, &a, err);
	answered_clear(&a);
	if (rc == 0 || !db_err_is_refusal(err))
		return rc;
	log_warning("lost call not booked item=%lld-%u error=\"%s\"", (long long)a.item, a.attempt,
		    err->text);
	return 1;
}

int answered_book_lost(struct daemon *d, answered_is_ours_fn *is_ours, struct err *err)
{
	struct db_rows *r;
	int rc = 0, refused = 0;

	if (db_query(d->db, STMT_CALLS_OPEN, DB_NONE, &r, err) < 0)
		return -1;
	while (rc >= 0 && db_next(r)) {
		if (is_ours(d, db_get_int(r, 0), (unsigned)db_get_int(r, 1)))
			continue;
		rc = book_row(d, r, err);
		refused |= rc > 0;
	}
	db_rows_free(&r);
	return rc < 0 ? -1 : refused;
}
