/* SPDX-License-Identifier: ISC */
#include "tests/sim/report.h"

#include <stdlib.h>
#include <string.h>

#include "core/timemath.h"

void report_add(struct report *r, struct sim_result *of)
{
	struct sim_result *s = &r->sum;

	s->took = realloc(s->took, (s->jobs + of->jobs + 1) * sizeof(*s->took));
	if (!s->took)
		abort();
	if (of->jobs > 0)
		memcpy(s->took + s->jobs, of->took, of->jobs * sizeof(*s->took));
	free(of->took);
	of->took = NULL;
	s->jobs += of->jobs;
	s->in_time += of->in_time;
	s->full_in_time += of->full_in_time;
	s->full += of->full;
	s->items += of->items;
	s->items_done += of->items_done;
	s->crashes += of->crashes;
	s->batches += of->batches;
	s->incidents += of->incidents;
	s->batches_lost += of->batches_lost;
	s->small += of->small;
	s->small_full += of->small_full;
	s->calls_flex += of->calls_flex;
	s->calls_default += of->calls_default;
	s->cost.ideal += of->cost.ideal;
	s->cost.paid += of->cost.paid;
	s->cost.used += of->cost.used;
	s->cost.repeats += of->cost.repeats;
	s->cost.wasted += of->cost.wasted;
	s->cost.in_full += of->cost.in_full;
	s->cost.answered += of->cost.answered;
	s->cost.by_left += of->cost.by_left;
	s->cost.by_call += of->cost.by_call;
	s->cost.by_lost += of->cost.by_lost;
	s->twice.left += of->twice.left;
	s->twice.left_most += of->twice.left_most;
	s->twice.call += of->twice.call;
	s->twice.call_most += of->twice.call_most;
	s->twice.lost += of->twice.lost;
	s->twice.lost_most += of->twice.lost_most;
	s->twice.again += of->twice.again;
	s->twice.again_most += of->twice.again_most;
	r->runs++;
}

static int compare(const void *a, const void *b)
{
	const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static double share(double part, double whole)
{
	return whole > 0 ? 100 * part / whole : 100;
}

static void quantile(const struct sim_result *s, double q, char out[32])
{
	const uint32_t at = (uint32_t)(q * (s->jobs ? s->jobs - 1 : 0) + 0.5);

	if (s->jobs == 0 || s->took[at] == INT64_MAX)
		snprintf(out, 32, "never");
	else
		duration_format(s->took[at], out, 32);
}

void report_head(FILE *out)
{
	fprintf(out, "%-17s %7s %9s %9s %9s %8s %8s %8s %9s %8s\n", "policy", "jobs", "in time",
		"full then", "full", "p50", "p99", "cost", "an answer", "wasted");
}

void report_line(struct report *r, enum sim_policy policy, FILE *out)
{
	struct sim_result *s = &r->sum;
	const struct sim_cost *c = &s->cost;
	char p50[32], p99[32];

	qsort(s->took, s->jobs, sizeof(*s->took), compare);
	quantile(s, 0.50, p50);
	quantile(s, 0.99, p99);
	fprintf(out, "%-17s %7u %8.2f%% %8.2f%% %8.2f%% %8s %8s %8.4f %9.4f %7.2f%%\n",
		sim_policy_names[policy], s->jobs, share(s->in_time, s->jobs),
		share(s->full_in_time, s->jobs), share(s->full, s->jobs), p50, p99,
		c->ideal ? (double)c->paid / (double)c->ideal : 1,
		c->answered ? (double)c->paid / (double)c->answered : 1,
		share((double)c->wasted, (double)c->paid));
}

void report_twice(const struct report *r, FILE *out)
{
	const struct sim_twice *t = &r->sum.twice;
	const struct sim_cost *c = &r->sum.cost;

	fprintf(out, "Of %u jobs of 100 lots at most, %.2f%% were full in time.\n", r->sum.small,
		share(r->sum.small_full, r->sum.small));
	fprintf(out,
		"Paid twice, of at most so many: %u of %u resent at their latest start or after a "
		"slow cancel,\n%u of %u after the answer of a call was lost, %u of %u with a batch "
		"that vanished; %u of %u repeats.\n",
		t->left, t->left_most, t->call, t->call_most, t->lost, t->lost_most, t->again,
		t->again_most);
	fprintf(out,
		"Of what was paid, %.2f%% was wasted by sending while a batch was open, %.2f%% with "
		"lost answers of calls,\n%.2f%% with batches that vanished; %.2f%% is what the "
		"default tier cost more.\n",
		share((double)c->by_left, (double)c->paid),
		share((double)c->by_call, (double)c->paid),
		share((double)c->by_lost, (double)c->paid),
		share((double)c->in_full, (double)c->paid));
}

void report_broken(const struct sim_options *o, const struct sim_result *r, FILE *out)
{
	char at[32];

	duration_format(r->broken_at, at, sizeof(at));
	fprintf(out, "%s is broken, seed %llu, after %s, job %d: %s\n", r->invariant,
		(unsigned long long)o->seed, at, r->broken_job, r->what);
}

void report_clear(struct report *r)
{
	free(r->sum.took);
	*r = (struct report){0};
}
