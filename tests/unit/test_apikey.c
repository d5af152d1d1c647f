/* SPDX-License-Identifier: ISC */
/* apikey: the form of keys. The known keys were made by another program, from zlib's CRC-32. */
#include "tests/unit/check.h"

#include <string.h>

#include "core/apikey.h"

static void fill(uint8_t random[APIKEY_RANDOM_BYTES], int first, int step)
{
	for (int i = 0; i < APIKEY_RANDOM_BYTES; i++)
		random[i] = (uint8_t)(first + i * step);
}

static void random_bytes_become_a_key(void **state)
{
	uint8_t random[APIKEY_RANDOM_BYTES];
	char text[APIKEY_TEXT_SIZE];

	(void)state;
	fill(random, 0, 0);
	apikey_make(random, text);
	assert_string_equal(text,
			    "lot_000000000000_000000000000000000000000000000000000000000023TVRR");
	fill(random, 0, 1);
	apikey_make(random, text);
	assert_string_equal(text,
			    "lot_002sk3zitmo7_1U8qMLQUe1RqPEQOULX6mzvgvgGUFEOG3uSdehMRg2P0ofBXi");
	assert_int_equal(random[39], 39);
	fill(random, 255, 0);
	apikey_make(random, text);
	assert_string_equal(text,
			    "lot_w5e11264sgsf_YHJSKWDa6oz1al1yMhwzwM8llg7hJNUca2J5RoW8xP12VJBxj");
}

static void a_key_is_taken_apart(void **state)
{
	static const char text[] =
		"lot_002sk3zitmo7_1U8qMLQUe1RqPEQOULX6mzvgvgGUFEOG3uSdehMRg2P0ofBXi";
	struct apikey key;

	(void)state;
	assert_int_equal(apikey_parse(text, strlen(text), &key), 0);
	assert_string_equal(key.id, "002sk3zitmo7");
	assert_string_equal(key.secret, "1U8qMLQUe1RqPEQOULX6mzvgvgGUFEOG3uSdehMRg2P");
}

static void every_changed_character_is_noticed(void **state)
{
	uint8_t random[APIKEY_RANDOM_BYTES];
	char text[APIKEY_TEXT_SIZE];
	struct apikey key;

	(void)state;
	fill(random, 3, 7);
	apikey_make(random, text);
	assert_int_equal(apikey_parse(text, strlen(text), &key), 0);
	for (size_t i = 0; i < strlen(text); i++) {
		char kept = text[i];

		for (int c = 0; c < 256; c++) {
			text[i] = (char)c;
			if (text[i] != kept)
				assert_int_equal(apikey_parse(text, APIKEY_TEXT_SIZE - 1, &key),
						 -1);
		}
		text[i] = kept;
	}
}

static void other_lengths_and_alphabets_are_refused(void **state)
{
	struct apikey key = {.id = "?"};
	/* their checks are right */
	static const char upper_id[] =
		"lot_002SK3zitmo7_1U8qMLQUe1RqPEQOULX6mzvgvgGUFEOG3uSdehMRg2P2Paio3";
	static const char dash[] =
		"lot_002sk3zitmo7_1U8qMLQUe1RqPEQOULX6mzvgvgGUFEOG3uSdehMRg-P3Xh5iK";
	static const char text[] =
		"lot_002sk3zitmo7_1U8qMLQUe1RqPEQOULX6mzvgvgGUFEOG3uSdehMRg2P0ofBXi";

	(void)state;
	assert_int_equal(apikey_parse("", 0, &key), -1);
	assert_int_equal(apikey_parse("lot_", 4, &key), -1);
	assert_int_equal(apikey_parse(text, strlen(text) - 1, &key), -1);
	assert_int_equal(apikey_parse(text, strlen(text) + 1, &key), -1);
	assert_int_equal(apikey_parse(upper_id, strlen(upper_id), &key), -1);
	assert_int_equal(apikey_parse(dash, strlen(dash), &key), -1);
	assert_string_equal(key.id, "?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_bytes_become_a_key),
		cmocka_unit_test(a_key_is_taken_apart),
		cmocka_unit_test(every_changed_character_is_noticed),
		cmocka_unit_test(other_lengths_and_alphabets_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
