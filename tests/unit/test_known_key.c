/* SPDX-License-Identifier: ISC */
#include "fcgi_app/known_key.h"

#include "core/timemath.h"
#include "tests/unit/check.h"

#define NOW (5 * T_S)

static struct known_key k;

static int begin(void **state)
{
	(void)state;
	known_key_init(&k);
	return 0;
}

static int end(void **state)
{
	(void)state;
	known_key_clear(&k);
	return 0;
}

static void none_is_known_at_first(void **state)
{
	(void)state;
	assert_false(known_key_fits(&k, "", NOW));
	assert_false(known_key_fits(&k, "lot_a", NOW));
}

static void the_last_one_is_known_for_an_hour(void **state)
{
	(void)state;
	known_key_keep(&k, "lot_a", NOW);
	assert_true(known_key_fits(&k, "lot_a", NOW));
	assert_true(known_key_fits(&k, "lot_a", NOW + T_H - 1));
	assert_false(known_key_fits(&k, "lot_a", NOW + T_H));
	assert_false(known_key_fits(&k, "lot_b", NOW));
	known_key_keep(&k, "lot_a", NOW + T_H);
	assert_true(known_key_fits(&k, "lot_a", NOW + T_H));
	known_key_keep(&k, "lot_b", NOW + T_H);
	assert_false(known_key_fits(&k, "lot_a", NOW + T_H));
	assert_true(known_key_fits(&k, "lot_b", NOW + T_H));
}

static void it_is_handed_on(void **state)
{
	struct known_key next;

	(void)state;
	known_key_init(&next);
	known_key_copy(&next, &k);
	assert_false(known_key_fits(&next, "lot_a", NOW));
	known_key_keep(&k, "lot_a", NOW);
	known_key_copy(&next, &k);
	assert_true(known_key_fits(&next, "lot_a", NOW));
	assert_false(known_key_fits(&next, "lot_a", NOW + T_H));
	known_key_clear(&next);
}

static void one_that_is_refused_is_forgotten(void **state)
{
	(void)state;
	known_key_keep(&k, "lot_a", NOW);
	known_key_forget(&k, "lot_b");
	assert_true(known_key_fits(&k, "lot_a", NOW));
	known_key_forget(&k, "lot_a");
	assert_false(known_key_fits(&k, "lot_a", NOW));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(none_is_known_at_first, begin, end),
		cmocka_unit_test_setup_teardown(the_last_one_is_known_for_an_hour, begin, end),
		cmocka_unit_test_setup_teardown(it_is_handed_on, begin, end),
		cmocka_unit_test_setup_teardown(one_that_is_refused_is_forgotten, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
