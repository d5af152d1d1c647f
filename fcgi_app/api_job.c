/* SPDX-License-Identifier: ISC */
/*
 * GET /api/v1/jobs/{id}: the status object plus lots: a page of them, or with ?download=1
 * or ?format= all, streamed.
 */
#include <inttypes.h>
#include <string.h>

#include "common/clock.h"
#include "core/status.h"
#include "fcgi_app/api.h"
#include "fcgi_app/download.h"
#include "fcgi_app/job.h"
#include "fcgi_app/lot_page.h"
#include "fcgi_app/query.h"

#define MOST_LOTS 1000

struct wish { /* the query */
	const char *language;
	int64_t limit, first_seq;
	enum lot_format format;
	bool whole;      /* a format was asked for, or a download */
	bool attachment; /* a download was */
};

static int read_format(struct call *c, const char *value, struct wish *w)
{
	if (strcmp(value, "json") == 0)
		w->format = LOT_JSON;
	else if (strcmp(value, "ndjson") == 0)
		w->format = LOT_NDJSON;
	else if (strcmp(value, "csv") == 0)
		w->format = LOT_CSV;
	else
		return query_refuse(c, "format", "is json, ndjson or csv");
	w->whole = true;
	return 0;
}

static int read_parameter(struct call *c, const char *name, const char *value, struct wish *w)
{
	int64_t n;

	if (strcmp(name, "language") == 0) {
		w->language = value;
	} else if (strcmp(name, "limit") == 0) {
		if (query_number(value, 1, MOST_LOTS, &w->limit) < 0)
			return query_refuse(c, "limit", "is a number from 1 to 1000");
	} else if (strcmp(name, "after") == 0) {
		if (query_number(value, 0, UINT32_MAX, &n) < 0)
			return query_refuse(c, "after", "is what `next` of the page before says");
		w->first_seq = n + 1;
	} else if (strcmp(name, "download") == 0) {
		if (query_flag(value, &w->attachment) < 0)
			return query_refuse(c, "download", "is 1 or 0");
		w->whole = w->whole || w->attachment;
	} else if (strcmp(name, "format") == 0) {
		return read_format(c, value, w);
	} else {
		return query_refuse(c, name, "is not known here");
	}
	return 0;
}

static int read_wish(struct call *c, struct wish *w)
{
	const struct target *t = &c->target;

	*w = (struct wish){.limit = MOST_LOTS};
	for (size_t i = 0; i < t->parameter_count; i++)
		if (read_parameter(c, t->parameters[i].name, t->parameters[i].value, w) < 0)
			return -1;
	if (w->whole && (target_parameter(t, "limit") || target_parameter(t, "after")))
		return query_refuse(c, w->attachment ? "download" : "format",
				    "gives the whole and takes neither limit nor after");
	return 0;
}

/* ,"next":"/api/v1/jobs/...?limit=1000&after=999" or null */
static void render_next(const struct call *c, const struct wish *w, const struct lot_page *p,
			struct strbuf *out)
{
	if (p->next_seq >= p->n_lots) {
		strbuf_adds(out, ",\"next\":null");
		return;
	}
	strbuf_adds(out, ",\"next\":\"");
	strbuf_adds(out, c->app->link_base);
	strbuf_addf(out, "/api/v1/jobs/%s?limit=%" PRId64 "&after=%" PRId64, c->job_id, w->limit,
		    p->next_seq - 1);
	if (p->language >= 0)
		strbuf_addf(out, "&language=%s", p->tags[p->language]);
	strbuf_addc(out, '"');
}

static int render_page(struct call *c, const struct job *job, const struct wish *w,
		       struct lot_page *p)
{
	struct strbuf *out = &c->response.body;
	int64_t left = w->limit;
	int n = 0;

	strbuf_add(out, job->status_json, job->status_json_n);
	strbuf_adds(out, ",\"lots\":[");
	while (left > 0 && out->len < LOT_PAGE_BYTES && (n = lot_page_next(p, left, out)) > 0)
		left -= n;
	if (n < 0)
		return -1;
	strbuf_addc(out, ']');
	render_next(c, w, p, out);
	return status_render_links(c->job_id, c->app->link_base, out);
}

/*
 * The first page as it is asked for without any wish: it is kept, as long as
 * the job has this version.
 */
static bool is_plain(const struct call *c, const struct job *job)
{
	return c->target.parameter_count == 0 && !job->unstored;
}

static bool take_kept(struct call *c, const struct job *job)
{
	struct cached head;
	uint8_t uuid[16];

	job_uuid(c, uuid);
	if (!is_plain(c, job) ||
	    !cache_get(c->app->cache, uuid, CACHE_RESULT, clock_boot(), &head, &c->response.body))
		return false;
	if (head.version == job->version)
		return true;
	strbuf_reset(&c->response.body);
	return false;
}

static void keep(struct call *c, const struct job *job)
{
	const struct cached head = job_cached(job);
	const struct strbuf *body = &c->response.body;
	uint8_t uuid[16];

	job_uuid(c, uuid);
	if (is_plain(c, job) && !strbuf_failed(body))
		cache_put(c->app->cache, uuid, CACHE_RESULT, clock_boot(), &head, body->data,
			  body->len);
}

static int make_page(struct call *c, const struct job *job, const struct wish *w)
{
	struct lot_page page;
	int rc = lot_page_init(&page, c, job, w->language, w->first_seq);

	if (rc == 0)
		rc = render_page(c, job, w, &page);
	if (rc == 0)
		keep(c, job);
	lot_page_clear(&page);
	return rc;
}

static void answer_page(struct call *c, const struct job *job, const struct wish *w)
{
	if (!take_kept(c, job) && make_page(c, job, w) < 0)
		return;
	c->response.status = 200;
	http_add_header(&c->response, "Cache-Control", "private, no-cache");
	job_add_retry_after(c, job);
}

void api_job(struct call *c)
{
	struct wish wish;
	struct job job;

	if (read_wish(c, &wish) < 0)
		return;
	if (job_load(c, &job) == 0) {
		if (wish.whole)
			download_send(c, &job,
				      &(struct download){.format = wish.format,
							 .language = wish.language,
							 .attachment = wish.attachment});
		else
			answer_page(c, &job, &wish);
	}
	job_clear(&job);
}
