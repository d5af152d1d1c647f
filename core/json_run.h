/* SPDX-License-Identifier: ISC */
/*
 * json_run: characters of a string that JSON holds as they are, and that are nothing but ASCII:
 * most of most texts, looked at eight at a time.
 */
#ifndef CORE_JSON_RUN_H
#define CORE_JSON_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define JSON_RUN_ONES  UINT64_C(0x0101010101010101)
#define JSON_RUN_HIGHS UINT64_C(0x8080808080808080)

/* Does a run go on with c? */
static inline bool json_run_has(char c, char also)
{
	return (unsigned char)(c - 0x20) < 0x60 && c != '"' && c != '\\' && c != also;
}

/* The high bit of every byte that is below `least`. Where one is, later ones may have it too. */
static inline uint64_t json_run_below(uint64_t word, unsigned char least)
{
	return (word - JSON_RUN_ONES * least) & ~word & JSON_RUN_HIGHS;
}

/* The same of bytes that end a run; the lowest bit is right. */
static inline uint64_t json_run_ends(uint64_t word, char also)
{
	return (word & JSON_RUN_HIGHS) | json_run_below(word, 0x20) |
	       json_run_below(word ^ JSON_RUN_ONES * '"', 1) |
	       json_run_below(word ^ JSON_RUN_ONES * '\\', 1) |
	       json_run_below(word ^ JSON_RUN_ONES * (unsigned char)also, 1);
}

/* Bytes at the front of s, up to a control character, quote, backslash, the byte `also`, or 0x80. */
static inline size_t json_run(const char *s, size_t n, char also)
{
	size_t i = 0;
	uint64_t word, ends;

	for (; n - i >= sizeof(word); i += sizeof(word)) {
		memcpy(&word, s + i, sizeof(word));
		ends = json_run_ends(word, also);
		if (ends != 0 && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__)
			return i + (size_t)__builtin_ctzll(ends) / 8;
		if (ends != 0)
			break;
	}
	while (i < n && json_run_has(s[i], also))
		i++;
	return i;
}

#endif
