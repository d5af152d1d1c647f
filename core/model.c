/* SPDX-License-Identifier: ISC */
#include "core/model.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* clang-format off */
const char *const job_status_names[JOB_STATUS_COUNT] = {
	[JOB_QUEUED] = "queued",
	[JOB_DESCRIBING] = "describing",
	[JOB_TRANSLATING] = "translating",
	[JOB_COMPLETED] = "completed",
	[JOB_FAILED] = "failed",
	[JOB_CANCELLED] = "cancelled",
};

const char *const job_outcome_names[JOB_OUTCOME_COUNT] = {
	[OUTCOME_FULL] = "full",
	[OUTCOME_PARTIAL] = "partial",
};

const char *const job_end_codes[JOB_END_COUNT] = {
	[END_DEADLINE] = "deadline",
	[END_FINISHED] = "finished",
	[END_CANCELLED] = "cancelled",
};

const char *const command_names[COMMAND_COUNT] = {
	[COMMAND_CANCEL] = "cancel",
	[COMMAND_FINISH] = "finish",
	[COMMAND_RETRY] = "retry",
	[COMMAND_LANGUAGES] = "languages",
	[COMMAND_DELETE] = "delete",
	[COMMAND_IMPORT] = "import",
	[COMMAND_REPAIR] = "repair",
	[COMMAND_UNDO] = "undo",
	[COMMAND_IMAGES] = "images",
	[COMMAND_BATCHES] = "batches",
};

const char *const task_names[TASK_COUNT] = {
	[TASK_DESCRIBE] = "describe",
	[TASK_TRANSLATE] = "translate",
};

const char *const item_state_names[ITEM_STATE_COUNT] = {
	[ITEM_BLOCKED] = "blocked",
	[ITEM_READY] = "ready",
	[ITEM_SENT] = "sent",
	[ITEM_DONE] = "done",
	[ITEM_FAILED] = "failed",
};

const char *const batch_phase_names[BATCH_PHASE_COUNT] = {
	[BATCH_FILLING] = "filling",
	[BATCH_SEALED] = "sealed",
	[BATCH_UPLOADING] = "uploading",
	[BATCH_UPLOADED] = "uploaded",
	[BATCH_CREATING] = "creating",
	[BATCH_UNKNOWN] = "unknown",
	[BATCH_FENCING] = "fencing",
	[BATCH_FENCED] = "fenced",
	[BATCH_RUNNING] = "running",
	[BATCH_HARVESTING] = "harvesting",
	[BATCH_CLOSED] = "closed",
};

const char *const batch_asked_names[BATCH_ASKED_COUNT] = {
	[BATCH_ASKED_CANCEL] = "cancel",
	[BATCH_ASKED_RETRY] = "retry",
};

const char *const batch_reason_names[BATCH_REASON_COUNT] = {
	[REASON_HARVESTED] = "harvested",
	[REASON_FAILED] = "failed",
	[REASON_NEVER_CREATED] = "never_created",
	[REASON_LOST] = "lost",
};

const char *const remote_status_names[REMOTE_STATUS_COUNT] = {
	[REMOTE_UNKNOWN] = "unknown",
	[REMOTE_VALIDATING] = "validating",
	[REMOTE_IN_PROGRESS] = "in_progress",
	[REMOTE_FINALIZING] = "finalizing",
	[REMOTE_CANCELLING] = "cancelling",
	[REMOTE_COMPLETED] = "completed",
	[REMOTE_FAILED] = "failed",
	[REMOTE_EXPIRED] = "expired",
	[REMOTE_CANCELLED] = "cancelled",
};

const char *const attempt_outcome_names[ATTEMPT_OUTCOME_COUNT] = {
	[ATTEMPT_ANSWERED] = "answered",
	[ATTEMPT_FAILED] = "failed",
	[ATTEMPT_VOID] = "void",
};

const char *const way_names[WAY_COUNT] = {
	[WAY_BATCH] = "batch",
	[WAY_FLEX] = "flex",
	[WAY_DEFAULT] = "default",
};

const char *const grade_names[GRADE_COUNT] = {
	[GRADE_REFUSED] = "refused",
	[GRADE_SALVAGED] = "salvaged",
	[GRADE_VALID] = "valid",
};

const char *const line_kind_names[LINE_KIND_COUNT] = {
	[LINE_FAILURE] = "failure",
	[LINE_VOID] = "void",
	[LINE_DUPLICATE] = "duplicate",
	[LINE_STRANGER] = "stranger",
	[LINE_BROKEN] = "broken",
	[LINE_UNSTORABLE] = "unstorable",
	[LINE_TOO_LARGE] = "too_large",
};

const bool item_may_move[ITEM_STATE_COUNT][ITEM_STATE_COUNT] = {
	[ITEM_BLOCKED] = {[ITEM_READY] = true, [ITEM_FAILED] = true},
	[ITEM_READY] = {[ITEM_SENT] = true, [ITEM_DONE] = true, [ITEM_FAILED] = true},
	[ITEM_SENT] = {[ITEM_READY] = true, [ITEM_DONE] = true, [ITEM_FAILED] = true},
	[ITEM_FAILED] = {[ITEM_BLOCKED] = true, [ITEM_READY] = true, [ITEM_DONE] = true},
};

const bool batch_may_move[BATCH_PHASE_COUNT][BATCH_PHASE_COUNT] = {
	[BATCH_FILLING] = {[BATCH_SEALED] = true, [BATCH_CLOSED] = true},
	[BATCH_SEALED] = {[BATCH_UPLOADING] = true, [BATCH_CLOSED] = true},
	[BATCH_UPLOADING] = {[BATCH_UPLOADED] = true, [BATCH_SEALED] = true, [BATCH_CLOSED] = true},
	[BATCH_UPLOADED] = {[BATCH_CREATING] = true, [BATCH_SEALED] = true, [BATCH_CLOSED] = true},
	[BATCH_CREATING] = {[BATCH_RUNNING] = true, [BATCH_UNKNOWN] = true, [BATCH_UPLOADED] = true,
			    [BATCH_SEALED] = true, [BATCH_CLOSED] = true},
	[BATCH_UNKNOWN] = {[BATCH_RUNNING] = true, [BATCH_FENCING] = true, [BATCH_CLOSED] = true},
	[BATCH_FENCING] = {[BATCH_RUNNING] = true, [BATCH_FENCED] = true, [BATCH_CLOSED] = true},
	[BATCH_FENCED] = {[BATCH_RUNNING] = true, [BATCH_SEALED] = true, [BATCH_CLOSED] = true},
	[BATCH_RUNNING] = {[BATCH_HARVESTING] = true, [BATCH_CLOSED] = true},
	[BATCH_HARVESTING] = {[BATCH_CLOSED] = true},
};

/* clang-format on */

int name_find(const char *const *names, int n, const char *text)
{
	for (int i = 0; i < n; i++) {
		if (!names[i] || !text) {
			if (names[i] == text)
				return i;
			continue;
		}
		if (strcmp(names[i], text) == 0)
			return i;
	}
	return -1;
}

enum remote_status remote_status_parse(const char *text)
{
	/* Synonyms of compatible providers, case-folded. */
	/* clang-format off */
	static const struct {
		const char *text;
		enum remote_status status;
	} table[] = {
		{"validating", REMOTE_VALIDATING},   {"in_progress", REMOTE_IN_PROGRESS},
		{"progress", REMOTE_IN_PROGRESS},    {"running", REMOTE_IN_PROGRESS},
		{"queued", REMOTE_IN_PROGRESS},	     {"pending", REMOTE_IN_PROGRESS},
		{"finalizing", REMOTE_FINALIZING},   {"cancelling", REMOTE_CANCELLING},
		{"canceling", REMOTE_CANCELLING},    {"cancellation_requested", REMOTE_CANCELLING},
		{"completed", REMOTE_COMPLETED},     {"success", REMOTE_COMPLETED},
		{"succeeded", REMOTE_COMPLETED},     {"failed", REMOTE_FAILED},
		{"expired", REMOTE_EXPIRED},	     {"timeout_exceeded", REMOTE_EXPIRED},
		{"cancelled", REMOTE_CANCELLED},     {"canceled", REMOTE_CANCELLED},
	};
	/* clang-format on */

	for (size_t i = 0; text && i < sizeof(table) / sizeof(table[0]); i++) {
		if (strcasecmp(text, table[i].text) == 0)
			return table[i].status;
	}
	return REMOTE_UNKNOWN;
}

void custom_id_format(uint64_t item, unsigned attempt, const char *mark, char out[CUSTOM_ID_SIZE])
{
	snprintf(out, CUSTOM_ID_SIZE, "%" PRIu64 "-%u-%s", item, attempt, mark);
}

/* Digits without a leading zero, up to max; returns the end or NULL. */
static const char *number_parse(const char *s, uint64_t max, uint64_t *out)
{
	uint64_t v = 0;

	if (*s < '1' || *s > '9')
		return NULL;
	for (; *s >= '0' && *s <= '9'; s++) {
		const uint64_t digit = (uint64_t)(*s - '0');

		if (v > (max - digit) / 10)
			return NULL;
		v = v * 10 + digit;
	}
	*out = v;
	return s;
}

int custom_id_parse(const char *text, uint64_t *item, unsigned *attempt, char mark[17])
{
	uint64_t id, no;
	const char *s = text ? number_parse(text, INT64_MAX, &id) : NULL;

	if (!s || *s++ != '-')
		return -1;
	s = number_parse(s, UINT16_MAX, &no);
	if (!s || *s++ != '-')
		return -1;
	if (strlen(s) != 16 || strspn(s, "0123456789abcdef") != 16)
		return -1;
	*item = id;
	*attempt = (unsigned)no;
	memcpy(mark, s, 17);
	return 0;
}
