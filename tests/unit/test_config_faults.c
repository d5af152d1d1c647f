/* SPDX-License-Identifier: ISC */
/* config: what is wrong in a file is told, with file and line. */
#include "tests/unit/check.h"

#include <stdio.h>
#include <string.h>

#include "common/config.h"
#include "common/config_private.h"

#define MODEL "model \"m\" { price_input = \"1\" price_output = \"2\" }\n"

/* clang-format off */
static const struct fault_case {
	const char *text, *want;
} fault_cases[] = {
	/* what libconfuse takes in silence */
	{"\nhttp {\n\tworkers = 1\n\tworkers = 2\n}\n", "t.conf:4: workers is given twice, first in line 3"},
	{"http { }\n\n\nhttp { workers = 2 }\n", "t.conf:4: http is given twice, first in line 1"},
	{MODEL MODEL, "t.conf:2: m is given twice, first in line 1"},
	{"policy small { }\npolicy small { }", "t.conf:2: small is given twice, first in line 1"},
	{"http {\n\tworkers = 1\n", "t.conf:1: section http is not closed by }"},
	{"\n/* http {\n}\n", "t.conf:2: a comment that is not closed"},
	{"http { workers = 1 *}\n", "t.conf:1: a character that means nothing here (a text with it needs quotes)"},
	{"fallback {\ntiers += {\"flex\"} }\n", "t.conf:2: a character that means nothing here (a text with it needs quotes)"},
	{"fallback { tiers = \"flex\" tiers = {\"flex\"} }\n", "t.conf:1: tiers is given twice, first in line 1"},
	/* keys and sections */
	{"\nhttp {\n\tworker = 1\n}\n", "t.conf:3: unknown key \"worker\" in section http"},
	{"\n\nhttps { }\n", "t.conf:3: unknown section \"https\""},
	{"workers = 1\n", "t.conf:1: unknown section \"workers\""},
	{"include(\"/etc/passwd\")\n", "t.conf:1: unknown section \"include\""},
	{"http { http { } }\n", "t.conf:1: unknown key \"http\" in section http"},
	{"http\n{\nmodel = \"x\" }\n", "t.conf:3: unknown key \"model\" in section http"},
	/* syntax */
	{"}\n", "t.conf:1: a section is expected here"},
	{"http = { }\n", "t.conf:1: { is missing after a section's name"},
	{"http small { }\n", "t.conf:1: { is missing after a section's name"},
	{"policy {\n}\n", "t.conf:1: a name is missing after the section's kind"},
	{"policy \"\" { }\n", "t.conf:1: a name is missing after the section's kind"},
	{"http { workers }\n", "t.conf:1: = is missing after a key"},
	{"http { workers = }\n", "t.conf:1: a value is missing"},
	{"http { workers = {1} }\n", "t.conf:1: this key takes one value, no list"},
	{"http { workers = 1, }\n", "t.conf:1: a key is expected here"},
	{"fallback { tiers = {\"flex\" \"default\"} }\n", "t.conf:1: in a list: texts in quotes, commas between them, } at its end"},
	{"database {\n\tname = \"a\n\tuser = \"b\"\n}\n", "t.conf:2: a text that does not end on its line"},
	{"database { name = \"a", "t.conf:1: a text that is not closed"},
	{"database { name = \"a\\x41\" }", "t.conf:1: an escape that makes a control character or a code"},
	{"database { name = \"a\\n\" }", "t.conf:1: an escape that makes a control character or a code"},
	{"database { name = \"a\tb\" }", "t.conf:1: a control character in a text"},
	{"database { name = a\x01 }", "t.conf:1: a control character"},
	{"openai { base_url = https://api.example/v1 }", "t.conf:1: a text with // or * needs quotes"},
	{"database { name = ${USER} }", "t.conf:1: a key is expected here"},
	{"# caf\xe9\n", "t.conf:1: the file is not UTF-8 text"},
	/* values */
	{"http {\n\n workers = 0 }", "t.conf:3: http.workers: 0 is out of range (1 to 512)"},
	{"http { workers = -1 }", "t.conf:1: http.workers: \"-1\" is not a whole number"},
	{"http { workers = 12.5 }", "t.conf:1: http.workers: \"12.5\" is not a whole number"},
	{"http { workers = 0x10 }", "t.conf:1: http.workers: \"0x10\" is not a whole number"},
	{"http { workers = 99999999999999999999 }", "t.conf:1: http.workers: \"99999999999999999999\" is not a whole number"},
	{"http { public_read = maybe }", "t.conf:1: http.public_read: \"maybe\" is not true or false"},
	{"http { wait_max = \"26s\" }", "t.conf:1: http.wait_max: 26s is out of range (100ms to 25s)"},
	{"batch {\n linger = 30 }", "t.conf:2: batch.linger: \"30\" is not a duration such as \"250ms\", \"30s\", \"15m\", \"2h\", \"7d\""},
	{"batch { linger = \"99ms\" }", "t.conf:1: batch.linger: 99ms is out of range (100ms to 1d)"},
	{"budget { day = \"1.0000001\" }", "t.conf:1: budget.day: \"1.0000001\" is not an amount in USD such as \"12.50\""},
	{"budget { day = \"$5\" }", "t.conf:1: budget.day: \"$5\" is not an amount in USD such as \"12.50\""},
	{"fallback { tiers = {\"flex\", \"flex\"} }", "t.conf:1: fallback.tiers: names \"flex\" twice"},
	{"http { cors_origins = {\"app.example.com\"} }", "t.conf:1: http.cors_origins: \"app.example.com\" does not begin with http:// or https://"},
	{"http { cors_origins = {\"https://x/\"} }", "t.conf:1: http.cors_origins: \"https://x/\" ends with the host or the port"},
	{"http { cors_origins = {\"https://X\"} }", "t.conf:1: http.cors_origins: \"https://X\" is in lower case, and of ASCII, as browsers send it"},
	{"http { cors_origins = {\"https://x:443\"} }", "t.conf:1: http.cors_origins: \"https://x:443\" has a port that browsers leave out"},
	{"http { cors_origins = {\"http://x:443\", \"http://x:80\"} }", "t.conf:1: http.cors_origins: \"http://x:80\" has a port that browsers leave out"},
	{"http { cors_origins = {\"null\"} }", "t.conf:1: http.cors_origins: \"null\" does not begin with http:// or https://"},
	{"http { cors_origins = {\"*\", \"*\"} }", "t.conf:1: http.cors_origins: names \"*\" twice"},
	{"http { rate = 1000001 }", "t.conf:1: http.rate: 1000001 is out of range (0 to 1000000)"},
	{"fallback { tiers = {\"priority\"} }", "t.conf:1: fallback.tiers: \"priority\" is none of \"flex\" and \"default\""},
	{"http { base_path = \"lots\" }", "t.conf:1: http.base_path: \"lots\" begins with / and does not end with it"},
	{"http { base_path = \"/l%C3\" }", "t.conf:1: http.base_path: \"/l%C3\" is of letters, digits and - . _ ~ between slashes"},
	{"openai { base_url = \"http://api.example/v1\" }", "t.conf:1: openai.base_url: \"http://api.example/v1\" must be https (http is for this machine's own addresses)"},
	{"openai { base_url = \"HTTP://127.0.0.1.example/v1\" }", "t.conf:1: openai.base_url: \"HTTP://127.0.0.1.example/v1\" must be https (http is for this machine's own addresses)"},
	{"openai { base_url = \"http://10.0.0.1/v1\" }", "t.conf:1: openai.base_url: \"http://10.0.0.1/v1\" must be https (http is for this machine's own addresses)"},
	{"openai { base_url = \"http://[fe80::1]/v1\" }", "t.conf:1: openai.base_url: \"http://[fe80::1]/v1\" must be https (http is for this machine's own addresses)"},
	{"openai { base_url = \"http://localhost.example/v1\" }", "t.conf:1: openai.base_url: \"http://localhost.example/v1\" must be https (http is for this machine's own addresses)"},
	{"openai { base_url = \"https://api.example/v1?x\" }", "t.conf:1: openai.base_url: \"https://api.example/v1?x\" has a query or a fragment"},
	{"database { host = \"a,b\" }", "t.conf:1: database.host: \"a,b\" is one name or address"},
	{"database { name = \"\" }", "t.conf:1: database.name: \"\" is no name of a database"},
	{"model \"m\" {\n price_input = \"1\" }", "t.conf:1: model m: price_output: is missing and has no default"},
	{"model m {\n price_input = 1 price_output = 1\n batch_factor = 1.5 }", "t.conf:3: model m: batch_factor: 1.5 is out of range (0 to 1)"},
	{"model m { price_input = 1 price_output = 1\n max_output_tokens_retry = 5 }", "t.conf:2: model m: max_output_tokens_retry: is below max_output_tokens"},
	{"policy x { max_requests = 7\n alert_after = \"31d\" }", "t.conf:2: policy x: alert_after: 31d is out of range (100ms to 30d)"},
	/* together */
	{"job {\n deadline = \"96h\" }", "t.conf:2: job.deadline: is above job.max_deadline"},
	{"job {\n max_deadline = \"1h\" }", "t.conf:2: job.max_deadline: is below job.deadline"},
	{"job {\n deadline = \"1m\" }", "t.conf:2: job.deadline: is below job.min_deadline"},
	{"daemon { lease = \"1s\"\ntick = \"2s\" }", "t.conf:2: daemon.tick: is above daemon.lease"},
	{"database { tls_ca = \"/ca.pem\" }", "t.conf:1: database.tls_ca: needs database.host"},
	{"alert { mail_to = \"a@b.example\" }", "t.conf:1: alert.mail_to: needs alert.smtp_url"},
	{"alert { mail_to = \"a@b, c@d\" }", "t.conf:1: alert.mail_to: \"a@b, c@d\" is one mail address"},
	{"alert { smtp_url = \"mail.example\" }", "t.conf:1: alert.smtp_url: begins with smtp:// or smtps://"},
	{"alert { smtp_url = \"smtp://\" }", "t.conf:1: alert.smtp_url: names no server"},
	{"alert { smtp_url = \"smtp://a:b@:25\" }", "t.conf:1: alert.smtp_url: names no server"},
	{"alert { smtp_url = \"smtp://a@b:c@d\" }",
	 "t.conf:1: alert.smtp_url: has one @, and %40 in the name or the password"},
	{"alert { smtp_url = \"smtp://a:b/c@d\" }",
	 "t.conf:1: alert.smtp_url: has a character that is to be written as % and two hexadecimal digits"},
	{"\npolicy mid { max_requests = 100 }", "t.conf:2: policy mid: max_requests: is the same as another policy's"},
	{"policy large { }\npolicy mid { }", "t.conf:2: policy mid: max_requests: is the same as another policy's"},
};
/* clang-format on */

static void faults_are_told_with_file_and_line(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(fault_cases) / sizeof(fault_cases[0]); i++) {
		const struct fault_case *f = &fault_cases[i];
		struct config *c = NULL;
		struct err err = {0};

		if (config_parse("t.conf", f->text, strlen(f->text), 0, NULL, &c, &err) == 0)
			fail_msg("taken in silence: %s", f->text);
		assert_int_equal(err.class, ERR_NEVER);
		assert_string_equal(err.text, f->want);
		assert_null(c);
	}
}

static void every_fault_is_told(void **state)
{
	static const char text[] = "http { workers = 0\nwait_max = 1 }\nbudget { day = x }";
	char told[500] = "";
	FILE *out = fmemopen(told, sizeof(told), "w");
	struct config *c = NULL;
	struct err err = {0};

	(void)state;
	assert_int_equal(config_parse("f", text, strlen(text), 0, out, &c, &err), -1);
	fclose(out);
	assert_string_equal(
		told, "f:1: http.workers: 0 is out of range (1 to 512)\n"
		      "f:2: http.wait_max: \"1\" is not a duration such as \"250ms\", \"30s\","
		      " \"15m\", \"2h\", \"7d\"\n"
		      "f:3: budget.day: \"x\" is not an amount in USD such as \"12.50\"\n");
	assert_non_null(strstr(err.text, "f:1: "));
}

/* What is unknown, or said again, hides no fault of the rest. */
static void faults_of_names_and_of_values_are_told_together(void **state)
{
	static const char text[] = "http { worker = {\"1\",\n\"2\"} rate = x }\n"
				   "https \"a\" { b = 1 c { d = { } } }\n"
				   "http { workers = 0 }\n"
				   "batch { linger = \"1s\" linger = \"1\" }\n"
				   "model m { price_input = 1 price_output = 2 }\n"
				   "model m { price_input = x }\n"
				   "budget { day = y }\n";
	char told[1000] = "";
	FILE *out = fmemopen(told, sizeof(told), "w");
	struct config *c = NULL;
	struct err err = {0};

	(void)state;
	assert_int_equal(config_parse("f", text, strlen(text), 0, out, &c, &err), -1);
	fclose(out);
	assert_string_equal(told,
			    "f:1: unknown key \"worker\" in section http\n"
			    "f:2: http.rate: \"x\" is not a whole number\n"
			    "f:3: unknown section \"https\"\n"
			    "f:4: http is given twice, first in line 1\n"
			    "f:5: linger is given twice, first in line 5\n"
			    "f:7: m is given twice, first in line 6\n"
			    "f:7: price_input is given twice, first in line 6\n"
			    "f:8: budget.day: \"y\" is not an amount in USD such as \"12.50\"\n");
}

static void a_file_of_faults_is_not_told_whole(void **state)
{
	char text[4000] = "http {", told[8000] = "";
	FILE *out = fmemopen(told, sizeof(told), "w");
	struct config *c = NULL;
	struct err err = {0};
	size_t n = 0;

	(void)state;
	for (int i = 0; i < 200; i++)
		strcat(text, "x = 1\n");
	strcat(text, "}");
	assert_int_equal(config_parse("f", text, strlen(text), 0, out, &c, &err), -1);
	fclose(out);
	for (const char *p = told; (p = strchr(p, '\n')); p++)
		n++;
	assert_int_equal(n, MOST_FAULTS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(faults_are_told_with_file_and_line),
		cmocka_unit_test(every_fault_is_told),
		cmocka_unit_test(faults_of_names_and_of_values_are_told_together),
		cmocka_unit_test(a_file_of_faults_is_not_told_whole),
	};

	return cmocka_run_group_tests_name("config_faults", tests, NULL, NULL);
}
