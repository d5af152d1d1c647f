/* SPDX-License-Identifier: ISC */
/*
 * repair_python: a Python literal as repr() and pprint write them: everything that
 * ast.literal_eval takes but complex numbers, and the reprs of the containers and values that
 * records are made of. Sets and tuples become arrays, as json.dumps makes of tuples.
 */
#include "core/repair_python.h"

#include <string.h>

#include "core/ascii.h"

enum kind {
	LIST = 'l',
	PAREN = '(', /* a tuple, or nothing but parentheses */
	BRACE = '{', /* a dict or a set: its first member tells */
	SET = 's',
	DICT = 'd',
	PAIRS = 'p', /* of OrderedDict */
	PAIR = '2',  /* one of them */
	CALL = 'c'   /* around a container */
};

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r' && c != '\v');
}

static bool is_bracket(char c)
{
	return c == '[' || c == '(' || c == '{';
}

void python_skip(struct reading *r)
{
	while (!reading_at_end(r)) {
		if (*r->p == '#') {
			const char *end = memchr(r->p, '\n', (size_t)(r->end - r->p));

			r->p = end ? end : r->end;
		} else if (*r->p == '\\' && r->end - r->p > 1 && r->p[1] == '\n') {
			r->p += 2;
		} else if (is_space(*r->p)) {
			r->p++;
		} else {
			return;
		}
	}
}

int python_look(struct reading *r)
{
	python_skip(r);
	return reading_at_end(r) ? reading_ended(r) : 0;
}

/* --- words --- */

static void put_word(struct reading *r, const char *value, enum repair_class class)
{
	if (class != REPAIR_PYTHON)
		reading_note(r, class, r->p, 0);
	reading_note(r, REPAIR_PYTHON, r->p, 0);
	strbuf_adds(r->out, value);
}

static const struct {
	const char *name, *value;
	enum repair_class class;
} words[] = {
	{"None", "null", REPAIR_PYTHON},   {"True", "true", REPAIR_PYTHON},
	{"False", "false", REPAIR_PYTHON}, {"nan", "null", REPAIR_NULLED},
	{"inf", "null", REPAIR_NULLED},
};

/* With its dots. */
static size_t name_length(const struct reading *r)
{
	const char *p = r->p;

	while (p < r->end && (ascii_is_alnum(*p) || *p == '_' || *p == '.'))
		p++;
	return (size_t)(p - r->p);
}

/* --- calls around a container --- */

static int open_pairs(struct reading *r)
{
	r->p++;
	if (reading_open(r, PAIRS, '{', '}') < 0 || python_look(r) < 0)
		return -1;
	if (reading_take(r, ']')) {
		reading_close(r);
		return 0;
	}
	reading_begin(r);
	return 1;
}

/* The factory of a defaultdict: <class 'list'>, None. */
static int skip_factory(struct reading *r)
{
	const char *end = memchr(r->p, ',', (size_t)(r->end - r->p));

	if (!end)
		return reading_ended(r);
	if (*r->p != '<' && !python_is(r->p, (size_t)(end - r->p), "None"))
		return reading_refuse(r, "a defaultdict without its factory");
	r->p = end + 1;
	return python_look(r);
}

/* p is at its argument. 1: a value must follow, 0: it was one, -1. */
static int open_call(struct reading *r, const char *empty)
{
	if (reading_open(r, CALL, 0, 0) < 0)
		return -1;
	reading_begin(r);
	if (*r->p == ')') {
		strbuf_adds(r->out, empty);
		return 0;
	}
	return 1;
}

static int call_container(struct reading *r, const char *name, size_t n)
{
	const bool is_ordered = python_is(name, n, "OrderedDict");
	const bool is_dict =
		is_ordered || python_is(name, n, "Counter") || python_is(name, n, "defaultdict");
	int rc;

	if (!is_dict && !python_is(name, n, "set") && !python_is(name, n, "frozenset"))
		return reading_refuse(r, "a name that is no literal");
	if (python_is(name, n, "defaultdict") && skip_factory(r) < 0)
		return -1;
	rc = open_call(r, is_dict ? "{}" : "[]");
	if (rc < 1)
		return rc;
	if (is_ordered && *r->p == '[')
		return open_pairs(r);
	if (*r->p != '{' && (is_dict || (*r->p != '[' && *r->p != '(')))
		return reading_refuse(r, "another argument than a container");
	return 1;
}

/* collections.OrderedDict, OrderedDict */
static size_t module_length(const char *name, size_t n)
{
	static const char *const modules[] = {"collections.", "datetime.", "decimal.", "uuid."};

	for (size_t i = 0; i < sizeof(modules) / sizeof(modules[0]); i++) {
		const size_t len = strlen(modules[i]);

		if (n > len && memcmp(name, modules[i], len) == 0)
			return len;
	}
	return 0;
}

/* p is at the name. */
static int read_call(struct reading *r, size_t n)
{
	const size_t module = module_length(r->p, n);
	const char *name = r->p + module;
	int rc;

	reading_note(r, REPAIR_PYTHON, r->p, 0);
	r->p += n + 1;
	if (python_look(r) < 0)
		return -1;
	rc = python_call(r, name, n - module);
	return rc == 1 ? call_container(r, name, n - module) : rc;
}

static int read_name(struct reading *r)
{
	const size_t n = name_length(r);

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (!python_is(r->p, n, words[i].name))
			continue;
		put_word(r, words[i].value, words[i].class);
		r->is_nulled = words[i].class == REPAIR_NULLED;
		r->p += n;
		return 0;
	}
	if (n == (size_t)(r->end - r->p) && r->depth > 0)
		return reading_ended(r);
	if (n < (size_t)(r->end - r->p) && r->p[n] == '(')
		return read_call(r, n);
	return reading_refuse(r, "a name that is no literal");
}

/* -inf, and all else that has a sign. */
static int read_number(struct reading *r)
{
	if ((*r->p == '-' || *r->p == '+') && r->end - r->p > 1 && ascii_is_alpha(r->p[1])) {
		r->p++;
		return python_is(r->p, name_length(r), "inf")
			       ? read_name(r)
			       : reading_refuse(r, "a sign before what is no number");
	}
	return reading_number(r, NUMBER_PYTHON);
}

/* --- containers --- */

static int open_container(struct reading *r)
{
	static const char opens[] = "[({", closes[] = "])}";
	static const enum kind kinds[] = {LIST, PAREN, BRACE};
	const size_t i = (size_t)(strchr(opens, *r->p) - opens);

	/* What a brace is is not known yet: it becomes '{' with the first key. */
	if (reading_open(r, (char)kinds[i], '[', ']') < 0)
		return -1;
	reading_top(r)->is_unsure = kinds[i] != LIST;
	r->p++;
	if (python_look(r) < 0)
		return -1;
	if (!reading_take(r, closes[i])) {
		reading_begin(r);
		return 1;
	}
	if (kinds[i] == BRACE) {
		r->out->data[reading_top(r)->open_at] = '{';
		reading_top(r)->close = '}';
	} else if (kinds[i] == PAREN) {
		reading_note(r, REPAIR_PYTHON, r->p, 0);
	}
	reading_close(r);
	return 0;
}

/* A member of OrderedDict([...]) is a pair, of whatever brackets. */
static int open_pair(struct reading *r)
{
	if (*r->p != '(' && *r->p != '[')
		return reading_refuse(r, "no pair where one must be");
	if (reading_open(r, PAIR, 0, 0) < 0)
		return -1;
	reading_top(r)->needs_key = true;
	r->p++;
	reading_begin(r);
	return 1;
}

/* 1: a value was opened and another must follow; 0: a whole value was read. */
static int read_value(struct reading *r)
{
	if (python_look(r) < 0)
		return -1;
	r->is_nulled = false;
	if (r->depth > 0 && reading_top(r)->kind == PAIRS && open_pair(r) < 0)
		return -1;
	if (python_look(r) < 0)
		return -1;
	if (is_bracket(*r->p))
		return open_container(r);
	if (python_string_begins(r))
		return python_string(r);
	if (ascii_is_alpha(*r->p) || *r->p == '_')
		return read_name(r);
	if (ascii_is_digit(*r->p) || (*r->p && strchr("+-.", *r->p)))
		return read_number(r);
	return reading_refuse(r, "something that is no Python literal");
}

/* --- behind a value --- */

static void insert(struct reading *r, size_t at, char c)
{
	strbuf_addc(r->out, c);
	if (strbuf_failed(r->out))
		return;
	memmove(r->out->data + at + 1, r->out->data + at, r->out->len - at - 1);
	r->out->data[at] = c;
}

/* -1 and 0.5: of JSON's kin no other has such keys. */
static bool is_python_key(struct json_span key)
{
	for (size_t i = 0; i < key.n; i++)
		if (strchr("+-.", key.p[i]))
			return true;
	return false;
}

/* What was read is a key: in JSON a string, as json.dumps does it. 1: its value follows, -1. */
static int make_key(struct reading *r)
{
	struct repair_frame *f = reading_top(r);
	const char first = r->out->data[f->token_at];

	if (first == '{' || first == '[' || r->is_nulled)
		return reading_refuse(r, "a key that JSON cannot hold");
	if (first != '"') {
		const size_t n = r->out->len - f->token_at;

		if (is_python_key((struct json_span){r->out->data + f->token_at, n}))
			reading_note(r, REPAIR_PYTHON, r->p, 0);
		insert(r, f->token_at, '"');
		strbuf_addc(r->out, '"');
		reading_note(r, REPAIR_KEYS, r->p, 0);
	}
	strbuf_addc(r->out, ':');
	f->has_key = true;
	return 1;
}

/* The container's end, or another member: 1, 0, -1. */
static int read_rest(struct reading *r, char close)
{
	const bool has_comma = reading_take(r, ',');

	if (python_look(r) < 0)
		return -1;
	if (reading_take(r, close)) {
		reading_close(r);
		return 0;
	}
	if (!has_comma)
		return reading_refuse(r, "neither a comma nor the end of its container");
	reading_begin(r);
	return 1;
}

/* (x) is x: its bracket goes. */
static void unwrap(struct reading *r)
{
	const struct repair_frame *f = reading_top(r);
	struct strbuf *out = r->out;

	memmove(out->data + f->open_at, out->data + f->open_at + 1, out->len - f->open_at - 1);
	strbuf_truncate(out, out->len - 1);
	r->depth--;
}

static int behind_of_paren(struct reading *r)
{
	struct repair_frame *f = reading_top(r);

	reading_note(r, REPAIR_PYTHON, r->p, 0);
	if (f->is_unsure && reading_take(r, ')')) {
		unwrap(r);
		return 0;
	}
	f->is_unsure = false;
	return read_rest(r, ')');
}

static int behind_first(struct reading *r)
{
	struct repair_frame *f = reading_top(r);

	f->is_unsure = false;
	if (reading_take(r, ':')) {
		f->kind = DICT;
		f->needs_key = true;
		f->close = '}';
		r->out->data[f->open_at] = '{';
		return make_key(r);
	}
	f->kind = SET;
	/* {"a", 1} may be an object that lost its values: a set's repr has other quotes */
	if (r->out->data[f->token_at] != '"')
		reading_note(r, REPAIR_PYTHON, r->p, 0);
	reading_whole(r);
	return read_rest(r, '}');
}

static int behind_of_dict(struct reading *r)
{
	if (reading_top(r)->has_key)
		return read_rest(r, '}');
	return reading_take(r, ':') ? make_key(r) : reading_refuse(r, "no colon behind a key");
}

static int behind_of_pair(struct reading *r)
{
	if (!reading_top(r)->has_key)
		return reading_take(r, ',') ? make_key(r) : reading_refuse(r, "a pair of one");
	reading_take(r, ',');
	if (python_look(r) < 0)
		return -1;
	if (!reading_take(r, ')') && !reading_take(r, ']'))
		return reading_refuse(r, "a pair of more than two");
	reading_close(r);
	return 0;
}

static int behind_of_call(struct reading *r)
{
	if (!reading_take(r, ')'))
		return reading_refuse(r, "more than one argument");
	reading_close(r);
	return 0;
}

/* 1: another value must follow; 0: its container is over, -1. */
static int behind(struct reading *r, enum kind kind)
{
	switch (kind) {
	case BRACE:
		return behind_first(r);
	case DICT:
		return behind_of_dict(r);
	case PAIR:
		return behind_of_pair(r);
	case CALL:
		return behind_of_call(r);
	case PAREN:
		return behind_of_paren(r);
	case PAIRS:
	case LIST:
		return read_rest(r, ']');
	case SET:
		return read_rest(r, '}');
	}
	return -1;
}

/* A key is not, and what a brace's first value is must be seen first. */
static bool is_whole_member(const struct repair_frame *f)
{
	return f->kind != BRACE && (!f->needs_key || f->has_key);
}

static int read_behind(struct reading *r)
{
	int more = 0;

	while (more == 0 && r->depth > 0) {
		const struct repair_frame *f = reading_top(r);

		if (is_whole_member(f))
			reading_whole(r);
		more = python_look(r) < 0 ? -1 : behind(r, (enum kind)f->kind);
	}
	return more;
}

int repair_read_python(struct reading *r)
{
	return reading_all(r, read_value, read_behind);
}
