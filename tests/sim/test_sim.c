/* SPDX-License-Identifier: ISC */
/*
 * Many seeds of the simulator, each a few days with more crashes than any machine has, and the
 * invariants after each; then the proof that the checks see a broken rule. A failure tells the
 * seed; "./dev sim --seed N --days 1 --crash 0.002" plays it again, with --rough from 501 on.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/sim/report.h"
#include "tests/sim/store.h"

#define SEEDS        1000 /* the issue's: within two minutes */
#define CRASHES      0.002
#define PROOF_DAYS   3
#define PROMISE_DAYS 60
#define PROMISE_RUNS 8
/* A broken rule is to be seen within so many seeds. */
#define PROOF_SEEDS 60

static int tests, failures;

static void claim(bool holds, const char *text)
{
	printf("%sok %d - %s\n", holds ? "" : "not ", ++tests, text);
	failures += !holds;
}

static struct sim_options options(uint64_t seed)
{
	return (struct sim_options){.seed = seed,
				    .days = 1,
				    .policy = POLICY_PROJECT,
				    .crash_share = CRASHES,
				    .trace_job = NONE,
				    .trace_to = stdout};
}

/* A broken invariant: seed and time, and, of the first one, the job's story. */
static void tell(const struct sim_options *o, const struct params *p, const struct sim_result *r)
{
	static bool is_told;
	struct sim_options again = *o;
	struct sim_result same;

	fputs("# ", stdout);
	report_broken(o, r, stdout);
	if (is_told)
		return;
	is_told = true;
	again.trace_job = r->broken_job;
	again.trace_mark = "#   ";
	sim_run(&again, p, &same);
	free(same.took);
}

static void every_invariant_holds(const struct params *p, uint64_t from, struct report *sum)
{
	bool holds = true;

	for (uint64_t seed = from; seed < from + SEEDS / 2; seed++) {
		const struct sim_options o = options(seed);
		struct sim_result r;

		sim_run(&o, p, &r);
		if (r.is_broken)
			tell(&o, p, &r);
		holds &= !r.is_broken;
		report_add(sum, &r);
	}
	claim(holds, p == &params_default
			     ? "I1 to I6 hold in every seed, whenever batchd dies"
			     : "they hold where the provider is far worse than reported");
}

/* What never happened was not tried. */
static void every_trouble_was_met(const struct sim_result *sum)
{
	claim(sum->crashes > 0, "batchd died");
	claim(sum->batches_lost > 0, "batches vanished");
	claim(sum->incidents > 0, "the provider stood still, and that was seen");
	claim(sum->twice.left > 0, "items were resent while their batch was open");
	claim(sum->twice.call > 0, "paid answers of calls were lost");
	claim(sum->twice.again > 0, "refused answers were asked for again");
	claim(sum->calls_flex > 0 && sum->calls_default > 0, "both tiers were called");
}

static void a_seed_is_played_again(void)
{
	const struct sim_options o = options(7);
	struct sim_result a, b;

	sim_run(&o, &params_default, &a);
	sim_run(&o, &params_default, &b);
	claim(a.cost.paid == b.cost.paid && a.crashes == b.crashes && a.jobs == b.jobs &&
		      memcmp(a.took, b.took, a.jobs * sizeof(*a.took)) == 0,
	      "the same seed is the same run");
	free(a.took);
	free(b.took);
}

/* What the project promises of its policy, in the default model: over some years, as one big sale counts much. */
static void the_policy_keeps_its_promise(void)
{
	struct report sum = {0};
	const struct sim_result *r = &sum.sum;
	bool holds = true;

	for (uint64_t seed = 1; seed <= PROMISE_RUNS; seed++) {
		struct sim_options o = options(seed);
		struct sim_result run;

		o.days = PROMISE_DAYS;
		o.crash_share = SIM_CRASH_SHARE;
		sim_run(&o, &params_default, &run);
		holds &= !run.is_broken;
		report_add(&sum, &run);
	}
	printf("# %u jobs: %u in time, %u of %u small ones full, an answer costs %.4f, %.2f %% wasted\n",
	       r->jobs, r->in_time, r->small_full, r->small,
	       (double)r->cost.paid / (double)r->cost.answered,
	       100 * (double)r->cost.wasted / (double)r->cost.paid);
	claim(holds && r->in_time == r->jobs, "years of jobs end in time");
	claim(r->small_full * 100 >= r->small * 97, "of a hundred small jobs 97 are full in time");
	claim(r->cost.paid * 100 <= r->cost.answered * 105,
	      "an answer costs 1.05 of a batch's at most");
	claim(r->cost.wasted * 100 <= r->cost.paid, "1 % is wasted at most");
	report_clear(&sum);
}

/* A check that cannot fail proves nothing: each broken rule is seen, as its invariant. */
static void broken_rules_are_seen(void)
{
	char text[128];

	for (int rule = BREAK_NONE + 1; rule < SIM_BREAK_COUNT; rule++) {
		bool is_seen = false;

		for (uint64_t seed = 1; seed <= PROOF_SEEDS && !is_seen; seed++) {
			struct sim_options o = options(seed);
			struct sim_result r;

			o.days = PROOF_DAYS;
			o.break_rule = (enum sim_break)rule;
			sim_run(&o, &params_default, &r);
			is_seen =
				r.is_broken && strcmp(r.invariant, sim_break_invariants[rule]) == 0;
			free(r.took);
		}
		snprintf(text, sizeof(text), "a run that breaks \"%s\" is seen to break %s",
			 sim_break_names[rule], sim_break_invariants[rule]);
		claim(is_seen, text);
	}
}

int main(void)
{
	const struct params worse = params_rough();
	struct report sum = {0};

	every_invariant_holds(&params_default, 1, &sum);
	every_invariant_holds(&worse, SEEDS / 2 + 1, &sum);
	printf("# %u runs, %u jobs, batchd died %u times\n", sum.runs, sum.sum.jobs,
	       sum.sum.crashes);
	claim(sum.sum.in_time == sum.sum.jobs, "every job ends by its deadline");
	every_trouble_was_met(&sum.sum);
	report_clear(&sum);
	a_seed_is_played_again();
	the_policy_keeps_its_promise();
	broken_rules_are_seen();
	printf("1..%d\n", tests);
	return failures > 0;
}
