/* SPDX-License-Identifier: ISC */
/* problem: see problem.h. */
#include "fcgi_app/problem.h"

#include <stddef.h>

static const struct {
	int status;
	const char *code;
} problems[PROBLEM_COUNT] = {
	[PROBLEM_BAD_REQUEST] = {400, "bad_request"},
	[PROBLEM_BODY_CUT] = {400, "body_incomplete"},
	[PROBLEM_UNAUTHORIZED] = {401, "unauthorized"},
	[PROBLEM_FORBIDDEN] = {403, "forbidden"},
	[PROBLEM_NOT_FOUND] = {404, "not_found"},
	[PROBLEM_METHOD] = {405, "method_not_allowed"},
	[PROBLEM_TIMEOUT] = {408, "body_too_slow"},
	[PROBLEM_IN_PROGRESS] = {409, "order_in_progress"},
	[PROBLEM_DELETED] = {409, "job_deleted"},
	[PROBLEM_JOB_RUNNING] = {409, "job_running"},
	[PROBLEM_IMAGES_EXPIRED] = {409, "images_expired"},
	[PROBLEM_TOO_LARGE] = {413, "body_too_large"},
	[PROBLEM_URI_TOO_LONG] = {414, "target_too_long"},
	[PROBLEM_MEDIA_TYPE] = {415, "unsupported_media_type"},
	[PROBLEM_INVALID] = {422, "invalid_request"},
	[PROBLEM_KEY_REUSED] = {422, "idempotency_key_reused"},
	[PROBLEM_RATE] = {429, "too_many_requests"},
	[PROBLEM_INTERNAL] = {500, "internal_error"},
	[PROBLEM_BUSY] = {503, "busy"},
	[PROBLEM_DATABASE] = {503, "database_unavailable"},
	[PROBLEM_SCHEMA] = {503, "wrong_schema"},
};

static const struct {
	int status;
	const char *text;
} reasons[] = {
	{200, "OK"},
	{202, "Accepted"},
	{204, "No Content"},
	{304, "Not Modified"},
	{400, "Bad Request"},
	{401, "Unauthorized"},
	{403, "Forbidden"},
	{404, "Not Found"},
	{405, "Method Not Allowed"},
	{408, "Request Timeout"},
	{409, "Conflict"},
	{413, "Content Too Large"},
	{414, "URI Too Long"},
	{415, "Unsupported Media Type"},
	{422, "Unprocessable Content"},
	{429, "Too Many Requests"},
	{500, "Internal Server Error"},
	{503, "Service Unavailable"},
};

const char *http_reason(int status)
{
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (reasons[i].status == status)
			return reasons[i].text;
	return "Unknown";
}

int problem_status(enum problem p)
{
	return problems[p].status;
}

const char *problem_code(enum problem p)
{
	return problems[p].code;
}

int http_status_at(size_t i)
{
	return i < sizeof(reasons) / sizeof(reasons[0]) ? reasons[i].status : 0;
}

size_t http_status_index(int status)
{
	size_t i = 0;

	while (http_status_at(i) != status && http_status_at(i) != 0)
		i++;
	return http_status_at(i) == status ? i : http_status_index(500);
}

static void render_fault(const struct problem_fault *fault, struct strbuf *out)
{
	strbuf_addc(out, '{');
	if (fault->pointer) {
		strbuf_adds(out, "\"pointer\":");
		strbuf_adds_json(out, fault->pointer);
		strbuf_addc(out, ',');
	}
	if (fault->parameter) {
		strbuf_adds(out, "\"parameter\":");
		strbuf_adds_json(out, fault->parameter);
		strbuf_addc(out, ',');
	}
	strbuf_adds(out, "\"detail\":");
	strbuf_adds_json(out, fault->detail);
	strbuf_addc(out, '}');
}

int problem_render(enum problem p, const char *detail, const struct problem_fault *faults, size_t n,
		   struct strbuf *out)
{
	/*
	 * about:blank (RFC 9457, 4.2.1): the title is the status phrase;
	 * `code` tells the cases apart.
	 */
	strbuf_adds(out, "{\"type\":\"about:blank\",\"title\":");
	strbuf_adds_json(out, http_reason(problems[p].status));
	strbuf_addf(out, ",\"status\":%d,\"code\":\"%s\",\"detail\":", problems[p].status,
		    problems[p].code);
	strbuf_adds_json(out, detail);
	if (n > 0) {
		strbuf_adds(out, ",\"errors\":[");
		for (size_t i = 0; i < n; i++) {
			if (i > 0)
				strbuf_addc(out, ',');
			render_fault(&faults[i], out);
		}
		strbuf_addc(out, ']');
	}
	return strbuf_adds(out, "}\n");
}
