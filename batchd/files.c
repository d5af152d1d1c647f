/* SPDX-License-Identifier: ISC */
#include "batchd/files.h"

#include <json-c/json_object.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/must.h"
#include "core/json_util.h"
#include "core/timemath.h"

#define EVERY       T_DAY
#define RETRY_AFTER T_H /* of a sweep that failed in the middle */
#define MIN_AGE     (48 * T_H)
/*
 * A batch ends within a day of its creation, so an older list names no file that is still needed.
 */
#define LIST_DEPTH (96 * T_H)
#define MAX_FILES  1000 /* of one sweep; the rest has its turn tomorrow */

struct files {
	int64_t next_at; /* 0: not read yet */
	bool active;
	char **ids; /* candidates */
	size_t n, deleted;
	int64_t started_at;
};

struct files *files_new(void)
{
	return must(calloc(1, sizeof(struct files)));
}

static void forget(struct files *f)
{
	for (size_t i = 0; i < f->n; i++)
		free(f->ids[i]);
	free(f->ids);
	f->ids = NULL;
	f->n = 0;
	f->active = false;
}

void files_free(struct files **f)
{
	if (*f) {
		forget(*f);
		free(*f);
		*f = NULL;
	}
}

/* Looked through to the end: the next time is tomorrow, also for another batchd. */
static void end(struct daemon *d)
{
	struct files *f = d->files;
	struct err err;

	if (f->deleted > 0)
		log_info("nameless files deleted n=%zu", f->deleted);
	if (db_exec(d->db, STMT_FILES_SWEPT, DB_P(db_time(f->started_at)), &err) < 0)
		log_warning("sweep not stored error=\"%s\"", err.text);
	f->next_at = t_add(f->started_at, EVERY);
	forget(f);
}

static void delete_next(struct daemon *d);

static void on_deleted(const struct openai_reply *r, void *ctx)
{
	struct daemon *d = ctx;
	struct files *f = d->files;

	if (!f->active)
		return;
	if (r->outcome.outcome != OUTCOME_DONE && r->http_status != 404) {
		forget(f);
		return;
	}
	f->deleted++;
	free(f->ids[--f->n]);
	delete_next(d);
}

static void delete_next(struct daemon *d)
{
	struct files *f = d->files;
	struct err err;

	if (f->n == 0)
		end(d);
	else if (d->is_foreign ||
		 openai_delete_file(d->openai, f->ids[f->n - 1], on_deleted, d, &err) < 0)
		forget(f);
}

static void spare(struct files *f, const char *id)
{
	for (size_t i = 0; id && i < f->n; i++) {
		if (strcmp(f->ids[i], id) == 0) {
			free(f->ids[i]);
			f->ids[i] = f->ids[--f->n];
			return;
		}
	}
}

static void on_batches(const struct openai_reply *r, void *ctx)
{
	struct daemon *d = ctx;
	struct files *f = d->files;
	struct json_object *data = json_get_array(r->body, "data");
	const size_t n = data ? json_object_array_length(data) : 0;
	struct remote_batch b = {0};
	struct err err;
	bool more = false;

	if (!f->active)
		return;
	if (r->outcome.outcome != OUTCOME_DONE || !data) {
		forget(f);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		if (remote_batch_read(json_object_array_get_idx(data, i), &b) == 0)
			spare(f, b.input_file_id);
	}
	json_get_bool(r->body, "has_more", &more);
	if (more && b.id && b.created_at > t_sub(f->started_at, LIST_DEPTH)) {
		if (openai_list_batches(d->openai, b.id, on_batches, d, &err) < 0)
			forget(f);
		return;
	}
	delete_next(d);
}

/*
 * "lotscribe-<mark>-<key>-<n>.jsonl" of our mark: is there a row that names this
 * file? -1 where it is not ours.
 */
static int is_named(struct daemon *d, const char *name, const char *id)
{
	char prefix[64], key[33] = "";
	struct db_rows *r;
	struct err err;
	int named = 0;
	const int n = snprintf(prefix, sizeof(prefix), "lotscribe-%s-", d->installation);

	if (!name || strncmp(name, prefix, (size_t)n) != 0 ||
	    sscanf(name + n, "%32[0-9a-f]-", key) != 1)
		return -1;
	if (db_query(d->db, STMT_BATCH_INPUT_FILE, DB_P(db_text(key)), &r, &err) < 0)
		return -1;
	if (db_next(r))
		named = db_get_text(r, 0, NULL) && strcmp(db_get_text(r, 0, NULL), id) == 0;
	db_rows_free(&r);
	return named;
}

static void gather(struct daemon *d, const struct json_object *data)
{
	struct files *f = d->files;
	const size_t n = json_object_array_length(data);

	for (size_t i = 0; i < n && f->n < MAX_FILES; i++) {
		const struct json_object *file = json_object_array_get_idx(data, i);
		const char *id = json_get_text(file, "id");
		int64_t created_at = 0;

		if (!id || json_get_time(file, "created_at", &created_at) != 1 ||
		    created_at > t_sub(f->started_at, MIN_AGE) ||
		    is_named(d, json_get_text(file, "filename"), id) != 0)
			continue;
		f->ids[f->n++] = must(strdup(id));
	}
}

static void on_files(const struct openai_reply *r, void *ctx)
{
	struct daemon *d = ctx;
	struct files *f = d->files;
	struct json_object *data = json_get_array(r->body, "data");
	struct err err;

	if (!f->active)
		return;
	if (r->outcome.outcome != OUTCOME_DONE || !data) {
		forget(f);
		return;
	}
	f->ids = must(calloc(MAX_FILES, sizeof(*f->ids)));
	gather(d, data);
	if (f->n == 0)
		end(d);
	else if (openai_list_batches(d->openai, NULL, on_batches, d, &err) < 0)
		forget(f);
}

static int read_next_at(struct daemon *d, struct err *err)
{
	struct db_rows *r;

	if (db_query(d->db, STMT_FILES_SWEPT_AT, DB_NONE, &r, err) < 0)
		return -1;
	if (db_next(r))
		d->files->next_at = t_add(db_get_time(r, 0), EVERY);
	db_rows_free(&r);
	return 0;
}

void files_tick(struct daemon *d)
{
	struct files *f = d->files;
	const int64_t now = daemon_now(d);
	struct err err;

	if (f->active || !daemon_may_send(d))
		return;
	if (f->next_at == 0 && read_next_at(d, &err) < 0) {
		log_warning("sweep not read error=\"%s\"", err.text);
		return;
	}
	if (now < f->next_at)
		return;
	f->next_at = t_add(now, RETRY_AFTER);
	f->started_at = now;
	f->deleted = 0;
	f->active = openai_list_files(d->openai, on_files, d, &err) == 0;
}
