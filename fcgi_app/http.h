/* SPDX-License-Identifier: ISC */
/*
 * http: one FastCGI request seen as HTTP: method, target, the headers that we know, the
 * body under a limit; and its answer, written once, or as a stream. The only file that
 * speaks to libfcgi's streams.
 *
 * Text of the request is borrowed from libfcgi until the request is finished.
 */
#ifndef FCGI_APP_HTTP_H
#define FCGI_APP_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/http_header.h"
#include "core/rate.h"
#include "core/strbuf.h"
#include "fcgi_app/gate.h"

struct FCGX_Request;

enum http_method {
	HTTP_GET = 1,
	HTTP_HEAD = 2,
	HTTP_POST = 4,
	HTTP_DELETE = 8,
	HTTP_OPTIONS = 16,
	HTTP_OTHER = 32,
};

enum http_method http_method_parse(const char *text);

struct http_request {
	struct FCGX_Request *fcgx;
	enum http_method method;
	const char *method_text; /* for the log */
	const char *uri; /* REQUEST_URI as the client sent it; "" where the server gave none */
};

enum http_body {
	HTTP_BODY_OK,
	HTTP_BODY_TOO_LARGE,
	HTTP_BODY_CUT,        /* the client went away, or sent less or more than it announced */
	HTTP_BODY_BAD_LENGTH, /* CONTENT_LENGTH is no number */
	HTTP_BODY_SLOW,
	HTTP_BODY_BUSY, /* the gate has no room for it */
	HTTP_BODY_NO_MEMORY,
};

void http_request_init(struct http_request *r, struct FCGX_Request *fcgx);
/* A CGI variable ("HTTP_AUTHORIZATION", "CONTENT_TYPE"), or NULL where absent or empty. */
const char *http_variable(const struct http_request *r, const char *name);
/*
 * Read the whole body into *out, whose limit is the body's. What is taken of the gate
 * is the caller's to leave.
 */
enum http_body http_read_body(const struct http_request *r, struct gate *gate,
			      struct gate_pass *pass, struct strbuf *out);

struct http_response {
	struct http_request *request;
	int status;               /* 0: none yet */
	const char *content_type; /* of the body */
	struct strbuf headers;    /* further header lines, each ended by CR LF */
	struct strbuf kept;       /* those of them that a reset keeps */
	struct strbuf body;
	bool cacheable; /* the handler wrote Cache-Control itself */
	bool streaming;
	bool aborted;           /* the peer did not take it whole */
	uint64_t sent_bytes;    /* of its body */
	struct rate write_rate; /* in the time that is spent in writing */
};

/* `body_limit` is what an answer that is written at once may have. */
void http_response_init(struct http_response *a, struct http_request *r, size_t body_limit);
void http_response_clear(struct http_response *a);
/* Forget what was prepared, but for the headers that are kept. */
void http_response_reset(struct http_response *a);
/* Values come from us or from checked text: no line breaks. */
void http_add_header(struct http_response *a, const char *name, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* The same for one that goes with whatever is answered in the end. */
void http_keep_header(struct http_response *a, const char *name, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Send status, headers and body, once. -1 where the peer has left or is too slow. */
int http_send(struct http_response *a);
/* Send status and headers; then pieces. -1 likewise. */
int http_stream_begin(struct http_response *a);
int http_stream(struct http_response *a, const void *bytes, size_t n);
/* Break the connection off, so that an answer that cannot be completed does not look complete. */
void http_abort(struct http_response *a);

#endif
