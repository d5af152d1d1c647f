/* SPDX-License-Identifier: ISC */
/*
 * store: the rows, in memory: jobs, items, attempts, batches. What batchd keeps in its database is
 * here, and nothing else survives a crash. A change is made by the functions of this header and
 * ends with store_commit; a crash falls between commits, never within one.
 *
 * Beside the rows stand the provider's truth (what an attempt really cost) for the checks alone:
 * no policy reads it.
 */
#ifndef TESTS_SIM_STORE_H
#define TESTS_SIM_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/model.h"
#include "core/plan.h"
#include "core/status.h"

struct world;

#define LANGUAGES 3 /* the description and two translations */
#define NONE      (-1)

struct job {
	int32_t account;
	uint32_t lots;
	uint32_t first_item; /* of language 0; then those of language 1, ... */
	int64_t opened_at, deadline_at, calls_from, completed_at;
	enum job_status status;
	enum job_outcome outcome;
	struct language_counts counts[LANGUAGES];
	int64_t ready_since[LANGUAGES];
	bool newly_ready[LANGUAGES];        /* since the last commit */
	bool is_dirty, was_full;            /* was it full when it ended */
	uint32_t n_by_call[LANGUAGES];      /* of the ready ones */
	uint32_t ready_from[TASK_COUNT][2]; /* no item before it is ready; [1]: marked by_call */
	uint32_t lot_from[TASK_COUNT];      /* no lot before it has a ready item */
};

struct item {
	int32_t job, batch, newest; /* its newest attempt; NONE */
	int32_t answer;             /* the attempt whose answer is its own, or NONE */
	uint8_t language, state, grade, burned, repeats, attempts;
	uint8_t n_left;      /* sendings in batches that brought no answer */
	bool by_call;        /* when it is ready it goes by a call; set while it is not */
	bool is_bad;         /* its photograph cannot be read */
	bool by_description; /* failed with its description */
};

struct attempt {
	int32_t item, before; /* the item's attempt before this */
	int32_t batch;        /* NONE: a call */
	uint8_t no, way, outcome;
	bool left;       /* its item went elsewhere while it was open */
	bool call_lost;  /* closed without its answer */
	bool batch_lost; /* closed with a batch that is given up */
	bool is_stored;  /* its answer is */
	bool is_refused; /* and is none of use */
	/* the provider's truth */
	uint8_t runs;
	int32_t paid;
	bool in_file; /* an answer of it is in a file that can be read */
};

struct batch_job {
	int32_t job;
	uint32_t n;
	int64_t left_at;
};

struct batch {
	enum batch_phase phase;
	enum batch_reason reason;
	enum task task;
	uint32_t n_answered, n_failed, n_void;
	int32_t *attempts;
	uint32_t n_items, cap;
	struct batch_job *jobs;
	uint32_t n_jobs;
	int64_t tokens;
	int32_t file, remote; /* at the provider; NONE */
	enum remote_status seen;
	uint32_t total, done, failed;
	bool has_output, has_errors;
	const char *code; /* why it failed */
	int64_t observed_at, missing_since, created_at, phase_at, submitted_at, progress_at,
		expires_at, cancel_at, left_at, ended_at, next_at;
	uint32_t tries;
	uint32_t harvest_file, harvest_line;
	/* Of the process that has a call of it under way, its life plus 1: of no meaning later. */
	uint32_t busy, seen_in;
};

struct incident_row {           /* core/incident.h */
	int64_t since, step_at; /* 0: there is none */
	bool may_try;
	int32_t trial; /* a batch, or NONE */
};

struct store {
	struct job *jobs;
	uint32_t n_jobs;
	struct item *items;
	uint32_t n_items, items_cap;
	struct attempt *attempts;
	uint32_t n_attempts, attempts_cap;
	struct batch **batches;
	uint32_t n_batches, batches_cap;
	int32_t *live; /* jobs that have not ended */
	uint32_t n_live;
	int32_t *open; /* batches that are not closed */
	uint32_t n_open;
	int32_t *calls; /* open attempts that are calls */
	struct incident_row incident;
	int64_t call_us; /* how long a call takes, as it was measured; 0: it was not */
	uint32_t n_calls;
	int32_t dirty[4096];
	uint32_t n_dirty;
};

void store_free(struct store *s);

/* A new job with all its items; its descriptions are ready. */
struct order {
	int32_t account;
	uint32_t lots;
	int64_t deadline_at;
	int32_t bad_lot; /* or NONE */
};
int32_t store_add_job(struct world *w, const struct order *o);

/* An item's task, and the item of a lot in a language. */
static inline enum task task_of(const struct item *i)
{
	return i->language ? TASK_TRANSLATE : TASK_DESCRIBE;
}
static inline uint32_t item_at(const struct job *j, uint32_t language, uint32_t lot)
{
	return j->first_item + language * j->lots + lot;
}
static inline bool job_runs(const struct job *j)
{
	return !job_status_is_terminal(j->status);
}
uint32_t job_open_items(const struct job *j);
/* Ready items of a job for a task, how many are marked to go by a call, and since when. */
struct ready {
	uint32_t n, n_by_call;
	int64_t since;
};
struct ready job_ready(const struct job *j, enum task task);
/* The next ready item of the task, of all or those marked or not, or NONE. */
int32_t job_next_ready(struct store *s, int32_t job, enum task task, enum plan_items which);
/* The same for calls: whole lots first. */
int32_t job_next_call(struct store *s, int32_t job, enum task task, enum plan_items which);
/* Does an open batch hold items of it that it has not taken away? */
bool job_is_in_batch(const struct store *s, int32_t job);

/* The only way in which an item's state changes. */
void store_move_item(struct world *w, uint32_t item, enum item_state to);
/* A new attempt of a ready item, which is sent then. batch: NONE for a call. */
int32_t store_send(struct world *w, uint32_t item, int32_t batch, enum way way);
/* Close an attempt, or change how it was closed; counts of its batch follow. */
void store_close_attempt(struct world *w, int32_t attempt, enum attempt_outcome outcome);

/* A new batch, filling. */
int32_t store_add_batch(struct world *w, enum task task);
void store_batch_job(struct batch *b, int32_t job, uint32_t n);
void store_move_batch(struct world *w, int32_t batch, enum batch_phase to);
void store_backoff(struct world *w, int32_t batch, int64_t wait);

/* The job is decided anew at the end of the transaction, though none of its items moved. */
struct job *store_touch(struct store *s, int32_t job);

/*
 * The end of a transaction: the jobs that it changed are decided anew, what became ready counts
 * from ready_at. May be the end of the process: a crash comes right after it.
 */
void store_commit(struct world *w, int64_t ready_at);
/* The same by the front end, which does not crash with batchd. */
void store_refresh(struct world *w, int64_t ready_at);

#endif
