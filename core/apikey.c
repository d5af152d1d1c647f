/* SPDX-License-Identifier: ISC */
/* apikey: see apikey.h. */
#include "core/apikey.h"

#include <stdbool.h>
#include <string.h>

#define PREFIX       "lot_"
#define PREFIX_CHARS 4
#define ID_CHARS     (APIKEY_ID_SIZE - 1)
#define SECRET_CHARS (APIKEY_SECRET_SIZE - 1)
#define CHECK_CHARS  6
#define ID_AT        PREFIX_CHARS
#define SECRET_AT    (ID_AT + ID_CHARS + 1)
#define CHECK_AT     (SECRET_AT + SECRET_CHARS)

/* The first 36 are the id's. */
static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

/* The number of n bytes, big end first, in `chars` digits; the bytes are used up. */
static void encode(uint8_t *bytes, size_t n, unsigned int base, char *out, size_t chars)
{
	while (chars-- > 0) {
		unsigned int rest = 0;

		for (size_t i = 0; i < n; i++) {
			rest = rest << 8 | bytes[i];
			bytes[i] = (uint8_t)(rest / base);
			rest %= base;
		}
		out[chars] = digits[rest];
	}
}

/* CRC-32 as in zlib, gzip and PNG. */
static uint32_t crc32(const char *s, size_t n)
{
	uint32_t crc = 0xffffffff;

	for (size_t i = 0; i < n; i++) {
		crc ^= (unsigned char)s[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ ((crc & 1) != 0 ? 0xedb88320u : 0);
	}
	return ~crc;
}

static void write_check(const char *text, char out[CHECK_CHARS])
{
	uint32_t crc = crc32(text, CHECK_AT);
	uint8_t bytes[4] = {(uint8_t)(crc >> 24), (uint8_t)(crc >> 16), (uint8_t)(crc >> 8),
			    (uint8_t)crc};

	encode(bytes, sizeof(bytes), 62, out, CHECK_CHARS);
}

void apikey_make(const uint8_t random[APIKEY_RANDOM_BYTES], char out[APIKEY_TEXT_SIZE])
{
	uint8_t bytes[APIKEY_RANDOM_BYTES];

	memcpy(bytes, random, sizeof(bytes));
	memcpy(out, PREFIX, PREFIX_CHARS);
	encode(bytes, 8, 36, out + ID_AT, ID_CHARS);
	out[SECRET_AT - 1] = '_';
	/* 62^43 is just above 2^256: nothing is lost */
	encode(bytes + 8, 32, 62, out + SECRET_AT, SECRET_CHARS);
	write_check(out, out + CHECK_AT);
	out[APIKEY_TEXT_SIZE - 1] = '\0';
}

static bool all_of(const char *s, size_t n, size_t base)
{
	for (size_t i = 0; i < n; i++)
		if (memchr(digits, s[i], base) == NULL)
			return false;
	return true;
}

int apikey_parse(const char *s, size_t n, struct apikey *key)
{
	char check[CHECK_CHARS];

	if (n != APIKEY_TEXT_SIZE - 1 || memcmp(s, PREFIX, PREFIX_CHARS) != 0 ||
	    s[SECRET_AT - 1] != '_' || !all_of(s + ID_AT, ID_CHARS, 36) ||
	    !all_of(s + SECRET_AT, SECRET_CHARS, 62))
		return -1;
	write_check(s, check);
	if (memcmp(s + CHECK_AT, check, CHECK_CHARS) != 0)
		return -1;
	memcpy(key->id, s + ID_AT, ID_CHARS);
	key->id[ID_CHARS] = '\0';
	memcpy(key->secret, s + SECRET_AT, SECRET_CHARS);
	key->secret[SECRET_CHARS] = '\0';
	return 0;
}
