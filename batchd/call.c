/* SPDX-License-Identifier: ISC */
#include "batchd/call.h"

#include <stdlib.h>
#include <string.h>

#include "batchd/answered.h"
#include "batchd/ask.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/must.h"
#include "core/json_util.h"
#include "core/request_line.h"
#include "core/timemath.h"

struct call {
	struct daemon *d;
	struct call_order order;
	struct answered answer;
	bool is_answered, is_doubted;
	int64_t started_at, cut_at; /* boot clock */
};

int64_t call_job(const struct call *c)
{
	return c->order.job;
}

int64_t call_cut_at(const struct call *c)
{
	return c->is_answered ? T_NEVER : c->cut_at;
}

const struct result *call_result(const struct call *c)
{
	return &c->answer.result;
}

bool call_is(const struct call *c, int64_t item, unsigned attempt)
{
	return c->order.item == item && c->order.attempt == attempt;
}

bool call_is_doubted(const struct call *c)
{
	return c->is_doubted;
}

void call_free(struct call *c)
{
	answered_clear(&c->answer);
	free(c);
}

/* --- what came back --- */

static void set_answered(struct call *c, enum answered_how how)
{
	c->answer.how = how;
	answered_read(&c->answer);
	c->is_answered = true;
}

static bool has_no_room(const struct openai_reply *r)
{
	const struct json_object *error = json_get_object(r->body, "error");
	bool no_room;

	if (r->http_status == 0)
		return false;
	completion_refused(r->http_status, error != NULL, json_get_text(error, "code"),
			   json_get_text(error, "type"), json_get_text(error, "message"), &no_room);
	return no_room;
}

static enum answered_how how_of(const struct openai_reply *r)
{
	if (r->outcome.outcome == OUTCOME_DONE)
		return HOW_ANSWERED;
	if (r->outcome.outcome == OUTCOME_UNKNOWN && !has_no_room(r))
		return HOW_LOST;
	return r->http_status != 0 ? HOW_REFUSED : HOW_NOT_SENT;
}

static bool was_cut(const struct call *c, const struct openai_reply *r)
{
	return r->http_status == 0 && clock_boot() >= c->cut_at;
}

static enum call_end end_of(const struct call *c, const struct openai_reply *r)
{
	/* A call that was cut waited for room. */
	if (has_no_room(r) || was_cut(c, r))
		return CALL_NO_ROOM;
	return r->http_status == 0 || r->http_status >= 500 ? CALL_TROUBLED : CALL_ANSWERED;
}

static void copy_reply(struct answered *a, const struct openai_reply *r)
{
	a->http_status = r->http_status;
	memcpy(a->request_id, r->request_id, sizeof(a->request_id));
	if (r->text_n == 0)
		return;
	a->body = must(malloc(r->text_n));
	memcpy(a->body, r->text, r->text_n);
	a->body_n = r->text_n;
}

static void tell_ended(const struct call *c, const struct openai_reply *r)
{
	const struct call_order *o = &c->order;
	const struct call_news news = {
		.way = o->way,
		.end = end_of(c, r),
		.was_cut = was_cut(c, r),
		.is_measured = r->outcome.outcome == OUTCOME_DONE,
		.took_us = t_sub(clock_boot(), c->started_at),
		.wait_us = r->outcome.wait_us,
		.seed = (uint64_t)o->item * 31 + o->attempt,
		.number = o->number,
		.sent_at = c->started_at,
		.told = r->told,
		.tokens = c->answer.result.input_tokens + c->answer.result.output_tokens,
	};

	o->ended(c->d, &news);
}

static void on_done(const struct openai_reply *r, void *ctx)
{
	struct call *c = ctx;
	const struct result *res = &c->answer.result;
	const struct call_order *o = &c->order;

	copy_reply(&c->answer, r);
	set_answered(c, how_of(r));
	if (r->outcome.outcome != OUTCOME_DONE)
		log_warning("call failed call=complete item=%lld-%u tier=%s outcome=%s code=%s "
			    "request_id=%s error=\"%s\"",
			    (long long)o->item, o->attempt, way_names[o->way],
			    outcome_names[r->outcome.outcome], res->code ? res->code : "-",
			    r->request_id[0] ? r->request_id : "-", r->message);
	if (res->scope == SCOPE_ALL && r->outcome.outcome != OUTCOME_DONE)
		daemon_stop_sending(c->d, res->code, r->message);
	tell_ended(c, r);
}

bool call_store(struct call *c)
{
	struct err err;

	if (!c->is_answered)
		return false;
	if (answered_settle(c->d, &c->answer, &err) == 0)
		return true;
	log_warning("answer not stored item=%lld-%u error=\"%s\"", (long long)c->order.item,
		    c->order.attempt, err.text);
	return false;
}

bool call_keep(struct call *c)
{
	struct err err;

	if (!c->is_answered)
		return false;
	/* Of a doubted attempt it could be taken for that of another with its number. */
	if (c->is_doubted || answered_keep(c->d, &c->answer, &err) == 0)
		return true;
	log_warning("answer not kept item=%lld-%u error=\"%s\"", (long long)c->order.item,
		    c->order.attempt, err.text);
	return false;
}

/* --- sending --- */

static struct call *call_new(struct daemon *d, const struct call_order *order)
{
	struct call *c = must(calloc(1, sizeof(*c)));

	c->d = d;
	c->order = *order;
	c->order.mark = NULL;
	c->answer = (struct answered){.job = order->job,
				      .item = order->item,
				      .attempt = order->attempt,
				      .recipe = order->recipe};
	memcpy(c->answer.mark, order->mark, sizeof(c->answer.mark));
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
 * where there is a next one, so that this has its turn; else no deadline cuts it.
 */
static int64_t patience_of(const struct call *c)
{
	const struct config *config = c->d->config;
	const struct config_list *tiers = &config->fallback.tiers;
	const int64_t left = t_sub(c->order.deadline_at, daemon_now(c->d));

	if (c->order.way != WAY_FLEX)
		return config->fallback.request_timeout;
	if (tiers->n < 2 || strcmp(tiers->texts[tiers->n - 1], way_names[WAY_FLEX]) == 0)
		return config->fallback.flex_timeout;
	return t_max(t_min(config->fallback.flex_timeout, left / 2), T_S);
}

/* Nothing was sent: asked again, unless its request itself is at fault. */
static void not_sent(struct call *c, const struct err *err)
{
	const bool is_at_fault = err->class == ERR_BUG && err->detail == 0; /* not the server's */

	log_warning("call not started item=%lld-%u error=\"%s\"", (long long)c->order.item,
		    c->order.attempt, err->text);
	set_answered(c, is_at_fault ? HOW_UNSENDABLE : HOW_NOT_SENT);
}

struct call *call_start(struct daemon *d, const struct call_order *order)
{
	struct call *c = call_new(d, order);
	char custom_id[CUSTOM_ID_SIZE];
	struct strbuf body;
	struct err err;
	int rc;

	c->started_at = clock_boot();
	c->cut_at = t_add(c->started_at, patience_of(c));
	strbuf_init(&body, ASK_BYTES_MAX);
	rc = render(c, &body, custom_id, &err);
	if (rc == 0)
		rc = openai_complete(d->openai, body.data, custom_id, d->lease.expires_boot,
				     c->cut_at, on_done, c, &err);
	strbuf_clear(&body);
	if (rc < 0)
		not_sent(c, &err);
	return c;
}

struct call *call_unsent(struct daemon *d, const struct call_order *order, bool is_doubted)
{
	struct call *c = call_new(d, order);

	c->is_doubted = is_doubted;
	set_answered(c, HOW_NOT_SENT);
	return c;
}
