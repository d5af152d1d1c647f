/* SPDX-License-Identifier: ISC */
#include "batchd/late.h"

#include <stdio.h>
#include <string.h>

#include "batchd/submit.h"
#include "common/log.h"
#include "core/timemath.h"

static bool is_news(const char *had, const char *named)
{
	return !had[0] && named && named[0];
}

static void files_named(struct daemon *d, struct batch_row *b, const struct remote_batch *r)
{
	int64_t files;
	char message[128];

	/* What it named before it was lost was never read. */
	if (b->reason == REASON_LOST)
		b->output_file_id[0] = b->error_file_id[0] = '\0';
	files = (is_news(b->output_file_id, r->output_file_id) ? LATE_OUTPUT : 0) |
		(is_news(b->error_file_id, r->error_file_id) ? LATE_ERRORS : 0);
	if (!files)
		return;
	batch_row_observe(b, r, t_max(daemon_now(d), b->observed_at));
	b->late_files = files;
	b->harvest_file = b->harvest_offset = 0;
	b->next_at = daemon_now(d);
	b->tries = 0;
	snprintf(message, sizeof(message), "result files are named after it was closed as %s",
		 batch_reason_names[b->reason]);
	if (submit_store(d, b, "late_files", message) == 0)
		log_warning("late result files batch=%lld remote=%s reason=%s output=%s errors=%s",
			    (long long)b->id, b->remote_id, batch_reason_names[b->reason],
			    b->output_file_id[0] ? b->output_file_id : "-",
			    b->error_file_id[0] ? b->error_file_id : "-");
}

static void on_cancelled(const struct openai_reply *r, void *ctx)
{
	struct work *w = ctx;

	if (r->outcome.outcome != OUTCOME_DONE)
		log_warning("call failed call=cancel batch=%lld error=\"%s\"",
			    (long long)w->batch_id, r->message);
	work_free(w); /* the next pass asks again where it still runs */
}

static void came_back(struct daemon *d, struct batch_row *b, const struct remote_batch *r)
{
	struct work *w;
	struct err err;

	if (batch_row_observe(b, r, t_max(daemon_now(d), b->observed_at)) &&
	    submit_store(d, b, "came_back", "the provider shows it again") < 0)
		return;
	if (r->status == REMOTE_CANCELLING || r->status == REMOTE_FINALIZING || d->stopping ||
	    daemon_distrusts_clock(d))
		return;
	log_warning("lost batch runs, is cancelled batch=%lld remote=%s", (long long)b->id,
		    b->remote_id);
	w = work_new(d, b->id);
	if (openai_cancel_batch(d->openai, b->remote_id, on_cancelled, w, &err) < 0)
		work_free(w);
}

void late_seen(struct daemon *d, struct batch_row *b, const struct remote_batch *r)
{
	/* A single read shows also what bears another mark by now: never touched. */
	if (!r->installation || strcmp(r->installation, d->installation) != 0)
		return;
	if (d->is_foreign || b->phase != BATCH_CLOSED || b->late_files)
		return;
	if (remote_status_is_final(r->status))
		files_named(d, b, r);
	else if (b->reason == REASON_LOST)
		came_back(d, b, r);
}

void late_done(struct daemon *d, struct batch_row *b)
{
	b->late_files = 0;
	if (b->reason == REASON_LOST)
		b->reason = REASON_HARVESTED;
	b->next_at = daemon_now(d);
	if (submit_store(d, b, "late_harvested", "its late result files are read") == 0)
		log_notice("late result files read batch=%lld answered=%lld failed=%lld void=%lld",
			   (long long)b->id, (long long)b->n_answered, (long long)b->n_failed,
			   (long long)b->n_void);
}
