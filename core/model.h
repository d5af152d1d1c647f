/* SPDX-License-Identifier: ISC */
/*
 * model: the nouns of the system and their states. READ THIS FIRST, then core/policy.h.
 *
 * A client orders a job: lots x languages. Each lot yields one item to describe it and one for each
 * translation. Items travel in batches; one sending is an attempt; what comes back is an
 * answer. Items and jobs are the truth, batches are only transport: an item can leave a
 * batch that does not move.
 *
 * State texts are what the database stores (sql/schema.sql, CHECK); tests compare the two.
 */
#ifndef CORE_MODEL_H
#define CORE_MODEL_H

#include <stdbool.h>
#include <stdint.h>

enum job_status {
	JOB_QUEUED,      /* until the first attempt */
	JOB_DESCRIBING,  /* while a describe item is open */
	JOB_TRANSLATING, /* then, while a translation is open */
	JOB_COMPLETED,
	JOB_FAILED, /* no lot has a description */
	JOB_CANCELLED,
	JOB_STATUS_COUNT
};

enum job_outcome { OUTCOME_NONE, OUTCOME_FULL, OUTCOME_PARTIAL, JOB_OUTCOME_COUNT };

/* How a job came to its end, and so what its items that were open then count as. */
enum job_end { END_DEADLINE, END_FINISHED, END_CANCELLED, JOB_END_COUNT };

/* What clients and operators ask of a job that is there, and retention of what is old. */
enum command {
	COMMAND_CANCEL,
	COMMAND_FINISH,
	COMMAND_RETRY,
	COMMAND_LANGUAGES,
	COMMAND_DELETE,
	COMMAND_IMPORT, /* results of an earlier system are there, as they were stored */
	COMMAND_REPAIR,
	COMMAND_UNDO,    /* of repairs */
	COMMAND_IMAGES,  /* remove photographs of jobs that ended long ago */
	COMMAND_BATCHES, /* and what tells of batches whose jobs are deleted */
	COMMAND_COUNT
};

enum task { TASK_DESCRIBE, TASK_TRANSLATE, TASK_COUNT };

enum item_state {
	ITEM_BLOCKED, /* a translation before its description */
	ITEM_READY,
	ITEM_SENT,   /* in a batch */
	ITEM_DONE,   /* has a valid or salvaged answer; the only state that absorbs */
	ITEM_FAILED, /* with a code */
	ITEM_STATE_COUNT
};

enum batch_phase {
	BATCH_FILLING,   /* items may still join */
	BATCH_SEALED,    /* membership is fixed; the file is to be built and uploaded */
	BATCH_UPLOADING, /* an upload was begun; after a crash it is repeated under a new name */
	BATCH_UPLOADED,  /* the provider has the file */
	BATCH_CREATING,  /* the create was, or is about to be, sent */
	BATCH_UNKNOWN,   /* the create was sent, its answer was lost: list and look */
	/* not found: the input file is being deleted, so that a delayed create fails */
	BATCH_FENCING,
	BATCH_FENCED,     /* deleted: one more look, then a new upload */
	BATCH_RUNNING,    /* remote id known, not ended */
	BATCH_HARVESTING, /* ended at the provider; its files are being read */
	BATCH_CLOSED,
	BATCH_PHASE_COUNT
};

/* What an operator asked of one batch; the later includes the earlier. */
enum batch_asked {
	BATCH_ASKED_NOTHING,
	BATCH_ASKED_CANCEL, /* and what it has not answered then is sent again */
	BATCH_ASKED_RETRY,  /* the same, not waiting for its end */
	BATCH_ASKED_COUNT
};

/* Why a batch is closed. */
enum batch_reason {
	REASON_NONE,
	REASON_HARVESTED,
	REASON_FAILED,
	REASON_NEVER_CREATED,
	REASON_LOST,
	BATCH_REASON_COUNT
};

/* The provider's; an unknown text is not final. */
enum remote_status {
	REMOTE_UNKNOWN,
	REMOTE_VALIDATING,
	REMOTE_IN_PROGRESS,
	REMOTE_FINALIZING,
	REMOTE_CANCELLING,
	REMOTE_COMPLETED,
	REMOTE_FAILED,
	REMOTE_EXPIRED,
	REMOTE_CANCELLED,
	REMOTE_STATUS_COUNT
};

enum attempt_outcome {
	ATTEMPT_OPEN,
	ATTEMPT_ANSWERED,
	ATTEMPT_FAILED,
	ATTEMPT_VOID, /* never ran: burns nothing */
	ATTEMPT_OUTCOME_COUNT
};

/* How an attempt goes: in a batch, or synchronously on a tier of the provider. */
enum way { WAY_BATCH, WAY_FLEX, WAY_DEFAULT, WAY_COUNT };

/* Of an answer; the higher wins, the first on a tie. */
enum grade { GRADE_NONE, GRADE_REFUSED, GRADE_SALVAGED, GRADE_VALID, GRADE_COUNT };

/* Lines of result files that are no answer. */
enum line_kind {
	LINE_FAILURE,
	LINE_VOID,
	LINE_DUPLICATE,
	LINE_STRANGER,
	LINE_BROKEN,
	LINE_UNSTORABLE,
	LINE_TOO_LARGE,
	LINE_KIND_COUNT
};

extern const char *const job_status_names[JOB_STATUS_COUNT];
extern const char *const job_outcome_names[JOB_OUTCOME_COUNT]; /* [OUTCOME_NONE] is NULL */
extern const char *const job_end_codes[JOB_END_COUNT];         /* codes of items */
extern const char *const command_names[COMMAND_COUNT];
extern const char *const task_names[TASK_COUNT];
extern const char *const item_state_names[ITEM_STATE_COUNT];
extern const char *const batch_phase_names[BATCH_PHASE_COUNT];
extern const char *const batch_asked_names[BATCH_ASKED_COUNT];   /* [BATCH_ASKED_NOTHING] is NULL */
extern const char *const batch_reason_names[BATCH_REASON_COUNT]; /* [REASON_NONE] is NULL */
extern const char *const remote_status_names[REMOTE_STATUS_COUNT];
extern const char *const attempt_outcome_names[ATTEMPT_OUTCOME_COUNT]; /* [ATTEMPT_OPEN] is NULL */
extern const char *const way_names[WAY_COUNT];
extern const char *const grade_names[GRADE_COUNT]; /* [GRADE_NONE] is NULL */
extern const char *const line_kind_names[LINE_KIND_COUNT];

/* May an item, a batch move from -> to? batch_row_move asserts it; items are moved by SQL alone. */
extern const bool item_may_move[ITEM_STATE_COUNT][ITEM_STATE_COUNT];
extern const bool batch_may_move[BATCH_PHASE_COUNT][BATCH_PHASE_COUNT];

/* Index of a text in a names table of n entries (NULL entries match NULL), or -1. */
int name_find(const char *const *names, int n, const char *text);

static inline bool job_status_is_terminal(enum job_status s)
{
	return s == JOB_COMPLETED || s == JOB_FAILED || s == JOB_CANCELLED;
}

static inline bool remote_status_is_final(enum remote_status s)
{
	return s >= REMOTE_COMPLETED;
}

/* A provider's status text in any case and with its synonyms (reference: compatible providers). */
enum remote_status remote_status_parse(const char *text);

/* custom_id of an attempt: "<item>-<attempt>-<mark>". */
#define CUSTOM_ID_SIZE 64
void custom_id_format(uint64_t item, unsigned attempt, const char *mark, char out[CUSTOM_ID_SIZE]);
/* 0 and the parts (mark: 16 lower-case hex digits and NUL), or -1 where it is not of our form. */
int custom_id_parse(const char *text, uint64_t *item, unsigned *attempt, char mark[17]);

#endif
