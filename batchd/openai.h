/* SPDX-License-Identifier: ISC */
/*
 * openai: the provider's Files and Batch API on top of batchd/http.h. Every call is asynchronous
 * and ends in one reply: an outcome (core/outcome.h) and, where it is DONE, the parsed body.
 * Reads leniently (compatible providers write status in any case, times as integers or ISO,
 * null, absent and "" alike).
 */
#ifndef BATCHD_OPENAI_H
#define BATCHD_OPENAI_H

#include <json-c/json_types.h>
#include <stdbool.h>
#include <stdint.h>

#include "batchd/http.h"
#include "core/model.h"
#include "core/outcome.h"

struct openai;

struct openai_reply {
	struct call_outcome outcome;
	int http_status;                     /* 0: no answer */
	struct json_object *body;            /* DONE: parsed, not NULL; borrowed */
	int64_t saved_bytes, content_length; /* downloads */
	const char *text;                    /* the body as it came, borrowed; or NULL */
	size_t text_n;
	char message[240]; /* failure in words, for log and row */
	char request_id[129];
	struct allowance_told told; /* by rate-limit headers */
};

typedef void openai_done_fn(const struct openai_reply *reply, void *ctx);

/* What a batch object says. Texts are borrowed from the JSON object. */
struct remote_batch {
	const char *id; /* never NULL */
	enum remote_status status;
	const char *status_text;
	const char *input_file_id, *output_file_id, *error_file_id; /* or NULL */
	int64_t created_at, expires_at;                             /* or 0 */
	int64_t total, done, failed;                                /* request_counts, or 0 */
	const char *installation, *batch_key, *recipe;              /* of the metadata; or NULL */
	const char *error_code, *error_message; /* first validation error; or NULL */
};

struct openai *openai_new(struct http *http, const char *base_url);
void openai_free(struct openai **o);
const char *openai_base_url(const struct openai *o);

/*
 * 0 and *out, or -1 where the object has no id. `job` wrappers are taken off; error_code and
 * error_message are found wherever in `errors` they are.
 */
int remote_batch_read(const struct json_object *object, struct remote_batch *out);

/* Every start returns 0 (done will be called once) or -1 with *err. */
int openai_upload(struct openai *o, const char *path, const char *name, int64_t deadline,
		  openai_done_fn *done, void *ctx, struct err *err);

struct openai_create {
	const char *input_file_id;
	const char *installation, *batch_key, *recipe; /* for the metadata */
	int64_t deadline;                              /* boot clock, before the lease ends */
};
int openai_create_batch(struct openai *o, const struct openai_create *c, openai_done_fn *done,
			void *ctx, struct err *err);
/* One page of 100, newest first; after: id of the last one seen, or NULL. */
int openai_list_batches(struct openai *o, const char *after, openai_done_fn *done, void *ctx,
			struct err *err);
int openai_get_batch(struct openai *o, const char *id, openai_done_fn *done, void *ctx,
		     struct err *err);
int openai_cancel_batch(struct openai *o, const char *id, openai_done_fn *done, void *ctx,
			struct err *err);
int openai_delete_file(struct openai *o, const char *id, openai_done_fn *done, void *ctx,
		       struct err *err);
/* Our files, the oldest first: one page of 10,000. */
int openai_list_files(struct openai *o, openai_done_fn *done, void *ctx, struct err *err);
/* The file's object: its length is compared with what was downloaded. */
int openai_get_file(struct openai *o, const char *id, openai_done_fn *done, void *ctx,
		    struct err *err);
int openai_download(struct openai *o, const char *id, const char *path, int64_t deadline,
		    openai_done_fn *done, void *ctx, struct err *err);

/*
 * A chat completion, now: a paid call. `body` is JSON; custom_id goes with it as
 * X-Client-Request-Id. It is sent before send_by, or not at all, and cut at the deadline; both boot
 * clock. It goes on where the lease is lost (http_abort).
 */
int openai_complete(struct openai *o, const char *body, const char *custom_id, int64_t send_by,
		    int64_t deadline, openai_done_fn *done, void *ctx, struct err *err);

#endif
