/* SPDX-License-Identifier: ISC */
/* report: what runs of one policy came to, and how it is written. */
#ifndef TESTS_SIM_REPORT_H
#define TESTS_SIM_REPORT_H

#include "tests/sim/sim.h"

struct report {
	struct sim_result sum; /* its list: of all runs' jobs */
	uint32_t runs;
};

/* Add a run; its list is taken over. */
void report_add(struct report *r, struct sim_result *of);
/* The table's head, and a policy's line of it. */
void report_head(FILE *out);
void report_line(struct report *r, enum sim_policy policy, FILE *out);
/* How the small jobs fared, and what was paid twice, each kind beside its bound. */
void report_twice(const struct report *r, FILE *out);
/* A broken invariant: where, when and how to see it again. */
void report_broken(const struct sim_options *o, const struct sim_result *r, FILE *out);
void report_clear(struct report *r);

#endif
