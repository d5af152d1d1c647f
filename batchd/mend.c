/* SPDX-License-Identifier: ISC */
#include "batchd/mend.h"

#include <stdlib.h>
#include <string.h>

#include "batchd/repeat.h"
#include "common/must.h"
#include "core/result_line.h"

#define MOST_LOTS    200 /* of a slice: its texts are all in memory */
#define ANSWER_COLS  8
#define ITEM_COLS    2
#define REPORT_BYTES 8192

/* Columns of STMT_MEND_ROWS. */
enum {
	ITEM,
	ATTEMPT,
	RAW,
	GRADE,
	CODE,
	LOT_SEQ,
	LANG_NO,
	STATE,
	BY_CALL,
	ANSWER_NO,
	BEST,
	IS_REPEATING
};

/* What came of one answer, with the texts that its values borrow. */
struct mended {
	struct repaired repaired;
	char classes[65];
	struct strbuf report;
	enum grade grade;
	const char *code;
};

struct run {
	struct mend *m;
	struct db *db;
	struct tally *tally;
	struct mended *all;
	size_t n;
	struct db_val *answers, *items, *refused;
	size_t n_answers, n_items, n_refused;
	struct lot_key *failed;
	size_t n_failed;
	/* of the item at hand, as it has become */
	int64_t item;
	enum grade best;
	enum item_state state;
};

/* Columns of STMT_MEND_JOB. */
enum { LOTS, DESCRIBE_RECIPE, TRANSLATE_RECIPE, INSTRUCTIONS, LANGUAGES };

int mend_begin(struct mend *m, struct db *db, struct tally *t, struct err *err)
{
	struct db_rows *r;
	const char *text;

	if (tally_lock(t, db, m->job, &m->is_running, err) < 0 ||
	    db_query(db, STMT_MEND_JOB, DB_P(db_int(m->job)), &r, err) < 0)
		return -1;
	db_next(r);
	m->lots = db_get_int(r, LOTS);
	m->n_languages = db_get_int(r, LANGUAGES);
	text = db_get_text(r, INSTRUCTIONS, NULL);
	m->instructions = text ? must(strdup(text)) : NULL;
	m->describe = recipe_get(m->d->recipes, db, db_get_int(r, DESCRIBE_RECIPE), err);
	m->translate = m->describe
			       ? recipe_get(m->d->recipes, db, db_get_int(r, TRANSLATE_RECIPE), err)
			       : NULL;
	db_rows_free(&r);
	return m->translate ? 0 : -1;
}

void mend_end(struct mend *m)
{
	free(m->instructions);
	m->instructions = NULL;
}

int64_t mend_slice(const struct mend *m)
{
	const int64_t n = SLICE_ROWS / (m->n_languages > 0 ? m->n_languages : 1);

	return n < 1 ? 1 : n > MOST_LOTS ? MOST_LOTS : n;
}

/* An imported description has no schema; a translation of it is held to none either. */
static const struct json_object *schema_of(const struct mend *m, int64_t language)
{
	return language == 0 || !m->describe->schema_tree ? m->describe->schema_tree
							  : m->translate->schema_tree;
}

static void read_answer(const struct run *x, const struct db_rows *r, struct mended *a)
{
	const struct repair_rules rules = {.object = true,
					   .schema = schema_of(x->m, db_get_int(r, LANG_NO))};
	size_t n;
	const char *raw = db_get_text(r, RAW, &n);

	repair_text(raw, n, &rules, &a->repaired);
	a->grade = repaired_grade(&a->repaired, false, &a->code);
	repair_list(&a->repaired.report, a->classes, sizeof(a->classes));
	strbuf_init(&a->report, REPORT_BYTES);
	strbuf_addc(&a->report, '{');
	repaired_tell(&a->repaired, &a->report);
	strbuf_addc(&a->report, '}');
}

static void store_answer(struct run *x, const struct db_rows *r, const struct mended *a)
{
	const bool is_new = a->grade >= GRADE_SALVAGED;
	const bool is_made = is_new && a->repaired.verdict != REPAIR_UNCHANGED;
	struct db_val *v = &x->answers[x->n_answers++ * ANSWER_COLS];

	v[0] = is_new ? db_text(grade_names[a->grade]) : db_text(db_get_text(r, GRADE, NULL));
	v[1] = db_text(a->code);
	v[2] = is_made ? db_bytes(a->repaired.text.data, a->repaired.text.len) : db_null();
	v[3] = is_made && a->classes[0] ? db_text(a->classes) : db_null();
	v[4] = db_bytes(a->report.data, a->report.len);
	v[5] = is_made ? db_text(db_get_text(r, GRADE, NULL)) : db_null();
	v[6] = db_int(db_get_int(r, ITEM));
	v[7] = db_int(db_get_int(r, ATTEMPT));
}

static struct json_span value_of(const struct db_rows *r, const struct mended *a)
{
	struct json_span raw;

	if (a->repaired.verdict != REPAIR_UNCHANGED)
		return (struct json_span){a->repaired.text.data, a->repaired.text.len};
	raw.p = db_get_text(r, RAW, &raw.n);
	return raw;
}

/* The item has an answer after all. */
static int take_answer(struct run *x, const struct db_rows *r, const struct mended *a,
		       struct err *err)
{
	const struct mend *m = x->m;
	const int64_t language = db_get_int(r, LANG_NO);
	const struct repeat_lot lot = {.job = m->job,
				       .seq = db_get_int(r, LOT_SEQ),
				       .translate_recipe = m->translate->id,
				       .instructions = m->instructions,
				       .text = value_of(r, a)};
	const enum item_state before = x->state;
	struct db_val *v = &x->items[x->n_items++ * ITEM_COLS];

	v[0] = db_int(db_get_int(r, ATTEMPT));
	v[1] = db_int(x->item);
	x->best = a->grade;
	x->state = ITEM_DONE;
	if (before == ITEM_DONE)
		return 0;
	tally_move(x->tally, m->job, language, before, ITEM_DONE, 1);
	if (before == ITEM_READY)
		tally_by_call(x->tally, m->job, language, -db_get_int(r, BY_CALL));
	if (language != 0 || !m->is_running || tally_translations(x->tally, m->job) == 0)
		return 0;
	if (before == ITEM_FAILED) /* so had its translations */
		tally_recount(x->tally, m->job);
	return repeat_unblock(m->d, x->db, x->tally, &lot, err);
}

/* It stays without one. */
static void refuse_answer(struct run *x, const struct db_rows *r, const struct mended *a)
{
	struct db_val *v = &x->refused[x->n_refused++ * ITEM_COLS];

	v[0] = db_text(a->code);
	v[1] = db_int(x->item);
	if (db_get_int(r, LANG_NO) == 0)
		x->failed[x->n_failed++] = (struct lot_key){x->m->job, db_get_int(r, LOT_SEQ)};
}

/* Several answers of an item follow one another. */
static void begin_item(struct run *x, const struct db_rows *r)
{
	const int best = name_find(grade_names, GRADE_COUNT, db_get_text(r, BEST, NULL));
	const int state =
		name_find(item_state_names, ITEM_STATE_COUNT, db_get_text(r, STATE, NULL));

	if (x->item == db_get_int(r, ITEM))
		return;
	x->item = db_get_int(r, ITEM);
	x->best = best < 0 ? GRADE_NONE : (enum grade)best;
	x->state = state < 0 ? ITEM_FAILED : (enum item_state)state;
}

/* What its own answer was worth before says nothing now: it was not JSON. */
static bool is_better(const struct run *x, const struct db_rows *r, const struct mended *a)
{
	const bool is_own =
		!db_is_null(r, ANSWER_NO) && db_get_int(r, ANSWER_NO) == db_get_int(r, ATTEMPT);

	return a->grade >= GRADE_SALVAGED && db_get_int(r, IS_REPEATING) == 0 &&
	       (a->grade > x->best || (is_own && x->state != ITEM_DONE));
}

static int mend_row(struct run *x, const struct db_rows *r, struct err *err)
{
	struct mended *a = &x->all[x->n++];

	begin_item(x, r);
	read_answer(x, r, a);
	store_answer(x, r, a);
	x->m->n_mended += a->grade >= GRADE_SALVAGED;
	x->m->n_refused += a->grade < GRADE_SALVAGED;
	if (is_better(x, r, a))
		return take_answer(x, r, a, err);
	if (x->m->ends && a->grade < GRADE_SALVAGED && x->state == ITEM_FAILED)
		refuse_answer(x, r, a);
	return 0;
}

static int write_all(struct run *x, struct err *err)
{
	if (db_bulk(x->db, STMT_MEND_ANSWER, x->answers, x->n_answers, err) < 0 ||
	    (x->n_items > 0 && db_bulk(x->db, STMT_MEND_ITEM, x->items, x->n_items, err) < 0) ||
	    (x->n_refused > 0 &&
	     db_bulk(x->db, STMT_MEND_ITEM_REFUSED, x->refused, x->n_refused, err) < 0))
		return -1;
	return tally_fail_blocked(x->tally, x->db, x->failed, x->n_failed, err);
}

static void run_begin(struct run *x, size_t n)
{
	x->all = must(calloc(n, sizeof(*x->all)));
	x->answers = must(calloc(n, ANSWER_COLS * sizeof(struct db_val)));
	x->items = must(calloc(n, ITEM_COLS * sizeof(struct db_val)));
	x->refused = must(calloc(n, ITEM_COLS * sizeof(struct db_val)));
	x->failed = must(calloc(n, sizeof(*x->failed)));
}

static void run_end(struct run *x)
{
	for (size_t i = 0; i < x->n; i++) {
		repaired_clear(&x->all[i].repaired);
		strbuf_clear(&x->all[i].report);
	}
	free(x->all);
	free(x->answers);
	free(x->items);
	free(x->refused);
	free(x->failed);
}

int mend_lots(struct mend *m, struct db *db, struct tally *t, struct err *err)
{
	struct run x = {.m = m, .db = db, .tally = t};
	struct db_rows *r;
	int rc = 0;

	m->n_mended = m->n_refused = 0; /* the transaction may run again */
	if (db_query(db, STMT_MEND_ROWS,
		     DB_P(db_int(m->job), db_int(m->first), db_int(m->last), db_int(m->item),
			  db_int(m->again)),
		     &r, err) < 0)
		return -1;
	if (db_rows_count(r) > 0) {
		run_begin(&x, db_rows_count(r));
		while (rc == 0 && db_next(r))
			rc = mend_row(&x, r, err);
		if (rc == 0)
			rc = write_all(&x, err);
		run_end(&x);
	}
	db_rows_free(&r);
	return rc;
}
