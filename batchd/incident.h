/* SPDX-License-Identifier: ISC */
/*
 * incident: looks whether the provider as a whole stands still (core/incident.h), keeps that in the
 * lease row, so that a successor goes on with it, and says whether batches may be begun.
 */
#ifndef BATCHD_INCIDENT_H
#define BATCHD_INCIDENT_H

#include "batchd/daemon.h"

struct incident *incident_new(void);
void incident_free(struct incident **i);
/* The lease was taken: what was stored is read anew. */
void incident_reset(struct incident *i);
/* Each tick: look, once in a poll interval. */
void incident_tick(struct daemon *d);
/* Since when there is one; 0: there is none. */
int64_t incident_since(const struct incident *i);
/* May no batch be begun now? */
bool incident_holds(const struct incident *i);
/* Inside a transaction that begins a batch: where there is an incident it is the trial. 0 or -1. */
int incident_begun(struct daemon *d, struct db *db, int64_t batch_id, struct err *err);

#endif
