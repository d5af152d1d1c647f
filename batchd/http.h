/* SPDX-License-Identifier: ISC */
/*
 * http: libcurl's multi interface as a set of calls in flight. Owns transfers, time-outs and
 * limits; knows nothing of OpenAI. All sleeping of batchd happens in http_wait.
 *
 * Every POST has a fresh connection that is not reused, HTTP/1.1, no redirects: libcurl never sends
 * it twice. Paid calls (DESIGN I3) have no time-out inside libcurl: http_drain ends such a call
 * only after another curl_multi_perform since its deadline, so that an answer already in the socket
 * is not thrown away; and after the deadline nothing is sent.
 */
#ifndef BATCHD_HTTP_H
#define BATCHD_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "core/allowance.h"
#include "core/err.h"
#include "core/outcome.h"
#include "core/strbuf.h"

struct http; /* opaque */
struct http_call;

typedef void http_done_fn(struct http_call *call, void *ctx);

enum http_method { HTTP_GET, HTTP_POST, HTTP_DELETE };

struct http_request {
	enum http_method method;
	const char *url;               /* copied */
	const char *accept;            /* or NULL */
	const char *json;              /* POST body, copied; or NULL */
	const char *client_request_id; /* X-Client-Request-Id, a header's value; or NULL */
	const char *upload_path;       /* POST as multipart: this file, streamed; or NULL */
	const char *upload_name;       /* its file name for the provider */
	const char *const *form;       /* more fields: name, value, ..., NULL */
	/* the body goes to this file (created, truncated); or NULL: to memory */
	const char *save_path;
	bool paid;
	/* boot clock; a moment and no span, since batchd may stand still; not paid: 0 = none */
	int64_t deadline;
	int64_t send_by;    /* paid: nothing is sent from then on, boot clock; 0 = the deadline */
	int64_t timeout_us; /* not paid: whole call; 0 = none but a stall of 60 s (streams) */
	bool stays;         /* http_abort leaves it */
	http_done_fn *done;
	void *ctx;
};

/* What came back; valid inside done(). */
struct http_call {
	enum transport transport;
	int status;
	struct strbuf body;     /* cut calls: what there was */
	int64_t content_length; /* announced, or -1 */
	int64_t saved_bytes;    /* with save_path */
	int64_t retry_after_us; /* or -1 */
	struct allowance_told told;
	char request_id[129];
	char error[256]; /* transport error in words */
	bool is_write;
};

/* `bearer` is copied; aborts where memory is lacking. */
struct http *http_new(const char *bearer);
void http_free(struct http **http);
void http_set_bearer(struct http *http, const char *bearer);
/*
 * Start a call. done() is called exactly once, from http_drain or an http_abort. 0, or
 * -1 (then it is not called).
 */
int http_start(struct http *http, const struct http_request *request, struct err *err);
/* Sleep until a transfer moves, `fd` is readable or the time is over. */
void http_wait(struct http *http, int fd, int64_t timeout_us);
/* Move transfers, end those whose time passed, and call done() of each that is finished. */
void http_drain(struct http *http);
/* From now on no call is started: http_start fails with ERR_LATER. */
void http_refuse_new(struct http *http);
/* But for those that stay. */
unsigned http_in_flight(const struct http *http);
/* End calls as lost: all but those that stay. */
void http_abort(struct http *http);
/* Every one. */
void http_abort_all(struct http *http);

#endif
