/* SPDX-License-Identifier: ISC */
#include "batchd/settle.h"

#include <string.h>

#include "core/limits.h"

#define FULL_PRICE_PPM 1000000

struct spent {
	int64_t input_tokens, output_tokens, cost; /* all 0 where the cost is */
};

/* The full price is that of the default tier, also where it served what was asked of another. */
static int64_t factor_of(const struct settle_run *r, const struct config_model *m,
			 const struct result *res)
{
	if (r->c->way == WAY_DEFAULT ||
	    (r->c->way != WAY_BATCH && strcmp(res->service_tier, "default") == 0))
		return FULL_PRICE_PPM;
	return m->batch_factor_ppm;
}

static struct spent spent_on(const struct settle_run *r, const struct result *res)
{
	const struct config_model *m = r->model;
	struct spent s = {.input_tokens = res->input_tokens, .output_tokens = res->output_tokens};

	if (m) {
		const struct prices p = {.input = m->price_input,
					 .cached = m->price_cached,
					 .output = m->price_output,
					 .factor_ppm = factor_of(r, m, res)};

		s.cost = result_cost(res->input_tokens, res->cached_tokens, res->output_tokens, &p);
	}
	return s;
}

/* Into the job's cost; what was not of use is wasted. The job is locked. */
static void book(struct settle_run *r, const struct found *f, const struct spent *s, bool is_wasted)
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
static bool is_repeated(const struct settle_run *r, const struct found *f, const struct result *res)
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
static int add_line(struct settle_run *r, const struct apply_line *l, enum line_kind kind,
		    struct found *f, struct err *err)
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

static void close_attempt(struct settle_run *r, struct found *f, enum attempt_outcome outcome,
			  const char *code)
{
	struct db_val *v = &r->attempts[r->n_attempts++ * ATTEMPT_COLS];

	v[0] = db_text(attempt_outcome_names[outcome]);
	v[1] = db_text(code);
	v[2] = db_int(f->attempt);
	v[3] = db_int(f->id);
	if (f->outcome != ATTEMPT_OPEN) /* answered after all */
		--*count_of(&r->b, f->outcome);
	f->outcome = outcome;
	++*count_of(&r->b, outcome);
}

static void add_answer(struct settle_run *r, const struct result *res, const struct found *f,
		       int64_t cost, bool unused)
{
	struct db_val *v = &r->answers[r->n_answers++ * ANSWER_COLS];

	v[0] = db_int(f->id);
	v[1] = db_int(f->attempt);
	v[2] = db_int(f->job);
	v[3] = db_text(grade_names[res->grade]);
	v[4] = db_text(res->code);
	v[5] = f->is_deleted || !res->text ? db_text("") : db_bytes(res->text, res->text_n);
	v[6] = db_null();
	v[7] = db_text(way_names[r->c->way]);
	v[8] = db_text(res->model);
	v[9] = db_text(res->request_id);
	v[10] = db_int(res->input_tokens);
	v[11] = db_int(res->cached_tokens);
	v[12] = db_int(res->output_tokens);
	v[13] = db_int(cost);
	v[14] = db_int(unused);
}

/* A description is there: its translations can be asked for. */
static int unblock(struct settle_run *r, const struct found *f, const struct result *res,
		   struct err *err)
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
static int settle_item(struct settle_run *r, struct found *f, const struct result *res,
		       struct err *err)
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
	if (f->language != 0 || tally_translations(r->tally, f->job) == 0)
		return 0;
	if (to == ITEM_DONE && v.job_running) {
		if (before == ITEM_FAILED) /* so had its translations */
			tally_recount(r->tally, f->job);
		return unblock(r, f, res, err);
	}
	if (to == ITEM_FAILED)
		r->failed[r->n_failed++] = (struct lot_key){f->job, f->lot};
	return 0;
}

static int apply_answer(struct settle_run *r, struct found *f, const struct result *res,
			struct err *err)
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
	return settle_item(r, f, res, err);
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

int settle_line(struct settle_run *r, const struct apply_line *l, struct err *err)
{
	const struct result *res = &l->result;
	struct found *f;

	if (res->kind == RESULT_BROKEN || res->kind == RESULT_STRANGER)
		return add_line(r, l, kind_of_line(l), NULL, err);
	f = found_find(&r->found, res->item);
	if (!f || f->attempt != (int64_t)res->attempt || strcmp(f->mark, res->mark) != 0)
		return r->c->way == WAY_BATCH ? add_line(r, l, LINE_STRANGER, NULL, err) : 0;
	/*
	 * An answer is one also where its attempt was closed without: it stood further down,
	 * in a late file or a twin's.
	 */
	if (res->kind == RESULT_ANSWER && !f->is_answered)
		return apply_answer(r, f, res, err);
	/* A call has no line: its attempt says what became of it. */
	if (r->c->way == WAY_BATCH && add_line(r, l, kind_of_line(l), f, err) < 0)
		return -1;
	if (f->outcome != ATTEMPT_OPEN)
		return 0;
	close_attempt(r, f, res->kind == RESULT_VOID ? ATTEMPT_VOID : ATTEMPT_FAILED, res->code);
	if (res->kind == RESULT_FAILURE) {
		f->burned++;
		f->changed = true;
	}
	return settle_item(r, f, res, err);
}
