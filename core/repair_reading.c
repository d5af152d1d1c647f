/* SPDX-License-Identifier: ISC */
/* repair_reading: see repair_reading.h. */
#include "core/repair_reading.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "core/ascii.h"
#include "core/json_run.h"
#include "core/utf8.h"

void reading_begin_at(struct reading *r, const struct reading_place *place)
{
	struct strbuf *out = r->out;

	memset(r, 0, offsetof(struct reading, frames)); /* a frame is set when it is opened */
	r->start = place->start;
	r->p = place->p;
	r->end = place->end;
	r->out = out;
	strbuf_reset(out);
}

int reading_all(struct reading *r, int (*value)(struct reading *r),
		int (*behind)(struct reading *r))
{
	int more = 1;

	while (more == 1 && !(r->is_strict && r->is_noted)) {
		more = value(r);
		if (more == 0)
			more = behind(r);
	}
	return more;
}

int reading_refuse(struct reading *r, const char *what)
{
	r->fault.offset = (size_t)(r->p - r->start);
	snprintf(r->fault.what, sizeof(r->fault.what), "%s", what);
	return -1;
}

int reading_ended(struct reading *r)
{
	r->p = r->end;
	r->has_ended = true;
	return reading_refuse(r, "the text ends before the document does");
}

void reading_note(struct reading *r, enum repair_class class, const char *at, size_t dropped)
{
	r->is_noted = true;
	repair_note(&r->report, class, (size_t)(at - r->start), dropped);
}

/* --- containers --- */

int reading_open(struct reading *r, char kind, char open, char close)
{
	if (r->depth == JSON_SCAN_DEPTH)
		return reading_refuse(r, "nesting that is too deep");
	r->frames[r->depth++] =
		(struct repair_frame){.kind = kind, .close = close, .open_at = r->out->len};
	if (open != 0)
		strbuf_addc(r->out, open);
	return 0;
}

void reading_begin(struct reading *r)
{
	struct repair_frame *f = reading_top(r);

	f->member_at = r->out->len;
	if (f->n > 0)
		strbuf_addc(r->out, ',');
	f->token_at = r->out->len;
	f->from = r->p;
	f->is_begun = true;
	f->has_key = false;
}

void reading_whole(struct reading *r)
{
	struct repair_frame *f = reading_top(r);

	f->is_begun = false;
	f->n++;
}

void reading_close(struct reading *r)
{
	const struct repair_frame *f = reading_top(r);

	if (f->close != 0)
		strbuf_addc(r->out, f->close);
	r->depth--;
}

/* A list without anything in it would say that there is nothing: it is not whole either. */
bool reading_cut(struct reading *r)
{
	const char *lost = r->end;
	bool has_any = false;

	while (r->depth > 0) {
		struct repair_frame *f = reading_top(r);

		if (f->is_begun) {
			strbuf_truncate(r->out, f->member_at);
			lost = f->from;
		}
		has_any = f->n > 0 && !f->is_unsure;
		reading_close(r);
		if (r->depth == 0)
			break;
		f = reading_top(r);
		if (has_any && (!f->needs_key || f->has_key))
			reading_whole(r);
	}
	if (!has_any)
		return false;
	reading_note(r, REPAIR_CUT, lost, (size_t)(r->end - lost));
	return true;
}

/* --- strings --- */

void reading_put_char(struct reading *r, uint32_t c)
{
	static const char shorts[0x20] =
		{['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'};
	char bytes[4];

	if (c < 0x20 && shorts[c])
		strbuf_add(r->out, (const char[]){'\\', shorts[c]}, 2);
	else if (c < 0x20 || (c >= 0xd800 && c < 0xe000))
		strbuf_addf(r->out, "\\u%04x", (unsigned int)c);
	else if (c == '"' || c == '\\')
		strbuf_add(r->out, (const char[]){'\\', (char)c}, 2);
	else
		strbuf_add(r->out, bytes, utf8_encode(c, bytes));
}

void reading_put_run(struct reading *r)
{
	const char *from = r->p;

	do
		r->p += json_run(r->p, (size_t)(r->end - r->p), '\'');
	while (r->p < r->end && (unsigned char)*r->p >= 0x80 && r->p++);
	strbuf_add(r->out, from, (size_t)(r->p - from));
}

int64_t reading_hex(struct reading *r, size_t digits)
{
	int64_t value = 0;

	if ((size_t)(r->end - r->p) < digits)
		return reading_ended(r);
	for (size_t i = 0; i < digits; i++) {
		const int digit = ascii_hex(r->p[i]);

		if (digit < 0)
			return reading_refuse(r, "an escape without its hexadecimal digits");
		value = value * 16 + digit;
	}
	r->p += digits;
	return value;
}

/* --- numbers --- */

static bool is_of_number(char c)
{
	return ascii_is_alnum(c) || c == '_' || c == '.';
}

/* The token's end: letters too, so that what is none is seen as a whole. */
static const char *number_end(const char *p, const char *end)
{
	const bool is_based =
		end - p > 1 && p[0] == '0' && ascii_is_alpha(p[1]) && ascii_lower(p[1]) != 'e';

	while (p < end && is_of_number(*p)) {
		const bool is_exponent = !is_based && ascii_lower(*p) == 'e';

		p++;
		if (is_exponent && p < end && (*p == '+' || *p == '-'))
			p++;
	}
	return p;
}

/* Digits with single underscores between them: how many bytes, 0 where it is nothing such. */
static size_t digits_of(const char *p, const char *end)
{
	const char *q = p;

	while (q < end && (ascii_is_digit(*q) || (*q == '_' && q > p && q[-1] != '_')))
		q++;
	return q > p && q[-1] == '_' ? (size_t)(q - 1 - p) : (size_t)(q - p);
}

static void put_digits(struct reading *r, const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] != '_')
			strbuf_addc(r->out, p[i]);
}

/* 0x1F, 0o17, 0b11 within 64 bits. */
static int put_based(struct reading *r, const char *p, const char *end)
{
	const char base_name = ascii_lower(p[1]);
	const uint64_t base = base_name == 'x'   ? 16
			      : base_name == 'o' ? 8
			      : base_name == 'b' ? 2
						 : 0;
	uint64_t value = 0;
	bool has_digit = false;

	if (base == 0)
		return -1;
	for (p += 2; p < end; p++) {
		const int digit = ascii_hex(*p);

		if (*p == '_' && p + 1 < end && p[1] != '_')
			continue;
		if (digit < 0 || (uint64_t)digit >= base ||
		    __builtin_mul_overflow(value, base, &value) ||
		    __builtin_add_overflow(value, (uint64_t)digit, &value))
			return -1;
		has_digit = true;
	}
	strbuf_addu(r->out, value);
	return has_digit ? 0 : -1;
}

struct number {
	const char *whole, *fraction, *exponent;
	size_t n_whole, n_fraction, n_exponent;
	bool has_point;
};

static bool number_split(const char *p, const char *end, struct number *n)
{
	*n = (struct number){.whole = p, .n_whole = digits_of(p, end)};
	p += n->n_whole;
	if (p < end && *p == '.') {
		n->has_point = true;
		n->fraction = ++p;
		n->n_fraction = digits_of(p, end);
		p += n->n_fraction;
	}
	if (n->n_whole + n->n_fraction == 0)
		return false;
	if (p < end && ascii_lower(*p) == 'e') {
		n->exponent = p++;
		if (p < end && (*p == '+' || *p == '-'))
			p++;
		n->n_exponent = digits_of(p, end);
		if (n->n_exponent == 0)
			return false;
		p += n->n_exponent;
		n->n_exponent = (size_t)(p - n->exponent);
	}
	return p == end;
}

static bool has_leading_zero(const struct number *n)
{
	return n->n_whole > 1 && n->whole[0] == '0';
}

/* 0, 00, 0_0 */
static bool is_zero(const struct number *n)
{
	for (size_t i = 0; i < n->n_whole; i++)
		if (n->whole[i] != '0' && n->whole[i] != '_')
			return false;
	return true;
}

static void put_number(struct reading *r, const struct number *n)
{
	size_t skip = 0;

	while (skip + 1 < n->n_whole && (n->whole[skip] == '0' || n->whole[skip] == '_'))
		skip++;
	if (n->n_whole == 0)
		strbuf_addc(r->out, '0');
	put_digits(r, n->whole + skip, n->n_whole - skip);
	if (n->has_point) {
		strbuf_addc(r->out, '.');
		put_digits(r, n->fraction, n->n_fraction);
		if (n->n_fraction == 0)
			strbuf_addc(r->out, '0');
	}
	put_digits(r, n->exponent, n->n_exponent);
}

/* A lot's "007" is no 7: it keeps its zeros, as a string. */
static void put_as_string(struct reading *r, const char *from, const char *end)
{
	strbuf_addc(r->out, '"');
	strbuf_add(r->out, from, (size_t)(end - from));
	strbuf_addc(r->out, '"');
}

static int put_decimal(struct reading *r, const char *from, const char *p, const char *end,
		       enum number_form form)
{
	struct number n;

	if (!number_split(p, end, &n))
		return -1;
	if (has_leading_zero(&n) && form == NUMBER_LENIENT) {
		put_as_string(r, from, end);
		return 0;
	}
	if (has_leading_zero(&n) && !n.has_point && n.n_exponent == 0 && !is_zero(&n))
		return -1;
	if (*from == '-')
		strbuf_addc(r->out, '-');
	put_number(r, &n);
	return 0;
}

int reading_number(struct reading *r, enum number_form form)
{
	const char *from = r->p, *p = from, *end;
	const size_t at = r->out->len;
	int rc;

	if (*p == '-' || *p == '+')
		p++;
	if (form == NUMBER_PYTHON)
		while (p < r->end && *p == ' ')
			p++;
	end = number_end(p, r->end);
	if (end == r->end && r->depth > 0)
		return reading_ended(r); /* there may be more digits */
	if (end - p > 1 && p[0] == '0' && ascii_is_alpha(p[1]) && ascii_lower(p[1]) != 'e') {
		if (*from == '-')
			strbuf_addc(r->out, '-');
		rc = put_based(r, p, end);
	} else {
		rc = put_decimal(r, from, p, end, form);
	}
	if (rc < 0)
		return reading_refuse(r, "something that is no number, or a complex one");
	if (form == NUMBER_LENIENT && (r->out->len - at != (size_t)(end - from) ||
				       memcmp(r->out->data + at, from, (size_t)(end - from)) != 0))
		reading_note(r, REPAIR_NUMBERS, from, 0);
	r->p = end;
	return 0;
}
