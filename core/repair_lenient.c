/* SPDX-License-Identifier: ISC */
/*
 * repair_lenient: JSON with what people and models do to it: single and typographic quotes, keys
 * without quotes, trailing and missing commas, comments, control characters in strings, words of
 * Python and JavaScript. A value without quotes is refused, and so is a quote inside a string that
 * is not escaped: where such a string ends is a guess.
 */
#include "core/repair_reading.h"

#include <string.h>

#include "core/ascii.h"

enum { OBJECT = '{', ARRAY = '[' };

/* --- between values --- */

static int skip_comment(struct reading *r)
{
	const char *from = r->p, *end;

	if (*r->p == '#' || r->p[1] == '/') {
		end = memchr(r->p, '\n', (size_t)(r->end - r->p));
		r->p = end ? end : r->end;
	} else {
		end = memmem(r->p + 2, (size_t)(r->end - r->p - 2), "*/", 2);
		if (!end)
			return reading_ended(r);
		r->p = end + 2;
	}
	reading_note(r, REPAIR_COMMENTS, from, (size_t)(r->p - from));
	return 0;
}

static bool is_comment(const struct reading *r)
{
	return *r->p == '#' ||
	       (*r->p == '/' && r->end - r->p > 1 && (r->p[1] == '/' || r->p[1] == '*'));
}

/* 0, 1: across the end of a line, -1. */
static int skip_space(struct reading *r)
{
	int crossed = 0;

	while (!reading_at_end(r)) {
		if (is_comment(r)) {
			if (skip_comment(r) < 0)
				return -1;
			continue;
		}
		if (*r->p != ' ' && *r->p != '\t' && *r->p != '\n' && *r->p != '\r')
			return crossed;
		crossed |= *r->p == '\n';
		r->p++;
	}
	return crossed;
}

/* --- strings --- */

/* How strings are quoted: what opens one, and what closes it. */
struct quotes {
	const char *open;
	const char *close[2];
};

static const struct quotes kinds_of_quotes[] = {
	{"\"", {"\"", NULL}},
	{"'", {"'", NULL}},
	{"\xe2\x80\x9c", {"\xe2\x80\x9d", "\xe2\x80\x9c"}}, /* “ ”, and “ again */
	{"\xe2\x80\x9e", {"\xe2\x80\x9c", "\xe2\x80\x9d"}}, /* „ “ */
	{"\xe2\x80\x98", {"\xe2\x80\x99", NULL}},           /* ‘ ’ */
};

static size_t match(const struct reading *r, const char *text)
{
	size_t n;

	if (!text || reading_at_end(r) || *r->p != *text)
		return 0;
	if (text[1] == '\0')
		return 1;
	n = strlen(text);
	return (size_t)(r->end - r->p) >= n && memcmp(r->p, text, n) == 0 ? n : 0;
}

static const struct quotes *quotes_at(const struct reading *r)
{
	for (size_t i = 0; i < sizeof(kinds_of_quotes) / sizeof(kinds_of_quotes[0]); i++)
		if (match(r, kinds_of_quotes[i].open))
			return &kinds_of_quotes[i];
	return NULL;
}

static size_t closing(const struct reading *r, const struct quotes *q)
{
	const size_t n = match(r, q->close[0]);

	return n > 0 ? n : match(r, q->close[1]);
}

/* p is behind "\u". A pair stays one: it is copied as it is. */
static int read_unicode(struct reading *r)
{
	const char *digits = r->p;

	if (reading_hex(r, 4) < 0)
		return -1;
	strbuf_adds(r->out, "\\u");
	strbuf_add(r->out, digits, 4);
	return 0;
}

/*
 * What JSON does not know: \' is a quote. In double quotes a backslash before anything else is
 * meant, but where Python would make a character of it; in single quotes \x41 is one.
 */
static int read_odd_escape(struct reading *r, const struct quotes *q)
{
	const char c = *r->p;
	int64_t value;

	reading_note(r, REPAIR_ESCAPES, r->p - 1, 0);
	if (c == '\'') {
		r->p++;
		strbuf_addc(r->out, '\'');
		return 0;
	}
	if (*q->open != '\'' && !strchr("\n\rav01234567xUN", c)) {
		strbuf_adds(r->out, "\\\\");
		return 0;
	}
	if (*q->open != '\'' || c != 'x')
		return reading_refuse(r, "an escape that JSON does not know");
	r->p++;
	value = reading_hex(r, 2);
	if (value < 0)
		return -1;
	reading_put_char(r, (uint32_t)value);
	return 0;
}

static int read_escape(struct reading *r, const struct quotes *q)
{
	r->p++;
	if (reading_at_end(r))
		return reading_ended(r);
	if (*r->p == 'u') {
		r->p++;
		return read_unicode(r);
	}
	if (*r->p == '\0' || !strchr("\"\\/bfnrt", *r->p))
		return read_odd_escape(r, q);
	strbuf_addc(r->out, '\\');
	strbuf_addc(r->out, *r->p++);
	return 0;
}

/* In typographic quotes these may stand anywhere: a run ends before them. */
static void put_run(struct reading *r, const struct quotes *q)
{
	const char *from = r->p;

	if (*q->open != '\xe2') {
		reading_put_run(r);
		return;
	}
	while (!reading_at_end(r) && (unsigned char)*r->p >= 0x20 && !strchr("\"'\\", *r->p) &&
	       !closing(r, q))
		r->p++;
	strbuf_add(r->out, from, (size_t)(r->p - from));
}

static int read_string(struct reading *r, const struct quotes *q)
{
	size_t n;

	if (*q->open != '"')
		reading_note(r, REPAIR_QUOTES, r->p, 0);
	r->p += strlen(q->open);
	strbuf_addc(r->out, '"');
	for (;;) {
		put_run(r, q);
		if (reading_at_end(r))
			return reading_ended(r);
		n = closing(r, q);
		if (n > 0)
			break;
		if (*r->p == '\\') {
			if (read_escape(r, q) < 0)
				return -1;
			continue;
		}
		if ((unsigned char)*r->p < 0x20)
			reading_note(r, REPAIR_CONTROLS, r->p, 0);
		reading_put_char(r, (unsigned char)*r->p++);
	}
	r->p += n;
	strbuf_addc(r->out, '"');
	return 0;
}

/* --- words and keys --- */

struct word {
	const char *text, *value;
	enum repair_class class; /* REPAIR_CLASS_COUNT: it is JSON */
};

static const struct word words[] = {
	{"true", "true", REPAIR_CLASS_COUNT}, {"false", "false", REPAIR_CLASS_COUNT},
	{"null", "null", REPAIR_CLASS_COUNT}, {"True", "true", REPAIR_WORDS},
	{"False", "false", REPAIR_WORDS},     {"None", "null", REPAIR_WORDS},
	{"undefined", "null", REPAIR_NULLED}, {"NaN", "null", REPAIR_NULLED},
	{"nan", "null", REPAIR_NULLED},       {"Infinity", "null", REPAIR_NULLED},
	{"inf", "null", REPAIR_NULLED},
};

static bool is_of_key(char c)
{
	return ascii_is_alnum(c) || c == '_' || c == '$' || c == '-';
}

static bool begins_key(char c)
{
	return ascii_is_alpha(c) || c == '_' || c == '$';
}

static size_t word_length(const struct reading *r)
{
	const char *p = r->p;

	while (p < r->end && is_of_key(*p))
		p++;
	return (size_t)(p - r->p);
}

static int read_word(struct reading *r)
{
	const size_t n = word_length(r);

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		const struct word *w = &words[i];

		if (strlen(w->text) != n || memcmp(r->p, w->text, n) != 0)
			continue;
		if (w->class != REPAIR_CLASS_COUNT)
			reading_note(r, w->class, r->p, 0);
		strbuf_adds(r->out, w->value);
		r->p += n;
		return 0;
	}
	if (n == (size_t)(r->end - r->p) && r->depth > 0)
		return reading_ended(r);
	return reading_refuse(r, "text without quotes");
}

/* -Infinity too. */
static int read_number(struct reading *r)
{
	if ((*r->p == '-' || *r->p == '+') && r->end - r->p > 1 && ascii_is_alpha(r->p[1])) {
		r->p++;
		return read_word(r);
	}
	return reading_number(r, NUMBER_LENIENT);
}

/* 2_0 and 0x1F are numbers to Python and JavaScript, which write them in another way. */
static bool may_be_odd_number(const char *key, size_t n)
{
	size_t digits = 0;

	while (digits < n && ascii_is_digit(key[digits]))
		digits++;
	return digits > 0 && digits < n;
}

static int read_bare_key(struct reading *r)
{
	const size_t n = word_length(r);

	if (may_be_odd_number(r->p, n))
		return reading_refuse(r, "a key that may be a number");
	reading_note(r, REPAIR_KEYS, r->p, 0);
	strbuf_addc(r->out, '"');
	strbuf_add(r->out, r->p, n);
	strbuf_addc(r->out, '"');
	r->p += n;
	return 0;
}

/* A key and its colon; a value must follow. */
static int read_key(struct reading *r)
{
	const struct quotes *q;
	int rc;

	reading_begin(r);
	if (reading_at_end(r))
		return reading_ended(r);
	q = quotes_at(r);
	if (q)
		rc = read_string(r, q);
	else if (begins_key(*r->p) || ascii_is_digit(*r->p))
		rc = read_bare_key(r);
	else
		return reading_refuse(r, "no key where one must be");
	if (rc < 0 || skip_space(r) < 0)
		return -1;
	if (reading_at_end(r))
		return reading_ended(r);
	if (!reading_take(r, ':'))
		return reading_refuse(r, "no colon behind a key");
	strbuf_addc(r->out, ':');
	reading_top(r)->has_key = true;
	return 1;
}

/* --- values --- */

/* A member begins: 1: its value must follow, -1. */
static int begin_member(struct reading *r)
{
	if (reading_top(r)->kind == OBJECT)
		return read_key(r);
	reading_begin(r);
	return 1;
}

static int open_container(struct reading *r)
{
	const char open = *r->p, close = open == OBJECT ? '}' : ']';

	if (reading_open(r, open, open, close) < 0)
		return -1;
	reading_top(r)->needs_key = open == OBJECT;
	r->p++;
	if (skip_space(r) < 0)
		return -1;
	if (reading_take(r, close)) {
		reading_close(r);
		return 0;
	}
	return begin_member(r);
}

/* 1: a value was opened and another must follow; 0: a whole value was read. */
static int read_value(struct reading *r)
{
	const struct quotes *q;

	if (skip_space(r) < 0)
		return -1;
	if (reading_at_end(r))
		return reading_ended(r);
	if (*r->p == OBJECT || *r->p == ARRAY)
		return open_container(r);
	q = quotes_at(r);
	if (q)
		return read_string(r, q);
	if (ascii_is_digit(*r->p) || (*r->p != '\0' && strchr("+-.", *r->p)))
		return read_number(r);
	if (begins_key(*r->p))
		return read_word(r);
	return reading_refuse(r, "something that is no JSON value");
}

/*
 * Between these a comma is missing for sure: on the next line, behind or before a container, and
 * before a key in quotes.
 */
static bool is_comma_missing(const struct reading *r, const char *value_end, bool crossed)
{
	const struct repair_frame *f = &r->frames[r->depth - 1];

	if (crossed)
		return true;
	if (f->kind == OBJECT)
		return r->p > value_end && quotes_at(r);
	return value_end[-1] == '}' || value_end[-1] == ']';
}

static int behind_comma(struct reading *r, const char *comma)
{
	const struct repair_frame *f = reading_top(r);

	if (skip_space(r) < 0)
		return -1;
	if (reading_at_end(r))
		return reading_ended(r);
	if (*r->p != f->close)
		return begin_member(r);
	reading_note(r, REPAIR_COMMAS, comma, 0);
	return 0;
}

/* Behind a value: 1: another must follow; 0: the outermost container, or the value, is over. */
static int read_behind(struct reading *r)
{
	while (r->depth > 0) {
		const char *value_end = r->p;
		int crossed;

		reading_whole(r);
		crossed = skip_space(r);
		if (crossed < 0)
			return -1;
		if (reading_at_end(r))
			return reading_ended(r);
		if (reading_take(r, ',')) {
			const int rc = behind_comma(r, r->p - 1);

			if (rc != 0)
				return rc;
		}
		if (reading_take(r, reading_top(r)->close)) {
			reading_close(r);
			continue;
		}
		if (!is_comma_missing(r, value_end, crossed == 1))
			return reading_refuse(r, "neither a comma nor the end of its container");
		reading_note(r, REPAIR_COMMAS, r->p, 0);
		return begin_member(r);
	}
	return 0;
}

int repair_read_lenient(struct reading *r)
{
	return reading_all(r, read_value, read_behind);
}
