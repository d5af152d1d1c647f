/* SPDX-License-Identifier: ISC */
/*
 * import: results of an earlier system become jobs, a transaction each: what was stored as it was,
 * invisibly. batchd repairs it and shows the jobs, under the ids that old clients know.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "batchctl/ctl.h"
#include "batchctl/import_file.h"
#include "common/must.h"
#include "common/recipe.h"
#include "common/store.h"
#include "core/model.h"

#define LOT_COLS    3
#define ITEM_COLS   5
#define ANSWER_COLS 4

struct ordered { /* of --languages */
	char tags[LIMIT_LANGUAGES][LANGUAGE_SIZE];
	size_t n;
};

struct import {
	struct ctl *ctl;
	struct import_file file;
	struct ordered ordered;
	int64_t account, deadline_at;
	/* of the job at hand */
	const struct import_job *job;
	const char *public_id;
	const char *languages[2 * LIMIT_LANGUAGES + 1];
	size_t n_languages;
	int64_t id;
};

/* --- the command line --- */

static int add_tag(struct ordered *o, const char *text, size_t n)
{
	if (o->n == LIMIT_LANGUAGES)
		return ctl_error(EX_USAGE, "--languages has more than %d tags", LIMIT_LANGUAGES);
	if (language_normalise(text, n, o->tags[o->n]) < 0)
		return ctl_error(EX_USAGE, "--languages: %.*s is not a language tag (BCP 47)",
				 (int)n, text);
	if (!language_is_target(o->tags[o->n]))
		return ctl_error(EX_USAGE, "--languages: descriptions are in English already");
	o->n++;
	return EX_OK;
}

static int read_languages(struct import *x)
{
	const char *at = x->ctl->languages;
	int ret = EX_OK;

	while (ret == EX_OK && at) {
		const size_t n = strcspn(at, ",");

		ret = add_tag(&x->ordered, at, n);
		at = at[n] == ',' ? at + n + 1 : NULL;
	}
	return ret;
}

static int find_account(struct import *x)
{
	struct db_rows *rows;
	struct err err;

	if (!x->ctl->account)
		return ctl_error(EX_USAGE, "--account NAME says whose jobs they become");
	if (db_query(x->ctl->db, STMT_CTL_ACCOUNT_ID, DB_P(db_text(x->ctl->account)), &rows, &err) <
	    0)
		return ctl_fail(&err);
	x->account = db_next(rows) ? db_get_int(rows, 0) : 0;
	db_rows_free(&rows);
	if (x->account == 0)
		return ctl_error(EX_NOINPUT,
				 "there is no account %.64s (batchctl account makes one)",
				 x->ctl->account);
	return EX_OK;
}

static int read_options(struct import *x)
{
	int ret = find_account(x);

	if (ret == EX_OK)
		ret = read_languages(x);
	if (ret == EX_OK && x->ctl->deadline && x->ordered.n == 0)
		ret = ctl_error(EX_USAGE, "--deadline is of the translations of --languages");
	if (ret == EX_OK)
		ret = ctl_deadline(x->ctl, &x->deadline_at);
	return ret;
}

/* --- one job --- */

static bool is_ordered(const struct import *x, const char *tag)
{
	for (size_t i = 0; i < x->ordered.n; i++) {
		if (strcmp(x->ordered.tags[i], tag) == 0)
			return true;
	}
	return false;
}

static void add_language(struct import *x, const char *tag)
{
	for (size_t i = 0; i < x->n_languages; i++) {
		if (strcmp(x->languages[i], tag) == 0)
			return;
	}
	x->languages[x->n_languages++] = tag;
}

static const struct import_lot *lot_at(const struct import *x, size_t i)
{
	return &x->file.lots[x->job->first_lot + i];
}

static void begin_job(struct import *x, size_t i)
{
	x->job = &x->file.jobs[i];
	x->public_id = x->file.results[lot_at(x, 0)->first].job;
	x->n_languages = 0;
	for (size_t k = 0; k < x->job->n_languages; k++)
		add_language(x, x->job->languages[k]);
	for (size_t k = 0; k < x->ordered.n; k++)
		add_language(x, x->ordered.tags[k]);
}

/* Why there is no answer of a lot in that language; NULL: it is ordered, and waits. */
static const char *code_of(const struct import *x, const struct import_lot *lot, size_t language)
{
	if (import_find(&x->file, lot, x->languages[language]))
		return "imported";
	if (language == 0 || !is_ordered(x, x->languages[language]))
		return "not_imported";
	return import_find(&x->file, lot, LANGUAGE_OF_DESCRIPTIONS) ? NULL : "description_failed";
}

static int add_job(struct import *x, struct db *db, struct err *err)
{
	const int64_t now = x->ctl->now;
	struct recipe translate;
	struct db_rows *rows;
	int64_t describe_id, translate_id;

	recipe_init(&translate, TASK_TRANSLATE, x->ctl->config);
	if (recipe_store(db, &translate, now, &translate_id, err) < 0 ||
	    db_exec(db, STMT_IMPORT_RECIPE_ADD, DB_P(db_time(now)), err) < 0 ||
	    db_query(db, STMT_IMPORT_RECIPE, DB_NONE, &rows, err) < 0)
		return -1;
	describe_id = db_next(rows) ? db_get_int(rows, 0) : 0;
	db_rows_free(&rows);
	if (db_exec(db, STMT_IMPORT_JOB_ADD,
		    DB_P(db_text(x->public_id), db_int(x->account), db_int((int64_t)x->job->n_lots),
			 db_int(describe_id), db_int(translate_id), db_time(now), db_time(now),
			 db_time(now), db_time(x->deadline_at)),
		    err) < 0)
		return -1;
	x->id = (int64_t)db_insert_id(db);
	return 0;
}

static int add_languages(const struct import *x, struct db *db, struct err *err)
{
	for (size_t k = 0; k < x->n_languages; k++) {
		int64_t failed = 0;

		for (size_t i = 0; i < x->job->n_lots; i++)
			failed += code_of(x, lot_at(x, i), k) != NULL;
		if (db_exec(db, STMT_IMPORT_LANGUAGE_ADD,
			    DB_P(db_int(x->id), db_int((int64_t)k), db_text(x->languages[k]),
				 db_int((int64_t)x->job->n_lots), db_int(failed)),
			    err) < 0)
			return -1;
	}
	return 0;
}

static int add_lots(const struct import *x, struct db *db, struct err *err)
{
	const size_t n = x->job->n_lots, per_lot = x->n_languages;
	struct db_val *lots = must(calloc(n, LOT_COLS * sizeof(*lots)));
	struct db_val *items = must(calloc(n * per_lot, ITEM_COLS * sizeof(*items)));
	struct db_val *v = items;
	int rc = -1;

	for (size_t i = 0; i < n; i++) {
		lots[LOT_COLS * i] = db_int(x->id);
		lots[LOT_COLS * i + 1] = db_int((int64_t)i);
		lots[LOT_COLS * i + 2] = db_text(x->file.results[lot_at(x, i)->first].lot);
		for (size_t k = 0; k < per_lot; k++, v += ITEM_COLS) {
			const char *code = code_of(x, lot_at(x, i), k);

			v[0] = db_int(x->id);
			v[1] = db_int((int64_t)i);
			v[2] = db_int((int64_t)k);
			v[3] = db_text(item_state_names[code ? ITEM_FAILED : ITEM_BLOCKED]);
			v[4] = db_text(code);
		}
	}
	if (db_bulk(db, STMT_IMPORT_LOT_ADD, lots, n, err) >= 0 &&
	    db_bulk(db, STMT_IMPORT_ITEM_ADD, items, n * per_lot, err) >= 0)
		rc = 0;
	free(lots);
	free(items);
	return rc;
}

/* Ids of bulk rows are looked up, never computed: a cluster counts in steps. */
static int add_answers(const struct import *x, struct db *db, struct err *err)
{
	struct db_val *answers;
	struct db_rows *rows;
	size_t n = 0;
	int rc;

	if (db_query(db, STMT_IMPORT_ITEMS, DB_P(db_int(x->id)), &rows, err) < 0)
		return -1;
	answers = must(calloc(db_rows_count(rows) + 1, ANSWER_COLS * sizeof(*answers)));
	while (db_next(rows)) {
		const struct import_lot *lot = lot_at(x, (size_t)db_get_int(rows, 1));
		const struct import_result *r =
			import_find(&x->file, lot, x->languages[db_get_int(rows, 2)]);
		struct db_val *v = &answers[ANSWER_COLS * n];

		if (!r)
			continue;
		n++;
		v[0] = db_int(db_get_int(rows, 0));
		v[1] = db_int(x->id);
		v[2] = db_bytes(r->raw, r->raw_n);
		v[3] = db_time(x->ctl->now);
	}
	rc = db_bulk(db, STMT_IMPORT_ANSWER_ADD, answers, n, err) < 0 ? -1 : 0;
	free(answers);
	db_rows_free(&rows);
	return rc;
}

static int import_tx(struct db *db, void *arg, struct err *err)
{
	struct import *x = arg;

	if (add_job(x, db, err) < 0 || add_languages(x, db, err) < 0 || add_lots(x, db, err) < 0 ||
	    add_answers(x, db, err) < 0 ||
	    db_exec(db, STMT_REPAIR_REQUEST,
		    DB_P(db_int(x->id), db_text(command_names[COMMAND_IMPORT]), db_null()),
		    err) < 0)
		return -1;
	return store_wake(db, err);
}

/* --- all of them --- */

static const struct table_column columns[] = {
	{"job", "job", TABLE_TEXT},
	{"lots", "lots", TABLE_INT},
	{"languages", "languages", TABLE_TEXT},
	{"state", "", TABLE_TEXT},
};

static int is_there(const struct import *x, struct err *err)
{
	struct db_rows *rows;
	int there;

	if (db_query(x->ctl->db, STMT_IMPORT_IS_THERE, DB_P(db_text(x->public_id)), &rows, err) < 0)
		return -1;
	there = db_rows_count(rows) > 0;
	db_rows_free(&rows);
	return there;
}

static void tell_job(const struct import *x, bool there, struct table *t)
{
	struct strbuf languages;

	strbuf_init(&languages, (2 * LIMIT_LANGUAGES + 1) * LANGUAGE_SIZE);
	for (size_t i = 0; i < x->n_languages; i++) {
		strbuf_adds(&languages, i > 0 ? "," : "");
		strbuf_adds(&languages, x->languages[i]);
	}
	table_add(t, (struct table_value[]){
			     {.text = x->public_id},
			     {.i = (int64_t)x->job->n_lots},
			     {.text = languages.data},
			     {.text = there ? "there already, left as it is" : "imported"},
		     });
	strbuf_clear(&languages);
}

/* 0 or -1. Each is stored whole or not at all, so that the file can be imported again. */
static int import_jobs(struct import *x, struct table *t, struct err *err)
{
	for (size_t i = 0; i < x->file.n_jobs; i++) {
		int there;

		begin_job(x, i);
		if (x->n_languages > LIMIT_LANGUAGES + 1)
			return err_set(err, ERR_NEVER, 0, "job %s would have %zu languages",
				       x->public_id, x->n_languages);
		there = is_there(x, err);
		if (there < 0 || (there == 0 && db_tx(x->ctl->db, import_tx, x, err) < 0))
			return -1;
		tell_job(x, there > 0, t);
	}
	return 0;
}

static int print(struct ctl *ctl, const struct table *t)
{
	struct strbuf out;

	if (!ctl->json) {
		table_print(t, "", stdout);
		printf("\nbatchd reads what was stored, and shows the jobs then.\n");
		return EX_OK;
	}
	strbuf_init(&out, SIZE_MAX);
	table_json(t, &out);
	puts(out.data);
	strbuf_clear(&out);
	return EX_OK;
}

static int import_all(struct import *x)
{
	struct table *t = table_new(CTL_COLUMNS(columns), x->ctl->now);
	struct err err;
	int ret;

	ret = import_jobs(x, t, &err) < 0 ? ctl_fail(&err) : print(x->ctl, t);
	table_free(&t);
	return ret;
}

int ctl_import(struct ctl *ctl)
{
	struct import *x = must(calloc(1, sizeof(*x)));
	struct err err;
	int ret;

	x->ctl = ctl;
	ret = read_options(x);
	if (ret == EX_OK && import_file_read(ctl->operands[0], &x->file, &err) < 0)
		ret = ctl_error(EX_DATAERR, "%s", err.text);
	if (ret == EX_OK)
		ret = import_all(x);
	import_file_clear(&x->file);
	free(x);
	return ret;
}
