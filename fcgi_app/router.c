/* SPDX-License-Identifier: ISC */
/* router: see router.h. The only file with paths of the API. */
#include "fcgi_app/router.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "fcgi_app/api.h"
#include "fcgi_app/auth.h"
#include "fcgi_app/cors.h"

#define PATTERN_SEGMENTS 5
/* A page of a result is cut before it comes near (api_job.c). */
#define BODY_LIMIT (64u << 20)

enum access {
	ACCESS_OPEN,   /* no database needed */
	ACCESS_HEALTH, /* of the database's too */
	/* the job's id is enough, unless http.public_read is off; perhaps from memory alone */
	ACCESS_PUBLIC,
	ACCESS_READ,
	ACCESS_SUBMIT,
	ACCESS_WATCH, /* admin, unless http.metrics_public is on; with or without a database */
};

struct route {
	unsigned methods;                      /* of enum http_method */
	const char *pattern[PATTERN_SEGMENTS]; /* "*": a job's id */
	enum access access;
	void (*handler)(struct call *c);
};

/* clang-format off */
static const struct route routes[] = {
	{ HTTP_GET | HTTP_HEAD, { "api", "v1", "jobs" },                   ACCESS_READ,   api_list },
	{ HTTP_POST,            { "api", "v1", "jobs" },                   ACCESS_SUBMIT, api_order },
	{ HTTP_GET | HTTP_HEAD, { "api", "v1", "jobs", "*" },              ACCESS_PUBLIC, api_job },
	{ HTTP_DELETE,          { "api", "v1", "jobs", "*" },              ACCESS_SUBMIT, api_delete },
	{ HTTP_GET | HTTP_HEAD, { "api", "v1", "jobs", "*", "status" },    ACCESS_PUBLIC, api_status },
	{ HTTP_GET | HTTP_HEAD, { "api", "v1", "jobs", "*", "events" },    ACCESS_PUBLIC, api_events },
	{ HTTP_POST,            { "api", "v1", "jobs", "*", "cancel" },    ACCESS_SUBMIT, api_cancel },
	{ HTTP_POST,            { "api", "v1", "jobs", "*", "finish" },    ACCESS_SUBMIT, api_finish },
	{ HTTP_POST,            { "api", "v1", "jobs", "*", "retry" },     ACCESS_SUBMIT, api_retry },
	{ HTTP_POST,            { "api", "v1", "jobs", "*", "languages" }, ACCESS_SUBMIT, api_languages },
	{ HTTP_GET | HTTP_HEAD, { "api", "v1", "openapi.json" },           ACCESS_OPEN,   api_openapi },
	{ HTTP_GET | HTTP_HEAD, { "healthz" },                             ACCESS_OPEN,   api_healthz },
	{ HTTP_GET | HTTP_HEAD, { "readyz" },                              ACCESS_HEALTH, api_readyz },
	{ HTTP_GET | HTTP_HEAD, { "metrics" },                             ACCESS_WATCH,  api_metrics },
};
/* clang-format on */

#define ROUTES (sizeof(routes) / sizeof(routes[0]))

_Static_assert(ROUTES < METER_ADDRESSES, "the meter has a place for each address, and for none");

struct match {                     /* what is served at an address */
	const struct route *route; /* of the request's method; of OPTIONS: of the one asked about */
	const struct route *any;   /* NULL: nothing */
	unsigned methods;          /* of all routes there */
};

static bool pattern_fits(const struct route *route, const struct target *t)
{
	size_t n = 0;

	while (n < PATTERN_SEGMENTS && route->pattern[n])
		n++;
	if (t->segment_count != n || t->trailing_slash)
		return false;
	for (size_t i = 0; i < n; i++)
		if (strcmp(route->pattern[i], "*") != 0 &&
		    strcmp(route->pattern[i], t->segments[i]) != 0)
			return false;
	return true;
}

static struct match match_target(const struct target *t, enum http_method method)
{
	struct match m = {0};

	for (size_t i = 0; i < ROUTES; i++) {
		if (!pattern_fits(&routes[i], t))
			continue;
		m.any = &routes[i];
		m.methods |= routes[i].methods;
		if (routes[i].methods & method)
			m.route = &routes[i];
	}
	return m;
}

static bool same_address(const struct route *a, const struct route *b)
{
	for (size_t i = 0; i < PATTERN_SEGMENTS; i++) {
		if (!a->pattern[i] || !b->pattern[i])
			return a->pattern[i] == b->pattern[i];
		if (strcmp(a->pattern[i], b->pattern[i]) != 0)
			return false;
	}
	return true;
}

/* That of the first route with it; they stand together. */
static size_t address_of(const struct route *route)
{
	while (route > routes && same_address(route, route - 1))
		route--;
	return (size_t)(route - routes);
}

bool router_address(size_t i, struct strbuf *out)
{
	if (i > ROUTES)
		return false;
	if (i == ROUTES) {
		strbuf_adds(out, "none");
		return true;
	}
	for (size_t k = 0; k < PATTERN_SEGMENTS && routes[i].pattern[k]; k++) {
		const char *segment = routes[i].pattern[k];

		strbuf_addf(out, "/%s", strcmp(segment, "*") == 0 ? "{id}" : segment);
	}
	return true;
}

#define METHODS_SIZE 48

/* "GET, HEAD, OPTIONS": every address takes the last. */
static void name_methods(unsigned methods, char out[METHODS_SIZE])
{
	snprintf(out, METHODS_SIZE, "%s%s%sOPTIONS", methods & HTTP_GET ? "GET, HEAD, " : "",
		 methods & HTTP_POST ? "POST, " : "", methods & HTTP_DELETE ? "DELETE, " : "");
}

static int parse_target(struct call *c)
{
	const char *uri = c->request.uri;
	struct err err;

	if (target_parse(uri, strlen(uri), c->app->config->http.base_path, &c->target, &err) == 0)
		return 0;
	call_problem(c,
		     err.detail == 414   ? PROBLEM_URI_TOO_LONG
		     : err.detail == 404 ? PROBLEM_NOT_FOUND
					 : PROBLEM_BAD_REQUEST,
		     "%s", err.text);
	return -1;
}

/* What is no UUID names no job; the database is not asked. */
static int take_job_id(struct call *c, const struct route *route)
{
	const char *id = target_segment(&c->target, 3);

	if (!route->pattern[3])
		return 0;
	if (!uuid_is_valid(id, strlen(id))) {
		call_problem(c, PROBLEM_NOT_FOUND, "there is no such job");
		return -1;
	}
	for (size_t i = 0; i < UUID_TEXT_SIZE; i++)
		c->job_id[i] = (char)tolower((unsigned char)id[i]);
	return 0;
}

static int check_access(struct call *c, enum access access)
{
	switch (access) {
	case ACCESS_OPEN:
		return 0;
	case ACCESS_HEALTH:
		return call_database(c);
	case ACCESS_PUBLIC:
		return c->app->config->http.public_read ? 0 : auth_require(c, ROLE_READ);
	case ACCESS_READ:
		return call_database(c) < 0 ? -1 : auth_require(c, ROLE_READ);
	case ACCESS_SUBMIT:
		return call_database(c) < 0 ? -1 : auth_require(c, ROLE_SUBMIT);
	case ACCESS_WATCH:
		return c->app->config->http.metrics_public ? 0 : auth_require_watcher(c);
	}
	return -1;
}

/* Is it the same for everyone? */
static bool is_public(const struct call *c, const struct route *route)
{
	if (!route)
		return false;
	return route->access == ACCESS_OPEN || route->access == ACCESS_HEALTH ||
	       (route->access == ACCESS_PUBLIC && c->app->config->http.public_read);
}

static void answer_options(struct call *c, const struct match *m)
{
	char methods[METHODS_SIZE];

	if (take_job_id(c, m->any) < 0)
		return;
	name_methods(m->methods, methods);
	c->response.status = 204;
	http_add_header(&c->response, "Allow", "%s", methods);
	cors_preflight(c->app->config, &c->response, methods, is_public(c, m->route));
}

static void refuse_method(struct call *c, const struct match *m)
{
	char methods[METHODS_SIZE];

	name_methods(m->methods, methods);
	call_problem(c, PROBLEM_METHOD, "this address takes %s", methods);
	http_add_header(&c->response, "Allow", "%s", methods);
}

/* The method that is meant: of a browser's question ahead of a request, that of the request. */
static enum http_method method_meant(const struct call *c)
{
	const char *asked = http_variable(&c->request, "HTTP_ACCESS_CONTROL_REQUEST_METHOD");

	return c->request.method == HTTP_OPTIONS && asked ? http_method_parse(asked)
							  : c->request.method;
}

static void route_call(struct call *c)
{
	struct match m = {0};
	bool parsed = parse_target(c) == 0;

	if (parsed)
		m = match_target(&c->target, method_meant(c));
	if (m.any)
		c->address = address_of(m.any);
	cors_mark(c->app->config, &c->response, is_public(c, m.route));
	if (!parsed)
		return;
	if (!m.any)
		call_problem(c, PROBLEM_NOT_FOUND, "nothing is served here");
	else if (c->request.method == HTTP_OPTIONS)
		answer_options(c, &m);
	else if (!m.route)
		refuse_method(c, &m);
	else if (take_job_id(c, m.route) == 0 && check_access(c, m.route->access) == 0)
		m.route->handler(c);
}

static void send_answer(struct call *c)
{
	struct http_response *a = &c->response;

	if (a->streaming)
		return;
	if (a->status == 0 || strbuf_failed(&a->headers) || strbuf_failed(&a->body)) {
		log_err("answer failed job=%s status=%d", c->job_id[0] ? c->job_id : "-",
			a->status);
		call_problem(c, PROBLEM_INTERNAL, "the answer could not be made");
	}
	/* A long answer holds a worker as a stream does. */
	if (!gate_enter(&c->app->gate, &c->pass, a->body.len))
		call_problem(c, PROBLEM_BUSY, "other downloads are under way; try again");
	if (http_send(a) < 0) {
		log_debug("peer left job=%s", c->job_id[0] ? c->job_id : "-");
		http_abort(a);
	}
}

/* True: the request waits, and is no longer ours. */
static bool park_call(struct call *c)
{
	uint8_t uuid[16];

	uuid_bytes(c->job_id, uuid);
	meter_move(c->app->meter, METER_PARKED, 1); /* before another worker may take it back */
	if (park_add(c->app->park, c->request.fcgx, uuid, c->park_version, c->park_until))
		return true;
	/* The last place went to another. */
	meter_move(c->app->meter, METER_PARKED, -1);
	c->resumed = true;
	c->park_until = 0;
	http_response_reset(&c->response);
	api_status(c);
	return false;
}

static void count(const struct call *c, int64_t us)
{
	const struct http_response *a = &c->response;
	struct meter *m = c->app->meter;

	meter_request(m, c->address, (size_t)__builtin_ctz(c->request.method),
		      http_status_index(a->status), us);
	meter_count(m, METER_BYTES_OUT, a->sent_bytes);
	meter_count(m, METER_ABORTED, a->aborted);
	if (a->status >= 400)
		meter_problem(m, c->problem);
}

/* As router_serve. */
static bool serve(struct call *c, struct FCGX_Request *fcgx)
{
	struct app *app = c->app;
	const int64_t started = clock_boot();
	int64_t took;

	http_request_init(&c->request, fcgx);
	http_response_init(&c->response, &c->request, BODY_LIMIT);
	route_call(c);
	if (c->park_until != 0 && park_call(c)) {
		http_response_clear(&c->response);
		return false;
	}
	send_answer(c);
	took = clock_boot() - started;
	count(c, took);
	log_debug("request method=%s job=%s key=%s status=%d us=%" PRId64, c->request.method_text,
		  c->job_id[0] ? c->job_id : "-", c->caller.key_id[0] ? c->caller.key_id : "-",
		  c->response.status, took);
	gate_leave(&app->gate, &c->pass);
	http_response_clear(&c->response);
	return true;
}

bool router_serve(struct app *app, struct database *database, struct FCGX_Request *fcgx,
		  bool resumed)
{
	struct call c = {.app = app, .database = database, .resumed = resumed, .address = ROUTES};
	bool served;

	meter_move(app->meter, METER_BUSY, 1);
	if (resumed)
		meter_move(app->meter, METER_PARKED, -1);
	served = serve(&c, fcgx);
	meter_move(app->meter, METER_BUSY, -1);
	return served;
}
