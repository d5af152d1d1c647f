/* SPDX-License-Identifier: ISC */
/* language: see language.h. */
#include "core/language.h"

#include <string.h>

#include "core/ascii.h"

struct language {
	const char *tag;
	const char *name;
};

/* clang-format off */
static const struct language languages[] = {
	{ "af", "Afrikaans" },		{ "ar", "Arabic" },		{ "bg", "Bulgarian" },
	{ "bn", "Bengali" },		{ "bs", "Bosnian" },		{ "ca", "Catalan" },
	{ "cs", "Czech" },		{ "cy", "Welsh" },		{ "da", "Danish" },
	{ "de", "German" },		{ "de-AT", "Austrian German" },	{ "de-CH", "Swiss German spelling" },
	{ "el", "Greek" },		{ "en", "English" },		{ "en-AU", "Australian English" },
	{ "en-GB", "British English" },	{ "en-US", "American English" }, { "es", "Spanish" },
	{ "es-419", "Latin American Spanish" }, { "es-MX", "Mexican Spanish" }, { "et", "Estonian" },
	{ "eu", "Basque" },		{ "fa", "Persian" },		{ "fi", "Finnish" },
	{ "fr", "French" },		{ "fr-CA", "Canadian French" },	{ "fr-CH", "Swiss French" },
	{ "ga", "Irish" },		{ "gl", "Galician" },		{ "he", "Hebrew" },
	{ "hi", "Hindi" },		{ "hr", "Croatian" },		{ "hu", "Hungarian" },
	{ "hy", "Armenian" },		{ "id", "Indonesian" },		{ "is", "Icelandic" },
	{ "it", "Italian" },		{ "ja", "Japanese" },		{ "ka", "Georgian" },
	{ "kk", "Kazakh" },		{ "ko", "Korean" },		{ "la", "Latin" },
	{ "lb", "Luxembourgish" },	{ "lt", "Lithuanian" },		{ "lv", "Latvian" },
	{ "mk", "Macedonian" },		{ "ms", "Malay" },		{ "mt", "Maltese" },
	{ "nb", "Norwegian Bokmål" },	{ "nl", "Dutch" },		{ "nl-BE", "Flemish" },
	{ "nn", "Norwegian Nynorsk" },	{ "no", "Norwegian" },		{ "pl", "Polish" },
	{ "pt", "Portuguese" },		{ "pt-BR", "Brazilian Portuguese" }, { "pt-PT", "European Portuguese" },
	{ "rm", "Romansh" },		{ "ro", "Romanian" },		{ "ru", "Russian" },
	{ "sk", "Slovak" },		{ "sl", "Slovenian" },		{ "sq", "Albanian" },
	{ "sr", "Serbian" },		{ "sr-Latn", "Serbian in Latin script" }, { "sv", "Swedish" },
	{ "sw", "Swahili" },		{ "ta", "Tamil" },		{ "th", "Thai" },
	{ "tr", "Turkish" },		{ "uk", "Ukrainian" },		{ "ur", "Urdu" },
	{ "vi", "Vietnamese" },		{ "zh", "Chinese" },		{ "zh-CN", "Simplified Chinese" },
	{ "zh-Hans", "Simplified Chinese" }, { "zh-Hant", "Traditional Chinese" },
	{ "zh-TW", "Traditional Chinese (Taiwan)" },
};
/* clang-format on */

/* The subtags, read from left to right. */
struct reader {
	char *p; /* the subtag at hand; "" at the end */
	size_t len;
	bool alpha; /* letters alone */
	bool digits;
};

static void look(struct reader *r)
{
	r->len = strcspn(r->p, "-");
	r->alpha = r->digits = true;
	for (size_t i = 0; i < r->len; i++) {
		r->alpha = r->alpha && ascii_is_alpha(r->p[i]);
		r->digits = r->digits && ascii_is_digit(r->p[i]);
	}
}

static void step(struct reader *r)
{
	r->p += r->len;
	if (*r->p == '-')
		r->p++;
	look(r);
}

static bool is_variant(const struct reader *r)
{
	return (r->len >= 5 && r->len <= 8) || (r->len == 4 && ascii_is_digit(*r->p));
}

/* Does the subtag at hand stand between `from` and itself already? */
static bool is_repeated(const char *from, const struct reader *r)
{
	for (const char *p = from; p < r->p; p += strcspn(p, "-") + 1)
		if (strcspn(p, "-") == r->len && memcmp(p, r->p, r->len) == 0)
			return true;
	return false;
}

/* -<singleton>-<subtags of 2 to 8>, any number of times. False where one is empty or doubled. */
static bool read_extensions(struct reader *r)
{
	bool seen[256] = {false};

	while (r->len == 1 && *r->p != 'x') {
		unsigned char singleton = (unsigned char)*r->p;

		step(r);
		if (seen[singleton] || r->len < 2)
			return false;
		seen[singleton] = true;
		while (r->len >= 2)
			step(r);
	}
	return true;
}

static bool read_private_use(struct reader *r)
{
	if (r->len != 1 || *r->p != 'x')
		return true;
	step(r);
	if (r->len == 0)
		return false;
	while (r->len > 0)
		step(r);
	return true;
}

/* language [-extlang] [-script] [-region] *[-variant], giving script and region their case. */
static bool read_language(struct reader *r)
{
	const char *variants;

	if (!r->alpha || r->len < 2)
		return false;
	if (r->len <= 3) {
		step(r);
		for (int i = 0; i < 3 && r->len == 3 && r->alpha; i++)
			step(r);
	} else {
		step(r);
	}
	if (r->len == 4 && r->alpha) {
		*r->p = ascii_upper(*r->p);
		step(r);
	}
	if ((r->len == 2 && r->alpha) || (r->len == 3 && r->digits)) {
		for (size_t i = 0; i < r->len; i++)
			r->p[i] = ascii_upper(r->p[i]);
		step(r);
	}
	variants = r->p;
	for (; is_variant(r); step(r))
		if (is_repeated(variants, r))
			return false;
	return true;
}

/* Lower case, subtags of 1 to 8 letters and digits. */
static bool copy_lower(const char *s, size_t n, char out[LANGUAGE_SIZE])
{
	size_t run = 0;

	if (n == 0 || n > LIMIT_LANGUAGE_BYTES)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (s[i] == '-' ? run == 0 : !ascii_is_alnum(s[i]) || run == 8)
			return false;
		run = s[i] == '-' ? 0 : run + 1;
		out[i] = ascii_lower(s[i]);
	}
	out[n] = '\0';
	return run > 0;
}

int language_normalise(const char *s, size_t n, char out[LANGUAGE_SIZE])
{
	char tag[LANGUAGE_SIZE] = "";
	struct reader r = {.p = tag};

	if (!copy_lower(s, n, tag))
		return -1;
	look(&r);
	if (strncmp(tag, "x-", 2) != 0 && (!read_language(&r) || !read_extensions(&r)))
		return -1;
	if (!read_private_use(&r) || r.len != 0)
		return -1;
	memcpy(out, tag, sizeof(tag));
	return 0;
}

bool language_is_target(const char *tag)
{
	return strcmp(tag, LANGUAGE_OF_DESCRIPTIONS) != 0;
}

const char *language_name(const char *tag)
{
	for (size_t i = 0; i < sizeof(languages) / sizeof(languages[0]); i++)
		if (strcmp(languages[i].tag, tag) == 0)
			return languages[i].name;
	return tag;
}
