/* SPDX-License-Identifier: ISC */
#include "core/exposition.h"

#include "tests/unit/check.h"

static struct strbuf out;

static int begin(void **state)
{
	(void)state;
	strbuf_init(&out, 4096);
	return 0;
}

static int end(void **state)
{
	(void)state;
	strbuf_clear(&out);
	return 0;
}

static void a_family_has_help_and_type(void **state)
{
	(void)state;
	exposition_family(&out, "a_total", EXPOSITION_COUNTER, "Of \\ and \"\nlines.");
	assert_string_equal(out.data, "# HELP a_total Of \\\\ and \"\\nlines.\n"
				      "# TYPE a_total counter\n");
}

static void a_sample_has_its_labels(void **state)
{
	(void)state;
	exposition_int(&out, "a", EXPOSITION_NO_LABELS, -3);
	exposition_int(&out, "a", EXPOSITION_LABELS({"b", "c"}, {"d", ""}), INT64_MAX);
	assert_string_equal(out.data, "a -3\n"
				      "a{b=\"c\",d=\"\"} 9223372036854775807\n");
}

static void values_of_labels_are_escaped(void **state)
{
	(void)state;
	exposition_int(&out, "a", EXPOSITION_LABELS({"b", "\"}\n\\ \xc3\xa9"}), 1);
	assert_string_equal(out.data, "a{b=\"\\\"}\\n\\\\ \xc3\xa9\"} 1\n");
}

static void millionths_are_exact(void **state)
{
	static const struct {
		int64_t micro;
		const char *text;
	} cases[] = {
		{0, "a 0\n"},
		{1, "a 0.000001\n"},
		{1500000, "a 1.5\n"},
		{-20, "a -0.00002\n"},
		{10000000, "a 10\n"},
		{INT64_MAX, "a 9223372036854.775807\n"},
		{INT64_MIN, "a -9223372036854.775808\n"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		strbuf_reset(&out);
		exposition_micro(&out, "a", EXPOSITION_NO_LABELS, cases[i].micro);
		assert_string_equal(out.data, cases[i].text);
	}
}

static void the_buckets_of_a_histogram_add_up(void **state)
{
	const int64_t bounds[] = {500, 1000000, 2500000};
	const uint64_t buckets[] = {1, 2, 0, 4};
	const struct exposition_histogram h = {bounds, 3, buckets, 12000001};

	(void)state;
	exposition_histogram(&out, "a_seconds", EXPOSITION_LABELS({"b", "c"}), &h);
	exposition_histogram(&out, "b_seconds", EXPOSITION_NO_LABELS, &h);
	assert_string_equal(out.data, "a_seconds_bucket{b=\"c\",le=\"0.0005\"} 1\n"
				      "a_seconds_bucket{b=\"c\",le=\"1\"} 3\n"
				      "a_seconds_bucket{b=\"c\",le=\"2.5\"} 3\n"
				      "a_seconds_bucket{b=\"c\",le=\"+Inf\"} 7\n"
				      "a_seconds_sum{b=\"c\"} 12.000001\n"
				      "a_seconds_count{b=\"c\"} 7\n"
				      "b_seconds_bucket{le=\"0.0005\"} 1\n"
				      "b_seconds_bucket{le=\"1\"} 3\n"
				      "b_seconds_bucket{le=\"2.5\"} 3\n"
				      "b_seconds_bucket{le=\"+Inf\"} 7\n"
				      "b_seconds_sum 12.000001\n"
				      "b_seconds_count 7\n");
}

static void what_does_not_fit_is_seen(void **state)
{
	struct strbuf small;

	(void)state;
	strbuf_init(&small, 20);
	exposition_family(&small, "a", EXPOSITION_GAUGE, "Much more than there is room for.");
	assert_true(strbuf_failed(&small));
	strbuf_clear(&small);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_family_has_help_and_type, begin, end),
		cmocka_unit_test_setup_teardown(a_sample_has_its_labels, begin, end),
		cmocka_unit_test_setup_teardown(values_of_labels_are_escaped, begin, end),
		cmocka_unit_test_setup_teardown(millionths_are_exact, begin, end),
		cmocka_unit_test_setup_teardown(the_buckets_of_a_histogram_add_up, begin, end),
		cmocka_unit_test(what_does_not_fit_is_seen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
