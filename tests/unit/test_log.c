/* SPDX-License-Identifier: ISC */
/* log: a line is one line, with its priority, and shows no key. */
#include "tests/unit/check.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"

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
	assert_int_equal(strlen(out), 4095);
	assert_string_equal(out + 4090, "0000\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_are_redacted),
		cmocka_unit_test(lines_carry_the_journals_priority),
		cmocka_unit_test(a_line_stays_one_line),
		cmocka_unit_test(a_long_line_is_cut_and_ends),
	};

	return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
