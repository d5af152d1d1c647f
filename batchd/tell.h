/* SPDX-License-Identifier: ISC */
/*
 * tell: what jobs wait for, and warnings, written into their rows (DESIGN, "A status that explains itself"). This file
 * says when; batchd/telling.h what. A tick tells 100 jobs at most, or for 200 ms; the rest has its turn in the next ones.
 */
#ifndef BATCHD_TELL_H
#define BATCHD_TELL_H

#include "batchd/daemon.h"

struct teller *teller_new(void);
void teller_free(struct teller **t);

/*
 * Something of this job, or of every running one, began or ended that a source of batchd/telling.h adds: they are told
 * anew from this tick on. Cheap, and may be called in a transaction.
 */
void tell_soon(struct daemon *d, int64_t job);
void tell_all(struct daemon *d);
/* The end of a tick: those above, and jobs whose items wait for something else than before, or whose deadline is at risk. */
void tell_tick(struct daemon *d);
/* Nobody waits to be told. */
bool tell_is_idle(const struct daemon *d);

/*
 * Tell the batch's running jobs where there is news: a warning or a status of the provider at once,
 * mere progress at most once a minute.
 */
void tell_jobs(struct daemon *d, const struct batch_row *b, const struct decision *next);
/* The same, reading the row and asking the policy. */
void tell_jobs_of(struct daemon *d, int64_t batch_id);
/* The batch is closed: its running jobs wait for another of theirs, or for what is sent next. */
void tell_closed(struct daemon *d, int64_t batch_id);
/* The batch is closed, or the lease is lost: forget. 0 = all. */
void tell_forget(struct daemon *d, int64_t batch_id);

#endif
