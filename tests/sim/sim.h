/* SPDX-License-Identifier: ISC */
/*
 * sim: one run of the simulator: one seed, one policy, some days. The real policy core decides;
 * store, provider and clock are of memory, and the process that runs the policy dies now and then.
 * The same options give the same run, event by event.
 */
#ifndef TESTS_SIM_SIM_H
#define TESTS_SIM_SIM_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "tests/sim/params.h"

enum sim_policy {
	POLICY_PROJECT,
	POLICY_WAIT,   /* for ever */
	POLICY_CANCEL, /* after some hours, and everything again */
	SIM_POLICY_COUNT
};
extern const char *const sim_policy_names[SIM_POLICY_COUNT];

/* Rules that a run can be told to break, so that tests see the checks fail. */
enum sim_break {
	BREAK_NONE,
	BREAK_ENDS,   /* no job is closed at its deadline */
	BREAK_KEEPS,  /* what a batch answered that did not complete is not read */
	BREAK_ONCE,   /* a create whose answer was lost is sent again at once */
	BREAK_COUNTS, /* a void attempt is not counted */
	BREAK_RAISE,  /* an older observation overwrites a newer one */
	BREAK_LIMIT,  /* no sending burns an attempt */
	SIM_BREAK_COUNT
};
extern const char *const sim_break_names[SIM_BREAK_COUNT];
/* "I1", ...: the invariant that is seen to be broken. */
extern const char *const sim_break_invariants[SIM_BREAK_COUNT];

/* Of all steps, about once in five days: where nothing else is asked for. */
#define SIM_CRASH_SHARE 0.00002

struct sim_options {
	uint64_t seed;
	int64_t days; /* in which orders come in; the run goes on until all is closed */
	enum sim_policy policy;
	enum sim_break break_rule;
	double crash_share;   /* of all steps: commits and calls */
	int64_t cancel_hours; /* POLICY_CANCEL */
	int32_t trace_job;    /* NONE: nothing is written */
	FILE *trace_to;
	const char *trace_mark; /* before each line */
};

struct sim_cost {         /* of the provider's own counting, in millionths of an item by batch */
	int64_t ideal;    /* every item once, by batch */
	int64_t paid;     /* whatever ran */
	int64_t used;     /* the answers that items have */
	int64_t repeats;  /* refused answers: one repeat each may be bought */
	int64_t wasted;   /* the rest */
	int64_t in_full;  /* of `paid`: what the default tier cost more than a batch */
	int64_t answered; /* the items that have an answer, once, by batch */
	/* of `wasted`: by why it is not used, or why something else is */
	int64_t by_left, by_call, by_lost;
};

/* What was paid twice, by reason, and what bounds it (DESIGN, I3). */
struct sim_twice {
	uint32_t left; /* resent while its batch was open: once for each item that left */
	uint32_t left_most;
	uint32_t call; /* an answer of a call was lost: once an item */
	uint32_t call_most;
	uint32_t lost; /* its batch vanished */
	uint32_t lost_most;
	uint32_t again; /* refused, asked once more */
	uint32_t again_most;
};

struct sim_result {
	bool is_broken;
	char invariant[8], what[200];
	int64_t broken_at; /* since the beginning */
	int32_t broken_job;

	uint32_t jobs, in_time, full_in_time, full, items, items_done, crashes, batches,
		batches_lost;
	uint32_t small, small_full; /* jobs of 100 lots at most, and those full in time */
	uint32_t calls_flex, calls_default;
	uint32_t incidents; /* of the provider, as the policy saw them */
	int64_t *took;      /* of every job, owned; INT64_MAX: it has not ended */
	struct sim_cost cost;
	struct sim_twice twice;
};

/* Run. The result's list is the caller's to free. */
void sim_run(const struct sim_options *o, const struct params *p, struct sim_result *r);

#endif
