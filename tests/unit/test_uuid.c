/* SPDX-License-Identifier: ISC */
/* uuid: version 4 from given bytes, the text form, the mark. */
#include "tests/unit/check.h"

#include <string.h>

#include "core/uuid.h"

static void random_bytes_become_a_version_4_uuid(void **state)
{
	uint8_t random[16];
	char text[UUID_TEXT_SIZE];

	(void)state;
	memset(random, 0xff, sizeof(random));
	uuid_v4(random, text);
	assert_string_equal(text, "ffffffff-ffff-4fff-bfff-ffffffffffff");
	assert_int_equal(random[6], 0xff);
	memset(random, 0, sizeof(random));
	uuid_v4(random, text);
	assert_string_equal(text, "00000000-0000-4000-8000-000000000000");
	for (uint8_t i = 0; i < 16; i++)
		random[i] = (uint8_t)(i * 17);
	uuid_v4(random, text);
	assert_string_equal(text, "00112233-4455-4677-8899-aabbccddeeff");
	assert_true(uuid_is_valid(text, strlen(text)));
}

static void only_the_text_form_is_a_uuid(void **state)
{
	static const char *const bad[] = {
		"",
		"00112233-4455-4677-8899-aabbccddeef",
		"00112233-4455-4677-8899-aabbccddeeff0",
		"g0112233-4455-4677-8899-aabbccddeeff",
		"0011223344556677-8899-aabb-ccddeeff-0",
		"00112233-4455-4677-8899_aabbccddeeff",
		"00112233-4455-4677-8899-aabbccddeefg",
		"{0112233-4455-4677-8899-aabbccddeef}",
		"00112233-4455-4677-8899-aabbccddee\xc3\xa9",
	};

	(void)state;
	assert_true(uuid_is_valid("365A09CE-1234-1234-ABCD-0123456789AB", 36));
	assert_false(uuid_is_valid("365a09ce-1234-1234-abcd-0123456789ab", 35));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(uuid_is_valid(bad[i], strlen(bad[i])));
}

static void the_mark_is_the_first_half_in_lower_case(void **state)
{
	char mark[UUID_MARK_SIZE];

	(void)state;
	uuid_mark("365A09CE-1234-4567-ABCD-0123456789AB", mark);
	assert_string_equal(mark, "365a09ce12344567");
}

static void a_text_gives_its_bytes(void **state)
{
	static const uint8_t expected[16] = {0x36, 0x5a, 0x09, 0xce, 0x12, 0x34, 0x45, 0x67,
					     0xab, 0xcd, 0x01, 0x23, 0x45, 0x67, 0x89, 0xff};
	uint8_t bytes[16];

	(void)state;
	uuid_bytes("365A09CE-1234-4567-abcd-0123456789fF", bytes);
	assert_memory_equal(bytes, expected, 16);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_bytes_become_a_version_4_uuid),
		cmocka_unit_test(only_the_text_form_is_a_uuid),
		cmocka_unit_test(a_text_gives_its_bytes),
		cmocka_unit_test(the_mark_is_the_first_half_in_lower_case),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
