/* SPDX-License-Identifier: ISC */
/*
 * GET .../status: the ready-made status object of the job row, or 304. One read (I7), or none. With
 * Prefer: wait=N (RFC 7240) the answer is held until there is something new to say.
 */
#include <inttypes.h>

#include "common/clock.h"
#include "core/timemath.h"
#include "fcgi_app/api.h"
#include "fcgi_app/job.h"

static bool is_known(const struct call *c, const char *etag)
{
	return http_etag_matches(http_variable(&c->request, "HTTP_IF_NONE_MATCH"), etag);
}

/* Seconds that the client is willing to wait here; 0 = none. */
static int64_t wait_wished_s(const struct call *c)
{
	const int64_t most = c->app->config->http.wait_max / T_S;

	return t_min(http_prefer_wait_s(http_variable(&c->request, "HTTP_PREFER")), most);
}

/* Nothing to say beyond what the client knows, and something may come. */
static bool should_wait(struct call *c, const struct job *job, const char *etag)
{
	const bool has_tag = http_variable(&c->request, "HTTP_IF_NONE_MATCH") != NULL;
	uint8_t uuid[16];

	if (c->resumed || job->unstored || job_status_is_terminal(job->status) ||
	    (has_tag && !is_known(c, etag)))
		return false;
	job_uuid(c, uuid);
	return park_has_room(c->app->park, uuid);
}

static void answer(struct call *c, const struct job *job, const char *etag, int64_t waited_s)
{
	struct http_response *a = &c->response;

	http_add_header(a, "ETag", "%s", etag);
	http_add_header(a, "Cache-Control", "private, no-cache");
	job_add_retry_after(c, job);
	if (waited_s > 0)
		http_add_header(a, "Preference-Applied", "wait=%" PRId64, waited_s);
	if (is_known(c, etag)) {
		a->status = 304;
		return;
	}
	a->status = 200;
	job_render(c, job, &a->body);
}

void api_status(struct call *c)
{
	const int64_t wait_s = wait_wished_s(c);
	char etag[JOB_ETAG_SIZE];
	struct job job;

	if (job_load(c, &job) == 0) {
		job_etag(c, &job, etag);
		if (wait_s > 0 && should_wait(c, &job, etag)) {
			c->park_until =
				t_add(clock_boot(), t_min(wait_s * T_S, job_open_for(c, &job)));
			c->park_version = job.version;
		} else {
			answer(c, &job, etag, c->resumed ? wait_s : 0);
		}
	}
	job_clear(&job);
}
