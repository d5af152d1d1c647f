/* SPDX-License-Identifier: ISC */
/*
 * strbuf: see strbuf.h. Every append first asks reserve() for the whole of its room, so that one
 * that fails has changed nothing.
 */
#include "core/strbuf.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/json_run.h"
#include "core/utf8.h"

#define FIRST_CAP 256

/* What an empty buffer's data points to. Never written: cap is 0 as long as data is this. */
static char empty[1];

void strbuf_init(struct strbuf *b, size_t limit_bytes)
{
	*b = (struct strbuf){.data = empty, .limit = limit_bytes};
}

void strbuf_clear(struct strbuf *b)
{
	if (b->cap != 0)
		free(b->data);
	strbuf_init(b, b->limit);
}

void strbuf_reset(struct strbuf *b)
{
	strbuf_truncate(b, 0);
	b->failed = false;
}

void strbuf_truncate(struct strbuf *b, size_t len)
{
	if (len >= b->len)
		return;
	b->len = len;
	b->data[len] = '\0';
}

/* Make room for n more bytes and the NUL; the place to write to, or NULL after a failure. */
static char *reserve(struct strbuf *b, size_t n)
{
	size_t need;
	size_t cap;
	char *data;

	if (b->failed)
		return NULL;
	if (n > b->limit - b->len || b->len + n == SIZE_MAX)
		goto fail;
	need = b->len + n + 1;
	if (need > b->cap) {
		cap = b->cap < FIRST_CAP ? FIRST_CAP : b->cap;
		while (cap < need)
			cap = cap > SIZE_MAX / 2 ? need : cap * 2;
		if (cap - 1 > b->limit)
			cap = b->limit + 1;
		data = realloc(b->cap == 0 ? NULL : b->data, cap);
		if (data == NULL)
			goto fail;
		b->data = data;
		b->cap = cap;
	}
	return b->data + b->len;
fail:
	b->failed = true;
	return NULL;
}

static int finish(struct strbuf *b, size_t n)
{
	b->len += n;
	b->data[b->len] = '\0';
	return 0;
}

int strbuf_add(struct strbuf *b, const void *bytes, size_t n)
{
	char *to = reserve(b, n);

	if (to == NULL)
		return -1;
	if (n != 0)
		memcpy(to, bytes, n);
	return finish(b, n);
}

int strbuf_adds(struct strbuf *b, const char *s)
{
	return strbuf_add(b, s, strlen(s));
}

int strbuf_addc(struct strbuf *b, char c)
{
	if (b->failed || b->cap - b->len < 2)
		return strbuf_add(b, &c, 1);
	b->data[b->len] = c;
	return finish(b, 1);
}

/* Printed in place; once more only where there was not enough room. */
int strbuf_addv(struct strbuf *b, const char *fmt, va_list ap)
{
	const size_t room = b->failed || b->cap == 0 ? 0 : b->cap - b->len;
	va_list again;
	char *to;
	int n;

	va_copy(again, ap);
	n = vsnprintf(room ? b->data + b->len : NULL, room, fmt, ap);
	if (n >= 0 && (size_t)n < room) {
		va_end(again);
		return finish(b, (size_t)n);
	}
	if (room)
		b->data[b->len] = '\0';
	if (n < 0)
		b->failed = true;
	to = n < 0 ? NULL : reserve(b, (size_t)n);
	if (to)
		vsnprintf(to, (size_t)n + 1, fmt, again);
	va_end(again);
	return to ? finish(b, (size_t)n) : -1;
}

int strbuf_addf(struct strbuf *b, const char *fmt, ...)
{
	va_list ap;
	int rc;

	va_start(ap, fmt);
	rc = strbuf_addv(b, fmt, ap);
	va_end(ap);
	return rc;
}

int strbuf_addi(struct strbuf *b, int64_t v)
{
	return strbuf_addf(b, "%" PRId64, v);
}

int strbuf_addu(struct strbuf *b, uint64_t v)
{
	return strbuf_addf(b, "%" PRIu64, v);
}

/* The JSON form of what s (n > 0 bytes) begins with: bytes taken, and its text in out. */
static size_t json_step(const char *s, size_t n, char out[7], size_t *out_len)
{
	static const char short_forms[] = "\bb\tt\nn\ff\rr\"\"\\\\";
	unsigned char c = (unsigned char)*s;
	size_t taken = utf8_sequence(s, n);

	for (const char *p = short_forms; *p != '\0'; p += 2) {
		if (*s == *p) {
			out[0] = '\\';
			out[1] = p[1];
			*out_len = 2;
			return 1;
		}
	}
	if (c < 0x20) {
		*out_len = (size_t)snprintf(out, 7, "\\u%04x", c);
		return 1;
	}
	if (taken == 0) {
		memcpy(out, "\xef\xbf\xbd", 3);
		*out_len = 3;
		return 1;
	}
	memcpy(out, s, taken);
	*out_len = taken;
	return taken;
}

size_t json_string_size(const char *s, size_t n)
{
	size_t size = 2;
	char out[7];
	size_t out_len;

	for (size_t i = 0; i < n;) {
		size_t run = json_run(s + i, n - i, '"');

		size += run;
		i += run;
		if (i == n)
			break;
		i += json_step(s + i, n - i, out, &out_len);
		size += out_len;
	}
	return size;
}

int strbuf_add_json(struct strbuf *b, const char *s, size_t n)
{
	size_t size = json_string_size(s, n);
	char *to = reserve(b, size);
	char out[7];
	size_t out_len;

	if (to == NULL)
		return -1;
	*to++ = '"';
	for (size_t i = 0; i < n;) {
		size_t run = json_run(s + i, n - i, '"');

		memcpy(to, s + i, run);
		to += run;
		i += run;
		if (i == n)
			break;
		i += json_step(s + i, n - i, out, &out_len);
		memcpy(to, out, out_len);
		to += out_len;
	}
	*to = '"';
	return finish(b, size);
}

int strbuf_adds_json(struct strbuf *b, const char *s)
{
	return s == NULL ? strbuf_adds(b, "null") : strbuf_add_json(b, s, strlen(s));
}

int strbuf_add_base64(struct strbuf *b, const void *bytes, size_t n)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const uint8_t *in = bytes;
	char *to = reserve(b, n / 3 > SIZE_MAX / 4 - 1 ? SIZE_MAX : (n + 2) / 3 * 4);

	if (to == NULL)
		return -1;
	for (size_t i = 0; i < n; i += 3) {
		size_t left = n - i;
		uint32_t v = (uint32_t)in[i] << 16;

		v |= left > 1 ? (uint32_t)in[i + 1] << 8 : 0;
		v |= left > 2 ? in[i + 2] : 0;
		*to++ = digits[v >> 18];
		*to++ = digits[v >> 12 & 63];
		*to++ = left > 1 ? digits[v >> 6 & 63] : '=';
		*to++ = left > 2 ? digits[v & 63] : '=';
	}
	return finish(b, (n + 2) / 3 * 4);
}
