/* SPDX-License-Identifier: ISC */
/*
 * close: ends of batches and jobs: returns what is open, closes the row, tells the jobs.
 */
#ifndef BATCHD_CLOSE_H
#define BATCHD_CLOSE_H

#include "batchd/daemon.h"

/* Never sent and nobody waits for it. */
void close_drop(struct daemon *d, struct batch_row *b);
/*
 * The provider refused it as a whole, with a code that trying again does not change; the scope says
 * whether it is its recipe's.
 */
void close_failed(struct daemon *d, struct batch_row *b, const char *code,
		  enum outcome_scope scope);
/* Vanished, or no end was ever seen. */
void close_lost(struct daemon *d, struct batch_row *b);
/* Its files are read: what is still open returns, the row closes. */
void close_harvested(struct daemon *d, struct batch_row *b);
/* Open items leave the batch, which stays watched. */
void close_leave(struct daemon *d, struct batch_row *b);
/* The same, of the job alone whose latest start comes first. */
void close_part(struct daemon *d, struct batch_row *b);

/* End the jobs whose deadline passed, some at a time. 1 = more are due, 0, -1. */
int close_overdue_jobs(struct daemon *d, struct err *err);
/* Remove orders whose writing was never finished, some rows at a time. 1 = more, 0, -1. */
int close_unfinished_orders(struct daemon *d, struct err *err);

#endif
