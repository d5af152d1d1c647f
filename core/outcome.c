/* SPDX-License-Identifier: ISC */
/*
 * outcome: see outcome.h. Everything is looked up: first by how the error's message begins, then by
 * its code, then by its type, at last by the HTTP status. Of messages only the beginning counts:
 * what follows may quote a client's own text.
 *
 * Sources, as named in the tables: [guide] OpenAI's guides to batches, errors and structured
 * outputs; [spec] its OpenAPI document; [sdk] its official Node and Python clients; [azure] Azure's
 * Batch pages; [user] reports of users; [peer] what compatible providers document.
 *
 * A failure that concerns everything (key, quota) is never an item's fault: LATER, once an operator
 * acted.
 */
#include "core/outcome.h"

#include <string.h>
#include <strings.h>

#include "core/timemath.h"

#define WAIT_MAX     (10 * T_MIN) /* a longer Retry-After is not believed */
#define PROBE_WAIT   (10 * T_MIN) /* DESIGN, Stops: one probe per 10 minutes */
#define BACKOFF_BASE T_S
#define BACKOFF_MAX  (60 * T_S)

const char *const outcome_names[OUTCOME_COUNT] = {
	[OUTCOME_DONE] = "done",
	[OUTCOME_LATER] = "later",
	[OUTCOME_NEVER] = "never",
	[OUTCOME_UNKNOWN] = "unknown",
};

/* What a failure means, however it was told. */
struct meaning {
	enum outcome outcome;
	enum outcome_scope scope;
	const char *code;
	bool is_void;      /* of a line: it never ran, and burns no attempt */
	bool perhaps_done; /* of a write: it may have been carried out in spite of the failure */
};

struct fact {
	const char *text;
	struct meaning is;
};

/* clang-format off */

#define LATER(code)   { OUTCOME_LATER, SCOPE_CALL, code, false, false }
#define NOT_RUN(code) { OUTCOME_LATER, SCOPE_CALL, code, true, false }
#define DOUBT(code)   { OUTCOME_LATER, SCOPE_CALL, code, false, true }
#define NEVER(code)   { OUTCOME_NEVER, SCOPE_CALL, code, false, false }
#define RECIPE(code)  { OUTCOME_NEVER, SCOPE_RECIPE, code, false, false }
#define STOP(code)    { OUTCOME_LATER, SCOPE_ALL, code, true, false }

/* error.code, whatever the HTTP status: quota codes have been seen at several [user]. */
static const struct fact codes[] = {
	/* No money. [guide] the first; [user] the finer ones since 2026 and the spend limits. */
	{ "insufficient_quota",			STOP("insufficient_quota") },
	{ "credit_balance_exhausted",		STOP("insufficient_quota") },
	{ "organization_spend_limit_exceeded",	STOP("insufficient_quota") },
	{ "project_spend_limit_exceeded",	STOP("insufficient_quota") },
	{ "organization_usage_limit_exceeded",	STOP("insufficient_quota") },
	{ "billing_hard_limit_reached",		STOP("insufficient_quota") },
	{ "billing_not_active",			STOP("insufficient_quota") },
	/* No key. [guide] */
	{ "invalid_api_key",			STOP("invalid_api_key") },
	{ "invalid_organization",		STOP("invalid_api_key") },
	{ "account_deactivated",		STOP("invalid_api_key") },

	/* Never ran. [guide] batch_expired; [user] the rest: batch_cancelled is not documented. */
	{ "batch_expired",			NOT_RUN("batch_expired") },
	{ "batch_cancelled",			NOT_RUN("batch_cancelled") },
	{ "batch_canceled",			NOT_RUN("batch_cancelled") },
	{ "request_cancelled",			NOT_RUN("batch_cancelled") },
	/* No room. [guide] rate_limit_exceeded, slow_down; [user] flex; [peer] capacity_... */
	{ "rate_limit_exceeded",		NOT_RUN("rate_limited") },
	{ "resource_unavailable",		NOT_RUN("no_capacity") },
	{ "capacity_exceeded",			NOT_RUN("no_capacity") },
	{ "slow_down",				LATER("overloaded") },
	{ "overloaded",				LATER("overloaded") },
	/* [user] a create answers 200, then the batch fails with it; frees as other batches end. */
	{ "token_limit_exceeded",		NOT_RUN("token_limit_exceeded") },

	/* Their fault. [spec] */
	{ "server_error",			DOUBT("server_error") },
	{ "vector_store_timeout",		DOUBT("server_error") },

	/* The photographs. [spec] ResponseErrorCode */
	{ "failed_to_download_image",		LATER("image_download_failed") },
	{ "invalid_image",			NEVER("bad_image") },
	{ "invalid_image_format",		NEVER("bad_image") },
	{ "invalid_base64_image",		NEVER("bad_image") },
	{ "invalid_image_url",			NEVER("bad_image") },
	{ "invalid_image_mode",			NEVER("bad_image") },
	{ "image_too_large",			NEVER("bad_image") },
	{ "image_too_small",			NEVER("bad_image") },
	{ "image_parse_error",			NEVER("bad_image") },
	{ "image_file_too_large",		NEVER("bad_image") },
	{ "image_file_not_found",		NEVER("bad_image") },
	{ "unsupported_image_media_type",	NEVER("bad_image") },
	{ "empty_image_file",			NEVER("bad_image") },
	/* What is shown or said. [spec] the first three; [azure] content_filter and below. */
	{ "image_content_policy_violation",	NEVER("content_policy") },
	{ "invalid_prompt",			NEVER("content_policy") },
	{ "bio_policy",				NEVER("content_policy") },
	{ "content_policy_violation",		NEVER("content_policy") },
	{ "content_filter",			NEVER("content_filter") },
	{ "ResponsibleAIPolicyViolation",	NEVER("content_filter") },
	/* Its length. [guide] */
	{ "context_length_exceeded",		NEVER("too_long") },
	{ "string_above_max_length",		NEVER("too_long") },
	{ "request_too_large",			NEVER("too_long") },

	/*
	 * Model, schema, parameter: the same for every item. [guide]; [azure] model_...; [user].
	 * Codes that may also be of one item (invalid_value: its image URL) are not here.
	 */
	{ "model_not_found",			RECIPE("model_not_found") },
	{ "unsupported_model",			RECIPE("model_not_found") },
	{ "model_mismatch",			RECIPE("model_mismatch") },
	{ "mismatched_model",			RECIPE("model_mismatch") },
	{ "data_residency_mismatch",		RECIPE("model_not_found") },
	{ "invalid_json_schema",		RECIPE("bad_schema") },
	{ "unsupported_parameter",		RECIPE("bad_parameter") },
	{ "unsupported_value",			RECIPE("bad_parameter") },
	{ "unknown_parameter",			RECIPE("bad_parameter") },
	{ "missing_required_parameter",		RECIPE("bad_parameter") },
	{ "integer_below_min_value",		RECIPE("bad_parameter") },
	{ "integer_above_max_value",		RECIPE("bad_parameter") },

	/* A whole batch's input file. [user], [azure]: permanent for that file. */
	{ "invalid_json_line",			NEVER("bad_input_file") },
	{ "duplicate_custom_id",		NEVER("bad_input_file") },
	{ "url_mismatch",			NEVER("bad_input_file") },
	{ "empty_file",				NEVER("bad_input_file") },
	{ "empty_batch",			NEVER("bad_input_file") },
	{ "too_many_tasks",			NEVER("bad_input_file") },
	{ "input_modified",			NEVER("bad_input_file") },
	{ "input_no_permissions",		STOP("forbidden") },

	/* [user] may hold for seconds after the creation: the caller knows the age. */
	{ "batch_not_found",			NEVER("not_found") },
};

/* error.type, where the code says nothing. [guide]; [user] insufficient_quota as type. */
static const struct fact types[] = {
	{ "insufficient_quota",		STOP("insufficient_quota") },
	{ "authentication_error",	STOP("invalid_api_key") },
	{ "rate_limit_error",		NOT_RUN("rate_limited") },
	{ "requests",			NOT_RUN("rate_limited") },
	{ "tokens",			NOT_RUN("rate_limited") },
	{ "image_generation_user_error", NEVER("content_policy") },
};

/* Beginnings of error.message that overrule the code: the code is missing, or says too little. */
static const struct fact messages[] = {
	/* [user] with code invalid_value, hours after the order; bounded by max_attempts */
	{ "Error while downloading",		LATER("image_download_failed") },
	{ "Timeout while downloading",		LATER("image_download_failed") },
	{ "Failed to download image",		LATER("image_download_failed") },
	{ "You uploaded an unsupported image",	NEVER("bad_image") },
	{ "Invalid image",			NEVER("bad_image") },
	{ "Invalid base64 image_url",		NEVER("bad_image") },
	/* [user] a 429 that no waiting cures */
	{ "Request too large for",		NEVER("too_long") },
	{ "This model's maximum context length", NEVER("too_long") },
	/* [guide] without a code */
	{ "Invalid schema for response_format",	RECIPE("bad_schema") },
	/* [user] spurious, on requests that are valid JSON */
	{ "We could not parse the JSON body",	LATER("spurious_parse_error") },
	{ "could not parse the JSON body",	LATER("spurious_parse_error") },
	/* [user] of a file that was just uploaded and is there: upload again */
	{ "Cannot find file",			NOT_RUN("file_not_found") },
	{ "No such File object",		NOT_RUN("file_not_found") },
	{ "Enqueued token limit reached",	NOT_RUN("token_limit_exceeded") },
	{ "File is too large",			NEVER("file_too_large") },
	{ "Organizations are limited to",	STOP("storage_full") },
	{ "Cannot cancel a batch",		NEVER("not_cancellable") },
	/* [guide] flex without room, not charged */
	{ "Resource Unavailable",		NOT_RUN("no_capacity") },
	{ "The engine is currently overloaded",	LATER("overloaded") },
	{ "Slow down",				LATER("overloaded") },
};

struct by_status {
	int low, high;
	struct meaning is;
};

/* HTTP status of a call whose body told nothing known. [guide]; 408, 409, 5xx [sdk]; 498 [peer]. */
static const struct by_status call_statuses[] = {
	/* a redirect is not followed for a paid call: the base URL is wrong */
	{ 300, 399, STOP("redirected") },
	{ 401, 401, STOP("invalid_api_key") },
	{ 402, 402, STOP("insufficient_quota") },
	{ 403, 403, STOP("forbidden") },
	{ 404, 404, NEVER("not_found") },
	/* proxies say 408 also of a backend that did not answer in time */
	{ 408, 408, DOUBT("request_timeout") },
	/* a proxy that repeats by itself meets the effect of its first try as a conflict */
	{ 409, 409, DOUBT("conflict") },
	{ 413, 413, NEVER("too_large") },
	{ 425, 425, LATER("too_early") },
	{ 429, 429, NOT_RUN("rate_limited") },
	{ 498, 498, NOT_RUN("no_capacity") },
	{ 400, 499, NEVER("bad_request") },
	/* 500 may come after the effect; 502 to 504 are of proxies, for lost connections too */
	{ 503, 503, DOUBT("overloaded") },
	{ 500, 599, DOUBT("server_error") },
	/* no answer that HTTP knows as a final one */
	{ 0, 999, DOUBT("bad_status") },
};

/*
 * The same of a line in a result file. Its batch was accepted, so that key and base URL are right:
 * 403 and 404 can only mean the model [user].
 */
static const struct by_status line_statuses[] = {
	{ 401, 401, STOP("invalid_api_key") },
	{ 402, 402, STOP("insufficient_quota") },
	{ 403, 403, RECIPE("forbidden") },
	{ 404, 404, RECIPE("model_not_found") },
	{ 408, 408, LATER("request_timeout") },
	{ 409, 409, LATER("conflict") },
	{ 413, 413, NEVER("too_large") },
	{ 429, 429, NOT_RUN("rate_limited") },
	{ 498, 498, NOT_RUN("no_capacity") },
	{ 400, 499, NEVER("bad_request") },
	{ 503, 503, LATER("overloaded") },
	{ 500, 599, LATER("server_error") },
	{ 0, 999, LATER("bad_status") },
};

/* clang-format on */

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static const struct meaning *find_text(const struct fact *facts, size_t n, const char *text)
{
	for (size_t i = 0; text != NULL && i < n; i++)
		if (strcasecmp(text, facts[i].text) == 0)
			return &facts[i].is;
	return NULL;
}

static const struct meaning *find_beginning(const struct fact *facts, size_t n, const char *text)
{
	for (size_t i = 0; text != NULL && i < n; i++)
		if (strncasecmp(text, facts[i].text, strlen(facts[i].text)) == 0)
			return &facts[i].is;
	return NULL;
}

static const struct meaning *find_told(const char *code, const char *type, const char *message)
{
	const struct meaning *m = find_beginning(messages, COUNT(messages), message);

	if (m == NULL)
		m = find_text(codes, COUNT(codes), code);
	if (m == NULL)
		m = find_text(types, COUNT(types), type);
	return m;
}

/* The last row of each table takes every status. */
static const struct meaning *find_status(const struct by_status *rows, int status)
{
	while ((status < rows->low || status > rows->high) && rows->high < 999)
		rows++;
	return &rows->is;
}

static struct call_outcome call_outcome_of(const struct meaning *m, int64_t retry_after_us)
{
	struct call_outcome o = {m->outcome, m->scope, m->code, 0};

	if (o.outcome != OUTCOME_LATER)
		return o;
	o.wait_us = t_min(t_max(retry_after_us, 0), WAIT_MAX);
	if (o.scope == SCOPE_ALL)
		o.wait_us = PROBE_WAIT;
	return o;
}

static struct call_outcome unanswered(const struct call_result *r)
{
	if (r->transport == TRANSPORT_NOT_SENT)
		return (struct call_outcome){OUTCOME_LATER, SCOPE_CALL, "not_connected", 0};
	return (struct call_outcome){r->is_write ? OUTCOME_UNKNOWN : OUTCOME_LATER, SCOPE_CALL,
				     "answer_lost", 0};
}

struct call_outcome call_classify(const struct call_result *r)
{
	const struct meaning *m;

	if (r->transport != TRANSPORT_OK)
		return unanswered(r);
	if (r->http_status >= 200 && r->http_status <= 299)
		return (struct call_outcome){OUTCOME_DONE, SCOPE_CALL, "ok", 0};
	/* an error that is known as a refusal is believed, whatever status came with it */
	m = find_told(r->error_code, r->error_type, r->error_message);
	if (m == NULL)
		m = find_status(call_statuses, r->http_status);
	if (r->is_write && m->perhaps_done)
		return (struct call_outcome){OUTCOME_UNKNOWN, m->scope, m->code, 0};
	return call_outcome_of(m, r->retry_after_us);
}

struct line_outcome line_classify(int http_status, const char *code, const char *type,
				  const char *message)
{
	static const struct meaning never_ran = NOT_RUN("void");
	const struct meaning *m = find_told(code, type, message);

	/* without an HTTP answer nothing was executed, unless the error is one that we know */
	if (m == NULL && http_status == 0)
		m = &never_ran;
	if (m == NULL)
		m = find_status(line_statuses, http_status);
	return (struct line_outcome){m->outcome, m->scope, m->code, m->is_void};
}

struct line_outcome completion_refused(int http_status, bool has_error, const char *code,
				       const char *type, const char *message, bool *no_room)
{
	struct line_outcome o = line_classify(http_status, code, type, message);

	/* a 429 that no waiting cures is none of these */
	*no_room = o.outcome != OUTCOME_NEVER && o.scope != SCOPE_ALL &&
		   (o.is_void || http_status == 429 || (http_status == 503 && has_error));
	o.is_void |= *no_room;
	return o;
}

struct call_outcome batch_failure_classify(const char *code, const char *message)
{
	static const struct meaning permanent = NEVER("batch_failed");
	const struct meaning *m = find_told(code, NULL, message);

	return call_outcome_of(m != NULL ? m : &permanent, 0);
}

/* Of Steele, Lea and Flood: neighbouring seeds give unrelated numbers. */
static uint64_t mix(uint64_t x)
{
	x += UINT64_C(0x9e3779b97f4a7c15);
	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

int64_t backoff_us(unsigned n, uint64_t seed)
{
	const unsigned doublings = n == 0 ? 0 : n - 1;
	const int64_t full = doublings < 6 ? BACKOFF_BASE << doublings : BACKOFF_MAX;
	const int64_t low = full - full / 4;

	return low + (int64_t)(mix(seed ^ mix(n)) % (uint64_t)(full / 2 + 1));
}
