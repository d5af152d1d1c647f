/* SPDX-License-Identifier: ISC */
/*
 * Entries of the provider's list find their batch, and say whether they are news to its row.
 */
#include "tests/unit/check.h"

#include "batchd/watched.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void a_batch_is_found_by_its_remote_id_or_else_by_its_key(void **state)
{
	struct watched items[] = {
		{.id = 3, .name = "aaaa"},
		{.id = 1, .name = "batch_1", .has_remote_id = true},
		{.id = 2, .name = "batch_2", .has_remote_id = true},
		{.id = 4, .name = "bbbb"},
	};
	const struct watched_list l = {.items = items, .n = 4}, none = {0};
	struct remote_batch r = {.id = "batch_2", .batch_key = "aaaa"};

	(void)state;
	assert_int_equal(watched_find(&l, &r)->id, 2);
	r.id = "batch_9"; /* created, and its answer was lost */
	assert_int_equal(watched_find(&l, &r)->id, 3);
	r.batch_key = "batch_1"; /* a key is not an id */
	assert_null(watched_find(&l, &r));
	r.id = "bbbb";
	assert_null(watched_find(&l, &r));
	assert_null(watched_find(&none, &r));
	assert_true(watched_all_seen(&none));
	assert_false(watched_all_seen(&l));
	for (size_t i = 0; i < l.n; i++)
		items[i].seen = true;
	assert_true(watched_all_seen(&l));
}

static void an_entry_is_news_where_any_part_of_it_is(void **state)
{
	const struct watched b = {
		.id = 1,
		.name = "batch_1",
		.has_remote_id = true,
		.is_running = true,
		.status = "in_progress",
		.output_file_id = "file-1",
		.total = 9,
		.done = 5,
		.failed = 1,
	};
	const struct remote_batch same = {
		.id = "batch_1",
		.status_text = "in_progress",
		.output_file_id = "file-1",
		.total = 9,
		.done = 5,
		.failed = 1,
	};
	struct remote_batch r[] = {same, same, same, same, same, same, same};
	struct watched other[] = {b, b, b};

	(void)state;
	assert_true(watched_is_unchanged(&b, &same));
	r[0].status_text = "finalizing";
	r[1].status_text = NULL;
	r[2].output_file_id = "file-2";
	r[3].error_file_id = "file-3";
	r[4].total++;
	r[5].done++;
	r[6].failed++;
	for (size_t i = 0; i < COUNT(r); i++)
		assert_false(watched_is_unchanged(&b, &r[i]));
	r[0] = same;
	r[0].output_file_id = NULL; /* a shorter entry takes nothing back */
	assert_true(watched_is_unchanged(&b, &r[0]));
	other[0].is_running = false; /* its answer was lost, it was missing, or it is closed */
	other[1].status = NULL;
	other[2].has_remote_id = false;
	for (size_t i = 0; i < COUNT(other); i++)
		assert_false(watched_is_unchanged(&other[i], &same));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_batch_is_found_by_its_remote_id_or_else_by_its_key),
		cmocka_unit_test(an_entry_is_news_where_any_part_of_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
