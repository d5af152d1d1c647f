/* SPDX-License-Identifier: ISC */
#include "batchd/http.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/clock.h"
#include "common/must.h"
#include "core/limits.h"
#include "core/timemath.h"

#define STALL_SECONDS   60L /* a stream below STALL_BYTES a second for so long is given up */
#define STALL_BYTES     1024L
#define CONNECT_SECONDS 20L

struct http {
	CURLM *multi;
	char *bearer;
	struct http_private *calls; /* list of those in flight */
	unsigned n;                 /* but for those that stay */
	bool refuses;
};

struct http_private {
	struct http_call call;
	struct http *http;
	struct http_private *next;
	CURL *easy;
	struct curl_slist *headers;
	curl_mime *mime;
	FILE *save;
	bool save_failed;
	bool paid, stays;
	bool sent;        /* the request may have left this machine */
	bool overdue;     /* its time passed before the last perform */
	int64_t deadline; /* boot clock; T_NEVER: none */
	int64_t send_by;  /* the same */
	http_done_fn *done;
	void *ctx;
	char curl_error[CURL_ERROR_SIZE];
};

struct http *http_new(const char *bearer)
{
	struct http *h = must(calloc(1, sizeof(*h)));

	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		abort();
	h->multi = must(curl_multi_init());
	http_set_bearer(h, bearer);
	return h;
}

void http_set_bearer(struct http *h, const char *bearer)
{
	free(h->bearer);
	h->bearer = must(strdup(bearer));
}

static size_t on_body(char *data, size_t one, size_t n, void *arg)
{
	struct http_private *p = arg;

	(void)one;
	/* Error answers are read into memory even where the good one goes to a file. */
	if (p->save && p->call.status == 0) {
		long status = 0;

		curl_easy_getinfo(p->easy, CURLINFO_RESPONSE_CODE, &status);
		p->call.status = (int)status;
	}
	if (p->save && p->call.status == 200) {
		if (fwrite(data, 1, n, p->save) != n) {
			p->save_failed = true;
			return 0;
		}
		p->call.saved_bytes += (int64_t)n;
		return n;
	}
	return strbuf_add(&p->call.body, data, n) == 0 ? n : 0;
}

static void on_retry_after(struct http_call *c, const char *value, bool is_ms)
{
	char *end;
	const double v = strtod(value, &end);

	if (end == value || v < 0 || v > 1e9)
		return; /* a date: providers send seconds; the back-off serves */
	if (is_ms || c->retry_after_us < 0)
		c->retry_after_us = (int64_t)(v * (is_ms ? 1e3 : 1e6));
}

/* "name: value", cut where it is long. False: it is no header. */
static bool split_header(const char *line, size_t n, char *name, size_t name_size, char *value,
			 size_t value_size)
{
	const char *colon = memchr(line, ':', n);
	size_t from, len;

	if (!colon || (size_t)(colon - line) >= name_size)
		return false;
	memcpy(name, line, (size_t)(colon - line));
	name[colon - line] = '\0';
	for (from = (size_t)(colon - line) + 1; from < n && strchr(" \t", line[from]); from++)
		;
	while (n > from && strchr(" \t\r\n", line[n - 1]))
		n--;
	len = n - from < value_size - 1 ? n - from : value_size - 1;
	memcpy(value, line + from, len);
	value[len] = '\0';
	return true;
}

static size_t on_header(char *line, size_t one, size_t n, void *arg)
{
	struct http_call *c = arg;
	char name[64], value[sizeof(c->request_id)];

	(void)one;
	if (!split_header(line, n, name, sizeof(name), value, sizeof(value)))
		return n;
	if (strcasecmp(name, "retry-after-ms") == 0)
		on_retry_after(c, value, true);
	else if (strcasecmp(name, "retry-after") == 0)
		on_retry_after(c, value, false);
	else if (strcasecmp(name, "x-request-id") == 0)
		memcpy(c->request_id, value, sizeof(value));
	else
		allowance_header(&c->told, name, value);
	return n;
}

/*
 * Called when the connection stands and before the first byte of the request (libcurl 7.80). A
 * process that was stopped meanwhile, and lost its lease, must not send.
 */
static int on_prereq(void *arg, char *ip, char *local_ip, int port, int local_port)
{
	struct http_private *p = arg;

	(void)ip, (void)local_ip, (void)port, (void)local_port;
	if (p->paid && clock_boot() >= p->send_by)
		return CURL_PREREQFUNC_ABORT;
	p->sent = true;
	return CURL_PREREQFUNC_OK;
}

static void set_body(struct http_private *p, const struct http_request *r)
{
	if (r->upload_path) {
		curl_mimepart *part;

		p->mime = must(curl_mime_init(p->easy));
		part = must(curl_mime_addpart(p->mime));
		curl_mime_name(part, "file");
		curl_mime_filedata(part, r->upload_path);
		curl_mime_filename(part, r->upload_name);
		curl_mime_type(part, "application/octet-stream");
		for (size_t i = 0; r->form && r->form[i]; i += 2) {
			part = must(curl_mime_addpart(p->mime));
			curl_mime_name(part, r->form[i]);
			curl_mime_data(part, r->form[i + 1], CURL_ZERO_TERMINATED);
		}
		curl_easy_setopt(p->easy, CURLOPT_MIMEPOST, p->mime);
	} else if (r->json) {
		p->headers = must(curl_slist_append(p->headers, "Content-Type: application/json"));
		curl_easy_setopt(p->easy, CURLOPT_COPYPOSTFIELDS, r->json);
	} else if (r->method == HTTP_POST) {
		curl_easy_setopt(p->easy, CURLOPT_POST, 1L);
		curl_easy_setopt(p->easy, CURLOPT_POSTFIELDSIZE, 0L);
	} else if (r->method == HTTP_DELETE) {
		curl_easy_setopt(p->easy, CURLOPT_CUSTOMREQUEST, "DELETE");
	}
}

static void set_headers(struct http_private *p, const struct http_request *r)
{
	struct strbuf line;

	strbuf_init(&line, 4096);
	strbuf_addf(&line, "Authorization: Bearer %s", p->http->bearer);
	p->headers = must(curl_slist_append(p->headers, line.data));
	strbuf_reset(&line);
	strbuf_addf(&line, "Accept: %s", r->accept ? r->accept : "application/json");
	p->headers = must(curl_slist_append(p->headers, line.data));
	if (r->client_request_id) {
		strbuf_reset(&line);
		strbuf_addf(&line, "X-Client-Request-Id: %s", r->client_request_id);
		p->headers = must(curl_slist_append(p->headers, line.data));
	}
	strbuf_clear(&line);
	/* A wait for "100 Continue" makes a lost answer more likely, and saves nothing here. */
	p->headers = must(curl_slist_append(p->headers, "Expect:"));
	curl_easy_setopt(p->easy, CURLOPT_HTTPHEADER, p->headers);
}

static void set_options(struct http_private *p, const struct http_request *r)
{
	CURL *e = p->easy;

	curl_easy_setopt(e, CURLOPT_PRIVATE, p);
	curl_easy_setopt(e, CURLOPT_URL, r->url);
	curl_easy_setopt(e, CURLOPT_ERRORBUFFER, p->curl_error);
	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(e, CURLOPT_WRITEDATA, p);
	curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(e, CURLOPT_HEADERDATA, &p->call);
	curl_easy_setopt(e, CURLOPT_PREREQFUNCTION, on_prereq);
	curl_easy_setopt(e, CURLOPT_PREREQDATA, p);
	curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT, CONNECT_SECONDS);
	curl_easy_setopt(e, CURLOPT_TCP_KEEPALIVE, 1L); /* below the usual NAT limit of minutes */
	curl_easy_setopt(e, CURLOPT_TCP_KEEPIDLE, 45L);
	curl_easy_setopt(e, CURLOPT_TCP_KEEPINTVL, 15L);
	curl_easy_setopt(e, CURLOPT_USERAGENT, "lotscribe");
	curl_easy_setopt(e, CURLOPT_QUICK_EXIT, 1L); /* a stop waits for no name server */
	if (r->method == HTTP_POST) {
		/* On a reused connection that dies libcurl resends a POST by itself, in silence. */
		curl_easy_setopt(e, CURLOPT_FRESH_CONNECT, 1L);
		curl_easy_setopt(e, CURLOPT_FORBID_REUSE, 1L);
		curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	}
	if (p->paid)
		return; /* ended by http_drain alone */
	if (r->timeout_us > 0) {
		curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, (long)(r->timeout_us / T_MS));
	} else {
		curl_easy_setopt(e, CURLOPT_LOW_SPEED_TIME, STALL_SECONDS);
		curl_easy_setopt(e, CURLOPT_LOW_SPEED_LIMIT, STALL_BYTES);
	}
}

static void private_free(struct http_private *p)
{
	if (p->save)
		fclose(p->save);
	curl_easy_cleanup(p->easy);
	curl_mime_free(p->mime);
	curl_slist_free_all(p->headers);
	strbuf_clear(&p->call.body);
	free(p);
}

int http_start(struct http *h, const struct http_request *r, struct err *err)
{
	struct http_private *p;

	if (h->refuses)
		return err_set(err, ERR_LATER, 0, "stopping: no new call");
	p = must(calloc(1, sizeof(*p)));
	p->http = h;
	p->easy = must(curl_easy_init());
	p->paid = r->paid;
	p->stays = r->stays;
	p->done = r->done;
	p->ctx = r->ctx;
	p->deadline = r->paid || r->deadline ? r->deadline : T_NEVER;
	p->send_by = r->send_by ? t_min(r->send_by, p->deadline) : p->deadline;
	p->call.is_write = r->method == HTTP_POST;
	p->call.content_length = -1;
	p->call.retry_after_us = -1;
	p->call.told = allowance_untold;
	strbuf_init(&p->call.body, r->save_path ? LIMIT_ERROR_BODY_BYTES : LIMIT_API_BODY_BYTES);
	if (r->save_path) {
		p->save = fopen(r->save_path, "we");
		if (!p->save) {
			err_set(err, ERR_LATER, errno, "cannot write %s: %s", r->save_path,
				strerror(errno));
			private_free(p);
			return -1;
		}
	}
	set_body(p, r);
	set_headers(p, r);
	set_options(p, r);
	p->next = h->calls;
	h->calls = p;
	h->n += !p->stays;
	if (curl_multi_add_handle(h->multi, p->easy) != CURLM_OK)
		abort();
	return 0;
}

static enum transport transport_of(const struct http_private *p, CURLcode rc)
{
	if (rc == CURLE_OK)
		return TRANSPORT_OK;
	return p->sent ? TRANSPORT_LOST : TRANSPORT_NOT_SENT;
}

static void finish(struct http_private *p, CURLcode rc)
{
	struct http *h = p->http;
	struct http_private **at = &h->calls;
	curl_off_t length = -1;
	long status = 0;

	while (*at != p)
		at = &(*at)->next;
	*at = p->next;
	h->n -= !p->stays;
	curl_easy_getinfo(p->easy, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(p->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
	p->call.status = (int)status;
	p->call.content_length = (int64_t)length;
	p->call.transport = transport_of(p, rc);
	if (p->save) {
		if (fclose(p->save) != 0)
			p->save_failed = true;
		p->save = NULL;
		if (p->save_failed) {
			p->call.transport = TRANSPORT_LOST;
			snprintf(p->call.error, sizeof(p->call.error),
				 "what came cannot be written");
		}
	}
	if (rc != CURLE_OK && !p->save_failed)
		snprintf(p->call.error, sizeof(p->call.error), "%s",
			 p->curl_error[0] ? p->curl_error : curl_easy_strerror(rc));
	curl_multi_remove_handle(h->multi, p->easy);
	p->done(&p->call, p->ctx);
	private_free(p);
}

void http_wait(struct http *h, int fd, int64_t timeout_us)
{
	struct curl_waitfd extra = {.fd = fd, .events = CURL_WAIT_POLLIN};
	const int64_t ms = timeout_us <= 0 ? 0 : (timeout_us + T_MS - 1) / T_MS;

	curl_multi_poll(h->multi, &extra, 1, (int)t_min(ms, 60000), NULL);
}

static void end_overdue(struct http *h)
{
	const int64_t now = clock_boot();
	struct http_private *p = h->calls, *next;

	for (; p; p = next) {
		next = p->next;
		if (now < p->deadline)
			continue;
		if (p->overdue)
			finish(p, CURLE_OPERATION_TIMEDOUT);
		else
			p->overdue = true;
	}
}

void http_drain(struct http *h)
{
	int running, left;
	CURLMsg *m;

	curl_multi_perform(h->multi, &running);
	while ((m = curl_multi_info_read(h->multi, &left))) {
		struct http_private *p;
		const CURLcode rc = m->data.result;

		if (m->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &p);
		finish(p, rc);
	}
	end_overdue(h);
}

void http_refuse_new(struct http *h)
{
	h->refuses = true;
}

unsigned http_in_flight(const struct http *h)
{
	return h->n;
}

void http_abort(struct http *h)
{
	struct http_private *p = h->calls;

	while (p) {
		if (p->stays) {
			p = p->next;
			continue;
		}
		finish(p, CURLE_ABORTED_BY_CALLBACK);
		p = h->calls; /* what it called back may have changed the list */
	}
}

void http_abort_all(struct http *h)
{
	while (h->calls)
		finish(h->calls, CURLE_ABORTED_BY_CALLBACK);
}

void http_free(struct http **http)
{
	struct http *h = *http;

	if (!h)
		return;
	http_abort_all(h);
	curl_multi_cleanup(h->multi);
	free(h->bearer);
	free(h);
	curl_global_cleanup();
	*http = NULL;
}
