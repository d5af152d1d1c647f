/* SPDX-License-Identifier: ISC */
/* batches: the verbs that show batches. They only read. */
#include <sysexits.h>

#include "batchctl/ctl.h"

#define BATCHES_DEFAULT_LIMIT 20

static const struct table_column batches_columns[] = {
	{"batch", "batch", TABLE_INT},
	{"phase", "phase", TABLE_TEXT},
	{"reason", "reason", TABLE_TEXT},
	{"remote_status", "provider", TABLE_TEXT},
	{"items", "items", TABLE_INT},
	{"answered", "answered", TABLE_INT},
	{"failed", "failed", TABLE_INT},
	{"void", "void", TABLE_INT},
	{"remote_done", "remote done", TABLE_INT},
	{"remote_total", "of", TABLE_INT},
	{"model", "model", TABLE_TEXT},
	{"created_at", "made", TABLE_AGE},
	{"progress_at", "progress", TABLE_AGE},
	{"next_at", "next look", TABLE_AGE},
	{"closed_at", "closed", TABLE_AGE},
	{"last_error", "last error", TABLE_TEXT},
};

static const struct table_column batch_columns[] = {
	{"batch", "batch", TABLE_INT},
	{"batch_key", "key", TABLE_TEXT},
	{"twin_of", "twin of batch", TABLE_INT},
	{"adopted", "adopted", TABLE_BOOL},
	{"phase", "phase", TABLE_TEXT},
	{"reason", "reason", TABLE_TEXT},
	{"phase_at", "in it since", TABLE_TIME},
	{"task", "task", TABLE_TEXT},
	{"model", "model", TABLE_TEXT},
	{"base_url", "provider", TABLE_TEXT},
	{"items", "items", TABLE_INT},
	{"answered", "answered", TABLE_INT},
	{"failed", "failed", TABLE_INT},
	{"void", "void", TABLE_INT},
	{"est_tokens", "tokens, estimated", TABLE_INT},
	{"input_bytes", "input bytes", TABLE_INT},
	{"remote_id", "remote id", TABLE_TEXT},
	{"remote_status", "remote status", TABLE_TEXT},
	{"remote_total", "remote total", TABLE_INT},
	{"remote_done", "remote done", TABLE_INT},
	{"remote_failed", "remote failed", TABLE_INT},
	{"remote_code", "remote error", TABLE_TEXT},
	{"input_file_id", "input file", TABLE_TEXT},
	{"output_file_id", "output file", TABLE_TEXT},
	{"error_file_id", "error file", TABLE_TEXT},
	{"created_at", "made", TABLE_TIME},
	{"submitted_at", "submitted", TABLE_TIME},
	{"progress_at", "last progress", TABLE_TIME},
	{"observed_at", "last seen", TABLE_TIME},
	{"missing_since", "missing since", TABLE_TIME},
	{"expires_at", "expires", TABLE_TIME},
	{"cancel_at", "cancel decided", TABLE_TIME},
	{"asked", "asked for", TABLE_TEXT},
	{"asked_at", "asked for at", TABLE_TIME},
	{"left_at", "open items left", TABLE_TIME},
	{"ended_at", "ended", TABLE_TIME},
	{"closed_at", "closed", TABLE_TIME},
	{"next_at", "next look", TABLE_TIME},
	{"uploads", "uploads", TABLE_INT},
	{"tries", "tries of this step", TABLE_INT},
	{"harvest_file", "harvest in file", TABLE_INT},
	{"harvest_offset", "harvest at byte", TABLE_INT},
	{"keep_files", "remote files kept", TABLE_BOOL},
	{"swept_at", "files deleted", TABLE_TIME},
	{"last_error", "last error", TABLE_TEXT},
};

static const struct table_column batch_job_columns[] = {
	{"job_id", "job", TABLE_TEXT},   {"status", "status", TABLE_TEXT},
	{"items", "items", TABLE_INT},   {"answered", "answered", TABLE_INT},
	{"failed", "failed", TABLE_INT}, {"void", "void", TABLE_INT},
	{"open", "open", TABLE_INT},     {"deadline_at", "deadline", TABLE_AGE},
	{"name", "name", TABLE_TEXT},
};

static const struct table_column line_columns[] = {
	{"file", "file", TABLE_INT},   {"kind", "kind", TABLE_TEXT},  {"code", "code", TABLE_TEXT},
	{"lines", "lines", TABLE_INT}, {"bytes", "bytes", TABLE_INT},
};

int ctl_batches(struct ctl *ctl)
{
	const enum stmt s = ctl->open_only ? STMT_CTL_BATCHES_OPEN : STMT_CTL_BATCHES;
	const int64_t limit = ctl->limit ? ctl->limit : BATCHES_DEFAULT_LIMIT;

	return ctl_print_rows(ctl, s, DB_P(db_int(limit)), CTL_COLUMNS(batches_columns),
			      ctl->open_only ? "No open batches." : "No batches.");
}

int ctl_batch(struct ctl *ctl)
{
	struct ctl_section sections[] = {
		{"jobs", "Jobs", NULL},
		{"lines",
		 "Lines of its result files that are no answer (file 0: output, 1: errors)", NULL},
	};
	struct table *record = NULL;
	struct id id;
	struct err err;

	if (id_parse(ctl->operands[0], ID_BATCH, &id, &err) != 0)
		return ctl_error(EX_USAGE, "%s", err.text);
	if (ctl_table(ctl, STMT_CTL_BATCH, DB_P(db_int(id.no)), CTL_COLUMNS(batch_columns), &record,
		      &err) != 0)
		return ctl_fail(&err);
	if (table_rows(record) == 0) {
		table_free(&record);
		return ctl_error(EX_NOINPUT, "there is no batch %lld", (long long)id.no);
	}
	if (ctl_table(ctl, STMT_CTL_BATCH_JOBS, DB_P(db_int(id.no)), CTL_COLUMNS(batch_job_columns),
		      &sections[0].table, &err) != 0 ||
	    ctl_table(ctl, STMT_CTL_BATCH_LINES, DB_P(db_int(id.no)), CTL_COLUMNS(line_columns),
		      &sections[1].table, &err) != 0) {
		table_free(&sections[0].table);
		table_free(&record);
		return ctl_fail(&err);
	}
	return ctl_print_record(ctl, &record, sections, 2);
}
