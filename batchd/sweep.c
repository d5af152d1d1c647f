/* SPDX-License-Identifier: ISC */
#include "batchd/sweep.h"

#include <stdlib.h>
#include <string.h>

#include "batchd/harvest.h"
#include "common/log.h"
#include "common/must.h"
#include "core/limits.h"
#include "core/timemath.h"

struct sweep {
	int64_t version;
	char files[3][LIMIT_REMOTE_ID_BYTES];
	int next;
};

static void sweep_go_on(struct work *w);

/* Files that stay a while cost little: a provider in trouble is not asked at every tick. */
static void sweep_later(struct work *w, int64_t wait_us)
{
	const struct sweep *s = w->state;
	struct daemon *d = w->d;
	const int64_t at = t_add(daemon_now(d), t_max(wait_us, d->config->batch.poll_interval));
	struct err err;

	if (db_exec(d->db, STMT_BATCH_NEXT_SET,
		    DB_P(db_time(at), db_int(w->batch_id), db_int(s->version)), &err) < 0)
		log_warning("sweep not put off batch=%lld error=\"%s\"", (long long)w->batch_id,
			    err.text);
	work_free(w);
}

static void on_swept(const struct openai_reply *r, void *ctx)
{
	struct work *w = ctx;
	struct sweep *s = w->state;

	if (r->outcome.outcome != OUTCOME_DONE && r->http_status != 404) {
		log_info("file not deleted batch=%lld error=\"%s\"", (long long)w->batch_id,
			 r->message);
		sweep_later(w, r->outcome.wait_us);
		return;
	}
	s->next++;
	sweep_go_on(w);
}

static void sweep_go_on(struct work *w)
{
	struct sweep *s = w->state;
	struct daemon *d = w->d;
	struct err err;

	while (s->next < 3 && !s->files[s->next][0])
		s->next++;
	if (s->next < 3) {
		if (openai_delete_file(d->openai, s->files[s->next], on_swept, w, &err) < 0)
			work_free(w);
		return;
	}
	if (db_exec(d->db, STMT_BATCH_SWEPT, DB_P(db_time(daemon_now(d)), db_int(w->batch_id)),
		    &err) < 0)
		log_warning("sweep not stored batch=%lld error=\"%s\"", (long long)w->batch_id,
			    err.text);
	work_free(w);
}

static void sweep_batch(struct daemon *d, int64_t id)
{
	struct batch_row b;
	struct err err;
	struct sweep *s;
	struct work *w;

	if (work_find(d, id) || batch_row_read(d->db, id, &b, &err) < 1)
		return;
	if (b.created_at < d->renewed_at) { /* of another installation: never touched */
		if (db_exec(d->db, STMT_BATCH_SWEPT, DB_P(db_time(daemon_now(d)), db_int(id)),
			    &err) < 0)
			log_warning("sweep not stored batch=%lld error=\"%s\"", (long long)id,
				    err.text);
		return;
	}
	if (b.late_files) { /* not read yet */
		harvest_go_on(d, &b);
		return;
	}
	w = work_new(d, id);
	s = must(calloc(1, sizeof(*s)));
	w->state = s;
	w->state_free = free;
	s->version = b.version;
	strcpy(s->files[0], b.input_file_id);
	if (!b.keep_files) { /* what could not be stored stays at the provider */
		strcpy(s->files[1], b.output_file_id);
		strcpy(s->files[2], b.error_file_id);
	}
	sweep_go_on(w);
}

void sweep_closed(struct daemon *d)
{
	int64_t ids[20];
	size_t n = 0;
	struct db_rows *r;
	struct err err;

	if (db_query(d->db, STMT_BATCH_TO_SWEEP, DB_P(db_time(daemon_now(d))), &r, &err) < 0)
		return;
	while (n < 20 && db_next(r))
		ids[n++] = db_get_int(r, 0);
	db_rows_free(&r);
	for (size_t i = 0; i < n; i++)
		sweep_batch(d, ids[i]);
}
