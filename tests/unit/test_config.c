/* SPDX-License-Identifier: ISC */
/* config: what a file says is what the struct holds; test_config_faults.c has what is wrong in it. */
#include "tests/unit/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/config.h"
#include "common/config_private.h"
#include "core/timemath.h"

#define MODEL "model \"m\" { price_input = \"1\" price_output = \"2\" }\n"

static struct config *parse(const char *text)
{
	struct config *c = NULL;
	struct err err = {0};

	if (config_parse("/etc/t/t.conf", text, strlen(text), 0, NULL, &c, &err))
		fail_msg("%s", err.text);
	return c;
}

static void the_empty_file_is_all_defaults(void **state)
{
	struct config *c = parse("");

	(void)state;
	assert_string_equal(c->http.base_path, "");
	assert_true(c->http.public_read);
	assert_int_equal(c->http.wait_max, 25 * T_S);
	assert_int_equal(c->http.workers, 8);
	assert_int_equal(c->http.rate, 1200);
	assert_int_equal(c->http.cors_origins.n, 0);
	assert_false(c->http.metrics_public);
	assert_string_equal(c->http.metrics_file, "");
	assert_int_equal(c->database.port, 3306);
	assert_string_equal(c->database.socket, "/run/mysqld/mysqld.sock");
	assert_string_equal(c->database.user, "");
	assert_int_equal(c->daemon.stop_grace, 120 * T_S);
	assert_string_equal(c->openai.base_url, "https://api.openai.com/v1");
	assert_string_equal(c->describe.prompt_file, "/etc/t/describe.prompt");
	assert_string_equal(c->describe.schema_file, "/etc/t/lot-description.schema.json");
	assert_string_equal(c->translate.prompt_file, "/etc/t/translate.prompt");
	assert_int_equal(c->n_models, 0);
	assert_int_equal(c->batch.max_bytes, 200000000);
	assert_int_equal(c->fallback.tiers.n, 2);
	assert_string_equal(c->fallback.tiers.texts[0], "flex");
	assert_string_equal(c->fallback.tiers.texts[1], "default");
	assert_int_equal(c->budget.day, 200000000);
	assert_int_equal(c->job.deadline, T_DAY);
	assert_int_equal(c->job.image_retention, 7 * T_DAY);
	assert_string_equal(c->alert.command, "");
	assert_int_equal(c->alert.repeat, 6 * T_H);
	assert_null(config_model_find(c, "m"));
	config_free(&c);
	assert_null(c);
}

static void values_are_taken(void **state)
{
	struct config *c = parse(
		"# a comment with { and \"\n// another\n/* and\none */\n"
		"http { base_path = /lots public_read = no workers = 3 public_url = \"https://x.example/\" }\n"
		"database {\r\n\thost = \"db.example\"\n\ttls_ca = ca.pem # relative\n\tuser = 'o\\'s' }\n"
		"daemon { lease=\"250ms\"tick=\"100ms\" }"
		"openai { base_url = \"http://127.0.0.1:8080/v1//\" }\n"
		"fallback { tiers = {\"default\",} reserve = \"0900s\" }\n"
		"budget { job = \"0.000001\" day = 12.5 }\n");

	(void)state;
	assert_string_equal(c->http.base_path, "/lots");
	assert_false(c->http.public_read);
	assert_int_equal(c->http.workers, 3);
	assert_string_equal(c->http.public_url, "https://x.example");
	assert_string_equal(c->database.tls_ca, "/etc/t/ca.pem");
	assert_string_equal(c->database.user, "o's");
	assert_int_equal(c->daemon.lease, 250 * T_MS);
	assert_int_equal(c->daemon.tick, 100 * T_MS);
	assert_string_equal(c->openai.base_url, "http://127.0.0.1:8080/v1");
	assert_int_equal(c->fallback.tiers.n, 1);
	assert_string_equal(c->fallback.tiers.texts[0], "default");
	assert_int_equal(c->fallback.reserve, 15 * T_MIN);
	assert_int_equal(c->budget.job, 1);
	assert_int_equal(c->budget.day, 12500000);
	config_free(&c);
	c = parse(
		"http { cors_origins = {\"https://app.example.com\", \"http://localhost:8000\", \"*\"} rate = 0 }");
	assert_int_equal(c->http.cors_origins.n, 3);
	assert_string_equal(c->http.cors_origins.texts[1], "http://localhost:8000");
	assert_int_equal(c->http.rate, 0);
	config_free(&c);
	c = parse("fallback { tiers = {} }");
	assert_int_equal(c->fallback.tiers.n, 0);
	config_free(&c);
}

static void texts_are_literal(void **state)
{
	struct config *c;

	(void)state;
	setenv("SECRET", "leaked", 1);
	c = parse(
		"alert { command = \"a $b ${SECRET} \\${SECRET} \\\\${SECRET} \\\"q\\\" \\' x\" }");
	assert_string_equal(c->alert.command, "a $b ${SECRET} ${SECRET} \\${SECRET} \"q\" ' x");
	config_free(&c);
	c = parse("alert { command = 'a ${SECRET} \\' \\\\ \\n \"' }");
	assert_string_equal(c->alert.command, "a ${SECRET} ' \\ \\n \"");
	config_free(&c);
	c = parse("alert { command = $SECRET }");
	assert_string_equal(c->alert.command, "$SECRET");
	config_free(&c);
}

static void a_model_fills_in_what_it_does_not_say(void **state)
{
	struct config *c = parse(MODEL "model \"n\" { price_input = \"1.25\" price_cached = \"0\""
				       " price_output = 10 max_output_tokens = 10 batch_factor = 1"
				       " max_output_tokens_retry = 11 enqueued_tokens = 7 }");
	const struct config_model *m = config_model_find(c, "m"), *n = config_model_find(c, "n");

	(void)state;
	assert_int_equal(m->max_output_tokens, 4096);
	assert_int_equal(m->max_output_tokens_retry, 8192);
	assert_int_equal(m->enqueued_tokens, 0);
	assert_int_equal(m->price_input, 1000000);
	assert_int_equal(m->price_cached, 1000000);
	assert_int_equal(m->price_output, 2000000);
	assert_int_equal(m->batch_factor_ppm, 500000);
	assert_int_equal(n->price_cached, 0);
	assert_int_equal(n->max_output_tokens_retry, 11);
	assert_int_equal(n->batch_factor_ppm, 1000000);
	assert_int_equal(n->enqueued_tokens, 7);
	config_free(&c);
}

static void policies_are_tried_by_size(void **state)
{
	struct config *c = parse("");

	(void)state;
	assert_int_equal(c->n_policies, 2);
	assert_string_equal(config_policy_for(c, 1)->name, "small");
	assert_string_equal(config_policy_for(c, 100)->name, "small");
	assert_string_equal(config_policy_for(c, 101)->name, "large");
	assert_int_equal(config_policy_for(c, 1)->stall_after, T_H);
	assert_int_equal(config_policy_for(c, 1)->batch_retries, 0);
	assert_int_equal(config_policy_for(c, 101)->batch_retries, 1);
	assert_int_equal(config_policy_for(c, 101)->finalizing_after, 4 * T_H);
	config_free(&c);
	c = parse("policy large { stall_after = \"5h\" }\npolicy \"mid\" { max_requests = 1000 }\n"
		  "policy small { max_requests = 10 }\n");
	assert_int_equal(c->n_policies, 3);
	assert_string_equal(config_policy_for(c, 11)->name, "mid");
	assert_int_equal(config_policy_for(c, 11)->stall_after,
			 3 * T_H); /* as large is by itself */
	assert_int_equal(config_policy_for(c, 1001)->stall_after, 5 * T_H);
	assert_int_equal(config_policy_for(c, 10)->cancel_after, 2 * T_H);
	config_free(&c);
	c = parse("policy large { max_requests = 200 }");
	assert_string_equal(config_policy_for(c, 50000)->name, "large");
	config_free(&c);
}

/* ---- Files beside it. */

static char folder[] = "/tmp/lotscribe-config.XXXXXX";

static void write_file(const char *name, const char *text)
{
	char path[100];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static int make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
	static const char *const names[] = {"t.conf", "describe.prompt", "translate.prompt",
					    "lot-description.schema.json"};
	char path[100];

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
		unlink(path);
	}
	return rmdir(folder);
}

static int load(const char *text, struct config **c, struct err *err)
{
	char path[100];

	write_file("t.conf", text);
	snprintf(path, sizeof(path), "%s/t.conf", folder);
	return config_load(path, CONFIG_NEED_TASKS, NULL, c, err);
}

/* The text after the folder's name. */
static void must_fail(const char *text, const char *want)
{
	struct config *c = NULL;
	struct err err = {0};

	assert_int_equal(load(text, &c, &err), -1);
	assert_int_equal(strncmp(err.text, folder, strlen(folder)), 0);
	if (!strstr(err.text, want))
		fail_msg("%s\ninstead of %s", err.text, want);
}

#define TASKS MODEL "describe { model = m }\ntranslate { model = m }\n"
#define SCHEMA                                                               \
	"{\"type\":\"object\",\"properties\":{\"t\":{\"type\":\"string\"}}," \
	"\"required\":[\"t\"],\"additionalProperties\":false}"

static void prompts_and_schema_are_read_and_checked(void **state)
{
	struct config *c = NULL;
	struct err err = {0};

	(void)state;
	must_fail(TASKS, "/t.conf:2: describe.prompt_file: ");
	must_fail(TASKS, "describe.prompt: No such file");
	write_file("describe.prompt", "");
	must_fail(TASKS, "describe.prompt: is empty or no UTF-8 text");
	write_file("describe.prompt", "caf\xe9");
	must_fail(TASKS, "describe.prompt: is empty or no UTF-8 text");
	write_file("describe.prompt", "Describe.\n");
	write_file("translate.prompt", "Translate.\n");
	write_file("lot-description.schema.json", "{\"type\":\"object\",\"pattern\":1}");
	must_fail(TASKS, "lot-description.schema.json: ");
	write_file("lot-description.schema.json", SCHEMA);
	must_fail(MODEL, "/t.conf:1: describe.model: is missing and has no default");
	must_fail(MODEL "\ndescribe { model = x } translate { model = m }",
		  "/t.conf:3: describe.model: there is no section model \"x\"");
	if (load(TASKS, &c, &err))
		fail_msg("%s", err.text);
	assert_string_equal(c->describe.prompt, "Describe.\n");
	assert_string_equal(c->describe.schema, SCHEMA);
	assert_string_equal(c->translate.prompt, "Translate.\n");
	assert_null(c->translate.schema);
	config_free(&c);
}

static void an_unreadable_file_is_told(void **state)
{
	struct config *c = NULL;
	struct err err = {0};

	(void)state;
	assert_int_equal(config_load("/nonexistent/t.conf", 0, NULL, &c, &err), -1);
	assert_string_equal(err.text, "/nonexistent/t.conf: No such file or directory");
	assert_int_equal(config_load("/", 0, NULL, &c, &err), -1);
	assert_string_equal(err.text, "/: Is a directory");
}

static void what_is_printed_reads_as_the_same(void **state)
{
	char first[8000] = "", second[8000] = "";
	struct config *c =
		parse(MODEL "model \"a \\\"b\\\\\" { price_input = 0.123456 price_output = 3 }\n"
			    "policy mid { max_requests = 7 alert_after = \"90s\" }\n"
			    "alert { command = \"x ${HOME} 'y' \\\"z\\\"\" }\n"
			    "http { public_read = off wait_max = \"1500ms\" }\n"
			    "fallback { tiers = {default} }\n");
	FILE *out = fmemopen(first, sizeof(first), "w");

	(void)state;
	config_print(c, out);
	fclose(out);
	config_free(&c);
	assert_non_null(strstr(first, "\talert_after = \"90s\"\n"));
	assert_non_null(strstr(first, "model \"a \\\"b\\\\\" {\n"));
	c = parse(first);
	assert_string_equal(c->alert.command, "x ${HOME} 'y' \"z\"");
	assert_string_equal(c->models[1].name, "a \"b\\");
	out = fmemopen(second, sizeof(second), "w");
	config_print(c, out);
	fclose(out);
	assert_string_equal(first, second);
	config_free(&c);
}

static void a_secret_in_a_url_is_not_printed(void **state)
{
	char text[8000] = "";
	struct config *c =
		parse("alert { mail_to = \"a@b\" smtp_url = \"smtps://me%40b:pass@mail:465\""
		      " webhook_url = \"https://hooks/T0/secret?token=secret\""
		      " command = \"curl -H 'Bearer secret'\" }");
	FILE *out = fmemopen(text, sizeof(text), "w");

	(void)state;
	assert_string_equal(c->alert.smtp_url, "smtps://me%40b:pass@mail:465");
	config_print(c, out);
	fclose(out);
	assert_non_null(strstr(text, "\tsmtp_url = \"smtps://*@mail:465\" # hidden\n"));
	assert_non_null(strstr(text, "\twebhook_url = \"https://hooks/*\" # hidden\n"));
	assert_non_null(strstr(text, "\tcommand = \"curl -H 'Bearer *'\" # hidden\n"));
	assert_null(strstr(text, "pass@"));
	assert_null(strstr(text, "secret"));
	config_free(&c);
}

static void what_is_as_by_default_is_marked(void **state)
{
	static const char *const marked[] = {"rate = 1200",
					     "cors_origins = {}",
					     "public_read = true",
					     "prompt_file = \"/etc/t/describe.prompt\"",
					     "tiers = {\"flex\", \"default\"}",
					     "max_output_tokens_retry = 14",
					     "price_cached = \"1\"",
					     "batch_factor = 0.5",
					     "alert_after = \"6h\"",
					     "validating_after = \"1h\""};
	static const char *const plain[] = {"workers = 3", "price_input = \"1\"",
					    "max_output_tokens = 7", "alert_after = \"90s\"",
					    "schema_file = \"/etc/x\""};
	char text[8000] = "", line[100];
	struct config *c =
		parse("http { workers = 3 rate = 1200 }\ndescribe { schema_file = /etc/x }\n"
		      "model m { price_input = 1 price_output = 2 max_output_tokens = 7 }\n"
		      "policy mid { max_requests = 200 }\npolicy small { alert_after = \"90s\" }");
	FILE *out = fmemopen(text, sizeof(text), "w");

	(void)state;
	config_print(c, out);
	fclose(out);
	config_free(&c);
	for (size_t i = 0; i < sizeof(marked) / sizeof(marked[0]); i++) {
		snprintf(line, sizeof(line), "\t%s # default\n", marked[i]);
		if (!strstr(text, line))
			fail_msg("not marked: %s", marked[i]);
	}
	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
		snprintf(line, sizeof(line), "\t%s\n", plain[i]);
		if (!strstr(text, line))
			fail_msg("marked: %s", plain[i]);
	}
}

static void money_is_exact(void **state)
{
	static const struct {
		const char *text;
		int64_t want; /* -1: refused */
	} cases[] = {
		{"0", 0},
		{"1", 1000000},
		{"0.5", 500000},
		{"12.345678", 12345678},
		{"007.10", 7100000},
		{"9223372036854.775807", INT64_MAX},
		{"9223372036854.775808", -1},
		{"99999999999999999999", -1},
		{"", -1},
		{".5", -1},
		{"1.", -1},
		{"1.2.3", -1},
		{"1,5", -1},
		{"-1", -1},
		{"+1", -1},
		{" 1", -1},
		{"1e3", -1},
		{"1.0000000", -1},
		{"1 ", -1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int64_t micro = -7;
		int rc = money_parse(cases[i].text, &micro);

		if (rc != (cases[i].want < 0 ? -1 : 0) ||
		    micro != (cases[i].want < 0 ? -7 : cases[i].want))
			fail_msg("\"%s\": %d, %lld", cases[i].text, rc, (long long)micro);
	}
}

/* A key outside its section's block would make a second section of the same name. */
static void the_table_is_in_blocks(void **state)
{
	(void)state;
	for (size_t i = 0; i < n_keys; i++) {
		assert_ptr_equal(key_find(keys[i].section, keys[i].name), &keys[i]);
		for (size_t k = i + 1; k < n_keys; k++)
			if (!strcmp(keys[k].section, keys[i].section))
				assert_string_equal(keys[k - 1].section, keys[k].section);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_empty_file_is_all_defaults),
		cmocka_unit_test(values_are_taken),
		cmocka_unit_test(texts_are_literal),
		cmocka_unit_test(a_model_fills_in_what_it_does_not_say),
		cmocka_unit_test(policies_are_tried_by_size),
		cmocka_unit_test(prompts_and_schema_are_read_and_checked),
		cmocka_unit_test(an_unreadable_file_is_told),
		cmocka_unit_test(what_is_printed_reads_as_the_same),
		cmocka_unit_test(a_secret_in_a_url_is_not_printed),
		cmocka_unit_test(what_is_as_by_default_is_marked),
		cmocka_unit_test(money_is_exact),
		cmocka_unit_test(the_table_is_in_blocks),
	};

	return cmocka_run_group_tests_name("config", tests, make_folder, remove_folder);
}
