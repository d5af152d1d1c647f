/* SPDX-License-Identifier: ISC */
#include "batchd/batch_row.h"

#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "core/outcome.h"
#include "core/timemath.h"
#include "core/utf8.h"

/* Empty texts are NULL in the database. */
static struct db_val text_or_null(const char *s)
{
	return s[0] ? db_text(s) : db_null();
}

int batch_row_store(struct db *db, struct batch_row *b, struct err *err)
{
	const int64_t n =
		db_exec(db, STMT_BATCH_STORE,
			DB_P(db_text(batch_phase_names[b->phase]),
			     db_text(batch_reason_names[b->reason]), db_text(b->base_url),
			     db_text(b->key_fingerprint), db_int(b->n_items), db_int(b->n_answered),
			     db_int(b->n_failed), db_int(b->n_void), db_int(b->est_tokens),
			     db_int(b->input_bytes), db_int(b->uploads),
			     text_or_null(b->input_file_id), text_or_null(b->remote_id),
			     text_or_null(b->output_file_id), text_or_null(b->error_file_id),
			     text_or_null(b->remote_status), db_int(b->remote_total),
			     db_int(b->remote_done), db_int(b->remote_failed),
			     text_or_null(b->remote_code), db_time(b->observed_at),
			     db_time(b->missing_since), db_time(b->phase_at),
			     db_time(b->submitted_at), db_time(b->progress_at),
			     db_time(b->expires_at), db_time(b->cancel_at), db_time(b->ended_at),
			     db_time(b->closed_at), db_time(b->next_at), db_int(b->harvest_file),
			     db_int(b->harvest_offset), db_int(b->keep_files),
			     text_or_null(b->last_error), db_int(b->tries), db_time(b->left_at),
			     db_int(b->late_files), db_int(b->id), db_int(b->version)),
			err);

	if (n < 0)
		return -1;
	if (n == 0)
		return err_set(err, ERR_CONFLICT, 0, "batch %lld was moved meanwhile",
			       (long long)b->id);
	b->version++;
	return 0;
}

/* From the file to the running batch, back and forth: the back-off grows over all of its tries. */
static bool is_same_effort(enum batch_phase from, enum batch_phase to)
{
	return from >= BATCH_SEALED && from <= BATCH_CREATING && to >= BATCH_SEALED &&
	       to <= BATCH_CREATING;
}

void batch_row_move(struct batch_row *b, enum batch_phase to, int64_t now)
{
	if (!batch_may_move[b->phase][to]) {
		log_err("batch move forbidden batch=%lld from=%s to=%s", (long long)b->id,
			batch_phase_names[b->phase], batch_phase_names[to]);
		abort();
	}
	if (!is_same_effort(b->phase, to))
		b->tries = 0;
	b->phase = to;
	b->phase_at = now;
	b->next_at = now;
	if (to == BATCH_CLOSED)
		b->closed_at = now;
	else if (b->remote != REMOTE_FAILED) /* why it failed says what becomes of its items */
		b->last_error[0] = '\0';
}

void batch_row_backoff(struct batch_row *b, int64_t now, int64_t wait_us, const char *error)
{
	b->tries++;
	b->next_at = t_add(now, t_max(wait_us, backoff_us((unsigned)b->tries, (uint64_t)b->id)));
	utf8_copy(b->last_error, sizeof(b->last_error), error);
}

static bool set_id(char *out, size_t size, const char *text)
{
	if (!text || strcmp(out, text) == 0 || strlen(text) >= size)
		return false;
	utf8_copy(out, size, text);
	return true;
}

bool batch_row_observe(struct batch_row *b, const struct remote_batch *r, int64_t observed_at)
{
	bool changed = false;

	if (observed_at < b->observed_at)
		return false;
	if (remote_status_is_final(b->remote) && !remote_status_is_final(r->status))
		return false;
	b->observed_at = observed_at;
	if (b->missing_since) {
		b->missing_since = 0;
		changed = true;
	}
	changed |= set_id(b->remote_id, sizeof(b->remote_id), r->id);
	if (r->input_file_id && !b->input_file_id[0])
		set_id(b->input_file_id, sizeof(b->input_file_id), r->input_file_id);
	changed |= set_id(b->output_file_id, sizeof(b->output_file_id), r->output_file_id);
	changed |= set_id(b->error_file_id, sizeof(b->error_file_id), r->error_file_id);
	if (strcmp(b->remote_status, r->status_text ? r->status_text : "") != 0 ||
	    r->total != b->remote_total || r->done != b->remote_done ||
	    r->failed != b->remote_failed) {
		b->progress_at = observed_at;
		changed = true;
	}
	utf8_copy(b->remote_status, sizeof(b->remote_status), r->status_text);
	b->remote = r->status;
	b->remote_total = r->total;
	b->remote_done = r->done;
	b->remote_failed = r->failed;
	if (r->expires_at)
		b->expires_at = r->expires_at;
	if (r->error_code)
		utf8_copy(b->remote_code, sizeof(b->remote_code), r->error_code);
	if (r->error_message)
		utf8_copy(b->last_error, sizeof(b->last_error), r->error_message);
	if (b->remote == REMOTE_CANCELLING && !b->cancel_at)
		b->cancel_at = observed_at; /* from outside: the same clock runs */
	if (remote_status_is_final(b->remote) && !b->ended_at)
		b->ended_at = observed_at;
	return changed;
}
