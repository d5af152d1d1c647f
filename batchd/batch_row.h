/* SPDX-License-Identifier: ISC */
/*
 * batch_row: a batch as the database holds it, and its one mover. A row is read, changed in memory
 * and stored whole by compare-and-set on its version.
 */
#ifndef BATCHD_BATCH_ROW_H
#define BATCHD_BATCH_ROW_H

#include <stdbool.h>
#include <stdint.h>

#include "batchd/openai.h"
#include "common/db.h"
#include "core/err.h"
#include "core/limits.h"
#include "core/model.h"
#include "core/policy.h"

/* Of late_files, by the number of the file. */
#define LATE_OUTPUT 1
#define LATE_ERRORS 2

struct batch_row {
	int64_t id, recipe_id, version;
	int64_t twin_of; /* 0: none */
	bool is_adopted;
	char key[33];
	char model[129];
	enum batch_phase phase;
	enum batch_reason reason;
	char base_url[256], key_fingerprint[17];
	int64_t n_items, n_answered, n_failed, n_void;
	int64_t est_tokens, input_bytes, uploads, tries;
	char input_file_id[LIMIT_REMOTE_ID_BYTES], remote_id[LIMIT_REMOTE_ID_BYTES]; /* "" = none */
	char output_file_id[LIMIT_REMOTE_ID_BYTES], error_file_id[LIMIT_REMOTE_ID_BYTES];
	char remote_status[33], remote_code[65];
	enum remote_status remote;
	int64_t remote_total, remote_done, remote_failed;
	int64_t observed_at, missing_since, created_at, phase_at, submitted_at, progress_at,
		expires_at;
	int64_t cancel_at, left_at, ended_at, closed_at, next_at;
	int64_t harvest_file, harvest_offset;
	int64_t late_files; /* named after it was closed, and being read */
	bool keep_files;
	char last_error[241];
	/* of its jobs, read with the row */
	int64_t n_wanted, wanted_until;
	bool all_cancelled;
};

/* 1 and the row, 0 where there is none, -1. */
int batch_row_read(struct db *db, int64_t id, struct batch_row *b, struct err *err);
/* Store every column; version + 1. -1 ERR_CONFLICT where another moved it. */
int batch_row_store(struct db *db, struct batch_row *b, struct err *err);
/*
 * Change the phase in memory (asserts that the move is allowed); next_at is now, and tries begin
 * anew but on the way from the file to the running batch.
 */
void batch_row_move(struct batch_row *b, enum batch_phase to, int64_t now);
/*
 * A step failed for now: one more try, next_at after the back-off (or wait, where that is longer).
 */
void batch_row_backoff(struct batch_row *b, int64_t now, int64_t wait_us, const char *error);
/*
 * The provider's object into the row. An older observation than the one stored, or a step back from
 * a final status, changes nothing. True where status, counts or files changed.
 */
bool batch_row_observe(struct batch_row *b, const struct remote_batch *r, int64_t observed_at);
struct batch_view batch_row_view(const struct batch_row *b);

#endif
