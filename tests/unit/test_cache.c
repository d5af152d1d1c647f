/* SPDX-License-Identifier: ISC */
#include "fcgi_app/cache.h"

#include <stdio.h>
#include <string.h>

#include "tests/unit/check.h"

#define NOW (1000 * T_S)
#define MIB (1u << 20)

static const uint8_t one[16] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
static const uint8_t two[16] = {2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2};

static bool put(struct cache *c, const uint8_t uuid[16], uint32_t variant, int64_t version,
		const char *text)
{
	const struct cached head = {.job_id = 7, .version = version, .status = JOB_DESCRIBING};

	return cache_put(c, uuid, variant, NOW, &head, text, strlen(text));
}

/* The text, or "" where nothing is held. */
static const char *get_at(struct cache *c, const uint8_t uuid[16], uint32_t variant, int64_t now)
{
	static char text[64];
	struct cached head;
	struct strbuf out;

	strbuf_init(&out, sizeof(text));
	snprintf(text, sizeof(text), "%s",
		 cache_get(c, uuid, variant, now, &head, &out) ? out.data : "");
	strbuf_clear(&out);
	return text;
}

static const char *get(struct cache *c, const uint8_t uuid[16])
{
	return get_at(c, uuid, CACHE_STATUS, NOW);
}

static void what_was_kept_is_given_with_its_head(void **state)
{
	struct cache *c = cache_new(MIB);
	const struct cached in = {.job_id = 7,
				  .account_id = 8,
				  .version = 3,
				  .updated_at = 4,
				  .deadline_at = 5,
				  .status = JOB_TRANSLATING};
	struct cached head;
	struct strbuf out;

	(void)state;
	strbuf_init(&out, 100);
	assert_true(cache_put(c, one, CACHE_STATUS, NOW, &in, "a\0b", 3));
	assert_true(cache_get(c, one, CACHE_STATUS, NOW, &head, &out));
	assert_int_equal(out.len, 3);
	assert_memory_equal(out.data, "a\0b", 3);
	assert_int_equal(head.job_id, 7);
	assert_int_equal(head.account_id, 8);
	assert_int_equal(head.version, 3);
	assert_int_equal(head.updated_at, 4);
	assert_int_equal(head.deadline_at, 5);
	assert_int_equal(head.status, JOB_TRANSLATING);
	assert_false(cache_get(c, two, CACHE_STATUS, NOW, &head, &out));
	strbuf_clear(&out);
	cache_free(&c);
}

static void an_older_answer_never_replaces_a_newer_one(void **state)
{
	struct cache *c = cache_new(MIB);

	(void)state;
	assert_true(put(c, one, CACHE_STATUS, 6, "v6"));
	assert_false(put(c, one, CACHE_STATUS, 5, "v5"));
	assert_string_equal(get(c, one), "v6");
	assert_true(put(c, one, CACHE_STATUS, 7, "v7"));
	assert_string_equal(get(c, one), "v7");
	cache_free(&c);
}

static void an_outdated_answer_is_not_given_and_does_not_come_back(void **state)
{
	struct cache *c = cache_new(MIB);

	(void)state;
	put(c, one, CACHE_STATUS, 5, "v5");
	put(c, two, CACHE_STATUS, 5, "other");
	cache_outdate(c, one, 6);
	assert_string_equal(get(c, one), "");
	assert_string_equal(get(c, two), "other");
	assert_false(put(c, one, CACHE_STATUS, 5, "v5"));
	assert_string_equal(get(c, one), "");
	assert_true(put(c, one, CACHE_STATUS, 6, "v6"));
	assert_string_equal(get(c, one), "v6");
	cache_outdate(c, one, 6);
	assert_string_equal(get(c, one), "v6");
	cache_free(&c);
}

static void all_answers_of_a_job_go_together(void **state)
{
	struct cache *c = cache_new(MIB);

	(void)state;
	put(c, one, CACHE_STATUS, 5, "status");
	put(c, one, 9, 5, "page");
	assert_string_equal(get_at(c, one, 9, NOW), "page");
	assert_true(put(c, one, 9, 6, "page of v6"));
	assert_string_equal(get(c, one), "");
	assert_false(put(c, one, CACHE_STATUS, 5, "status"));
	cache_outdate(c, one, 7);
	assert_string_equal(get_at(c, one, 9, NOW), "");
	cache_free(&c);
}

static void an_answer_has_its_life(void **state)
{
	struct cache *c = cache_new(MIB);

	(void)state;
	put(c, one, CACHE_STATUS, 5, "v5");
	assert_string_equal(get_at(c, one, CACHE_STATUS, NOW + CACHE_LIFE - 1), "v5");
	assert_string_equal(get_at(c, one, CACHE_STATUS, NOW + CACHE_LIFE), "");
	cache_free(&c);
}

static void what_is_forgotten_keeps_its_version(void **state)
{
	struct cache *c = cache_new(MIB);

	(void)state;
	put(c, one, CACHE_STATUS, 5, "v5");
	cache_forget_all(c);
	assert_string_equal(get(c, one), "");
	assert_false(put(c, one, CACHE_STATUS, 4, "v4"));
	assert_true(put(c, one, CACHE_STATUS, 5, "v5"));
	cache_free(&c);
}

static void the_bytes_are_bounded_and_the_longest_unused_goes_first(void **state)
{
	struct cache *c = cache_new(16 * 4096);
	char text[700];
	uint8_t uuid[16] = {16}; /* of the same part as the next ones */

	(void)state;
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	put(c, uuid, CACHE_STATUS, 1, "asked for");
	for (int i = 1; i < 100; i++) {
		uuid[12] = (uint8_t)i;
		put(c, uuid, CACHE_STATUS, 1, text);
		assert_true(cache_bytes(c) <= 16 * 4096);
		uuid[12] = 0;
		assert_string_equal(get(c, uuid), "asked for");
	}
	uuid[12] = 1;
	assert_string_equal(get(c, uuid), "");
	cache_free(&c);
}

static void without_room_nothing_is_kept(void **state)
{
	struct cache *c = cache_new(0);

	(void)state;
	assert_true(put(c, one, CACHE_STATUS, 5, "v5"));
	assert_string_equal(get(c, one), "");
	assert_int_equal(cache_bytes(c), 0);
	cache_free(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_kept_is_given_with_its_head),
		cmocka_unit_test(an_older_answer_never_replaces_a_newer_one),
		cmocka_unit_test(an_outdated_answer_is_not_given_and_does_not_come_back),
		cmocka_unit_test(all_answers_of_a_job_go_together),
		cmocka_unit_test(an_answer_has_its_life),
		cmocka_unit_test(what_is_forgotten_keeps_its_version),
		cmocka_unit_test(the_bytes_are_bounded_and_the_longest_unused_goes_first),
		cmocka_unit_test(without_room_nothing_is_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
