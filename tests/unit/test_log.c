/* SPDX-License-Identifier: ISC */
/* log: a line is one line, with its priority, and shows no key. */
#include "tests/unit/check.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/log_journal.h"

static void keys_are_redacted(void **state)
{
	/* clang-format off */
	static const struct {
		const char *line, *want;
	} cases[] = {
		{"key=sk-proj-abcDEF_123-456", "key=sk-*"},
		{"sk-abcdefgh", "sk-*"},
		{"a \"sk-abcdefgh\" b sk-ijklmnop", "a \"sk-*\" b sk-*"},
		{"Authorization: Bearer abc.def~+/=", "Authorization: Bearer *"},
		{"authorization: bearer x", "authorization: bearer *"},
		{"Bearer sk-abcdefgh", "Bearer *"},
		{"key lot_AbCdEf012345_secretsecret0001 used", "key lot_* used"},
		{"file=/tmp/sk-abcdefgh", "file=/tmp/sk-*"},
		{"sk-abcdefg", "sk-abcdefg"},		/* too short for a key */
		{"task-abcdefghij", "task-abcdefghij"},	/* a mark in a word is none */
		{"slot_abcdefghijkl", "slot_abcdefghijkl"},
		{"lot_seq=12 lots=3", "lot_seq=12 lots=3"},
		{"Bearer ", "Bearer "},
		{"", ""},
	};
	/* clang-format on */

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char line[200];

		strcpy(line, cases[i].line);
		log_redact(line);
		assert_string_equal(line, cases[i].want);
	}
}

/* What the given call writes to standard error. */
static void capture(void (*call)(void), char *out, size_t size)
{
	int fds[2], old = dup(STDERR_FILENO);
	ssize_t n;

	assert_true(old >= 0 && pipe(fds) == 0);
	dup2(fds[1], STDERR_FILENO);
	log_init("t", LOG_LEVEL_INFO);
	call();
	dup2(old, STDERR_FILENO);
	close(old);
	close(fds[1]);
	n = read(fds[0], out, size - 1);
	close(fds[0]);
	out[n > 0 ? n : 0] = '\0';
}

static void say_each(void)
{
	log_err("a x=%d", 1);
	log_warning("b");
	log_notice("c");
	log_info("d");
	log_debug("e");
}

static void lines_carry_the_journals_priority(void **state)
{
	char out[200];

	(void)state;
	capture(say_each, out, sizeof(out));
	assert_string_equal(out, "<3>a x=1\n<4>b\n<5>c\n<6>d\n"); /* debug is below the level */
}

static void say_bad(void)
{
	log_info("bad text=\"%s\" key=%s", "one\ntwo\x1b[31m\x7f", "sk-abcdefgh");
}

static void a_line_stays_one_line(void **state)
{
	char out[200];

	(void)state;
	capture(say_bad, out, sizeof(out));
	assert_string_equal(out, "<6>bad text=\"one two [31m \" key=sk-*\n");
}

static void say_long(void)
{
	log_info("%09999d", 1);
}

static void a_long_line_is_cut_and_ends(void **state)
{
	char out[9000];

	(void)state;
	capture(say_long, out, sizeof(out));
	assert_int_equal(strlen(out), 4035);
	assert_string_equal(out + 4030, "0000\n");
}

static void say_kept(void)
{
	log_tx_begin();
	log_when_committed("lost job=%d", 1);
	log_tx_end(false);
	log_tx_begin();
	log_when_committed("done job=%d", 2);
	log_info("between");
	log_when_committed("done key=%s", "sk-abcdefgh");
	log_tx_end(true);
	log_when_committed("at once");
	log_tx_begin();
	log_tx_end(true);
}

static void lines_of_a_transaction_wait_for_its_commit(void **state)
{
	char out[500];

	(void)state;
	capture(say_kept, out, sizeof(out));
	assert_string_equal(out, "<6>between\n<6>done job=2\n<6>done key=sk-*\n<6>at once\n");
}

static void say_much(void)
{
	log_tx_begin();
	for (int i = 0; i < 1000; i++)
		log_when_committed("line %0100d", i);
	log_tx_end(true);
}

static void a_transaction_with_much_to_say_is_cut(void **state)
{
	char out[40000];

	(void)state;
	capture(say_much, out, sizeof(out));
	assert_in_range(strlen(out), 10000, 20000);
	assert_memory_equal(out, "<6>line 0000", 12);
}

static void fields_are_those_of_the_line(void **state)
{
#define JOB "365a09ce-5416-49b5-8471-d6aad042761c"
	/* clang-format off */
	static const struct {
		const char *line, *want; /* joined by | */
	} cases[] = {
		{"order accepted job=" JOB " account=3 lots=20",
		 "LOTSCRIBE_EVENT=order accepted|LOTSCRIBE_JOB_ID=" JOB "|LOTSCRIBE_ACCOUNT_ID=3"},
		{"answered job=" JOB " batch=42 n=20 text=\"20 answered\"",
		 "LOTSCRIBE_EVENT=answered|LOTSCRIBE_JOB_ID=" JOB "|LOTSCRIBE_BATCH_ID=42"},
		{"closed job=- batch=42 n=0 text=\"\"", "LOTSCRIBE_EVENT=closed|LOTSCRIBE_BATCH_ID=42"},
		{"moved job=17 batch=0 item=9", "LOTSCRIBE_EVENT=moved|LOTSCRIBE_ITEM_ID=9"},
		{"call failed code=rate_limit error=\"job=" JOB " batch=1\" batch=2 code=again",
		 "LOTSCRIBE_EVENT=call failed|LOTSCRIBE_CODE=rate_limit|LOTSCRIBE_BATCH_ID=2"},
		{"error=\"never closed batch=3", ""},
		{"started", "LOTSCRIBE_EVENT=started"},
		{"", ""},
		{"x batch=", "LOTSCRIBE_EVENT=x"},
		{"a  b   key=k1", "LOTSCRIBE_EVENT=a  b  |LOTSCRIBE_KEY_ID=k1"},
	};
	/* clang-format on */

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char fields[LOG_FIELDS][LOG_FIELD_SIZE], joined[LOG_FIELDS * LOG_FIELD_SIZE] = "";
		const size_t n = log_fields(cases[i].line, fields);

		assert_in_range(n, 0, LOG_FIELDS);
		for (size_t k = 0; k < n; k++) {
			strcat(joined, k ? "|" : "");
			strcat(joined, fields[k]);
		}
		assert_string_equal(joined, cases[i].want);
	}
}

static void levels_have_names(void **state)
{
	(void)state;
	assert_int_equal(log_level_find("error"), LOG_LEVEL_ERR);
	assert_int_equal(log_level_find("debug"), LOG_LEVEL_DEBUG);
	assert_int_equal(log_level_find("Info"), -1);
	assert_int_equal(log_level_find(""), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_are_redacted),
		cmocka_unit_test(lines_carry_the_journals_priority),
		cmocka_unit_test(a_line_stays_one_line),
		cmocka_unit_test(a_long_line_is_cut_and_ends),
		cmocka_unit_test(lines_of_a_transaction_wait_for_its_commit),
		cmocka_unit_test(a_transaction_with_much_to_say_is_cut),
		cmocka_unit_test(fields_are_those_of_the_line),
		cmocka_unit_test(levels_have_names),
	};

	return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
