/* SPDX-License-Identifier: ISC */
/*
 * repair: what becomes of stored answers that are no JSON, row by row, as batchd repairs them; and
 * the request that it does so now, or undoes it.
 */
#include <json-c/json_object.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "batchctl/ctl.h"
#include "common/must.h"
#include "common/store.h"
#include "core/json_schema.h"
#include "core/json_util.h"
#include "core/model.h"
#include "core/result_line.h"
#include "core/utf8.h"

#define SHOWN_BYTES 60 /* of a text, to a person */

/* Columns of STMT_REPAIR_ROWS. */
enum { ITEM, ATTEMPT, JOB, LOT, LANGUAGE, GRADE, RAW, SCHEMA, JOB_NO };

static const struct table_column columns[] = {
	{"item", "item", TABLE_INT},        {"attempt", "", TABLE_INT},
	{"job", "job", TABLE_TEXT},         {"lot", "lot", TABLE_TEXT},
	{"language", "", TABLE_TEXT},       {"was", "was", TABLE_TEXT},
	{"becomes", "becomes", TABLE_TEXT}, {"repaired", "repairs", TABLE_TEXT},
	{"before", "before", TABLE_TEXT},   {"after", "after", TABLE_TEXT},
	{"report", "report", TABLE_JSON},
};

struct repair {
	struct ctl *ctl;
	int64_t job; /* 0: all */
	struct table *table;
	/* the schema of the rows before; most have the same */
	char *schema_text;
	struct json_object *schema;
	int64_t *jobs; /* that have such answers, each once */
	size_t n_jobs, cap;
};

/* --- what becomes of an answer --- */

static int set_schema(struct repair *x, const char *text, struct err *err)
{
	if (x->schema_text && strcmp(x->schema_text, text) == 0)
		return 0;
	free(x->schema_text);
	json_object_put(x->schema);
	x->schema = NULL;
	x->schema_text = must(strdup(text));
	return text[0] ? json_schema_load(text, strlen(text), &x->schema, err) : 0;
}

/* A person sees how it begins. What is not UTF-8 is no text. */
static char *shown(const struct ctl *ctl, const char *text, size_t n)
{
	struct strbuf out;
	size_t most = ctl->json || n <= SHOWN_BYTES ? n : SHOWN_BYTES;
	char *copy;

	strbuf_init(&out, 4 * n + 8);
	for (size_t i = 0, step; i < most; i += step) {
		step = utf8_sequence(text + i, n - i);
		if (step == 0) {
			strbuf_adds(&out, "\xef\xbf\xbd");
			step = 1;
		} else if (!ctl->json && step == 1 && (unsigned char)text[i] < 0x20) {
			strbuf_addc(&out, ' ');
		} else {
			strbuf_add(&out, text + i, step);
		}
	}
	strbuf_adds(&out, most < n ? "..." : "");
	copy = must(strdup(out.data));
	strbuf_clear(&out);
	return copy;
}

static void tell_row(struct repair *x, const struct db_rows *r, const struct repaired *to,
		     const char *raw, size_t n)
{
	const char *code;
	const enum grade grade = repaired_grade(to, false, &code);
	char *before = shown(x->ctl, raw, n), *after = NULL;
	char classes[65];
	struct strbuf report;

	if (grade >= GRADE_SALVAGED && to->verdict != REPAIR_UNCHANGED)
		after = shown(x->ctl, to->text.data, to->text.len);
	repair_list(&to->report, classes, sizeof(classes));
	strbuf_init(&report, 8192);
	strbuf_addc(&report, '{');
	repaired_tell(to, &report);
	strbuf_addc(&report, '}');
	table_add(x->table, (struct table_value[]){
				    {.i = db_get_int(r, ITEM)},
				    {.i = db_get_int(r, ATTEMPT)},
				    {.text = db_get_text(r, JOB, NULL)},
				    {.text = db_get_text(r, LOT, NULL)},
				    {.text = db_get_text(r, LANGUAGE, NULL)},
				    {.text = db_get_text(r, GRADE, NULL)},
				    {.text = grade_names[grade]},
				    {.text = classes[0] ? classes : NULL},
				    {.text = before},
				    {.text = after},
				    {.text = report.data},
			    });
	strbuf_clear(&report);
	free(before);
	free(after);
}

static void add_job(struct repair *x, int64_t job)
{
	for (size_t i = x->n_jobs; i > 0; i--) { /* neighbours often share a job */
		if (x->jobs[i - 1] == job)
			return;
	}
	if (x->n_jobs == x->cap) {
		x->cap = x->cap ? 2 * x->cap : 16;
		x->jobs = must(reallocarray(x->jobs, x->cap, sizeof(*x->jobs)));
	}
	x->jobs[x->n_jobs++] = job;
}

static int look_at_row(struct repair *x, const struct db_rows *r, struct err *err)
{
	struct repair_rules rules = {.object = true};
	struct repaired to;
	size_t n;
	const char *raw = db_get_text(r, RAW, &n);

	if (set_schema(x, db_get_text(r, SCHEMA, NULL), err) < 0)
		return -1;
	rules.schema = x->schema;
	repair_text(raw, n, &rules, &to);
	tell_row(x, r, &to, raw, n);
	repaired_clear(&to);
	add_job(x, db_get_int(r, JOB_NO));
	return 0;
}

/* A page of items, from *place on, which moves. 1: more, 0, -1. */
static int look_at_page(struct repair *x, int64_t *place, struct err *err)
{
	struct db *db = x->ctl->db;
	struct db_rows *r;
	int64_t end;
	int rc = 0;

	if (db_query(db, STMT_REPAIR_PAGE, DB_P(db_int(*place)), &r, err) < 0)
		return -1;
	end = db_next(r) ? db_get_int(r, 0) : 0;
	db_rows_free(&r);
	if (end == 0)
		return 0;
	if (db_query(db, STMT_REPAIR_ROWS, DB_P(db_int(*place), db_int(end), db_int(x->job)), &r,
		     err) < 0)
		return -1;
	while (rc == 0 && db_next(r))
		rc = look_at_row(x, r, err);
	db_rows_free(&r);
	*place = end;
	return rc < 0 ? -1 : 1;
}

/* --- asking batchd --- */

struct request {
	const int64_t *jobs;
	size_t n;
	enum command kind;
	int64_t item;
};

static int request_tx(struct db *db, void *arg, struct err *err)
{
	const struct request *q = arg;

	for (size_t i = 0; i < q->n; i++) {
		if (db_exec(db, STMT_REPAIR_REQUEST,
			    DB_P(db_int(q->jobs[i]), db_text(command_names[q->kind]),
				 q->item ? db_int(q->item) : db_null()),
			    err) < 0)
			return -1;
	}
	return store_wake(db, err);
}

/* --- the verb --- */

static int print(const struct repair *x)
{
	struct strbuf out;

	if (x->ctl->json) {
		strbuf_init(&out, SIZE_MAX);
		table_json(x->table, &out);
		puts(out.data);
		strbuf_clear(&out);
		return EX_OK;
	}
	table_print(x->table, "", stdout);
	if (table_rows(x->table) == 0)
		printf("Every stored answer is JSON, or was made so.\n");
	else if (x->ctl->dry_run)
		printf("\nNothing was changed.\n");
	else
		printf("\nbatchd repairs them; batchctl repair --undo ID undoes it.\n");
	return EX_OK;
}

static int look_and_ask(struct repair *x)
{
	struct request q = {.kind = COMMAND_REPAIR};
	int64_t place = 0;
	struct err err;
	int rc;

	while ((rc = look_at_page(x, &place, &err)) > 0)
		;
	q.jobs = x->jobs;
	q.n = x->n_jobs;
	if (rc == 0 && q.n > 0 && !x->ctl->dry_run)
		rc = db_tx(x->ctl->db, request_tx, &q, &err);
	return rc < 0 ? ctl_fail(&err) : print(x);
}

static int read_int(struct ctl *ctl, enum stmt s, const struct db_val *v, size_t n, int64_t *out,
		    struct err *err)
{
	struct db_rows *r;

	if (db_query(ctl->db, s, v, n, &r, err) < 0)
		return -1;
	*out = db_next(r) ? db_get_int(r, 0) : 0;
	db_rows_free(&r);
	return 0;
}

/* The job of an item, or by its own id. 0 or an exit code. */
static int find_undone(struct ctl *ctl, int64_t *job, int64_t *item)
{
	struct err err;
	struct id id;

	if (id_parse(ctl->undo, ID_JOB | ID_ITEM, &id, &err) != 0)
		return ctl_error(EX_USAGE, "%s", err.text);
	*item = 0;
	if (id.kind == ID_JOB)
		return ctl_find_job(ctl, id.uuid, job);
	*item = id.no;
	if (read_int(ctl, STMT_REPAIR_ITEM_JOB, DB_P(db_int(id.no)), job, &err) < 0)
		return ctl_fail(&err);
	return *job != 0 ? EX_OK : ctl_error(EX_NOINPUT, "there is no item %lld", (long long)id.no);
}

static int undo(struct ctl *ctl)
{
	int64_t job, n, runs;
	struct request q = {.jobs = &job, .n = 1, .kind = COMMAND_UNDO};
	struct err err;
	int ret = find_undone(ctl, &job, &q.item);

	if (ret != EX_OK)
		return ret;
	if (read_int(ctl, STMT_REPAIR_JOB_RUNS, DB_P(db_int(job)), &runs, &err) < 0 ||
	    read_int(ctl, STMT_REPAIR_UNDO_COUNT, DB_P(db_int(job), db_int(q.item)), &n, &err) < 0)
		return ctl_fail(&err);
	if (runs != 0)
		return ctl_error(
			EX_UNAVAILABLE,
			"the job is running, and its answers are being used: end it first");
	if (n > 0 && db_tx(ctl->db, request_tx, &q, &err) < 0)
		return ctl_fail(&err);
	if (ctl->json)
		printf("{\"answers\":%lld}\n", (long long)n);
	else if (n > 0)
		printf("Asked for: batchd makes %lld answers what they were.\n", (long long)n);
	else
		printf("No answer of it was repaired in store; nothing was changed.\n");
	return EX_OK;
}

int ctl_repair(struct ctl *ctl)
{
	struct repair x = {.ctl = ctl};
	int ret = EX_OK;
	struct err err;
	struct id id;

	if (ctl->undo && (ctl->dry_run || ctl->job))
		return ctl_error(EX_USAGE, "--undo goes with neither --dry-run nor --job");
	if (ctl->undo)
		return undo(ctl);
	if (ctl->job && id_parse(ctl->job, ID_JOB, &id, &err) != 0)
		return ctl_error(EX_USAGE, "%s", err.text);
	if (ctl->job)
		ret = ctl_find_job(ctl, id.uuid, &x.job);
	if (ret != EX_OK)
		return ret;
	x.table = table_new(CTL_COLUMNS(columns), ctl->now);
	ret = look_and_ask(&x);
	table_free(&x.table);
	json_object_put(x.schema);
	free(x.schema_text);
	free(x.jobs);
	return ret;
}
