/* SPDX-License-Identifier: ISC */
/* GET .../events: the job's timeline, oldest first; of a very long one its newest part. */
#include "core/timemath.h"
#include "fcgi_app/api.h"
#include "fcgi_app/job.h"

#define MOST_EVENTS 1000

static void render(struct db_rows *rows, const char *job_id, struct strbuf *out)
{
	const char *comma = "";

	strbuf_addf(out, "{\"job_id\":\"%s\",\"events\":[", job_id);
	while (db_next(rows)) {
		strbuf_addf(out, "%s{\"at\":", comma);
		strbuf_add_time(out, db_get_time(rows, 0));
		strbuf_adds(out, ",\"kind\":");
		strbuf_adds_json(out, db_get_text(rows, 1, NULL));
		strbuf_adds(out, ",\"message\":");
		strbuf_adds_json(out, db_get_text(rows, 2, NULL));
		strbuf_adds(out, ",\"count\":");
		if (db_is_null(rows, 3))
			strbuf_adds(out, "null");
		else
			strbuf_addi(out, db_get_int(rows, 3));
		strbuf_addc(out, '}');
		comma = ",";
	}
	strbuf_adds(out, "]}");
}

void api_events(struct call *c)
{
	struct job job;
	struct db_rows *rows;

	if (job_load(c, &job) == 0 &&
	    call_query(c, STMT_FRONT_EVENTS,
		       DB_P(db_int(job.id), db_int(job.id), db_int(MOST_EVENTS)), &rows) == 0) {
		c->response.status = 200;
		http_add_header(&c->response, "Cache-Control", "private, no-cache");
		render(rows, c->job_id, &c->response.body);
		db_rows_free(&rows);
	}
	job_clear(&job);
}
