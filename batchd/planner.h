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
/* Is this batch being filled in this process? */
bool planner_fills(const struct planner *p, int64_t batch_id);
/* 16 random bytes in hex: a new batch's key. */
void planner_random_key(char out[33]);
/* A tick passed: look for candidates again. */
void planner_wake(struct planner *p);

#endif
