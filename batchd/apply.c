/* SPDX-License-Identifier: ISC */
#include "batchd/apply.h"

#include <stdlib.h>
#include <string.h>

#include "batchd/found.h"
#include "batchd/items.h"
#include "common/log.h"
#include "core/limits.h"
#include "core/timemath.h"

struct run { /* one transaction */
	const struct chunk *c;
	struct batch_row b;
	const struct config_model *model;
	int64_t now;
	struct found_list found;
	struct tally *tally;
	struct db_val *answers, *lines, *attempts, *moves;
	size_t n_answers, n_lines, n_attempts, n_moves;
	struct lot_unblock *unblock;
	struct lot_key *failed;
	size_t n_unblock, n_failed;
};

#define ANSWER_COLS  15
#define LINE_COLS    12
#define ATTEMPT_COLS 4
#define MOVE_COLS    6

struct spent {
	int64_t input_tokens, output_tokens, cost; /* all 0 where the cost is */
};

static struct spent spent_on(const struct run *r, const struct result *res)
{
	const struct config_model *m = r->model;
	struct spent s = {.input_tokens = res->input_tokens, .output_tokens = res->output_tokens};

	if (m) {
		const struct prices p = {.input = m->price_input,
					 .cached = m->price_cached,
					 .output = m->price_output,
					 .factor_ppm = m->batch_factor_ppm};

		s.cost = result_cost(res->input_tokens, res->cached_tokens, res->output_tokens, &p);
	}
	return s;
}

/* Into the job's cost; what was not of use is wasted. The job is locked. */
static void book(struct run *r, const struct found *f, const struct spent *s, bool is_wasted)
{
	struct job_patch *patch = tally_patch(r->tally, f->job);

	patch->cost += s->cost;
	patch->wasted += is_wasted ? s->cost : 0;
	patch->input_tokens += s->input_tokens;
	patch->output_tokens += s->output_tokens;
}

/*
 * The line of one request twice was paid once. A batch that was created
 * twice ran each request twice.
 */
static bool is_repeated(const struct run *r, const struct found *f, const struct result *res)
{
	if (!f || !f->is_answered)
		return false;
	return res->request_id[0] ? strcmp(res->request_id, f->request_id) == 0 : !r->b.twin_of;
}

static void set_request(struct found *f, const struct result *res)
{
	memcpy(f->request_id, res->request_id, sizeof(f->request_id));
}

/* A line that is no answer. What it cost, as far as it says, is its job's waste. */
static int add_line(struct run *r, const struct apply_line *l, enum line_kind kind, struct found *f,
		    struct err *err)
{
	const struct result *res = &l->result;
	struct db_val *v = &r->lines[r->n_lines++ * LINE_COLS];
	const size_t head = l->n < LIMIT_LINE_HEAD_BYTES ? l->n : LIMIT_LINE_HEAD_BYTES;
	struct spent s = {0};

	if (!is_repeated(r, f, res))
		s = spent_on(r, res);
	if (s.cost == 0)
		s = (struct spent){0};
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
	if (!f || s.cost == 0)
		return 0;
	if (tally_lock(r->tally, r->c->d->db, f->job, NULL, err) < 0)
		return -1;
	book(r, f, &s, true);
	set_request(f, res);
	return 0;
}

static int64_t *count_of(struct batch_row *b, enum attempt_outcome outcome)
{
	return outcome == ATTEMPT_ANSWERED ? &b->n_answered
	       : outcome == ATTEMPT_VOID   ? &b->n_void
					   : &b->n_failed;
}

static void close_attempt(struct run *r, struct found *f, enum attempt_outcome outcome,
			  const char *code)
{
	struct db_val *v = &r->attempts[r->n_attempts++ * ATTEMPT_COLS];

	v[0] = db_text(attempt_outcome_names[outcome]);
	v[1] = db_text(code);
	v[2] = db_int(f->id);
	v[3] = db_int(f->attempt);
	if (f->outcome != ATTEMPT_OPEN) /* answered after all */
		--*count_of(&r->b, f->outcome);
	f->outcome = outcome;
	++*count_of(&r->b, outcome);
}

static void add_answer(struct run *r, const struct result *res, const struct found *f, int64_t cost,
		       bool unused)
{
	struct db_val *v = &r->answers[r->n_answers++ * ANSWER_COLS];

	v[0] = db_int(f->id);
	v[1] = db_int(f->attempt);
	v[2] = db_int(f->job);
	v[3] = db_text(grade_names[res->grade]);
	v[4] = db_text(res->code);
	v[5] = f->is_deleted || !res->text ? db_text("") : db_bytes(res->text, res->text_n);
	v[6] = db_null();
	v[7] = db_text("batch");
	v[8] = db_text(res->model);
	v[9] = db_text(res->request_id);
	v[10] = db_int(res->input_tokens);
	v[11] = db_int(res->cached_tokens);
	v[12] = db_int(res->output_tokens);
	v[13] = db_int(cost);
	v[14] = db_int(unused);
}

/* A description is there: its translations can be asked for. */
static int unblock(struct run *r, const struct found *f, const struct result *res, struct err *err)
{
	const struct daemon *d = r->c->d;
	const struct recipe *recipe = recipe_get(d->recipes, d->db, f->translate_recipe, err);
	struct estimate e;

	if (!recipe)
		return -1;
	e = recipe_estimate_translation(recipe, f->instructions, res->text, res->text_n);
	r->unblock[r->n_unblock++] = (struct lot_unblock){
		.job = f->job,
		.seq = f->lot,
		.bytes = e.bytes,
		.tokens = e.tokens,
	};
	return 0;
}

/* Where the item stands after this line. */
static int settle(struct run *r, struct found *f, const struct result *res, struct err *err)
{
	struct item_view v = {
		.has_answer = f->grade >= GRADE_SALVAGED,
		.grade = res->kind == RESULT_ANSWER ? res->grade : GRADE_NONE,
		.retryable = res->kind == RESULT_VOID || res->outcome == OUTCOME_LATER,
		.burned = (uint32_t)f->burned,
		.repeats = (uint32_t)f->repeats,
		.max_attempts = (uint32_t)r->c->d->config->fallback.max_attempts,
	};
	const enum item_state before = f->state;
	enum item_verdict verdict;
	enum item_state to;

	if (tally_lock(r->tally, r->c->d->db, f->job, &v.job_running, err) < 0)
		return -1;
	verdict = item_decide(&v);
	/* An item that left this batch, or ended, only gains by what it brings. */
	if (verdict != ITEM_IS_DONE && !f->here)
		return 0;
	if (verdict == ITEM_REPEAT)
		f->repeats++;
	to = verdict == ITEM_IS_DONE     ? ITEM_DONE
	     : verdict == ITEM_IS_FAILED ? ITEM_FAILED
					 : ITEM_READY;
	f->changed = true;
	if (to == ITEM_DONE)
		found_set_code(f, NULL);
	else
		found_set_code(f, res->kind == RESULT_VOID && !v.job_running
					  ? tally_end_code(r->tally, f->job)
					  : res->code);
	if (to == before)
		return 0;
	tally_move(r->tally, f->job, f->language, before, to, 1);
	f->state = to;
	f->here = false;
	if (f->language == 0 && to == ITEM_DONE && v.job_running) {
		if (before == ITEM_FAILED) /* so had its translations */
			tally_recount(r->tally, f->job);
		return unblock(r, f, res, err);
	}
	if (f->language == 0 && to == ITEM_FAILED)
		r->failed[r->n_failed++] = (struct lot_key){f->job, f->lot};
	return 0;
}

static int apply_answer(struct run *r, struct found *f, const struct result *res, struct err *err)
{
	const bool unused = f->is_deleted || (f->grade >= res->grade && f->grade >= GRADE_SALVAGED);
	const struct spent s = spent_on(r, res);

	if (tally_lock(r->tally, r->c->d->db, f->job, NULL, err) < 0)
		return -1;
	f->burned += f->outcome != ATTEMPT_FAILED; /* that did */
	if (!r->b.twin_of) /* its attempts are another batch's, which is closed */
		close_attempt(r, f, ATTEMPT_ANSWERED, res->code);
	f->is_answered = true;
	set_request(f, res);
	add_answer(r, res, f, s.cost, unused);
	book(r, f, &s, unused);
	f->changed = true;
	if (res->grade > f->grade) { /* the better wins, the first on a tie */
		f->grade = res->grade;
		f->answer_no = f->attempt;
		f->has_answer_no = true;
	}
	return settle(r, f, res, err);
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

static int apply_line(struct run *r, const struct apply_line *l, struct err *err)
{
	const struct result *res = &l->result;
	struct found *f;

	if (res->kind == RESULT_BROKEN || res->kind == RESULT_STRANGER)
		return add_line(r, l, kind_of_line(l), NULL, err);
	f = found_find(&r->found, res->item);
	if (!f || f->attempt != (int64_t)res->attempt || strcmp(f->mark, res->mark) != 0)
		return add_line(r, l, LINE_STRANGER, NULL, err);
	/*
	 * An answer is one also where its attempt was closed without: it stood further down,
	 * in a late file or a twin's.
	 */
	if (res->kind == RESULT_ANSWER && !f->is_answered)
		return apply_answer(r, f, res, err);
	if (add_line(r, l, kind_of_line(l), f, err) < 0)
		return -1;
	if (f->outcome != ATTEMPT_OPEN)
		return 0;
	close_attempt(r, f, res->kind == RESULT_VOID ? ATTEMPT_VOID : ATTEMPT_FAILED, res->code);
	if (res->kind == RESULT_FAILURE) {
		f->burned++;
		f->changed = true;
	}
	return settle(r, f, res, err);
}

static void gather_moves(struct run *r)
{
	for (size_t i = 0; i < r->found.n; i++) {
		const struct found *f = &r->found.items[i];
		struct db_val *v = &r->moves[r->n_moves * MOVE_COLS];

		if (!f->changed)
			continue;
		r->n_moves++;
		v[0] = db_text(item_state_names[f->state]);
		v[1] = f->code[0] ? db_text(f->code) : db_null();
		v[2] = db_int(f->burned);
		v[3] = db_int(f->repeats);
		v[4] = f->has_answer_no ? db_int(f->answer_no) : db_null();
		v[5] = db_int(f->id);
	}
}

static int events(struct run *r, struct db *db, struct err *err)
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
static int64_t ready_at(const struct run *r)
{
	for (size_t i = 0; i < r->n_attempts; i++) {
		const struct db_val *outcome = &r->attempts[i * ATTEMPT_COLS];

		if (outcome->n == 4 && memcmp(outcome->p, "void", 4) == 0)
			return t_add(r->now, r->c->d->config->batch.poll_interval);
	}
	return r->now;
}

static int write_all(struct run *r, struct db *db, struct err *err)
{
	if ((r->n_answers > 0 && db_bulk(db, STMT_ANSWER_ADD, r->answers, r->n_answers, err) < 0) ||
	    (r->n_lines > 0 && db_bulk(db, STMT_BATCH_LINE_ADD, r->lines, r->n_lines, err) < 0) ||
	    (r->n_attempts > 0 &&
	     db_bulk(db, STMT_ATTEMPT_CLOSE, r->attempts, r->n_attempts, err) < 0))
		return -1;
	gather_moves(r);
	if (r->n_moves > 0 && db_bulk(db, STMT_ITEM_SETTLE, r->moves, r->n_moves, err) < 0)
		return -1;
	if (tally_fail_blocked(r->tally, db, r->failed, r->n_failed, err) < 0 ||
	    tally_unblock(r->tally, db, r->unblock, r->n_unblock, err) < 0 ||
	    events(r, db, err) < 0 || tally_apply(r->tally, db, r->now, ready_at(r), err) < 0)
		return -1;
	r->b.harvest_file = r->c->file_no;
	r->b.harvest_offset = r->c->end_offset;
	return batch_row_store(db, &r->b, err);
}

static void run_init(struct run *r, const struct chunk *c)
{
	const size_t n = c->n + 1;

	memset(r, 0, sizeof(*r));
	r->c = c;
	r->now = daemon_now(c->d);
	r->tally = tally_new(c->d);
	r->answers = calloc(n * ANSWER_COLS, sizeof(struct db_val));
	r->lines = calloc(n * LINE_COLS, sizeof(struct db_val));
	r->attempts = calloc(n * ATTEMPT_COLS, sizeof(struct db_val));
	r->moves = calloc(n * MOVE_COLS, sizeof(struct db_val));
	r->unblock = calloc(n, sizeof(*r->unblock));
	r->failed = calloc(n, sizeof(*r->failed));
	if (!r->answers || !r->lines || !r->attempts || !r->moves || !r->unblock || !r->failed)
		abort();
}

static void run_clear(struct run *r)
{
	found_clear(&r->found);
	free(r->answers);
	free(r->lines);
	free(r->attempts);
	free(r->moves);
	free(r->unblock);
	free(r->failed);
	tally_free(&r->tally);
}

/* The row and the items as they are; an adopted batch gets its attempts first. */
static int read_all(struct run *r, struct db *db, struct err *err)
{
	int64_t adopted;

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
	struct run r;
	int rc;

	run_init(&r, c);
	c->stop_code = NULL;
	rc = read_all(&r, db, err);
	for (size_t i = 0; rc == 0 && i < c->n; i++) {
		const struct result *res = &c->lines[i].result;

		rc = apply_line(&r, &c->lines[i], err);
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
