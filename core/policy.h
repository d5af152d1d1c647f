/* SPDX-License-Identifier: ISC */
/*
 * policy: what should happen next to a batch, and when to look again. Pure: no clock, no
 * I/O, no global; the same view gives the same answer, `batchctl explain` and the tests ask
 * the same function as batchd.
 *
 * Every view that is not closed yields a finite time: nothing can wait for ever.
 */
#ifndef CORE_POLICY_H
#define CORE_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/model.h"
#include "core/timemath.h"

enum action {
	ACT_NONE,    /* closed: nothing, ever again */
	ACT_WAIT,    /* nothing before decision.at */
	ACT_SEAL,    /* fix the membership */
	ACT_UPLOAD,  /* build the file and send it, under a new name */
	ACT_CREATE,  /* the paid call, its intent committed before */
	ACT_DOUBT,   /* a create was sent and its answer is lost */
	ACT_LOOK,    /* list the provider's batches for ours */
	ACT_FENCE,   /* delete the input file, so that a delayed create fails */
	ACT_ANEW,    /* proved never to come: upload again */
	ACT_POLL,    /* read the provider's state */
	ACT_CANCEL,  /* every open item wants to leave */
	ACT_LEAVE,   /* open items go back to be sent again, the batch stays watched */
	ACT_PART,    /* the same, of the jobs alone whose latest start has come */
	ACT_HARVEST, /* read the result files */
	ACT_DROP,    /* never sent and nobody waits for it: close */
	ACT_GIVE_UP, /* close as lost */
	ACTION_COUNT
};

enum why {
	WHY_DUE,
	WHY_BACKOFF,       /* the last try failed for now */
	WHY_IN_CALL,       /* a call of it is under way */
	WHY_NOBODY_WAITS,  /* every job of its open items has ended, or took them away */
	WHY_ALL_CANCELLED, /* the same, and each by a cancel */
	WHY_ANSWER_LOST,
	WHY_SETTLING,  /* the lost create may still appear */
	WHY_NOT_FOUND, /* it did not */
	WHY_FENCED,
	WHY_RUNNING,
	WHY_STALLED, /* no progress for cancel_after */
	WHY_VALIDATING_LONG,
	WHY_LATEST_START, /* what is sent synchronously later comes too late */
	WHY_CANCELLING,
	WHY_CANCEL_SLOW, /* cancel_grace is over */
	WHY_ENDED,
	WHY_NO_FILES,     /* completed, its files not named yet */
	WHY_MISSING,      /* the provider does not know it, for now */
	WHY_VANISHED,     /* for good */
	WHY_EXPIRED_LONG, /* 48 hours past its expiry and no end seen */
	WHY_UNREADABLE,   /* nor ever will its results be */
	WHY_ASKED,        /* by an operator */
	WHY_COUNT
};

/* Shown to clients and operators while it holds. */
enum warning {
	WARN_NONE = 0,
	WARN_OLD = 1,        /* alert_after since creation */
	WARN_STALLED = 2,    /* stall_after since the last progress */
	WARN_FINALIZING = 4, /* finalizing_after */
	WARN_MISSING = 8,
	WARN_UNKNOWN_CREATE = 16,
	WARN_INCIDENT = 32, /* in place of WARN_STALLED: the provider as a whole stands still */
};

struct decision {
	enum action action;
	enum why why;
	unsigned warnings; /* of enum warning */
	int64_t at;        /* when to do it (<= now: now); T_NEVER with ACT_NONE alone */
	/* while waiting: the next action that would change something, and its time */
	enum action then;
	int64_t then_at;
};

struct policy { /* durations in microseconds */
	int64_t alert_after, stall_after, cancel_after, cancel_grace, validating_after,
		finalizing_after;
	int64_t poll_interval, settle;
	int64_t batch_takes;    /* the least that a batch is begun for: batch_takes() */
	uint32_t batch_retries; /* a number: sendings of an item in further batches */
};

#define CLOCK_SLIP (5 * T_S) /* microseconds; steps of a clock below this go unnoticed */

struct batch_view {
	enum batch_phase phase;
	enum remote_status remote;
	bool in_call;         /* a call or a build of it is under way in this process */
	uint32_t n_wanted;    /* jobs with items in it that still run */
	int64_t wanted_until; /* the latest deadline of these */
	bool all_cancelled;   /* every job with items in it was cancelled */
	int64_t created_at, phase_at, submitted_at, progress_at, expires_at, cancel_at,
		missing_since;
	/* the nearest latest start of a job with open items in it; T_NEVER: none, or no calls */
	int64_t latest_start;
	/*
	 * From when on each job with open items in it wants these to leave: the last of their
	 * leave_start; 0: some want to stay, or there are no calls
	 */
	int64_t leave_from;
	int64_t next_at;   /* stored: not before, after a failed try */
	int64_t looked_at; /* start of the last complete list pass, 0 = none */
	/* the clock of these times kept step from then on, within CLOCK_SLIP */
	int64_t steady_since;
	bool left; /* its open items left already */
	enum batch_asked asked;
	bool incident; /* many batches stall together (core/incident.h) */
	/* no result file is named, or no output where its counts speak of answers */
	bool awaits_answers;
	bool awaits_errors; /* no error file where its counts speak of failures */
	bool is_empty;      /* by its counts nothing was done */
	int64_t ended_at;   /* first seen in a final status */
};

struct decision batch_decide(const struct batch_view *b, const struct policy *p, int64_t now);

/*
 * Latest start of a stage (DESIGN section 3): deadline - reserve - time(this stage and those
 * after), never before half of the job's span; the reserve counts as at most a tenth of the span.
 */
struct latest_start_view {
	int64_t opened_at, deadline_at; /* its span */
	/*
	 * Its items have been sent by calls since, where that is within its span: begun is begun, though
	 * each answer moves the rest further from its deadline. 0 = they have not.
	 */
	int64_t calls_from;
	int64_t reserve;
	/* microseconds that the open items of this and later stages take synchronously */
	int64_t needed;
};
int64_t latest_start(const struct latest_start_view *v);
/* What the reserve counts as, of such a span. */
int64_t reserve_counted(int64_t opened_at, int64_t deadline_at, int64_t reserve);

/*
 * When a batch that holds items of such a job alone is cancelled, so that it has ended by their
 * latest start: cancel_grace before it, from half of the span on.
 */
int64_t leave_start(const struct latest_start_view *v, int64_t cancel_grace);

/* ceil(items / concurrency) x one call, saturating. */
int64_t time_needed(uint64_t items, int64_t concurrency, int64_t call_us);

/* After an answer or a failure: is the item sent again? */
struct item_view {
	bool job_running;
	enum grade best;  /* of the answers in hand, with the one that came */
	enum grade grade; /* of the answer that came, GRADE_NONE for a failure */
	bool retryable;   /* the outcome says that asking again may help */
	uint32_t burned, repeats, max_attempts;
};
enum item_verdict {
	ITEM_IS_DONE,
	ITEM_IS_DONE_AND_REPEATS, /* one more is to buy a better answer than the one salvaged */
	ITEM_AGAIN,               /* ready: the sending burned nothing, or attempts are left */
	ITEM_REPEAT,              /* ready: one more sending to buy a better answer */
	ITEM_IS_FAILED,
};
enum item_verdict item_decide(const struct item_view *i);

/*
 * The least time from when items are ready to the end of a batch of them that goes well. Where less
 * is left before leave_start they go by calls at once.
 */
int64_t batch_takes(int64_t linger, int64_t poll_interval);

/*
 * From when on items go by calls that have been ready since and that must leave a batch at leave_at:
 * at once where no batch of them fits before that, else when none could be begun any more.
 */
int64_t calls_start(int64_t ready_since, int64_t leave_at, int64_t linger, int64_t poll_interval);

/* An item whose sending in a batch brought no answer and that is sent again: how? */
struct again_view {
	bool has_calls;         /* the fallback has a tier */
	bool no_batches;        /* none is begun: an incident of the provider */
	uint32_t n_left;        /* its sendings in batches that brought no answer, with this one */
	uint32_t batch_retries; /* of that batch's policy */
	int64_t batch_takes;
	int64_t leave_at; /* leave_start of its job; 0 counts as past */
};
/* By a call, at once; false: in a batch again. */
bool item_goes_by_call(const struct again_view *v, int64_t now);

/* The code that clients are told, "batch_stalled"; of one warning. */
const char *warning_code(enum warning w);

extern const char *const action_names[ACTION_COUNT]; /* "cancel", ... for logs */
extern const char *const action_words[ACTION_COUNT]; /* for clients: "cancel and retry", ... */
extern const char *const why_words[WHY_COUNT];

#endif
