/* SPDX-License-Identifier: ISC */
#include "core/plan.h"

#include <stdbool.h>
#include <stdlib.h>

#include "core/timemath.h"

static int compare_i64(int64_t a, int64_t b)
{
	return (a > b) - (a < b);
}

/* By recipe, then by urgency; ids make the order total. */
static int by_recipe_and_urgency(const void *pa, const void *pb)
{
	const struct plan_candidate *a = pa, *b = pb;
	int c = compare_i64(a->recipe_id, b->recipe_id);

	if (c == 0)
		c = compare_i64(a->latest_start, b->latest_start);
	return c ? c : compare_i64(a->job_id, b->job_id);
}

/*
 * The end of the group that begins at `from`: same recipe, time left within a
 * factor of two of the first's.
 */
static size_t group_end(const struct plan_candidate *c, size_t n, size_t from, int64_t now)
{
	const int64_t left = t_max(t_sub(c[from].latest_start, now), T_S);
	size_t end = from + 1;

	while (end < n && c[end].recipe_id == c[from].recipe_id &&
	       t_sub(c[end].latest_start, now) <= t_mul(left, 2))
		end++;
	return end;
}

/*
 * When a group is due: full as soon as it is ready (a ready time ahead is a back-off), else when
 * its oldest item lingered.
 */
static int64_t group_due(const struct plan_candidate *c, size_t from, size_t end,
			 const struct plan_limits *l)
{
	uint64_t total = 0;
	int64_t oldest = T_NEVER;

	for (size_t i = from; i < end; i++) {
		total += c[i].n_ready;
		oldest = t_min(oldest, c[i].ready_since);
	}
	return total >= l->max_requests ? oldest : t_add(oldest, l->linger);
}

/* Is i the first place of its account in the group? */
static bool leads_account(const struct plan_candidate *c, size_t from, size_t i)
{
	for (size_t k = from; k < i; k++) {
		if (c[k].account_id == c[i].account_id)
			return false;
	}
	return true;
}

/*
 * Let the account led by `lead` take up to `part` more, its most urgent jobs
 * first. Returns what it took.
 */
static uint32_t account_take(struct plan_candidate *c, size_t lead, size_t end, uint32_t part)
{
	uint32_t taken = 0;

	for (size_t i = lead; i < end && taken < part; i++) {
		uint32_t want = c[i].n_ready - c[i].share;

		if (c[i].account_id != c[lead].account_id)
			continue;
		want = want < part - taken ? want : part - taken;
		c[i].share += want;
		taken += want;
	}
	return taken;
}

/* Rounds: in each, every account takes an equal part of the room that is left. */
static uint32_t share_out(struct plan_candidate *c, size_t from, size_t end, uint32_t room)
{
	uint32_t taken = 0, accounts = 0, before;

	for (size_t i = from; i < end; i++)
		accounts += leads_account(c, from, i);
	do {
		const uint32_t part = (room - taken) / accounts > 0 ? (room - taken) / accounts : 1;

		before = taken;
		for (size_t i = from; i < end && taken < room; i++) {
			if (leads_account(c, from, i))
				taken += account_take(c, i, end,
						      part < room - taken ? part : room - taken);
		}
	} while (taken > before && taken < room);
	return taken;
}

uint32_t plan_pick(struct plan_candidate *c, size_t n, const struct plan_limits *limits,
		   int64_t now, int64_t *at)
{
	size_t best = n, best_end = n;

	*at = T_NEVER;
	if (n > 1) /* an empty list may have no address */
		qsort(c, n, sizeof(*c), by_recipe_and_urgency);
	for (size_t i = 0; i < n; i++) {
		c[i].share = 0;
		c[i].taken = 0;
	}
	for (size_t from = 0, end; from < n; from = end) {
		int64_t due;

		end = group_end(c, n, from, now);
		due = group_due(c, from, end, limits);
		*at = t_min(*at, due);
		if (due <= now && (best == n || c[from].latest_start < c[best].latest_start)) {
			best = from;
			best_end = end;
		}
	}
	return best == n ? 0 : share_out(c, best, best_end, limits->max_requests);
}

static bool is_first_with_share(const struct plan_candidate *c, size_t i)
{
	for (size_t k = 0; k < i; k++) {
		if (c[k].share > 0 && c[k].account_id == c[i].account_id)
			return false;
	}
	return true;
}

size_t plan_turn(const struct plan_candidate *c, size_t n, uint32_t *accounts)
{
	size_t next = n;

	*accounts = 0;
	for (size_t i = 0; i < n; i++) {
		if (c[i].share == 0)
			continue;
		*accounts += is_first_with_share(c, i);
		if (next == n || c[i].taken < c[next].taken)
			next = i;
	}
	return next;
}

/*
 * Equal parts of what is left; not ever smaller ones of the rest, each of
 * which costs a transaction.
 */
int64_t plan_part(int64_t whole, int64_t left, uint32_t accounts)
{
	return t_min(left, t_max(left, whole / 8) / (accounts > 0 ? accounts : 1));
}

void plan_took(struct plan_candidate *c, size_t n, size_t i, uint32_t items, int64_t tokens)
{
	c[i].share -= items;
	for (size_t k = 0; k < n; k++) {
		if (c[k].account_id == c[i].account_id)
			c[k].taken = t_add(c[k].taken, tokens);
	}
}
