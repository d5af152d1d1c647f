/* SPDX-License-Identifier: ISC */
/*
 * command: the verbs that ask something of a job, or of a batch. A job's row says so at once; batchd carries out the
 * rest, when there is one. They show the job, or the batch, as it is then.
 */
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "batchctl/ctl.h"
#include "common/store.h"
#include "core/timemath.h"

struct words {
	const char *taken, *nothing;
};

static int tell(struct ctl *ctl, enum command_result result, const struct words *words)
{
	switch (result) {
	case COMMAND_TAKEN:
	case COMMAND_NOTHING:
		if (!ctl->json)
			printf("%s\n\n", result == COMMAND_TAKEN ? words->taken : words->nothing);
		return ctl_job(ctl);
	case COMMAND_NO_JOB:
		break;
	case COMMAND_IMAGES_EXPIRED:
		return ctl_error(EX_UNAVAILABLE, "photographs that it needs have been removed");
	case COMMAND_RUNNING:
	case COMMAND_TOO_MANY_LANGUAGES:
	case COMMAND_TOO_MANY_ITEMS:
	case COMMAND_RESULT_COUNT:
		return ctl_error(EX_SOFTWARE, "an unexpected answer, %d", (int)result);
	}
	return ctl_error(EX_NOINPUT, "the job has been deleted");
}

static bool is_batch(const struct ctl *ctl)
{
	return strncmp(ctl->operands[0], "batch:", 6) == 0;
}

/* Of one batch; `taken` is said where it was. */
static int ask_batch(struct ctl *ctl, enum command kind, const char *taken)
{
	enum batch_command_result result;
	const char *words = taken;
	struct id id;
	struct err err;

	if (id_parse(ctl->operands[0], ID_BATCH, &id, &err) != 0)
		return ctl_error(EX_USAGE, "%s", err.text);
	if (store_batch_command(ctl->db, id.no, kind, "the operator", &result, &err) < 0)
		return ctl_fail(&err);
	switch (result) {
	case BATCH_COMMAND_TAKEN:
		break;
	case BATCH_COMMAND_NOTHING:
		words = "That is under way already; nothing was changed.";
		break;
	case BATCH_COMMAND_ENDED:
		words = "The batch has ended already; nothing was changed.";
		break;
	case BATCH_COMMAND_NO_BATCH:
		return ctl_error(EX_NOINPUT, "there is no batch %lld", (long long)id.no);
	}
	if (!ctl->json)
		printf("%s\n\n", words);
	return ctl_batch(ctl);
}

static int retry_batch(struct ctl *ctl)
{
	if (ctl->deadline)
		return ctl_error(EX_USAGE, "--deadline is of a job, not of a batch");
	return ask_batch(
		ctl, COMMAND_RETRY,
		"Asked for. It is cancelled, and what it lacks is sent again at once; what "
		"it has done is kept, and wasted where both answer.");
}

static int ask(struct ctl *ctl, struct job_command *command, const struct words *words)
{
	enum command_result result;
	struct id id;
	struct err err;
	int ret;

	if (id_parse(ctl->operands[0], ID_JOB, &id, &err) != 0)
		return ctl_error(EX_USAGE, "%s", err.text);
	ret = ctl_find_job(ctl, id.uuid, &command->job_id);
	if (ret != EX_OK)
		return ret;
	command->by = "the operator";
	if (store_command(ctl->db, command, &result, &err) < 0)
		return ctl_fail(&err);
	return tell(ctl, result, words);
}

int ctl_cancel(struct ctl *ctl)
{
	static const struct words words = {
		"Cancelled. What was paid for is still harvested.",
		"The job has ended already; nothing was changed.",
	};
	struct job_command command = {.kind = COMMAND_CANCEL};

	if (is_batch(ctl))
		return ask_batch(ctl, COMMAND_CANCEL,
				 "Asked for. What it has done by its end is kept; what it lacks is "
				 "sent again then.");
	return ask(ctl, &command, &words);
}

int ctl_finish(struct ctl *ctl)
{
	static const struct words words = {
		"Ended with what was there. What was paid for is still harvested.",
		"The job has ended already; nothing was changed.",
	};
	struct job_command command = {.kind = COMMAND_FINISH};

	return ask(ctl, &command, &words);
}

int ctl_deadline(const struct ctl *ctl, int64_t *at)
{
	const char *text = ctl->deadline;
	int64_t span = ctl->config->job.deadline, instant;

	if (text && rfc3339_parse(text, strlen(text), &instant) == 0)
		span = t_sub(instant, ctl->now);
	else if (text && iso8601_duration_parse(text, strlen(text), &span) < 0)
		span = 0;
	*at = t_add(ctl->now, span);
	if (span >= ctl->config->job.min_deadline && span <= ctl->config->job.max_deadline)
		return EX_OK;
	return ctl_error(EX_USAGE, "--deadline is a duration (PT6H) or an instant, between "
				   "job.min_deadline and job.max_deadline from now");
}

int ctl_retry(struct ctl *ctl)
{
	static const struct words words = {
		"It runs again, for what it lacks.",
		"The job is running, or lacks nothing; nothing was changed.",
	};
	struct job_command command = {.kind = COMMAND_RETRY};
	int ret;

	if (is_batch(ctl))
		return retry_batch(ctl);
	ret = ctl_deadline(ctl, &command.deadline_at);
	if (ret != EX_OK)
		return ret;
	return ask(ctl, &command, &words);
}
