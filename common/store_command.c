/* SPDX-License-Identifier: ISC */
/*
 * Commands on a job (store_command of common/store.h). The job's row is locked first and says at
 * once what was asked; what concerns its items and batches is a row of `request`, for batchd.
 */
#include "common/store.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "core/limits.h"

struct command_run {
	const struct job_command *c;
	int64_t now;
	/* The row, and its languages: translations are those from 1 on. */
	bool running;
	enum job_end was; /* of a job that has ended */
	int64_t deadline_at, lots;
	int64_t n_languages, open, undescribed;
	enum command_result result;
};

static int read_counts(struct db *db, struct command_run *r, struct err *err)
{
	struct db_rows *rows;

	if (db_query(db, STMT_COMMAND_COUNTS, DB_P(db_int(r->c->job_id)), &rows, err) < 0)
		return -1;
	db_next(rows);
	r->n_languages = db_get_int(rows, 0);
	r->open = db_get_int(rows, 1);
	r->undescribed = db_get_int(rows, 2);
	db_rows_free(&rows);
	return 0;
}

/* 1, 0 where there is no such job to be seen, or -1. */
static int lock_job(struct db *db, struct command_run *r, struct err *err)
{
	struct db_rows *rows;
	int status, end, found = 0;

	if (store_now(db, &r->now, err) < 0 ||
	    db_query(db, STMT_COMMAND_LOCK, DB_P(db_int(r->c->job_id)), &rows, err) < 0)
		return -1;
	if (db_next(rows) && db_get_int(rows, 4) != 0) {
		found = 1;
		status = name_find(job_status_names, JOB_STATUS_COUNT, db_get_text(rows, 0, NULL));
		end = name_find(job_end_codes, JOB_END_COUNT, db_get_text(rows, 1, NULL));
		r->running = !job_status_is_terminal((enum job_status)status);
		r->was = end < 0 ? END_DEADLINE : (enum job_end)end;
		r->deadline_at = db_get_time(rows, 2);
		r->lots = db_get_int(rows, 3);
	}
	db_rows_free(&rows);
	return found;
}

/*
 * The request, its event, and the change of the row that goes with it. Wake, which
 * all touch, is locked last.
 */
static int take(struct db *db, const struct command_run *r, const struct job_patch *patch,
		const char *tags, struct err *err)
{
	const struct job_command *c = r->c;

	if (db_exec(db, STMT_COMMAND_REQUEST,
		    DB_P(db_int(c->job_id), db_text(command_names[c->kind]), db_text(tags),
			 db_text(r->running ? NULL : job_end_codes[r->was]), db_time(r->now)),
		    err) < 0 ||
	    store_event(db, c->job_id, 0, r->now, command_names[c->kind], -1, err,
			"asked by %s%s%s", c->by, tags ? ": " : "", tags ? tags : "") < 0)
		return -1;
	if (patch && store_job_refresh(db, c->job_id, patch, r->now, NULL, err) < 0)
		return -1;
	return store_wake(db, err);
}

/* Cancel and finish. */
static int end_job(struct db *db, struct command_run *r, enum job_end end, struct err *err)
{
	const struct job_patch patch = {.end = end};

	if (!r->running) {
		r->result = COMMAND_NOTHING;
		return 0;
	}
	return take(db, r, &patch, NULL, err);
}

/* 1: some answer can be asked for again beside what is in hand; 0; -1. */
static int has_salvaged(struct db *db, const struct command_run *r, struct err *err)
{
	struct db_rows *rows;
	int any;

	if (db_query(db, STMT_COMMAND_SALVAGED, DB_P(db_int(r->c->job_id)), &rows, err) < 0)
		return -1;
	any = db_rows_count(rows) > 0;
	db_rows_free(&rows);
	return any;
}

static int images_are_gone(struct db *db, const struct command_run *r, struct err *err)
{
	struct db_rows *rows;
	int gone;

	if (db_query(db, STMT_COMMAND_IMAGES_GONE, DB_P(db_int(r->c->job_id)), &rows, err) < 0)
		return -1;
	gone = db_rows_count(rows) > 0;
	db_rows_free(&rows);
	return gone;
}

static int retry(struct db *db, struct command_run *r, struct err *err)
{
	const struct job_patch patch = {
		.reopen = true,
		.reopen_as = r->undescribed > 0 ? JOB_DESCRIBING : JOB_TRANSLATING,
		.deadline_at = r->c->deadline_at,
		.reopening = true,
	};
	int any, gone;

	any = r->running || r->open > 0 ? r->open > 0 : has_salvaged(db, r, err);
	if (any < 0)
		return -1;
	if (r->running || !any) {
		r->result = COMMAND_NOTHING;
		return 0;
	}
	gone = images_are_gone(db, r, err);
	if (gone < 0)
		return -1;
	if (gone) {
		r->result = COMMAND_IMAGES_EXPIRED;
		return 0;
	}
	return take(db, r, &patch, NULL, err);
}

struct new_tags {
	const char *list[LIMIT_LANGUAGES];
	int64_t n;
};

static bool is_in(const char *const *tags, size_t n, const char *tag)
{
	for (size_t i = 0; i < n; i++) {
		if (strcasecmp(tags[i], tag) == 0)
			return true;
	}
	return false;
}

/* Those of the command that the job does not have yet. 1, 0 = more than a job can have, -1. */
static int find_new(struct db *db, const struct command_run *r, struct new_tags *tags,
		    struct err *err)
{
	const struct job_command *c = r->c;
	const char *known[LIMIT_LANGUAGES + 1];
	struct db_rows *rows;
	size_t n = 0;
	int fits = 1;

	tags->n = 0;
	if (db_query(db, STMT_JOB_LANGUAGES, DB_P(db_int(c->job_id)), &rows, err) < 0)
		return -1;
	while (n <= LIMIT_LANGUAGES && db_next(rows))
		known[n++] = db_get_text(rows, 0, NULL);
	for (size_t i = 0; fits && i < c->n_tags; i++) {
		if (is_in(known, n, c->tags[i]) || is_in(tags->list, (size_t)tags->n, c->tags[i]))
			continue;
		fits = r->n_languages + tags->n <= LIMIT_LANGUAGES;
		if (fits)
			tags->list[tags->n++] = c->tags[i];
	}
	db_rows_free(&rows);
	return fits;
}

static int add_tags(struct db *db, const struct command_run *r, const struct new_tags *tags,
		    struct strbuf *text, struct err *err)
{
	for (int64_t i = 0; i < tags->n; i++) {
		if (i > 0)
			strbuf_addc(text, ',');
		strbuf_adds(text, tags->list[i]);
		if (db_exec(db, STMT_COMMAND_LANGUAGE_ADD,
			    DB_P(db_int(r->c->job_id), db_int(r->n_languages + i),
				 db_text(tags->list[i]), db_int(r->lots)),
			    err) < 0)
			return -1;
	}
	return 0;
}

static int add_languages(struct db *db, struct command_run *r, struct err *err)
{
	const struct job_command *c = r->c;
	const bool later = c->has_deadline && c->deadline_at > r->deadline_at;
	const struct job_patch patch = {
		.reopen = true,
		.reopen_as = JOB_TRANSLATING,
		.deadline_at = !r->running || later ? c->deadline_at : 0,
		.reopening = true,
	};
	struct new_tags tags;
	struct strbuf text;
	int rc = find_new(db, r, &tags, err);

	if (rc < 0)
		return -1;
	if (rc == 0)
		r->result = COMMAND_TOO_MANY_LANGUAGES;
	else if (tags.n == 0)
		r->result = COMMAND_NOTHING;
	else if (r->lots * (r->n_languages + tags.n) > c->max_items)
		r->result = COMMAND_TOO_MANY_ITEMS;
	if (r->result != COMMAND_TAKEN)
		return 0;
	strbuf_init(&text, LIMIT_LANGUAGES * (LIMIT_LANGUAGE_BYTES + 1));
	rc = add_tags(db, r, &tags, &text, err);
	if (rc == 0)
		rc = take(db, r, &patch, text.data, err);
	strbuf_clear(&text);
	return rc;
}

static int hide(struct db *db, struct command_run *r, struct err *err)
{
	if (r->running) {
		r->result = COMMAND_RUNNING;
		return 0;
	}
	if (db_exec(db, STMT_COMMAND_HIDE, DB_P(db_time(r->now), db_int(r->c->job_id)), err) < 0)
		return -1;
	return take(db, r, NULL, NULL, err);
}

static int command_tx(struct db *db, void *arg, struct err *err)
{
	struct command_run *r = arg;
	const int found = lock_job(db, r, err);

	r->result = COMMAND_TAKEN;
	if (found == 0)
		r->result = COMMAND_NO_JOB;
	if (found <= 0)
		return found;
	if (read_counts(db, r, err) < 0)
		return -1;
	switch (r->c->kind) {
	case COMMAND_CANCEL:
		return end_job(db, r, END_CANCELLED, err);
	case COMMAND_FINISH:
		return end_job(db, r, END_FINISHED, err);
	case COMMAND_RETRY:
		return retry(db, r, err);
	case COMMAND_LANGUAGES:
		return add_languages(db, r, err);
	case COMMAND_DELETE:
		return hide(db, r, err);
	case COMMAND_IMPORT: /* of batchctl, by statements of its own */
	case COMMAND_REPAIR:
	case COMMAND_UNDO:
	case COMMAND_IMAGES: /* of no job */
	case COMMAND_BATCHES:
	case COMMAND_COUNT:
		break;
	}
	return err_set(err, ERR_BUG, 0, "command %d is none", (int)r->c->kind);
}

int store_command(struct db *db, const struct job_command *command, enum command_result *result,
		  struct err *err)
{
	struct command_run r = {.c = command};

	if (db_tx(db, command_tx, &r, err) < 0)
		return -1;
	*result = r.result;
	return 0;
}
