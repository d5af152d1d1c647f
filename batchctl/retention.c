/* SPDX-License-Identifier: ISC */
/*
 * retention: what is older than the configuration keeps. Jobs go as by a client's DELETE: hidden
 * here, a page at a time; batchd removes their content, and the photographs of jobs that are kept.
 * Asked twice, it finds less to do.
 */
#include <stdio.h>
#include <sysexits.h>
#include <time.h>

#include "batchctl/ctl.h"
#include "common/store.h"
#include "core/limits.h"
#include "core/model.h"
#include "core/timemath.h"

#define PAGE_JOBS 200 /* as the LIMIT of STMT_RETENTION_PAGE */
/* Front ends and batchd read each job that changed, 1,000 a tick at least: a page does not outrun them. */
#define PAUSE_MS 200

static const struct table_column columns[] = {
	{"what", "what", TABLE_TEXT},          {"count", "count", TABLE_INT},
	{"oldest", "oldest", TABLE_AGE},       {"bytes", "bytes", TABLE_INT},
	{"before", "from before", TABLE_TIME},
};

enum what { JOBS, IMAGES, BATCHES, WHAT_COUNT };

struct retention {
	struct ctl *ctl;
	struct table *table;
	int64_t jobs_before, images_before;
	int64_t count[WHAT_COUNT];
};

/* --- what there is --- */

static int look(struct retention *x, enum what what, enum stmt s, const struct db_val *params,
		size_t n, struct err *err)
{
	struct db_rows *rows;
	const char *name;

	if (db_query(x->ctl->db, s, params, n, &rows, err) < 0)
		return -1;
	db_next(rows);
	name = db_get_text(rows, 0, NULL);
	x->count[what] = db_get_int(rows, 1);
	table_add(x->table, (struct table_value[]){
				    {.text = name},
				    {.i = db_get_int(rows, 1)},
				    {.i = db_get_time(rows, 2)},
				    {.i = db_get_int(rows, 3)},
				    {.i = db_get_time(rows, 4)},
			    });
	db_rows_free(&rows);
	return 0;
}

static int look_at_all(struct retention *x, struct err *err)
{
	const struct db_val jobs = db_time(x->jobs_before), images = db_time(x->images_before);

	if (look(x, JOBS, STMT_RETENTION_JOBS, DB_P(jobs, jobs, jobs), err) < 0 ||
	    look(x, IMAGES, STMT_RETENTION_IMAGES, DB_P(images, images, images), err) < 0 ||
	    look(x, BATCHES, STMT_RETENTION_BATCHES, DB_P(jobs, jobs, jobs), err) < 0)
		return -1;
	return 0;
}

/* --- asking batchd --- */

struct page {
	int64_t before;
	size_t n;
};

/* Hide some jobs, and ask for their removal. What all touch, wake, is locked last. */
static int page_tx(struct db *db, void *arg, struct err *err)
{
	struct page *p = arg;
	struct db_val hide[PAGE_JOBS * 2], ask[PAGE_JOBS * 5];
	struct db_rows *rows;
	int64_t now;
	int rc = 0;

	if (store_now(db, &now, err) < 0 ||
	    db_query(db, STMT_RETENTION_PAGE, DB_P(db_time(p->before)), &rows, err) < 0)
		return -1;
	for (p->n = 0; p->n < PAGE_JOBS && db_next(rows); p->n++) {
		const struct db_val job = db_int(db_get_int(rows, 0));
		const char *end = db_get_text(rows, 1, NULL);

		hide[2 * p->n] = db_time(now);
		hide[2 * p->n + 1] = job;
		ask[5 * p->n] = job;
		ask[5 * p->n + 1] = db_text(command_names[COMMAND_DELETE]);
		ask[5 * p->n + 2] = db_null();
		ask[5 * p->n + 3] = db_text(end ? end : job_end_codes[END_DEADLINE]);
		ask[5 * p->n + 4] = db_time(now);
	}
	if (p->n > 0 &&
	    (db_bulk(db, STMT_COMMAND_HIDE, hide, p->n, err) < 0 ||
	     db_bulk(db, STMT_COMMAND_REQUEST, ask, p->n, err) < 0 || store_wake(db, err) < 0))
		rc = -1;
	db_rows_free(&rows); /* texts were borrowed */
	return rc;
}

static int ask_jobs(struct retention *x, struct err *err)
{
	const struct timespec pause = {.tv_nsec = PAUSE_MS * 1000000L};
	struct page p = {.before = x->jobs_before};

	while (db_tx(x->ctl->db, page_tx, &p, err) == 0) {
		if (p.n < PAGE_JOBS)
			return 0;
		nanosleep(&pause, NULL);
	}
	return -1;
}

static int ask_old_tx(struct db *db, void *arg, struct err *err)
{
	const struct retention *x = arg;

	if (x->count[IMAGES] > 0 &&
	    db_exec(db, STMT_RETENTION_OLD,
		    DB_P(db_text(command_names[COMMAND_IMAGES]), db_time(x->images_before)),
		    err) < 0)
		return -1;
	if (x->count[BATCHES] > 0 &&
	    db_exec(db, STMT_RETENTION_OLD,
		    DB_P(db_text(command_names[COMMAND_BATCHES]), db_time(x->jobs_before)),
		    err) < 0)
		return -1;
	return store_wake(db, err);
}

/* --- the verb --- */

static void print(const struct retention *x)
{
	struct strbuf out;

	if (x->ctl->json) {
		strbuf_init(&out, LIMIT_STATUS_BYTES);
		table_json(x->table, &out);
		puts(out.data);
		strbuf_clear(&out);
		return;
	}
	table_print(x->table, "", stdout);
	puts(x->ctl->dry_run ? "\nNothing was changed."
			     : "\nAsked for: batchd removes them in the background.");
}

int ctl_retention(struct ctl *ctl)
{
	struct retention x = {
		.ctl = ctl,
		.jobs_before = t_sub(ctl->now, ctl->config->job.retention),
		.images_before = t_sub(ctl->now, ctl->config->job.image_retention),
	};
	struct err err;
	int ret = EX_OK;

	x.table = table_new(CTL_COLUMNS(columns), ctl->now);
	if (look_at_all(&x, &err) < 0 ||
	    (!ctl->dry_run && (ask_jobs(&x, &err) < 0 || db_tx(ctl->db, ask_old_tx, &x, &err) < 0)))
		ret = ctl_fail(&err);
	else
		print(&x);
	table_free(&x.table);
	return ret;
}
