/* SPDX-License-Identifier: ISC */
/*
 * incident: the provider as a whole makes no progress. Many running batches stall together: that is
 * one warning, not one of each, and no batch is begun while what leaves the stalled ones goes by
 * calls. It ends slowly: when something moves again, or after a while, one batch is begun as a
 * trial; when that gets something done, all are. Pure.
 */
#ifndef CORE_INCIDENT_H
#define CORE_INCIDENT_H

#include <stdbool.h>
#include <stdint.h>

struct incident_view {
	/* of the batches that run at the provider and were not cancelled */
	uint32_t n_running, n_stalled; /* stalled: no progress for the stall_after of their size */
	int64_t stalled_since;         /* the newest last progress of the stalled ones */
	int64_t moved_at; /* when some batch, of any state, last got something done; 0: unknown */
	/* as it was left; since 0: there is none */
	int64_t since, step_at;       /* when it began, and when its present step did */
	bool may_try;                 /* one batch may be begun */
	bool has_trial;               /* it was; then either of these: */
	bool trial_moved, trial_over; /* it got something done; it stalled or closed without */
};

enum incident_step {
	INCIDENT_KEEP, /* it is as it was */
	INCIDENT_BEGIN,
	INCIDENT_TRY,  /* one batch may be begun */
	INCIDENT_HOLD, /* the trial failed: none may */
	INCIDENT_END
};

/* retry_after: microseconds without progress after which a trial is due all the same. */
enum incident_step incident_decide(const struct incident_view *v, int64_t retry_after, int64_t now);

#endif
