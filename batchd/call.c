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
	bool answered;
};

int64_t call_job(const struct call *c)
{
	return c->order.job;
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
static void set_lost(struct call *c)
{
	struct db_rows *r;
	struct err err;
	bool before = true;

	if (db_query(c->d->db, STMT_CALL_WAS_LOST, DB_P(db_int(c->order.item)), &r, &err) == 0) {
		before = db_next(r);
		db_rows_free(&r);
	}
	set_result(c, RESULT_FAILURE, before ? OUTCOME_NEVER : OUTCOME_LATER, "call_lost");
}

static void read_answer(struct call *c, const struct openai_reply *r)
{
	struct result *res = &c->line.result;

	result_body_read(r->text, r->text_n, c->order.recipe->schema_tree, res);
	if (res->kind != RESULT_ANSWER && res->kind != RESULT_FAILURE)
		set_result(c, RESULT_FAILURE, OUTCOME_LATER, "unreadable_answer");
	if (!res->request_id[0])
		memcpy(res->request_id, r->request_id, sizeof(res->request_id));
}

static void read_refusal(struct call *c, const struct openai_reply *r)
{
	const struct json_object *error = json_get_object(r->body, "error");
	const struct line_outcome o =
		line_classify(r->http_status, json_get_text(error, "code"),
			      json_get_text(error, "type"), json_get_text(error, "message"));

	c->line.result.scope = o.scope;
	if (r->http_status == 429 || o.scope == SCOPE_ALL) /* it never ran */
		set_result(c, RESULT_VOID, OUTCOME_LATER, o.code);
	else
		set_result(c, RESULT_FAILURE, o.outcome, o.code);
}

static enum call_end end_of(const struct openai_reply *r)
{
	if (r->http_status == 429 || r->http_status == 503)
		return CALL_NO_ROOM;
	return r->http_status == 0 || r->http_status >= 500 ? CALL_TROUBLED : CALL_ANSWERED;
}

static void on_done(const struct openai_reply *r, void *ctx)
{
	struct call *c = ctx;
	struct daemon *d = c->d;
	struct result *res = &c->line.result;
	const struct call_order order = c->order;

	if (r->outcome.outcome == OUTCOME_DONE)
		read_answer(c, r);
	else if (r->outcome.outcome == OUTCOME_UNKNOWN)
		set_lost(c);
	else if (r->http_status != 0)
		read_refusal(c, r);
	else
		set_result(c, RESULT_VOID, OUTCOME_LATER, "not_sent");
	res->item = (uint64_t)order.item;
	res->attempt = order.attempt;
	memcpy(res->mark, c->mark, sizeof(res->mark));
	c->answered = true;
	if (r->outcome.outcome != OUTCOME_DONE)
		log_warning("call failed call=complete item=%lld-%u tier=%s outcome=%s code=%s "
			    "request_id=%s error=\"%s\"",
			    (long long)order.item, order.attempt, way_names[order.way],
			    outcome_names[r->outcome.outcome], res->code ? res->code : "-",
			    r->request_id[0] ? r->request_id : "-", r->message);
	if (res->scope == SCOPE_ALL && r->outcome.outcome != OUTCOME_DONE)
		daemon_stop_sending(d, res->code, r->message);
	order.ended(d, order.way, end_of(r), r->outcome.wait_us,
		    (uint64_t)order.item * 31 + order.attempt);
}

bool call_store(struct call *c)
{
	struct err err;

	if (!c->answered)
		return false;
	if (apply_chunk(&c->chunk, &err) == 0)
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
		rc = err_set(err, ERR_BUG, 0, "its rows are gone");
	if (rc == 0 && c->order.recipe->task == TASK_DESCRIBE)
		rc = ask_images_read(images, d->db, STMT_CALL_IMAGES, DB_P(db_int(c->order.item)),
				     err);
	if (rc == 0)
		rc = ask_fill(d->db, c->order.recipe, r, images, &q, custom_id, err);
	if (rc == 0) {
		uuid_mark(db_get_text(r, 6, NULL), c->mark);
		request_body_render(&q, way_names[c->order.way], out);
		if (strbuf_failed(out))
			rc = err_set(err, ERR_BUG, 0, "its request does not fit");
	}
	ask_images_free(&images);
	db_rows_free(&r);
	return rc;
}

struct call *call_start(struct daemon *d, const struct call_order *order)
{
	const struct config *config = d->config;
	const int64_t patience = order->way == WAY_FLEX ? config->fallback.flex_timeout
							: config->fallback.request_timeout;
	struct call *c = call_new(d, order);
	char custom_id[CUSTOM_ID_SIZE];
	struct strbuf body;
	struct err err;
	int rc;

	strbuf_init(&body, ASK_BYTES_MAX);
	rc = render(c, &body, custom_id, &err);
	if (rc == 0)
		rc = openai_complete(d->openai, body.data, custom_id, t_add(clock_boot(), patience),
				     on_done, c, &err);
	strbuf_clear(&body);
	if (rc == 0)
		return c;
	log_warning("call not started item=%lld-%u error=\"%s\"", (long long)order->item,
		    order->attempt, err.text);
	call_free(c);
	return NULL;
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

		c->answered = true;
		set_result(c, RESULT_FAILURE, db_get_int(r, 4) ? OUTCOME_NEVER : OUTCOME_LATER,
			   "call_lost");
		c->line.result.item = (uint64_t)order.item;
		c->line.result.attempt = order.attempt;
		uuid_mark(db_get_text(r, 3, NULL), c->line.result.mark);
		log_warning("call lost item=%lld-%u", (long long)order.item, order.attempt);
		rc = apply_chunk(&c->chunk, err);
		call_free(c);
	}
	db_rows_free(&r);
	return rc;
}
