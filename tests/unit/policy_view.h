/* SPDX-License-Identifier: ISC */
/*
 * policy_view: batches as the policy's tests see them: its times, and views of the usual case, of
 * which a test says only what is different.
 */
#ifndef TESTS_UNIT_POLICY_VIEW_H
#define TESTS_UNIT_POLICY_VIEW_H

#include "core/policy.h"
#include "core/timemath.h"

#define T0 (1000 * T_DAY) /* an instant far from 0, which means "not set" */

static const struct policy small_policy = {
	.alert_after = 2 * T_H,
	.stall_after = T_H,
	.cancel_after = 2 * T_H,
	.cancel_grace = 30 * T_MIN,
	.validating_after = T_H,
	.finalizing_after = 2 * T_H,
	.poll_interval = 30 * T_S,
	.settle = 2 * T_MIN,
};

/* A batch that runs, submitted at T0, with one job that waits for it. */
#define RUNNING(...)                                                                            \
	{                                                                                       \
		.phase = BATCH_RUNNING, .remote = REMOTE_IN_PROGRESS, .n_wanted = 1,            \
		.wanted_until = T0 + 6 * T_H, .created_at = T0, .phase_at = T0,                 \
		.submitted_at = T0, .progress_at = T0, .expires_at = T0 + T_DAY, .next_at = T0, \
		.latest_start = T_NEVER, __VA_ARGS__                                            \
	}
#define AT(p, ...)                                                                           \
	{                                                                                    \
		.phase = (p), .n_wanted = 1, .wanted_until = T0 + 6 * T_H, .created_at = T0, \
		.phase_at = T0, .next_at = T0, .latest_start = T_NEVER, __VA_ARGS__          \
	}

/* A field that is named again counts as it is named there. */
#pragma GCC diagnostic ignored "-Woverride-init"

#endif
