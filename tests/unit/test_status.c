/* SPDX-License-Identifier: ISC */
/* A job's verdict and its status object (core/status.c). */
#include "tests/unit/check.h"

#include <string.h>

#include <json-c/json_object.h>
#include <stdbool.h>

#include "core/json_util.h"
#include "core/status.h"
#include "core/timemath.h"

#define T0       (20000 * T_DAY)
#define DEADLINE (T0 + 6 * T_H)

/* 20 lots in English and French. */
struct two {
	struct language_counts l[2];
	struct job_view v;
};

static struct two job_of(enum job_status status, struct language_counts en,
			 struct language_counts fr)
{
	struct two t = {.l = {en, fr}};

	t.l[0].tag = "en";
	t.l[1].tag = "fr";
	t.l[0].total = t.l[1].total = 20;
	t.v = (struct job_view){.public_id = "365a09ce-5416-49b5-8471-d6aad042761c",
				.name = "Sale \"1204\"",
				.status = status,
				.created_at = T0,
				.opened_at = T0,
				.updated_at = T0,
				.deadline_at = DEADLINE,
				.lots = 20,
				.n_languages = 2,
				.warnings = ""};
	return t;
}

struct row {
	const char *name;
	enum job_status status;
	enum job_outcome outcome;
	struct language_counts en, fr;
	int64_t now;
	enum job_status want;
	enum job_outcome want_outcome;
	bool ends;
};

/* clang-format off */
static const struct row rows[] = {
	{"queued until the first attempt", JOB_QUEUED, OUTCOME_NONE, {.ready = 20}, {0}, T0, JOB_QUEUED, OUTCOME_NONE, false},
	{"describing while a description is open", JOB_QUEUED, OUTCOME_NONE, {.sent = 20}, {0}, T0, JOB_DESCRIBING, OUTCOME_NONE, false},
	{"still describing when items came back", JOB_DESCRIBING, OUTCOME_NONE, {.ready = 20}, {0}, T0, JOB_DESCRIBING, OUTCOME_NONE, false},
	{"still describing with one open", JOB_DESCRIBING, OUTCOME_NONE, {.done = 19, .sent = 1}, {.sent = 19}, T0, JOB_DESCRIBING, OUTCOME_NONE, false},
	{"then translating", JOB_DESCRIBING, OUTCOME_NONE, {.done = 20}, {.ready = 20}, T0, JOB_TRANSLATING, OUTCOME_NONE, false},
	{"descriptions that came with the order are no attempt", JOB_QUEUED, OUTCOME_NONE, {.done = 20}, {.ready = 20}, T0, JOB_QUEUED, OUTCOME_NONE, false},
	{"all done: full", JOB_TRANSLATING, OUTCOME_NONE, {.done = 20}, {.done = 20}, T0, JOB_COMPLETED, OUTCOME_FULL, true},
	{"nothing open, some failed: partial", JOB_TRANSLATING, OUTCOME_NONE, {.done = 20}, {.done = 19, .failed = 1}, T0, JOB_COMPLETED, OUTCOME_PARTIAL, true},
	{"a better description is asked for: still describing", JOB_DESCRIBING, OUTCOME_NONE, {.done = 20, .repeating = 1}, {.done = 19}, T0, JOB_DESCRIBING, OUTCOME_NONE, false},
	{"a better translation is asked for: not ended", JOB_TRANSLATING, OUTCOME_NONE, {.done = 20}, {.done = 20, .repeating = 1}, T0, JOB_TRANSLATING, OUTCOME_NONE, false},
	{"I1: but at the deadline, full", JOB_TRANSLATING, OUTCOME_NONE, {.done = 20}, {.done = 20, .repeating = 1}, DEADLINE, JOB_COMPLETED, OUTCOME_FULL, true},
	{"no lot has a description: failed", JOB_DESCRIBING, OUTCOME_NONE, {.failed = 20}, {.failed = 20}, T0, JOB_FAILED, OUTCOME_NONE, true},
	{"I1: at the deadline a stuck translation ends partial", JOB_TRANSLATING, OUTCOME_NONE, {.done = 20}, {.sent = 20}, DEADLINE, JOB_COMPLETED, OUTCOME_PARTIAL, true},
	{"I1: not a moment before", JOB_TRANSLATING, OUTCOME_NONE, {.done = 20}, {.sent = 20}, DEADLINE - 1, JOB_TRANSLATING, OUTCOME_NONE, false},
	{"I1: at the deadline nothing described: failed", JOB_DESCRIBING, OUTCOME_NONE, {.sent = 20}, {0}, DEADLINE, JOB_FAILED, OUTCOME_NONE, true},
	{"I1: queued ends too", JOB_QUEUED, OUTCOME_NONE, {.ready = 20}, {0}, DEADLINE, JOB_FAILED, OUTCOME_NONE, true},
	{"I6: late answers make partial full", JOB_COMPLETED, OUTCOME_PARTIAL, {.done = 20}, {.done = 20}, DEADLINE + T_H, JOB_COMPLETED, OUTCOME_FULL, false},
	{"I6: a late description makes failed completed", JOB_FAILED, OUTCOME_NONE, {.done = 1, .failed = 19}, {.failed = 20}, DEADLINE + T_H, JOB_COMPLETED, OUTCOME_PARTIAL, false},
	{"I6: full stays full", JOB_COMPLETED, OUTCOME_FULL, {.done = 20}, {.done = 20}, DEADLINE + T_H, JOB_COMPLETED, OUTCOME_FULL, false},
	{"I6: cancelled stays cancelled, and gains", JOB_CANCELLED, OUTCOME_PARTIAL, {.done = 20}, {.done = 20}, DEADLINE, JOB_CANCELLED, OUTCOME_FULL, false},
	{"I6: cancelled with open items stays partial", JOB_CANCELLED, OUTCOME_PARTIAL, {.done = 20}, {.sent = 20}, DEADLINE, JOB_CANCELLED, OUTCOME_PARTIAL, false},
};

static const struct command_row { /* what a command or a reopening adds */
	struct row row;
	enum job_end end;
	bool reopening;
} command_rows[] = {
	{{"a cancel ends it: partial", JOB_TRANSLATING, OUTCOME_NONE, {.done = 20}, {.sent = 20}, T0, JOB_CANCELLED, OUTCOME_PARTIAL, true}, END_CANCELLED, false},
	{{"a cancel ends it before anything was tried", JOB_QUEUED, OUTCOME_NONE, {.ready = 20}, {0}, T0, JOB_CANCELLED, OUTCOME_PARTIAL, true}, END_CANCELLED, false},
	{{"a finish ends it as its deadline would", JOB_TRANSLATING, OUTCOME_NONE, {.done = 20}, {.sent = 20}, T0, JOB_COMPLETED, OUTCOME_PARTIAL, true}, END_FINISHED, false},
	{{"a finish without any description: failed", JOB_DESCRIBING, OUTCOME_NONE, {.sent = 20}, {0}, T0, JOB_FAILED, OUTCOME_NONE, true}, END_FINISHED, false},
	{{"I6: late answers make a finished job full", JOB_COMPLETED, OUTCOME_PARTIAL, {.done = 20}, {.done = 20}, T0, JOB_COMPLETED, OUTCOME_FULL, false}, END_FINISHED, false},
	{{"reopening: the counts of before do not end it", JOB_DESCRIBING, OUTCOME_NONE, {.failed = 20}, {.failed = 20}, T0, JOB_DESCRIBING, OUTCOME_NONE, false}, END_DEADLINE, true},
	{{"reopening: nor do they move it", JOB_DESCRIBING, OUTCOME_NONE, {.done = 20}, {.sent = 20}, T0, JOB_DESCRIBING, OUTCOME_NONE, false}, END_DEADLINE, true},
	{{"I1: reopening, it ends at its deadline", JOB_DESCRIBING, OUTCOME_NONE, {.failed = 20}, {.failed = 20}, DEADLINE, JOB_FAILED, OUTCOME_NONE, true}, END_DEADLINE, true},
	{{"reopening, a cancel ends it", JOB_TRANSLATING, OUTCOME_NONE, {.done = 20}, {.done = 19, .failed = 1}, T0, JOB_CANCELLED, OUTCOME_PARTIAL, true}, END_CANCELLED, true},
	{{"reopening, an ended job gains still", JOB_COMPLETED, OUTCOME_PARTIAL, {.done = 20}, {.done = 20}, DEADLINE, JOB_COMPLETED, OUTCOME_FULL, false}, END_DEADLINE, true},
};
/* clang-format on */

static void check_row(const struct row *r, enum job_end end, bool reopening)
{
	struct two t = job_of(r->status, r->en, r->fr);
	struct job_verdict v;

	t.v.outcome = r->outcome;
	t.v.end = end;
	t.v.reopening = reopening;
	t.v.languages = t.l;
	v = job_decide(&t.v, r->now);
	if (v.status != r->want || v.outcome != r->want_outcome || v.ended_now != r->ends)
		fail_msg("%s: %s", r->name, job_status_names[v.status]);
	/* I1: whatever runs has a time at which it is looked at again. */
	assert_true(job_status_is_terminal(v.status) ? v.at == T_NEVER : v.at == DEADLINE);
}

static void verdicts_by_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check_row(&rows[i], END_DEADLINE, false);
	for (size_t i = 0; i < sizeof(command_rows) / sizeof(command_rows[0]); i++)
		check_row(&command_rows[i].row, command_rows[i].end, command_rows[i].reopening);
}

static struct json_object *render(const struct two *t)
{
	struct job_view v = t->v;
	struct strbuf b;
	struct json_object *o;
	struct err err;

	v.languages = t->l;
	strbuf_init(&b, 65536);
	assert_int_equal(status_render(&v, &b), 0);
	assert_int_equal(status_render_links(v.public_id, "https://h/p", &b), 0);
	assert_int_equal(json_parse(b.data, b.len, &json_rules_request, &o, &err), 0);
	strbuf_clear(&b);
	return o;
}

static int64_t number(struct json_object *o, const char *outer, const char *key)
{
	int64_t n = -1;

	assert_int_equal(json_get_int(json_get_object(o, outer), key, 0, INT64_MAX, &n), 1);
	return n;
}

static void I4_counts_are_those_of_the_items(void **state)
{
	struct two t = job_of(JOB_TRANSLATING, (struct language_counts){.done = 20},
			      (struct language_counts){.done = 5, .failed = 1, .sent = 14});
	struct json_object *o = render(&t);

	(void)state;
	assert_int_equal(number(o, "progress", "percent"), 65);
	assert_int_equal(number(o, "progress", "described"), 20);
	assert_int_equal(number(o, "progress", "translations"), 20);
	assert_int_equal(number(o, "progress", "translated"), 5);
	assert_int_equal(number(o, "progress", "failed"), 1);
	json_object_put(o);
}

static void open_items_of_an_ended_job_count_as_failed(void **state)
{
	struct two t = job_of(JOB_COMPLETED, (struct language_counts){.done = 20},
			      (struct language_counts){.sent = 20});
	struct json_object *o;

	(void)state;
	t.v.outcome = OUTCOME_PARTIAL;
	t.v.completed_at = DEADLINE;
	o = render(&t);
	assert_int_equal(number(o, "progress", "percent"), 100);
	assert_int_equal(number(o, "progress", "failed"), 20);
	assert_null(json_get_object(o, "waiting_for"));
	assert_string_equal(json_get_text(o, "outcome"), "partial");
	json_object_put(o);
}

static void a_running_job_says_what_it_waits_for(void **state)
{
	struct two t = job_of(JOB_TRANSLATING, (struct language_counts){.done = 20},
			      (struct language_counts){.sent = 20});
	struct json_object *o, *w;

	(void)state;
	t.v.wait_what = "batch";
	t.v.wait_since = T0 + T_MIN;
	t.v.wait_action = "cancel and retry";
	t.v.wait_action_at = T0 + 2 * T_H;
	t.v.warnings = "{\"code\":\"batch_stalled\",\"message\":\"m\",\"since\":null}";
	o = render(&t);
	w = json_get_object(o, "waiting_for");
	assert_string_equal(json_get_text(w, "what"), "batch");
	assert_string_equal(json_get_text(w, "next_action"), "cancel and retry");
	assert_string_equal(json_get_text(json_object_array_get_idx(json_get_array(o, "warnings"),
								    0),
					  "code"),
			    "batch_stalled");
	assert_string_equal(json_get_text(json_get_object(o, "links"), "status"),
			    "https://h/p/api/v1/jobs/365a09ce-5416-49b5-8471-d6aad042761c/status");
	assert_string_equal(json_get_text(o, "name"), "Sale \"1204\"");
	json_object_put(o);
	t.v.wait_action_at = DEADLINE + T_S; /* what comes after the deadline does not come */
	o = render(&t);
	assert_string_equal(json_get_text(json_get_object(o, "waiting_for"), "next_action"),
			    "end with what is there");
	json_object_put(o);
}

static void a_job_that_was_opened_again_waits_since_then(void **state)
{
	struct two t = job_of(JOB_DESCRIBING, (struct language_counts){.done = 19, .ready = 1},
			      (struct language_counts){.done = 19});
	struct json_object *o;

	(void)state;
	t.v.opened_at = T0 + 3 * T_H;
	o = render(&t);
	assert_string_equal(json_get_text(json_get_object(o, "waiting_for"), "since"),
			    "2024-10-04T03:00:00Z");
	json_object_put(o);
}

static const char *warning(struct json_object *o, size_t i)
{
	return json_get_text(json_object_array_get_idx(json_get_array(o, "warnings"), i), "code");
}

static void budgets_are_warned_of(void **state)
{
	struct two t = job_of(JOB_TRANSLATING, (struct language_counts){.done = 20},
			      (struct language_counts){.ready = 20});
	struct json_object *o;

	(void)state;
	t.v.warnings = "{\"code\":\"batch_stalled\",\"message\":\"m\",\"since\":null}";
	t.v.over_at = T0 + T_H;
	t.v.day_over_at = T0 + 2 * T_H;
	o = render(&t);
	assert_string_equal(warning(o, 0), "batch_stalled");
	assert_string_equal(warning(o, 1), "budget_job");
	assert_string_equal(warning(o, 2), "budget_day");
	json_object_put(o);

	t.v.warnings = "";
	t.v.over_at = 0;
	o = render(&t);
	assert_string_equal(warning(o, 0), "budget_day");
	json_object_put(o);

	t.v.status = JOB_COMPLETED;
	t.v.outcome = OUTCOME_PARTIAL;
	t.v.over_at = T0 + T_H;
	o = render(&t);
	assert_int_equal(json_object_array_length(json_get_array(o, "warnings")), 1);
	assert_string_equal(warning(o, 0), "budget_job");
	json_object_put(o);
}

static void money_has_four_decimals_and_more_where_needed(void **state)
{
	static const struct {
		int64_t micro;
		const char *text;
	} t[] = {{0, "0.0000"},   {12300, "0.0123"},     {12345, "0.012345"},
		 {1, "0.000001"}, {50000000, "50.0000"}, {12345678900, "12345.6789"}};
	struct strbuf b;

	(void)state;
	strbuf_init(&b, 64);
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		strbuf_reset(&b);
		strbuf_add_money(&b, t[i].micro);
		assert_string_equal(b.data, t[i].text);
	}
	strbuf_clear(&b);
}

static void a_warning_goes_before_the_others(void **state)
{
	static const struct {
		const char *object, *want;
	} cases[] = {
		{"{\"name\":\"\\\",\\\"warnings\\\":[\",\"warnings\":[],\"cost\":{}",
		 "{\"name\":\"\\\",\\\"warnings\\\":[\",\"warnings\":[{\"code\":\"a_b\","
		 "\"message\":\"so \\\"it\\\" is\",\"since\":\"1970-01-01T00:00:01Z\"}],\"cost\":{}"},
		{"{\"x\":1,\"warnings\":[{\"code\":\"c\"}]",
		 "{\"x\":1,\"warnings\":[{\"code\":\"a_b\",\"message\":\"so \\\"it\\\" is\","
		 "\"since\":\"1970-01-01T00:00:01Z\"},{\"code\":\"c\"}]"},
		{"{\"x\":1", "{\"x\":1"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct strbuf out;

		strbuf_init(&out, 1000);
		assert_int_equal(status_add_warning(cases[i].object, strlen(cases[i].object), "a_b",
						    "so \"it\" is", T_S, &out),
				 0);
		assert_string_equal(out.data, cases[i].want);
		strbuf_clear(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(verdicts_by_table),
		cmocka_unit_test(I4_counts_are_those_of_the_items),
		cmocka_unit_test(open_items_of_an_ended_job_count_as_failed),
		cmocka_unit_test(a_running_job_says_what_it_waits_for),
		cmocka_unit_test(a_job_that_was_opened_again_waits_since_then),
		cmocka_unit_test(a_warning_goes_before_the_others),
		cmocka_unit_test(budgets_are_warned_of),
		cmocka_unit_test(money_has_four_decimals_and_more_where_needed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
