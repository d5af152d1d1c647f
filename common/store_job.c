/* SPDX-License-Identifier: ISC */
/*
 * The job's mover. Locks the job row before its items (DESIGN section 3), so
 * two movers never deadlock.
 */
#include "common/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "core/limits.h"
#include "core/timemath.h"
#include "core/utf8.h"
#include "core/uuid.h"

int store_now(struct db *db, int64_t *now, struct err *err)
{
	struct db_rows *rows;

	if (db_query(db, STMT_NOW, DB_NONE, &rows, err) < 0)
		return -1;
	db_next(rows);
	*now = db_get_time(rows, 0);
	db_rows_free(&rows);
	return 0;
}

int store_schema_check(struct db *db, struct err *err)
{
	struct db_rows *rows;
	int64_t version = 0, min_program = 0;

	if (db_query(db, STMT_SCHEMA_VERSION, DB_NONE, &rows, err) < 0) {
		if (err->detail == 1146) /* no such table */
			return err_set(
				err, ERR_NEVER, 0,
				"the database holds no lotscribe schema: run `batchctl migrate`");
		return -1;
	}
	if (db_next(rows)) {
		version = db_get_int(rows, 0);
		min_program = db_get_int(rows, 1);
	}
	db_rows_free(&rows);
	if (version < STORE_SCHEMA_VERSION)
		return err_set(
			err, ERR_NEVER, 0,
			"the database's schema is version %lld, this program needs %d: run `batchctl migrate`",
			(long long)version, STORE_SCHEMA_VERSION);
	/*
	 * Also of our own version: a migration that is under way, or died,
	 * says so by its min_program.
	 */
	if (min_program > STORE_SCHEMA_VERSION)
		return err_set(
			err, ERR_NEVER, 0,
			"the database's schema is version %lld and not for this program, which knows %d: upgrade the program, or "
			"finish the migration",
			(long long)version, STORE_SCHEMA_VERSION);
	return 0;
}

int store_wake(struct db *db, struct err *err)
{
	return db_exec(db, STMT_WAKE, DB_NONE, err) < 0 ? -1 : 0;
}

/* The journal has the timeline, too, by the ids that clients and operators know. */
static int log_event(struct db *db, int64_t job_id, int64_t batch_id, const char *kind, int64_t n,
		     const char *message, struct err *err)
{
	char job[UUID_TEXT_SIZE] = "-";
	struct db_rows *r;

	if (!log_is_on(LOG_LEVEL_INFO))
		return 0;
	if (job_id) {
		if (db_query(db, STMT_JOB_PUBLIC_ID, DB_P(db_int(job_id)), &r, err) < 0)
			return -1;
		if (db_next(r))
			snprintf(job, sizeof(job), "%s", db_get_text(r, 0, NULL));
		db_rows_free(&r);
	}
	log_when_committed("%s job=%s batch=%lld n=%lld text=\"%s\"", kind, job,
			   (long long)batch_id, (long long)(n < 0 ? 0 : n), message);
	return 0;
}

int store_event(struct db *db, int64_t job_id, int64_t batch_id, int64_t now, const char *kind,
		int64_t n, struct err *err, const char *fmt, ...)
{
	char message[500];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(message, sizeof(message), fmt, ap);
	va_end(ap);
	utf8_trim(message);
	if (db_exec(db, STMT_EVENT_ADD,
		    DB_P(job_id ? db_int(job_id) : db_null(),
			 batch_id ? db_int(batch_id) : db_null(), db_time(now), db_text(kind),
			 db_text(message), n < 0 ? db_null() : db_int(n)),
		    err) < 0)
		return -1;
	return log_event(db, job_id, batch_id, kind, n, message, err);
}

/* A job row with its languages; texts are borrowed from the result sets that it owns. */
struct job_row {
	struct db_rows *row, *language_rows;
	struct language_counts languages[LIMIT_LANGUAGES + 1];
	struct job_view view;
	int64_t version;
};

static void job_row_clear(struct job_row *j)
{
	db_rows_free(&j->row);
	db_rows_free(&j->language_rows);
}

static int read_languages(struct db *db, int64_t job_id, struct job_row *j, struct err *err)
{
	size_t n = 0;

	if (db_query(db, STMT_JOB_LANGUAGES, DB_P(db_int(job_id)), &j->language_rows, err) < 0)
		return -1;
	while (n <= LIMIT_LANGUAGES && db_next(j->language_rows)) {
		const struct db_rows *r = j->language_rows;

		j->languages[n++] = (struct language_counts){
			.tag = db_get_text(r, 0, NULL),
			.total = (uint32_t)db_get_int(r, 1),
			.ready = (uint32_t)db_get_int(r, 2),
			.sent = (uint32_t)db_get_int(r, 3),
			.done = (uint32_t)db_get_int(r, 4),
			.failed = (uint32_t)db_get_int(r, 5),
			.repeating = (uint32_t)db_get_int(r, 6),
		};
	}
	if (n == 0)
		return err_set(err, ERR_BUG, 0, "job %lld has no languages", (long long)job_id);
	j->view.languages = j->languages;
	j->view.n_languages = n;
	return 0;
}

/* stmt: STMT_JOB_LOCK or STMT_JOB_READ. */
static int job_row_read(struct db *db, enum stmt stmt, int64_t job_id, struct job_row *j,
			struct err *err)
{
	int status, outcome, end;

	memset(j, 0, sizeof(*j));
	if (db_query(db, stmt, DB_P(db_int(job_id)), &j->row, err) < 0)
		return -1;
	if (!db_next(j->row))
		return err_set(err, ERR_NEVER, 0, "there is no job %lld", (long long)job_id);
	status = name_find(job_status_names, JOB_STATUS_COUNT, db_get_text(j->row, 2, NULL));
	outcome = name_find(job_outcome_names, JOB_OUTCOME_COUNT, db_get_text(j->row, 3, NULL));
	end = name_find(job_end_codes, JOB_END_COUNT, db_get_text(j->row, 20, NULL));
	if (status < 0 || outcome < 0)
		return err_set(err, ERR_BUG, 0, "job %lld has an unknown status",
			       (long long)job_id);
	j->view = (struct job_view){
		.public_id = db_get_text(j->row, 0, NULL),
		.name = db_get_text(j->row, 1, NULL),
		.status = (enum job_status)status,
		.outcome = (enum job_outcome)outcome,
		.created_at = db_get_time(j->row, 4),
		.deadline_at = db_get_time(j->row, 5),
		.completed_at = db_get_time(j->row, 6),
		.lots = (uint32_t)db_get_int(j->row, 7),
		.cost = db_get_int(j->row, 8),
		.wasted = db_get_int(j->row, 9),
		.input_tokens = db_get_int(j->row, 10),
		.output_tokens = db_get_int(j->row, 11),
		.wait_what = db_get_text(j->row, 12, NULL),
		.wait_since = db_get_time(j->row, 13),
		.wait_progress_at = db_get_time(j->row, 14),
		.wait_action = db_get_text(j->row, 15, NULL),
		.wait_action_at = db_get_time(j->row, 16),
		.warnings = db_get_text(j->row, 17, NULL),
	};
	j->version = db_get_int(j->row, 18);
	j->view.opened_at = db_get_time(j->row, 19);
	j->view.end = db_is_null(j->row, 20) ? END_DEADLINE : (enum job_end)end;
	j->view.reopening = db_get_int(j->row, 21) != 0;
	j->view.over_at = db_get_time(j->row, 22);
	j->view.day_over_at = db_get_time(j->row, 23);
	return read_languages(db, job_id, j, err);
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

/* Does the row say already what the patch would? An ended job waits for nothing. */
static bool says_already(const struct job_view *v, const struct job_patch *p)
{
	if (p->only_wait && job_status_is_terminal(v->status))
		return true;
	return p->only_wait && same_text(v->wait_what, p->wait_what) &&
	       same_text(v->wait_action, p->wait_action) && same_text(v->warnings, p->warnings) &&
	       v->wait_since == p->wait_since && v->wait_progress_at == p->wait_progress_at &&
	       v->wait_action_at == p->wait_action_at;
}

static void apply_command(struct job_view *v, const struct job_patch *p, int64_t now)
{
	if (p->end != END_DEADLINE && !job_status_is_terminal(v->status))
		v->end = p->end;
	if (p->reopen && job_status_is_terminal(v->status)) {
		v->status = p->reopen_as;
		v->outcome = OUTCOME_NONE;
		v->end = END_DEADLINE;
		v->opened_at = now;
		v->completed_at = 0;
	}
	if (p->deadline_at)
		v->deadline_at = p->deadline_at;
	if (p->reopening || p->is_open)
		v->reopening = p->reopening;
	v->may_lose = p->may_lose;
}

static void apply_patch(struct job_view *v, const struct job_patch *p)
{
	v->cost += p->cost;
	v->wasted += p->wasted;
	v->input_tokens += p->input_tokens;
	v->output_tokens += p->output_tokens;
	if (!p->set_wait || job_status_is_terminal(v->status))
		return;
	v->wait_what = p->wait_what;
	v->wait_since = p->wait_since;
	v->wait_progress_at = p->wait_progress_at;
	v->wait_action = p->wait_action;
	v->wait_action_at = p->wait_action_at;
	v->warnings = p->warnings;
}

static void apply_verdict(struct job_view *v, const struct job_verdict *verdict, int64_t now)
{
	v->status = verdict->status;
	v->outcome = verdict->outcome;
	v->updated_at = now;
	if (verdict->ended_now) {
		v->completed_at = now;
		v->wait_what = v->wait_action = NULL;
		v->warnings = ""; /* they hold while it runs; its events remember */
		v->wait_since = v->wait_progress_at = v->wait_action_at = 0;
	}
}

static int job_row_store(struct db *db, int64_t job_id, const struct job_row *j, struct err *err)
{
	const struct job_view *v = &j->view;
	struct strbuf json;
	int64_t n;

	strbuf_init(&json, LIMIT_STATUS_BYTES);
	if (status_render(v, &json) < 0) {
		strbuf_clear(&json);
		return err_set(err, ERR_BUG, 0, "the status of job %lld does not fit",
			       (long long)job_id);
	}
	n = db_exec(db, STMT_JOB_STORE,
		    DB_P(db_text(job_status_names[v->status]),
			 db_text(job_outcome_names[v->outcome]), db_time(v->updated_at),
			 db_time(v->completed_at), db_time(v->opened_at), db_time(v->deadline_at),
			 db_text(v->end == END_DEADLINE ? NULL : job_end_codes[v->end]),
			 db_int(v->reopening), db_int(v->cost), db_int(v->wasted),
			 db_int(v->input_tokens), db_int(v->output_tokens), db_text(v->wait_what),
			 db_time(v->wait_since), db_time(v->wait_progress_at),
			 db_text(v->wait_action), db_time(v->wait_action_at), db_text(v->warnings),
			 db_bytes(json.data, json.len), db_int(job_id), db_int(j->version)),
		    err);
	strbuf_clear(&json);
	if (n == 0)
		return err_set(err, ERR_CONFLICT, 0, "job %lld was moved meanwhile",
			       (long long)job_id);
	return n < 0 ? -1 : 0;
}

static int event_of_move(struct db *db, int64_t job_id, const struct job_view *v,
			 enum job_status before, int64_t now, struct err *err)
{
	const char *outcome = job_outcome_names[v->outcome];

	if (v->status == before)
		return 0;
	return store_event(db, job_id, 0, now, job_status_names[v->status], -1, err, "%s -> %s%s%s",
			   job_status_names[before], job_status_names[v->status],
			   outcome ? ", " : "", outcome ? outcome : "");
}

/* Decide, render and store a row that is locked. */
static int job_row_settle(struct db *db, int64_t job_id, struct job_row *j,
			  const struct job_patch *patch, int64_t now, struct job_verdict *verdict,
			  struct err *err)
{
	const bool keep_open = patch && patch->keep_open;
	const enum job_status before = j->view.status;
	const bool unchanged = patch && says_already(&j->view, patch);
	int rc;

	if (patch) {
		apply_command(&j->view, patch, now);
		apply_patch(&j->view, patch);
	}
	*verdict =
		job_decide(&j->view, keep_open ? t_min(now, t_sub(j->view.deadline_at, 1)) : now);
	if (unchanged && verdict->status == before && verdict->outcome == j->view.outcome)
		return 0;
	apply_verdict(&j->view, verdict, now);
	rc = job_row_store(db, job_id, j, err);
	return rc < 0 ? -1 : event_of_move(db, job_id, &j->view, before, now, err);
}

int store_job_refresh(struct db *db, int64_t job_id, const struct job_patch *patch, int64_t now,
		      struct job_verdict *verdict, struct err *err)
{
	struct job_row j;
	struct job_verdict v;
	int rc = job_row_read(db, STMT_JOB_LOCK, job_id, &j, err);

	if (rc == 0)
		rc = job_row_settle(db, job_id, &j, patch, now, &v, err);
	if (rc == 0 && verdict)
		*verdict = v;
	job_row_clear(&j);
	return rc;
}

static int close_overdue_tx(struct db *db, void *arg, struct err *err)
{
	const int64_t job_id = *(const int64_t *)arg;
	int64_t now;
	struct job_row j;
	int rc = -1;

	if (store_now(db, &now, err) < 0)
		return -1;
	if (job_row_read(db, STMT_JOB_LOCK, job_id, &j, err) == 0) {
		const enum job_status before = j.view.status;
		const struct job_verdict v = job_decide(&j.view, now);

		rc = 0;
		if (v.ended_now) {
			apply_verdict(&j.view, &v, now);
			rc = job_row_store(db, job_id, &j, err);
			if (rc == 0)
				rc = event_of_move(db, job_id, &j.view, before, now, err);
		}
	}
	job_row_clear(&j);
	return rc;
}

int store_job_close_overdue(struct db *db, int64_t job_id, struct err *err)
{
	return db_tx(db, close_overdue_tx, &job_id, err);
}

int store_job_render_closed(struct db *db, int64_t job_id, int64_t now, struct strbuf *out,
			    struct err *err)
{
	struct job_row j;
	int rc = job_row_read(db, STMT_JOB_READ, job_id, &j, err);

	if (rc == 0) {
		const struct job_verdict v = job_decide(&j.view, now);

		apply_verdict(&j.view, &v, now);
		if (status_render(&j.view, out) < 0)
			rc = err_set(err, ERR_BUG, 0, "the status of job %lld does not fit",
				     (long long)job_id);
	}
	job_row_clear(&j);
	return rc;
}

int store_job_look(struct db *db, int64_t job_id, int64_t now, struct job_look *look,
		   struct err *err)
{
	struct job_row j;
	const int rc = job_row_read(db, STMT_JOB_READ, job_id, &j, err);

	if (rc == 0) {
		*look = (struct job_look){
			.status = j.view.status,
			.outcome = j.view.outcome,
			.end = j.view.end,
			.reopening = j.view.reopening,
			.opened_at = j.view.opened_at,
			.deadline_at = j.view.deadline_at,
			.verdict = job_decide(&j.view, now),
		};
		for (size_t i = 0; i < j.view.n_languages; i++) {
			const struct language_counts *l = &j.languages[i];
			const uint64_t open =
				(uint64_t)l->total - l->done - l->failed + l->repeating;

			look->items += l->total;
			look->open += open;
			look->open_descriptions += i == 0 ? open : 0;
		}
	}
	job_row_clear(&j);
	return rc;
}
