/* SPDX-License-Identifier: ISC */
/*
 * world: what a run consists of: the clock, the network between policy and provider, the process
 * that may die, and the checks. A policy is an agent: it is called at its ticks and with replies,
 * sends calls with world_send, changes rows through store.h, and keeps in its own memory only what
 * a crash may take.
 */
#ifndef TESTS_SIM_WORLD_H
#define TESTS_SIM_WORLD_H

#include <setjmp.h>

#include "core/outcome.h"
#include "core/status.h"
#include "tests/sim/events.h"
#include "tests/sim/provider.h"
#include "tests/sim/rng.h"
#include "tests/sim/sim.h"
#include "tests/sim/store.h"

/* From so many ticks past a deadline the front end closes the job, where no batchd does (I1). */
#define FRONT_END_TICKS 5

struct world;

struct agent {
	bool ends_by_deadline; /* its jobs end at their deadline, or only when all is answered */
	size_t memory;         /* bytes; zeroed at each start */
	void (*started)(struct world *w);
	void (*tick)(struct world *w);
	void (*reply)(struct world *w, const struct call *c);
	/* When a tick is needed at the latest, if no reply comes before. */
	int64_t (*due)(const struct world *w);
};
extern const struct agent agent_batchd, agent_naive;

struct world {
	const struct sim_options *o;
	const struct params *p;
	struct sim_result *r;
	int64_t now, begin, horizon, next_order;
	bool orders_over;
	struct rng orders, network, crashes;
	struct events events;
	struct provider provider;
	struct store store;
	const struct agent *agent;
	void *memory;
	/* the process */
	bool is_up, steps_may_crash;
	uint32_t life;
	int64_t up_at;   /* since when it is up, or when it will be */
	int64_t tick_at; /* of its last tick */
	jmp_buf crash;
};

/* --- the network --- */

/* Send a call; it may be lost, and this process may die before it is sent, or right after. */
void world_send(struct world *w, const struct call *c);
/* A reply is on its way: the provider decided when it comes. */
void world_reply_at(struct world *w, int32_t call, int64_t at);
/* A place where the process may die. Does not return then. */
void world_step(struct world *w);
/* What a reply means (core/outcome.h). */
struct call_outcome world_classify(const struct call *c);

/* --- the checks --- */

/* An invariant does not hold: noted once, and the run ends. */
void broken(struct world *w, const char *invariant, int32_t job, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* A line of the job's story, or of all jobs of a batch, where it was asked for. */
void trace(struct world *w, int32_t job, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void trace_batch(struct world *w, int32_t batch, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static inline bool is_broken_rule(const struct world *w, enum sim_break rule)
{
	return w->o->break_rule == rule;
}
/* While it runs: a verdict keeps to I6, an ended job to I1, a closed batch to I4. */
void check_verdict(struct world *w, int32_t job, const struct job_verdict *v);
void check_ended_job(struct world *w, int32_t job);
void check_closed_batch(struct world *w, int32_t batch);
/* I1 as the clock stands, and I4 of every job that runs. */
void check_now(struct world *w);
/* Everything, when all is closed; and the sums of the result. */
void check_all(struct world *w);

#endif
