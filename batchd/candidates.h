/* SPDX-License-Identifier: ISC */
/* candidates: which jobs have items that could be sent now, for all who send some. */
#ifndef BATCHD_CANDIDATES_H
#define BATCHD_CANDIDATES_H

#include "batchd/daemon.h"
#include "core/plan.h"

struct candidates *candidates_new(void);
void candidates_free(struct candidates **c);

/*
 * Jobs with ready items of a recipe, the most urgent first: those that go into batches, or those
 * that go by calls (none where the fallback has no tier): of a job before whose latest start no
 * batch fits any more all, of any other those that left a batch and are marked so.
 */
struct candidate_query {
	bool for_calls;
	/* Which of them are wanted, whatever number of others is before them. */
	bool (*wants)(struct daemon *d, const struct plan_candidate *c, const void *arg);
	const void *arg;
	struct plan_candidate *out;
	size_t max;
};

/* How many there are, q->max at most, or -1. */
int candidates_read(struct daemon *d, const struct candidate_query *q, struct err *err);
/* The database refuses what is in this job: it is none for ten seconds. */
void candidates_put_off(struct candidates *c, int64_t job);

#endif
