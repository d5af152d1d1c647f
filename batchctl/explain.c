/* SPDX-License-Identifier: ISC */
/*
 * explain: what happens next to a batch or a job, why and when. It asks the function that batchd
 * asks (core/policy.h, core/status.h), of the same row; what batchd holds in memory alone, calls
 * under way and its last look at the provider's list, it cannot know. It only reads.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "batchctl/ctl.h"
#include "common/batch.h"
#include "common/calls.h"
#include "common/store.h"
#include "core/timemath.h"

#define WARNINGS_BYTES 256

enum {
	B_BATCH,
	B_PHASE,
	B_REMOTE,
	B_OPEN,
	B_ACTION,
	B_WHY,
	B_AT,
	B_THEN,
	B_THEN_AT,
	B_WARNINGS,
	B_COLUMNS
};

static const struct table_column batch_columns[] = {
	[B_BATCH] = {"batch", "batch", TABLE_INT},
	[B_PHASE] = {"phase", "phase", TABLE_TEXT},
	[B_REMOTE] = {"remote_status", "provider", TABLE_TEXT},
	[B_OPEN] = {"open", "open items", TABLE_INT},
	[B_ACTION] = {"action", "verdict", TABLE_TEXT},
	[B_WHY] = {"why", "why", TABLE_TEXT},
	[B_AT] = {"at", "when", TABLE_TIME},
	[B_THEN] = {"then", "then", TABLE_TEXT},
	[B_THEN_AT] = {"then_at", "then, at", TABLE_TIME},
	[B_WARNINGS] = {"warnings", "warnings", TABLE_TEXT},
};

enum {
	J_JOB,
	J_STATUS,
	J_VERDICT,
	J_WHY,
	J_OPENED,
	J_DEADLINE,
	J_OPEN,
	J_READY,
	J_BY_CALL,
	J_READY_AT,
	J_DESCRIBE,
	J_TRANSLATE,
	J_COLUMNS
};

static const struct table_column job_columns[] = {
	[J_JOB] = {"job_id", "job", TABLE_TEXT},
	[J_STATUS] = {"status", "status", TABLE_TEXT},
	[J_VERDICT] = {"verdict", "verdict", TABLE_TEXT},
	[J_WHY] = {"why", "why", TABLE_TEXT},
	[J_OPENED] = {"opened_at", "opened", TABLE_TIME},
	[J_DEADLINE] = {"deadline_at", "deadline", TABLE_TIME},
	[J_OPEN] = {"open", "open items", TABLE_INT},
	[J_READY] = {"ready", "of them ready", TABLE_INT},
	[J_BY_CALL] = {"by_call", "of these by calls", TABLE_INT},
	[J_READY_AT] = {"ready_at", "into a batch from", TABLE_TIME},
	[J_DESCRIBE] = {"describe_latest_start", "latest start, descriptions", TABLE_TIME},
	[J_TRANSLATE] = {"translate_latest_start", "latest start, translations", TABLE_TIME},
};

static const struct table_column request_columns[] = {
	{"kind", "asked for", TABLE_TEXT},
	{"tags", "languages", TABLE_TEXT},
	{"created_at", "asked", TABLE_AGE},
};

static const char *warnings_of(unsigned set, char out[WARNINGS_BYTES])
{
	size_t n = 0;

	out[0] = '\0';
	for (unsigned w = 1; w <= set; w <<= 1) {
		if (set & w)
			n += (size_t)snprintf(out + n, WARNINGS_BYTES - n, "%s%s", n ? ", " : "",
					      warning_code((enum warning)w));
	}
	return n ? out : NULL;
}

/* What nobody waits for is not sent again. */
static const char *words_of(enum action action, const struct batch_view *b)
{
	return action == ACT_CANCEL && b->n_wanted == 0 ? "cancel" : action_words[action];
}

static void add_batch(struct ctl *ctl, const struct batch_row *b, const struct batch_view *view,
		      int64_t n_open, struct table *t)
{
	const struct policy policy = batch_policy(ctl->config, b->n_items);
	const struct decision d = batch_decide(view, &policy, ctl->now);
	const bool waits = d.action == ACT_WAIT && d.then != ACT_WAIT;
	char warnings[WARNINGS_BYTES];
	struct table_value v[B_COLUMNS] = {
		[B_BATCH].i = b->id,
		[B_PHASE].text = batch_phase_names[b->phase],
		[B_REMOTE].text = b->remote_status[0] ? b->remote_status : NULL,
		[B_OPEN].i = n_open,
		[B_ACTION].text = words_of(d.action, view),
		[B_WHY].text = why_words[d.why],
		[B_AT].i = d.at,
		[B_THEN].text = waits ? words_of(d.then, view) : NULL,
		[B_THEN_AT].i = waits ? d.then_at : 0,
		[B_WARNINGS].text = warnings_of(d.warnings, warnings),
	};

	table_add(t, v);
}

static int explain_batch(struct ctl *ctl, int64_t id)
{
	struct ctl_section requests = {"requests", "Asked of it and not carried out yet", NULL};
	struct batch_row b;
	struct batch_view view;
	struct err err;
	struct table *record;
	const int found = batch_row_read(ctl->db, id, &b, &err);

	if (found < 0)
		return ctl_fail(&err);
	if (found == 0)
		return ctl_error(EX_NOINPUT, "there is no batch %" PRId64, id);
	if (batch_view_read(ctl->db, ctl->config, &ctl->load, &b, &view, &err) < 0 ||
	    ctl_table(ctl, STMT_CTL_EXPLAIN_BATCH_REQUESTS, DB_P(db_int(id)),
		      CTL_COLUMNS(request_columns), &requests.table, &err) < 0)
		return ctl_fail(&err);
	record = table_new(CTL_COLUMNS(batch_columns), ctl->now);
	add_batch(ctl, &b, &view, b.n_items - b.n_answered - b.n_failed - b.n_void, record);
	return ctl_print_record(ctl, &record, &requests, 1);
}

static int add_batches(struct ctl *ctl, int64_t job, struct table *t, struct err *err)
{
	struct db_rows *rows;
	struct batch_row b;
	struct batch_view view;
	int rc = 0;

	if (db_query(ctl->db, STMT_CTL_EXPLAIN_BATCHES, DB_P(db_int(job)), &rows, err) < 0)
		return -1;
	while (rc == 0 && db_next(rows)) {
		rc = batch_row_read(ctl->db, db_get_int(rows, 0), &b, err);
		if (rc <= 0)
			continue;
		rc = batch_view_read(ctl->db, ctl->config, &ctl->load, &b, &view, err);
		if (rc == 0)
			add_batch(ctl, &b, &view, db_get_int(rows, 1), t);
	}
	db_rows_free(&rows);
	return rc;
}

static const char *verdict_words(const struct job_look *j, char *out, size_t size)
{
	const struct job_verdict *v = &j->verdict;
	const char *outcome = job_outcome_names[v->outcome];

	if (!job_status_is_terminal(v->status))
		return "goes on";
	snprintf(out, size, "%s: %s%s%s", v->ended_now ? "ends now" : "has ended",
		 job_status_names[v->status], outcome ? ", " : "", outcome ? outcome : "");
	return out;
}

static const char *why_of(const struct job_look *j, char *out, size_t size)
{
	static const char *const ends[JOB_END_COUNT] = {
		[END_DEADLINE] = "its deadline passed",
		[END_FINISHED] = "it was finished",
		[END_CANCELLED] = "it was cancelled",
	};

	if (!job_status_is_terminal(j->verdict.status)) {
		if (j->reopening)
			return "what was asked of it is not carried out yet";
		snprintf(out, size, "%" PRIu64 " of %" PRIu64 " items are open", j->open, j->items);
		return out;
	}
	if (j->open == 0 && j->end == END_DEADLINE)
		return "every item is answered or failed";
	snprintf(out, size, "%s; %" PRIu64 " of %" PRIu64 " items are open", ends[j->end], j->open,
		 j->items);
	return out;
}

static int job_record(struct ctl *ctl, const char *uuid, int64_t job, const struct job_look *j,
		      struct table **record, struct err *err)
{
	const bool runs = !job_status_is_terminal(j->verdict.status);
	struct job_stage stage = {.opened_at = j->opened_at,
				  .deadline_at = j->deadline_at,
				  .n_open = (int64_t)j->open};
	char verdict[64], why[128];
	struct db_rows *rows;
	struct table_value v[J_COLUMNS] = {
		[J_JOB].text = uuid,
		[J_STATUS].text = job_status_names[j->status],
		[J_VERDICT].text = verdict_words(j, verdict, sizeof(verdict)),
		[J_WHY].text = why_of(j, why, sizeof(why)),
		[J_OPENED].i = j->opened_at,
		[J_DEADLINE].i = j->deadline_at,
		[J_OPEN].i = (int64_t)j->open,
	};

	if (db_query(ctl->db, STMT_CTL_EXPLAIN_READY, DB_P(db_int(job)), &rows, err) < 0)
		return -1;
	db_next(rows);
	v[J_READY].i = db_get_int(rows, 0);
	stage.calls_from = db_get_time(rows, 2);
	v[J_BY_CALL].i = db_get_int(rows, 3);
	if (runs && v[J_READY].i > v[J_BY_CALL].i)
		v[J_READY_AT].i = t_add(db_get_time(rows, 1), ctl->config->batch.linger);
	db_rows_free(&rows);
	/* Descriptions are followed by their translations. */
	if (runs && j->open_descriptions > 0)
		v[J_DESCRIBE].i = batch_latest_start(ctl->config, &ctl->load, &stage);
	stage.n_open = (int64_t)(j->open - j->open_descriptions);
	if (runs && stage.n_open > 0)
		v[J_TRANSLATE].i = batch_latest_start(ctl->config, &ctl->load, &stage);
	*record = table_new(CTL_COLUMNS(job_columns), ctl->now);
	table_add(*record, v);
	return 0;
}

static int explain_job(struct ctl *ctl, const char *uuid)
{
	struct ctl_section sections[] = {
		{"requests", "Asked of it and not carried out yet", NULL},
		{"batches", "Its open batches", NULL},
		{"stops", "Nothing is sent, of all or of its recipes", NULL},
	};
	struct table *record = NULL;
	struct job_look look;
	struct err err;
	int64_t job;
	const int ret = ctl_find_job(ctl, uuid, &job);

	if (ret != EX_OK)
		return ret;
	if (store_job_look(ctl->db, job, ctl->now, &look, &err) == 0 &&
	    job_record(ctl, uuid, job, &look, &record, &err) == 0 &&
	    ctl_table(ctl, STMT_CTL_EXPLAIN_REQUESTS, DB_P(db_int(job)),
		      CTL_COLUMNS(request_columns), &sections[0].table, &err) == 0 &&
	    ctl_stops(ctl, job, &sections[2].table, &err) == 0) {
		sections[1].table = table_new(CTL_COLUMNS(batch_columns), ctl->now);
		if (add_batches(ctl, job, sections[1].table, &err) == 0)
			return ctl_print_record(ctl, &record, sections, 3);
	}
	table_free(&record);
	table_free(&sections[0].table);
	table_free(&sections[1].table);
	table_free(&sections[2].table);
	return ctl_fail(&err);
}

int ctl_explain(struct ctl *ctl)
{
	struct id id;
	struct err err;

	if (id_parse(ctl->operands[0], ID_JOB | ID_BATCH, &id, &err) != 0)
		return ctl_error(EX_USAGE, "%s", err.text);
	if (calls_load(ctl->db, ctl->config, &ctl->load, &err) < 0)
		return ctl_fail(&err);
	return id.kind == ID_JOB ? explain_job(ctl, id.uuid) : explain_batch(ctl, id.no);
}
