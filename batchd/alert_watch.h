/* SPDX-License-Identifier: ISC */
/*
 * alert_watch: alerts that rows and memory say, looked for again and again, so that each is raised
 * while it is so and cleared when it is not, whoever died in between.
 */
#ifndef BATCHD_ALERT_WATCH_H
#define BATCHD_ALERT_WATCH_H

#include "batchd/daemon.h"

/* What the policy warns of a batch (enum warning of core/policy.h); 0 clears what was raised. */
void alert_heed_batch(struct daemon *d, const struct batch_row *b, unsigned warnings);

#endif
