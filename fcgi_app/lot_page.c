/* SPDX-License-Identifier: ISC */
/* lot_page: see lot_page.h. */
#include "fcgi_app/lot_page.h"

#include <string.h>
#include <strings.h>

#include "fcgi_app/item_code.h"

/* Answers that are read at a time: without the large values their texts fit 16 MiB. */
#define SLICE_ITEMS 250

/* Columns of FRONT_ANSWERS. */
enum { LOT_SEQ, LANG_NO, STATE, CODE, GRADE, SOURCE, REPAIRED, VALUE, ITEM_ID, ATTEMPT_NO };

int lot_page_init(struct lot_page *p, struct call *c, const struct job *job, const char *language,
		  int64_t first_seq)
{
	*p = (struct lot_page){.c = c, .job = job, .language = -1, .next_seq = first_seq};
	if (call_query(c, STMT_FRONT_JOB_TAGS, DB_P(db_int(job->id)), &p->tag_rows) < 0)
		return -1;
	while (p->n_tags <= LIMIT_LANGUAGES && db_next(p->tag_rows)) {
		p->tags[p->n_tags] = db_get_text(p->tag_rows, 1, NULL);
		p->n_lots = db_get_int(p->tag_rows, 2); /* each has an item of each */
		if (language && strcasecmp(p->tags[p->n_tags], language) == 0)
			p->language = (int)p->n_tags;
		p->n_tags++;
	}
	if (language && p->language < 0) {
		const struct problem_fault fault = {.parameter = "language",
						    .detail = "is none of the job's languages"};

		call_problem_faults(c, PROBLEM_INVALID, "there is no such language", &fault, 1);
		return -1;
	}
	if (p->n_tags == 0) {
		call_fail(c, &(struct err){.class = ERR_BUG, .text = "the job has no languages"});
		return -1;
	}
	return 0;
}

void lot_page_clear(struct lot_page *p)
{
	db_rows_free(&p->tag_rows);
}

/* Why there is no answer, or NULL while one may still come. */
static const char *code_of(const struct lot_page *p, const struct db_rows *answers)
{
	const char *state = db_get_text(answers, STATE, NULL);

	if (strcmp(state, item_state_names[ITEM_FAILED]) == 0)
		return db_get_text(answers, CODE, NULL);
	return p->job->unstored || job_status_is_terminal(p->job->status)
		       ? job_end_codes[p->job->end]
		       : NULL;
}

/* batchd is removing what a deleted job had: what is left of it would pass for the whole. */
static int refuse_removed(const struct lot_page *p)
{
	call_problem(p->c, PROBLEM_NOT_FOUND, "the job was deleted meanwhile");
	return -1;
}

/* A value that was too large to be read with the others. */
static int read_large(const struct lot_page *p, const struct db_rows *answers,
		      struct lot_item *item)
{
	if (call_query(p->c, STMT_FRONT_VALUE,
		       DB_P(db_int(db_get_int(answers, ITEM_ID)),
			    db_int(db_get_int(answers, ATTEMPT_NO))),
		       &item->large) < 0)
		return -1;
	if (!db_next(item->large))
		return refuse_removed(p);
	item->value = db_get_text(item->large, 0, &item->value_n);
	call_progress(p->c);
	return 0;
}

static int read_item(const struct lot_page *p, const struct db_rows *answers, struct lot_item *item)
{
	const int64_t no = db_get_int(answers, LANG_NO);

	*item = (struct lot_item){.tag = no >= 0 && (size_t)no < p->n_tags ? p->tags[no] : ""};
	if (db_is_null(answers, GRADE)) {
		item->code = code_of(p, answers);
		return 0;
	}
	item->value = db_get_text(answers, VALUE, &item->value_n);
	item->source = db_get_text(answers, SOURCE, NULL);
	item->repaired = db_get_text(answers, REPAIRED, NULL);
	item->salvaged =
		strcmp(db_get_text(answers, GRADE, NULL), grade_names[GRADE_SALVAGED]) == 0;
	if (!item->value && read_large(p, answers, item) < 0)
		return -1;
	return item->value_n > 0 ? 0 : refuse_removed(p);
}

/*
 * The next item of the lot `seq`, in place of the one before: 1 and *item, 0 after the last, -1 and
 * the error answer is prepared. *more: `answers` stands at a row.
 */
static int next_item(const struct lot_page *p, int64_t seq, struct db_rows *answers, bool *more,
		     struct lot_item *item)
{
	db_rows_free(&item->large);
	if (!*more || db_get_int(answers, LOT_SEQ) != seq)
		return 0;
	if (read_item(p, answers, item) < 0) {
		db_rows_free(&item->large);
		return -1;
	}
	*more = db_next(answers);
	return 1;
}

/* The value goes through byte for byte (I5). */
static void render_answer(const struct lot_item *item, struct strbuf *out)
{
	strbuf_adds(out, "{\"value\":");
	strbuf_add(out, item->value, item->value_n);
	strbuf_adds(out, ",\"source\":");
	strbuf_adds_json(out, item->source);
	strbuf_adds(out, ",\"repaired\":");
	strbuf_adds_json(out, item->repaired);
	if (item->salvaged)
		strbuf_adds(out, ",\"salvaged\":true");
	strbuf_addc(out, '}');
}

static void render_error(const struct lot_item *item, struct strbuf *errors)
{
	if (errors->len > 0)
		strbuf_addc(errors, ',');
	strbuf_adds(errors, "{\"language\":");
	strbuf_adds_json(errors, item->tag);
	strbuf_adds(errors, ",\"code\":");
	strbuf_adds_json(errors, item->code);
	strbuf_adds(errors, ",\"message\":");
	strbuf_adds_json(errors, item_code_message(item->code));
	strbuf_addc(errors, '}');
}

static void render_item(const struct lot_item *item, const char *comma, struct strbuf *out,
			struct strbuf *errors)
{
	strbuf_adds(out, comma);
	strbuf_adds_json(out, item->tag);
	strbuf_addc(out, ':');
	if (item->value)
		render_answer(item, out);
	else
		strbuf_adds(out, "null");
	if (item->code)
		render_error(item, errors);
}

static int render_json(const struct lot_page *p, const struct db_rows *lots,
		       struct db_rows *answers, bool *more, struct strbuf *out)
{
	const char *comma = "";
	struct lot_item item = {0};
	struct strbuf errors;
	int found;

	strbuf_init(&errors, 1u << 20);
	strbuf_adds(out, "{\"id\":");
	strbuf_adds_json(out, db_get_text(lots, 1, NULL));
	strbuf_adds(out, ",\"title\":");
	strbuf_adds_json(out, db_get_text(lots, 2, NULL));
	strbuf_adds(out, ",\"descriptions\":{");
	while ((found = next_item(p, db_get_int(lots, 0), answers, more, &item)) == 1) {
		render_item(&item, comma, out, &errors);
		comma = ",";
	}
	if (found == 0) { /* else *out may be the error answer */
		strbuf_adds(out, "},\"errors\":[");
		strbuf_add(out, errors.data, errors.len);
		strbuf_adds(out, "]}");
	}
	strbuf_clear(&errors);
	return found;
}

/* In JSON a line end is never part of a string: a space in its place is the same value. */
static void flatten(char *text, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (text[i] == '\n' || text[i] == '\r')
			text[i] = ' ';
}

static int render_rows(const struct lot_page *p, const struct db_rows *lots,
		       struct db_rows *answers, bool *more, struct strbuf *out)
{
	struct lot_item item = {0};
	int found;

	while ((found = next_item(p, db_get_int(lots, 0), answers, more, &item)) == 1)
		lot_csv_row(p->csv, db_get_text(lots, 1, NULL), db_get_text(lots, 2, NULL), &item,
			    out);
	return found;
}

/* One lot with its items. 0, or -1 and the error answer is prepared. */
static int render_lot(const struct lot_page *p, const struct db_rows *lots, struct db_rows *answers,
		      bool *more, struct strbuf *out)
{
	const size_t begin = out->len;
	int rc;

	if (p->format == LOT_CSV)
		return render_rows(p, lots, answers, more, out);
	if (p->any && p->format == LOT_JSON)
		strbuf_addc(out, ',');
	rc = render_json(p, lots, answers, more, out);
	if (rc == 0 && p->format == LOT_NDJSON) {
		flatten(out->data + begin, out->len - begin);
		strbuf_addc(out, '\n');
	}
	return rc;
}

static int query_answers(const struct lot_page *p, int64_t first, int64_t last,
			 struct db_rows **answers)
{
	const struct db_val job_id = db_int(p->job->id);

	if (p->language >= 0)
		return call_query(p->c, STMT_FRONT_ANSWERS_LANGUAGE,
				  DB_P(job_id, db_int(first), db_int(last), db_int(p->language)),
				  answers);
	return call_query(p->c, STMT_FRONT_ANSWERS, DB_P(job_id, db_int(first), db_int(last)),
			  answers);
}

static int render_slice(struct lot_page *p, struct db_rows *lots, int64_t last, struct strbuf *out)
{
	struct db_rows *answers;
	bool more;
	int n = 0;

	if (query_answers(p, p->next_seq, last, &answers) < 0)
		return -1;
	more = db_next(answers);
	while ((n == 0 || out->len < LOT_PAGE_BYTES) && db_next(lots)) {
		if (render_lot(p, lots, answers, &more, out) < 0) {
			db_rows_free(&answers);
			return -1;
		}
		p->any = true;
		p->next_seq = db_get_int(lots, 0) + 1;
		n++;
	}
	db_rows_free(&answers);
	call_progress(p->c);
	return n;
}

int lot_page_next(struct lot_page *p, int64_t most, struct strbuf *out)
{
	const int64_t per_lot = p->language >= 0 ? 1 : (int64_t)p->n_tags;
	int64_t n = SLICE_ITEMS / per_lot;
	struct db_rows *lots;
	int64_t last;
	int rendered;

	n = n < most ? n : most;
	n = n < 1 ? 1 : n;
	/* Lots are numbered without gaps. */
	last = (p->next_seq + n < p->n_lots ? p->next_seq + n : p->n_lots) - 1;
	if (last < p->next_seq)
		return 0;
	if (call_query(p->c, STMT_FRONT_LOTS,
		       DB_P(db_int(p->job->id), db_int(p->next_seq), db_int(last)), &lots) < 0)
		return -1;
	if ((int64_t)db_rows_count(lots) == last - p->next_seq + 1)
		rendered = render_slice(p, lots, last, out);
	else
		rendered = refuse_removed(p);
	db_rows_free(&lots);
	return rendered;
}
