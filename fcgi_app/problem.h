/* SPDX-License-Identifier: ISC */
/*
 * problem: error answers as application/problem+json (RFC 9457): type, title, status,
 * detail, our own `code`, and `errors`, one {pointer, detail} for each fault of the
 * request. Pure but for the buffer.
 */
#ifndef FCGI_APP_PROBLEM_H
#define FCGI_APP_PROBLEM_H

#include <stddef.h>

#include "core/strbuf.h"

enum problem {
	PROBLEM_BAD_REQUEST,
	PROBLEM_BODY_CUT,
	PROBLEM_UNAUTHORIZED,
	PROBLEM_FORBIDDEN,
	PROBLEM_NOT_FOUND,
	PROBLEM_METHOD,
	PROBLEM_TIMEOUT,
	PROBLEM_IN_PROGRESS,
	PROBLEM_DELETED,
	PROBLEM_JOB_RUNNING,
	PROBLEM_IMAGES_EXPIRED,
	PROBLEM_TOO_LARGE,
	PROBLEM_URI_TOO_LONG,
	PROBLEM_MEDIA_TYPE,
	PROBLEM_INVALID,
	PROBLEM_KEY_REUSED,
	PROBLEM_RATE,
	PROBLEM_INTERNAL,
	PROBLEM_BUSY,
	PROBLEM_DATABASE,
	PROBLEM_SCHEMA,
	PROBLEM_COUNT
};

struct problem_fault {
	const char *pointer;   /* JSON pointer into the body, or NULL */
	const char *parameter; /* name of a query parameter, or NULL */
	const char *detail;
};

int problem_status(enum problem p);
/* As the document's `code`. */
const char *problem_code(enum problem p);
/* Append the document. */
int problem_render(enum problem p, const char *detail, const struct problem_fault *faults, size_t n,
		   struct strbuf *out);
/* "Not Found" and so on for the statuses that we send. */
const char *http_reason(int status);
/*
 * These statuses in a row, from 0: the i-th, or 0 after the last; and where one stands (500 where it
 * is none of them).
 */
int http_status_at(size_t i);
size_t http_status_index(int status);

#endif
