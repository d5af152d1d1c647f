/* SPDX-License-Identifier: ISC */
/*
 * call: one request on its way to its answer: what the handlers are given, and how they
 * fail. A handler prepares call->response (or streams it) and returns; whatever it borrowed
 * lives until the call ends.
 */
#ifndef FCGI_APP_CALL_H
#define FCGI_APP_CALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/db.h"
#include "core/err.h"
#include "core/target.h"
#include "core/uuid.h"
#include "fcgi_app/app.h"
#include "fcgi_app/http.h"
#include "fcgi_app/problem.h"

struct database { /* a worker's connection */
	struct db *db;
	unsigned checked; /* generation whose schema was found right */
};

/* Does not connect. */
void database_init(struct database *d, const struct config *config);
void database_clear(struct database *d);

enum role { ROLE_NONE, ROLE_READ, ROLE_SUBMIT, ROLE_ADMIN, ROLE_COUNT };

struct caller {
	enum role role; /* ROLE_NONE: no key was asked for */
	int64_t account_id;
	char key_id[13];
};

struct call {
	struct app *app;
	struct database *database;
	struct http_request request;
	struct http_response response;
	struct target target;
	char job_id[UUID_TEXT_SIZE]; /* of the path, lower case; "" where it has none */
	struct caller caller;
	struct gate_pass pass;
	size_t address;       /* of the router's, for the meter */
	enum problem problem; /* where the answer is one */
	bool database_away;   /* it failed, and the caller is known from before */
	bool has_database;    /* call_database() was asked, and did not fail */
	bool resumed;         /* a poll that was parked: it does not wait again */
	int64_t park_until;   /* a handler that gives no answer yet: park until; else 0 */
	int64_t park_version; /* of the job */
};

/*
 * Connected and of the right schema? 0, or -1 and the 503 is prepared; asked once a call.
 * From here on the database has 1.5 s for all that the call asks of it, so that a 503 comes
 * within two (DESIGN section 5).
 */
int call_database(struct call *c);
/*
 * The database has 1.5 s again: for work in many steps, after an answered one; and after the client
 * was waited for, or long work of our own done. So a server that hangs in the middle is noticed as
 * soon as one that hangs at once.
 */
void call_progress(struct call *c);
/* call_database() and db_query. 0, or -1 and the error answer is prepared. */
int call_query(struct call *c, enum stmt s, const struct db_val *params, size_t n,
	       struct db_rows **rows);

/* Prepare an error answer, in place of what was prepared before. */
void call_problem(struct call *c, enum problem p, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void call_problem_faults(struct call *c, enum problem p, const char *detail,
			 const struct problem_fault *faults, size_t n);
/* The same for a failure of the database (or of ours), which is logged and remembered. */
void call_fail(struct call *c, const struct err *err);

#endif
