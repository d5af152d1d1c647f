/* SPDX-License-Identifier: ISC */
/*
 * batch: a batch as the database holds it, and what the policy (core/policy.h) is told of it and of
 * the configuration: batchd acts by that, batchctl explains it. Reads only.
 */
#ifndef COMMON_BATCH_H
#define COMMON_BATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "common/config.h"
#include "common/db.h"
#include "core/err.h"
#include "core/limits.h"
#include "core/load.h"
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
	enum batch_asked asked;
	bool keep_files;
	char last_error[241];
	/* of its jobs, read with the row */
	int64_t n_wanted, wanted_until;
	bool all_cancelled;
	int64_t incident_at; /* since when the provider as a whole stands still; 0: it does not */
};

/* 1 and the row, 0 where there is none, -1. */
int batch_row_read(struct db *db, int64_t id, struct batch_row *b, struct err *err);
/* Without the latest start, which is of its jobs: T_NEVER. */
struct batch_view batch_row_view(const struct batch_row *b);
/* The same with it, where the fallback has a tier. 0 or -1. */
int batch_view_read(struct db *db, const struct config *config, const struct load *load,
		    const struct batch_row *b, struct batch_view *view, struct err *err);
/* The policy's numbers for a batch of so many requests. */
struct policy batch_policy(const struct config *config, int64_t n_items);
/* A stage of a job: n_open items of it and of those after it are open. */
struct job_stage {
	int64_t opened_at, deadline_at;
	int64_t n_open;
	int64_t calls_from; /* since when its items go by calls, or 0 */
};
/* load: of all jobs (common/calls.h); the stage's own job may be newer. */
int64_t batch_latest_start(const struct config *config, const struct load *load,
			   const struct job_stage *stage);
/* When a batch of its items alone is cancelled (leave_start), the grace being in microseconds. */
int64_t batch_leave_start(const struct config *config, const struct load *load,
			  const struct job_stage *stage, int64_t cancel_grace);
/* When its n_ready items that have been ready since go by calls (calls_start). */
int64_t batch_calls_start(const struct config *config, const struct load *load,
			  const struct job_stage *stage, int64_t n_ready, int64_t ready_since);
/* From when on its deadline is at risk (core/alert.h). */
int64_t batch_risk_at(const struct config *config, const struct load *load,
		      const struct job_stage *stage);
/* What the deadline of a job that is opened now leaves time for, n_items of it being ready. */
unsigned batch_outlook(const struct config *config, const struct load *load,
		       const struct job_stage *stage, int64_t n_items);
/* Of the running jobs with open items in a batch; T_NEVER, 0 and 0: there are none. */
struct batch_start {
	int64_t at, job;     /* the nearest latest start, and its job */
	int64_t deadline_at; /* of that job */
	int64_t leave_from;  /* the last leave_start, the grace being cancel_grace microseconds */
};
int batch_jobs_latest_start(struct db *db, const struct config *config, const struct load *load,
			    int64_t batch_id, int64_t cancel_grace, struct batch_start *nearest,
			    struct err *err);

#endif
