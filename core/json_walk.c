/* SPDX-License-Identifier: ISC */
/*
 * json_walk: what reads a document that json_scan() accepted: walking, decoding and
 * comparing strings, pointers. Declared in json_scan.h. It relies on the scan for meaning,
 * not for staying in bounds.
 */
#include "core/json_scan.h"

#include <stdio.h>
#include <string.h>

#include "core/ascii.h"
#include "core/utf8.h"

static const char *const kind_names[JSON_KIND_COUNT] = {
	[JSON_KIND_NULL] = "null",       [JSON_KIND_BOOL] = "a boolean",
	[JSON_KIND_NUMBER] = "a number", [JSON_KIND_STRING] = "a string",
	[JSON_KIND_ARRAY] = "an array",  [JSON_KIND_OBJECT] = "an object",
};

const char *json_kind_name(enum json_kind kind)
{
	return kind_names[kind];
}

static bool is_space(char c)
{
	return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

struct json_span json_span_of(const char *s, size_t n)
{
	while (n > 0 && is_space(*s)) {
		s++;
		n--;
	}
	while (n > 0 && is_space(s[n - 1]))
		n--;
	return (struct json_span){s, n};
}

enum json_kind json_kind_of(struct json_span value)
{
	switch (value.n == 0 ? 'n' : *value.p) {
	case '{':
		return JSON_KIND_OBJECT;
	case '[':
		return JSON_KIND_ARRAY;
	case '"':
		return JSON_KIND_STRING;
	case 't':
	case 'f':
		return JSON_KIND_BOOL;
	case 'n':
		return JSON_KIND_NULL;
	default:
		return JSON_KIND_NUMBER;
	}
}

/* p is at an opening quote; the place behind the closing one, or end. */
static const char *skip_string(const char *p, const char *end)
{
	const char *from = p + 1;
	const char *quote = from;

	while ((quote = memchr(quote, '"', (size_t)(end - quote))) != NULL) {
		size_t slashes = 0;

		while (quote - slashes > from && *(quote - slashes - 1) == '\\')
			slashes++;
		quote++;
		if (slashes % 2 == 0)
			return quote;
	}
	return end;
}

/* p is at the first character of a value; the place behind its last, or end. */
static const char *skip_value(const char *p, const char *end)
{
	size_t depth = 0;

	while (p < end) {
		if (*p == '"') {
			p = skip_string(p, end);
		} else if (*p == '{' || *p == '[') {
			depth++;
			p++;
			continue;
		} else if (depth > 0 && (*p == '}' || *p == ']')) {
			depth--;
			p++;
		} else if (depth > 0) {
			p++;
			continue;
		} else {
			while (p < end && !is_space(*p) && *p != ',' && *p != ']' && *p != '}')
				p++;
		}
		if (depth == 0)
			return p;
	}
	return end;
}

static void skip_space(struct json_walk *w)
{
	while (w->p < w->end && is_space(*w->p))
		w->p++;
}

void json_walk_begin(struct json_walk *w, struct json_span container)
{
	bool empty = container.n < 2;

	w->p = empty ? container.p : container.p + 1;
	w->end = empty ? container.p : container.p + container.n - 1;
	w->object = json_kind_of(container) == JSON_KIND_OBJECT;
	w->index = 0;
}

bool json_walk_next(struct json_walk *w, struct json_member *m)
{
	struct json_span key = {w->p, 0};
	const char *from;

	skip_space(w);
	if (w->index > 0 && w->p < w->end && *w->p == ',')
		w->p++;
	skip_space(w);
	if (w->object) {
		if (w->p == w->end || *w->p != '"')
			return false;
		key.p = w->p;
		w->p = skip_string(w->p, w->end);
		key.n = (size_t)(w->p - key.p);
		skip_space(w);
		if (w->p == w->end || *w->p != ':')
			return false;
		w->p++;
		skip_space(w);
	}
	from = w->p;
	w->p = skip_value(w->p, w->end);
	if (w->p == from)
		return false;
	m->key = key;
	m->value = (struct json_span){from, (size_t)(w->p - from)};
	m->kind = json_kind_of(m->value);
	m->index = w->index++;
	return true;
}

size_t json_count(struct json_span container)
{
	struct json_walk w;
	struct json_member m;

	json_walk_begin(&w, container);
	while (json_walk_next(&w, &m))
		continue;
	return w.index;
}

bool json_find(struct json_span object, const char *key, struct json_member *m)
{
	struct json_member found;
	struct json_walk w;

	json_walk_begin(&w, object);
	while (w.object && json_walk_next(&w, &found)) {
		if (json_string_equals(found.key, key, strlen(key))) {
			*m = found;
			return true;
		}
	}
	return false;
}

void json_find_each(struct json_span object, const char *const *keys, size_t n,
		    struct json_member *found)
{
	struct json_member m;
	struct json_walk w;

	for (size_t i = 0; i < n; i++)
		found[i] = (struct json_member){.value = {"", 0}, .kind = JSON_KIND_COUNT};
	json_walk_begin(&w, object);
	while (w.object && json_walk_next(&w, &m)) {
		for (size_t i = 0; i < n; i++) {
			if (found[i].kind == JSON_KIND_COUNT &&
			    json_string_equals(m.key, keys[i], strlen(keys[i])))
				found[i] = m;
		}
	}
}

/* The value of \uXXXX at s, of n bytes; -1 where it is none. */
static int32_t unicode_escape(const char *s, size_t n)
{
	int32_t value = 0;

	if (n < 6 || s[0] != '\\' || s[1] != 'u')
		return -1;
	for (size_t i = 2; i < 6; i++) {
		int32_t digit = ascii_hex(s[i]);

		if (digit < 0)
			return -1;
		value = value * 16 + digit;
	}
	return value;
}

/* s, of n >= 2 bytes, is at a backslash: decode the escape; how many bytes it takes in *taken. */
static size_t decode_escape(const char *s, size_t n, size_t *taken, char out[4])
{
	static const char from[] = "bfnrt";
	static const char to[] = "\b\f\n\r\t";
	int32_t unit = unicode_escape(s, n);
	int32_t second;
	const char *simple;

	if (unit < 0) {
		*taken = 2;
		simple = s[1] == '\0' ? NULL : strchr(from, s[1]);
		out[0] = simple == NULL ? s[1] : to[simple - from];
		return 1;
	}
	*taken = 6;
	if (unit < 0xd800 || unit >= 0xe000)
		return utf8_encode((uint32_t)unit, out);
	second = unicode_escape(s + 6, n - 6);
	if (unit >= 0xdc00 || second < 0xdc00 || second >= 0xe000)
		return utf8_encode(0xfffd, out);
	*taken = 12;
	return utf8_encode(0x10000u + ((uint32_t)(unit - 0xd800) << 10) +
				   (uint32_t)(second - 0xdc00),
			   out);
}

size_t json_string_next(struct json_span string, size_t *at, char out[4])
{
	size_t left;
	size_t taken;
	size_t len;

	if (*at == 0)
		*at = 1;
	if (*at + 1 >= string.n)
		return 0;
	left = string.n - 1 - *at;
	if (string.p[*at] != '\\' || left < 2) {
		out[0] = string.p[(*at)++];
		return 1;
	}
	len = decode_escape(string.p + *at, left, &taken, out);
	*at += taken;
	return len;
}

size_t json_string_bytes(struct json_span string)
{
	size_t bytes = 0;
	size_t at = 0;
	char out[4];
	size_t len;

	while ((len = json_string_next(string, &at, out)) != 0)
		bytes += len;
	return bytes;
}

bool json_string_equals(struct json_span string, const char *s, size_t n)
{
	size_t done = 0;
	size_t at = 0;
	char out[4];
	size_t len;

	/* an escape is longer than what it stands for */
	if (string.n >= 2 && string.n - 2 < n)
		return false;
	if (string.n >= 2 && string.n - 2 == n && memchr(string.p, '\\', string.n) == NULL)
		return memcmp(string.p + 1, s, n) == 0;
	while ((len = json_string_next(string, &at, out)) != 0) {
		if (len > n - done || memcmp(out, s + done, len) != 0)
			return false;
		done += len;
	}
	return done == n;
}

/* The next decoded byte, from what is pending in out first; -1 at the end. */
struct byte_reader {
	struct json_span string;
	size_t at;
	char out[4];
	size_t pending;
	size_t given;
};

static int next_byte(struct byte_reader *r)
{
	if (r->given == r->pending) {
		r->pending = json_string_next(r->string, &r->at, r->out);
		r->given = 0;
		if (r->pending == 0)
			return -1;
	}
	return (unsigned char)r->out[r->given++];
}

bool json_string_same(struct json_span a, struct json_span b)
{
	struct byte_reader ra = {.string = a};
	struct byte_reader rb = {.string = b};
	int byte;

	do {
		byte = next_byte(&ra);
		if (byte != next_byte(&rb))
			return false;
	} while (byte >= 0);
	return true;
}

uint64_t json_string_hash(struct json_span string)
{
	uint64_t hash = 0xcbf29ce484222325u;
	size_t at = 0;
	char out[4];
	size_t len;

	while ((len = json_string_next(string, &at, out)) != 0)
		for (size_t i = 0; i < len; i++)
			hash = (hash ^ (unsigned char)out[i]) * 0x100000001b3u;
	return hash;
}

/* Append one piece to a pointer whose length is *len; "~" and "/" are written as ~0 and ~1. */
static int pointer_add(char *pointer, size_t size, size_t *len, const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		bool escaped = s[i] == '~' || s[i] == '/';

		if (*len + (escaped ? 2 : 1) >= size)
			return -1;
		pointer[(*len)++] = escaped ? '~' : s[i];
		if (escaped)
			pointer[(*len)++] = s[i] == '~' ? '0' : '1';
	}
	return 0;
}

/* Begin a new piece: 0, or -1 where not even its slash has room. */
static int pointer_open(char *pointer, size_t size, size_t *len)
{
	*len = strlen(pointer);
	if (*len + 1 >= size)
		return -1;
	pointer[(*len)++] = '/';
	return 0;
}

int json_pointer_add_key(char *pointer, size_t size, struct json_span key)
{
	size_t old = strlen(pointer);
	size_t at = 0;
	char out[4];
	size_t n;
	size_t len;
	int rc = pointer_open(pointer, size, &len);

	while (rc == 0 && (n = json_string_next(key, &at, out)) != 0)
		rc = pointer_add(pointer, size, &len, out, n);
	pointer[rc == 0 ? len : old] = '\0';
	return rc;
}

int json_pointer_add_text(char *pointer, size_t size, const char *key)
{
	size_t old = strlen(pointer);
	size_t len;
	int rc = pointer_open(pointer, size, &len);

	if (rc == 0)
		rc = pointer_add(pointer, size, &len, key, strlen(key));
	pointer[rc == 0 ? len : old] = '\0';
	return rc;
}

int json_pointer_add_index(char *pointer, size_t size, size_t index)
{
	char text[24];

	snprintf(text, sizeof(text), "%zu", index);
	return json_pointer_add_text(pointer, size, text);
}
