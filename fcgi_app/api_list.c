/* SPDX-License-Identifier: ISC */
/*
 * GET /api/v1/jobs: the account's jobs, an operator's all, newest first, by key pages: `after` is
 * the last job seen. A page shows jobs as polls would: what is overdue is closed first (I1). With
 * ?status= the pages are of jobs that are so, or overdue: as what is closed may end otherwise, a
 * page can have fewer jobs than its limit.
 */
#include <inttypes.h>
#include <string.h>

#include "core/json_scan.h"
#include "core/model.h"
#include "core/status.h"
#include "core/timemath.h"
#include "core/uuid.h"
#include "fcgi_app/api.h"
#include "fcgi_app/cache.h"
#include "fcgi_app/job.h"
#include "fcgi_app/query.h"

#define USUAL_JOBS 20
#define MOST_JOBS  100
#define NEXT_BYTES 16384

enum { PUBLIC_ID, STATUS_JSON, ROW_VERSION, IS_OVERDUE }; /* columns */

struct wish { /* the query */
	const char *status, *after;
	int64_t limit;
	bool has_limit;
};

static int read_parameter(struct call *c, const char *name, const char *value, struct wish *w)
{
	if (strcmp(name, "status") == 0) {
		if (name_find(job_status_names, JOB_STATUS_COUNT, value) < 0)
			return query_refuse(c, name,
					    "is queued, describing, translating, completed, failed "
					    "or cancelled");
		w->status = value;
	} else if (strcmp(name, "limit") == 0) {
		if (query_number(value, 1, MOST_JOBS, &w->limit) < 0)
			return query_refuse(c, name, "is a number from 1 to 100");
		w->has_limit = true;
	} else if (strcmp(name, "after") == 0) {
		w->after = value;
	} else {
		return query_refuse(c, name, "is not known here");
	}
	return 0;
}

static int read_wish(struct call *c, struct wish *w)
{
	const struct target *t = &c->target;

	*w = (struct wish){.limit = USUAL_JOBS};
	for (size_t i = 0; i < t->parameter_count; i++)
		if (read_parameter(c, t->parameters[i].name, t->parameters[i].value, w) < 0)
			return -1;
	return 0;
}

/* The row number that the page begins below. A job that was removed since it was seen will do. */
static int find_cursor(struct call *c, const struct wish *w, int64_t *below)
{
	struct db_rows *rows;
	bool known;

	*below = INT64_MAX;
	if (!w->after)
		return 0;
	if (!uuid_is_valid(w->after, strlen(w->after)))
		return query_refuse(c, "after", "is the job_id of the last job seen");
	if (call_query(c, STMT_FRONT_LIST_CURSOR, DB_P(db_text(w->after)), &rows) < 0)
		return -1;
	known = db_next(rows) &&
		(c->caller.role == ROLE_ADMIN || db_get_int(rows, 1) == c->caller.account_id);
	if (known)
		*below = db_get_int(rows, 0);
	db_rows_free(&rows);
	return known ? 0 : query_refuse(c, "after", "is no job of yours");
}

/* One row more than wanted tells whether there is a further page. */
static int find_jobs(struct call *c, const struct wish *w, int64_t below, struct db_rows **rows)
{
	const struct db_val account = db_int(c->caller.account_id);
	const struct db_val status = db_text(w->status);
	const struct db_val grace = db_int(t_mul(c->app->config->daemon.tick, JOB_OVERDUE_TICKS));
	const struct db_val id = db_int(below);
	const struct db_val n = db_int(w->limit + 1);

	if (c->caller.role == ROLE_ADMIN && w->status)
		return call_query(c, STMT_FRONT_LIST_ALL_STATUS,
				  DB_P(grace, status, id, n, grace, id, n, n), rows);
	if (c->caller.role == ROLE_ADMIN)
		return call_query(c, STMT_FRONT_LIST_ALL, DB_P(grace, id, n), rows);
	if (w->status)
		return call_query(c, STMT_FRONT_LIST_STATUS,
				  DB_P(grace, account, status, id, n, account, grace, id, n, n),
				  rows);
	return call_query(c, STMT_FRONT_LIST, DB_P(grace, account, id, n), rows);
}

/* Is this the status that a status object, which lacks its end, tells? */
static bool tells_status(const char *json, size_t n, const char *status)
{
	const struct json_span object = {.p = json, .n = n};
	struct json_member m;

	return json_find(object, "status", &m) &&
	       json_string_equals(m.value, status, strlen(status));
}

/* Append a job to those of the page. */
static void render_job(const struct call *c, const struct wish *w, const char *public_id,
		       const char *json, size_t n, struct strbuf *jobs)
{
	if (w->status && !tells_status(json, n, w->status))
		return;
	if (jobs->len > 0)
		strbuf_addc(jobs, ',');
	strbuf_add(jobs, json, n);
	status_render_links(public_id, c->app->link_base, jobs);
}

/* As the first read after its deadline. -1 and the 503 is prepared. */
static int render_overdue(struct call *c, const struct wish *w, const char *public_id,
			  struct strbuf *jobs)
{
	struct job job;
	int rc;

	memcpy(c->job_id, public_id, UUID_TEXT_SIZE);
	rc = job_load_anew(c, &job);
	if (rc == 0) {
		render_job(c, w, public_id, job.status_json, job.status_json_n, jobs);
	} else if (c->response.status == problem_status(PROBLEM_NOT_FOUND)) {
		http_response_reset(&c->response); /* it was removed meanwhile */
		rc = 0;
	}
	job_clear(&job);
	c->job_id[0] = '\0';
	call_progress(c);
	return rc;
}

static int render_jobs(struct call *c, const struct wish *w, struct db_rows *rows,
		       struct strbuf *jobs, char last[UUID_TEXT_SIZE])
{
	for (int64_t i = 0; i < w->limit && db_next(rows); i++) {
		const char *public_id = db_get_text(rows, PUBLIC_ID, NULL);
		size_t n;
		const char *json = db_get_text(rows, STATUS_JSON, &n);
		uint8_t uuid[16];

		memcpy(last, public_id, UUID_TEXT_SIZE);
		uuid_bytes(public_id, uuid);
		cache_outdate(c->app->cache, uuid, db_get_int(rows, ROW_VERSION));
		if (db_get_int(rows, IS_OVERDUE) == 0)
			render_job(c, w, public_id, json, n, jobs);
		else if (render_overdue(c, w, public_id, jobs) < 0)
			return -1;
	}
	return 0;
}

/* The address of the page behind the job `last`: in the body, and as a link (RFC 8288). */
static void render_next(struct call *c, const struct wish *w, const char *last)
{
	struct http_response *a = &c->response;
	struct strbuf next;

	strbuf_init(&next, NEXT_BYTES);
	strbuf_adds(&next, c->app->link_base);
	strbuf_addf(&next, "/api/v1/jobs?after=%s", last);
	if (w->has_limit)
		strbuf_addf(&next, "&limit=%" PRId64, w->limit);
	if (w->status)
		strbuf_addf(&next, "&status=%s", w->status);
	strbuf_adds_json(&a->body, next.data);
	http_add_header(a, "Link", "<%s>; rel=\"next\"", next.data);
	strbuf_clear(&next);
}

static void answer(struct call *c, const struct wish *w, struct db_rows *rows)
{
	struct http_response *a = &c->response;
	char last[UUID_TEXT_SIZE];
	struct strbuf jobs;

	strbuf_init(&jobs, a->body.limit);
	if (render_jobs(c, w, rows, &jobs, last) == 0) {
		a->status = 200;
		strbuf_adds(&a->body, "{\"jobs\":[");
		strbuf_add(&a->body, jobs.data, jobs.len);
		strbuf_adds(&a->body, "],\"next\":");
		if (db_rows_count(rows) > (size_t)w->limit)
			render_next(c, w, last);
		else
			strbuf_adds(&a->body, "null");
		strbuf_addc(&a->body, '}');
	}
	strbuf_clear(&jobs);
}

void api_list(struct call *c)
{
	struct db_rows *rows;
	struct wish wish;
	int64_t below;

	if (read_wish(c, &wish) < 0 || find_cursor(c, &wish, &below) < 0 ||
	    find_jobs(c, &wish, below, &rows) < 0)
		return;
	answer(c, &wish, rows);
	db_rows_free(&rows);
}
