/* SPDX-License-Identifier: ISC */
/* uuid: see uuid.h. */
#include "core/uuid.h"

#include <string.h>

#include "core/ascii.h"

static bool is_dash_place(size_t i)
{
	return i == 8 || i == 13 || i == 18 || i == 23;
}

void uuid_v4(const uint8_t random[16], char out[UUID_TEXT_SIZE])
{
	static const char hex[] = "0123456789abcdef";
	uint8_t bytes[16];
	size_t at = 0;

	memcpy(bytes, random, sizeof(bytes));
	bytes[6] = (uint8_t)((bytes[6] & 0x0f) | 0x40);
	bytes[8] = (uint8_t)((bytes[8] & 0x3f) | 0x80);
	for (size_t i = 0; i < sizeof(bytes); i++) {
		if (is_dash_place(at))
			out[at++] = '-';
		out[at++] = hex[bytes[i] >> 4];
		out[at++] = hex[bytes[i] & 15];
	}
	out[at] = '\0';
}

bool uuid_is_valid(const char *s, size_t n)
{
	if (n != UUID_TEXT_SIZE - 1)
		return false;
	for (size_t i = 0; i < n; i++)
		if (is_dash_place(i) ? s[i] != '-' : ascii_hex(s[i]) < 0)
			return false;
	return true;
}

void uuid_mark(const char *uuid_text, char out[UUID_MARK_SIZE])
{
	size_t at = 0;

	for (const char *p = uuid_text; at < UUID_MARK_SIZE - 1; p++)
		if (*p != '-')
			out[at++] = ascii_lower(*p);
	out[at] = '\0';
}

void uuid_bytes(const char *uuid_text, uint8_t out[16])
{
	const char *p = uuid_text;

	for (size_t i = 0; i < 16; i++) {
		if (*p == '-')
			p++;
		out[i] = (uint8_t)(ascii_hex(p[0]) * 16 + ascii_hex(p[1]));
		p += 2;
	}
}
