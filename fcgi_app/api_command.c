/* SPDX-License-Identifier: ISC */
/*
 * POST /api/v1/jobs/{id}/cancel, finish, retry, languages, and DELETE /api/v1/jobs/{id}. The job's
 * row says at once what was asked (common/store_command.c), and so does the answer. Each may be
 * sent again: what is so already is left as it is.
 */
#include <stdlib.h>

#include "common/log.h"
#include "common/store.h"
#include "core/order.h"
#include "fcgi_app/api.h"
#include "fcgi_app/body.h"
#include "fcgi_app/cache.h"
#include "fcgi_app/job.h"

/* 50 languages and a deadline are 2 KiB. */
#define BODY_BYTES 16384

static const enum order_change change_of[COMMAND_COUNT] = {
	[COMMAND_CANCEL] = ORDER_CHANGE_NOTHING, [COMMAND_FINISH] = ORDER_CHANGE_NOTHING,
	[COMMAND_RETRY] = ORDER_CHANGE_DEADLINE, [COMMAND_LANGUAGES] = ORDER_CHANGE_LANGUAGES,
	[COMMAND_DELETE] = ORDER_CHANGE_NOTHING,
};

static int parse(struct call *c, const struct strbuf *body, enum command kind, struct order *order)
{
	struct order_faults *faults = calloc(1, sizeof(*faults));
	int rc;

	if (!faults)
		abort();
	rc = order_parse_change(body->data, body->len, change_of[kind], order, faults);
	if (rc < 0)
		body_refuse(c, faults);
	free(faults);
	return rc;
}

/* The body, which may be absent. 0 and *order, or -1 and the answer is prepared. */
static int read_order(struct call *c, enum command kind, struct order *order)
{
	struct strbuf body;
	int rc = -1;

	strbuf_init(&body, BODY_BYTES);
	if (body_read(c, &body) == 0) {
		if (body.len > 0 && !http_is_json(http_variable(&c->request, "CONTENT_TYPE")))
			call_problem(c, PROBLEM_MEDIA_TYPE, "the body is application/json");
		else
			rc = parse(c, &body, kind, order);
	}
	strbuf_clear(&body);
	return rc;
}

static void refuse_languages(struct call *c, const char *why)
{
	const struct problem_fault fault = {.pointer = "/languages", .detail = why};

	call_problem_faults(c, PROBLEM_INVALID, "the body is not valid", &fault, 1);
}

/* 0 where it was taken, or -1 and the answer is prepared. */
static int tell_result(struct call *c, enum command_result result)
{
	switch (result) {
	case COMMAND_TAKEN:
	case COMMAND_NOTHING:
		return 0;
	case COMMAND_NO_JOB:
		call_problem(c, PROBLEM_NOT_FOUND, "there is no such job");
		break;
	case COMMAND_RUNNING:
		call_problem(c, PROBLEM_JOB_RUNNING, "the job has not ended; cancel it first");
		break;
	case COMMAND_IMAGES_EXPIRED:
		call_problem(c, PROBLEM_IMAGES_EXPIRED,
			     "photographs of lots that lack a description have been removed");
		break;
	case COMMAND_TOO_MANY_LANGUAGES:
		refuse_languages(c, "are more than a job can have");
		break;
	case COMMAND_TOO_MANY_ITEMS:
		refuse_languages(c, "make more texts than a job may have");
		break;
	case COMMAND_RESULT_COUNT:
		break;
	}
	return -1;
}

/* 0 where it was taken, or -1 and the answer is prepared. */
static int carry_out(struct call *c, struct job_command *command)
{
	enum command_result result = COMMAND_TAKEN;
	struct job job;
	struct err err;
	/* What is overdue ends before it is told what to do. */
	int rc = job_load_anew(c, &job);

	command->job_id = job.id;
	job_clear(&job);
	if (rc < 0)
		return -1;
	command->by = c->caller.role == ROLE_ADMIN ? "the operator" : "the client";
	if (store_command(c->database->db, command, &result, &err) < 0) {
		call_fail(c, &err);
		return -1;
	}
	log_info("command job=%s kind=%s account=%lld result=%d", c->job_id,
		 command_names[command->kind], (long long)c->caller.account_id, (int)result);
	return tell_result(c, result);
}

static void answer(struct call *c)
{
	struct http_response *a = &c->response;
	struct job job;

	if (job_load_anew(c, &job) == 0) {
		a->status = 202;
		http_add_header(a, "Location", "%s/api/v1/jobs/%s", c->app->link_base, c->job_id);
		job_add_retry_after(c, &job);
		job_render(c, &job, &a->body);
	}
	job_clear(&job);
}

/* Nothing about it is given from memory any more. */
static void answer_removed(struct call *c)
{
	uint8_t uuid[16];

	job_uuid(c, uuid);
	cache_outdate(c->app->cache, uuid, INT64_MAX);
	c->response.status = 204;
}

static void serve(struct call *c, enum command kind)
{
	const char *tags[LIMIT_LANGUAGES];
	struct job_command command = {
		.kind = kind,
		.tags = tags,
		.max_items = c->app->config->job.max_items,
	};
	struct order order;
	int64_t now;
	int rc = 0;

	if (read_order(c, kind, &order) < 0)
		return;
	call_progress(c); /* the body took the client's time */
	command.has_deadline = order.deadline != ORDER_DEADLINE_NONE;
	command.n_tags = order.language_count;
	for (size_t i = 0; i < order.language_count; i++)
		tags[i] = order.languages[i];
	if (change_of[kind] != ORDER_CHANGE_NOTHING)
		rc = body_deadline(c, &order, &now, &command.deadline_at);
	if (rc == 0)
		rc = carry_out(c, &command);
	order_clear(&order);
	if (rc == 0 && kind == COMMAND_DELETE)
		answer_removed(c);
	else if (rc == 0)
		answer(c);
}

void api_cancel(struct call *c)
{
	serve(c, COMMAND_CANCEL);
}

void api_finish(struct call *c)
{
	serve(c, COMMAND_FINISH);
}

void api_retry(struct call *c)
{
	serve(c, COMMAND_RETRY);
}

void api_languages(struct call *c)
{
	serve(c, COMMAND_LANGUAGES);
}

void api_delete(struct call *c)
{
	serve(c, COMMAND_DELETE);
}
