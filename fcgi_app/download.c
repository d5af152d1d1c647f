/* SPDX-License-Identifier: ISC */
/* download: see download.h. */
#include "fcgi_app/download.h"

#include <inttypes.h>

#include "common/log.h"
#include "core/status.h"

#define SLICE_LOTS 1000
/* What one slice may have: LOT_PAGE_BYTES, and one lot more. */
#define SLICE_BYTES (512u << 20)

static const struct {
	const char *content_type, *extension;
} formats[] = {
	[LOT_JSON] = {"application/json", "json"},
	[LOT_NDJSON] = {"application/x-ndjson", "ndjson"},
	[LOT_CSV] = {"text/csv; charset=utf-8; header=present", "csv"},
};

/* -1: the peer left, or the database did. */
static int stream_lots(struct call *c, struct lot_page *p, struct strbuf *slice)
{
	int n;

	while ((n = lot_page_next(p, SLICE_LOTS, slice)) > 0) {
		if (strbuf_failed(slice) || http_stream(&c->response, slice->data, slice->len) < 0)
			return -1;
		strbuf_reset(slice);
		call_progress(c);
	}
	return n;
}

static void begin_body(const struct job *job, const struct lot_page *p, struct strbuf *out)
{
	if (p->format == LOT_JSON) {
		strbuf_add(out, job->status_json, job->status_json_n);
		strbuf_adds(out, ",\"lots\":[");
	} else if (p->format == LOT_CSV) {
		lot_csv_header(p->csv, out);
	}
}

static void end_body(const struct call *c, const struct lot_page *p, struct strbuf *out)
{
	if (p->format != LOT_JSON)
		return;
	strbuf_addc(out, ']');
	status_render_links(c->job_id, c->app->link_base, out);
}

static int stream_body(struct call *c, const struct job *job, struct lot_page *p)
{
	struct strbuf slice;
	int rc;

	strbuf_init(&slice, SLICE_BYTES);
	begin_body(job, p, &slice);
	rc = stream_lots(c, p, &slice);
	end_body(c, p, &slice);
	if (rc == 0)
		rc = strbuf_failed(&slice) ? -1 : http_stream(&c->response, slice.data, slice.len);
	strbuf_clear(&slice);
	return rc;
}

/* A stream that fails is broken off: it cannot take back its 200. */
static void stream(struct call *c, const struct job *job, const struct download *d,
		   struct lot_page *p)
{
	struct http_response *a = &c->response;

	if (!gate_enter(&c->app->gate, &c->pass, GATE_LONG_BYTES + 1)) {
		call_problem(c, PROBLEM_BUSY, "other downloads are under way; try again");
		return;
	}
	a->status = 200;
	a->content_type = formats[d->format].content_type;
	http_add_header(a, "Cache-Control", "private, no-cache");
	http_add_header(a, "Content-Disposition", "%s; filename=\"%s.%s\"",
			d->attachment ? "attachment" : "inline", c->job_id,
			formats[d->format].extension);
	if (http_stream_begin(a) == 0 &&
	    (c->request.method == HTTP_HEAD || stream_body(c, job, p) == 0))
		return;
	log_warning("download broken off job=%s lots=%" PRId64, c->job_id, p->next_seq);
	http_abort(a);
}

void download_send(struct call *c, const struct job *job, const struct download *d)
{
	struct lot_csv csv = {0};
	struct lot_page page;

	if (lot_page_init(&page, c, job, d->language, 0) == 0 &&
	    (d->format != LOT_CSV || lot_csv_init(&csv, c, job->id) == 0)) {
		page.format = d->format;
		page.csv = &csv;
		stream(c, job, d, &page);
	}
	lot_csv_clear(&csv);
	lot_page_clear(&page);
}
