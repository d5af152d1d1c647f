/* SPDX-License-Identifier: ISC */
/* timemath: saturating sums, the calendar, and every form of time that is read or written. */
#include "tests/unit/check.h"

#include <string.h>

#include "core/timemath.h"

static void sums_saturate(void **state)
{
	(void)state;
	assert_int_equal(t_add(2, 3), 5);
	assert_int_equal(t_add(T_NEVER, -5), T_NEVER);
	assert_int_equal(t_add(-5, T_NEVER), T_NEVER);
	assert_int_equal(t_add(T_NEVER - 1, 2), T_NEVER);
	assert_int_equal(t_add(INT64_MIN, -1), INT64_MIN);
	assert_int_equal(t_sub(5, 7), -2);
	assert_int_equal(t_sub(T_NEVER, 7), T_NEVER);
	assert_int_equal(t_sub(T_NEVER, T_NEVER), T_NEVER);
	assert_int_equal(t_sub(1, INT64_MIN), T_NEVER);
	assert_int_equal(t_sub(-2, T_NEVER), INT64_MIN);
	assert_int_equal(t_mul(-3, 4), -12);
	assert_int_equal(t_mul(T_NEVER / 2, 3), T_NEVER);
	assert_int_equal(t_mul(INT64_MIN / 2, 3), INT64_MIN);
	assert_int_equal(t_mul(T_NEVER, 0), 0);
	assert_int_equal(t_min(1, 2), 1);
	assert_int_equal(t_max(1, 2), 2);
}

static void known_days_have_known_numbers(void **state)
{
	static const struct {
		int year, month, day;
		int64_t days;
	} cases[] = {
		{1970, 1, 1, 0},     {1969, 12, 31, -1},    {2000, 2, 29, 11016},
		{2000, 3, 1, 11017}, {1900, 3, 1, -25508},  {2026, 11, 24, 20781},
		{0, 3, 1, -719468},  {-1, 12, 31, -719529}, {9999, 12, 31, 2932896},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int year, month, day;

		assert_int_equal(civil_to_days(cases[i].year, cases[i].month, cases[i].day),
				 cases[i].days);
		days_to_civil(cases[i].days, &year, &month, &day);
		assert_int_equal(year, cases[i].year);
		assert_int_equal(month, cases[i].month);
		assert_int_equal(day, cases[i].day);
	}
}

static void every_day_follows_the_one_before(void **state)
{
	int year, month, day;
	int last_year, last_month, last_day;

	(void)state;
	days_to_civil(-800000, &last_year, &last_month, &last_day);
	for (int64_t days = -799999; days < 3000000; days++) {
		days_to_civil(days, &year, &month, &day);
		if (civil_to_days(year, month, day) != days)
			fail_msg("day %lld does not come back", (long long)days);
		if (day == last_day + 1 && month == last_month && year == last_year)
			goto next;
		assert_int_equal(day, 1);
		assert_in_range(last_day, 28, 31);
		assert_int_equal(month, last_month % 12 + 1);
		assert_int_equal(year, last_year + (month == 1));
	next:
		last_year = year;
		last_month = month;
		last_day = day;
	}
}

static void absurd_day_numbers_stay_within_an_int(void **state)
{
	int year, month, day;

	(void)state;
	days_to_civil(INT64_MAX, &year, &month, &day);
	assert_true(year > 2000000000);
	assert_in_range(month, 1, 12);
	days_to_civil(INT64_MIN, &year, &month, &day);
	assert_true(year < -2000000000);
	assert_in_range(day, 1, 31);
}

static void instants_are_written_in_utc(void **state)
{
	static const struct {
		int64_t us;
		const char *text;
	} cases[] = {
		{0, "1970-01-01T00:00:00Z"},
		{1, "1970-01-01T00:00:00.000001Z"},
		{-1, "1969-12-31T23:59:59.999999Z"},
		{1795558425 * T_S, "2026-11-24T22:13:45Z"},
		{1795558425 * T_S + 123456, "2026-11-24T22:13:45.123456Z"},
		{INT64_MAX, "294247-01-10T04:00:54.775807Z"},
		{INT64_MIN, "-290308-12-21T19:59:05.224192Z"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[RFC3339_SIZE];

		rfc3339_format(cases[i].us, text);
		assert_string_equal(text, cases[i].text);
	}
}

static void instants_that_are_not_set_are_null(void **state)
{
	struct strbuf b;

	(void)state;
	strbuf_init(&b, 100);
	strbuf_add_time(&b, 0);
	strbuf_add_time(&b, T_NEVER);
	strbuf_add_time(&b, T_S);
	assert_string_equal(b.data, "nullnull\"1970-01-01T00:00:01Z\"");
	strbuf_clear(&b);
}

/* clang-format off */
static const struct {
	const char *text;
	int64_t us;		/* -1: refused */
} rfc3339_cases[] = {
	{ "1970-01-01T00:00:00Z", 0 },
	{ "2026-11-24T22:13:45Z", 1795558425 * T_S },
	{ "2026-11-24t22:13:45z", 1795558425 * T_S },
	{ "2026-11-24T22:13:45.5Z", 1795558425 * T_S + 500000 },
	{ "2026-11-24T22:13:45.123456789Z", 1795558425 * T_S + 123456 },
	{ "2026-11-24T23:13:45+01:00", 1795558425 * T_S },
	{ "2026-11-24T16:43:45-05:30", 1795558425 * T_S },
	{ "2026-11-24T22:13:45-00:00", 1795558425 * T_S },
	{ "2024-02-29T00:00:00Z", 1709164800 * T_S },
	{ "2000-02-29T00:00:00Z", 951782400 * T_S },
	{ "9999-12-31T23:59:59.999999Z", 253402300799 * T_S + 999999 },
	{ "2016-12-31T23:59:60Z", 1483228800 * T_S },
	{ "2017-01-01T00:59:60+01:00", 1483228800 * T_S },
	{ "", -1 },
	{ "2026-11-24", -1 },
	{ "2026-11-24T22:13:45", -1 },
	{ "2026-11-24T22:13Z", -1 },
	{ "2026-11-24 22:13:45Z", -1 },
	{ "2026-11-24T22:13:45Z ", -1 },
	{ " 2026-11-24T22:13:45Z", -1 },
	{ "2026-11-24T22:13:45.Z", -1 },
	{ "2026-11-24T22:13:45.1234567890Z", -1 },
	{ "2026-11-24T22:13:45,5Z", -1 },
	{ "2026-11-24T24:00:00Z", -1 },
	{ "2026-11-24T22:60:00Z", -1 },
	{ "2026-11-24T22:13:60Z", -1 },
	{ "2026-11-24T22:13:61Z", -1 },
	{ "2026-11-24T22:13:45+24:00", -1 },
	{ "2026-11-24T22:13:45+01:60", -1 },
	{ "2026-11-24T22:13:45+01", -1 },
	{ "2026-11-24T22:13:45+0100", -1 },
	{ "2026-00-24T22:13:45Z", -1 },
	{ "2026-13-24T22:13:45Z", -1 },
	{ "2026-11-00T22:13:45Z", -1 },
	{ "2026-11-31T22:13:45Z", -1 },
	{ "2023-02-29T00:00:00Z", -1 },
	{ "2100-02-29T00:00:00Z", -1 },
	{ "1969-12-31T23:59:59Z", -1 },
	{ "1970-01-01T00:00:00+00:01", -1 },
	{ "9999-12-31T23:59:59-00:01", -1 },
	{ "02026-11-24T22:13:45Z", -1 },
	{ "+026-11-24T22:13:45Z", -1 },
	{ "2026-1-24T22:13:45Z", -1 },
};
/* clang-format on */

static void rfc3339_is_read_strictly(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rfc3339_cases) / sizeof(rfc3339_cases[0]); i++) {
		const char *text = rfc3339_cases[i].text;
		int64_t us = -7;
		int rc = rfc3339_parse(text, strlen(text), &us);

		if (rc != (rfc3339_cases[i].us < 0 ? -1 : 0))
			fail_msg("%s: %d", text, rc);
		assert_int_equal(us, rc == 0 ? rfc3339_cases[i].us : -7);
	}
}

static void what_is_written_is_read_back(void **state)
{
	uint64_t random = 88172645463325252u;

	(void)state;
	for (int i = 0; i < 200000; i++) {
		char text[RFC3339_SIZE];
		int64_t us;
		int64_t again = -1;

		random ^= random << 13;
		random ^= random >> 7;
		random ^= random << 17;
		us = (int64_t)(random % 253402300800000000u);
		if (i % 3 == 0)
			us -= us % T_S;
		rfc3339_format(us, text);
		assert_int_equal(rfc3339_parse(text, strlen(text), &again), 0);
		assert_int_equal(again, us);
	}
}

/* clang-format off */
static const struct {
	const char *text;
	int64_t us;
} iso_cases[] = {
	{ "PT6H", 6 * T_H },
	{ "P1DT12H", 36 * T_H },
	{ "PT0.5S", 500 * T_MS },
	{ "PT0,5H", 30 * T_MIN },
	{ "P2W", 14 * T_DAY },
	{ "P1W2D", 9 * T_DAY },
	{ "P0.5W", 84 * T_H },
	{ "P1DT2H3M4.000005S", T_DAY + 2 * T_H + 3 * T_MIN + 4 * T_S + 5 },
	{ "PT0S", 0 },
	{ "PT90M", 90 * T_MIN },
	{ "PT1.999999999S", 1999999 },
	{ "P106751991D", 106751991 * T_DAY },
	{ "", -1 }, { "P", -1 }, { "PT", -1 }, { "P1DT", -1 }, { "6H", -1 }, { "P6H", -1 }, { "PT6", -1 },
	{ "P1Y", -1 }, { "P1M", -1 }, { "PT1D", -1 }, { "PT1M2H", -1 }, { "PT1H1H", -1 }, { "P1D1W", -1 },
	{ "-PT1H", -1 }, { "PT-1H", -1 }, { "PT+1H", -1 }, { "pt6h", -1 }, { "PT6h", -1 }, { "PT 6H", -1 },
	{ "PT6H ", -1 }, { "PT.5S", -1 }, { "PT1.S", -1 }, { "PT0.5H3M", -1 }, { "PT1.0000000001S", -1 },
	{ "PT1HT1M", -1 }, { "P106751992D", -1 }, { "PT9223372036854775808S", -1 }, { "P106751991DT5H", -1 },
	{ "P99999999999999999999D", -1 }, { "P1\0", -1 },
};

static const struct {
	const char *text;
	int64_t us;
} duration_cases[] = {
	{ "250ms", 250 * T_MS }, { "30s", 30 * T_S }, { "15m", 15 * T_MIN }, { "2h", 2 * T_H },
	{ "7d", 7 * T_DAY }, { "0s", 0 }, { "007s", 7 * T_S },
	{ "", -1 }, { "s", -1 }, { "30", -1 }, { "30 s", -1 }, { "30sec", -1 }, { "1h30m", -1 }, { "1.5h", -1 },
	{ "-1s", -1 }, { "+1s", -1 }, { " 1s", -1 }, { "1s ", -1 }, { "1S", -1 }, { "1w", -1 }, { "1us", -1 },
	{ "9999999999999999999s", -1 }, { "106751992d", -1 },
};
/* clang-format on */

static void durations_are_read_strictly(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(iso_cases) / sizeof(iso_cases[0]); i++) {
		int64_t us = -1;
		int rc = iso8601_duration_parse(iso_cases[i].text, strlen(iso_cases[i].text), &us);

		if (us != iso_cases[i].us || rc != (us < 0 ? -1 : 0))
			fail_msg("%s: %lld", iso_cases[i].text, (long long)us);
	}
	for (size_t i = 0; i < sizeof(duration_cases) / sizeof(duration_cases[0]); i++) {
		int64_t us = -1;
		int rc =
			duration_parse(duration_cases[i].text, strlen(duration_cases[i].text), &us);

		if (us != duration_cases[i].us || rc != (us < 0 ? -1 : 0))
			fail_msg("%s: %lld", duration_cases[i].text, (long long)us);
	}
}

static void people_read_two_units(void **state)
{
	static const struct {
		int64_t us;
		const char *text;
	} cases[] = {
		{0, "0s"},
		{250 * T_MS, "250ms"},
		{1, "1us"},
		{45 * T_S, "45s"},
		{45 * T_S + 900 * T_MS, "45s"},
		{60 * T_S, "1m"},
		{61 * T_S, "1m 1s"},
		{7 * T_H + 12 * T_MIN + 5 * T_S, "7h 12m"},
		{7 * T_H + 5 * T_S, "7h"},
		{3 * T_DAY + 4 * T_H, "3d 4h"},
		{-90 * T_S, "-1m 30s"},
		{T_NEVER, "never"},
		{INT64_MIN, "-106751991d 4h"},
	};
	char small[4];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[32];

		duration_format(cases[i].us, text, sizeof(text));
		assert_string_equal(text, cases[i].text);
	}
	duration_format(7 * T_H + 12 * T_MIN, small, sizeof(small));
	assert_string_equal(small, "7h ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sums_saturate),
		cmocka_unit_test(known_days_have_known_numbers),
		cmocka_unit_test(every_day_follows_the_one_before),
		cmocka_unit_test(absurd_day_numbers_stay_within_an_int),
		cmocka_unit_test(instants_are_written_in_utc),
		cmocka_unit_test(instants_that_are_not_set_are_null),
		cmocka_unit_test(rfc3339_is_read_strictly),
		cmocka_unit_test(what_is_written_is_read_back),
		cmocka_unit_test(durations_are_read_strictly),
		cmocka_unit_test(people_read_two_units),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
