/* SPDX-License-Identifier: ISC */
/*
 * batchd: the daemon's steps, in its order and with its commits (batchd/), around the real core:
 * what is decided there is asked of core/policy.h, plan.h, window.h, outcome.h and status.h; what is
 * here only carries out. Left out is what the model has no cause for: twins, orphans, late files,
 * stops, budgets, rate headers, clock jumps, a database that fails.
 */
#ifndef TESTS_SIM_BATCHD_H
#define TESTS_SIM_BATCHD_H

#include "core/load.h"
#include "core/plan.h"
#include "core/policy.h"
#include "core/window.h"
#include "tests/sim/world.h"

#define SLICE 1000 /* core/limits.h, SLICE_ROWS */

struct memory { /* what a crash takes */
	bool is_reconciled, pass_is_active, pass_is_wanted;
	uint32_t pass, singles;
	int64_t pass_started, looked_at, next_pass;
	struct window window;
	struct measure measure;
	bool has_measured; /* since the last tick */
	struct load load;  /* as of the last tick */
	uint32_t n_calls;
	bool has_recovered;
	int64_t next_incident;
};

static inline struct memory *memory_of(const struct world *w)
{
	return w->memory;
}
static inline struct batch *row(struct world *w, int32_t batch)
{
	return w->store.batches[batch];
}
static inline bool is_busy(const struct world *w, const struct batch *b)
{
	return b->busy == w->life + 1;
}

/* --- batchd_view.c: rows as the core's views. --- */
struct policy policy_for(const struct world *w, uint32_t n_items);
int64_t job_latest_start(const struct world *w, const struct job *j);
/* When its ready items go by calls, and which of them are for calls or for a batch now. */
int64_t job_calls_start(const struct world *w, const struct job *j, const struct ready *r);
struct ready job_ready_for(const struct world *w, const struct job *j, enum task task,
			   bool for_calls, enum plan_items *which);
/* An item that a batch of so many did not answer is sent again: by a call? */
bool goes_by_call(const struct world *w, const struct item *i, uint32_t n_items);
struct batch_view batch_view_of(const struct world *w, int32_t batch, int32_t *first_job);

/* --- batchd.c --- */
/* Decide about a batch and do what is due. */
void batchd_advance(struct world *w, int32_t batch);
bool batchd_may_send(const struct world *w);

/* --- batchd_plan.c --- */
void planner_run(struct world *w);

/* --- batchd_submit.c: from the sealed batch to the running one, and what is seen of it. --- */
/* A call about a batch, which is busy until it ends. */
void submit_call(struct world *w, int32_t batch, enum call_kind kind);
void submit_upload(struct world *w, int32_t batch);
void submit_create(struct world *w, int32_t batch);
void submit_doubt(struct world *w, int32_t batch);
void submit_fence(struct world *w, int32_t batch);
void submit_anew(struct world *w, int32_t batch);
void submit_cancel(struct world *w, int32_t batch);
void submit_reply(struct world *w, const struct call *c);
void watch_tick(struct world *w);
void watch_reply(struct world *w, const struct call *c);

/* --- batchd_harvest.c --- */
void harvest_go_on(struct world *w, int32_t batch);
void harvest_reply(struct world *w, const struct call *c);
/* Release what is open, then close. */
struct ending {
	enum batch_reason reason;
	enum attempt_outcome outcome;
	bool has_left; /* its items count as having left it */
	int64_t ready_at;
};
void harvest_end(struct world *w, int32_t batch, const struct ending *e);
/* Items leave the batch, which stays watched: those of one job, or (NONE) all. */
void harvest_leave(struct world *w, int32_t batch, int32_t job);

/* --- settle.c: what came back for an attempt. --- */
struct came {
	bool is_answer, is_void;
	enum grade grade;     /* of an answer */
	enum outcome outcome; /* LATER: asking again may help */
};
void settle(struct world *w, int32_t attempt, const struct came *came);
/* An open attempt is released as its batch closes. */
void settle_release(struct world *w, int32_t attempt, const struct ending *e);

/* --- batchd_incident.c --- */
void incident_tick(struct world *w);
bool incident_holds(const struct world *w);
/* In the transaction that begins a batch. */
void incident_begun(struct world *w, int32_t batch);

/* --- batchd_calls.c --- */
/* What all jobs ask of calls, and how long these take. */
void calls_load(struct world *w);
void calls_run(struct world *w);
void calls_reply(struct world *w, const struct call *c);

#endif
