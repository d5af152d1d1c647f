/* SPDX-License-Identifier: ISC */
/* meter_text: see meter_text.h. */
#include "fcgi_app/meter_text.h"

#include <stdio.h>
#include <string.h>

#include "common/recipe.h"
#include "core/exposition.h"
#include "fcgi_app/app.h"
#include "fcgi_app/problem.h"
#include "fcgi_app/router.h"

#define LAYOUT_BYTES (16u << 10)

_Static_assert(PROBLEM_COUNT <= METER_PROBLEMS, "the meter has a cell for each problem");

/* By their bits in enum http_method. */
static const char *const method_names[METER_METHODS] = {"GET",    "HEAD",    "POST",
							"DELETE", "OPTIONS", "other"};

static const struct {
	enum meter_counter counter;
	const char *name, *help;
} counters[] = {
	{METER_BYTES_IN, "lotscribe_http_request_body_bytes_total",
	 "Bytes of bodies that were received."},
	{METER_BYTES_OUT, "lotscribe_http_response_body_bytes_total",
	 "Bytes of bodies that were sent, before the web server compresses them."},
	{METER_ABORTED, "lotscribe_http_responses_aborted_total",
	 "Answers that were broken off, mostly as the client had left."},
	{METER_CACHE_HIT, "lotscribe_cache_hits_total",
	 "Jobs that requests asked for and that were answered from memory."},
	{METER_CACHE_MISS, "lotscribe_cache_misses_total",
	 "Jobs that requests asked for and that were read from the database."},
};

static const struct {
	enum meter_gauge gauge;
	const char *name, *help;
} gauges[] = {
	{METER_WORKERS, "lotscribe_workers",
	 "Threads that serve requests (http.workers), of all processes."},
	{METER_BUSY, "lotscribe_workers_busy",
	 "Threads that serve a request now; the one of this answer is one of them."},
	{METER_PARKED, "lotscribe_polls_parked",
	 "Polls that wait for a change now (Prefer: wait); they hold no thread."},
	{METER_PLACES, "lotscribe_polls_parked_limit",
	 "Polls that may wait at once (http.max_waiting)."},
};

uint64_t meter_text_layout(void)
{
	unsigned char hash[32];
	uint64_t layout;
	struct strbuf all;

	strbuf_init(&all, LAYOUT_BYTES);
	for (size_t i = 0; router_address(i, &all); i++)
		strbuf_addc(&all, '\n');
	for (size_t i = 0; http_status_at(i) != 0; i++)
		strbuf_addf(&all, "%d\n", http_status_at(i));
	for (int i = 0; i < PROBLEM_COUNT; i++)
		strbuf_addf(&all, "%s\n", problem_code((enum problem)i));
	for (int i = 0; i < ERR_CLASS_COUNT; i++)
		strbuf_addf(&all, "%s\n", err_class_name((enum err_class)i));
	for (size_t i = 0; i < METER_BUCKETS - 1; i++)
		strbuf_addf(&all, "%lld\n", (long long)meter_bounds[i]);
	for (size_t i = 0; i < sizeof(counters) / sizeof(counters[0]); i++)
		strbuf_addf(&all, "%s\n", counters[i].name);
	for (size_t i = 0; i < sizeof(gauges) / sizeof(gauges[0]); i++)
		strbuf_addf(&all, "%s\n", gauges[i].name);
	sha256(all.data, all.len, hash);
	strbuf_clear(&all);
	memcpy(&layout, hash, sizeof(layout));
	return layout;
}

/* ---- Requests: of each address and method that was asked. */

struct asked {
	struct strbuf address;
	const char *method;
	struct meter_requests requests;
};

static void render_statuses(const struct asked *a, struct strbuf *out)
{
	for (size_t i = 0; http_status_at(i) != 0; i++) {
		char status[8];

		if (a->requests.statuses[i] == 0)
			continue;
		snprintf(status, sizeof(status), "%d", http_status_at(i));
		exposition_int(out, "lotscribe_http_requests_total",
			       EXPOSITION_LABELS({"route", a->address.data}, {"method", a->method},
						 {"code", status}),
			       (int64_t)a->requests.statuses[i]);
	}
}

static void render_durations(const struct asked *a, struct strbuf *out)
{
	exposition_histogram(out, "lotscribe_http_request_duration_seconds",
			     EXPOSITION_LABELS({"route", a->address.data}, {"method", a->method}),
			     &(struct exposition_histogram){.bounds = meter_bounds,
							    .n_bounds = METER_BUCKETS - 1,
							    .buckets = a->requests.buckets,
							    .sum = a->requests.us});
}

static void render_asked(const struct meter *m, struct strbuf *out,
			 void (*render)(const struct asked *a, struct strbuf *out))
{
	struct asked a;

	strbuf_init(&a.address, LAYOUT_BYTES);
	for (size_t i = 0; router_address(i, &a.address); i++) {
		for (size_t k = 0; k < METER_METHODS; k++) {
			a.method = method_names[k];
			if (meter_requests(m, i, k, &a.requests))
				render(&a, out);
		}
		strbuf_reset(&a.address);
	}
	strbuf_clear(&a.address);
}

static void render_requests(const struct meter *m, struct strbuf *out)
{
	exposition_family(out, "lotscribe_http_requests_total", EXPOSITION_COUNTER,
			  "Requests that were answered. Route: none where nothing is served.");
	render_asked(m, out, render_statuses);
	exposition_family(
		out, "lotscribe_http_request_duration_seconds", EXPOSITION_HISTOGRAM,
		"Time from a request's head to its answer; of a poll that waited, without "
		"its wait.");
	render_asked(m, out, render_durations);
}

static void render_problems(const struct meter *m, struct strbuf *out)
{
	const char *name = "lotscribe_http_problems_total";

	exposition_family(out, name, EXPOSITION_COUNTER,
			  "Error answers by the code of their problem document.");
	for (int i = 0; i < PROBLEM_COUNT; i++)
		exposition_int(out, name,
			       EXPOSITION_LABELS({"code", problem_code((enum problem)i)}),
			       (int64_t)meter_problems(m, (size_t)i));
}

static void render_errors(const struct meter *m, struct strbuf *out)
{
	const char *name = "lotscribe_database_errors_total";

	exposition_family(out, name, EXPOSITION_COUNTER,
			  "Requests that the database failed, by the class of the error.");
	for (unsigned i = ERR_NONE + 1; i < ERR_CLASS_COUNT; i++)
		exposition_int(out, name,
			       EXPOSITION_LABELS({"class", err_class_name((enum err_class)i)}),
			       (int64_t)meter_counted(m, METER_DATABASE_ERROR + i));
}

static void render_one(struct strbuf *out, enum exposition_type type, const char *name,
		       const char *help, int64_t value)
{
	exposition_family(out, name, type, help);
	exposition_int(out, name, EXPOSITION_NO_LABELS, value);
}

static void render_instant(struct strbuf *out, const char *name, const char *help, int64_t us)
{
	exposition_family(out, name, EXPOSITION_GAUGE, help);
	exposition_micro(out, name, EXPOSITION_NO_LABELS, us);
}

static void render_living(const struct meter *m, struct strbuf *out)
{
	struct meter_living l;

	meter_living(m, &l);
	for (size_t i = 0; i < sizeof(gauges) / sizeof(gauges[0]); i++)
		render_one(out, EXPOSITION_GAUGE, gauges[i].name, gauges[i].help,
			   l.gauges[gauges[i].gauge]);
	render_one(out, EXPOSITION_GAUGE, "lotscribe_front_end_processes",
		   "Processes of the front end that count together (http.metrics_file).",
		   l.processes);
	render_instant(out, "lotscribe_front_end_start_time_seconds",
		       "When the newest of them began, since 1970.", l.newest_at);
	render_instant(out, "lotscribe_counting_start_time_seconds",
		       "Since when they count, since 1970.", meter_began_at(m));
}

void meter_text_render(const struct app *app, struct strbuf *out)
{
	const struct meter *m = app->meter;

	exposition_family(out, "lotscribe_build_info", EXPOSITION_GAUGE,
			  "1, for the version of the front end that answers.");
	exposition_int(out, "lotscribe_build_info", EXPOSITION_LABELS({"version", PACKAGE_VERSION}),
		       1);
	render_requests(m, out);
	render_problems(m, out);
	render_errors(m, out);
	for (size_t i = 0; i < sizeof(counters) / sizeof(counters[0]); i++)
		render_one(out, EXPOSITION_COUNTER, counters[i].name, counters[i].help,
			   (int64_t)meter_counted(m, counters[i].counter));
	render_living(m, out);
}
