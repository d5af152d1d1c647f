/* SPDX-License-Identifier: ISC */
#include "batchd/openai.h"

#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "common/must.h"
#include "core/json_util.h"
#include "core/limits.h"
#include "core/timemath.h"
#include "core/utf8.h"

#define READ_TIMEOUT (60 * T_S) /* a page of 100 batches takes a second or two */
#define FILE_EXPIRES "2592000"  /* 30 days, the longest: the provider's storage must not fill up */

struct openai {
	struct http *http;
	char *base_url;
};

struct pending { /* between start and done */
	openai_done_fn *done;
	void *ctx;
	bool wants_body;
};

struct openai *openai_new(struct http *http, const char *base_url)
{
	struct openai *o = must(calloc(1, sizeof(*o)));

	o->base_url = must(strdup(base_url));
	o->http = http;
	return o;
}

void openai_free(struct openai **o)
{
	if (*o) {
		free((*o)->base_url);
		free(*o);
		*o = NULL;
	}
}

const char *openai_base_url(const struct openai *o)
{
	return o->base_url;
}

/* `errors` may be an object with data, an array, an object or a string (compatible providers). */
static void read_errors(const struct json_object *object, struct remote_batch *out)
{
	struct json_object *errors = NULL, *data, *first;

	json_object_object_get_ex(object, "errors", &errors);
	data = json_get_array(errors, "data");
	if (!data && json_object_is_type(errors, json_type_array))
		data = errors;
	first = data && json_object_array_length(data) ? json_object_array_get_idx(data, 0)
						       : errors;
	out->error_code = json_get_text(first, "code");
	out->error_message = json_get_text(first, "message");
	if (json_object_is_type(errors, json_type_string))
		out->error_message = json_object_get_string(errors);
}

int remote_batch_read(const struct json_object *object, struct remote_batch *out)
{
	struct json_object *inner = json_get_object(object, "job");
	const struct json_object *b = inner ? inner : object;
	const struct json_object *counts = json_get_object(b, "request_counts");
	const struct json_object *metadata = json_get_object(b, "metadata");

	memset(out, 0, sizeof(*out));
	out->id = json_get_text(b, "id");
	if (!out->id || strlen(out->id) >= LIMIT_REMOTE_ID_BYTES)
		return -1;
	out->status_text = json_get_text(b, "status");
	out->status = remote_status_parse(out->status_text);
	out->input_file_id = json_get_text(b, "input_file_id");
	out->output_file_id = json_get_text(b, "output_file_id");
	out->error_file_id = json_get_text(b, "error_file_id");
	json_get_time(b, "created_at", &out->created_at);
	json_get_time(b, "expires_at", &out->expires_at);
	json_get_int(counts, "total", 0, UINT32_MAX, &out->total);
	json_get_int(counts, "completed", 0, UINT32_MAX, &out->done);
	json_get_int(counts, "failed", 0, UINT32_MAX, &out->failed);
	out->installation = json_get_text(metadata, "lotscribe_installation");
	out->batch_key = json_get_text(metadata, "lotscribe_batch");
	out->recipe = json_get_text(metadata, "lotscribe_recipe");
	read_errors(b, out);
	return 0;
}

static struct call_result result_of(const struct http_call *call, const struct json_object *body)
{
	const struct json_object *error = json_get_object(body, "error");

	return (struct call_result){
		.transport = call->transport,
		.http_status = call->status,
		.error_code = json_get_text(error, "code"),
		.error_type = json_get_text(error, "type"),
		.error_message = json_get_text(error, "message"),
		.retry_after_us = call->retry_after_us,
		.is_write = call->is_write,
	};
}

static void fill_message(struct openai_reply *reply, const struct http_call *call,
			 const struct call_result *r)
{
	if (call->transport != TRANSPORT_OK)
		snprintf(reply->message, sizeof(reply->message), "%.200s", call->error);
	else
		snprintf(reply->message, sizeof(reply->message), "HTTP %d: %.180s", call->status,
			 r->error_message ? r->error_message : "no message");
	utf8_trim(reply->message);
}

static void on_done(struct http_call *call, void *ctx)
{
	struct pending *p = ctx;
	struct json_object *body = NULL;
	struct openai_reply reply = {.http_status = call->status,
				     .saved_bytes = call->saved_bytes,
				     .content_length = call->content_length};
	struct call_result result;

	if (call->body.len > 0 &&
	    json_parse(call->body.data, call->body.len, &json_rules_provider, &body, NULL) < 0)
		body = NULL;
	result = result_of(call, body);
	reply.outcome = call_classify(&result);
	if (reply.outcome.outcome == OUTCOME_DONE && p->wants_body &&
	    !json_object_is_type(body, json_type_object)) {
		/*
		 * 200 with a body that is none: a write may have happened, a read may be repeated.
		 */
		reply.outcome.outcome = call->is_write ? OUTCOME_UNKNOWN : OUTCOME_LATER;
		reply.outcome.code = "unreadable_answer";
	}
	reply.body = body;
	reply.text = call->body.data;
	reply.text_n = call->body.len;
	memcpy(reply.request_id, call->request_id, sizeof(reply.request_id));
	reply.told = call->told;
	fill_message(&reply, call, &result);
	p->done(&reply, p->ctx);
	json_object_put(body);
	free(p);
}

static int start(struct openai *o, struct http_request *r, const char *path, openai_done_fn *done,
		 void *ctx, struct err *err)
{
	struct pending *p = must(calloc(1, sizeof(*p)));
	struct strbuf url;
	int rc;

	p->done = done;
	p->ctx = ctx;
	p->wants_body = !r->save_path;
	strbuf_init(&url, 4096);
	strbuf_adds(&url, o->base_url);
	strbuf_adds(&url, path);
	r->url = url.data;
	r->done = on_done;
	r->ctx = p;
	rc = strbuf_failed(&url) ? err_set(err, ERR_NEVER, 0, "URL too long")
				 : http_start(o->http, r, err);
	strbuf_clear(&url);
	if (rc < 0)
		free(p);
	return rc;
}

/* "/prefix/<id><suffix>", the id percent-encoded: it is foreign text. */
static int start_id(struct openai *o, struct http_request *r, const char *prefix, const char *id,
		    const char *suffix, openai_done_fn *done, void *ctx, struct err *err)
{
	struct strbuf path;
	int rc;

	strbuf_init(&path, 4096);
	strbuf_adds(&path, prefix);
	for (const char *s = id; *s; s++) {
		const unsigned char c = (unsigned char)*s;

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		    strchr("-_.~", c))
			strbuf_addc(&path, *s);
		else
			strbuf_addf(&path, "%%%02X", c);
	}
	strbuf_adds(&path, suffix);
	rc = strbuf_failed(&path) ? err_set(err, ERR_NEVER, 0, "id too long")
				  : start(o, r, path.data, done, ctx, err);
	strbuf_clear(&path);
	return rc;
}

int openai_upload(struct openai *o, const char *path, const char *name, int64_t deadline,
		  openai_done_fn *done, void *ctx, struct err *err)
{
	static const char *const form[] = {"purpose",
					   "batch",
					   "expires_after[anchor]",
					   "created_at",
					   "expires_after[seconds]",
					   FILE_EXPIRES,
					   NULL};
	struct http_request r = {.method = HTTP_POST,
				 .upload_path = path,
				 .upload_name = name,
				 .form = form,
				 .deadline = deadline};

	return start(o, &r, "/files", done, ctx, err);
}

int openai_create_batch(struct openai *o, const struct openai_create *c, openai_done_fn *done,
			void *ctx, struct err *err)
{
	struct http_request r = {.method = HTTP_POST, .paid = true, .deadline = c->deadline};
	struct strbuf json;
	int rc;

	strbuf_init(&json, 8192);
	strbuf_adds(&json, "{\"input_file_id\":");
	strbuf_adds_json(&json, c->input_file_id);
	strbuf_adds(&json,
		    ",\"endpoint\":\"/v1/chat/completions\",\"completion_window\":\"24h\","
		    "\"output_expires_after\":{\"anchor\":\"created_at\",\"seconds\":" FILE_EXPIRES
		    "},"
		    "\"metadata\":{\"lotscribe_installation\":");
	strbuf_adds_json(&json, c->installation);
	strbuf_adds(&json, ",\"lotscribe_batch\":");
	strbuf_adds_json(&json, c->batch_key);
	strbuf_adds(&json, ",\"lotscribe_recipe\":");
	strbuf_adds_json(&json, c->recipe);
	strbuf_adds(&json, "}}");
	r.json = json.data;
	rc = start(o, &r, "/batches", done, ctx, err);
	strbuf_clear(&json);
	return rc;
}

int openai_list_batches(struct openai *o, const char *after, openai_done_fn *done, void *ctx,
			struct err *err)
{
	struct http_request r = {.method = HTTP_GET, .timeout_us = READ_TIMEOUT};

	if (!after)
		return start(o, &r, "/batches?limit=100", done, ctx, err);
	return start_id(o, &r, "/batches?limit=100&after=", after, "", done, ctx, err);
}

int openai_get_batch(struct openai *o, const char *id, openai_done_fn *done, void *ctx,
		     struct err *err)
{
	struct http_request r = {.method = HTTP_GET, .timeout_us = READ_TIMEOUT};

	return start_id(o, &r, "/batches/", id, "", done, ctx, err);
}

int openai_cancel_batch(struct openai *o, const char *id, openai_done_fn *done, void *ctx,
			struct err *err)
{
	struct http_request r = {.method = HTTP_POST, .timeout_us = READ_TIMEOUT};

	return start_id(o, &r, "/batches/", id, "/cancel", done, ctx, err);
}

int openai_delete_file(struct openai *o, const char *id, openai_done_fn *done, void *ctx,
		       struct err *err)
{
	struct http_request r = {.method = HTTP_DELETE, .timeout_us = READ_TIMEOUT};

	return start_id(o, &r, "/files/", id, "", done, ctx, err);
}

int openai_list_files(struct openai *o, openai_done_fn *done, void *ctx, struct err *err)
{
	struct http_request r = {.method = HTTP_GET, .timeout_us = READ_TIMEOUT};

	return start(o, &r, "/files?purpose=batch&order=asc&limit=10000", done, ctx, err);
}

int openai_get_file(struct openai *o, const char *id, openai_done_fn *done, void *ctx,
		    struct err *err)
{
	struct http_request r = {.method = HTTP_GET, .timeout_us = READ_TIMEOUT};

	return start_id(o, &r, "/files/", id, "", done, ctx, err);
}

int openai_download(struct openai *o, const char *id, const char *path, int64_t deadline,
		    openai_done_fn *done, void *ctx, struct err *err)
{
	/* As the official clients ask for it; the type of the answer is not looked at. */
	struct http_request r = {.method = HTTP_GET,
				 .accept = "application/binary",
				 .save_path = path,
				 .deadline = deadline};

	return start_id(o, &r, "/files/", id, "/content", done, ctx, err);
}

int openai_complete(struct openai *o, const char *body, const char *custom_id, int64_t send_by,
		    int64_t deadline, openai_done_fn *done, void *ctx, struct err *err)
{
	struct http_request r = {.method = HTTP_POST,
				 .paid = true,
				 .stays = true,
				 .json = body,
				 .client_request_id = custom_id,
				 .send_by = send_by,
				 .deadline = deadline};

	return start(o, &r, "/chat/completions", done, ctx, err);
}
