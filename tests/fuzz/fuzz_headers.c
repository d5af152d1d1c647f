/* SPDX-License-Identifier: ISC */
/*
 * Fuzz target of core/http_header.c and core/apikey.c: a header of a request as any client can make
 * it, read as each of those that are read. Besides the sanitizers' rules it holds what their readers
 * rely on.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/apikey.h"
#include "core/http_header.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_length(const char *header)
{
	const int64_t n = http_content_length(header);

	assert(n >= 0 || n == HTTP_LENGTH_BAD);
	assert(n < 0 || (header[0] != '\0' && strspn(header, "0123456789") == strlen(header)));
}

static void check_tag(const char *header)
{
	static const char tag[] = "\"0f-1\"";

	if (http_etag_matches(header, tag))
		assert(strchr(header, '*') != NULL || strstr(header, "\"0f-1") != NULL);
	else
		assert(strcmp(header, tag) != 0);
}

static void check_wait(const char *header)
{
	const int64_t seconds = http_prefer_wait_s(header);

	assert(seconds >= 0 && seconds <= INT32_MAX);
	assert(seconds == 0 || strpbrk(header, "123456789") != NULL);
}

static void check_idempotency_key(const char *header)
{
	const char *key;
	size_t n;

	if (http_idempotency_key(header, &key, &n) != 0)
		return;
	assert(n >= 1 && n <= HTTP_KEY_BYTES);
	assert(key >= header && strlen(header) - (size_t)(key - header) >= n);
	for (size_t i = 0; i < n; i++)
		assert(key[i] > ' ' && key[i] <= '~');
}

static void check_bearer(const char *header)
{
	const char *text = http_bearer(header);
	struct apikey key;

	if (text == NULL)
		return;
	assert(text >= header + 7 && text <= header + strlen(header) && text[0] != ' ');
	if (apikey_parse(text, strlen(text), &key) != 0)
		return;
	assert(strlen(key.id) == APIKEY_ID_SIZE - 1);
	assert(strlen(key.secret) == APIKEY_SECRET_SIZE - 1);
	assert(strncmp(text, "lot_", 4) == 0 && strncmp(text + 4, key.id, strlen(key.id)) == 0);
}

static void check_media_type(const char *header)
{
	if (http_is_json(header))
		assert(strncasecmp(header, "application/", 12) == 0 &&
		       strlen(header) >= strlen("application/json"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* Exactly as long as it is, so that a sanitizer sees each byte read past its end. */
	char *header = malloc(size + 1);

	if (header == NULL)
		abort();
	if (size > 0)
		memcpy(header, data, size);
	header[size] = '\0';
	check_length(header);
	check_tag(header);
	check_wait(header);
	check_idempotency_key(header);
	check_bearer(header);
	check_media_type(header);
	free(header);
	return 0;
}
