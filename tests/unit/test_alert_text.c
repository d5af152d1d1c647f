/* SPDX-License-Identifier: ISC */
/* Alerts as receivers read them (core/alert_text.c): shapes, and that nothing from outside escapes. */
#include "tests/unit/check.h"

#include <json-c/json_object.h>
#include <stdlib.h>
#include <string.h>

#include "core/alert_text.h"
#include "core/json_util.h"
#include "core/timemath.h"

#define T0 (INT64_C(1796076379) * T_S) /* 2026-11-30T22:06:19Z */

static struct alert_message message(const char *subject, const char *text, int64_t cleared_at)
{
	return (struct alert_message){.kind = ALERT_BATCH_STALLED,
				      .subject = subject,
				      .message = text,
				      .first_at = T0,
				      .cleared_at = cleared_at};
}

static struct alert_group group(const struct alert_message *alerts, size_t n)
{
	return (struct alert_group){.alerts = alerts,
				    .n = n,
				    .instance = "auction1",
				    .url = "https://lots.example"};
}

static struct json_object *json_of(const struct alert_group *g)
{
	struct json_object *o = NULL;
	struct strbuf text;

	strbuf_init(&text, 1u << 20);
	alert_text_json(g, &text);
	assert_false(strbuf_failed(&text));
	assert_int_equal(json_parse(text.data, text.len, &json_rules_provider, &o, NULL), 0);
	strbuf_clear(&text);
	return o;
}

static const char *text_at(const struct json_object *o, const char *outer, const char *key)
{
	const char *text = json_get_text(outer ? json_get_object(o, outer) : o, key);

	assert_non_null(text);
	return text;
}

static void json_is_what_alertmanager_sends(void **state)
{
	const struct alert_message a[] = {message("batch:1", "0 of 40", 0),
					  message("batch:2", "3 of 40", T0 + T_H)};
	const struct alert_group g = group(a, 2);
	struct json_object *o = json_of(&g), *list = json_get_array(o, "alerts"), *one;

	(void)state;
	assert_string_equal(text_at(o, NULL, "version"), "4");
	assert_string_equal(text_at(o, NULL, "groupKey"), "{}:{alertname=\"batch_stalled\"}");
	assert_string_equal(text_at(o, NULL, "status"), "firing");
	assert_string_equal(text_at(o, NULL, "receiver"), "lotscribe");
	assert_string_equal(text_at(o, NULL, "externalURL"), "https://lots.example");
	assert_string_equal(text_at(o, "groupLabels", "alertname"), "batch_stalled");
	assert_string_equal(text_at(o, "commonLabels", "severity"), "warning");
	assert_string_equal(text_at(o, "commonLabels", "instance"), "auction1");
	assert_string_equal(text_at(o, "commonAnnotations", "summary"),
			    alert_words[ALERT_BATCH_STALLED].summary);
	assert_int_equal(json_object_array_length(list), 2);
	one = json_object_array_get_idx(list, 0);
	assert_string_equal(text_at(one, NULL, "status"), "firing");
	assert_string_equal(text_at(one, "labels", "subject"), "batch:1");
	assert_string_equal(text_at(one, "annotations", "description"), "0 of 40");
	assert_string_equal(text_at(one, NULL, "startsAt"), "2026-11-30T22:06:19Z");
	assert_string_equal(text_at(one, NULL, "endsAt"), "0001-01-01T00:00:00Z");
	assert_int_equal(strlen(text_at(one, NULL, "fingerprint")), 16);
	one = json_object_array_get_idx(list, 1);
	assert_string_equal(text_at(one, NULL, "status"), "resolved");
	assert_string_equal(text_at(one, NULL, "endsAt"), "2026-11-30T23:06:19Z");
	assert_non_null(strstr(text_at(o, NULL, "text"), "[FIRING] batch_stalled batch:1: 0 of 40\n"
							 "[RESOLVED] batch_stalled batch:2\n"));
	json_object_put(o);
}

static void what_is_over_says_so(void **state)
{
	const struct alert_message a[] = {message("", "x", T0 + T_H), message("b", "x", T0)};
	const struct alert_group g = group(a, 2);
	struct json_object *o = json_of(&g);

	(void)state;
	assert_string_equal(text_at(o, NULL, "status"), "resolved");
	assert_null(strstr(text_at(o, NULL, "text"), "What to do"));
	/* What is of all has no subject. */
	assert_null(
		json_get_text(json_get_object(json_object_array_get_idx(json_get_array(o, "alerts"),
									0),
					      "labels"),
			      "subject"));
	json_object_put(o);
}

static void text_from_outside_stays_text(void **state)
{
	const struct alert_message a[] = {
		message("remote:\"},{<!channel>",
			"<https://evil.example|click> & \"quoted\" \\ \xff", 0)};
	const struct alert_group g = group(a, 1);
	struct json_object *o = json_of(&g);
	const char *text = text_at(o, NULL, "text");
	const struct json_object *one = json_object_array_get_idx(json_get_array(o, "alerts"), 0);

	(void)state;
	assert_null(strpbrk(text, "<>"));
	assert_non_null(strstr(text, "&lt;https://evil.example|click&gt; &amp; \"quoted\" \\"));
	assert_string_equal(text_at(one, "labels", "subject"), "remote:\"},{<!channel>");
	json_object_put(o);
}

/* The header lines, and what the body says. */
static struct strbuf mail_of(const struct alert_group *g)
{
	const struct alert_mail m = {.from = "lotscribe@auction1",
				     .to = "ops@example.com",
				     .id = "abc",
				     .now = T0};
	struct strbuf text;

	strbuf_init(&text, 1u << 20);
	alert_text_mail(g, &m, &text);
	assert_false(strbuf_failed(&text));
	return text;
}

static void a_mail_has_its_headers(void **state)
{
	const struct alert_message a = message("batch:1", "0 of 40", 0);
	const struct alert_group g = group(&a, 1);
	struct strbuf text = mail_of(&g);
	static const char expected[] = "From: lotscribe <lotscribe@auction1>\r\n"
				       "To: <ops@example.com>\r\n"
				       "Subject: [lotscribe] warning: batch_stalled batch:1\r\n"
				       "Date: Mon, 30 Nov 2026 22:06:19 +0000\r\n"
				       "Message-ID: <abc@auction1>\r\n"
				       "Auto-Submitted: auto-generated\r\n"
				       "MIME-Version: 1.0\r\n"
				       "Content-Type: text/plain; charset=utf-8\r\n"
				       "Content-Transfer-Encoding: base64\r\n\r\n";

	(void)state;
	assert_memory_equal(text.data, expected, strlen(expected));
	for (const char *line = text.data, *end; *line; line = end + 2) {
		end = strstr(line, "\r\n");
		assert_non_null(end);
		assert_true(end - line <= 78);
		assert_null(memchr(line, '\n', (size_t)(end - line)));
	}
	strbuf_clear(&text);
}

static void a_subject_is_encoded(void **state)
{
	static const char long_name[] =
		"remote:\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9"
		"\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9";
	static const char *const subjects[] = {"x\r\nBcc: victim@example.com",
					       "=?utf-8?B?eA==?=", long_name};

	(void)state;
	for (size_t i = 0; i < sizeof(subjects) / sizeof(subjects[0]); i++) {
		const struct alert_message a = message(subjects[i], "x", 0);
		const struct alert_group g = group(&a, 1);
		struct strbuf text = mail_of(&g);
		const char *line = strstr(text.data, "Subject: "),
			   *end = strstr(line, "\r\nDate: ");

		assert_null(strstr(text.data, "\r\nBcc"));
		assert_memory_equal(line, "Subject: =?utf-8?B?", 19);
		for (const char *s = line; s < end; s++) {
			const char *cut = strstr(s, "\r\n");

			assert_true(cut - s <= 84); /* the first word stands behind "Subject: " */
			assert_true(cut == end || cut[2] == ' ');
			s = cut + 1;
		}
		strbuf_clear(&text);
	}
}

static void many_alerts_are_counted_in_the_subject(void **state)
{
	struct alert_message a[50];
	struct alert_group g = group(a, 50);
	struct strbuf text;

	(void)state;
	for (size_t i = 0; i < 50; i++)
		a[i] = message("batch:1", "x", T0);
	text = mail_of(&g);
	assert_non_null(strstr(text.data, "Subject: [lotscribe] over: batch_stalled (50)\r\n"));
	strbuf_clear(&text);
}

static void addresses_are_plain(void **state)
{
	static const char *const good[] = {"a@b", "first.last+x@mail.example.com"};
	static const char *const bad[] = {"",           "a",        "@b",     "a@",    "a@b@c",
					  "a b@c",      "a@b\r\nX", "<a@b>",  "a,b@c", "\"a\"@b",
					  "\xc3\xa9@b", "a@b:c",    "a@b\x7f"};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(mail_address_is_plain(good[i]));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(mail_address_is_plain(bad[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(json_is_what_alertmanager_sends),
		cmocka_unit_test(what_is_over_says_so),
		cmocka_unit_test(text_from_outside_stays_text),
		cmocka_unit_test(a_mail_has_its_headers),
		cmocka_unit_test(a_subject_is_encoded),
		cmocka_unit_test(many_alerts_are_counted_in_the_subject),
		cmocka_unit_test(addresses_are_plain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
