/* SPDX-License-Identifier: ISC */
/* data_url: images within JSON strings. */
#include "tests/unit/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/data_url.h"

#define COUNT(a)  (sizeof(a) / sizeof((a)[0]))
#define MAX_BYTES 1000

static struct data_url url;
static const char *why;
static char *kept;

static int check(const char *json)
{
	size_t n = strlen(json);

	free(kept);
	kept = malloc(n);
	memcpy(kept, json, n);
	return data_url_check((struct json_span){kept, n}, MAX_BYTES, &url, &why);
}

/* clang-format off */
static const struct {
	const char *json;
	const char *type;
	const char *bytes;
	size_t n;
} good[] = {
	{ "\"data:image/png;base64,iVBORw0KGgo=\"", "image/png", "\x89PNG\r\n\x1a\n", 8 },
	{ "\"data:image/png;base64,iVBORw0KGgoA\"", "image/png", "\x89PNG\r\n\x1a\n\0", 9 },
	{ "\"DATA:Image\\/PNG;Base64,iVBORw0K\\u0047goA\"", "image/png", "\x89PNG\r\n\x1a\n\0", 9 },
	{ "\"data:image/jpeg;base64,/9j/\"", "image/jpeg", "\xff\xd8\xff", 3 },
	{ "\"data:image\\/jpeg;base64,\\/9j\\/\"", "image/jpeg", "\xff\xd8\xff", 3 },
	{ "\"data:image/gif;base64,R0lGODlh\"", "image/gif", "GIF89a", 6 },
	{ "\"data:image/gif;base64,R0lGODdhAQ==\"", "image/gif", "GIF87a\1", 7 },
	{ "\"data:image/webp;base64,UklGRgAAAABXRUJQ\"", "image/webp", "RIFF\0\0\0\0WEBP", 12 },
};

static const struct {
	const char *json;
	const char *why;
} bad[] = {
	{ "\"\"", "is no data URL" },
	{ "\"http://h/\"", "is no data URL" },
	{ "\"data\"", "is no data URL" },
	{ "\"data:\"", "is of another type" },
	{ "\"data:,x\"", "is of another type" },
	{ "\"data:text/html;base64,PGI+\"", "is of another type" },
	{ "\"data:image/svg+xml;base64,PGI+\"", "is of another type" },
	{ "\"data:image/jpg;base64,/9j/\"", "is of another type" },
	{ "\"data:image/png\"", "must go on" },
	{ "\"data:image/png,x\"", "must go on" },
	{ "\"data:image/pngx;base64,iVBORw0KGgo=\"", "must go on" },
	{ "\"data:image/png;charset=utf-8;base64,iVBORw0KGgo=\"", "must go on" },
	{ "\"data:image/png; base64,iVBORw0KGgo=\"", "must go on" },
	{ "\"data:image/png;base64,iVBORw0KGgo\"", "is not valid base64" },
	{ "\"data:image/png;base64,iVBORw0KGg==o\"", "is not valid base64" },
	{ "\"data:image/png;base64,iVBORw0KGgo==\"", "is not valid base64" },
	{ "\"data:image/png;base64,iVBORw0KGgp=\"", "is not valid base64" },
	{ "\"data:image/gif;base64,R0lGODdhAR==\"", "is not valid base64" },
	{ "\"data:image/png;base64,iVBORw0KGgo=AAAA\"", "is not valid base64" },
	{ "\"data:image/png;base64,iVBORw0KGgo=====\"", "is not valid base64" },
	{ "\"data:image/png;base64,iVBO Rw0KGgo=\"", "is not valid base64" },
	{ "\"data:image/png;base64,iVBO\\nRw0KGgo=\"", "is not valid base64" },
	{ "\"data:image/png;base64,iVBO_w0KGgo=\"", "is not valid base64" },
	{ "\"data:image/png;base64,iVBO\\u00e9w0KGgo=\"", "is not valid base64" },
	{ "\"data:image/png;base64,=VBO\"", "is not valid base64" },
	{ "\"data:image/png;base64,iVB=iVBO\"", "is not valid base64" },
	{ "\"data:image/png;base64,\"", "does not hold" },
	{ "\"data:image/png;base64,iVBORw0KGg==\"", "does not hold" },
	{ "\"data:image/png;base64,/9j/\"", "does not hold" },
	{ "\"data:image/jpeg;base64,/9g=\"", "does not hold" },
	{ "\"data:image/jpeg;base64,iVBORw0KGgo=\"", "does not hold" },
	{ "\"data:image/gif;base64,R0lGODhh\"", "does not hold" },
	{ "\"data:image/gif;base64,R0lG\"", "does not hold" },
	{ "\"data:image/webp;base64,UklGRgAAAABXQVZF\"", "does not hold" },
	{ "\"data:image/webp;base64,UklGRgAAAABXRUI=\"", "does not hold" },
};
/* clang-format on */

static void images_are_recognised_and_decoded(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		struct strbuf b;

		if (check(good[i].json) != 0)
			fail_msg("%s %s", good[i].json, why);
		assert_true(data_url_is(url.source));
		assert_string_equal(url.media_type, good[i].type);
		assert_int_equal(url.bytes, good[i].n);
		strbuf_init(&b, good[i].n);
		assert_int_equal(data_url_decode(&url, &b), 0);
		assert_int_equal(b.len, good[i].n);
		assert_memory_equal(b.data, good[i].bytes, b.len);
		strbuf_clear(&b);
		strbuf_init(&b, good[i].n - 1);
		assert_int_equal(data_url_decode(&url, &b), -1);
		strbuf_clear(&b);
	}
}

static void others_are_refused_with_the_reason(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		url.media_type = "untouched";
		if (check(bad[i].json) != -1)
			fail_msg("accepted: %s", bad[i].json);
		if (strncmp(why, bad[i].why, strlen(bad[i].why)) != 0)
			fail_msg("%s %s", bad[i].json, why);
		assert_string_equal(url.media_type, "untouched");
	}
	check("\"http://h/\"");
	assert_false(data_url_is((struct json_span){kept, 11}));
}

/*
 * Sizes around the limit, and a long one through the decoder's chunks; slashes plain and escaped.
 */
static void what_was_encoded_comes_back(void **state)
{
	static const size_t sizes[] = {3, 4, 5, 6, 998, 999, 1000, 1001, 100000};
	char *bytes = malloc(100000);

	(void)state;
	for (size_t i = 0; i < 100000; i++)
		bytes[i] = (char)(i * i * 31 >> 3 | (i % 3 == 0 ? 0xfc : 0));
	memcpy(bytes, "\xff\xd8\xff", 3);
	for (size_t i = 0; i < 2 * COUNT(sizes); i++) {
		size_t n = sizes[i / 2];
		struct strbuf base64;
		struct strbuf json;
		struct strbuf back;

		strbuf_init(&base64, 200000);
		strbuf_init(&json, 300000);
		strbuf_init(&back, 100000);
		strbuf_add_base64(&base64, bytes, n);
		strbuf_adds(&json, "\"data:image/jpeg;base64,");
		for (size_t k = 0; k < base64.len; k++)
			strbuf_addf(&json, "%s%c", i % 2 == 1 && base64.data[k] == '/' ? "\\" : "",
				    base64.data[k]);
		strbuf_addc(&json, '"');
		assert_int_equal(data_url_check((struct json_span){json.data, json.len}, n - 1,
						&url, &why),
				 -1);
		assert_string_equal(why, "is too large");
		assert_int_equal(data_url_check((struct json_span){json.data, json.len}, n, &url,
						&why),
				 0);
		assert_int_equal(url.bytes, n);
		assert_int_equal(data_url_decode(&url, &back), 0);
		assert_int_equal(back.len, n);
		assert_memory_equal(back.data, bytes, n);
		strbuf_clear(&base64);
		strbuf_clear(&json);
		strbuf_clear(&back);
	}
	free(bytes);
}

static int forget(void **state)
{
	(void)state;
	free(kept);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(images_are_recognised_and_decoded),
		cmocka_unit_test(others_are_refused_with_the_reason),
		cmocka_unit_test(what_was_encoded_comes_back),
	};

	return cmocka_run_group_tests(tests, NULL, forget);
}
