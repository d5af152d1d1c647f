/* SPDX-License-Identifier: ISC */
#include "batchd/budget.h"

#include <stdio.h>
#include <stdlib.h>

#include "batchd/alert.h"
#include "batchd/repeat.h"
#include "batchd/sending.h"
#include "batchd/tell.h"
#include "common/must.h"
#include "core/status.h"
#include "core/timemath.h"

/* Columns of STMT_BUDGET_READ. */
enum {
	ACCOUNT,
	BUDGET_JOB,
	BUDGET_DAY,
	SPENT,
	RESERVED,
	DAY_SPENT,
	DAY_RESERVED,
	INSTRUCTIONS,
	DESCRIBE_RECIPE,
	TRANSLATE_RECIPE,
	TRANSLATIONS,
	READY_LOTS,
	READY_TRANSLATIONS,
	BLOCKED_TRANSLATIONS,
	DAY_OVER,
	NEED_DESCRIBE,
	NEED_TRANSLATE,
	PUBLIC_ID,
	DAY_TOLD
};

/* All 0 where the model has no prices any more: then nothing of it is counted. */
static struct prices prices_of(const struct config *config, const char *model, enum way way)
{
	return config_model_prices(config_model_find(config, model), way == WAY_DEFAULT);
}

/* The most that a translation costs whose description is not there: that is as long as it may be. */
static int translation_cost(const struct daemon *d, struct db *db, const struct db_rows *r,
			    int64_t *cost, struct err *err)
{
	const struct recipe *describe =
		recipe_get(d->recipes, db, db_get_int(r, DESCRIBE_RECIPE), err);
	const struct recipe *translate =
		describe ? recipe_get(d->recipes, db, db_get_int(r, TRANSLATE_RECIPE), err) : NULL;
	struct prices prices;
	struct estimate e;

	if (!translate)
		return -1;
	prices = prices_of(d->config, translate->model, WAY_BATCH);
	e = recipe_estimate_translation(translate, db_get_text(r, INSTRUCTIONS, NULL), "", 0);
	*cost = result_cost(t_add(e.tokens, describe->max_output_tokens), 0,
			    translate->max_output_tokens, &prices);
	return 0;
}

/* Of lots whose description was sent. */
static int64_t translations_to_come(const struct db_rows *r)
{
	const int64_t n = db_get_int(r, READY_TRANSLATIONS) + db_get_int(r, BLOCKED_TRANSLATIONS) -
			  db_get_int(r, READY_LOTS) * db_get_int(r, TRANSLATIONS);

	return t_max(n, 0);
}

static int fill(struct budget *b, struct db *db, const struct db_rows *r, struct err *err)
{
	const struct config *config = b->d->config;
	const int64_t n_translations = db_get_int(r, TRANSLATIONS);
	int64_t translation = 0;

	if (n_translations > 0 && translation_cost(b->d, db, r, &translation, err) < 0)
		return -1;
	b->account = db_get_int(r, ACCOUNT);
	snprintf(b->public_id, sizeof(b->public_id), "%s", db_get_text(r, PUBLIC_ID, NULL));
	b->was_day_over = db_get_int(r, DAY_OVER) != 0;
	b->is_day_told = db_get_int(r, DAY_TOLD) != 0;
	b->was_wanted = db_get_int(r, b->task == TASK_DESCRIBE ? NEED_DESCRIBE : NEED_TRANSLATE);
	b->lot = b->task == TASK_DESCRIBE ? t_mul(translation, n_translations) : 0;
	b->view = (struct money_view){
		.job_budget =
			db_is_null(r, BUDGET_JOB) ? config->budget.job : db_get_int(r, BUDGET_JOB),
		.day_budget =
			db_is_null(r, BUDGET_DAY) ? config->budget.day : db_get_int(r, BUDGET_DAY),
		.job_spent = db_get_int(r, SPENT),
		.job_reserved = db_get_int(r, RESERVED),
		.day_spent = db_get_int(r, DAY_SPENT),
		.day_reserved = db_get_int(r, DAY_RESERVED),
		.promised = t_mul(translation, translations_to_come(r)),
	};
	return 0;
}

struct budget *budget_open(struct daemon *d, struct db *db, const struct budget_order *order,
			   struct err *err)
{
	const struct recipe *recipe = order->recipe;
	struct budget *b = must(calloc(1, sizeof(*b)));
	struct db_rows *r;
	int rc;

	b->d = d;
	b->job = order->job;
	b->now = daemon_now(d);
	b->day = money_day(b->now);
	b->task = recipe->task;
	b->prices = prices_of(d->config, recipe->model, order->way);
	b->cheapest = prices_of(d->config, recipe->model, order->cheapest);
	b->cap = recipe->max_output_tokens;
	b->cap_repeat = recipe->max_output_tokens_retry;
	rc = db_query(db, STMT_BUDGET_READ, DB_P(db_time(b->day), db_int(b->job)), &r, err);
	if (rc == 0) {
		rc = db_next(r)
			     ? fill(b, db, r, err)
			     : err_set(err, ERR_BUG, 0, "there is no job %lld", (long long)b->job);
		db_rows_free(&r);
	}
	if (rc == 0)
		return b;
	free(b);
	return NULL;
}

bool budget_is_short(const struct budget *b)
{
	const struct money_view *v = &b->view;

	return v->promised > t_sub(t_sub(v->job_budget, v->job_spent), v->job_reserved);
}

static struct money_need need_of(const struct budget *b, const struct db_rows *r)
{
	const int64_t tokens = db_get_int(r, SEND_TOKENS);
	const int64_t cap = db_get_int(r, SEND_WAS_CUT) != 0 ? b->cap_repeat : b->cap;

	return (struct money_need){.item = result_cost(tokens, 0, cap, &b->prices),
				   .cheapest = result_cost(tokens, 0, cap, &b->cheapest),
				   .lot = b->lot};
}

enum money_verdict budget_ask(struct budget *b, const struct db_rows *r)
{
	const struct money_need need = need_of(b, r);
	const enum money_verdict verdict = money_decide(&b->view, &need);

	if (verdict == MONEY_FITS) {
		money_take(&b->view, &need);
		b->held = need.item;
		b->n_fit++;
	} else if (verdict == MONEY_NEVER) {
		b->failed[b->n_failed++] =
			(struct budget_item){.item = db_get_int(r, SEND_ITEM),
					     .lot = db_get_int(r, SEND_LOT),
					     .language = db_get_int(r, SEND_LANGUAGE),
					     .by_call = db_get_int(r, SEND_BY_CALL),
					     .is_beside = db_get_int(r, SEND_IS_BESIDE) != 0};
	} else {
		b->last = verdict;
		b->wanted = money_wanted(&b->view, &need, verdict);
	}
	return verdict;
}

/* --- what did not fit --- */

static int tell_over(const struct budget *b, struct db *db, struct err *err)
{
	struct strbuf text;
	int64_t first;
	int rc;

	strbuf_init(&text, 256);
	strbuf_adds(&text, "items do not fit the job's budget of USD ");
	strbuf_add_money(&text, b->view.job_budget);
	rc = store_event(db, b->job, 0, b->now, "budget", (int64_t)b->n_failed, err, "%zu %s",
			 b->n_failed, text.data);
	first = rc < 0 ? -1
		       : db_exec(db, STMT_BUDGET_OVER, DB_P(db_time(b->now), db_int(b->job)), err);
	if (first > 0)
		rc = alert_raise_tx(b->d, db, ALERT_BUDGET_JOB,
				    alert_subject_job(b->public_id).text, err, "%s", text.data);
	strbuf_clear(&text);
	return first < 0 ? -1 : rc;
}

static int fail_items(struct budget *b, struct db *db, struct tally *tally, struct err *err)
{
	struct db_val *ids = must(calloc(b->n_failed + 1, sizeof(*ids)));
	struct lot_key *lots = must(calloc(b->n_failed + 1, sizeof(*lots)));
	size_t n_lots = 0, n = 0;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < b->n_failed; i++) {
		const struct budget_item *f = &b->failed[i];

		if (f->is_beside) { /* the answer in hand is what there is */
			rc = repeat_end(b->d, db, tally, b->job, &f->item, 1, err);
			continue;
		}
		ids[n++] = db_int(f->item);
		tally_move(tally, b->job, f->language, ITEM_READY, ITEM_FAILED, 1);
		tally_by_call(tally, b->job, f->language, -f->by_call);
		if (f->language == 0)
			lots[n_lots++] = (struct lot_key){b->job, f->lot};
	}
	if (rc == 0 && n > 0)
		rc = db_bulk(db, STMT_BUDGET_FAIL, ids, n, err) < 0 ? -1 : 0;
	if (rc == 0)
		rc = tell_over(b, db, err);
	if (rc == 0)
		rc = tally_fail_blocked(tally, db, lots, n_lots, err);
	tally_need(tally, b->job, TASK_DESCRIBE, 0); /* what was promised to their lots is free */
	free(ids);
	free(lots);
	return rc;
}

static int mark_day(const struct budget *b, struct db *db, struct err *err)
{
	if (!b->was_day_over &&
	    db_exec(db, STMT_BUDGET_DAY_OVER, DB_P(db_time(b->now), db_int(b->job)), err) < 0)
		return -1;
	if (db_exec(db, STMT_MONEY_DAY, DB_P(db_time(b->day), db_int(b->job)), err) < 0)
		return -1;
	return db_exec(db, STMT_BUDGET_DAY_TOLD,
		       DB_P(db_time(b->now), db_int(b->account), db_time(b->day)), err) < 0
		       ? -1
		       : 0;
}

bool budget_is_told(const struct budget *b)
{
	return b->n_fit == 0 && b->n_failed == 0 && b->last != MONEY_FITS &&
	       b->wanted == b->was_wanted &&
	       (b->last != MONEY_DAY_SPENT || (b->was_day_over && b->is_day_told));
}

/* Something of it is sent: the day is another one, or has a larger budget. */
static int clear_day(const struct budget *b, struct db *db, struct err *err)
{
	if (!b->was_day_over) /* where others wait, they still do */
		return 0;
	if (db_exec(db, STMT_BUDGET_DAY_OVER, DB_P(db_null(), db_int(b->job)), err) < 0 ||
	    db_exec(db, STMT_BUDGET_DAY_OPEN, DB_P(db_int(b->account), db_time(b->day)), err) < 0)
		return -1;
	return 0;
}

int budget_close(struct budget *b, struct db *db, struct tally *tally, struct err *err)
{
	if (b->last != MONEY_FITS || b->was_wanted || b->was_day_over)
		tell_soon(b->d, b->job);
	if (b->n_failed > 0 && fail_items(b, db, tally, err) < 0)
		return -1;
	if (b->last != MONEY_FITS)
		tally_need(tally, b->job, b->task, b->wanted);
	if (b->last == MONEY_DAY_SPENT)
		return mark_day(b, db, err);
	return b->n_fit > 0 ? clear_day(b, db, err) : 0;
}

/* --- before a batch is begun --- */

struct look {
	struct daemon *d;
	const struct plan_candidate *c;
	const struct recipe *recipe;
	bool may; /* out */
};

/* Up to the first item that fits. */
static int ask_until(struct budget *b, struct db *db, struct look *l, struct err *err)
{
	enum money_verdict verdict = MONEY_NEVER;
	struct db_rows *r;

	if (sending_items(db, l->c->job_id, l->recipe->task, l->c->which, budget_is_short(b), &r,
			  err) < 0)
		return -1;
	l->may = db_rows_count(r) == 0; /* its counts are wrong: whoever takes items sees to it */
	while (verdict == MONEY_NEVER && db_next(r)) {
		verdict = budget_ask(b, r);
		l->may = verdict == MONEY_FITS;
	}
	db_rows_free(&r);
	return 0;
}

static int look_tx(struct db *db, void *arg, struct err *err)
{
	struct look *l = arg;
	const struct budget_order order = {.job = l->c->job_id,
					   .recipe = l->recipe,
					   .way = WAY_BATCH,
					   .cheapest = WAY_BATCH};
	struct tally *tally = tally_new(l->d);
	struct budget *b = NULL;
	bool running;
	int rc = -1;

	l->may = true;
	if (tally_lock(tally, db, l->c->job_id, &running, err) < 0)
		goto out;
	rc = 0;
	if (!running)
		goto out;
	b = budget_open(l->d, db, &order, err);
	rc = b ? ask_until(b, db, l, err) : -1;
	if (rc < 0 || (b->n_failed == 0 && l->may))
		goto out;
	b->n_fit = 0; /* what fits is asked for again when it is sent */
	rc = budget_close(b, db, tally, err);
	if (rc == 0)
		rc = tally_apply(tally, db, b->now, b->now, err);
out:
	free(b);
	tally_free(&tally);
	return rc;
}

int budget_may_begin(struct daemon *d, const struct plan_candidate *c, const struct recipe *recipe,
		     struct err *err)
{
	struct look l = {.d = d, .c = c, .recipe = recipe};

	return daemon_tx(d, look_tx, &l, err) < 0 ? -1 : l.may;
}

/* --- what its job is told --- */

/*
 * Until another day; or until requests under way have told that they cost less than they might,
 * where these are in no batch that the job waits for anyhow.
 */
int budget_tell(struct telling *t, struct err *err)
{
	struct db_rows *r;

	if (t->job.n_ready == 0)
		return 0;
	if (db_query(t->db, STMT_BUDGET_TELL, DB_P(db_int(t->job.job)), &r, err) < 0)
		return -1;
	if (db_next(r)) {
		const int64_t day_over_at = db_get_time(r, 0);

		if (day_over_at)
			tell_add_hold(t, "budget", day_over_at, "send on the next day (UTC)",
				      t_add(money_day(t->now), T_DAY));
		else if (db_get_int(r, 1) != 0 && !t->batch.what)
			tell_add_hold(t, "budget", t->job.ready_since, NULL, T_NEVER);
	}
	db_rows_free(&r);
	return 0;
}
