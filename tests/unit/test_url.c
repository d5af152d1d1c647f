/* SPDX-License-Identifier: ISC */
/* url: addresses that may be handed on, and those that may not. */
#include "tests/unit/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/limits.h"
#include "core/url.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const char *fault_of(const char *url, bool https_only)
{
	size_t n = strlen(url);
	char *copy = malloc(n == 0 ? 1 : n);
	const char *why;

	memcpy(copy, url, n);
	why = url_fault(copy, n, https_only);
	free(copy);
	return why;
}

/* clang-format off */
static const char *const good[] = {
	"http://www.tate.org.uk/art/images/work/A/A00/A00001_8.jpg", "https://h", "HTTPS://H.EXAMPLE/", "http://h:80",
	"http://h:65535/x?y#z", "https://a-b.c_d.example:1/", "http://127.0.0.1/a", "http://[::1]/", "http://[2001:db8::1.2.3.4]:8080/x",
	"https://h/a%20b?c=d&e=f:g@i", "https://h/?u=http://x/@", "https://m\xc3\xbcnchen.example/b\xc3\xbcste.jpg",
	"https://h/a|b{c}^", "https://h.", "http://h?x", "http://\xc3\x80.example/", "http://h#x", "https://h/'",
};

static const char *const bad[] = {
	"", "h", "//h/x", "/x", "http", "http:", "http:/", "http://", "https://", "http:///x", "http://?x", "http://#x", "http://:80/",
	"ftp://h/x", "file:///etc/passwd", "javascript:x", "data:image/png;base64,", " http://h", "http:/h", "http:h", "httpx://h",
	"http://u@h/", "http://u:p@h/", "http://@h/", "http://h@/", "http://h:", "http://h:0/", "http://h:65536/", "http://h:123456/",
	"http://h:8a/", "http://h:-1/", "http://h:80:80/", "http://h h/", "http://h/a b", "http://h/a\tb", "http://h/a\nb", "http://h/\x7f",
	"http://h\\x/", "http://h/\\x", "http://h/<x>", "http://h/\"", "http://.h/", "http://h,i/", "http://h;i/", "http://h%2fi/",
	"http://[::1", "http://[]/", "http://[:]/", "http://[g]/", "http://[::1]x/", "http://[::1]:/", "http://::1/", "http://h/\xff", "http://\xc3/",
	"http://[/", "http://h/\xc3",
};
/* clang-format on */

static void web_addresses_are_accepted(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(good); i++)
		if (fault_of(good[i], false) != NULL)
			fail_msg("%s %s", good[i], fault_of(good[i], false));
}

static void others_are_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++)
		if (fault_of(bad[i], false) == NULL)
			fail_msg("accepted: %s", bad[i]);
	assert_non_null(url_fault("http://h/\0", 10, false));
}

static void https_can_be_demanded(void **state)
{
	(void)state;
	assert_null(fault_of("https://h/x", true));
	assert_null(fault_of("HttpS://h/x", true));
	assert_string_equal(fault_of("http://h/x", true), "does not begin with https://");
}

static void the_length_is_limited(void **state)
{
	char *url = malloc(LIMIT_URL_BYTES + 1);

	(void)state;
	memset(url, 'x', LIMIT_URL_BYTES + 1);
	memcpy(url, "http://", 7);
	assert_null(url_fault(url, LIMIT_URL_BYTES, false));
	assert_string_equal(url_fault(url, LIMIT_URL_BYTES + 1, false), "is too long");
	free(url);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(web_addresses_are_accepted),
		cmocka_unit_test(others_are_refused),
		cmocka_unit_test(https_can_be_demanded),
		cmocka_unit_test(the_length_is_limited),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
