/* SPDX-License-Identifier: ISC */
#include "core/incident.h"

#include "core/timemath.h"

/* Fewer may stall together by chance. */
#define MANY 3

static bool all_stand_still(const struct incident_view *v)
{
	return v->n_stalled >= MANY && 2 * (uint64_t)v->n_stalled >= v->n_running &&
	       v->moved_at <= v->stalled_since;
}

enum incident_step incident_decide(const struct incident_view *v, int64_t retry_after, int64_t now)
{
	const bool is_time = now >= t_add(v->step_at, retry_after);

	if (!v->since)
		return all_stand_still(v) ? INCIDENT_BEGIN : INCIDENT_KEEP;
	if (v->has_trial && v->trial_moved)
		return INCIDENT_END;
	if (v->has_trial)
		return v->trial_over ? INCIDENT_HOLD : INCIDENT_KEEP;
	if (!v->may_try) /* where nothing runs nothing can move */
		return v->moved_at > v->step_at || v->n_running == 0 || is_time ? INCIDENT_TRY
										: INCIDENT_KEEP;
	/* Nothing waits to be tried: it is over when the stalled ones are gone or move. */
	return (v->moved_at > v->since || is_time) && !all_stand_still(v) ? INCIDENT_END
									  : INCIDENT_KEEP;
}
