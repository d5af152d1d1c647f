/* SPDX-License-Identifier: ISC */
/* repair: see repair.h. The order of the readings; the grammars are in repair_*.c. */
#include "core/repair.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/json_schema.h"
#include "core/repair_envelope.h"
#include "core/repair_reading.h"
#include "core/utf8.h"

/* A control character becomes six bytes, and nothing grows more. */
#define GROWTH   6
#define AT_LEAST 64

struct repairing {
	const struct repair_rules *rules;
	struct repaired *out;
	struct reading lenient, python;
	struct strbuf lenient_text, python_text;
	struct strbuf level; /* the text at hand, where it was decoded from a string */
	bool is_halved;      /* the text ends in the middle of a character */
};

/* A document that was read: where it is in the text, and what it says. */
struct found {
	struct json_span span;
	struct json_span value;             /* in the text itself, or in a reading's */
	const struct repair_report *report; /* NULL: nothing was mended */
};

static int refuse(struct repairing *x, size_t offset, const char *what)
{
	x->out->fault.offset = offset;
	snprintf(x->out->fault.what, sizeof(x->out->fault.what), "%s", what);
	return -1;
}

static int refuse_misfit(struct repairing *x)
{
	x->out->is_misfit = true;
	return refuse(x, 0, "no object");
}

static int refuse_as(struct repairing *x, const struct reading *r)
{
	x->out->fault = r->fault;
	return -1;
}

/* --- one place of the text --- */

/* What read() returns: 0, 1 or -1. */
static int read_on(struct repairing *x, struct reading *r, int (*read)(struct reading *r))
{
	const char *from = r->p;
	int rc = read(r);

	if (strbuf_failed(r->out))
		rc = reading_refuse(r, "a document that is too large");
	x->out->steps += (size_t)(r->p - from);
	return rc;
}

static void take(const struct reading *r, const char *from, struct found *f)
{
	f->span = (struct json_span){from, (size_t)(r->p - from)};
	f->report = r->is_noted ? &r->report : NULL;
	f->value = r->is_noted ? (struct json_span){r->out->data, r->out->len} : f->span;
}

static bool is_python(const struct reading *r)
{
	return r->report.of[REPAIR_PYTHON].count > 0;
}

static int take_cut(struct repairing *x, struct reading *r, const char *from, struct found *f)
{
	r->p = r->end;
	if (!reading_cut(r))
		return refuse(x, (size_t)(from - r->start),
			      "nothing is whole of a cut-off document");
	take(r, from, f);
	return 0;
}

/*
 * JSON without any leniency comes first, then Python where something is Python's alone: the same
 * escape can mean different things to the two. What ends in the midst of JSON does for Python, too.
 */
static int read_at(struct repairing *x, const struct reading_place *place, struct found *f)
{
	struct reading *l = &x->lenient, *p = &x->python;
	int lenient;

	reading_begin_at(l, place);
	l->is_strict = true;
	lenient = read_on(x, l, repair_read_lenient);
	if (lenient == 0 && !l->is_noted) {
		take(l, place->p, f);
		return 0;
	}
	if (l->has_ended && !l->is_noted)
		return take_cut(x, l, place->p, f);
	reading_begin_at(p, place);
	if (read_on(x, p, repair_read_python) == 0 && is_python(p)) {
		take(p, place->p, f);
		return 0;
	}
	l->is_strict = false;
	if (lenient == 1)
		lenient = read_on(x, l, repair_read_lenient);
	if (lenient == 0) {
		take(l, place->p, f);
		return 0;
	}
	if (l->has_ended && !(p->has_ended && is_python(p)))
		return take_cut(x, l, place->p, f);
	if (p->has_ended && is_python(p))
		return take_cut(x, p, place->p, f);
	return refuse_as(x, p->fault.offset > l->fault.offset ? p : l);
}

/* --- the text of one level --- */

static bool is_container(struct json_span value)
{
	return value.n > 0 && (*value.p == '{' || *value.p == '[');
}

/* The whole text is one value, of whatever kind. */
static bool read_whole(struct repairing *x, const struct reading_place *place, struct found *f)
{
	return read_at(x, place, f) == 0 && f->span.n == (size_t)(place->end - place->p);
}

static void add_report(struct repair_report *to, const struct repair_report *from)
{
	for (size_t i = 0; i < REPAIR_CLASS_COUNT; i++) {
		if (from->of[i].count > 0 && to->of[i].count == 0)
			to->of[i].first = from->of[i].first;
		to->of[i].count += from->of[i].count;
		to->of[i].dropped += from->of[i].dropped;
	}
}

/* The document in a text, at whose beginning the place is. */
static int find_document(struct repairing *x, struct reading_place *place, struct found *f)
{
	const struct json_span text = {place->p, (size_t)(place->end - place->p)};
	const char *s = text.p;
	bool is_read = false, is_tried = is_container(text);

	if (is_tried)
		is_read = read_at(x, place, f) == 0;
	if (is_read && envelope_is_talk(s, place->end, f->span, &x->out->report))
		return 0;
	if (envelope_skip_thoughts(&s, place->end) < 0)
		return refuse(x, 0, "thoughts without an end");
	if (s > text.p)
		repair_note(&x->out->report, REPAIR_THINK, 0, (size_t)(s - text.p));
	place->p = envelope_find(s, place->end);
	if (place->p == place->end)
		return refuse(x, 0, "no document in the text");
	if (place->p != text.p || !is_tried)
		is_read = read_at(x, place, f) == 0;
	if (!is_read)
		return -1;
	if (!envelope_is_talk(s, place->end, f->span, &x->out->report))
		return refuse(x, (size_t)(f->span.p - text.p),
			      "several documents, or parts of one");
	return 0;
}

/* --- documents in strings --- */

/* {\"a\": ...}: what is in a JSON string, without its quotes. */
static bool is_escaped(struct json_span text)
{
	return text.n > 2 && is_container(text) && text.p[1] == '\\';
}

/* The level's text becomes what the string says. It may be in that text. */
static int decode(struct repairing *x, struct json_span string)
{
	struct strbuf decoded;
	size_t at = 0, n;
	char c[4];

	strbuf_init(&decoded, string.n);
	while ((n = json_string_next(string, &at, c)) != 0)
		strbuf_add(&decoded, c, n);
	strbuf_clear(&x->level);
	x->level = decoded;
	repair_note(&x->out->report, REPAIR_ENCODED, 0, 0);
	return strbuf_failed(&decoded) ? refuse(x, 0, "a document that is too large") : 0;
}

static int decode_escaped(struct repairing *x, struct json_span text)
{
	struct json_fault fault;
	struct strbuf quoted;
	int rc = -1;

	strbuf_init(&quoted, text.n + 2);
	strbuf_addc(&quoted, '"');
	strbuf_add(&quoted, text.p, text.n);
	strbuf_addc(&quoted, '"');
	if (strbuf_failed(&quoted) ||
	    json_scan(quoted.data, quoted.len, &json_rules_provider, &fault) < 0)
		refuse(x, 0, "a document with escaped quotes that is no string");
	else
		rc = decode(x, (struct json_span){quoted.data, quoted.len});
	strbuf_clear(&quoted);
	return rc;
}

/* 1: its document is in f; 0: the text was a string and is decoded now; -1. */
static int read_level(struct repairing *x, struct json_span text, struct found *f)
{
	struct reading_place place = {text.p, text.p, text.p + text.n};

	if (is_escaped(text))
		return decode_escaped(x, text);
	if ((is_container(text) || !read_whole(x, &place, f)) && find_document(x, &place, f) < 0)
		return -1;
	if (f->report)
		add_report(&x->out->report, f->report);
	if (!x->rules->object || is_container(f->value))
		return 1;
	if (*f->value.p == '"')
		return decode(x, f->value);
	return refuse_misfit(x);
}

/* --- what it is worth --- */

static void keep(struct repaired *out, struct json_span value)
{
	strbuf_add(&out->text, value.p, value.n);
}

/* Of a key that is there twice it is not known which is meant. */
static bool is_only(struct json_span object, const struct json_member *m)
{
	struct json_walk w;
	struct json_member other;

	json_walk_begin(&w, object);
	while (json_walk_next(&w, &other))
		if (other.key.p != m->key.p && json_string_same(other.key, m->key))
			return false;
	return true;
}

/* The members that fit. 0; -1: there is none. */
static int keep_fitting(struct repairing *x, struct json_span object)
{
	struct strbuf *text = &x->out->text;
	struct json_walk w;
	struct json_member m;
	size_t kept = 0;

	json_walk_begin(&w, object);
	while (json_walk_next(&w, &m)) {
		/* the first condition bounds the work of the last */
		if (m.index >= JSON_SCAN_KEYS || !json_schema_fits_member(x->rules->schema, &m) ||
		    !is_only(object, &m)) {
			repair_note(&x->out->report, REPAIR_MISFIT, (size_t)(m.key.p - object.p),
				    (size_t)(m.value.p + m.value.n - m.key.p));
			continue;
		}
		strbuf_addc(text, kept++ == 0 ? '{' : ',');
		strbuf_add(text, m.key.p, m.key.n);
		strbuf_addc(text, ':');
		strbuf_add(text, m.value.p, m.value.n);
	}
	strbuf_adds(text, kept > 0 ? "}" : "");
	return kept > 0 ? 0 : -1;
}

static enum repair_verdict mended_or_salvaged(const struct repaired *out)
{
	return out->report.of[REPAIR_CUT].count > 0 ? REPAIR_SALVAGED : REPAIR_MENDED;
}

/* Every member of a strict schema is required: one that fits is enough. */
static enum repair_verdict judge(struct repairing *x, struct json_span value)
{
	const struct repair_rules *rules = x->rules;
	struct json_fault fault;

	if (json_scan(value.p, value.n, &json_rules_provider, &fault) < 0) {
		x->out->fault = fault;
		return REPAIR_REFUSED;
	}
	if (rules->object && *value.p != '{') {
		refuse_misfit(x);
		return REPAIR_REFUSED;
	}
	if (!rules->schema || json_schema_find_fault(rules->schema, value, &fault) == 0) {
		keep(x->out, value);
		return mended_or_salvaged(x->out);
	}
	x->out->is_misfit = true;
	if (keep_fitting(x, value) == 0)
		return REPAIR_SALVAGED;
	x->out->fault = fault;
	return REPAIR_REFUSED;
}

/* --- the whole --- */

/* What a document that was cut off in the middle of a character has of it. */
static int check_utf8(struct repairing *x, struct json_span *text)
{
	const size_t whole = utf8_whole(text->p, text->n), valid = utf8_valid(text->p, whole);

	x->out->steps += text->n;
	if (valid < whole)
		return refuse(x, valid, "text that is not UTF-8");
	x->is_halved = whole < text->n;
	text->n = whole;
	return 0;
}

static void skip_bom(struct repairing *x, struct json_span *text)
{
	if (text->n < 3 || memcmp(text->p, "\xef\xbb\xbf", 3) != 0)
		return;
	repair_note(&x->out->report, REPAIR_BOM, 0, 3);
	text->p += 3;
	text->n -= 3;
}

static enum repair_verdict repair(struct repairing *x, struct json_span text)
{
	struct found f = {.value = {"", 0}};
	int rc = 0;

	if (check_utf8(x, &text) < 0)
		return REPAIR_REFUSED;
	skip_bom(x, &text);
	for (int level = 0; rc == 0; level++) {
		text = json_span_of(text.p, text.n);
		if (text.n == 0 || level > REPAIR_LEVELS)
			rc = refuse(x, 0,
				    text.n == 0 ? "no text" : "strings in strings in strings");
		else
			rc = read_level(x, text, &f);
		if (rc == 0)
			text = (struct json_span){x->level.data, x->level.len};
	}
	/* half a character behind a whole document is no cut-off one */
	if (rc > 0 && x->is_halved && x->out->report.of[REPAIR_CUT].count == 0)
		rc = refuse(x, text.n, "text that is not UTF-8");
	return rc < 0 ? REPAIR_REFUSED : judge(x, f.value);
}

/* True where the text is what was wanted. */
static bool is_right(struct repairing *x, struct json_span text)
{
	const struct repair_rules *rules = x->rules;
	struct json_fault fault;

	x->out->steps += text.n;
	if (json_scan(text.p, text.n, &json_rules_provider, &fault) < 0)
		return false;
	text = json_span_of(text.p, text.n);
	return !rules->object ||
	       (*text.p == '{' &&
		(!rules->schema || json_schema_find_fault(rules->schema, text, &fault) == 0));
}

void repair_text(const char *s, size_t n, const struct repair_rules *rules, struct repaired *out)
{
	const size_t limit = n * GROWTH + AT_LEAST;
	struct repairing *x;

	memset(out, 0, sizeof(*out));
	strbuf_init(&out->text, limit);
	x = calloc(1, sizeof(*x));
	if (!x) {
		snprintf(out->fault.what, sizeof(out->fault.what), "no memory");
		return;
	}
	x->rules = rules;
	x->out = out;
	strbuf_init(&x->lenient_text, limit);
	strbuf_init(&x->python_text, limit);
	x->lenient.out = &x->lenient_text;
	x->python.out = &x->python_text;
	strbuf_init(&x->level, limit);
	out->verdict = is_right(x, (struct json_span){s, n}) ? REPAIR_UNCHANGED
							     : repair(x, (struct json_span){s, n});
	if (strbuf_failed(&out->text))
		out->verdict = REPAIR_REFUSED;
	strbuf_clear(&x->lenient_text);
	strbuf_clear(&x->python_text);
	strbuf_clear(&x->level);
	free(x);
}

void repaired_clear(struct repaired *r)
{
	strbuf_clear(&r->text);
}
