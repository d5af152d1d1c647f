/* SPDX-License-Identifier: ISC */
/* lot_page: see lot_page.h. */
#include "fcgi_app/lot_page.h"

#include <string.h>
#include <strings.h>

#include "common/log.h"
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

static int render_large_value(const struct lot_page *p, const struct db_rows *answers,
			      struct strbuf *out)
{
	struct db_rows *rows;
	const char *value;
	size_t n;
	int rc = 0;

	if (call_query(p->c, STMT_FRONT_VALUE,
		       DB_P(db_int(db_get_int(answers, ITEM_ID)),
			    db_int(db_get_int(answers, ATTEMPT_NO))),
		       &rows) < 0)
		return -1;
	if (db_next(rows)) {
		value = db_get_text(rows, 0, &n);
		strbuf_add(out, value, n);
		call_progress(p->c);
	} else {
		call_problem(p->c, PROBLEM_NOT_FOUND, "the job was deleted meanwhile");
		rc = -1;
	}
	db_rows_free(&rows);
	return rc;
}

/* The value goes through byte for byte (I5). */
static int render_answer(const struct lot_page *p, const struct db_rows *answers,
			 struct strbuf *out)
{
	size_t n;
	const char *value = db_get_text(answers, VALUE, &n);

	strbuf_adds(out, "{\"value\":");
	if (value)
		strbuf_add(out, value, n);
	else if (render_large_value(p, answers, out) < 0)
		return -1;
	strbuf_adds(out, ",\"source\":");
	strbuf_adds_json(out, db_get_text(answers, SOURCE, NULL));
	strbuf_adds(out, ",\"repaired\":");
	strbuf_adds_json(out, db_get_text(answers, REPAIRED, NULL));
	if (strcmp(db_get_text(answers, GRADE, NULL), grade_names[GRADE_SALVAGED]) == 0)
		strbuf_adds(out, ",\"salvaged\":true");
	strbuf_addc(out, '}');
	return 0;
}

static void render_error(const char *tag, const char *code, struct strbuf *errors)
{
	if (errors->len > 0)
		strbuf_addc(errors, ',');
	strbuf_adds(errors, "{\"language\":");
	strbuf_adds_json(errors, tag);
	strbuf_adds(errors, ",\"code\":");
	strbuf_adds_json(errors, code);
	strbuf_adds(errors, ",\"message\":");
	strbuf_adds_json(errors, item_code_message(code));
	strbuf_addc(errors, '}');
}

static int render_item(const struct lot_page *p, const struct db_rows *answers, const char *comma,
		       struct strbuf *out, struct strbuf *errors)
{
	const int64_t no = db_get_int(answers, LANG_NO);
	const char *tag = no >= 0 && (size_t)no < p->n_tags ? p->tags[no] : "";
	const char *code;

	strbuf_adds(out, comma);
	strbuf_adds_json(out, tag);
	strbuf_addc(out, ':');
	if (!db_is_null(answers, GRADE))
		return render_answer(p, answers, out);
	strbuf_adds(out, "null");
	code = code_of(p, answers);
	if (code)
		render_error(tag, code, errors);
	return 0;
}

/* One lot with its items, which `answers` stands at (*more: it stands at a row). */
static int render_lot(const struct lot_page *p, const struct db_rows *lots, struct db_rows *answers,
		      bool *more, struct strbuf *out)
{
	const int64_t seq = db_get_int(lots, 0);
	const char *comma = "";
	struct strbuf errors;
	int rc = 0;

	strbuf_init(&errors, 1u << 20);
	strbuf_adds(out, p->any ? ",{\"id\":" : "{\"id\":");
	strbuf_adds_json(out, db_get_text(lots, 1, NULL));
	strbuf_adds(out, ",\"title\":");
	strbuf_adds_json(out, db_get_text(lots, 2, NULL));
	strbuf_adds(out, ",\"descriptions\":{");
	while (rc == 0 && *more && db_get_int(answers, LOT_SEQ) == seq) {
		rc = render_item(p, answers, comma, out, &errors);
		comma = ",";
		*more = db_next(answers);
	}
	strbuf_adds(out, "},\"errors\":[");
	strbuf_add(out, errors.data, errors.len);
	strbuf_adds(out, "]}");
	strbuf_clear(&errors);
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
	int rendered = 0;
	int64_t found;

	n = n < most ? n : most;
	n = n < 1 ? 1 : n;
	if (call_query(p->c, STMT_FRONT_LOTS,
		       DB_P(db_int(p->job->id), db_int(p->next_seq), db_int(n)), &lots) < 0)
		return -1;
	/* Lots are numbered without gaps. */
	found = (int64_t)db_rows_count(lots);
	if (found > 0)
		rendered = render_slice(p, lots, p->next_seq + found - 1, out);
	p->at_end = found < n && rendered == (int)found;
	db_rows_free(&lots);
	return rendered;
}
