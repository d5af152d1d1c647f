/* SPDX-License-Identifier: ISC */
#include "batchd/call.h"

#include <stdlib.h>
#include <string.h>

#include "batchd/apply.h"
#include "batchd/ask.h"
#include "common/clock.h"
#include "common/log.h"
#include "core/json_util.h"
#include "core/request_line.h"
#include "core/timemath.h"
#include "core/uuid.h"

struct call {
	struct daemon *d;
	struct call_order order;
	char mark[UUID_MARK_SIZE];
	struct chunk chunk;
	struct apply_line line; /* of the chunk, once answered */
	bool answered, is_lost;
	int64_t cut_at; /* boot clock */
};

int64_t call_job(const struct call *c)
{
	return c->order.job;
}

int64_t call_cut_at(const struct call *c)
{
	return c->answered ? T_NEVER : c->cut_at;
}

void call_free(struct call *c)
{
	if (c->answered)
		result_clear(&c->line.result);
	free(c);
}

/* --- what came back --- */

static void set_result(struct call *c, enum result_kind kind, enum outcome outcome,
		       const char *code)
{
	struct result *r = &c->line.result;

	r->kind = kind;
	r->outcome = outcome;
	r->code = code;
}

/* The answer is lost: it may have been paid for. Asked once more, and not again. */
static int settle_lost(struct call *c, struct err *err)
{
	struct db_rows *r;

	if (db_query(c->d->db, STMT_CALL_WAS_LOST, DB_P(db_int(c->order.item)), &r, err) < 0)
		return -1;
	set_result(c, RESULT_FAILURE, db_next(r) ? OUTCOME_NEVER : OUTCOME_LATER, "call_lost");
	db_rows_free(&r);
	return 0;
}

static void read_answer(struct call *c, const struct openai_reply *r)
{
	struct result *res = &c->line.result;

	result_body_read(r->text, r->text_n, c->order.recipe->schema_tree, res);
	/* Paid for, and not to be read: as good as lost. */
	c->is_lost = res->kind != RESULT_ANSWER && res->kind != RESULT_FAILURE;
	if (!res->request_id[0])
		memcpy(res->request_id, r->request_id, sizeof(res->request_id));
}

/* A 503 of the provider itself bears its error object; that of a proxy says nothing. */
static bool has_no_room(const struct openai_reply *r)
{
	return r->http_status == 429 ||
	       (r->http_status == 503 && json_get_object(r->body, "error") != NULL);
}

static void read_refusal(struct call *c, const struct openai_reply *r)
{
	const struct json_object *error = json_get_object(r->body, "error");
	const struct line_outcome o =
		line_classify(r->http_status, json_get_text(error, "code"),
			      json_get_text(error, "type"), json_get_text(error, "message"));

	c->line.result.scope = o.scope;
	if (has_no_room(r) || o.is_void || o.scope == SCOPE_ALL) /* it never ran */
		set_result(c, RESULT_VOID, OUTCOME_LATER, o.code);
	else
		set_result(c, RESULT_FAILURE, o.outcome, o.code);
}

static enum call_end end_of(const struct call *c, const struct openai_reply *r)
{
	/* A call that was cut waited for room. */
	if (has_no_room(r) || (r->http_status == 0 && clock_boot() >= c->cut_at))
		return CALL_NO_ROOM;
	return r->http_status == 0 || r->http_status >= 500 ? CALL_TROUBLED : CALL_ANSWERED;
}

static void set_answered(struct call *c)
{
	struct result *r = &c->line.result;

	r->item = (uint64_t)c->order.item;
	r->attempt = c->order.attempt;
	memcpy(r->mark, c->mark, sizeof(r->mark));
	c->answered = true;
}

static void on_done(const struct openai_reply *r, void *ctx)
{
	struct call *c = ctx;
	const struct result *res = &c->line.result;
	const struct call_order *o = &c->order;

	if (r->outcome.outcome == OUTCOME_DONE)
		read_answer(c, r);
	else if (r->outcome.outcome == OUTCOME_UNKNOWN && !has_no_room(r))
		c->is_lost = true;
	else if (r->http_status != 0)
		read_refusal(c, r);
	else
		set_result(c, RESULT_VOID, OUTCOME_LATER, "not_sent");
	set_answered(c);
	if (r->outcome.outcome != OUTCOME_DONE)
		log_warning("call failed call=complete item=%lld-%u tier=%s outcome=%s code=%s "
			    "request_id=%s error=\"%s\"",
			    (long long)o->item, o->attempt, way_names[o->way],
			    outcome_names[r->outcome.outcome], res->code ? res->code : "-",
			    r->request_id[0] ? r->request_id : "-", r->message);
	if (res->scope == SCOPE_ALL && r->outcome.outcome != OUTCOME_DONE)
		daemon_stop_sending(c->d, res->code, r->message);
	o->ended(c->d, o->way, end_of(c, r), r->outcome.wait_us,
		 (uint64_t)o->item * 31 + o->attempt);
}

static int store(struct call *c, struct err *err)
{
	if (c->is_lost && settle_lost(c, err) < 0)
		return -1;
	return apply_chunk(&c->chunk, err);
}

bool call_store(struct call *c)
{
	struct err err;

	if (!c->answered)
		return false;
	if (store(c, &err) == 0)
		return true;
	log_warning("answer not stored item=%lld-%u error=\"%s\"", (long long)c->order.item,
		    c->order.attempt, err.text);
	return false;
}

/* --- sending --- */

static struct call *call_new(struct daemon *d, const struct call_order *order)
{
	struct call *c = calloc(1, sizeof(*c));

	if (!c)
		abort();
	c->d = d;
	c->order = *order;
	c->chunk = (struct chunk){.d = d,
				  .way = order->way,
				  .model = order->recipe ? order->recipe->model : "",
				  .lines = &c->line,
				  .n = 1};
	return c;
}

/* The request's body; 0 or -1. */
static int render(struct call *c, struct strbuf *out, char custom_id[CUSTOM_ID_SIZE],
		  struct err *err)
{
	struct daemon *d = c->d;
	struct ask_images *images = ask_images_new();
	struct request q;
	struct db_rows *r = NULL;
	int rc = db_query(d->db, STMT_CALL_ITEM,
			  DB_P(db_int(c->order.item), db_int(c->order.attempt)), &r, err);

	if (rc == 0 && !db_next(r))
		rc = err_set(err, ERR_LATER, 0, "its rows are gone");
	if (rc == 0)
		uuid_mark(db_get_text(r, 6, NULL), c->mark);
	if (rc == 0 && c->order.recipe->task == TASK_DESCRIBE)
		rc = ask_images_read(images, d->db, STMT_CALL_IMAGES, DB_P(db_int(c->order.item)),
				     err);
	if (rc == 0)
		rc = ask_fill(d->db, c->order.recipe, r, images, &q, custom_id, err);
	if (rc == 0) {
		request_body_render(&q, way_names[c->order.way], out);
		if (strbuf_failed(out))
			rc = err_set(err, ERR_BUG, 0, "its request does not fit");
	}
	ask_images_free(&images);
	db_rows_free(&r);
	return rc;
}

/*
 * How long it may take. Of what is left to the job a tier that waits for room takes half at most,
 * so that the next one has its turn.
 */
static int64_t patience_of(const struct call *c)
{
	const struct config *config = c->d->config;
	const int64_t left = t_sub(c->order.deadline_at, daemon_now(c->d));

	if (c->order.way != WAY_FLEX)
		return config->fallback.request_timeout;
	return t_max(t_min(config->fallback.flex_timeout, left / 2), T_S);
}

/* Nothing was sent: asked again, unless its request itself is at fault. */
static struct call *not_sent(struct call *c, const struct err *err)
{
	log_warning("call not started item=%lld-%u error=\"%s\"", (long long)c->order.item,
		    c->order.attempt, err->text);
	if (!c->mark[0]) {
		call_free(c);
		return NULL;
	}
	if (err->class == ERR_BUG)
		set_result(c, RESULT_FAILURE, OUTCOME_NEVER, "unsendable");
	else
		set_result(c, RESULT_VOID, OUTCOME_LATER, "not_sent");
	set_answered(c);
	return c;
}

struct call *call_start(struct daemon *d, const struct call_order *order)
{
	struct call *c = call_new(d, order);
	char custom_id[CUSTOM_ID_SIZE];
	struct strbuf body;
	struct err err;
	int rc;

	c->cut_at = t_add(clock_boot(), patience_of(c));
	strbuf_init(&body, ASK_BYTES_MAX);
	rc = render(c, &body, custom_id, &err);
	if (rc == 0)
		rc = openai_complete(d->openai, body.data, custom_id, d->lease.expires_boot,
				     c->cut_at, on_done, c, &err);
	strbuf_clear(&body);
	return rc == 0 ? c : not_sent(c, &err);
}

/* --- an earlier life's --- */

int call_recover(struct daemon *d, struct err *err)
{
	struct db_rows *r;
	int rc = 0;

	if (db_query(d->db, STMT_CALLS_OPEN, DB_NONE, &r, err) < 0)
		return -1;
	while (rc == 0 && db_next(r)) {
		const struct call_order order = {.way = (enum way)name_find(way_names, WAY_COUNT,
									    db_get_text(r, 2,
											NULL)),
						 .item = db_get_int(r, 0),
						 .attempt = (unsigned)db_get_int(r, 1)};
		struct call *c = call_new(d, &order);

		c->is_lost = true;
		uuid_mark(db_get_text(r, 3, NULL), c->mark);
		set_answered(c);
		log_warning("call lost item=%lld-%u", (long long)order.item, order.attempt);
		rc = store(c, err);
		call_free(c);
	}
	db_rows_free(&r);
	return rc;
}
