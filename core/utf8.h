/* SPDX-License-Identifier: ISC */
/* utf8: well-formed UTF-8 as RFC 3629 has it: no surrogates, no overlong forms, up to U+10FFFF. */
#ifndef CORE_UTF8_H
#define CORE_UTF8_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Length (1 to 4) of the well-formed sequence that s begins with, of at most n bytes; else 0. */
static inline size_t utf8_sequence(const char *s, size_t n)
{
	const unsigned char *u = (const unsigned char *)s;
	unsigned char low = 0x80;
	unsigned char high = 0xbf;
	size_t len;

	if (n == 0)
		return 0;
	if (u[0] < 0x80)
		return 1;
	if (u[0] < 0xc2 || u[0] > 0xf4)
		return 0;
	len = u[0] < 0xe0 ? 2 : u[0] < 0xf0 ? 3 : 4;
	if (u[0] == 0xe0)
		low = 0xa0;
	else if (u[0] == 0xed)
		high = 0x9f;
	else if (u[0] == 0xf0)
		low = 0x90;
	else if (u[0] == 0xf4)
		high = 0x8f;
	if (n < len || u[1] < low || u[1] > high)
		return 0;
	for (size_t i = 2; i < len; i++)
		if ((u[i] & 0xc0) != 0x80)
			return 0;
	return len;
}

/* How many bytes at the front of s are well-formed: n where all are. ASCII is taken by eights. */
static inline size_t utf8_valid(const char *s, size_t n)
{
	size_t i = 0, len = 1;
	uint64_t word;

	while (i < n && len > 0) {
		while (n - i >= sizeof(word)) {
			memcpy(&word, s + i, sizeof(word));
			if ((word & UINT64_C(0x8080808080808080)) != 0)
				break;
			i += sizeof(word);
		}
		len = utf8_sequence(s + i, n - i);
		i += len;
	}
	return i;
}

/* n, less the bytes of a sequence that was cut off at the end. */
static inline size_t utf8_whole(const char *s, size_t n)
{
	size_t back = 0;

	while (back < 3 && back < n && ((unsigned char)s[n - 1 - back] & 0xc0) == 0x80)
		back++;
	if (back < n && (unsigned char)s[n - 1 - back] >= 0xc0 &&
	    utf8_sequence(s + n - 1 - back, back + 1) == 0)
		return n - 1 - back;
	return n;
}

/* Cut a NUL-terminated text that snprintf may have cut in the middle of a character. */
static inline void utf8_trim(char *s)
{
	s[utf8_whole(s, strlen(s))] = '\0';
}

/* As much of a text (NULL: none) as fits, cut before a character: databases refuse half of one. */
static inline void utf8_copy(char *out, size_t size, const char *text)
{
	size_t n = text ? strlen(text) : 0;

	n = text ? utf8_whole(text, n < size ? n : size - 1) : 0;
	if (n > 0)
		memcpy(out, text, n);
	out[n] = '\0';
}

/* Write the code point (below U+110000, no surrogate) to out; the length, 1 to 4. */
static inline size_t utf8_encode(uint32_t c, char out[4])
{
	if (c < 0x80) {
		out[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (char)(0xc0 | (c >> 6));
		out[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		out[0] = (char)(0xe0 | (c >> 12));
		out[1] = (char)(0x80 | ((c >> 6) & 0x3f));
		out[2] = (char)(0x80 | (c & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | (c >> 18));
	out[1] = (char)(0x80 | ((c >> 12) & 0x3f));
	out[2] = (char)(0x80 | ((c >> 6) & 0x3f));
	out[3] = (char)(0x80 | (c & 0x3f));
	return 4;
}

#endif
