/* SPDX-License-Identifier: ISC */
/*
 * store: the verbs on jobs that both programs use. Every change of a job row goes through
 * store_job_refresh, which recomputes verdict and status object and moves
 * the row by compare-and-set.
 */
#ifndef COMMON_STORE_H
#define COMMON_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/db.h"
#include "core/err.h"
#include "core/status.h"

/*
 * The schema version that this program was written for; the range that it can work with is decided
 * with the database's min_program (DESIGN section 6).
 */
#define STORE_SCHEMA_VERSION 7

/*
 * 0, or -1: ERR_NEVER with a clear line where the schema is older, newer or
 * absent; else as db_query.
 */
int store_schema_check(struct db *db, struct err *err);

/* A change of a job's other columns that goes with a refresh. All zero: only the counts moved. */
struct job_patch {
	bool keep_open; /* the clock is not trusted: the deadline does not end it now */
	int64_t cost, wasted, input_tokens, output_tokens; /* added */
	bool set_wait;  /* the wait_* and warnings below replace those of the row */
	bool only_wait; /* nothing else moved: a row that says so already is left as it is */
	const char *wait_what, *wait_action, *warnings;
	int64_t wait_since, wait_progress_at, wait_action_at;
	enum job_end end; /* a command that ends it now, where it runs; END_DEADLINE = none */
	bool reopen;      /* where it has ended it runs again, as this and from now on */
	enum job_status reopen_as;
	int64_t deadline_at; /* another deadline; 0 = as it is */
	bool may_lose;       /* repairs were undone: an ended job is what its counts say */
	bool reopening,
		is_open; /* the mark is set; is removed, all that was asked being carried out */
};

/*
 * Inside a transaction: lock the job row, add the patch, decide, render, store with version +
 * 1; writes the event of a move. The caller changed items and job_language before, or holds
 * the lock already. `now` is the database's. 0 and *verdict (may be NULL), or -1 (ERR_NEVER
 * where there is no such job).
 */
int store_job_refresh(struct db *db, int64_t job_id, const struct job_patch *patch, int64_t now,
		      struct job_verdict *verdict, struct err *err);

/*
 * Close a job whose deadline passed, by compare-and-set; a no-op where it ended meanwhile or is not
 * due. A transaction of its own.
 */
int store_job_close_overdue(struct db *db, int64_t job_id, struct err *err);

/*
 * The status object of a job as it would be after closing at `now`, without storing it (a database
 * that refuses writes). Appends as status_render does.
 */
int store_job_render_closed(struct db *db, int64_t job_id, int64_t now, struct strbuf *out,
			    struct err *err);

/* A job's verdict now, and what it is drawn from. */
struct job_look {
	enum job_status status;
	enum job_outcome outcome;
	enum job_end end;
	bool reopening;
	int64_t opened_at, deadline_at;
	uint64_t items, open, open_descriptions;
	struct job_verdict verdict;
};
/* 0, or -1 (ERR_NEVER where there is no such job). */
int store_job_look(struct db *db, int64_t job_id, int64_t now, struct job_look *look,
		   struct err *err);

/* What a client or an operator asks of a job. Texts are borrowed. */
struct job_command {
	int64_t job_id;
	enum command kind;
	const char *by; /* "the client", "the operator", for the timeline */
	/* retry, languages: of an ended job from now on, checked by the caller */
	int64_t deadline_at;
	/* languages: it was given, so a running job takes it too where it is later */
	bool has_deadline;
	const char *const *tags; /* languages: canonical (core/language.h) */
	size_t n_tags;
	int64_t max_items; /* languages: job.max_items */
};

enum command_result {
	COMMAND_TAKEN,
	COMMAND_NOTHING,        /* taken too, and nothing is to be done: it is so already */
	COMMAND_NO_JOB,         /* it is not there any more */
	COMMAND_RUNNING,        /* delete: it has not ended */
	COMMAND_IMAGES_EXPIRED, /* retry: photographs that are needed have been removed */
	COMMAND_TOO_MANY_LANGUAGES,
	COMMAND_TOO_MANY_ITEMS,
	COMMAND_RESULT_COUNT
};

/*
 * Ask it: the job's row says so at once (cancelled, ended, running again, gone), also without a
 * batchd, which carries out the rest. A transaction of its own; nothing is changed where *result is
 * none of the first two. After ERR_UNKNOWN it can be asked again. 0 and *result, or -1.
 */
int store_command(struct db *db, const struct job_command *command, enum command_result *result,
		  struct err *err);

enum batch_command_result {
	BATCH_COMMAND_TAKEN,
	BATCH_COMMAND_NOTHING, /* it was asked for before, or is so already */
	BATCH_COMMAND_ENDED,   /* it has ended; its results are read as they are */
	BATCH_COMMAND_NO_BATCH,
};

/*
 * Ask batchd to cancel one batch (COMMAND_CANCEL; what it has not answered at its end is sent again) or to cancel and
 * leave it at once (COMMAND_RETRY). by: "the operator", for the timelines. Nothing is changed where *result is not TAKEN.
 * A transaction of its own; after ERR_UNKNOWN it can be asked again. 0 and *result, or -1.
 */
int store_batch_command(struct db *db, int64_t batch_id, enum command kind, const char *by,
			enum batch_command_result *result, struct err *err);

/*
 * Inside a transaction: add an event to a job's (0 = none) and a batch's (0 = none)
 * timeline; n < 0 = no count.
 */
int store_event(struct db *db, int64_t job_id, int64_t batch_id, int64_t now, const char *kind,
		int64_t n, struct err *err, const char *fmt, ...)
	__attribute__((format(printf, 8, 9)));

/* The database's clock. 0 and *now, or -1. */
int store_now(struct db *db, int64_t *now, struct err *err);
/* Inside a transaction: tell batchd that there is something new. */
int store_wake(struct db *db, struct err *err);

#endif
