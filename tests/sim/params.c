/* SPDX-License-Identifier: ISC */
#include "tests/sim/params.h"

#include "core/timemath.h"

/* clang-format off */
const struct params params_default = {
	/* An auction house: the story's job most of the time, now and then a whole sale. */
	.orders = {
		.per_day = 8, .story_share = 0.5, .lots_most = 2000,
		.deadline_low = T_H, .deadline_high = 24 * T_H,
		.bad_lot_share = 0.01, .accounts = 3,
		.describe_cost = 1000, .translate_cost = 800,
		.describe_tokens = 1500, .translate_tokens = 900,
	},
	.batches = {
		/*
		 * "Normal up to 24 h": 8.0 h, 18.9 h and a 24.5 h expiry in one account within two days
		 * (warmbly/warmbly#333); others are done in seconds (ProjectTech4DevAI/kaapi-backend#723).
		 * With this spread 8 % take over 8 h, 2.5 % over 19 h and 1.7 % expire by that alone.
		 */
		.median = T_H, .sigma = 1.5, .shortest = 20 * T_S,
		.lead_most = 0.9,
		/*
		 * Stuck at 0 of n, with no error: three reports (CO: batch gets stuck in progress;
		 * 12 h frozen; blocked in progress), and the job that this project was made for.
		 */
		.stuck_share = 0.03, .validating_share = 0.005,
		/* Expired with 1 of 10 done (warmbly/warmbly#333). */
		.half_share = 0.02,
		/* Chosen: progress that stops and goes on was not reported, only frozen ones. */
		.pause_share = 0.05, .pause_low = 30 * T_MIN, .pause_high = 6 * T_H,
		.window = 24 * T_H, .expiry_late = 30 * T_MIN, /* 24.5 h */
		/* tensorzero/tensorzero#1198, #7025. */
		.vanish_share = 0.002,
		/* openai/openai-python#2084, also where the own ledger has room; tobert/kaibo#169. */
		.token_limit_share = 0.01, .no_file_share = 0.01,
		/* 2 s (kaapi-backend#723) to a long wait (bespokelabsai/curator#287). */
		.finalize_median = 10 * T_S, .finalize_sigma = 2,
		/* "Up to 10 minutes"; 25 have been seen (BerriAI/litellm#37205). */
		.cancel_median = 3 * T_MIN, .cancel_slow_share = 0.1,
		.cancel_slow_low = 15 * T_MIN, .cancel_slow_high = 40 * T_MIN,
		/* Files that a final batch does not name yet: null before the end in all reports. */
		.late_files_share = 0.02, .late_files_most = 5 * T_MIN,
	},
	.requests = {
		/* 10 of 1,000 lines with status 0 in half of one user's jobs (tidyverse/ellmer#830). */
		.void_share = 0.005,
		/* Single lines with 429, 500, 503 (reference, trouble 20). */
		.error_share = 0.003,
		/* Chosen: refusals and answers that are no JSON are rare under a strict schema. */
		.refused_share = 0.002,
	},
	.calls = {
		/* Chosen: one answer in 200 does not arrive (bespokelabsai/curator#120 had storms). */
		.lost_share = 0.005,
		.late_share = 0.2, .late_most = 10 * T_MIN,
		.list_fails_share = 0.005,
		/* Cut and 502 downloads (openai/openai-python#2959, CO: 502 on every content GET). */
		.download_fails_share = 0.02,
		.default_median = 8 * T_S, .default_sigma = 0.5,
		/* Flex waits for room, 15 minutes being its advised time-out (guide). */
		.flex_median = 15 * T_S, .flex_sigma = 0.8,
		.trouble_share = 0.003,
		.flex_refused_share = 0.02, .storm_refused_share = 0.95,
		.storms_per_day = 1, .storm_median = 30 * T_MIN, .storm_sigma = 1,
		/* Provider-wide: chosen, one in a week, hours long. */
		.incidents_per_day = 0.15, .incident_median = 2 * T_H, .incident_sigma = 0.7,
		.incident_fails_share = 0.3,
	},
	.settings = {
		.tick = T_S, .lease = 30 * T_S, .linger = 30 * T_S, .poll_interval = 30 * T_S,
		.settle = 2 * T_MIN,
		.small_requests = 100,
		.small = {
			.alert_after = 2 * T_H, .stall_after = T_H, .cancel_after = 2 * T_H,
			.cancel_grace = 30 * T_MIN, .batch_retries = 0, .validating_after = T_H,
			.finalizing_after = 2 * T_H,
			.poll_interval = 30 * T_S, .settle = 2 * T_MIN,
		},
		.large = {
			.alert_after = 6 * T_H, .stall_after = 3 * T_H, .cancel_after = 6 * T_H,
			.cancel_grace = 30 * T_MIN, .batch_retries = 1,
			.validating_after = 2 * T_H,
			.finalizing_after = 4 * T_H,
			.poll_interval = 30 * T_S, .settle = 2 * T_MIN,
		},
		.concurrency = 16, .max_attempts = 4, .max_requests = 50000,
		.request_timeout = 120 * T_S, .flex_timeout = 900 * T_S,
		.estimate = 15 * T_S, .reserve = 15 * T_MIN,
		.enqueued_tokens = 2000000,
	},
};
/* clang-format on */

struct params params_rough(void)
{
	struct params p = params_default;

	p.batches.stuck_share = p.batches.half_share = p.batches.pause_share = 0.1;
	p.batches.vanish_share = p.batches.validating_share = 0.05;
	p.batches.token_limit_share = p.batches.no_file_share = 0.05;
	p.batches.cancel_slow_share = p.batches.late_files_share = 0.3;
	p.requests.void_share = p.requests.error_share = p.requests.refused_share = 0.03;
	p.calls.lost_share = 0.03;
	p.calls.late_share = 0.5;
	p.calls.list_fails_share = p.calls.download_fails_share = 0.1;
	p.calls.storms_per_day = 4;
	p.calls.incidents_per_day = 1;
	return p;
}
