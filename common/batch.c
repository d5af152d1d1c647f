/* SPDX-License-Identifier: ISC */
#include "common/batch.h"

#include <stdlib.h>
#include <string.h>

#include "core/alert.h"
#include "core/outlook.h"
#include "core/timemath.h"
#include "core/utf8.h"

static void read_texts(const struct db_rows *r, struct batch_row *b)
{
	utf8_copy(b->key, sizeof(b->key), db_get_text(r, 0, NULL));
	utf8_copy(b->model, sizeof(b->model), db_get_text(r, 4, NULL));
	utf8_copy(b->base_url, sizeof(b->base_url), db_get_text(r, 5, NULL));
	utf8_copy(b->key_fingerprint, sizeof(b->key_fingerprint), db_get_text(r, 6, NULL));
	utf8_copy(b->input_file_id, sizeof(b->input_file_id), db_get_text(r, 15, NULL));
	utf8_copy(b->remote_id, sizeof(b->remote_id), db_get_text(r, 16, NULL));
	utf8_copy(b->output_file_id, sizeof(b->output_file_id), db_get_text(r, 17, NULL));
	utf8_copy(b->error_file_id, sizeof(b->error_file_id), db_get_text(r, 18, NULL));
	utf8_copy(b->remote_status, sizeof(b->remote_status), db_get_text(r, 19, NULL));
	utf8_copy(b->remote_code, sizeof(b->remote_code), db_get_text(r, 23, NULL));
	utf8_copy(b->last_error, sizeof(b->last_error), db_get_text(r, 38, NULL));
	b->remote = remote_status_parse(b->remote_status);
}

static void read_numbers(const struct db_rows *r, struct batch_row *b)
{
	b->recipe_id = db_get_int(r, 1);
	b->version = db_get_int(r, 7);
	b->n_items = db_get_int(r, 8);
	b->n_answered = db_get_int(r, 9);
	b->n_failed = db_get_int(r, 10);
	b->n_void = db_get_int(r, 11);
	b->est_tokens = db_get_int(r, 12);
	b->input_bytes = db_get_int(r, 13);
	b->uploads = db_get_int(r, 14);
	b->remote_total = db_get_int(r, 20);
	b->remote_done = db_get_int(r, 21);
	b->remote_failed = db_get_int(r, 22);
	b->observed_at = db_get_time(r, 24);
	b->missing_since = db_get_time(r, 25);
	b->created_at = db_get_time(r, 26);
	b->phase_at = db_get_time(r, 27);
	b->submitted_at = db_get_time(r, 28);
	b->progress_at = db_get_time(r, 29);
	b->expires_at = db_get_time(r, 30);
	b->cancel_at = db_get_time(r, 31);
	b->ended_at = db_get_time(r, 32);
	b->closed_at = db_get_time(r, 33);
	b->next_at = db_get_time(r, 34);
	b->harvest_file = db_get_int(r, 35);
	b->harvest_offset = db_get_int(r, 36);
	b->keep_files = db_get_int(r, 37) != 0;
	b->tries = db_get_int(r, 39);
	b->left_at = db_get_time(r, 40);
	b->twin_of = db_get_int(r, 41);
	b->is_adopted = db_get_int(r, 42) != 0;
	b->n_wanted = db_get_int(r, 43);
	b->wanted_until = db_get_time(r, 44);
	b->late_files = db_get_int(r, 45);
	b->all_cancelled = db_get_int(r, 46) != 0;
	b->asked = (enum batch_asked)name_find(batch_asked_names, BATCH_ASKED_COUNT,
					       db_get_text(r, 47, NULL));
	b->incident_at = db_get_time(r, 48);
}

int batch_row_read(struct db *db, int64_t id, struct batch_row *b, struct err *err)
{
	struct db_rows *r;
	int phase, reason, found = 0;

	if (db_query(db, STMT_BATCH_READ, DB_P(db_int(id)), &r, err) < 0)
		return -1;
	if (db_next(r)) {
		memset(b, 0, sizeof(*b));
		b->id = id;
		phase = name_find(batch_phase_names, BATCH_PHASE_COUNT, db_get_text(r, 2, NULL));
		reason = name_find(batch_reason_names, BATCH_REASON_COUNT, db_get_text(r, 3, NULL));
		if (phase < 0 || reason < 0)
			abort(); /* the table's CHECK lists the same names */
		b->phase = (enum batch_phase)phase;
		b->reason = (enum batch_reason)reason;
		read_texts(r, b);
		read_numbers(r, b);
		found = 1;
	}
	db_rows_free(&r);
	return found;
}

struct batch_view batch_row_view(const struct batch_row *b)
{
	return (struct batch_view){
		.phase = b->phase,
		.remote = b->remote,
		/* whose items an adopted batch holds shows only when it is read */
		.n_wanted = b->is_adopted ? 1 : (uint32_t)b->n_wanted,
		.all_cancelled = b->all_cancelled && b->n_items > 0 && !b->is_adopted,
		.wanted_until = b->wanted_until ? b->wanted_until : T_NEVER,
		.created_at = b->created_at,
		.phase_at = b->phase_at,
		.submitted_at = b->submitted_at,
		.progress_at = b->progress_at ? b->progress_at : b->submitted_at,
		.expires_at = b->expires_at,
		.cancel_at = b->cancel_at,
		.missing_since = b->missing_since,
		.latest_start = T_NEVER,
		.next_at = b->next_at,
		.left = b->left_at != 0,
		.asked = b->asked,
		.incident = b->incident_at != 0,
		.awaits_answers =
			!b->output_file_id[0] && (b->remote_done > 0 || !b->error_file_id[0]),
		.awaits_errors = !b->error_file_id[0] && b->remote_failed > 0,
		.is_empty = b->remote_done + b->remote_failed == 0,
		.ended_at = b->ended_at,
	};
}

struct policy batch_policy(const struct config *config, int64_t n_items)
{
	const struct config_policy *p = config_policy_for(config, n_items);

	return (struct policy){
		.alert_after = p->alert_after,
		.stall_after = p->stall_after,
		.cancel_after = p->cancel_after,
		.cancel_grace = p->cancel_grace,
		.validating_after = p->validating_after,
		.finalizing_after = p->finalizing_after,
		.poll_interval = config->batch.poll_interval,
		.settle = config->batch.settle,
		.batch_takes = batch_takes(config->batch.linger, config->batch.poll_interval),
		.batch_retries = (uint32_t)p->batch_retries,
	};
}

static struct latest_start_view start_view(const struct config *config, const struct load *load,
					   const struct job_stage *stage)
{
	const int64_t concurrency = config->fallback.concurrency;
	const int64_t own = time_needed((uint64_t)stage->n_open, concurrency, load->call_us);

	return (struct latest_start_view){
		.opened_at = stage->opened_at,
		.deadline_at = stage->deadline_at,
		.calls_from = stage->calls_from,
		.reserve = config->fallback.reserve,
		.needed = t_max(load_needed(load, stage->deadline_at, concurrency), own),
	};
}

int64_t batch_risk_at(const struct config *config, const struct load *load,
		      const struct job_stage *stage)
{
	return alert_risk_at(stage->opened_at, stage->deadline_at, config->fallback.reserve,
			     time_needed((uint64_t)stage->n_open, config->fallback.concurrency,
					 load->call_us));
}

int64_t batch_latest_start(const struct config *config, const struct load *load,
			   const struct job_stage *stage)
{
	const struct latest_start_view v = start_view(config, load, stage);

	return latest_start(&v);
}

int64_t batch_leave_start(const struct config *config, const struct load *load,
			  const struct job_stage *stage, int64_t cancel_grace)
{
	const struct latest_start_view v = start_view(config, load, stage);

	return leave_start(&v, cancel_grace);
}

int64_t batch_calls_start(const struct config *config, const struct load *load,
			  const struct job_stage *stage, int64_t n_ready, int64_t ready_since)
{
	const int64_t grace = config_policy_for(config, n_ready)->cancel_grace;

	return calls_start(ready_since, batch_leave_start(config, load, stage, grace),
			   config->batch.linger, config->batch.poll_interval);
}

unsigned batch_outlook(const struct config *config, const struct load *load,
		       const struct job_stage *stage, int64_t n_items)
{
	const struct latest_start_view v = start_view(config, load, stage);

	return outlook_of(&v, batch_calls_start(config, load, stage, n_items, stage->opened_at));
}

int batch_jobs_latest_start(struct db *db, const struct config *config, const struct load *load,
			    int64_t batch_id, int64_t cancel_grace, struct batch_start *nearest,
			    struct err *err)
{
	struct db_rows *r;

	*nearest = (struct batch_start){.at = T_NEVER};
	if (db_query(db, STMT_BATCH_LATEST_STARTS, DB_P(db_int(batch_id)), &r, err) < 0)
		return -1;
	while (db_next(r)) {
		const struct job_stage stage = {.opened_at = db_get_time(r, 1),
						.deadline_at = db_get_time(r, 2),
						.n_open = db_get_int(r, 3),
						.calls_from = db_get_time(r, 4)};
		const int64_t at = batch_latest_start(config, load, &stage);

		nearest->leave_from = t_max(nearest->leave_from,
					    batch_leave_start(config, load, &stage, cancel_grace));
		if (at < nearest->at) {
			nearest->at = at;
			nearest->job = db_get_int(r, 0);
			nearest->deadline_at = stage.deadline_at;
		}
	}
	db_rows_free(&r);
	return 0;
}

int batch_view_read(struct db *db, const struct config *config, const struct load *load,
		    const struct batch_row *b, struct batch_view *view, struct err *err)
{
	struct batch_start nearest;

	*view = batch_row_view(b);
	if (config->fallback.tiers.n == 0 || b->phase == BATCH_CLOSED)
		return 0;
	if (batch_jobs_latest_start(db, config, load, b->id,
				    batch_policy(config, b->n_items).cancel_grace, &nearest,
				    err) < 0)
		return -1;
	view->latest_start = nearest.at;
	view->leave_from = nearest.leave_from;
	return 0;
}
