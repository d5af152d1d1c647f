/* SPDX-License-Identifier: ISC */
#include "fcgi_app/heads.h"

#include <string.h>

#include "tests/unit/check.h"

/* Records: BEGIN_REQUEST of 8 bytes, PARAMS of 3 and 5 of padding, the PARAMS that ends them, STDIN. */
static const uint8_t request[] = {
	1, 1, 0, 1, 0, 8, 0, 0, 0, 1, 0,  0, 0, 0, 0, 0, /* at 0 */
	1, 4, 0, 1, 0, 3, 5, 0, 1, 0, 65, 0, 0, 0, 0, 0, /* at 16 */
	1, 4, 0, 1, 0, 0, 0, 0,                          /* at 32 */
	1, 5, 0, 1, 0, 0, 0, 0,                          /* at 40 */
};

static void a_head_is_whole_with_the_record_that_ends_it(void **state)
{
	(void)state;
	for (size_t n = 0; n < 40; n++)
		assert_false(heads_is_whole(request, n));
	for (size_t n = 40; n <= sizeof(request); n++)
		assert_true(heads_is_whole(request, n));
}

static void lengths_that_lie_end_the_look(void **state)
{
	uint8_t bytes[sizeof(request)];

	(void)state;
	for (size_t i = 0; i < sizeof(request); i++)
		bytes[i] = request[i];
	bytes[4] = 255; /* a first record longer than all that is there */
	assert_false(heads_is_whole(bytes, sizeof(bytes)));
	bytes[4] = 0;
	bytes[22] = 255; /* padding */
	assert_false(heads_is_whole(bytes, sizeof(bytes)));
}

static void records_that_the_head_does_not_consist_of_end_the_look(void **state)
{
	uint8_t bytes[sizeof(request)];

	(void)state;
	assert_false(heads_is_whole(request + 32, 8)); /* an end without a beginning */
	memcpy(bytes, request, sizeof(bytes));
	bytes[35] = 2; /* the end of another request's */
	assert_false(heads_is_whole(bytes, sizeof(bytes)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_head_is_whole_with_the_record_that_ends_it),
		cmocka_unit_test(lengths_that_lie_end_the_look),
		cmocka_unit_test(records_that_the_head_does_not_consist_of_end_the_look),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
