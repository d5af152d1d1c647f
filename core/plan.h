/* SPDX-License-Identifier: ISC */
/*
 * plan: which ready items travel together. Pure: candidates in, one batch's shares out; the shell
 * takes the items. A batch has one recipe; only jobs whose latest starts lie within a factor of two
 * share one, so that a patient job does not wait for a hurried one's policy nor the other way
 * round; accounts take turns, in lines (plan_pick) and in what the lines weigh (plan_turn), since a
 * batch may be full before it has its lines.
 */
#ifndef CORE_PLAN_H
#define CORE_PLAN_H

#include <stddef.h>
#include <stdint.h>

/* Which of a job's ready items: an item that left a batch may be marked to go by a call. */
enum plan_items { PLAN_ALL, PLAN_UNMARKED, PLAN_MARKED };

struct plan_candidate { /* one job's ready items of one recipe */
	int64_t job_id, account_id, recipe_id;
	enum plan_items which;
	int64_t ready_since;
	int64_t latest_start, deadline_at;
	uint32_t n_ready;
	uint32_t share; /* out: how many of them the batch takes */
	int64_t taken;  /* out: tokens that its account has in the batch so far */
};

struct plan_limits {
	int64_t linger; /* microseconds */
	uint32_t max_requests;
};

/*
 * Pick the next batch: sets `share` of every candidate (0 = not in it) and returns their sum; 0
 * where nothing is due, with *at = when to look again (T_NEVER where there is no candidate at
 * all). A batch is due when its oldest item waited for `linger`, or when it is full. The array is
 * sorted by urgency on return.
 */
uint32_t plan_pick(struct plan_candidate *c, size_t n, const struct plan_limits *limits,
		   int64_t now, int64_t *at);

/*
 * Whose turn it is to put items into the batch: the most urgent candidate with a share left of
 * the account that has the least in it so far; n where no share is left. *accounts: how many
 * accounts have shares left.
 */
size_t plan_turn(const struct plan_candidate *c, size_t n, uint32_t *accounts);
/* What a turn may take of a room (bytes or tokens) of which so much is left. */
int64_t plan_part(int64_t whole, int64_t left, uint32_t accounts);
/* Candidate i put so many items into the batch. */
void plan_took(struct plan_candidate *c, size_t n, size_t i, uint32_t items, int64_t tokens);

#endif
