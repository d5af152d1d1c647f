/* SPDX-License-Identifier: ISC */
#include "batchd/settle.h"

#include <stdlib.h>
#include <string.h>

#include "batchd/repeat.h"
#include "common/must.h"
#include "core/limits.h"
#include "core/timemath.h"

#define MOVE_COLS    9
#define REPORT_BYTES 8192

void settle_begin(struct settle_run *r, struct daemon *d, size_t most)
{
	const size_t n = most + 1;

	memset(r, 0, sizeof(*r));
	r->d = d;
	r->now = daemon_now(d);
	r->tally = tally_new(d);
	r->answers = must(calloc(n * ANSWER_COLS, sizeof(struct db_val)));
	r->texts = must(calloc(n, sizeof(*r->texts)));
	r->attempts = must(calloc(n * ATTEMPT_COLS, sizeof(struct db_val)));
	r->unblock = must(calloc(n, sizeof(*r->unblock)));
	r->failed = must(calloc(n, sizeof(*r->failed)));
}

void settle_end(struct settle_run *r)
{
	found_clear(&r->found);
	for (size_t i = 0; i < r->n_answers; i++)
		strbuf_clear(&r->texts[i].report);
	free(r->texts);
	free(r->answers);
	free(r->attempts);
	free(r->unblock);
	free(r->failed);
	tally_free(&r->tally);
}

/* The full price is that of the default tier, also where it served what was asked of another. */
static bool is_full_price(enum way way, const struct result *res)
{
	return way == WAY_DEFAULT ||
	       (way != WAY_BATCH && strcmp(res->service_tier, "default") == 0);
}

static struct spent spent_on(const struct settle_run *r, enum way way, const struct result *res)
{
	const struct prices p = config_model_prices(r->model, is_full_price(way, res));

	return (struct spent){.input_tokens = res->input_tokens,
			      .output_tokens = res->output_tokens,
			      .cost = result_cost(res->input_tokens, res->cached_tokens,
						  res->output_tokens, &p)};
}

/* Into the job's cost; what was not of use is wasted. The job is locked. */
static void book(struct settle_run *r, const struct found *f, const struct spent *s, bool is_wasted)
{
	struct job_patch *patch = tally_patch(r->tally, f->job);

	patch->cost += s->cost;
	patch->wasted += is_wasted ? s->cost : 0;
	patch->input_tokens += s->input_tokens;
	patch->output_tokens += s->output_tokens;
	tally_money(r->tally, f->job, f->sent_on, (struct money_move){.cost = s->cost});
}

/*
 * The line of one request twice was paid once. A batch that was created
 * twice ran each request twice.
 */
static bool is_repeated(const struct settle_run *r, const struct found *f, const struct result *res)
{
	if (!f || !f->is_answered)
		return false;
	return res->request_id[0] ? strcmp(res->request_id, f->request_id) == 0 : !r->is_twin;
}

static void set_request(struct found *f, const struct result *res)
{
	memcpy(f->request_id, res->request_id, sizeof(f->request_id));
}

struct spent settle_spent(const struct settle_run *r, const struct found *f,
			  const struct result *res)
{
	struct spent s = {0};

	if (is_repeated(r, f, res))
		return s;
	s = spent_on(r, f ? f->way : WAY_BATCH, res);
	if (s.cost == 0)
		s = (struct spent){0};
	return s;
}

int settle_waste(struct settle_run *r, struct found *f, const struct result *res,
		 const struct spent *s, struct err *err)
{
	if (tally_lock(r->tally, r->d->db, f->job, NULL, err) < 0)
		return -1;
	book(r, f, s, true);
	set_request(f, res);
	return 0;
}

/* The job is locked. */
static void close_attempt(struct settle_run *r, struct found *f, enum attempt_outcome outcome,
			  const struct result *res)
{
	struct db_val *v = &r->attempts[r->n_attempts++ * ATTEMPT_COLS];
	const bool keeps =
		outcome == ATTEMPT_FAILED && (res->is_cost_untold || money_is_presumed(res->code));

	tally_release(r->tally, f->job, f->sent_on, f->held, f->outcome == ATTEMPT_OPEN, keeps);
	f->held = keeps ? f->held : 0;
	v[0] = db_text(attempt_outcome_names[outcome]);
	v[1] = db_text(res->code);
	v[2] = db_int(keeps);
	v[3] = db_int(f->attempt);
	v[4] = db_int(f->id);
	r->closed[f->outcome]--; /* where it was closed before: answered after all */
	r->closed[outcome]++;
	f->outcome = outcome;
}

/* What was made of its text: v[0] the value, v[1] the classes, v[2] the report; or nothing. */
static void add_repair(struct answer_texts *t, const struct result *res, struct db_val *v)
{
	const struct json_span value = result_value(res);

	v[0] = v[1] = v[2] = db_null();
	strbuf_init(&t->report, REPORT_BYTES);
	if (!res->is_graded || res->repaired.verdict == REPAIR_UNCHANGED)
		return;
	strbuf_addc(&t->report, '{');
	repaired_tell(&res->repaired, &t->report);
	strbuf_addc(&t->report, '}');
	v[2] = db_bytes(t->report.data, t->report.len);
	if (res->grade < GRADE_SALVAGED)
		return;
	repair_list(&res->repaired.report, t->classes, sizeof(t->classes));
	v[0] = db_bytes(value.p, value.n);
	v[1] = t->classes[0] ? db_text(t->classes) : db_null();
}

static void add_answer(struct settle_run *r, const struct result *res, const struct found *f,
		       int64_t cost, bool unused)
{
	struct answer_texts *texts = &r->texts[r->n_answers];
	struct db_val *v = &r->answers[r->n_answers++ * ANSWER_COLS];

	v[0] = db_int(f->id);
	v[1] = db_int(f->attempt);
	v[2] = db_int(f->job);
	v[3] = db_text(grade_names[res->grade]);
	v[4] = db_text(res->code);
	v[5] = db_text("");
	add_repair(texts, res, &v[6]);
	if (f->is_deleted)
		v[6] = v[8] = db_null();
	else if (res->text)
		v[5] = db_bytes(res->text, res->text_n);
	v[9] = db_text(way_names[f->way]);
	v[10] = db_text(res->model);
	v[11] = db_text(res->request_id);
	v[12] = db_int(res->input_tokens);
	v[13] = db_int(res->cached_tokens);
	v[14] = db_int(res->output_tokens);
	v[15] = db_int(cost);
	v[16] = db_int(unused);
}

/* A description is there: its translations can be asked for. */
static int unblock(struct settle_run *r, const struct found *f, const struct result *res,
		   struct err *err)
{
	const struct daemon *d = r->d;
	const struct recipe *recipe = recipe_get(d->recipes, d->db, f->translate_recipe, err);
	const struct json_span value = result_value(res);
	struct estimate e;

	if (!recipe)
		return -1;
	e = recipe_estimate_translation(recipe, f->instructions, value.p, value.n);
	r->unblock[r->n_unblock++] = (struct lot_unblock){
		.job = f->job,
		.seq = f->lot,
		.bytes = e.bytes,
		.tokens = e.tokens,
	};
	return 0;
}

/*
 * It is sent again. What a call did not answer goes by a call again; a stop of everything or of its
 * recipe is no fault of its batch.
 */
static void set_way(struct settle_run *r, struct found *f, const struct result *res)
{
	const bool is_batchs = res->scope == SCOPE_CALL || res->kind != RESULT_VOID;

	if (f->way != WAY_BATCH)
		return;
	f->n_left += is_batchs;
	f->by_call = is_batchs && items_go_by_call(r->d, r->tally, f->job, f->n_left, r->n_items);
}

/* The better of the two answers is what is translated. */
static int unblock_with_best(struct settle_run *r, const struct found *f, const struct result *res,
			     struct err *err)
{
	struct repeat_lot lot = {.job = f->job,
				 .seq = f->lot,
				 .translate_recipe = f->translate_recipe,
				 .instructions = f->instructions};
	struct db_rows *rows;
	int rc = 0;

	if (f->answer_no == f->attempt)
		return unblock(r, f, res, err);
	if (db_query(r->d->db, STMT_ANSWER_VALUE, DB_P(db_int(f->id), db_int(f->answer_no)), &rows,
		     err) < 0)
		return -1;
	if (db_next(rows)) {
		lot.text.p = db_get_text(rows, 0, &lot.text.n);
		rc = repeat_unblock(r->d, r->d->db, r->tally, &lot, err);
	}
	db_rows_free(&rows);
	return rc;
}

/*
 * This came of the repeat of an item that is done, or makes one needless. What never ran is called
 * again; all else is the repeat's end, whatever it brought.
 */
static int settle_repeat(struct settle_run *r, struct found *f, const struct result *res,
			 bool job_running, struct err *err)
{
	const bool is_called = f->here, is_to_call = f->by_call;

	if (!is_called && (!is_to_call || f->grade < GRADE_VALID))
		return 0;
	f->changed = true;
	if (is_called && res->kind == RESULT_VOID && job_running) {
		f->by_call = true;
		f->here = false;
		tally_repeat(r->tally, f->job, f->language, 0, 1);
		return 0;
	}
	f->is_repeating = f->by_call = f->here = false;
	tally_repeat(r->tally, f->job, f->language, -1, -is_to_call);
	if (f->language != 0 || !job_running || tally_translations(r->tally, f->job) == 0)
		return 0;
	return unblock_with_best(r, f, res, err);
}

/* The answer in hand counts; a call is to buy a better one, or the sending that is under way does. */
static void begin_repeat(struct settle_run *r, struct found *f, bool is_under_way)
{
	f->repeats++;
	f->is_repeating = true;
	f->by_call = !is_under_way;
	tally_repeat(r->tally, f->job, f->language, 1, f->by_call);
}

/* Where the item stands after this result. */
static int settle_item(struct settle_run *r, struct found *f, const struct result *res,
		       struct err *err)
{
	struct item_view v = {
		.best = f->grade,
		.grade = res->kind == RESULT_ANSWER ? res->grade : GRADE_NONE,
		.retryable = res->kind == RESULT_VOID || res->outcome == OUTCOME_LATER,
		.burned = (uint32_t)f->burned,
		.repeats = (uint32_t)f->repeats,
		.max_attempts = (uint32_t)r->d->config->fallback.max_attempts,
	};
	const enum item_state before = f->state;
	const bool is_elsewhere = before == ITEM_SENT && !f->here;
	enum item_verdict verdict;
	enum item_state to;

	if (tally_lock(r->tally, r->d->db, f->job, &v.job_running, err) < 0)
		return -1;
	if (before == ITEM_DONE && f->is_repeating)
		return settle_repeat(r, f, res, v.job_running, err);
	verdict = item_decide(&v);
	to = verdict == ITEM_IS_FAILED                         ? ITEM_FAILED
	     : verdict == ITEM_AGAIN || verdict == ITEM_REPEAT ? ITEM_READY
							       : ITEM_DONE;
	/* An item that was sent elsewhere since, or ended, only gains by what it brings. */
	if (to != ITEM_DONE && !f->here)
		return 0;
	if (verdict == ITEM_REPEAT)
		f->repeats++;
	f->changed = true;
	if (to == ITEM_DONE)
		found_set_code(f, NULL);
	else
		found_set_code(f, res->kind == RESULT_VOID && !v.job_running
					  ? tally_end_code(r->tally, f->job)
					  : res->code);
	if (to == before)
		return 0;
	if (before == ITEM_READY && f->by_call)
		tally_by_call(r->tally, f->job, f->language, -1);
	if (to == ITEM_READY) {
		set_way(r, f, res);
		tally_by_call(r->tally, f->job, f->language, f->by_call);
	}
	tally_move(r->tally, f->job, f->language, before, to, 1);
	f->state = to;
	f->here = false;
	if (verdict == ITEM_IS_DONE_AND_REPEATS) {
		begin_repeat(r, f, is_elsewhere);
		return 0;
	}
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

/*
 * A description of which translations are made stays the one that is shown with them, but for a
 * repeat that is waited for. 1, 0, -1.
 */
static int may_replace(const struct settle_run *r, const struct found *f, bool is_repeat,
		       struct err *err)
{
	struct db_rows *rows;
	int may;

	if (f->language != 0 || is_repeat || f->grade < GRADE_SALVAGED)
		return 1;
	if (db_query(r->d->db, STMT_LOT_IS_TRANSLATED, DB_P(db_int(f->job), db_int(f->lot)), &rows,
		     err) < 0)
		return -1;
	may = db_rows_count(rows) == 0;
	db_rows_free(&rows);
	return may;
}

/* Its item does not wait for it any more: it was bought to better what is in hand all the same. */
static bool was_repeat(const struct found *f)
{
	return f->is_repeat && f->grade == GRADE_SALVAGED && f->answer_no < f->attempt;
}

static int apply_answer(struct settle_run *r, struct found *f, const struct result *res,
			struct err *err)
{
	const bool is_repeat = f->here && f->is_repeating;
	const bool unused = f->is_deleted || (!is_repeat && !was_repeat(f) &&
					      f->grade >= res->grade && f->grade >= GRADE_SALVAGED);
	const struct spent s = spent_on(r, f->way, res);
	int replaces;

	if (tally_lock(r->tally, r->d->db, f->job, NULL, err) < 0)
		return -1;
	f->burned += f->outcome != ATTEMPT_FAILED; /* that did */
	if (!r->is_twin)
		close_attempt(r, f, ATTEMPT_ANSWERED, res);
	f->is_answered = true;
	set_request(f, res);
	add_answer(r, res, f, s.cost, unused);
	book(r, f, &s, unused);
	f->changed = true;
	replaces = may_replace(r, f, is_repeat, err);
	if (replaces < 0)
		return -1;
	if (replaces && res->grade > f->grade) { /* the better wins, the first on a tie */
		f->grade = res->grade;
		f->answer_no = f->attempt;
		f->has_answer_no = true;
	}
	return settle_item(r, f, res, err);
}

struct found *settle_find(const struct settle_run *r, const struct result *res)
{
	struct found *f = found_find(&r->found, res->item);

	return f && f->attempt == (int64_t)res->attempt && strcmp(f->mark, res->mark) == 0 ? f
											   : NULL;
}

/*
 * An answer is one also where its attempt was closed without: it stood further down, in a late file
 * or a twin's, or came late.
 */
bool settle_takes(const struct found *f, const struct result *res)
{
	return res->kind == RESULT_ANSWER && !f->is_answered;
}

int settle_result(struct settle_run *r, struct found *f, const struct result *res, struct err *err)
{
	if (settle_takes(f, res))
		return apply_answer(r, f, res, err);
	if (f->outcome != ATTEMPT_OPEN)
		return 0;
	if (tally_lock(r->tally, r->d->db, f->job, NULL, err) < 0)
		return -1;
	close_attempt(r, f, res->kind == RESULT_VOID ? ATTEMPT_VOID : ATTEMPT_FAILED, res);
	if (res->kind == RESULT_FAILURE) {
		f->burned++;
		f->changed = true;
	}
	return settle_item(r, f, res, err);
}

/* --- writing --- */

/* The items as they have become. */
static int write_items(const struct settle_run *r, struct db *db, struct err *err)
{
	struct db_val *moves = must(calloc(r->found.n + 1, MOVE_COLS * sizeof(*moves)));
	size_t n = 0;
	int64_t rc;

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
		v[4] = db_int(f->n_left);
		v[5] = db_int(f->by_call);
		v[6] = db_int(f->is_repeating);
		v[7] = f->has_answer_no ? db_int(f->answer_no) : db_null();
		v[8] = db_int(f->id);
	}
	rc = db_bulk_sets(db, STMT_ITEM_SETTLE, moves, n, err);
	free(moves);
	return rc < 0 ? -1 : 0;
}

/* What came back without having run is not sent again at once: the provider had its reason. */
static int64_t ready_at(const struct settle_run *r)
{
	for (size_t i = 0; i < r->n_attempts; i++) {
		const struct db_val *outcome = &r->attempts[i * ATTEMPT_COLS];

		if (outcome->n == 4 && memcmp(outcome->p, "void", 4) == 0)
			return t_add(r->now, r->d->config->batch.poll_interval);
	}
	return r->now;
}

int settle_write(struct settle_run *r, struct db *db, struct err *err)
{
	if (db_bulk(db, STMT_ANSWER_ADD, r->answers, r->n_answers, err) < 0 ||
	    db_bulk_sets(db, STMT_ATTEMPT_CLOSE, r->attempts, r->n_attempts, err) < 0 ||
	    write_items(r, db, err) < 0 ||
	    tally_fail_blocked(r->tally, db, r->failed, r->n_failed, err) < 0 ||
	    tally_unblock(r->tally, db, r->unblock, r->n_unblock, err) < 0 ||
	    tally_apply(r->tally, db, r->now, ready_at(r), err) < 0)
		return -1;
	return 0;
}
