/* SPDX-License-Identifier: ISC */
#include "batchd/apply.h"

#include <stdlib.h>
#include <string.h>

#include "batchd/hold.h"
#include "batchd/settle.h"
#include "common/log.h"
#include "common/must.h"
#include "core/limits.h"

#define LINE_COLS 12 /* of STMT_BATCH_LINE_ADD */

/* One transaction's memory. */
struct apply_run {
	const struct chunk *c;
	struct batch_row b;
	struct settle_run settle;
	struct db_val *lines; /* with room for all of the chunk */
	size_t n_lines;
};

static void run_begin(struct apply_run *r, const struct chunk *c)
{
	memset(r, 0, sizeof(*r));
	r->c = c;
	settle_begin(&r->settle, c->d, c->n);
	r->lines = must(calloc((c->n + 1) * LINE_COLS, sizeof(struct db_val)));
}

static void run_end(struct apply_run *r)
{
	settle_end(&r->settle);
	free(r->lines);
}

/* --- lines --- */

/* A line that is no answer. What it cost, as far as it says, is its job's waste. */
static int add_line(struct apply_run *r, const struct apply_line *l, enum line_kind kind,
		    struct found *f, struct err *err)
{
	const struct result *res = &l->result;
	const struct spent s = settle_spent(&r->settle, f, res);
	struct db_val *v = &r->lines[r->n_lines++ * LINE_COLS];
	const size_t head = l->n < LIMIT_LINE_HEAD_BYTES ? l->n : LIMIT_LINE_HEAD_BYTES;

	v[0] = db_int(r->c->batch_id);
	v[1] = db_int(r->c->file_no);
	v[2] = db_int(l->offset);
	v[3] = db_text(line_kind_names[kind]);
	v[4] = f ? db_int(f->id) : db_null();
	v[5] = f ? db_int(f->attempt) : db_null();
	v[6] = db_text(res->code);
	v[7] = db_int(l->size);
	v[8] = db_bytes(l->text, f && f->is_deleted ? 0 : head);
	v[9] = db_int(s.input_tokens);
	v[10] = db_int(s.output_tokens);
	v[11] = db_int(s.cost);
	if (kind == LINE_UNSTORABLE || kind == LINE_TOO_LARGE)
		r->b.keep_files = true;
	return f && s.cost > 0 ? settle_waste(&r->settle, f, res, &s, err) : 0;
}

/* An answer that reaches this is its attempt's second. */
static enum line_kind kind_of_line(const struct apply_line *l)
{
	if (l->too_large)
		return LINE_TOO_LARGE;
	if (l->is_unstorable)
		return LINE_UNSTORABLE;
	if (l->result.kind == RESULT_BROKEN)
		return LINE_BROKEN;
	if (l->result.kind == RESULT_STRANGER)
		return LINE_STRANGER;
	if (l->result.kind == RESULT_ANSWER)
		return LINE_DUPLICATE;
	return l->result.kind == RESULT_VOID ? LINE_VOID : LINE_FAILURE;
}

static int take_line(struct apply_run *r, const struct apply_line *l, struct err *err)
{
	const struct result *res = &l->result;
	struct found *f;

	if (res->kind == RESULT_BROKEN || res->kind == RESULT_STRANGER)
		return add_line(r, l, kind_of_line(l), NULL, err);
	f = settle_find(&r->settle, res);
	if (!f)
		return add_line(r, l, LINE_STRANGER, NULL, err);
	if (!settle_takes(f, res) && add_line(r, l, kind_of_line(l), f, err) < 0)
		return -1;
	return settle_result(&r->settle, f, res, err);
}

/* --- the transaction --- */

/* The row and the items as they are; an adopted batch gets its attempts first. */
static int read_all(struct apply_run *r, struct db *db, struct err *err)
{
	struct batch_row *b = &r->b;
	int64_t adopted;

	if (batch_row_read(db, r->c->batch_id, b, err) < 1)
		return -1;
	if (b->is_adopted) {
		adopted = found_adopt(r->c, err);
		if (adopted < 0)
			return -1;
		b->n_items += adopted;
	}
	r->settle.is_twin = b->twin_of != 0;
	r->settle.n_items = b->n_items;
	r->settle.model = config_model_find(r->c->d->config, b->model);
	if (!r->settle.model)
		log_warning("model without prices, its cost is not counted batch=%lld model=%s",
			    (long long)b->id, b->model);
	return found_read(&r->settle.found, r->c, b->twin_of ? b->twin_of : b->id, err);
}

static int events(const struct apply_run *r, struct db *db, struct err *err)
{
	const struct settle_run *s = &r->settle;

	for (size_t i = 0; i < tally_jobs(s->tally); i++) {
		const int64_t job = tally_job(s->tally, i);
		int64_t n = 0;

		for (size_t k = 0; k < s->n_answers; k++)
			n += s->answers[k * ANSWER_COLS + 2].i == job;
		if (n > 0 && store_event(db, job, r->b.id, s->now, "answered", n, err,
					 "%lld answered from batch %lld", (long long)n,
					 (long long)r->b.id) < 0)
			return -1;
	}
	return 0;
}

static int write_all(struct apply_run *r, struct db *db, struct err *err)
{
	const int64_t *closed = r->settle.closed;

	if (db_bulk(db, STMT_BATCH_LINE_ADD, r->lines, r->n_lines, err) < 0 ||
	    events(r, db, err) < 0 || settle_write(&r->settle, db, err) < 0)
		return -1; /* what was answered stands before the end that it brings */
	r->b.n_answered += closed[ATTEMPT_ANSWERED];
	r->b.n_failed += closed[ATTEMPT_FAILED];
	r->b.n_void += closed[ATTEMPT_VOID];
	r->b.harvest_file = r->c->file_no;
	r->b.harvest_offset = r->c->end_offset;
	return batch_row_store(db, &r->b, err);
}

/* Outputs are read first: of a batch without one answer the whole recipe may be at fault. */
static void spare(const struct apply_run *r, struct chunk *c, struct result *res)
{
	if (c->file_no > 0 && r->b.n_answered == 0 && hold_spare(c->d, c->recipe_id, res))
		c->recipe_code = res->code;
}

static int apply_tx(struct db *db, void *arg, struct err *err)
{
	struct chunk *c = arg;
	struct apply_run r;
	int rc;

	run_begin(&r, c);
	c->stop_code = c->recipe_code = NULL;
	rc = read_all(&r, db, err);
	for (size_t i = 0; rc == 0 && i < c->n; i++) {
		struct result *res = &c->lines[i].result;

		spare(&r, c, res);
		rc = take_line(&r, &c->lines[i], err);
		if (res->scope == SCOPE_ALL && res->kind != RESULT_STRANGER)
			c->stop_code = res->code;
	}
	c->has_answers = r.settle.n_answers > 0;
	if (rc == 0)
		rc = write_all(&r, db, err);
	run_end(&r);
	return rc;
}

#define SMALL_HEAD 4096

/*
 * The line alone is refused for its content: it is its item's failure, for good, since asking
 * again would buy the same. Its head is kept, a short one where even that is refused, and the
 * file stays at the provider.
 */
static int apply_unstorable(const struct chunk *c, struct err *err)
{
	struct apply_line line = c->lines[0];
	struct chunk alone = *c;

	log_err("line not storable batch=%lld file=%d offset=%lld error=\"%s\"",
		(long long)c->batch_id, c->file_no, (long long)line.offset, err->text);
	line.is_unstorable = true;
	line.result.code = "unstorable";
	line.result.outcome = OUTCOME_NEVER;
	if (line.result.kind == RESULT_ANSWER || line.result.kind == RESULT_VOID)
		line.result.kind = RESULT_FAILURE;
	alone.lines = &line;
	if (daemon_tx(c->d, apply_tx, &alone, err) == 0)
		return 0;
	if (err->class != ERR_NEVER || line.n <= SMALL_HEAD)
		return -1;
	line.n = SMALL_HEAD;
	return daemon_tx(c->d, apply_tx, &alone, err);
}

/* What it says beyond its items. */
static void heed(const struct chunk *c)
{
	if (c->stop_code)
		daemon_stop_sending(c->d, c->stop_code, "lines of a result file say so");
	if (c->recipe_code)
		hold_doubt(c->d, c->recipe_id, c->recipe_code);
	if (c->has_answers)
		hold_answered(c->d, c->recipe_id, true);
}

int apply_chunk(const struct chunk *c, struct err *err)
{
	struct chunk part = *c;

	if (daemon_tx(c->d, apply_tx, &part, err) == 0) {
		heed(&part);
		return 0;
	}
	if (!db_err_is_refusal(err) || !lease_held(&c->d->lease))
		return -1;
	if (c->n == 1)
		return apply_unstorable(&part, err);
	part.n = c->n / 2;
	part.end_offset = c->lines[part.n].offset;
	if (apply_chunk(&part, err) < 0)
		return -1;
	part = *c;
	part.lines += c->n / 2;
	part.n -= c->n / 2;
	return apply_chunk(&part, err);
}
