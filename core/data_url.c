/* SPDX-License-Identifier: ISC */
/* data_url: see data_url.h. */
#include "core/data_url.h"

#include <stdint.h>
#include <string.h>

#include "core/ascii.h"

#define HEAD_BYTES  12 /* what the first bytes of any type are told by */
#define CHUNK_BYTES 3072

static const char *const media_types[] = {"image/png", "image/jpeg", "image/webp", "image/gif"};

/* Take `text`, in either case, from the string. */
static bool take_text(struct json_span string, size_t *at, const char *text)
{
	size_t here = *at;
	char c[4];

	for (; *text != '\0'; text++)
		if (json_string_next(string, &here, c) != 1 || ascii_lower(c[0]) != *text)
			return false;
	*at = here;
	return true;
}

bool data_url_is(struct json_span string)
{
	size_t at = 0;

	return take_text(string, &at, "data:");
}

static bool has_magic(const char *media_type, const uint8_t *head, size_t n)
{
	if (strcmp(media_type, "image/png") == 0)
		return n >= 8 && memcmp(head, "\x89PNG\r\n\x1a\n", 8) == 0;
	if (strcmp(media_type, "image/jpeg") == 0)
		return n >= 3 && memcmp(head, "\xff\xd8\xff", 3) == 0;
	if (strcmp(media_type, "image/webp") == 0)
		return n >= 12 && memcmp(head, "RIFF", 4) == 0 && memcmp(head + 8, "WEBP", 4) == 0;
	return n >= 6 && (memcmp(head, "GIF87a", 6) == 0 || memcmp(head, "GIF89a", 6) == 0);
}

/* A base64 text inside a JSON string, being decoded. */
struct decoder {
	struct json_span source;
	size_t at;
	bool over; /* padding or the end was seen */
};

static int sextet(char c)
{
	if (ascii_is_upper(c))
		return c - 'A';
	if (ascii_is_lower(c))
		return c - 'a' + 26;
	if (ascii_is_digit(c))
		return c - '0' + 52;
	if (c == '+')
		return 62;
	return c == '/' ? 63 : -1;
}

/*
 * The next group of four characters as 1 to 3 bytes; 0 at the end, -1 where it is not strict
 * base64: a foreign character, a group cut short, something behind padding, bits that are not used.
 */
static int next_group(struct decoder *d, uint8_t out[3])
{
	uint32_t bits = 0;
	int padding = 0;
	char c[4];

	for (int i = 0; i < 4; i++) {
		size_t len = json_string_next(d->source, &d->at, c);
		int value = len == 1 ? sextet(c[0]) : -1;

		if (len == 0 && i == 0)
			return 0;
		if (len == 1 && c[0] == '=' && i >= 2) {
			padding++;
			value = 0;
		} else if (value < 0 || padding > 0) {
			return -1;
		}
		bits = bits << 6 | (uint32_t)value;
	}
	if (d->over || (padding == 1 && (bits & 0xff) != 0) ||
	    (padding == 2 && (bits & 0xffff) != 0))
		return -1;
	d->over = padding > 0;
	out[0] = (uint8_t)(bits >> 16);
	out[1] = (uint8_t)(bits >> 8);
	out[2] = (uint8_t)bits;
	return 3 - padding;
}

/* Run through the base64 at source[at]: its first bytes and its length, decoded. */
static int measure(struct data_url *url, uint8_t head[HEAD_BYTES])
{
	struct decoder d = {.source = url->source, .at = url->base64_at};
	uint8_t group[3];
	size_t bytes = 0;
	int n;

	while ((n = next_group(&d, group)) > 0) {
		for (int i = 0; i < n; i++)
			if (bytes + (size_t)i < HEAD_BYTES)
				head[bytes + (size_t)i] = group[i];
		bytes += (size_t)n;
	}
	url->bytes = bytes;
	return n;
}

int data_url_check(struct json_span string, size_t max_bytes, struct data_url *out,
		   const char **why)
{
	struct data_url url = {.source = string};
	uint8_t head[HEAD_BYTES];
	size_t at = 0;

	*why = "is no data URL";
	if (!take_text(string, &at, "data:"))
		return -1;
	for (size_t i = 0; i < sizeof(media_types) / sizeof(media_types[0]); i++) {
		if (take_text(string, &at, media_types[i])) {
			url.media_type = media_types[i];
			break;
		}
	}
	*why = "is of another type than image/png, image/jpeg, image/webp and image/gif";
	if (url.media_type == NULL)
		return -1;
	*why = "must go on with ;base64, behind its type";
	if (!take_text(string, &at, ";base64,"))
		return -1;
	url.base64_at = at;
	*why = "is not valid base64";
	if (measure(&url, head) != 0)
		return -1;
	*why = "is too large";
	if (url.bytes > max_bytes)
		return -1;
	*why = "does not hold an image of the type that it names";
	if (!has_magic(url.media_type, head, url.bytes))
		return -1;
	*out = url;
	return 0;
}

int data_url_decode(const struct data_url *url, struct strbuf *out)
{
	struct decoder d = {.source = url->source, .at = url->base64_at};
	uint8_t chunk[CHUNK_BYTES];
	size_t len = 0;
	int n;

	while ((n = next_group(&d, chunk + len)) > 0) {
		len += (size_t)n;
		if (len > CHUNK_BYTES - 3) {
			strbuf_add(out, chunk, len);
			len = 0;
		}
	}
	strbuf_add(out, chunk, len);
	return strbuf_failed(out) ? -1 : 0;
}
