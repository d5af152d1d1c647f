/* SPDX-License-Identifier: ISC */
/* call: see call.h. */
#include "fcgi_app/call.h"

#include <stdarg.h>
#include <stdio.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/store.h"
#include "core/timemath.h"
#include "fcgi_app/pulse.h"

/* What the database has for a call, or for the next step of a long one. */
#define DATABASE_MS   1500
#define IDLE_TX_S     30
#define RETRY_AFTER_S 2

void database_init(struct database *d, const struct config *config)
{
	struct db_options options = {
		.host = config->database.host,
		.port = (unsigned)config->database.port,
		.socket = config->database.socket,
		.name = config->database.name,
		.user = config->database.user,
		.password_file = config->database.password_file,
		.tls_ca = config->database.tls_ca,
		.program = "lotscribe.fcgi",
		.connect_timeout_ms = DATABASE_MS,
		.io_timeout_ms = DATABASE_MS,
		.idle_tx_timeout_s = IDLE_TX_S,
	};

	d->checked = 0;
	d->db = db_new(&options);
}

void database_clear(struct database *d)
{
	db_free(&d->db);
}

static void set_problem(struct call *c, enum problem p)
{
	struct http_response *a = &c->response;

	http_response_reset(a);
	c->problem = p;
	a->status = problem_status(p);
	a->content_type = "application/problem+json";
	if (a->status == 503)
		http_add_header(a, "Retry-After", "%d", RETRY_AFTER_S);
}

void call_problem_faults(struct call *c, enum problem p, const char *detail,
			 const struct problem_fault *faults, size_t n)
{
	set_problem(c, p);
	problem_render(p, detail, faults, n, &c->response.body);
}

void call_problem(struct call *c, enum problem p, const char *fmt, ...)
{
	char detail[400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(detail, sizeof(detail), fmt, ap);
	va_end(ap);
	call_problem_faults(c, p, detail, NULL, 0);
}

/* Nobody tries for a while, and all are told why. */
static void go_down(struct call *c, enum problem p)
{
	atomic_store(&c->app->down_as, p);
	breaker_fail(&c->app->breaker, clock_boot());
}

static void tell_down(struct call *c, enum problem p)
{
	call_problem(c, p,
		     p == PROBLEM_SCHEMA ? "the database's schema does not fit this program"
					 : "the database is not available at present");
}

void call_fail(struct call *c, const struct err *err)
{
	meter_count(c->app->meter, METER_DATABASE_ERROR + err->class, 1);
	log_warning("request failed job=%s class=%s error=\"%s\"", c->job_id[0] ? c->job_id : "-",
		    err_class_name(err->class), err->text);
	if (err->class == ERR_BUG) {
		call_problem(c, PROBLEM_INTERNAL,
			     "the request could not be carried out; the log has the reason");
		return;
	}
	if (db_err_is_readonly(err)) {
		call_problem(c, PROBLEM_DATABASE, "the database accepts no writes at present");
		return;
	}
	/* ERR_NEVER is of the account or a grant: the operator's to mend. */
	if ((err->class == ERR_LATER || err->class == ERR_NEVER) && !db_connected(c->database->db))
		go_down(c, PROBLEM_DATABASE);
	tell_down(c, PROBLEM_DATABASE);
}

/* A new session: is this the schema that the program was written for, and may we use it? */
static int check_schema(struct call *c, struct err *err)
{
	struct database *d = c->database;

	if (db_connect(d->db, err) < 0)
		return -1;
	if (d->checked == db_generation(d->db))
		return 0;
	if (store_schema_check(d->db, err) < 0 || db_prepare_all(d->db, P_FCGI, err) < 0)
		return -1;
	d->checked = db_generation(d->db);
	breaker_succeed(&c->app->breaker);
	return 0;
}

void call_progress(struct call *c)
{
	pulse_beat();
	db_deadline(c->database->db, t_add(clock_boot(), DATABASE_MS * T_MS));
}

int call_database(struct call *c)
{
	struct database *d = c->database;
	struct err err;

	if (c->has_database)
		return 0;
	if (!breaker_pass(&c->app->breaker, clock_boot())) {
		tell_down(c, (enum problem)atomic_load(&c->app->down_as));
		return -1;
	}
	call_progress(c);
	if ((db_connected(d->db) && d->checked == db_generation(d->db)) ||
	    check_schema(c, &err) == 0) {
		c->has_database = true;
		return 0;
	}
	if (db_connected(d->db) && (err.class == ERR_NEVER || err.class == ERR_BUG)) {
		log_err("schema unusable error=\"%s\"", err.text);
		go_down(c, PROBLEM_SCHEMA);
		tell_down(c, PROBLEM_SCHEMA);
	} else {
		call_fail(c, &err);
	}
	return -1;
}

int call_query(struct call *c, enum stmt s, const struct db_val *params, size_t n,
	       struct db_rows **rows)
{
	struct err err;

	if (call_database(c) < 0)
		return -1;
	if (db_query(c->database->db, s, params, n, rows, &err) == 0) {
		breaker_succeed(&c->app->breaker);
		return 0;
	}
	call_fail(c, &err);
	return -1;
}
