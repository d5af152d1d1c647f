/* SPDX-License-Identifier: ISC */
/* ./dev sim: the policies side by side, over the same orders and the same troubles. */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "tests/sim/report.h"
#include "tests/sim/store.h"

struct wish {
	struct sim_options o;
	uint64_t seeds;
	struct params p;
};

static void usage(FILE *out)
{
	fputs("usage: sim [--seed N] [--days N] [--seeds N] [--crash SHARE] [--hours N]\n"
	      "           [--break RULE] [--rough] [--trace JOB]\n"
	      "  --seed   of the first run (1); --seeds: so many runs, one after another (1)\n"
	      "  --days   in which orders come in (365)\n"
	      "  --crash  of all commits and calls, the share at which batchd dies (0.00002)\n"
	      "  --hours  after which the third policy cancels (4)\n"
	      "  --break  a rule that is not kept: ends, keeps, once, counts, raise, limit\n"
	      "  --rough  a provider that is far worse than reported\n"
	      "  --trace  the story of one job under the project's policy, in place of the table\n",
	      out);
}

static enum sim_break find_break(const char *name)
{
	for (int i = 0; i < SIM_BREAK_COUNT; i++) {
		if (strcmp(sim_break_names[i], name) == 0)
			return (enum sim_break)i;
	}
	usage(stderr);
	exit(EX_USAGE);
}

static void take_option(struct wish *w, int option, const char *value)
{
	switch (option) {
	case 's':
		w->o.seed = strtoull(value, NULL, 10);
		break;
	case 'n':
		w->seeds = strtoull(value, NULL, 10);
		break;
	case 'd':
		w->o.days = strtoll(value, NULL, 10);
		break;
	case 'c':
		w->o.crash_share = strtod(value, NULL);
		break;
	case 'h':
		w->o.cancel_hours = strtoll(value, NULL, 10);
		break;
	case 'b':
		w->o.break_rule = find_break(value);
		break;
	case 'r':
		w->p = params_rough();
		break;
	case 't':
		w->o.trace_job = (int32_t)strtol(value, NULL, 10);
		break;
	default:
		usage(stderr);
		exit(EX_USAGE);
	}
}

static void take_options(struct wish *w, int argc, char **argv)
{
	static const struct option options[] = {
		{"seed", required_argument, NULL, 's'},
		{"seeds", required_argument, NULL, 'n'},
		{"days", required_argument, NULL, 'd'},
		{"crash", required_argument, NULL, 'c'},
		{"hours", required_argument, NULL, 'h'},
		{"break", required_argument, NULL, 'b'},
		{"trace", required_argument, NULL, 't'},
		{"rough", no_argument, NULL, 'r'},
		{NULL, 0, NULL, 0},
	};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
		take_option(w, option, optarg);
	if (optind < argc || w->o.days < 1 || w->o.days > 3650 || w->seeds < 1) {
		usage(stderr);
		exit(EX_USAGE);
	}
}

/* One policy over all seeds. False where an invariant broke: the run is told, and its job. */
static bool run_policy(const struct wish *w, enum sim_policy policy, struct report *report)
{
	struct sim_options o = w->o;
	struct sim_result r;
	bool is_broken;

	o.policy = policy;
	for (uint64_t i = 0; i < w->seeds; i++) {
		o.seed = w->o.seed + i;
		sim_run(&o, &w->p, &r);
		is_broken = r.is_broken;
		if (is_broken) {
			report_broken(&o, &r, stdout);
			free(r.took);
			o.trace_job = r.broken_job;
			sim_run(&o, &w->p, &r);
		}
		report_add(report, &r);
		if (is_broken)
			return false;
	}
	return true;
}

int main(int argc, char **argv)
{
	struct wish w = {.o = {.seed = 1,
			       .days = 365,
			       .crash_share = SIM_CRASH_SHARE,
			       .cancel_hours = 4,
			       .trace_job = NONE,
			       .trace_to = stdout},
			 .seeds = 1,
			 .p = params_default};
	struct report reports[SIM_POLICY_COUNT] = {0};
	const bool is_story = argc > 1 && (take_options(&w, argc, argv), w.o.trace_job != NONE);
	bool is_whole = true;

	for (int p = 0; p < (is_story ? 1 : SIM_POLICY_COUNT); p++)
		is_whole &= run_policy(&w, (enum sim_policy)p, &reports[p]);
	if (!is_story) {
		printf("%llu days from seed %llu on, %llu times; batchd died %u times.\n\n",
		       (unsigned long long)w.o.days, (unsigned long long)w.o.seed,
		       (unsigned long long)w.seeds, reports[0].sum.crashes);
		report_head(stdout);
		for (int p = 0; p < SIM_POLICY_COUNT; p++)
			report_line(&reports[p], (enum sim_policy)p, stdout);
		putchar('\n');
		report_twice(&reports[0], stdout);
		if (is_whole)
			puts("Every invariant held.");
	}
	for (int p = 0; p < SIM_POLICY_COUNT; p++)
		report_clear(&reports[p]);
	return is_whole ? EX_OK : EX_SOFTWARE;
}
