/* SPDX-License-Identifier: ISC */
/*
 * repair_python_call: reprs of values from Python's library: Decimal keeps its digits, UUID and the
 * times of datetime become the strings that their str() and isoformat() give.
 */
#include "core/repair_python.h"

#include <string.h>

#include "core/ascii.h"

#define DAY_S 86400

static int expect(struct reading *r, char c)
{
	if (python_look(r) < 0)
		return -1;
	return reading_take(r, c) ? 0 : reading_refuse(r, "other arguments than a repr has");
}

/* 'text' without escapes, the only argument. The span is within the text read. */
static int only_string(struct reading *r, struct json_span *out)
{
	const char quote = *r->p, *from = r->p + 1, *end;

	if (quote != '\'' && quote != '"')
		return reading_refuse(r, "another argument than a string");
	end = memchr(from, quote, (size_t)(r->end - from));
	if (!end)
		return reading_ended(r);
	*out = (struct json_span){from, (size_t)(end - from)};
	r->p = end + 1;
	return expect(r, ')');
}

static int read_decimal(struct reading *r)
{
	struct reading digits;
	struct json_span text = {"", 0};

	if (only_string(r, &text) < 0)
		return -1;
	if (python_is(text.p, text.n, "NaN") || python_is(text.p, text.n, "Infinity") ||
	    python_is(text.p, text.n, "-Infinity")) {
		reading_note(r, REPAIR_NULLED, text.p, 0);
		r->is_nulled = true;
		strbuf_adds(r->out, "null");
		return 0;
	}
	digits = (struct reading){.start = r->start,
				  .p = text.p,
				  .end = text.p + text.n,
				  .out = r->out};
	if (text.n == 0 || *text.p == ' ' || reading_number(&digits, NUMBER_PYTHON) < 0 ||
	    !reading_at_end(&digits))
		return reading_refuse(r, "a Decimal that is no number");
	return 0;
}

static int read_uuid(struct reading *r)
{
	struct json_span text = {"", 0};

	if (only_string(r, &text) < 0)
		return -1;
	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] != '-' && ascii_hex(text.p[i]) < 0)
			return reading_refuse(r, "a UUID that is none");
	strbuf_addf(r->out, "\"%.*s\"", (int)text.n, text.p);
	return 0;
}

/* --- times --- */

enum { YEAR, MONTH, DAY, HOUR, MINUTE, SECOND, MICROSECOND, FIELDS };

static const int64_t least[FIELDS] = {[YEAR] = 1, [MONTH] = 1, [DAY] = 1};
static const int64_t most[FIELDS] = {9999, 12, 31, 23, 59, 59, 999999};

static int read_integer(struct reading *r, int64_t *out)
{
	const bool is_negative = reading_take(r, '-');

	if (python_look(r) < 0)
		return -1;
	if (!ascii_is_digit(*r->p))
		return reading_refuse(r, "no whole number where one must be");
	for (*out = 0; !reading_at_end(r) && ascii_is_digit(*r->p); r->p++)
		if (*out < INT32_MAX)
			*out = *out * 10 + (*r->p - '0');
	if (is_negative)
		*out = -*out;
	return python_look(r);
}

/* Whole numbers from field `at` on; *at is behind the last one. r->p is at what follows. */
static int read_fields(struct reading *r, int64_t *fields, int *at)
{
	while (*at < FIELDS && ascii_is_digit(*r->p)) {
		if (read_integer(r, &fields[*at]) < 0)
			return -1;
		if (fields[*at] < least[*at] || fields[*at] > most[*at])
			return reading_refuse(r, "a time that cannot be");
		++*at;
		if (reading_take(r, ',') && python_look(r) < 0)
			return -1;
	}
	return 0;
}

/* Step over `text` where it is next. */
static bool takes(struct reading *r, const char *text)
{
	const size_t n = strlen(text);

	if ((size_t)(r->end - r->p) < n || memcmp(r->p, text, n) != 0)
		return false;
	r->p += n;
	return true;
}

static bool takes_of_module(struct reading *r, const char *text)
{
	takes(r, "datetime.");
	return takes(r, text);
}

/* timedelta(days=-1, seconds=68400): days first, each at most once. */
static int read_delta(struct reading *r, int64_t *seconds)
{
	int64_t days = 0;

	*seconds = 0;
	if (!takes_of_module(r, "timedelta("))
		return reading_refuse(r, "a time zone that is no fixed one");
	if (takes(r, "days=")) {
		if (read_integer(r, &days) < 0)
			return -1;
		reading_take(r, ',');
		if (python_look(r) < 0)
			return -1;
	}
	if (takes(r, "seconds=") && read_integer(r, seconds) < 0)
		return -1;
	if (expect(r, ')') < 0)
		return -1;
	*seconds += days * DAY_S;
	return *seconds > -DAY_S && *seconds < DAY_S
		       ? 0
		       : reading_refuse(r, "a time zone that cannot be");
}

/* tzinfo=datetime.timezone.utc, or of a timedelta, with or without a name. */
static int read_zone(struct reading *r, int64_t *seconds)
{
	*seconds = 0;
	if (!takes(r, "tzinfo="))
		return reading_refuse(r, "other arguments than a repr has");
	if (takes_of_module(r, "timezone.utc"))
		return 0;
	if (!takes_of_module(r, "timezone(") || read_delta(r, seconds) < 0)
		return reading_refuse(r, "a time zone that is no fixed one");
	if (python_look(r) < 0)
		return -1;
	if (reading_take(r, ',')) {
		struct json_span name = {"", 0};

		return python_look(r) < 0 ? -1 : only_string(r, &name);
	}
	return expect(r, ')');
}

static void put_zone(struct reading *r, int64_t seconds)
{
	const unsigned int s = (unsigned int)(seconds < 0 ? -seconds : seconds);

	strbuf_addf(r->out, "%c%02u:%02u", seconds < 0 ? '-' : '+', s / 3600, s / 60 % 60);
	if (s % 60 != 0)
		strbuf_addf(r->out, ":%02u", s % 60);
}

static void put_clock(struct reading *r, const int64_t *f)
{
	strbuf_addf(r->out, "%02d:%02d:%02d", (int)f[HOUR], (int)f[MINUTE], (int)f[SECOND]);
	if (f[MICROSECOND] != 0)
		strbuf_addf(r->out, ".%06d", (int)f[MICROSECOND]);
}

struct moment {
	const char *name;
	int from, least, most; /* fields */
};

static const struct moment moments[] = {
	{"datetime", YEAR, HOUR, FIELDS},
	{"date", YEAR, HOUR, HOUR},
	{"time", HOUR, HOUR, FIELDS},
};

static int read_moment(struct reading *r, const struct moment *m)
{
	int64_t fields[FIELDS] = {0}, zone = 0;
	int at = m->from;
	bool has_zone;

	if (read_fields(r, fields, &at) < 0)
		return -1;
	if (at < m->least || at > m->most)
		return reading_refuse(r, "other arguments than a repr has");
	has_zone = m->most == FIELDS && *r->p != ')';
	if ((has_zone && read_zone(r, &zone) < 0) || expect(r, ')') < 0)
		return -1;
	strbuf_addc(r->out, '"');
	if (m->from == YEAR)
		strbuf_addf(r->out, "%04d-%02d-%02d", (int)fields[YEAR], (int)fields[MONTH],
			    (int)fields[DAY]);
	if (m->from == YEAR && m->most == FIELDS)
		strbuf_addc(r->out, 'T');
	if (m->most == FIELDS)
		put_clock(r, fields);
	if (has_zone)
		put_zone(r, zone);
	strbuf_addc(r->out, '"');
	return 0;
}

int python_call(struct reading *r, const char *name, size_t n)
{
	if (python_is(name, n, "Decimal"))
		return read_decimal(r);
	if (python_is(name, n, "UUID"))
		return read_uuid(r);
	for (size_t i = 0; i < sizeof(moments) / sizeof(moments[0]); i++)
		if (python_is(name, n, moments[i].name))
			return read_moment(r, &moments[i]);
	return 1;
}
