/* SPDX-License-Identifier: ISC */
/* jobs: the verbs that show jobs and timelines. They only read. */
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "batchctl/ctl.h"
#include "core/model.h"

#define JOBS_DEFAULT_LIMIT 20

static const struct table_column jobs_columns[] = {
	{"job_id", "job", TABLE_TEXT},        {"account", "account", TABLE_TEXT},
	{"status", "status", TABLE_TEXT},     {"outcome", "outcome", TABLE_TEXT},
	{"done", "done", TABLE_INT},          {"failed", "failed", TABLE_INT},
	{"items", "items", TABLE_INT},        {"cost", "USD", TABLE_MONEY},
	{"created_at", "ordered", TABLE_AGE}, {"deadline_at", "deadline", TABLE_AGE},
	{"completed_at", "ended", TABLE_AGE}, {"name", "name", TABLE_TEXT},
};

static const struct table_column job_columns[] = {
	{"job_id", "job", TABLE_TEXT},
	{"name", "name", TABLE_TEXT},
	{"account", "account", TABLE_TEXT},
	{"status", "status", TABLE_TEXT},
	{"outcome", "outcome", TABLE_TEXT},
	{"visible", "visible", TABLE_BOOL},
	{"lots", "lots", TABLE_INT},
	{"created_at", "ordered", TABLE_TIME},
	{"updated_at", "last change", TABLE_TIME},
	{"deadline_at", "deadline", TABLE_TIME},
	{"completed_at", "ended", TABLE_TIME},
	{"wait_what", "waits for", TABLE_TEXT},
	{"wait_since", "waits since", TABLE_TIME},
	{"wait_progress_at", "last progress", TABLE_TIME},
	{"wait_action", "next action", TABLE_TEXT},
	{"wait_action_at", "next action at", TABLE_TIME},
	{"warnings", "warnings", TABLE_JSON},
	{"cost", "cost, USD", TABLE_MONEY},
	{"wasted", "of it wasted", TABLE_MONEY},
	{"reserved", "reserved, USD", TABLE_MONEY},
	{"presumed", "perhaps paid, USD", TABLE_MONEY},
	{"over_at", "over its budget since", TABLE_TIME},
	{"day_over_at", "waits for another day since", TABLE_TIME},
	{"input_tokens", "input tokens", TABLE_INT},
	{"output_tokens", "output tokens", TABLE_INT},
	{"describe_model", "describes", TABLE_TEXT},
	{"translate_model", "translates", TABLE_TEXT},
	{"version", "version", TABLE_INT},
};

static const struct table_column language_columns[] = {
	{"language", "language", TABLE_TEXT},
	{"total", "total", TABLE_INT},
	{"blocked", "blocked", TABLE_INT},
	{"ready", "ready", TABLE_INT},
	{"sent", "sent", TABLE_INT},
	{"done", "done", TABLE_INT},
	{"failed", "failed", TABLE_INT},
	{"repeating", "asked again", TABLE_INT},
	{"ready_since", "ready since", TABLE_AGE},
};

static const struct table_column code_columns[] = {
	{"language", "language", TABLE_TEXT},
	{"code", "code", TABLE_TEXT},
	{"items", "items", TABLE_INT},
};

static const struct table_column repair_columns[] = {
	{"language", "language", TABLE_TEXT},
	{"repaired", "repairs", TABLE_TEXT},
	{"salvaged", "salvaged", TABLE_BOOL},
	{"items", "items", TABLE_INT},
};

static const struct table_column job_batch_columns[] = {
	{"batch", "batch", TABLE_INT},      {"phase", "phase", TABLE_TEXT},
	{"reason", "reason", TABLE_TEXT},   {"remote_status", "provider", TABLE_TEXT},
	{"items", "items", TABLE_INT},      {"answered", "answered", TABLE_INT},
	{"failed", "failed", TABLE_INT},    {"void", "void", TABLE_INT},
	{"open", "open", TABLE_INT},        {"remote_done", "batch done", TABLE_INT},
	{"remote_total", "of", TABLE_INT},  {"created_at", "made", TABLE_AGE},
	{"closed_at", "closed", TABLE_AGE},
};

static const struct table_column job_event_columns[] = {
	{"at", "at", TABLE_TIME},      {"kind", "kind", TABLE_TEXT},       {"n", "n", TABLE_INT},
	{"batch", "batch", TABLE_INT}, {"message", "message", TABLE_TEXT},
};

static const struct table_column batch_event_columns[] = {
	{"at", "at", TABLE_TIME},      {"kind", "kind", TABLE_TEXT},       {"n", "n", TABLE_INT},
	{"job_id", "job", TABLE_TEXT}, {"message", "message", TABLE_TEXT},
};

static const struct table_column stop_columns[] = {
	{"what", "what", TABLE_TEXT},       {"code", "code", TABLE_TEXT},
	{"since", "since", TABLE_AGE},      {"tried_at", "tried again", TABLE_AGE},
	{"message", "message", TABLE_TEXT},
};

int ctl_stops(struct ctl *ctl, int64_t job, struct table **table, struct err *err)
{
	return ctl_table(ctl, STMT_CTL_STOPS, DB_P(db_int(job), db_int(job)),
			 CTL_COLUMNS(stop_columns), table, err);
}

/* For a person: why many jobs may stand still. */
static void print_stops(struct ctl *ctl)
{
	struct table *t;
	struct err err;

	if (ctl->json || ctl_stops(ctl, 0, &t, &err) != 0)
		return;
	if (table_rows(t) > 0) {
		puts("\nNothing is sent; batchctl resume ends that:");
		table_print(t, "  ", stdout);
	}
	table_free(&t);
}

int ctl_jobs(struct ctl *ctl)
{
	const struct db_val limit = db_int(ctl->limit ? ctl->limit : JOBS_DEFAULT_LIMIT);
	int ret;

	if (ctl->status && name_find(job_status_names, JOB_STATUS_COUNT, ctl->status) < 0)
		return ctl_error(EX_USAGE, "\"%.40s\" is no status of a job", ctl->status);
	if (ctl->status)
		ret = ctl_print_rows(ctl, STMT_CTL_JOBS_STATUS, DB_P(db_text(ctl->status), limit),
				     CTL_COLUMNS(jobs_columns), "No jobs.");
	else
		ret = ctl_print_rows(ctl, STMT_CTL_JOBS, DB_P(limit), CTL_COLUMNS(jobs_columns),
				     "No jobs.");
	if (ret == EX_OK)
		print_stops(ctl);
	return ret;
}

int ctl_find_job(struct ctl *ctl, const char *uuid, int64_t *no)
{
	struct db_rows *rows;
	struct err err;
	bool found;

	if (db_query(ctl->db, STMT_CTL_JOB_ID, DB_P(db_text(uuid)), &rows, &err) != 0)
		return ctl_fail(&err);
	found = db_next(rows);
	if (found)
		*no = db_get_int(rows, 0);
	db_rows_free(&rows);
	return found ? EX_OK : ctl_error(EX_NOINPUT, "there is no job %s", uuid);
}

static int load_job(struct ctl *ctl, int64_t no, struct table **record,
		    struct ctl_section sections[4], struct err *err)
{
	if (ctl_table(ctl, STMT_CTL_JOB, DB_P(db_int(no)), CTL_COLUMNS(job_columns), record, err) !=
		    0 ||
	    ctl_table(ctl, STMT_CTL_JOB_LANGUAGES, DB_P(db_int(no)), CTL_COLUMNS(language_columns),
		      &sections[0].table, err) != 0 ||
	    ctl_table(ctl, STMT_CTL_JOB_CODES, DB_P(db_int(no)), CTL_COLUMNS(code_columns),
		      &sections[1].table, err) != 0 ||
	    ctl_table(ctl, STMT_CTL_JOB_REPAIRS, DB_P(db_int(no)), CTL_COLUMNS(repair_columns),
		      &sections[2].table, err) != 0)
		return -1;
	return ctl_table(ctl, STMT_CTL_JOB_BATCHES, DB_P(db_int(no)),
			 CTL_COLUMNS(job_batch_columns), &sections[3].table, err);
}

int ctl_job(struct ctl *ctl)
{
	struct ctl_section sections[] = {
		{"languages", "Items by language", NULL},
		{"failures", "Failed items", NULL},
		{"repairs", "Repaired answers", NULL},
		{"batches", "Batches", NULL},
	};
	struct table *record = NULL;
	struct id id;
	struct err err;
	int64_t no;
	int ret;

	if (id_parse(ctl->operands[0], ID_JOB, &id, &err) != 0)
		return ctl_error(EX_USAGE, "%s", err.text);
	ret = ctl_find_job(ctl, id.uuid, &no);
	if (ret != EX_OK)
		return ret;
	if (load_job(ctl, no, &record, sections, &err) != 0) {
		table_free(&record);
		for (size_t i = 0; i < 4; i++)
			table_free(&sections[i].table);
		return ctl_fail(&err);
	}
	return ctl_print_record(ctl, &record, sections, 4);
}

static int job_events(struct ctl *ctl, const char *uuid)
{
	int64_t no;
	const int ret = ctl_find_job(ctl, uuid, &no);

	if (ret != EX_OK)
		return ret;
	return ctl_print_rows(ctl, STMT_CTL_JOB_EVENTS, DB_P(db_int(no)),
			      CTL_COLUMNS(job_event_columns), "No events.");
}

static int batch_events(struct ctl *ctl, int64_t no)
{
	struct db_rows *rows;
	struct err err;
	size_t found;

	if (db_query(ctl->db, STMT_CTL_BATCH_EXISTS, DB_P(db_int(no)), &rows, &err) != 0)
		return ctl_fail(&err);
	found = db_rows_count(rows);
	db_rows_free(&rows);
	if (found == 0)
		return ctl_error(EX_NOINPUT, "there is no batch %lld", (long long)no);
	return ctl_print_rows(ctl, STMT_CTL_BATCH_EVENTS, DB_P(db_int(no)),
			      CTL_COLUMNS(batch_event_columns), "No events.");
}

int ctl_events(struct ctl *ctl)
{
	struct id id;
	struct err err;

	if (id_parse(ctl->operands[0], ID_JOB | ID_BATCH, &id, &err) != 0)
		return ctl_error(EX_USAGE, "%s", err.text);
	return id.kind == ID_JOB ? job_events(ctl, id.uuid) : batch_events(ctl, id.no);
}
