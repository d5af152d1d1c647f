/* SPDX-License-Identifier: ISC */
/*
 * load: what the jobs that run would ask of synchronous calls, by deadline, and how long a call takes:
 * measured, the value below which 95 of 100 lie. Pure.
 */
#ifndef CORE_LOAD_H
#define CORE_LOAD_H

#include <stdbool.h>
#include <stdint.h>

#define LOAD_DEADLINES 1024
#define MEASURE_LEAST  20  /* fewer say nothing */
#define MEASURE_ROOM   200 /* the newest so many count */

struct load {
	uint32_t n;
	struct load_due {
		int64_t deadline_at;
		/* open items of the jobs that are due until then */
		uint64_t descriptions, translations;
	} due[LOAD_DEADLINES]; /* by deadline */
	int64_t call_us;       /* one call, measured or estimated */
	bool is_measured;
};

/* Without jobs; call_us: one call. */
void load_init(struct load *l, int64_t call_us, bool is_measured);
/*
 * Add the open items of the jobs with this deadline, none before that of the last. Where there are too
 * many deadlines, the last ones count as one, the earliest of them.
 */
void load_add(struct load *l, int64_t deadline_at, uint64_t descriptions, uint64_t translations);
/* Open items of all that is due until the deadline. */
struct load_due load_until(const struct load *l, int64_t deadline_at);
/*
 * Microseconds that all that is due until the deadline takes with so many calls at a time, stage after
 * stage; saturating.
 */
int64_t load_needed(const struct load *l, int64_t deadline_at, int64_t concurrency);

/* How long the newest calls took, in microseconds. */
struct measure {
	uint32_t n, next;
	int64_t us[MEASURE_ROOM];
};

/* One more. */
void measure_add(struct measure *m, int64_t us);
bool measure_is_enough(const struct measure *m);
/* Of those that are there, one at least. */
int64_t measure_p95(const struct measure *m);
/* May such a call be made now, or would its answer come too late? Where too few are there it may. */
bool measure_fits(const struct measure *m, int64_t deadline_at, int64_t now);

#endif
