/* SPDX-License-Identifier: ISC */
/*
 * Tests of core/model.c: names, moves, the provider's status texts, custom_id; and that the
 * database's CHECKs (sql/, below $srcdir) know exactly our names.
 */
#include "tests/unit/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/model.h"

#define SCHEMA_MAX (1u << 20)
#define NAMES_MAX  32

/* clang-format off */
static const struct names {
	const char *what;
	const char *const *names;
	int n;
	int none;		/* the one without a name, or -1 */
	const char *table, *column;	/* where the database has them; NULL: only as last seen */
} all_names[] = {
	{ "job status", job_status_names, JOB_STATUS_COUNT, -1, "job", "status" },
	{ "job outcome", job_outcome_names, JOB_OUTCOME_COUNT, OUTCOME_NONE, "job", "outcome" },
	{ "job end", job_end_codes, JOB_END_COUNT, -1, "request", "was" },
	{ "command", command_names, COMMAND_COUNT, -1, "request", "kind" },
	{ "task", task_names, TASK_COUNT, -1, "recipe", "task" },
	{ "item state", item_state_names, ITEM_STATE_COUNT, -1, "item", "state" },
	{ "batch phase", batch_phase_names, BATCH_PHASE_COUNT, -1, "batch", "phase" },
	{ "batch reason", batch_reason_names, BATCH_REASON_COUNT, REASON_NONE, "batch", "reason" },
	{ "remote status", remote_status_names, REMOTE_STATUS_COUNT, -1, NULL, NULL },
	{ "attempt outcome", attempt_outcome_names, ATTEMPT_OUTCOME_COUNT, ATTEMPT_OPEN,
	  "attempt", "outcome" },
	{ "grade", grade_names, GRADE_COUNT, GRADE_NONE, "answer", "grade" },
	{ "line kind", line_kind_names, LINE_KIND_COUNT, -1, "batch_line", "kind" },
};
/* clang-format on */

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static void every_state_has_a_name_of_its_own(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(all_names); i++) {
		const struct names *t = &all_names[i];

		for (int v = 0; v < t->n; v++) {
			if ((t->names[v] == NULL) != (v == t->none))
				fail_msg("%s %d: a name where none is due, or none", t->what, v);
			if (name_find(t->names, t->n, t->names[v]) != v)
				fail_msg("%s %d: its name finds another", t->what, v);
		}
		assert_int_equal(name_find(t->names, t->n, "no such state"), -1);
		assert_int_equal(name_find(t->names, t->n, NULL), t->none);
	}
}

static char *schema_text(void)
{
	static const char *const files[] = {"schema.sql", "migrate/003_commands.sql",
					    "migrate/006_repair.sql", "migrate/007_retention.sql"};
	const char *top = getenv("srcdir");
	char path[4096];
	char *text = calloc(1, SCHEMA_MAX);
	size_t n = 0;

	assert_non_null(text);
	for (size_t i = 0; i < COUNT(files); i++) {
		FILE *file;

		snprintf(path, sizeof(path), "%s/sql/%s", top != NULL ? top : ".", files[i]);
		file = fopen(path, "r");
		if (file == NULL)
			fail_msg("%s cannot be read", path);
		n += fread(text + n, 1, SCHEMA_MAX - 1 - n, file);
		fclose(file);
	}
	return text;
}

/* Behind "(column IN (" in the last statement of the table that has it, or NULL. */
static const char *last_check(const char *schema, const char *table, const char *column)
{
	char begin[80], check[80];
	const char *last = NULL;

	snprintf(begin, sizeof(begin), " TABLE %s", table);
	snprintf(check, sizeof(check), "(%s IN (", column);
	for (const char *at = schema; (at = strstr(at, begin)) != NULL; at++) {
		const char *end = strstr(at, ";\n"), *found = strstr(at, check);
		const char after = at[strlen(begin)];

		if ((after == ' ' || after == '\n') && found != NULL && found < end)
			last = found + strlen(check);
	}
	return last;
}

/* The texts in "CHECK (column IN ('a', 'b'))" of a table, as found; how many. */
static int check_texts(const char *schema, const char *table, const char *column,
		       char out[NAMES_MAX][32])
{
	const char *at = last_check(schema, table, column);
	int n = 0;

	if (at == NULL)
		fail_msg("%s.%s has no CHECK", table, column);
	for (; at != NULL && *at != ')'; at++) {
		if (*at != '\'')
			continue;
		assert_true(n < NAMES_MAX);
		assert_int_equal(sscanf(at, "'%31[a-z_]'", out[n++]), 1);
		at = strchr(at + 1, '\'');
	}
	return n;
}

static void database_checks_know_exactly_our_names(void **state)
{
	char *schema = schema_text();
	char texts[NAMES_MAX][32];

	(void)state;
	for (size_t i = 0; i < COUNT(all_names); i++) {
		const struct names *t = &all_names[i];
		int n;

		if (t->table == NULL)
			continue;
		n = check_texts(schema, t->table, t->column, texts);
		if (n != t->n - (t->none >= 0))
			fail_msg("%s.%s has %d texts", t->table, t->column, n);
		for (int v = 0; v < n; v++)
			if (name_find(t->names, t->n, texts[v]) < 0)
				fail_msg("%s.%s: %s is no %s", t->table, t->column, texts[v],
					 t->what);
	}
	free(schema);
}

static void only_done_absorbs_an_item(void **state)
{
	(void)state;
	for (int from = 0; from < ITEM_STATE_COUNT; from++) {
		bool leaves = false;

		for (int to = 0; to < ITEM_STATE_COUNT; to++)
			leaves |= item_may_move[from][to];
		assert_int_equal(leaves, from != ITEM_DONE);
		assert_false(item_may_move[from][from]);
		/* a late answer is always welcome */
		if (from != ITEM_DONE && from != ITEM_BLOCKED)
			assert_true(item_may_move[from][ITEM_DONE]);
	}
	/* nothing is sent that has no description, and nothing twice at a time */
	assert_false(item_may_move[ITEM_BLOCKED][ITEM_SENT]);
	assert_false(item_may_move[ITEM_FAILED][ITEM_SENT]);
}

/* Phases that can be reached from `from`, in any number of moves. */
static void reach(int from, bool seen[BATCH_PHASE_COUNT])
{
	for (int to = 0; to < BATCH_PHASE_COUNT; to++) {
		if (!batch_may_move[from][to] || seen[to])
			continue;
		seen[to] = true;
		reach(to, seen);
	}
}

static void only_closed_absorbs_a_batch(void **state)
{
	(void)state;
	for (int from = 0; from < BATCH_PHASE_COUNT; from++) {
		bool seen[BATCH_PHASE_COUNT] = {false};

		reach(from, seen);
		if (seen[BATCH_CLOSED] != (from != BATCH_CLOSED))
			fail_msg("%s: closed is out of reach, or left", batch_phase_names[from]);
		assert_false(batch_may_move[from][from]);
	}
}

/* An installation may become another one at any moment, and then gives up what it had begun. */
static void a_batch_can_be_closed_in_every_phase(void **state)
{
	(void)state;
	for (int from = 0; from < BATCH_CLOSED; from++)
		if (!batch_may_move[from][BATCH_CLOSED])
			fail_msg("%s cannot be closed", batch_phase_names[from]);
}

static void a_batch_is_created_again_only_behind_the_fence(void **state)
{
	(void)state;
	for (int to = 0; to < BATCH_PHASE_COUNT; to++) {
		const bool looked =
			to == BATCH_RUNNING || to == BATCH_FENCING || to == BATCH_CLOSED;

		if (batch_may_move[BATCH_UNKNOWN][to] && !looked)
			fail_msg("unknown moves to %s", batch_phase_names[to]);
	}
	for (int from = 0; from < BATCH_PHASE_COUNT; from++)
		if (batch_may_move[from][BATCH_CREATING])
			assert_int_equal(from, BATCH_UPLOADED);
	/* once the provider has it, it is never sent again; once it ended, it stays so */
	for (int to = 0; to < BATCH_HARVESTING; to++)
		assert_false(batch_may_move[BATCH_RUNNING][to]);
	for (int to = 0; to < BATCH_CLOSED; to++)
		assert_false(batch_may_move[BATCH_HARVESTING][to]);
}

static void predicates_know_what_is_final(void **state)
{
	(void)state;
	for (int s = 0; s < JOB_STATUS_COUNT; s++)
		assert_int_equal(job_status_is_terminal((enum job_status)s),
				 s == JOB_COMPLETED || s == JOB_FAILED || s == JOB_CANCELLED);
	for (int s = 0; s < REMOTE_STATUS_COUNT; s++) {
		const char *name = remote_status_names[s];

		assert_int_equal(remote_status_is_final((enum remote_status)s),
				 strcmp(name, "completed") == 0 || strcmp(name, "failed") == 0 ||
					 strcmp(name, "expired") == 0 ||
					 strcmp(name, "cancelled") == 0);
	}
}

/* clang-format off */
static const struct {
	const char *text;
	enum remote_status want;
} statuses[] = {
	{ "validating", REMOTE_VALIDATING },	{ "VALIDATING", REMOTE_VALIDATING },
	{ "Validating", REMOTE_VALIDATING },	{ "in_progress", REMOTE_IN_PROGRESS },
	{ "IN_PROGRESS", REMOTE_IN_PROGRESS },	{ "PROGRESS", REMOTE_IN_PROGRESS },
	{ "RUNNING", REMOTE_IN_PROGRESS },	{ "queued", REMOTE_IN_PROGRESS },
	{ "pending", REMOTE_IN_PROGRESS },	{ "finalizing", REMOTE_FINALIZING },
	{ "cancelling", REMOTE_CANCELLING },	{ "canceling", REMOTE_CANCELLING },
	{ "CANCELLATION_REQUESTED", REMOTE_CANCELLING },
	{ "completed", REMOTE_COMPLETED },	{ "SUCCESS", REMOTE_COMPLETED },
	{ "succeeded", REMOTE_COMPLETED },	{ "failed", REMOTE_FAILED },
	{ "expired", REMOTE_EXPIRED },		{ "TIMEOUT_EXCEEDED", REMOTE_EXPIRED },
	{ "cancelled", REMOTE_CANCELLED },	{ "canceled", REMOTE_CANCELLED },
	/* not final, whatever it is */
	{ "paused", REMOTE_UNKNOWN },		{ "completed ", REMOTE_UNKNOWN },
	{ "", REMOTE_UNKNOWN },			{ NULL, REMOTE_UNKNOWN },
};

static const struct {
	const char *text;
	uint64_t item;		/* 0: not of our form */
	unsigned attempt;
} ids[] = {
	{ "42-1-0123456789abcdef", 42, 1 },
	{ "1-65535-ffffffffffffffff", 1, 65535 },
	{ "9223372036854775807-1-0000000000000000", INT64_MAX, 1 },
	{ "9223372036854775808-1-0123456789abcdef", 0, 0 },
	{ "18446744073709551658-1-0123456789abcdef", 0, 0 },
	{ "42-65536-0123456789abcdef", 0, 0 },
	{ "0-1-0123456789abcdef", 0, 0 },	{ "042-1-0123456789abcdef", 0, 0 },
	{ "42-0-0123456789abcdef", 0, 0 },	{ "42-01-0123456789abcdef", 0, 0 },
	{ "-42-1-0123456789abcdef", 0, 0 },	{ "+42-1-0123456789abcdef", 0, 0 },
	{ " 42-1-0123456789abcdef", 0, 0 },	{ "42-1-0123456789abcdef ", 0, 0 },
	{ "42-1-0123456789ABCDEF", 0, 0 },	{ "42-1-0123456789abcde", 0, 0 },
	{ "42-1-0123456789abcdef0", 0, 0 },	{ "42-1-0123456789abcdeg", 0, 0 },
	{ "42-1", 0, 0 },			{ "42", 0, 0 },
	{ "42_1_0123456789abcdef", 0, 0 },	{ "request-1", 0, 0 },
	{ "", 0, 0 },				{ NULL, 0, 0 },
};
/* clang-format on */

static void status_texts_are_read_in_any_case(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(statuses); i++)
		if (remote_status_parse(statuses[i].text) != statuses[i].want)
			fail_msg("status text %s", statuses[i].text);
}

static void custom_ids_of_our_form_alone_are_taken(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(ids); i++) {
		uint64_t item = 7;
		unsigned attempt = 7;
		char mark[17] = "untouched";
		const int rc = custom_id_parse(ids[i].text, &item, &attempt, mark);

		if (rc != (ids[i].item != 0 ? 0 : -1))
			fail_msg("custom_id %s", ids[i].text);
		assert_int_equal(item, rc == 0 ? ids[i].item : 7);
		assert_int_equal(attempt, rc == 0 ? ids[i].attempt : 7);
		assert_string_equal(mark,
				    rc == 0 ? ids[i].text + strlen(ids[i].text) - 16 : "untouched");
	}
}

static void custom_ids_come_back_as_they_went(void **state)
{
	static const uint64_t items[] = {1, 9, 10, 4294967296, INT64_MAX};
	static const unsigned attempts[] = {1, 9, 10, 65535};

	(void)state;
	for (size_t i = 0; i < COUNT(items); i++) {
		for (size_t k = 0; k < COUNT(attempts); k++) {
			char text[CUSTOM_ID_SIZE];
			char mark[17];
			uint64_t item;
			unsigned attempt;

			custom_id_format(items[i], attempts[k], "00c0ffee12345678", text);
			assert_int_equal(custom_id_parse(text, &item, &attempt, mark), 0);
			assert_true(item == items[i] && attempt == attempts[k]);
			assert_string_equal(mark, "00c0ffee12345678");
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_state_has_a_name_of_its_own),
		cmocka_unit_test(database_checks_know_exactly_our_names),
		cmocka_unit_test(only_done_absorbs_an_item),
		cmocka_unit_test(only_closed_absorbs_a_batch),
		cmocka_unit_test(a_batch_can_be_closed_in_every_phase),
		cmocka_unit_test(a_batch_is_created_again_only_behind_the_fence),
		cmocka_unit_test(predicates_know_what_is_final),
		cmocka_unit_test(status_texts_are_read_in_any_case),
		cmocka_unit_test(custom_ids_of_our_form_alone_are_taken),
		cmocka_unit_test(custom_ids_come_back_as_they_went),
	};

	return cmocka_run_group_tests_name("model", tests, NULL, NULL);
}
