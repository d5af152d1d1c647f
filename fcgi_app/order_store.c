/* SPDX-License-Identifier: ISC */
/* order_store: see order_store.h. */
#include "fcgi_app/order_store.h"

#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/store.h"
#include "core/limits.h"
#include "core/uuid.h"
#include "fcgi_app/order_chunk.h"

#define SMALL_ITEMS 1000
#define SMALL_BYTES (8u << 20)
/* Between looks after a COMMIT whose answer was lost. */
#define LOOK_PAUSE_NS (50L * 1000 * 1000)

struct intake {
	struct call *call;
	const struct order *order;
	const struct order_terms *terms;
	const char *public_id;
	int64_t account_id;
	struct order_iter iter;
	struct order_lot lot;
	struct order_chunk chunk;
	struct strbuf *status_json;
};

/*
 * Language 0 is the description; what the client described is done, and its translations are ready.
 */
static int add_languages(struct db *db, const struct intake *in, struct err *err)
{
	const struct order *o = in->order;
	const size_t given = o->described_count;
	struct db_val vals[(LIMIT_LANGUAGES + 1) * 7];
	struct db_val *v = vals;

	for (size_t no = 0; no <= o->language_count; no++) {
		const size_t ready = no == 0 ? o->lot_count - given : given;

		*v++ = db_int(in->chunk.job_id);
		*v++ = db_int((int64_t)no);
		*v++ = db_text(no == 0 ? LANGUAGE_OF_DESCRIPTIONS : o->languages[no - 1]);
		*v++ = db_int((int64_t)o->lot_count);
		*v++ = db_int((int64_t)ready);
		*v++ = db_int(no == 0 ? (int64_t)given : 0);
		*v++ = ready ? db_time(in->terms->now) : db_null();
	}
	return db_bulk(db, STMT_FRONT_LANGUAGE_ADD, vals, o->language_count + 1, err) < 0 ? -1 : 0;
}

/* The recipes, the job's row, not visible yet, and its languages. */
static int begin(struct db *db, void *arg, struct err *err)
{
	struct intake *in = arg;
	const struct order *o = in->order;
	const int64_t now = in->terms->now;
	struct strbuf metadata;
	int64_t describe;
	int64_t translate;
	int rc;

	if (claim_take(in->terms->claim, db, in->public_id, err) < 0)
		return -1;
	if (recipe_store(db, &in->call->app->describe, now, &describe, err) < 0 ||
	    recipe_store(db, &in->call->app->translate, now, &translate, err) < 0)
		return -1;
	strbuf_init(&metadata, LIMIT_METADATA_BYTES);
	strbuf_add(&metadata, o->metadata.p, o->metadata.n);
	rc = db_exec(db, STMT_FRONT_JOB_ADD,
		     DB_P(db_text(in->public_id), db_int(in->account_id), db_text(o->name.data),
			  db_int((int64_t)o->lot_count), db_int(describe), db_int(translate),
			  db_text(o->instructions.len ? o->instructions.data : NULL),
			  db_text(metadata.len ? metadata.data : NULL),
			  db_text(o->callback_url.len ? o->callback_url.data : NULL), db_time(now),
			  db_time(now), db_time(now), db_time(in->terms->deadline_at)),
		     err) < 0
		     ? -1
		     : 0;
	strbuf_clear(&metadata);
	if (rc < 0)
		return -1;
	in->chunk.job_id = (int64_t)db_insert_id(db);
	return add_languages(db, in, err);
}

static int copy_status(struct db *db, const struct intake *in, struct err *err)
{
	struct db_rows *rows;
	const char *text;
	size_t n;
	int rc = 0;

	if (db_query(db, STMT_FRONT_JOB, DB_P(db_text(in->public_id)), &rows, err) < 0)
		return -1;
	strbuf_reset(in->status_json);
	if (db_next(rows)) {
		text = db_get_text(rows, 6, &n);
		strbuf_add(in->status_json, text, n);
	} else {
		rc = err_set(err, ERR_BUG, 0, "job %s is not to be seen", in->public_id);
	}
	db_rows_free(&rows);
	return rc;
}

/* Show the job. The wake row, which all orders touch, is locked last. */
static int finish(struct db *db, void *arg, struct err *err)
{
	struct intake *in = arg;
	const struct order *o = in->order;
	const int64_t job_id = in->chunk.job_id;
	const int64_t now = in->terms->now;
	int64_t shown;

	if (claim_go_on(in->terms->claim, db, in->public_id, err) < 0)
		return -1;
	shown = db_exec(db, STMT_FRONT_JOB_SHOW, DB_P(db_int(job_id)), err);
	if (shown != 1)
		return shown < 0 ? -1
				 : err_set(err, ERR_NEVER, 0, "job %" PRId64 " was swept", job_id);
	if (store_event(db, job_id, 0, now, "ordered", (int64_t)o->lot_count, err,
			"%zu lots, %zu translations each", o->lot_count, o->language_count) < 0 ||
	    store_job_refresh(db, job_id, NULL, now, NULL, err) < 0 || copy_status(db, in, err) < 0)
		return -1;
	return store_wake(db, err);
}

static void rewind_lots(struct intake *in)
{
	order_lots_begin(in->order, &in->iter);
}

static int all_at_once(struct db *db, void *arg, struct err *err)
{
	struct intake *in = arg;
	int n;

	rewind_lots(in);
	if (begin(db, in, err) < 0)
		return -1;
	while ((n = order_chunk_fill(&in->chunk, &in->iter, &in->lot, err)) > 0)
		if (order_chunk_write(&in->chunk, db, err) < 0)
			return -1;
	return n < 0 ? -1 : finish(db, in, err);
}

static int one_chunk(struct db *db, void *arg, struct err *err)
{
	struct intake *in = arg;

	if (claim_go_on(in->terms->claim, db, in->public_id, err) < 0)
		return -1;
	return order_chunk_write(&in->chunk, db, err);
}

/*
 * 1: the job is there and visible, 0: it is not and never will be, -1: cannot be told. The lock
 * waits for a COMMIT that still runs. Looks again while the call has time.
 */
static int look(struct db *db, const struct intake *in, struct err *err)
{
	struct db_rows *rows;
	int seen;

	while (db_query(db, STMT_FRONT_JOB_LOOK, DB_P(db_text(in->public_id)), &rows, err) < 0) {
		if (db_out_of_time(db))
			return -1;
		nanosleep(&(struct timespec){.tv_nsec = LOOK_PAUSE_NS}, NULL);
	}
	seen = db_next(rows) && db_get_int(rows, 0) != 0;
	db_rows_free(&rows);
	if (seen && copy_status(db, in, err) < 0)
		return -1;
	return seen;
}

/*
 * Run the transaction that shows the job; where its end was not seen, look, and run it once more.
 */
static int run_last(struct db *db, db_tx_fn *fn, struct intake *in, struct err *err)
{
	for (int again = 0;; again++) {
		int seen;

		if (db_tx(db, fn, in, err) == 0)
			return 0;
		if (err->class != ERR_UNKNOWN || again > 0)
			return -1;
		log_warning("commit unknown job=%s error=\"%s\"", in->public_id, err->text);
		seen = look(db, in, err);
		if (seen != 0)
			return seen > 0 ? 0
					: err_set(err, ERR_UNKNOWN, 0,
						  "the outcome could not be read");
	}
}

static int store_large(struct db *db, struct intake *in, struct err *err)
{
	int n;

	if (db_tx(db, begin, in, err) < 0)
		return -1;
	rewind_lots(in);
	while ((n = order_chunk_fill(&in->chunk, &in->iter, &in->lot, err)) > 0) {
		if (db_tx(db, one_chunk, in, err) < 0)
			break;
		call_progress(in->call);
	}
	if (n != 0) {
		/* Nothing is visible; this is no doubt about the order. */
		if (err->class == ERR_UNKNOWN)
			err->class = ERR_LATER;
		return -1;
	}
	return run_last(db, finish, in, err);
}

static bool is_small(const struct order *o, const struct order_terms *terms)
{
	return o->lot_count * (1 + o->language_count) <= SMALL_ITEMS &&
	       terms->body_bytes <= SMALL_BYTES;
}

static void new_id(char out[UUID_TEXT_SIZE])
{
	uint8_t random[16];

	clock_random(random, sizeof(random));
	uuid_v4(random, out);
}

static void tell(struct call *c, const struct err *err)
{
	if (err->class == ERR_UNKNOWN) {
		log_err("order unknown job=%s error=\"%s\"", c->job_id, err->text);
		call_problem(
			c, PROBLEM_DATABASE,
			"the database went away before it told whether it has the order: it may have been "
			"stored, then as job %s",
			c->job_id);
		return;
	}
	call_fail(c, err);
}

int order_store(struct call *c, const struct order *order, const struct order_terms *terms,
		struct strbuf *status_json)
{
	struct intake in = {
		.call = c,
		.order = order,
		.terms = terms,
		.public_id = c->job_id,
		.account_id = c->caller.account_id,
		.status_json = status_json,
	};
	struct db *db = c->database->db;
	struct err err = {0};
	int rc;

	new_id(c->job_id);
	order_lot_init(&in.lot);
	order_chunk_init(&in.chunk, c, order, terms->now);
	rc = is_small(order, terms) ? run_last(db, all_at_once, &in, &err)
				    : store_large(db, &in, &err);
	order_chunk_clear(&in.chunk);
	order_lot_clear(&in.lot);
	if (rc < 0 && !terms->claim->lost)
		tell(c, &err);
	return rc;
}
