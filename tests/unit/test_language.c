/* SPDX-License-Identifier: ISC */
/* language: the grammar of RFC 5646, with its own examples, and the names. */
#include "tests/unit/check.h"

#include <stdio.h>
#include <string.h>

#include "core/language.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* clang-format off */
static const char *const good[][2] = {
	{ "fr", "fr" }, { "FR", "fr" }, { "de-de", "de-DE" }, { "zh-hant", "zh-Hant" }, { "ZH-HANT-TW", "zh-Hant-TW" },
	{ "sr-latn-rs", "sr-Latn-RS" }, { "es-419", "es-419" }, { "zh-cmn-hans-cn", "zh-cmn-Hans-CN" },
	{ "zh-yue-hk", "zh-yue-HK" }, { "sl-rozaj-biske-1994", "sl-rozaj-biske-1994" }, { "de-ch-1901", "de-CH-1901" },
	{ "hy-latn-it-arevela", "hy-Latn-IT-arevela" }, { "de-ch-x-phonebk", "de-CH-x-phonebk" },
	{ "az-arab-x-aze-derbend", "az-Arab-x-aze-derbend" }, { "x-whatever", "x-whatever" }, { "X-A-B", "x-a-b" },
	{ "qaa-qaaa-qm-x-southern", "qaa-Qaaa-QM-x-southern" }, { "en-us-u-islamcal", "en-US-u-islamcal" },
	{ "zh-cn-a-myext-x-private", "zh-CN-a-myext-x-private" }, { "en-a-myext-b-another", "en-a-myext-b-another" },
	{ "en-a-bb-cc-b-dd", "en-a-bb-cc-b-dd" }, { "cmn", "cmn" }, { "abcd", "abcd" }, { "abcdefgh", "abcdefgh" },
	{ "en", "en" }, { "EN-gb", "en-GB" }, { "fr-x-us", "fr-x-us" }, { "zh-aaa-bbb-ccc", "zh-aaa-bbb-ccc" },
	{ "de-1996", "de-1996" }, { "ca-valencia", "ca-valencia" }, { "aa-x-1234567-abcdefgh-abcdefgh-abcdef",  NULL },
	{ "x-abcdefgh-abcdefgh-abcdefgh-abcdef", "x-abcdefgh-abcdefgh-abcdefgh-abcdef" },
};

static const char *const bad[] = {
	"", "-", "a", "1", "f", "fr-", "-fr", "fr--FR", "fr_FR", "fr FR", "fr\n", "fran\xc3\xa7", "abcdefghi", "12", "f1",
	"a-DE", "i-klingon", "x", "x-", "fr-x", "fr-x-", "fr-u", "fr-u-", "fr-u-x", "fr-u-a", "fr-abcdefghi", "ar-a-aaa-b",
	"de-419-DE", "de-DE-Latn", "de-Latn-Latn", "zh-aaa-bbb-ccc-ddd", "fr-FR-FR", "fr-FR-xy", "de-1996-1996", "sl-rozaj-rozaj",
	"en-a-bbb-a-ccc", "en-GB-oed", "*", "*-DE", "fr,de", "ab-abc-abc-abc-abc", "abcd-efg", "x-abcdefghi",
	"aaaa-bbbb-ccccc-ddddd-eeeee-fffff-gg",
};
/* clang-format on */

static void well_formed_tags_take_their_usual_case(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		char tag[LANGUAGE_SIZE] = "?";
		char again[LANGUAGE_SIZE];
		int rc = language_normalise(good[i][0], strlen(good[i][0]), tag);

		if (good[i][1] == NULL) {
			assert_int_equal(rc, -1);
			assert_string_equal(tag, "?");
			continue;
		}
		if (rc != 0)
			fail_msg("%s", good[i][0]);
		assert_string_equal(tag, good[i][1]);
		assert_int_equal(language_normalise(tag, strlen(tag), again), 0);
		assert_string_equal(again, tag);
	}
}

static void other_texts_are_refused(void **state)
{
	char tag[LANGUAGE_SIZE];

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++)
		if (language_normalise(bad[i], strlen(bad[i]), tag) != -1)
			fail_msg("%s: %s", bad[i], tag);
	assert_int_equal(language_normalise("fr\0x", 4, tag), -1);
}

static void only_plain_english_is_no_target(void **state)
{
	(void)state;
	assert_false(language_is_target("en"));
	assert_true(language_is_target("en-GB"));
	assert_true(language_is_target("fr"));
	assert_true(language_is_target("eng"));
}

static void usual_languages_have_names(void **state)
{
	(void)state;
	assert_string_equal(language_name("fr"), "French");
	assert_string_equal(language_name("de"), "German");
	assert_string_equal(language_name("pt-BR"), "Brazilian Portuguese");
	assert_string_equal(language_name("zh-Hant"), "Traditional Chinese");
	assert_string_equal(language_name("tlh"), "tlh");
	assert_string_equal(language_name("fr-BE"), "fr-BE");
}

/* A name is found under the normalised tag only: each in the table must be one. */
static void names_stand_under_normalised_tags(void **state)
{
	int named = 0;

	(void)state;
	for (char a = 'a'; a <= 'z'; a++) {
		for (char b = 'a'; b <= 'z'; b++) {
			char tag[3] = {a, b, '\0'};
			const char *name = language_name(tag);

			if (name == tag)
				continue;
			named++;
			assert_in_range(name[0], 'A', 'Z');
		}
	}
	assert_in_range(named, 55, 80);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(well_formed_tags_take_their_usual_case),
		cmocka_unit_test(other_texts_are_refused),
		cmocka_unit_test(only_plain_english_is_no_target),
		cmocka_unit_test(usual_languages_have_names),
		cmocka_unit_test(names_stand_under_normalised_tags),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
