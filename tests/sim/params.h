/* SPDX-License-Identifier: ISC */
/*
 * params: the model, in numbers: what is ordered, how the provider behaves, and the configuration
 * under which batchd answers it. Durations are microseconds, shares are of 1.
 *
 * What is known of the provider are single reports of users, not a distribution; the numbers are
 * chosen so that what was reported happens, and params.c says for each which report that is.
 */
#ifndef TESTS_SIM_PARAMS_H
#define TESTS_SIM_PARAMS_H

#include <stdint.h>

#include "core/policy.h"

/* lotscribe.conf as it comes (common/config_keys.c, and conf/lotscribe.conf for the model). */
struct settings {
	int64_t tick, lease, linger, poll_interval, settle;
	uint32_t small_requests;
	struct policy small, large;
	uint32_t concurrency, max_attempts, max_requests;
	int64_t request_timeout, flex_timeout, estimate, reserve;
	int64_t enqueued_tokens;
};

struct orders {
	double per_day;     /* Poisson */
	double story_share; /* of 20 lots and two languages; the rest from 1 to lots_most */
	uint32_t lots_most; /* the logarithm is uniform */
	int64_t deadline_low, deadline_high; /* the logarithm is uniform, whatever the size */
	double bad_lot_share;                /* jobs with a lot whose photograph cannot be read */
	uint32_t accounts;
	int64_t describe_cost, translate_cost; /* of one item by batch */
	int64_t describe_tokens, translate_tokens;
};

struct batches {
	int64_t median;
	double sigma;
	int64_t shortest;
	double lead_most;        /* share of the duration in which nothing is done yet, 0 to this */
	double stuck_share;      /* 0 of n until they expire */
	double validating_share; /* the same before they have begun */
	double half_share;       /* stop somewhere between, until they expire */
	double pause_share;      /* stand still for a while, then go on */
	int64_t pause_low, pause_high;
	int64_t window, expiry_late;             /* expired so long after the window, at most */
	double vanish_share;                     /* 404 from some time on, for good */
	double token_limit_share, no_file_share; /* fail at once */
	int64_t finalize_median;
	double finalize_sigma;
	int64_t cancel_median;
	double cancel_slow_share;
	int64_t cancel_slow_low, cancel_slow_high;
	double late_files_share;
	int64_t late_files_most;
};

struct requests { /* of a single request, in a batch or by a call */
	double void_share, error_share, refused_share;
};

struct calls {
	double lost_share; /* of any call's answers, half of them before the effect */
	double late_share; /* of lost creates: the effect comes later than any search */
	int64_t late_most;
	double list_fails_share, download_fails_share;
	int64_t default_median, flex_median;
	double default_sigma, flex_sigma;
	double trouble_share; /* 500 of a synchronous call */
	double flex_refused_share, storm_refused_share;
	double storms_per_day;
	int64_t storm_median;
	double storm_sigma;
	double incidents_per_day;
	int64_t incident_median;
	double incident_sigma;
	double incident_fails_share; /* of all calls meanwhile; no batch moves */
};

struct params {
	struct orders orders;
	struct batches batches;
	struct requests requests;
	struct calls calls;
	struct settings settings;
};

extern const struct params params_default;
/* Everything that the model knows, much more often than anybody reported it. */
struct params params_rough(void);

#endif
