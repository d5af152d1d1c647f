/* SPDX-License-Identifier: ISC */
/* job: see job.h. */
#include "fcgi_app/job.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/store.h"
#include "core/limits.h"
#include "core/status.h"
#include "core/timemath.h"
#include "core/uuid.h"
#include "fcgi_app/auth.h"
#include "fcgi_app/follower.h"

#define CLOCKS_APART_US (60 * T_S)
/* A database that refused a write is not asked again with every poll. */
#define UNWRITABLE_PAUSE_US   (2 * T_S)
#define LONGEST_RETRY_AFTER_S 30

/*
 * A read that a newer known version outruns is done again; more often only where
 * a replica lags far behind.
 */
#define MOST_READS 3

void job_uuid(const struct call *c, uint8_t out[16])
{
	uuid_bytes(c->job_id, out);
}

struct cached job_cached(const struct job *job)
{
	return (struct cached){
		.job_id = job->id,
		.account_id = job->account_id,
		.version = job->version,
		.updated_at = job->updated_at,
		.deadline_at = job->deadline_at,
		.status = job->status,
		.end = job->end,
	};
}

static int refuse_unknown(struct call *c)
{
	call_problem(c, PROBLEM_NOT_FOUND, "there is no such job");
	return -1;
}

int64_t job_open_for(const struct call *c, const struct job *job)
{
	const int64_t grace = t_mul(c->app->config->daemon.tick, JOB_OVERDUE_TICKS);

	return t_max(0, t_sub(t_add(job->deadline_at, grace), job->now));
}

static bool is_overdue(const struct call *c, const struct job *job)
{
	return !job_status_is_terminal(job->status) && job_open_for(c, job) == 0;
}

/*
 * From memory: true where it is held and the caller may see it. What is overdue
 * is the database's to end.
 */
static bool take_cached(struct call *c, struct job *job)
{
	const int64_t now = clock_boot();
	struct cached head;
	uint8_t uuid[16];

	job_uuid(c, uuid);
	strbuf_reset(&job->text);
	job->now = follower_db_time(c->app->follower, now);
	if (job->now == 0 ||
	    !cache_get(c->app->cache, uuid, CACHE_STATUS, now, &head, &job->text) ||
	    !auth_may_see(c, head.account_id))
		return false;
	job->id = head.job_id;
	job->account_id = head.account_id;
	job->version = head.version;
	job->status = head.status;
	job->end = head.end;
	job->updated_at = head.updated_at;
	job->deadline_at = head.deadline_at;
	job->status_json = job->text.data;
	job->status_json_n = job->text.len;
	return !is_overdue(c, job);
}

static void take_row(struct job *job)
{
	const int status =
		name_find(job_status_names, JOB_STATUS_COUNT, db_get_text(job->rows, 3, NULL));
	const int end = db_is_null(job->rows, 8) ? END_DEADLINE
						 : name_find(job_end_codes, JOB_END_COUNT,
							     db_get_text(job->rows, 8, NULL));

	job->id = db_get_int(job->rows, 0);
	job->account_id = db_get_int(job->rows, 1);
	job->version = db_get_int(job->rows, 2);
	job->status = status < 0 ? JOB_QUEUED : (enum job_status)status;
	job->updated_at = db_get_time(job->rows, 4);
	job->deadline_at = db_get_time(job->rows, 5);
	job->status_json = db_get_text(job->rows, 6, &job->status_json_n);
	job->now = db_get_time(job->rows, 7);
	job->end = end < 0 ? END_DEADLINE : (enum job_end)end;
}

/* Read the row, and keep it for the next poll. */
static int job_read(struct call *c, struct job *job)
{
	struct cached head;
	uint8_t uuid[16];

	job_uuid(c, uuid);
	for (int i = 0; i < MOST_READS; i++) {
		db_rows_free(&job->rows);
		if (call_query(c, STMT_FRONT_JOB, DB_P(db_text(c->job_id)), &job->rows) < 0)
			return -1;
		if (!db_next(job->rows))
			return refuse_unknown(c);
		take_row(job);
		head = job_cached(job);
		if (cache_put(c->app->cache, uuid, CACHE_STATUS, clock_boot(), &head,
			      job->status_json, job->status_json_n))
			break;
	}
	return auth_may_see(c, job->account_id) ? 0 : refuse_unknown(c);
}

/*
 * Nothing is closed on the word of a clock that may be wrong. 1, 0, or -1 and the 503 is prepared.
 */
static int clock_is_trusted(struct call *c)
{
	struct db_rows *rows;
	int64_t now;
	int64_t no_close_before;

	if (call_query(c, STMT_FRONT_LEASE, DB_NONE, &rows) < 0)
		return -1;
	if (!db_next(rows)) {
		db_rows_free(&rows);
		return 1;
	}
	no_close_before = db_get_time(rows, 2);
	now = db_get_time(rows, 3);
	db_rows_free(&rows);
	if (llabs(now - clock_wall()) > CLOCKS_APART_US) {
		log_warning("clocks differ by_ms=%lld job=%s",
			    (long long)((now - clock_wall()) / T_MS), c->job_id);
		return 0;
	}
	return now >= no_close_before;
}

/* The view of the job as it should be, for a database that cannot be written. */
static int view_closed(struct call *c, struct job *job)
{
	struct err err;

	strbuf_reset(&job->text);
	if (store_job_render_closed(c->database->db, job->id, job->now, &job->text, &err) < 0) {
		call_fail(c, &err);
		return -1;
	}
	job->status_json = job->text.data;
	job->status_json_n = job->text.len;
	job->unstored = true;
	return 0;
}

static int close_overdue(struct call *c, struct job *job)
{
	struct err err = {0};

	if (clock_boot() >= atomic_load(&c->app->no_close_until)) {
		if (store_job_close_overdue(c->database->db, job->id, &err) == 0)
			log_notice("job closed job=%s late_ms=%lld", c->job_id,
				   (long long)((job->now - job->deadline_at) / T_MS));
		else
			log_warning("job not closed job=%s class=%s error=\"%s\"", c->job_id,
				    err_class_name(err.class), err.text);
		if (db_err_is_readonly(&err))
			atomic_store(&c->app->no_close_until, clock_boot() + UNWRITABLE_PAUSE_US);
	}
	/* Whatever came of it, the row tells. */
	if (job_read(c, job) < 0)
		return -1;
	return job_status_is_terminal(job->status) ? 0 : view_closed(c, job);
}

/* What is overdue is closed. 0, or -1 and the 503 is prepared. */
static int see_to_end(struct call *c, struct job *job)
{
	int trusted;

	if (!is_overdue(c, job))
		return 0;
	trusted = clock_is_trusted(c);
	if (trusted <= 0)
		return trusted;
	return close_overdue(c, job);
}

static void begin(struct job *job)
{
	*job = (struct job){0};
	strbuf_init(&job->text, LIMIT_STATUS_BYTES);
}

int job_load(struct call *c, struct job *job)
{
	begin(job);
	if (follower_is_fresh(c->app->follower, clock_boot()) && take_cached(c, job)) {
		meter_count(c->app->meter, METER_CACHE_HIT, 1);
		return 0;
	}
	meter_count(c->app->meter, METER_CACHE_MISS, 1);
	if (job_read(c, job) < 0) {
		/* Rather what is held than nothing: without a database nothing changes. */
		if (c->response.status != 503 || !take_cached(c, job))
			return -1;
		http_response_reset(&c->response);
		return 0;
	}
	return see_to_end(c, job);
}

int job_load_anew(struct call *c, struct job *job)
{
	begin(job);
	return job_read(c, job) < 0 ? -1 : see_to_end(c, job);
}

void job_clear(struct job *job)
{
	db_rows_free(&job->rows);
	strbuf_clear(&job->text);
}

int job_render(const struct call *c, const struct job *job, struct strbuf *out)
{
	strbuf_add(out, job->status_json, job->status_json_n);
	return status_render_links(c->job_id, c->app->link_base, out);
}

int job_render_warning(const struct call *c, const struct job *job, const char *code,
		       const char *message, struct strbuf *out)
{
	status_add_warning(job->status_json, job->status_json_n, code, message, job->now, out);
	return status_render_links(c->job_id, c->app->link_base, out);
}

void job_etag(const struct call *c, const struct job *job, char out[JOB_ETAG_SIZE])
{
	snprintf(out, JOB_ETAG_SIZE, "\"%.8s-%lld%s\"", c->job_id, (long long)job->version,
		 job->unstored ? "-closed" : "");
}

static int64_t retry_after_s(const struct call *c, const struct job *job)
{
	int64_t wait;
	int64_t left;

	if (c->resumed) /* who waited here has waited */
		return 1;
	/* What moved a moment ago moves again soon; what stands still may stand for hours. */
	wait = t_max(1, (job->now - job->updated_at) / (10 * T_S));
	left = t_sub(t_add(job->deadline_at, c->app->config->daemon.tick), job->now);
	return t_max(1, t_min(t_min(wait, LONGEST_RETRY_AFTER_S), (left + T_S - 1) / T_S));
}

void job_add_retry_after(struct call *c, const struct job *job)
{
	if (!job->unstored && !job_status_is_terminal(job->status))
		http_add_header(&c->response, "Retry-After", "%" PRId64, retry_after_s(c, job));
}
