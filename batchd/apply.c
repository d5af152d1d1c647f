/* SPDX-License-Identifier: ISC */
#include "batchd/apply.h"

#include <stdlib.h>
#include <string.h>

#include "batchd/settle.h"
#include "common/log.h"
#include "core/timemath.h"

#define MOVE_COLS 6

/* The items as they have become. */
static int settle_items(const struct settle_run *r, struct db *db, struct err *err)
{
	struct db_val *moves = calloc(r->found.n + 1, MOVE_COLS * sizeof(*moves));
	size_t n = 0;
	int64_t rc;

	if (!moves)
		abort();
	for (size_t i = 0; i < r->found.n; i++) {
		const struct found *f = &r->found.items[i];
		struct db_val *v = &moves[n * MOVE_COLS];

		if (!f->changed)
			continue;
		n++;
		v[0] = db_text(item_state_names[f->state]);
		v[1] = f->code[0] ? db_text(f->code) : db_null();
		v[2] = db_int(f->burned);
		v[3] = db_int(f->repeats);
		v[4] = f->has_answer_no ? db_int(f->answer_no) : db_null();
		v[5] = db_int(f->id);
	}
	rc = db_bulk_sets(db, STMT_ITEM_SETTLE, moves, n, err);
	free(moves);
	return rc < 0 ? -1 : 0;
}

static int events(struct settle_run *r, struct db *db, struct err *err)
{
	for (size_t i = 0; i < tally_jobs(r->tally); i++) {
		const int64_t job = tally_job(r->tally, i);
		int64_t n = 0;

		for (size_t k = 0; k < r->n_answers; k++)
			n += r->answers[k * ANSWER_COLS + 2].i == job;
		if (n > 0 && store_event(db, job, r->b.id, r->now, "answered", n, err,
					 "%lld answered from batch %lld", (long long)n,
					 (long long)r->b.id) < 0)
			return -1;
	}
	return 0;
}

/* What came back without having run is not sent again at once: the provider had its reason. */
static int64_t ready_at(const struct settle_run *r)
{
	for (size_t i = 0; i < r->n_attempts; i++) {
		const struct db_val *outcome = &r->attempts[i * ATTEMPT_COLS];

		if (outcome->n == 4 && memcmp(outcome->p, "void", 4) == 0)
			return t_add(r->now, r->c->d->config->batch.poll_interval);
	}
	return r->now;
}

static int write_all(struct settle_run *r, struct db *db, struct err *err)
{
	if (db_bulk(db, STMT_ANSWER_ADD, r->answers, r->n_answers, err) < 0 ||
	    db_bulk(db, STMT_BATCH_LINE_ADD, r->lines, r->n_lines, err) < 0 ||
	    db_bulk_sets(db, STMT_ATTEMPT_CLOSE, r->attempts, r->n_attempts, err) < 0 ||
	    settle_items(r, db, err) < 0 ||
	    tally_fail_blocked(r->tally, db, r->failed, r->n_failed, err) < 0 ||
	    tally_unblock(r->tally, db, r->unblock, r->n_unblock, err) < 0 ||
	    (r->c->way == WAY_BATCH && events(r, db, err) < 0) ||
	    tally_apply(r->tally, db, r->now, ready_at(r), err) < 0)
		return -1;
	if (r->c->way != WAY_BATCH)
		return 0;
	r->b.harvest_file = r->c->file_no;
	r->b.harvest_offset = r->c->end_offset;
	return batch_row_store(db, &r->b, err);
}

static void run_init(struct settle_run *r, const struct chunk *c)
{
	const size_t n = c->n + 1;

	memset(r, 0, sizeof(*r));
	r->c = c;
	r->now = daemon_now(c->d);
	r->tally = tally_new(c->d);
	r->answers = calloc(n * ANSWER_COLS, sizeof(struct db_val));
	r->lines = calloc(n * LINE_COLS, sizeof(struct db_val));
	r->attempts = calloc(n * ATTEMPT_COLS, sizeof(struct db_val));
	r->unblock = calloc(n, sizeof(*r->unblock));
	r->failed = calloc(n, sizeof(*r->failed));
	if (!r->answers || !r->lines || !r->attempts || !r->unblock || !r->failed)
		abort();
}

static void run_clear(struct settle_run *r)
{
	found_clear(&r->found);
	free(r->answers);
	free(r->lines);
	free(r->attempts);
	free(r->unblock);
	free(r->failed);
	tally_free(&r->tally);
}

/* The row and the items as they are; an adopted batch gets its attempts first. */
static int read_all(struct settle_run *r, struct db *db, struct err *err)
{
	int64_t adopted;

	if (r->c->way != WAY_BATCH) {
		r->model = config_model_find(r->c->d->config, r->c->model);
		return found_read(&r->found, r->c, &r->b, err);
	}
	if (batch_row_read(db, r->c->batch_id, &r->b, err) < 1)
		return -1;
	if (r->b.is_adopted) {
		adopted = found_adopt(r->c, err);
		if (adopted < 0)
			return -1;
		r->b.n_items += adopted;
	}
	r->model = config_model_find(r->c->d->config, r->b.model);
	if (!r->model)
		log_warning("model without prices, its cost is not counted batch=%lld model=%s",
			    (long long)r->b.id, r->b.model);
	return found_read(&r->found, r->c, &r->b, err);
}

static int apply_tx(struct db *db, void *arg, struct err *err)
{
	struct chunk *c = arg;
	struct settle_run r;
	int rc;

	run_init(&r, c);
	c->stop_code = NULL;
	rc = read_all(&r, db, err);
	for (size_t i = 0; rc == 0 && i < c->n; i++) {
		const struct result *res = &c->lines[i].result;

		rc = settle_line(&r, &c->lines[i], err);
		if (res->scope == SCOPE_ALL && res->kind != RESULT_STRANGER)
			c->stop_code = res->code;
	}
	if (rc == 0)
		rc = write_all(&r, db, err);
	run_clear(&r);
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

/*
 * Refused for what is in it: not a lost race, a lost connection, or a statement that
 * the schema does not know.
 */
static bool is_refusal(const struct err *err)
{
	static const int ours[] = {1054, 1064, 1142, 1146, 1243};

	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++) {
		if (err->detail == ours[i])
			return false;
	}
	return err->class == ERR_NEVER || (err->class == ERR_BUG && err->detail != 0);
}

int apply_chunk(const struct chunk *c, struct err *err)
{
	struct chunk part = *c;

	if (daemon_tx(c->d, apply_tx, &part, err) == 0) {
		if (part.stop_code)
			daemon_stop_sending(c->d, part.stop_code, "lines of a result file say so");
		return 0;
	}
	if (!is_refusal(err) || !lease_held(&c->d->lease))
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
