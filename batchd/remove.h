/* SPDX-License-Identifier: ISC */
/*
 * remove: what is over goes, in the background, however much it is: the content of jobs that were
 * deleted, by their client or by retention (asked_delete of batchd/asked.h), then what is old
 * (batchd/remove_old.h). A turn now and then, and a tenth of the time at most; the rows of the
 * requests say what is left, whoever dies in between.
 */
#ifndef BATCHD_REMOVE_H
#define BATCHD_REMOVE_H

#include "batchd/daemon.h"

struct remover *remover_new(void);
void remover_free(struct remover **r);
/* The lease was taken: there may be something. */
void remover_reset(struct remover *r);
/* A batch was closed, for which some jobs may wait: look now. */
void remover_wake(struct remover *r);
/* A turn, where there is something to do. Each tick. */
void remover_tick(struct daemon *d);
/* Is all gone that can go now? */
bool remover_is_idle(const struct remover *r);

#endif
