/* SPDX-License-Identifier: ISC */
/* GET .../status: the ready-made status object of the job row, or 304. One read (I7). */
#include <inttypes.h>

#include "fcgi_app/api.h"
#include "fcgi_app/job.h"

static void answer(struct call *c, const struct job *job)
{
	struct http_response *a = &c->response;
	int64_t retry_after_s = job_retry_after_s(c, job);
	char etag[JOB_ETAG_SIZE];

	job_etag(c, job, etag);
	http_add_header(a, "ETag", "%s", etag);
	http_add_header(a, "Cache-Control", "private, no-cache");
	if (retry_after_s > 0)
		http_add_header(a, "Retry-After", "%" PRId64, retry_after_s);
	if (http_etag_matches(http_variable(&c->request, "HTTP_IF_NONE_MATCH"), etag)) {
		a->status = 304;
		return;
	}
	a->status = 200;
	job_render(c, job, "", &a->body);
}

void api_status(struct call *c)
{
	struct job job;

	if (job_load(c, &job) == 0)
		answer(c, &job);
	job_clear(&job);
}
