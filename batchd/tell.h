/* SPDX-License-Identifier: ISC */
/* tell: what the jobs of a batch wait for, and warnings, written into their rows. */
#ifndef BATCHD_TELL_H
#define BATCHD_TELL_H

#include "batchd/daemon.h"

/*
 * Tell the batch's running jobs where there is news: a warning or a status of the provider at once,
 * mere progress at most once a minute (DESIGN, "A status that explains itself").
 */
void tell_jobs(struct daemon *d, const struct batch_row *b, const struct decision *next);
/* The same, reading the row and asking the policy. */
void tell_jobs_of(struct daemon *d, int64_t batch_id);
/* The batch is closed: its running jobs wait for another of theirs, or for the planner. */
void tell_closed(struct daemon *d, int64_t batch_id);
/* The batch is closed, or the lease is lost: forget. 0 = all. */
void tell_forget(struct daemon *d, int64_t batch_id);

#endif
