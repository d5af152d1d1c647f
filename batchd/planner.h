/* SPDX-License-Identifier: ISC */
/*
 * planner: groups ready items into batches (core/plan.h decides which), slice by slice; a batch
 * that is not sealed when batchd dies is sealed as it is by its successor.
 */
#ifndef BATCHD_PLANNER_H
#define BATCHD_PLANNER_H

#include "batchd/daemon.h"
#include "core/plan.h"

struct planner *planner_new(void);
void planner_free(struct planner **p);
/* Forget a batch being filled (lease lost). */
void planner_reset(struct planner *p);
/*
 * Do one slice where there is something to do: 1 = more is ready now, 0 = nothing
 * before the next tick, -1.
 */
int planner_step(struct daemon *d, struct err *err);
/*
 * What waits for the batch being filled to be full: its own items, and what comes
 * after them. T_NEVER: none.
 */
int64_t planner_latest_start(const struct planner *p);
/*
 * Jobs with ready items of a recipe, the most urgent first: those that go into batches, or those
 * that go by calls (none where the fallback has no tier): of a job before whose latest start no
 * batch fits any more all, of any other those that left a batch and are marked so.
 */
struct plan_query {
	bool for_calls;
	/* Which of them are wanted, whatever number of others is before them; NULL: all. */
	bool (*wants)(struct daemon *d, const struct plan_candidate *c, const void *arg);
	const void *arg;
	struct plan_candidate *out;
	size_t max;
};

/* How many there are, q->max at most, or -1. */
int planner_candidates(struct daemon *d, const struct plan_query *q, struct err *err);
/* The database refuses what is in this job: it is no candidate for ten seconds. */
void planner_put_off(struct daemon *d, int64_t job);
/* Is this batch being filled in this process? */
bool planner_fills(const struct planner *p, int64_t batch_id);
/* 16 random bytes in hex: a new batch's key. */
void planner_random_key(char out[33]);
/* A tick passed: look for candidates again. */
void planner_wake(struct planner *p);

#endif
