/* SPDX-License-Identifier: ISC */
/*
 * GET /metrics: for Prometheus. What the front end counts of itself is always told; what the
 * database says, where it can be asked, all or nothing: half of it would look like a fall.
 */
#include "core/alert.h"
#include "core/exposition.h"
#include "core/model.h"
#include "core/timemath.h"
#include "fcgi_app/api.h"
#include "fcgi_app/meter_text.h"

#define ROWS_LIMIT (256u << 10)

struct scrape {
	struct call *call;
	struct strbuf out; /* what the database says */
};

static int ask(struct scrape *s, enum stmt stmt, const struct db_val *params, size_t n,
	       struct db_rows **rows)
{
	return call_query(s->call, stmt, params, n, rows);
}

static void family(struct scrape *s, const char *name, const char *help)
{
	exposition_family(&s->out, name, EXPOSITION_GAUGE, help);
}

static void tell(struct scrape *s, const char *name, const char *help, int64_t value)
{
	family(s, name, help);
	exposition_int(&s->out, name, EXPOSITION_NO_LABELS, value);
}

/* Seconds or dollars, of millionths. */
static void tell_micro(struct scrape *s, const char *name, const char *help, int64_t micro)
{
	family(s, name, help);
	exposition_micro(&s->out, name, EXPOSITION_NO_LABELS, micro);
}

/* One sample for each name, 0 too: a series that comes and goes cannot be compared with before. */
static void tell_each(struct scrape *s, const char *name, const char *label,
		      const char *const *values, const int64_t *counts, size_t n)
{
	for (size_t i = 0; i < n; i++)
		exposition_int(&s->out, name, EXPOSITION_LABELS({label, values[i]}), counts[i]);
}

static int tell_jobs(struct scrape *s)
{
	int64_t jobs[JOB_STATUS_COUNT] = {0};
	int64_t cost = 0, wasted = 0;
	struct db_rows *r;

	if (ask(s, STMT_METRICS_JOBS, DB_NONE, &r) < 0)
		return -1;
	while (db_next(r)) {
		const int status =
			name_find(job_status_names, JOB_STATUS_COUNT, db_get_text(r, 0, NULL));

		if (status >= 0)
			jobs[status] = db_get_int(r, 1);
		cost += db_get_int(r, 2);
		wasted += db_get_int(r, 3);
	}
	db_rows_free(&r);
	family(s, "lotscribe_jobs", "Jobs that run.");
	tell_each(s, "lotscribe_jobs", "status", job_status_names, jobs, JOB_TRANSLATING + 1);
	tell_micro(s, "lotscribe_running_jobs_cost_dollars", "What the jobs that run have cost.",
		   cost);
	tell_micro(s, "lotscribe_running_jobs_wasted_dollars",
		   "What of it was paid and not used (batchctl check lists it).", wasted);
	return 0;
}

static int tell_items(struct scrape *s)
{
	int64_t items[ITEM_STATE_COUNT] = {0};
	struct db_rows *r;

	if (ask(s, STMT_METRICS_ITEMS, DB_NONE, &r) < 0)
		return -1;
	if (db_next(r))
		for (unsigned i = 0; i < ITEM_STATE_COUNT; i++)
			items[i] = db_get_int(r, i);
	db_rows_free(&r);
	family(s, "lotscribe_items", "Items of the jobs that run.");
	tell_each(s, "lotscribe_items", "state", item_state_names, items, ITEM_STATE_COUNT);
	return 0;
}

static int tell_number(struct scrape *s, enum stmt stmt, const char *name, const char *help)
{
	struct db_rows *r;

	if (ask(s, stmt, DB_NONE, &r) < 0)
		return -1;
	tell(s, name, help, db_next(r) ? db_get_int(r, 0) : 0);
	db_rows_free(&r);
	return 0;
}

static int tell_repeats(struct scrape *s)
{
	return tell_number(s, STMT_METRICS_REPEATS, "lotscribe_repeats",
			   "Items with an answer for which a better one is being bought.");
}

static int tell_batches(struct scrape *s)
{
	int64_t n[BATCH_PHASE_COUNT] = {0}, age[BATCH_PHASE_COUNT] = {0};
	struct db_rows *r;

	if (ask(s, STMT_METRICS_BATCHES, DB_NONE, &r) < 0)
		return -1;
	while (db_next(r)) {
		const int phase =
			name_find(batch_phase_names, BATCH_PHASE_COUNT, db_get_text(r, 0, NULL));

		if (phase < 0)
			continue;
		n[phase] = db_get_int(r, 1);
		age[phase] = t_max(0, db_get_int(r, 2));
	}
	db_rows_free(&r);
	family(s, "lotscribe_batches", "Batches that are not closed.");
	tell_each(s, "lotscribe_batches", "phase", batch_phase_names, n, BATCH_CLOSED);
	family(s, "lotscribe_batch_oldest_age_seconds",
	       "Since the oldest batch in the phase was begun; 0 where there is none.");
	for (size_t i = 0; i < BATCH_CLOSED; i++)
		exposition_micro(&s->out, "lotscribe_batch_oldest_age_seconds",
				 EXPOSITION_LABELS({"phase", batch_phase_names[i]}), age[i]);
	return 0;
}

/* I1: as batchd counts it for its own alert. */
static int tell_overdue(struct scrape *s)
{
	static const char *const names[] = {"jobs", "batches"};
	const int64_t grace = alert_job_grace(s->call->app->config->daemon.tick);
	int64_t n[2] = {0};
	struct db_rows *r;

	if (ask(s, STMT_ALERT_OVERDUE, DB_P(db_int(grace), db_int(ALERT_BATCH_GRACE)), &r) < 0)
		return -1;
	if (db_next(r))
		for (unsigned i = 0; i < 2; i++)
			n[i] = db_get_int(r, i);
	db_rows_free(&r);
	family(s, "lotscribe_overdue", "What outlived its clock; the answer is 0.");
	tell_each(s, "lotscribe_overdue", "what", names, n, 2);
	return 0;
}

static int tell_alerts(struct scrape *s)
{
	int64_t n[ALERT_KIND_COUNT] = {0};
	struct db_rows *r;

	if (ask(s, STMT_METRICS_ALERTS, DB_NONE, &r) < 0)
		return -1;
	while (db_next(r)) {
		const int kind = alert_kind_find(db_get_text(r, 0, NULL));

		if (kind >= 0)
			n[kind] = db_get_int(r, 1);
	}
	db_rows_free(&r);
	family(s, "lotscribe_alerts", "Alerts that are open (batchctl alerts).");
	for (size_t i = 0; i < ALERT_KIND_COUNT; i++)
		exposition_int(&s->out, "lotscribe_alerts",
			       EXPOSITION_LABELS({"severity",
						  alert_severity_names[alert_words[i].severity]},
						 {"code", alert_words[i].name}),
			       n[i]);
	return 0;
}

static int tell_holds(struct scrape *s)
{
	return tell_number(s, STMT_METRICS_HOLDS, "lotscribe_recipes_held",
			   "Recipes with which nothing is sent, or one call to see.");
}

static void render_lease(struct scrape *s, struct db_rows *r)
{
	if (!db_is_null(r, 0))
		tell_micro(s, "lotscribe_lease_age_seconds", "Since a batchd renewed its lease.",
			   t_max(0, db_get_int(r, 0)));
	tell(s, "lotscribe_lease_held", "1 while a batchd is active.", db_get_int(r, 1));
	tell(s, "lotscribe_lease_epoch", "How often the lease was taken.", db_get_int(r, 2));
	tell(s, "lotscribe_incident", "1 while many batches stand still together.",
	     db_get_int(r, 3));
	if (!db_is_null(r, 4))
		tell_micro(s, "lotscribe_call_p95_seconds",
			   "95 of 100 measured single calls took no longer.", db_get_int(r, 4));
	tell(s, "lotscribe_sending_stopped", "1 while nothing is sent to the provider.",
	     !db_is_null(r, 5));
	family(s, "lotscribe_sending_stopped_info", "1, for the reason of the stop in force.");
	if (!db_is_null(r, 5))
		exposition_int(&s->out, "lotscribe_sending_stopped_info",
			       EXPOSITION_LABELS({"code", db_get_text(r, 5, NULL)}), 1);
}

static int tell_lease(struct scrape *s)
{
	struct db_rows *r;

	if (ask(s, STMT_METRICS_LEASE, DB_NONE, &r) < 0)
		return -1;
	if (db_next(r))
		render_lease(s, r);
	db_rows_free(&r);
	return 0;
}

static int tell_day(struct scrape *s)
{
	const int64_t budget = s->call->app->config->budget.day;
	struct db_rows *r;

	if (ask(s, STMT_METRICS_DAY, DB_P(db_int(budget), db_int(budget)), &r) < 0)
		return -1;
	if (db_next(r)) {
		tell_micro(s, "lotscribe_today_spent_dollars",
			   "Cost of what was sent today (UTC), of all accounts.", db_get_int(r, 0));
		tell_micro(s, "lotscribe_today_reserved_dollars",
			   "What is under way may cost, at most.", db_get_int(r, 1));
		tell_micro(s, "lotscribe_today_budget_dollars",
			   "Budgets of the day of all accounts together.", db_get_int(r, 2));
		tell_micro(s, "lotscribe_today_budget_used_ratio",
			   "Of the account that has used most of its budget of the day, "
			   "reserved money included.",
			   db_get_int(r, 3));
	}
	db_rows_free(&r);
	return 0;
}

static int tell_requests(struct scrape *s)
{
	int64_t n[COMMAND_COUNT] = {0}, oldest = 0;
	struct db_rows *r;

	if (ask(s, STMT_METRICS_REQUESTS, DB_NONE, &r) < 0)
		return -1;
	while (db_next(r)) {
		const int kind = name_find(command_names, COMMAND_COUNT, db_get_text(r, 0, NULL));

		if (kind >= 0)
			n[kind] = db_get_int(r, 1);
		if (kind != COMMAND_DELETE)
			oldest = t_max(oldest, db_get_int(r, 2));
	}
	db_rows_free(&r);
	family(s, "lotscribe_requests", "Requests of clients and operators that wait for batchd.");
	tell_each(s, "lotscribe_requests", "kind", command_names, n, COMMAND_COUNT);
	tell_micro(
		s, "lotscribe_request_oldest_age_seconds",
		"Since the oldest was made, but for deletions, which wait for what is under way.",
		oldest);
	return 0;
}

static int tell_schema(struct scrape *s)
{
	return tell_number(s, STMT_SCHEMA_VERSION, "lotscribe_schema_version",
			   "Version of the database's schema.");
}

/* 0, or -1: the database could not be asked for all of it. */
static int tell_database(struct scrape *s)
{
	static int (*const tells[])(struct scrape * s) = {
		tell_schema, tell_jobs,  tell_items, tell_repeats, tell_batches,  tell_overdue,
		tell_alerts, tell_holds, tell_lease, tell_day,     tell_requests,
	};

	if (s->call->database_away)
		return -1;
	for (size_t i = 0; i < sizeof(tells) / sizeof(tells[0]); i++)
		if (tells[i](s) < 0)
			return -1;
	return strbuf_failed(&s->out) ? -1 : 0;
}

void api_metrics(struct call *c)
{
	const char *up = "lotscribe_database_up";
	struct http_response *a = &c->response;
	struct scrape s = {.call = c};
	bool is_up;

	strbuf_init(&s.out, ROWS_LIMIT);
	is_up = tell_database(&s) == 0;
	http_response_reset(a); /* of the problem that may have been prepared */
	a->status = 200;
	a->content_type = EXPOSITION_MEDIA_TYPE;
	exposition_family(&a->body, up, EXPOSITION_GAUGE,
			  "1 where the database could be asked; else what it says is left out.");
	exposition_int(&a->body, up, EXPOSITION_NO_LABELS, is_up);
	meter_text_render(c->app, &a->body);
	if (is_up)
		strbuf_add(&a->body, s.out.data, s.out.len);
	strbuf_clear(&s.out);
}
