/* SPDX-License-Identifier: ISC */
/*
 * repair_python_string: string and bytes literals (Python language reference 2.4.1), with their
 * prefixes and escapes. \N{...} would need the names of all characters, and an f-string is no
 * literal: both are refused.
 */
#include "core/repair_python.h"

#include <string.h>

#include "core/ascii.h"
#include "core/utf8.h"

struct literal {
	bool is_raw, is_bytes, is_triple;
	char quote;
};

/* The bytes of the prefix and what it says; or false: no literal begins here. */
static bool read_prefix(const struct reading *r, struct literal *l, size_t *n)
{
	const char *p = r->p;

	*l = (struct literal){.is_raw = false};
	while (p < r->end && p - r->p < 3 && ascii_is_alpha(*p)) {
		const char c = ascii_lower(*p++);

		if (c == 'r' && !l->is_raw)
			l->is_raw = true;
		else if (c == 'b' && !l->is_bytes)
			l->is_bytes = true;
		else if (c != 'u' || p - r->p > 1 || (p < r->end && ascii_is_alpha(*p)))
			return false; /* f'' is no literal, and ur'' was Python 2 */
	}
	if (p == r->end || (*p != '\'' && *p != '"'))
		return false;
	l->quote = *p;
	*n = (size_t)(p - r->p);
	return true;
}

bool python_string_begins(const struct reading *r)
{
	struct literal l;
	size_t n;

	return read_prefix(r, &l, &n);
}

/* --- one literal --- */

/* Where its characters go: into the document's string, or the bytes that make one. */
struct target {
	struct reading *r;
	struct strbuf *bytes; /* NULL: no bytes literal */
};

static void put(const struct target *t, uint32_t c)
{
	if (t->bytes)
		strbuf_addc(t->bytes, (char)c);
	else
		reading_put_char(t->r, c);
}

/* Up to three octal digits. */
static uint32_t octal(struct reading *r)
{
	uint32_t value = 0;

	for (int i = 0; i < 3 && !reading_at_end(r) && *r->p >= '0' && *r->p <= '7'; i++)
		value = value * 8 + (uint32_t)(*r->p++ - '0');
	return value;
}

/* repr() writes \x and \U, and JSON knows neither. */
static int put_hex(const struct target *t, size_t digits)
{
	int64_t value;

	if (digits != 4)
		reading_note(t->r, REPAIR_PYTHON, t->r->p - 1, 0);
	t->r->p++;
	value = reading_hex(t->r, digits);
	if (value < 0)
		return -1;
	if (value > 0x10ffff)
		return reading_refuse(t->r, "a character beyond U+10FFFF");
	put(t, (uint32_t)value);
	return 0;
}

/* p is behind the backslash, with something there. */
static int read_escape(const struct target *t)
{
	static const char from[] = "\\'\"abfnrtv", to[] = "\\'\"\a\b\f\n\r\t\v";
	struct reading *r = t->r;
	const char c = *r->p;
	const char *known = c ? strchr(from, c) : NULL;

	if (known) {
		r->p++;
		put(t, (unsigned char)to[known - from]);
		return 0;
	}
	if (c >= '0' && c <= '7') {
		put(t, t->bytes ? octal(r) & 0xff : octal(r));
		return 0;
	}
	if (c == 'x')
		return put_hex(t, 2);
	if (!t->bytes && (c == 'u' || c == 'U'))
		return put_hex(t, c == 'u' ? 4 : 8);
	if (!t->bytes && c == 'N')
		return reading_refuse(r, "a character by its name");
	if (c == '\n') {
		r->p++; /* the line goes on */
		return 0;
	}
	put(t, '\\'); /* the backslash stays */
	return 0;
}

/* In a raw literal both stay, and a quote behind the backslash does not end it. */
static void keep_escape(const struct target *t)
{
	put(t, '\\');
	if (*t->r->p == '\\' || *t->r->p == '\'' || *t->r->p == '"')
		put(t, (unsigned char)*t->r->p++);
}

static bool takes_end(struct reading *r, const struct literal *l)
{
	const size_t n = l->is_triple ? 3 : 1;

	if (*r->p != l->quote || (size_t)(r->end - r->p) < n ||
	    (l->is_triple && (r->p[1] != l->quote || r->p[2] != l->quote)))
		return false;
	r->p += n;
	return true;
}

static int read_backslash(const struct target *t, const struct literal *l)
{
	struct reading *r = t->r;

	r->p++;
	if (reading_at_end(r))
		return reading_ended(r);
	if (!l->is_raw)
		return read_escape(t);
	keep_escape(t);
	return 0;
}

static int read_body(const struct target *t, const struct literal *l)
{
	struct reading *r = t->r;

	for (;;) {
		if (!t->bytes)
			reading_put_run(r);
		if (reading_at_end(r))
			return reading_ended(r);
		if (takes_end(r, l))
			return 0;
		if (*r->p == '\\') {
			if (read_backslash(t, l) < 0)
				return -1;
			continue;
		}
		if (!l->is_triple && (*r->p == '\n' || *r->p == '\r'))
			return reading_refuse(r, "a line break in a string");
		if (*r->p == '\r') { /* Python reads every end of a line as \n */
			r->p += r->end - r->p > 1 && r->p[1] == '\n' ? 2 : 1;
			put(t, '\n');
			continue;
		}
		if (t->bytes && (unsigned char)*r->p >= 0x80)
			return reading_refuse(r, "a character that is no byte in a bytes literal");
		put(t, (unsigned char)*r->p++);
	}
}

static int read_literal(const struct target *t, const struct literal *first)
{
	struct reading *r = t->r;
	struct literal l;
	size_t n;

	if (!read_prefix(r, &l, &n))
		return reading_refuse(r, "no string where one must be");
	if (l.is_bytes != first->is_bytes)
		return reading_refuse(r, "bytes and text in one string");
	if (n > 0 || l.quote == '\'')
		reading_note(r, REPAIR_PYTHON, r->p, 0);
	r->p += n + 1;
	if (r->end - r->p >= 2 && r->p[0] == l.quote && r->p[1] == l.quote) {
		l.is_triple = true;
		reading_note(r, REPAIR_PYTHON, r->p - 1, 0);
		r->p += 2;
	}
	return read_body(t, &l);
}

/* --- with those that follow --- */

static int put_bytes(struct reading *r, const struct strbuf *bytes)
{
	if (utf8_valid(bytes->data, bytes->len) < bytes->len)
		return reading_refuse(r, "bytes that are no text");
	if (strbuf_failed(bytes))
		return reading_refuse(r, "a bytes literal that is too long");
	reading_note(r, REPAIR_BYTES, r->p, 0);
	return strbuf_add_json(r->out, bytes->data, bytes->len);
}

static int read_all(const struct target *t, const struct literal *first)
{
	do {
		if (read_literal(t, first) < 0)
			return -1;
		python_skip(t->r);
	} while (python_string_begins(t->r));
	/* another part of it may have followed */
	return reading_at_end(t->r) && t->r->depth > 0 ? reading_ended(t->r) : 0;
}

static int bytes_string(struct reading *r, const struct literal *first)
{
	struct strbuf bytes;
	int rc;

	strbuf_init(&bytes, (size_t)(r->end - r->p));
	rc = read_all(&(struct target){r, &bytes}, first);
	if (rc == 0)
		rc = put_bytes(r, &bytes);
	strbuf_clear(&bytes);
	return rc;
}

int python_string(struct reading *r)
{
	struct literal first;
	size_t n;

	if (!read_prefix(r, &first, &n))
		return reading_refuse(r, "no string where one must be");
	if (first.is_bytes)
		return bytes_string(r, &first);
	strbuf_addc(r->out, '"');
	if (read_all(&(struct target){r, NULL}, &first) < 0)
		return -1;
	strbuf_addc(r->out, '"');
	return 0;
}
