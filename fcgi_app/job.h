/* SPDX-License-Identifier: ISC */
/*
 * job: the job that a path names, from memory or as one indexed read gives it (I7); and its end
 * where it is overdue and no batchd has seen to it (I1).
 */
#ifndef FCGI_APP_JOB_H
#define FCGI_APP_JOB_H

#include <stdbool.h>
#include <stdint.h>

#include "core/model.h"
#include "core/strbuf.h"
#include "fcgi_app/cache.h"
#include "fcgi_app/call.h"

/* batchd has this many ticks to close a job before the front end does (DESIGN, I1). */
#define JOB_OVERDUE_TICKS 5

struct job {
	int64_t id, account_id;
	int64_t version;
	enum job_status status;
	enum job_end end; /* what its open items count as once it has ended */
	int64_t updated_at, deadline_at;
	int64_t now; /* the database's clock */
	/* Without links and the final brace; borrowed from the two below. */
	const char *status_json;
	size_t status_json_n;
	bool unstored; /* the closed view of a job that could not be closed */
	struct db_rows *rows;
	struct strbuf text; /* from memory, or the closed view */
};

/*
 * Find c->job_id, which the caller may see. 0, or -1 and the 404 or 503 is prepared. job_clear in
 * any case. What memory holds is not older than a second, but where the database cannot be asked.
 */
int job_load(struct call *c, struct job *job);
/* The same from the database alone, for what changed just now. */
int job_load_anew(struct call *c, struct job *job);
void job_clear(struct job *job);
/* The id as the cache and the park know it. */
void job_uuid(const struct call *c, uint8_t out[16]);
/* What the cache keeps beside an answer about this job. */
struct cached job_cached(const struct job *job);

/* Append the status object. */
int job_render(const struct call *c, const struct job *job, struct strbuf *out);
/* Likewise, with one warning more at the head of its own. */
int job_render_warning(const struct call *c, const struct job *job, const char *code,
		       const char *message, struct strbuf *out);

/* The entity tag of its status, with quotes. */
#define JOB_ETAG_SIZE 48
void job_etag(const struct call *c, const struct job *job, char out[JOB_ETAG_SIZE]);
/* How long until it is overdue: then a read ends it (I1). us */
int64_t job_open_for(const struct call *c, const struct job *job);
/* Add Retry-After, when a client should look again, to an answer about a job that has not ended. */
void job_add_retry_after(struct call *c, const struct job *job);

#endif
