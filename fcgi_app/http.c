/* SPDX-License-Identifier: ISC */
/*
 * http: see http.h. Web servers differ in what they pass: chunked uploads arrive without
 * CONTENT_LENGTH through Apache, and a client that went away is seen in the byte count alone; so
 * nothing here trusts one sign only.
 */
#include "fcgi_app/http.h"

#include <errno.h>
#include <fcgiapp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

#include "common/clock.h"
#include "fcgi_app/problem.h"
#include "fcgi_app/pulse.h"

#define HEADERS_LIMIT  8192
#define KEPT_LIMIT     2048
#define READ_CHUNK     65536
#define SMALL_BODY     8192 /* with its head a new connection takes it at once */
#define PEER_TIMEOUT_S 30

enum http_method http_method_parse(const char *text)
{
	if (strcmp(text, "GET") == 0)
		return HTTP_GET;
	if (strcmp(text, "HEAD") == 0)
		return HTTP_HEAD;
	if (strcmp(text, "POST") == 0)
		return HTTP_POST;
	if (strcmp(text, "DELETE") == 0)
		return HTTP_DELETE;
	if (strcmp(text, "OPTIONS") == 0)
		return HTTP_OPTIONS;
	return HTTP_OTHER;
}

void http_request_init(struct http_request *r, struct FCGX_Request *fcgx)
{
	const char *method;
	const char *uri;

	*r = (struct http_request){.fcgx = fcgx};
	method = http_variable(r, "REQUEST_METHOD");
	uri = http_variable(r, "REQUEST_URI");
	r->method_text = method ? method : "";
	r->method = http_method_parse(r->method_text);
	r->uri = uri ? uri : "";
}

const char *http_variable(const struct http_request *r, const char *name)
{
	const char *value = FCGX_GetParam(name, r->fcgx->envp);

	return value && value[0] != '\0' ? value : NULL;
}

/* Waits for one byte, takes what is there: so that a trickle is seen as such. */
static int read_some(FCGX_Stream *in, char *out, int size)
{
	ptrdiff_t buffered = in->stop - in->rdNext;

	return FCGX_GetStr(out, buffered <= 0 ? 1 : buffered < size ? (int)buffered : size, in);
}

/*
 * How long a peer may take for a part of a body, or of an answer that is more than the socket
 * takes by itself.
 */
static void bear(const struct http_request *r, int option)
{
	const struct timeval limit = {.tv_sec = PEER_TIMEOUT_S};

	setsockopt(r->fcgx->ipcFd, SOL_SOCKET, option, &limit, sizeof(limit));
}

enum http_body http_read_body(const struct http_request *r, struct gate *gate,
			      struct gate_pass *pass, struct strbuf *out)
{
	FCGX_Stream *in = r->fcgx->in;
	const int64_t announced = http_content_length(http_variable(r, "CONTENT_LENGTH"));
	int64_t last = clock_boot();
	struct rate rate = {0};
	char chunk[READ_CHUNK];
	int error;
	int n;

	bear(r, SO_RCVTIMEO);
	if (announced == HTTP_LENGTH_BAD)
		return HTTP_BODY_BAD_LENGTH;
	if (announced >= 0 && (uint64_t)announced > out->limit)
		return HTTP_BODY_TOO_LARGE;
	if (announced >= 0 && !gate_enter(gate, pass, (uint64_t)announced))
		return HTTP_BODY_BUSY;
	while ((n = read_some(in, chunk, READ_CHUNK)) > 0) {
		const int64_t now = clock_boot();

		pulse_beat();
		if ((size_t)n > out->limit - out->len)
			return HTTP_BODY_TOO_LARGE;
		if (!gate_enter(gate, pass, out->len + (size_t)n))
			return HTTP_BODY_BUSY;
		if (strbuf_add(out, chunk, (size_t)n) < 0)
			return HTTP_BODY_NO_MEMORY;
		if (!rate_add(&rate, now - last, n))
			return HTTP_BODY_SLOW;
		last = now;
	}
	error = FCGX_GetError(in);
	if (error == EAGAIN)
		return HTTP_BODY_SLOW;
	if (error != 0 || (announced >= 0 && (uint64_t)announced != out->len))
		return HTTP_BODY_CUT;
	return HTTP_BODY_OK;
}

void http_response_init(struct http_response *a, struct http_request *r, size_t body_limit)
{
	*a = (struct http_response){.request = r, .content_type = "application/json"};
	strbuf_init(&a->headers, HEADERS_LIMIT);
	strbuf_init(&a->kept, KEPT_LIMIT);
	strbuf_init(&a->body, body_limit);
}

void http_response_clear(struct http_response *a)
{
	strbuf_clear(&a->headers);
	strbuf_clear(&a->kept);
	strbuf_clear(&a->body);
}

void http_response_reset(struct http_response *a)
{
	strbuf_reset(&a->headers);
	strbuf_reset(&a->body);
	a->status = 0;
	a->content_type = "application/json";
	a->cacheable = false;
}

static void add_line(struct strbuf *lines, const char *name, const char *fmt, va_list ap)
{
	strbuf_adds(lines, name);
	strbuf_adds(lines, ": ");
	strbuf_addv(lines, fmt, ap); /* what does not fit fails the answer */
	strbuf_adds(lines, "\r\n");
}

void http_add_header(struct http_response *a, const char *name, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add_line(&a->headers, name, fmt, ap);
	va_end(ap);
	if (strcmp(name, "Cache-Control") == 0)
		a->cacheable = true;
}

void http_keep_header(struct http_response *a, const char *name, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add_line(&a->kept, name, fmt, ap);
	va_end(ap);
}

/* These end with their headers (RFC 9110, 15.3.5 and 15.4.5). */
static bool has_body(int status)
{
	return status != 204 && status != 304;
}

/* Status line and headers; body_length < 0: of unknown length. */
static void render_head(const struct http_response *a, int64_t body_length, struct strbuf *out)
{
	strbuf_addf(out, "Status: %d %s\r\n", a->status, http_reason(a->status));
	if (has_body(a->status))
		strbuf_addf(out, "Content-Type: %s\r\n", a->content_type);
	if (body_length >= 0 && has_body(a->status))
		strbuf_addf(out, "Content-Length: %lld\r\n", (long long)body_length);
	if (!a->cacheable)
		strbuf_adds(out, "Cache-Control: no-store\r\n");
	strbuf_adds(out, "X-Content-Type-Options: nosniff\r\n"
			 "Referrer-Policy: no-referrer\r\n"
			 "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\n"
			 "X-Robots-Tag: noindex\r\n");
	strbuf_add(out, a->headers.data, a->headers.len);
	strbuf_add(out, a->kept.data, a->kept.len);
	strbuf_adds(out, "\r\n");
}

/* Give up where the peer takes less than the least rate: a worker is not a buffer. */
static int write_all(struct http_response *a, const char *bytes, size_t n)
{
	FCGX_Stream *out = a->request->fcgx->out;

	while (n > 0) {
		int k = n > READ_CHUNK ? READ_CHUNK : (int)n;
		int64_t started = clock_boot();

		if (FCGX_PutStr(bytes, k, out) != k)
			return -1;
		pulse_beat();
		if (!rate_add(&a->write_rate, clock_boot() - started, k))
			return -1;
		bytes += k;
		n -= (size_t)k;
	}
	return 0;
}

static int write_body(struct http_response *a, const char *bytes, size_t n)
{
	if (write_all(a, bytes, n) < 0)
		return -1;
	a->sent_bytes += n;
	return 0;
}

int http_send(struct http_response *a)
{
	struct strbuf head;
	int rc;

	if (a->body.len > SMALL_BODY)
		bear(a->request, SO_SNDTIMEO);
	strbuf_init(&head, 2 * HEADERS_LIMIT);
	render_head(a, (int64_t)a->body.len, &head);
	rc = strbuf_failed(&head) ? -1 : write_all(a, head.data, head.len);
	if (rc == 0 && a->request->method != HTTP_HEAD && has_body(a->status))
		rc = write_body(a, a->body.data, a->body.len);
	strbuf_clear(&head);
	return rc;
}

int http_stream_begin(struct http_response *a)
{
	struct strbuf head;
	int rc;

	bear(a->request, SO_SNDTIMEO);
	strbuf_init(&head, 2 * HEADERS_LIMIT);
	render_head(a, -1, &head);
	rc = strbuf_failed(&a->headers) || strbuf_failed(&head) ? -1
								: write_all(a, head.data, head.len);
	a->streaming = true;
	strbuf_clear(&head);
	return rc;
}

int http_stream(struct http_response *a, const void *bytes, size_t n)
{
	return a->request->method == HTTP_HEAD ? 0 : write_body(a, bytes, n);
}

void http_abort(struct http_response *a)
{
	a->aborted = true;
	shutdown(a->request->fcgx->ipcFd, SHUT_RDWR);
}
