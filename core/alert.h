/* SPDX-License-Identifier: ISC */
/*
 * alert: what an operator is told of, by kind: its name, how much it matters, its words. The kinds
 * are all there are: the database, the receivers and README.md know them by these names.
 *
 * An alert is one kind of one subject: "batch:42", "job:UUID", "account:NAME", "recipe:HASH",
 * "remote:ID" (a batch of the provider without a row here), or "" where it is of all.
 */
#ifndef CORE_ALERT_H
#define CORE_ALERT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/timemath.h"

enum alert_kind {
	/* batch:N; these five are the warnings of core/policy.h too, by the same names */
	ALERT_BATCH_OLD,
	ALERT_BATCH_STALLED,
	ALERT_BATCH_FINALIZING,
	ALERT_BATCH_MISSING,
	ALERT_CREATE_UNKNOWN,
	ALERT_BATCH_LOST,       /* batch:N */
	ALERT_UNKNOWN_BATCH,    /* remote:ID */
	ALERT_WORK_SKIPPED,     /* batch:N */
	ALERT_DEADLINE_AT_RISK, /* job:UUID */
	ALERT_JOB_PARTIAL,      /* job:UUID */
	ALERT_JOB_FAILED,       /* job:UUID */
	ALERT_INCIDENT,
	ALERT_BUDGET_JOB, /* job:UUID */
	ALERT_BUDGET_DAY, /* account:NAME */
	ALERT_QUOTA,
	ALERT_KEY_REFUSED,
	ALERT_WRONG_PROJECT,
	ALERT_RECIPE_HELD, /* recipe:HASH */
	ALERT_FOREIGN_STATE,
	ALERT_CLOCK_JUMP,
	ALERT_INVARIANT_BROKEN, /* "overdue_jobs", "overdue_batches" */
	ALERT_KIND_COUNT
};

enum alert_severity {
	ALERT_WARNING,  /* it may mend itself; somebody should look in office hours */
	ALERT_CRITICAL, /* it stands still, or costs, until a person does something */
	ALERT_SEVERITY_COUNT
};

struct alert_word {
	const char *name; /* at most 31 characters */
	enum alert_severity severity;
	/* something that happened and has no end: told once, and closed in silence after a day */
	bool is_event;
	const char *summary; /* a sentence without a full stop */
	const char *advice;  /* what to do, or to ask */
};

extern const struct alert_word alert_words[ALERT_KIND_COUNT];
extern const char *const alert_severity_names[ALERT_SEVERITY_COUNT];

/*
 * How long after its clock something is overdue (I1): a job is closed within a tick, a batch looked at
 * within a minute, unless the machine is busy. us
 */
#define ALERT_BATCH_GRACE (5 * T_MIN)
int64_t alert_job_grace(int64_t tick);

/* The kind of that name, or -1. */
int alert_kind_find(const char *name);

/* The same alert has the same number in every message and every run of the program. */
uint64_t alert_fingerprint(enum alert_kind kind, const char *subject);

/*
 * From when on a deadline is at risk: less than half of the time is left that a job's open items
 * and the reserve ask for. `needed` are the microseconds that the open items take by single calls;
 * the reserve counts as a tenth of the job's span at most, as in latest_start (core/policy.h).
 */
int64_t alert_risk_at(int64_t opened_at, int64_t deadline_at, int64_t reserve, int64_t needed);

#endif
