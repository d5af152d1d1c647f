/* SPDX-License-Identifier: ISC */
/*
 * timemath: see timemath.h. Calendar arithmetic after Howard Hinnant's
 * "chrono-compatible" algorithms.
 */
#include "core/timemath.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/ascii.h"

#define DAYS_TO_EPOCH      INT64_C(719468)       /* from 0000-03-01 to 1970-01-01 */
#define DAYS_PER_ERA       INT64_C(146097)       /* 400 years */
#define DAYS_BOUND         INT64_C(780000000000) /* years beyond it do not fit an int */
#define SECONDS_YEAR_10000 INT64_C(253402300800)

int64_t t_add(int64_t a, int64_t b)
{
	int64_t sum;

	if (a == T_NEVER || b == T_NEVER)
		return T_NEVER;
	if (__builtin_add_overflow(a, b, &sum))
		return b > 0 ? T_NEVER : INT64_MIN;
	return sum;
}

int64_t t_sub(int64_t a, int64_t b)
{
	int64_t difference;

	if (a == T_NEVER)
		return T_NEVER;
	if (__builtin_sub_overflow(a, b, &difference))
		return b < 0 ? T_NEVER : INT64_MIN;
	return difference;
}

int64_t t_mul(int64_t a, int64_t k)
{
	int64_t product;

	if (__builtin_mul_overflow(a, k, &product))
		return a > 0 ? T_NEVER : INT64_MIN;
	return product;
}

static int64_t floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

int64_t civil_to_days(int year, int month, int day)
{
	int64_t y = (int64_t)year - (month <= 2);
	int64_t era = floor_div(y, 400);
	int64_t year_of_era = y - era * 400;
	int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
	int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

	return era * DAYS_PER_ERA + day_of_era - DAYS_TO_EPOCH;
}

void days_to_civil(int64_t days, int *year, int *month, int *day)
{
	int64_t z = t_max(-DAYS_BOUND, t_min(days, DAYS_BOUND)) + DAYS_TO_EPOCH;
	int64_t era = floor_div(z, DAYS_PER_ERA);
	int64_t day_of_era = z - era * DAYS_PER_ERA;
	int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 -
			       day_of_era / (DAYS_PER_ERA - 1)) /
			      365;
	int64_t day_of_year =
		day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	int64_t month_from_march = (5 * day_of_year + 2) / 153;

	*day = (int)(day_of_year - (153 * month_from_march + 2) / 5 + 1);
	*month = (int)(month_from_march < 10 ? month_from_march + 3 : month_from_march - 9);
	*year = (int)(year_of_era + era * 400 + (*month <= 2));
}

void rfc3339_format(int64_t t_us, char out[RFC3339_SIZE])
{
	int64_t days = floor_div(t_us, T_DAY);
	int64_t us_of_day = t_us % T_DAY < 0 ? t_us % T_DAY + T_DAY : t_us % T_DAY;
	unsigned int seconds = (unsigned int)(us_of_day / T_S);
	unsigned int us = (unsigned int)(us_of_day % T_S);
	char text[64];
	int year;
	int month;
	int day;
	int n;

	days_to_civil(days, &year, &month, &day);
	n = snprintf(text, sizeof(text), "%04d-%02d-%02dT%02u:%02u:%02u", year, month, day,
		     seconds / 3600, seconds / 60 % 60, seconds % 60);
	if (us != 0)
		n += snprintf(text + n, sizeof(text) - (size_t)n, ".%06u", us);
	text[n++] = 'Z';
	text[n] = '\0';
	/* the longest is INT64_MIN's, 30 characters */
	memcpy(out, text, (size_t)n + 1);
}

int strbuf_add_time(struct strbuf *b, int64_t t_us)
{
	char text[RFC3339_SIZE];

	if (t_us == 0 || t_us == T_NEVER)
		return strbuf_adds(b, "null");
	rfc3339_format(t_us, text);
	return strbuf_addf(b, "\"%s\"", text);
}

/* A text being read: digits and marks from p up to end. */
struct cursor {
	const char *p;
	const char *end;
};

static bool at_digit(const struct cursor *c)
{
	return c->p < c->end && ascii_is_digit(*c->p);
}

static bool take(struct cursor *c, char a, char b)
{
	if (c->p == c->end || (*c->p != a && *c->p != b))
		return false;
	c->p++;
	return true;
}

/* Exactly `digits` digits, of a value from low to high. */
static bool take_number(struct cursor *c, int digits, int low, int high, int *out)
{
	int value = 0;

	for (int i = 0; i < digits; i++) {
		if (!at_digit(c))
			return false;
		value = value * 10 + (*c->p++ - '0');
	}
	*out = value;
	return value >= low && value <= high;
}

/* One to nine digits of a fraction, as billionths. */
static bool take_fraction(struct cursor *c, int64_t *billionths)
{
	int64_t scale = 1000000000;
	int64_t value = 0;

	if (!at_digit(c))
		return false;
	for (; at_digit(c); c->p++) {
		if (scale == 1)
			return false;
		scale /= 10;
		value += (*c->p - '0') * scale;
	}
	*billionths = value;
	return true;
}

/* One or more digits, as far as an int64_t goes. */
static bool take_integer(struct cursor *c, int64_t *out)
{
	int64_t value = 0;

	if (!at_digit(c))
		return false;
	for (; at_digit(c); c->p++)
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, *c->p - '0', &value))
			return false;
	*out = value;
	return true;
}

static int days_in_month(int year, int month)
{
	int next_year = month == 12 ? year + 1 : year;
	int next_month = month == 12 ? 1 : month + 1;

	return (int)(civil_to_days(next_year, next_month, 1) - civil_to_days(year, month, 1));
}

static bool take_date(struct cursor *c, int64_t *days)
{
	int year;
	int month;
	int day;

	if (!take_number(c, 4, 1970, 9999, &year) || !take(c, '-', '-') ||
	    !take_number(c, 2, 1, 12, &month) || !take(c, '-', '-') ||
	    !take_number(c, 2, 1, days_in_month(year, month), &day))
		return false;
	*days = civil_to_days(year, month, day);
	return true;
}

/* "Z" or an offset from it, in seconds. */
static bool take_zone(struct cursor *c, int64_t *offset_s)
{
	bool west;
	int hours;
	int minutes;

	*offset_s = 0;
	if (take(c, 'Z', 'z'))
		return true;
	west = c->p < c->end && *c->p == '-';
	if (!take(c, '+', '-') || !take_number(c, 2, 0, 23, &hours) || !take(c, ':', ':') ||
	    !take_number(c, 2, 0, 59, &minutes))
		return false;
	*offset_s = hours * 3600 + minutes * 60;
	if (west)
		*offset_s = -*offset_s;
	return true;
}

int rfc3339_parse(const char *s, size_t n, int64_t *t_us)
{
	struct cursor c = {s, s + n};
	int64_t days;
	int64_t billionths = 0;
	int64_t offset_s;
	int64_t seconds;
	int hour;
	int minute;
	int second;

	if (!take_date(&c, &days) || !take(&c, 'T', 't') || !take_number(&c, 2, 0, 23, &hour) ||
	    !take(&c, ':', ':') || !take_number(&c, 2, 0, 59, &minute) || !take(&c, ':', ':') ||
	    !take_number(&c, 2, 0, 60, &second))
		return -1;
	if (take(&c, '.', '.') && !take_fraction(&c, &billionths))
		return -1;
	if (!take_zone(&c, &offset_s) || c.p != c.end)
		return -1;
	seconds = days * 86400 + hour * 3600 + minute * 60 + second - offset_s;
	/* a leap second exists at the end of a UTC day alone; it is the next day's first here */
	if (second == 60 && seconds % 86400 != 0)
		return -1;
	if (seconds < 0 || seconds >= SECONDS_YEAR_10000)
		return -1;
	*t_us = seconds * T_S + billionths / 1000;
	return 0;
}

struct unit {
	char name;
	bool after_t;
	int64_t us;
};

/* In the order in which they must be written. */
static const struct unit iso_units[] = {
	{'W', false, 7 * T_DAY}, {'D', false, T_DAY}, {'H', true, T_H},
	{'M', true, T_MIN},      {'S', true, T_S},
};

#define ISO_UNITS (sizeof(iso_units) / sizeof(iso_units[0]))

/* The place in iso_units, from `from` on, of the unit at the cursor, which is taken; else -1. */
static int take_unit(struct cursor *c, size_t from, bool after_t)
{
	for (size_t i = from; i < ISO_UNITS; i++)
		if (iso_units[i].after_t == after_t &&
		    take(c, iso_units[i].name, iso_units[i].name))
			return (int)i;
	return -1;
}

/* One "<number><unit>", added to *sum. */
static bool take_component(struct cursor *c, size_t *next_unit, bool after_t, int64_t *sum)
{
	int64_t value;
	int64_t billionths = 0;
	int unit;

	if (!take_integer(c, &value))
		return false;
	/* only the last component may have a fraction */
	if (take(c, '.', ',') && (!take_fraction(c, &billionths) || c->end - c->p != 1))
		return false;
	unit = take_unit(c, *next_unit, after_t);
	if (unit < 0)
		return false;
	*next_unit = (size_t)unit + 1;
	if (__builtin_mul_overflow(value, iso_units[unit].us, &value) ||
	    __builtin_add_overflow(value, iso_units[unit].us / T_S * billionths / 1000, &value))
		return false;
	return !__builtin_add_overflow(*sum, value, sum);
}

int iso8601_duration_parse(const char *s, size_t n, int64_t *d_us)
{
	struct cursor c = {s, s + n};
	size_t next_unit = 0;
	bool after_t = false;
	int64_t sum = 0;

	if (!take(&c, 'P', 'P') || c.p == c.end)
		return -1;
	while (c.p < c.end) {
		if (!after_t && take(&c, 'T', 'T'))
			after_t = true;
		if (!take_component(&c, &next_unit, after_t, &sum))
			return -1;
	}
	*d_us = sum;
	return 0;
}

int duration_parse(const char *s, size_t n, int64_t *d_us)
{
	static const struct {
		const char *name;
		int64_t us;
	} units[] = {{"ms", T_MS}, {"s", T_S}, {"m", T_MIN}, {"h", T_H}, {"d", T_DAY}};
	struct cursor c = {s, s + n};
	int64_t value;

	if (!take_integer(&c, &value))
		return -1;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		size_t len = strlen(units[i].name);

		if ((size_t)(c.end - c.p) != len || memcmp(c.p, units[i].name, len) != 0)
			continue;
		if (__builtin_mul_overflow(value, units[i].us, &value))
			return -1;
		*d_us = value;
		return 0;
	}
	return -1;
}

void duration_format(int64_t d_us, char *out, size_t size)
{
	static const struct {
		const char *name;
		int64_t us;
	} units[] = {{"d", T_DAY}, {"h", T_H}, {"m", T_MIN}, {"s", T_S}, {"ms", T_MS}, {"us", 1}};
	const char *sign = d_us < 0 ? "-" : "";
	int64_t left = d_us == INT64_MIN ? INT64_MAX : d_us < 0 ? -d_us : d_us;
	size_t i = 0;

	if (d_us == T_NEVER || d_us == 0) {
		snprintf(out, size, "%s", d_us == 0 ? "0s" : "never");
		return;
	}
	while (left < units[i].us)
		i++;
	/* a second unit down to seconds: nobody wants to read the milliseconds of a minute */
	if (i < 3 && left % units[i].us >= units[i + 1].us)
		snprintf(out, size, "%s%" PRId64 "%s %" PRId64 "%s", sign, left / units[i].us,
			 units[i].name, left % units[i].us / units[i + 1].us, units[i + 1].name);
	else
		snprintf(out, size, "%s%" PRId64 "%s", sign, left / units[i].us, units[i].name);
}
