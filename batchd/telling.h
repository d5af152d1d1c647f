/* SPDX-License-Identifier: ISC */
/*
 * telling: one job's `waiting_for` and `warnings`, gathered from all who know something of it.
 *
 * A part that has something to say of jobs writes a tell_source_fn in its own file, adds it to the table in
 * batchd/telling.c, and calls tell_soon or tell_all (batchd/tell.h) when what it says begins and when it ends. Sources
 * run anew at each telling: what they add stands, what they do not add any more is gone. The codes of warnings are
 * named in api/openapi.json.
 */
#ifndef BATCHD_TELLING_H
#define BATCHD_TELLING_H

#include "batchd/daemon.h"

/* What a job waits for. `what` NULL: nothing that is known; `action` NULL: none is certain but the deadline. */
struct tell_wait {
	const char *what,
		*action; /* static; a word (openapi.json), plain words of 64 bytes at most */
	int64_t since, progress_at; /* 0: no progress yet */
	int64_t at;                 /* of the action */
};

/* What is open of a running job: a row of STMT_TELL_JOB or STMT_TELL_OPEN. */
struct tell_ready {
	int64_t job, opened_at, deadline_at, calls_from;
	int64_t n_open, n_ready; /* not answered yet; of these, those that wait to be sent */
	int64_t ready_since;
	int64_t n_by_call; /* of the ready ones: they left a batch and are marked so */
};

#define TELL_WARNINGS      16
#define TELL_MESSAGE_BYTES 200

struct telling {
	struct daemon *d;
	struct db *db; /* inside the transaction that stores it */
	int64_t now;
	struct tell_ready job;
	/* what the sources add */
	struct tell_wait batch, held;
	struct {
		const char *code;
		char message[TELL_MESSAGE_BYTES];
		int64_t since;
	} warnings[TELL_WARNINGS];
	size_t n_warnings;
};

/* Add what it knows of t->job. 0 or -1. */
typedef int tell_source_fn(struct telling *t, struct err *err);

/*
 * The job has this warning, since then: code is static, message in plain words for the client, copied. Of the same code
 * twice the earlier counts.
 */
void tell_add_warning(struct telling *t, const char *code, const char *message, int64_t since);
/* Its items that are ready are not sent for now: what for, and what ends that (at T_NEVER: nobody knows). The first counts. */
void tell_add_hold(struct telling *t, const char *what, int64_t since, const char *action,
		   int64_t at);

/* Of a row of one of the two statements. */
struct tell_ready telling_read(const struct db_rows *r);
/* Since when its deadline is at risk, or T_NEVER. */
int64_t telling_at_risk(const struct daemon *d, const struct tell_ready *job);
/* What items that are ready, or called for, wait for; `what` NULL where there are none. */
struct tell_wait telling_ready(struct daemon *d, const struct tell_ready *job);
/* Gather and store, in a transaction of its own; what its row says already is no move. 0 or -1. */
int telling_store(struct daemon *d, int64_t job, struct err *err);

#endif
