/* SPDX-License-Identifier: ISC */
/*
 * submit: from a sealed batch to a running one, each step committed before the next
 * (DESIGN, "Creating a batch once"). Every completion looks at the row again: a reply that
 * comes late for it changes nothing.
 */
#ifndef BATCHD_SUBMIT_H
#define BATCHD_SUBMIT_H

#include "batchd/daemon.h"

/* The input file is whole: commit the intent to upload, and upload. Nothing to send: close. */
void submit_built(struct daemon *d, int64_t batch_id, int64_t lines, int64_t bytes);
/* ACT_CREATE, ACT_DOUBT, ACT_FENCE, ACT_ANEW and ACT_CANCEL of core/policy.h. */
void submit_create(struct daemon *d, struct batch_row *b);
void submit_doubt(struct daemon *d, struct batch_row *b);
void submit_fence(struct daemon *d, struct batch_row *b);
void submit_anew(struct daemon *d, struct batch_row *b);
void submit_cancel(struct daemon *d, struct batch_row *b);

/*
 * Store a changed row, with an event on its timeline where `event` is not NULL. 0, or -1 (logged).
 */
int submit_store(struct daemon *d, struct batch_row *b, const char *event, const char *message);

#endif
