/* SPDX-License-Identifier: ISC */
/*
 * plan: which ready items travel together. Pure: candidates in, one batch's shares out; the shell takes the
 * items. A batch has one recipe; only jobs whose latest starts lie within a factor of two share one, so that a
 * patient job does not wait for a hurried one's policy nor the other way round; accounts take turns.
 */
#ifndef CORE_PLAN_H
#define CORE_PLAN_H

#include <stddef.h>
#include <stdint.h>

struct plan_candidate { /* one job's ready items of one recipe */
	int64_t job_id, account_id, recipe_id;
	int64_t ready_since;
	int64_t latest_start;
	uint32_t n_ready;
	uint32_t share; /* out: how many of them the batch takes */
};

struct plan_limits {
	int64_t linger; /* microseconds */
	uint32_t max_requests;
};

/*
 * Pick the next batch: sets `share` of every candidate (0 = not in it) and returns their sum; 0 where nothing is
 * due, with *at = when to look again (T_NEVER where there is no candidate at all). A batch is due when its
 * oldest item waited for `linger`, or when it is full. The array is sorted by urgency on return.
 */
uint32_t plan_pick(struct plan_candidate *c, size_t n, const struct plan_limits *limits,
		   int64_t now, int64_t *at);

#endif
