/* SPDX-License-Identifier: ISC */
/* order: bodies of the commands that change a job. */
#include "tests/unit/check.h"

#include <string.h>

#include "core/order.h"
#include "core/timemath.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static struct order order;
static struct order_faults faults;

/* clang-format off */
static const struct {
	enum order_change change;
	const char *body;
	const char *pointer; /* of the one fault; NULL: it is accepted */
} changes[] = {
	{ ORDER_CHANGE_NOTHING, "", NULL },
	{ ORDER_CHANGE_NOTHING, " {} ", NULL },
	{ ORDER_CHANGE_NOTHING, "{\"deadline\":\"PT6H\"}", "/deadline" },
	{ ORDER_CHANGE_DEADLINE, "", NULL },
	{ ORDER_CHANGE_DEADLINE, "{\"deadline\":null}", NULL },
	{ ORDER_CHANGE_DEADLINE, "{\"deadline\":\"PT6H\"}", NULL },
	{ ORDER_CHANGE_DEADLINE, "{\"deadline\":\"P\"}", "/deadline" },
	{ ORDER_CHANGE_DEADLINE, "{\"languages\":[\"fr\"]}", "/languages" },
	{ ORDER_CHANGE_DEADLINE, "[]", "" },
	{ ORDER_CHANGE_LANGUAGES, "", "" },
	{ ORDER_CHANGE_LANGUAGES, "{\"languages\":[]}", "" },
	{ ORDER_CHANGE_LANGUAGES, "{\"languages\":[\"fr\",\"it\"]}", NULL },
	{ ORDER_CHANGE_LANGUAGES, "{\"deadline\":\"PT6H\",\"languages\":[\"fr\"]}", NULL },
	{ ORDER_CHANGE_LANGUAGES, "{\"languages\":[\"fr\",\"en\"]}", "/languages/1" },
	{ ORDER_CHANGE_LANGUAGES, "{\"languages\":[\"fr\"],\"lots\":[]}", "/lots" },
};
/* clang-format on */

static void changes_have_the_keys_of_their_kind(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(changes); i++) {
		const char *body = changes[i].body;
		const int rc =
			order_parse_change(body, strlen(body), changes[i].change, &order, &faults);

		assert_int_equal(rc, changes[i].pointer ? -1 : 0);
		if (rc < 0) {
			assert_int_equal(faults.count, 1);
			assert_string_equal(faults.list[0].pointer, changes[i].pointer);
			assert_int_equal(order.language_count, 0);
			continue;
		}
		assert_int_equal(order.deadline_us, strstr(body, "PT6H") ? 6 * T_H : 0);
		assert_true((order.language_count > 0) == (strstr(body, "fr") != NULL));
		order_clear(&order);
	}
	assert_int_equal(order_parse_change("{", 1, ORDER_CHANGE_DEADLINE, &order, &faults), -1);
	assert_true(faults.malformed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(changes_have_the_keys_of_their_kind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
