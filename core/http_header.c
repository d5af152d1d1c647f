/* SPDX-License-Identifier: ISC */
/* http_header: see http_header.h. */
#include "core/http_header.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/ascii.h"

int64_t http_content_length(const char *content_length)
{
	char *end;
	long long n;

	if (!content_length)
		return HTTP_LENGTH_ABSENT;
	if (!ascii_is_digit(content_length[0]))
		return HTTP_LENGTH_BAD;
	errno = 0;
	n = strtoll(content_length, &end, 10);
	return errno != 0 || *end != '\0' ? HTTP_LENGTH_BAD : n;
}

/* Length of a tag's inner text without a compressor's suffix. */
static size_t etag_stem(const char *inner, size_t n)
{
	static const char *const suffixes[] = {"-gzip", "-br", "-deflate", "-zstd"};

	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		size_t k = strlen(suffixes[i]);

		if (n > k && memcmp(inner + n - k, suffixes[i], k) == 0)
			return n - k;
	}
	return n;
}

bool http_etag_matches(const char *if_none_match, const char *etag)
{
	const char *p = if_none_match;
	size_t own = strlen(etag) - 2;
	const char *end;

	if (!p)
		return false;
	for (;;) {
		p += strspn(p, " \t,");
		if (*p == '*')
			return true;
		if (strncmp(p, "W/", 2) == 0)
			p += 2;
		if (*p != '"')
			return false;
		p++;
		end = strchr(p, '"');
		if (!end)
			return false;
		if (etag_stem(p, (size_t)(end - p)) == own && memcmp(p, etag + 1, own) == 0)
			return true;
		p = end + 1;
	}
}

/* A number that begins here; 0 where none does. */
static int64_t seconds(const char *s)
{
	const char *number = s + strspn(s, "0");
	const size_t digits = strspn(number, "0123456789");

	if (digits == 0)
		return 0;
	return digits > 9 ? INT32_MAX : strtol(number, NULL, 10);
}

/*
 * RFC 7240: preferences are separated by commas, each may have parameters,
 * the first of a name counts.
 */
int64_t http_prefer_wait_s(const char *prefer)
{
	const char *p = prefer;

	while (p && *p) {
		p += strspn(p, " \t,");
		if (strncasecmp(p, "wait", 4) == 0 && p[4 + strspn(p + 4, " \t")] == '=') {
			p += 4 + strspn(p + 4, " \t");
			p += 1 + strspn(p + 1, " \t\"");
			return seconds(p);
		}
		p = strchr(p, ',');
	}
	return 0;
}

int http_idempotency_key(const char *header, const char **key, size_t *n)
{
	*key = header;
	*n = strlen(header);
	if (*n >= 2 && header[0] == '"' && header[*n - 1] == '"') {
		*key += 1;
		*n -= 2;
	}
	if (*n < 1 || *n > HTTP_KEY_BYTES)
		return -1;
	for (size_t i = 0; i < *n; i++)
		if ((*key)[i] <= ' ' || (*key)[i] > '~')
			return -1;
	return 0;
}

bool http_is_json(const char *content_type)
{
	size_t n;

	if (!content_type)
		return true;
	n = strcspn(content_type, "; \t");
	if (n == 16 && strncasecmp(content_type, "application/json", n) == 0)
		return true;
	return n > 17 && strncasecmp(content_type, "application/", 12) == 0 &&
	       strncasecmp(content_type + n - 5, "+json", 5) == 0;
}

const char *http_bearer(const char *authorization)
{
	if (strncasecmp(authorization, "Bearer ", 7) != 0)
		return NULL;
	authorization += 7;
	return authorization + strspn(authorization, " ");
}
