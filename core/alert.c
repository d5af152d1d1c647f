/* SPDX-License-Identifier: ISC */
#include "core/alert.h"

#include <string.h>

#include "core/policy.h"
#include "core/timemath.h"

const char *const alert_severity_names[ALERT_SEVERITY_COUNT] = {
	[ALERT_WARNING] = "warning",
	[ALERT_CRITICAL] = "critical",
};

/* clang-format off */
const struct alert_word alert_words[ALERT_KIND_COUNT] = {
	[ALERT_BATCH_OLD] = {"batch_old", ALERT_WARNING, false,
		"A batch takes unusually long",
		"batchctl explain says what happens next to it; nothing need be done"},
	[ALERT_BATCH_STALLED] = {"batch_stalled", ALERT_WARNING, false,
		"A batch makes no progress at the provider",
		"batchctl explain says when it is cancelled and sent again; nothing need be done"},
	[ALERT_BATCH_FINALIZING] = {"batch_finalizing", ALERT_WARNING, false,
		"The provider takes long to write the results of a batch",
		"batchctl explain says when its items are sent elsewhere; nothing need be done"},
	[ALERT_BATCH_MISSING] = {"batch_missing", ALERT_WARNING, false,
		"The provider does not know a batch of ours at the moment",
		"see whether the key is of the right project; the batch is looked for again"},
	[ALERT_CREATE_UNKNOWN] = {"create_unknown", ALERT_WARNING, false,
		"It is being found out whether a batch was created",
		"nothing need be done: it is looked for, and sent again only when it cannot come any more"},
	[ALERT_BATCH_LOST] = {"batch_lost", ALERT_CRITICAL, true,
		"A batch vanished at the provider, and what was in it is sent again",
		"look at the provider's console and bill: what it did may have been paid for"},
	[ALERT_UNKNOWN_BATCH] = {"unknown_batch", ALERT_CRITICAL, false,
		"The provider has a batch of ours that the database does not know, and nothing of its recipe is sent",
		"batchctl adopt REMOTE-ID"},
	[ALERT_WORK_SKIPPED] = {"work_skipped", ALERT_CRITICAL, false,
		"batchd died three times over the same batch, which is left aside for a while",
		"report the fault with the log; batchctl batch N shows the batch"},
	[ALERT_DEADLINE_AT_RISK] = {"deadline_at_risk", ALERT_WARNING, false,
		"A job may not be whole by its deadline",
		"batchctl explain says what it waits for; it ends by its deadline with what is there"},
	[ALERT_JOB_PARTIAL] = {"job_partial", ALERT_WARNING, true,
		"A job ended with a part of what was ordered",
		"batchctl job shows what it lacks and why; batchctl retry asks for that alone"},
	[ALERT_JOB_FAILED] = {"job_failed", ALERT_CRITICAL, true,
		"A job ended without a single description",
		"batchctl job shows why; batchctl retry asks again"},
	[ALERT_INCIDENT] = {"incident", ALERT_CRITICAL, false,
		"Many batches stand still together: the provider has trouble",
		"see the provider's status page; what is urgent goes by single calls"},
	[ALERT_BUDGET_JOB] = {"budget_job", ALERT_WARNING, true,
		"A job's budget did not reach for all of its items, and these failed",
		"raise budget.job or the account's, then batchctl retry"},
	[ALERT_BUDGET_DAY] = {"budget_day", ALERT_CRITICAL, false,
		"An account's budget for the day is spent, and nothing more of its jobs is sent",
		"raise budget.day or the account's, or wait for the next day (UTC)"},
	[ALERT_QUOTA] = {"quota", ALERT_CRITICAL, false,
		"The provider says that its quota or credit is used up, and nothing is sent",
		"add credit, then batchctl resume; it is tried again every ten minutes too"},
	[ALERT_KEY_REFUSED] = {"key_refused", ALERT_CRITICAL, false,
		"The provider refuses the key, and nothing is sent",
		"put a good key in openai.api_key_file and reload batchd"},
	[ALERT_WRONG_PROJECT] = {"wrong_project", ALERT_CRITICAL, false,
		"The key sees none of our batches, and nothing is sent",
		"put back the key of the project that made them, or batchctl resume"},
	[ALERT_RECIPE_HELD] = {"recipe_held", ALERT_CRITICAL, false,
		"The provider refuses a whole recipe, and nothing of it is sent",
		"mend its model, schema or prompt, then batchctl resume"},
	[ALERT_FOREIGN_STATE] = {"foreign_state", ALERT_CRITICAL, false,
		"batchd's state directory is of another installation, and nothing is sent",
		"batchctl installation keep, or new on a copy"},
	[ALERT_CLOCK_JUMP] = {"clock_jump", ALERT_WARNING, false,
		"The database's clock jumped, and nothing ends by it for two minutes",
		"look after the time service of the database's machine"},
	[ALERT_INVARIANT_BROKEN] = {"invariant_broken", ALERT_CRITICAL, false,
		"Something outlived the clock that should have ended it",
		"batchctl check; report what it says"},
};
/* clang-format on */

int alert_kind_find(const char *name)
{
	for (int k = 0; k < ALERT_KIND_COUNT; k++)
		if (strcmp(alert_words[k].name, name) == 0)
			return k;
	return -1;
}

int64_t alert_job_grace(int64_t tick)
{
	return t_max(5 * T_S, t_mul(tick, 10));
}

/* FNV-1a of 64 bits. */
static uint64_t hash_more(uint64_t hash, const char *text)
{
	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * UINT64_C(1099511628211);
	return hash;
}

uint64_t alert_fingerprint(enum alert_kind kind, const char *subject)
{
	uint64_t hash = hash_more(UINT64_C(14695981039346656037), alert_words[kind].name);

	return hash_more(hash_more(hash, "/"), subject);
}

int64_t alert_risk_at(int64_t opened_at, int64_t deadline_at, int64_t reserve, int64_t needed)
{
	const int64_t counted = reserve_counted(opened_at, deadline_at, reserve);

	return t_sub(deadline_at, t_add(counted, needed) / 2);
}
