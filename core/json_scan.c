/* SPDX-License-Identifier: ISC */
/*
 * json_scan: see json_scan.h. The grammar, as a loop over a stack of open containers. What reads an
 * accepted document is in json_walk.c.
 */
#include "core/json_scan.h"

#include <stdio.h>
#include <string.h>

#include "core/ascii.h"
#include "core/json_run.h"
#include "core/limits.h"
#include "core/utf8.h"

const struct json_rules json_rules_request = {
	.depth = LIMIT_JSON_DEPTH,
	.keys = LIMIT_JSON_KEYS,
	.number_chars = LIMIT_NUMBER_CHARS,
};

const struct json_rules json_rules_provider = {
	.depth = JSON_SCAN_DEPTH,
	.nul_allowed = true,
	.lone_surrogates_allowed = true,
};

/* An open array or object, and where in it we are. */
struct frame {
	bool object;
	size_t index;
	struct json_span key; /* of the member at hand; n is 0 before it was read */
	size_t first_key;     /* in scanner.keys */
};

struct known_key {
	uint64_t hash;
	struct json_span key;
};

struct scanner {
	const char *start;
	const char *p;
	const char *end;
	const struct json_rules *rules;
	struct json_fault *fault;
	size_t values;
	size_t depth;
	size_t key_count;
	struct frame frames[JSON_SCAN_DEPTH];
	struct known_key keys[JSON_SCAN_KEYS];
};

static int refuse(struct scanner *c, const char *what)
{
	char *pointer = c->fault->pointer;

	c->fault->offset = (size_t)(c->p - c->start);
	snprintf(c->fault->what, sizeof(c->fault->what), "%s", what);
	pointer[0] = '\0';
	for (size_t i = 0; i < c->depth; i++) {
		const struct frame *f = &c->frames[i];

		if (f->object && f->key.n == 0)
			break;
		if (f->object ? json_pointer_add_key(pointer, JSON_POINTER_SIZE, f->key)
			      : json_pointer_add_index(pointer, JSON_POINTER_SIZE, f->index))
			break;
	}
	return -1;
}

static void skip_space(struct scanner *c)
{
	while (c->p < c->end && (*c->p == ' ' || *c->p == '\n' || *c->p == '\r' || *c->p == '\t'))
		c->p++;
}

static bool take(struct scanner *c, char wanted)
{
	if (c->p == c->end || *c->p != wanted)
		return false;
	c->p++;
	return true;
}

/* The four hex digits of \uXXXX at p, or -1. */
static int hex4(const char *p, const char *end)
{
	int value = 0;

	if (end - p < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		int digit = ascii_hex(p[i]);

		if (digit < 0)
			return -1;
		value = value * 16 + digit;
	}
	return value;
}

/* p is at a backslash. */
static int scan_escape(struct scanner *c)
{
	int unit;

	if (c->end - c->p < 2)
		return refuse(c, "a string without an end");
	if (c->p[1] != 'u') {
		if (c->p[1] == '\0' || strchr("\"\\/bfnrt", c->p[1]) == NULL)
			return refuse(c, "an unknown escape in a string");
		c->p += 2;
		return 0;
	}
	unit = hex4(c->p + 2, c->end);
	if (unit < 0)
		return refuse(c, "\\u without four hexadecimal digits");
	if (unit == 0 && !c->rules->nul_allowed)
		return refuse(c, "the character U+0000 in a string");
	if (unit >= 0xd800 && unit < 0xdc00 && c->end - c->p >= 12 && c->p[6] == '\\' &&
	    c->p[7] == 'u') {
		int second = hex4(c->p + 8, c->end);

		if (second >= 0xdc00 && second < 0xe000) {
			c->p += 12;
			return 0;
		}
	}
	if (unit >= 0xd800 && unit < 0xe000 && !c->rules->lone_surrogates_allowed)
		return refuse(c, "half of a surrogate pair in a string");
	c->p += 6;
	return 0;
}

/* p is at the opening quote. */
static int scan_string(struct scanner *c)
{
	size_t len;

	for (c->p++;;) {
		unsigned char u;

		c->p += json_run(c->p, (size_t)(c->end - c->p), '"');
		if (c->p == c->end)
			break;
		u = (unsigned char)*c->p;
		if (u == '"') {
			c->p++;
			return 0;
		}
		if (u < 0x20)
			return refuse(c, "a control character in a string");
		if (u == '\\') {
			if (scan_escape(c) != 0)
				return -1;
			continue;
		}
		len = utf8_sequence(c->p, (size_t)(c->end - c->p));
		if (len == 0)
			return refuse(c, "text that is not UTF-8");
		c->p += len;
	}
	return refuse(c, "a string without an end");
}

static bool take_digits(struct scanner *c)
{
	const char *from = c->p;

	while (c->p < c->end && ascii_is_digit(*c->p))
		c->p++;
	return c->p > from;
}

static int scan_number(struct scanner *c)
{
	const char *from = c->p;

	take(c, '-');
	if (!take(c, '0') && !take_digits(c))
		return refuse(c, "a number without digits");
	if (take(c, '.') && !take_digits(c))
		return refuse(c, "a number without digits behind its point");
	if (take(c, 'e') || take(c, 'E')) {
		if (!take(c, '+'))
			take(c, '-');
		if (!take_digits(c))
			return refuse(c, "a number without digits in its exponent");
	}
	if (c->rules->number_chars != 0 && (size_t)(c->p - from) > c->rules->number_chars)
		return refuse(c, "a number of too many digits");
	return 0;
}

static int scan_literal(struct scanner *c, const char *literal)
{
	size_t len = strlen(literal);

	if ((size_t)(c->end - c->p) < len || memcmp(c->p, literal, len) != 0)
		return refuse(c, "something that is no JSON value");
	c->p += len;
	return 0;
}

/* Compare the member's key with the earlier ones of its object, and remember it. */
static int check_key(struct scanner *c, struct frame *f)
{
	uint64_t hash = json_string_hash(f->key);

	if (c->key_count - f->first_key >= c->rules->keys || c->key_count == JSON_SCAN_KEYS)
		return refuse(c, "an object of too many keys");
	for (size_t i = f->first_key; i < c->key_count; i++)
		if (c->keys[i].hash == hash && json_string_same(c->keys[i].key, f->key))
			return refuse(c, "a key that its object has already");
	c->keys[c->key_count++] = (struct known_key){hash, f->key};
	return 0;
}

/* A key and its colon; after this a value must follow. */
static int scan_key(struct scanner *c)
{
	struct frame *f = &c->frames[c->depth - 1];
	const char *from;

	f->key.n = 0;
	skip_space(c);
	from = c->p;
	if (c->p == c->end || *c->p != '"')
		return refuse(c, "no key in quotes where one must be");
	if (scan_string(c) != 0)
		return -1;
	f->key = (struct json_span){from, (size_t)(c->p - from)};
	if (c->rules->keys != 0 && check_key(c, f) != 0)
		return -1;
	skip_space(c);
	return take(c, ':') ? 0 : refuse(c, "no colon behind a key");
}

static void close_container(struct scanner *c)
{
	c->depth--;
	c->key_count = c->frames[c->depth].first_key;
}

/* p is behind the opening bracket. 1: a value must follow; 0: the container was empty. */
static int open_container(struct scanner *c, bool object)
{
	if (c->depth >= c->rules->depth || c->depth == JSON_SCAN_DEPTH)
		return refuse(c, "nesting that is too deep");
	c->frames[c->depth++] = (struct frame){.object = object, .first_key = c->key_count};
	skip_space(c);
	if (take(c, object ? '}' : ']')) {
		close_container(c);
		return 0;
	}
	return object && scan_key(c) != 0 ? -1 : 1;
}

/* 1: a value was opened and another must follow; 0: a whole value was read. */
static int scan_value(struct scanner *c)
{
	skip_space(c);
	if (c->p == c->end)
		return refuse(c, "the end where a value must be");
	if (c->rules->values != 0 && c->values == c->rules->values)
		return refuse(c, "too many values");
	c->values++;
	switch (*c->p) {
	case '{':
		c->p++;
		return open_container(c, true);
	case '[':
		c->p++;
		return open_container(c, false);
	case '"':
		return scan_string(c);
	case 't':
		return scan_literal(c, "true");
	case 'f':
		return scan_literal(c, "false");
	case 'n':
		return scan_literal(c, "null");
	default:
		if (*c->p == '-' || ascii_is_digit(*c->p))
			return scan_number(c);
		return refuse(c, "something that is no JSON value");
	}
}

/* Behind a value: 1: another must follow; 0: the outermost container, or the document, is over. */
static int scan_behind(struct scanner *c)
{
	while (c->depth > 0) {
		struct frame *f = &c->frames[c->depth - 1];

		skip_space(c);
		if (take(c, ',')) {
			f->index++;
			return f->object && scan_key(c) != 0 ? -1 : 1;
		}
		if (!take(c, f->object ? '}' : ']'))
			return refuse(c, f->object ? "neither a comma nor the end of an object"
						   : "neither a comma nor the end of an array");
		close_container(c);
	}
	return 0;
}

int json_scan(const char *s, size_t n, const struct json_rules *rules, struct json_fault *fault)
{
	struct scanner c;
	int more = 1;

	c.start = c.p = s;
	c.end = n == 0 ? s : s + n;
	c.rules = rules;
	c.fault = fault;
	c.values = c.depth = c.key_count = 0;
	while (more == 1) {
		more = scan_value(&c);
		if (more == 0)
			more = scan_behind(&c);
	}
	if (more < 0)
		return -1;
	skip_space(&c);
	return c.p == c.end ? 0 : refuse(&c, "more text behind the document");
}

int json_fault_err(const struct json_fault *fault, struct err *err)
{
	return err_set(err, ERR_NEVER, 0, "%s, at byte %zu%s%s%s", fault->what, fault->offset,
		       fault->pointer[0] == '\0' ? "" : " (", fault->pointer,
		       fault->pointer[0] == '\0' ? "" : ")");
}
