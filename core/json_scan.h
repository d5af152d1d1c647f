/* SPDX-License-Identifier: ISC */
/*
 * json_scan: a strict RFC 8259 scanner over bytes, and a walker over what it accepted.
 *
 * Linear time, no allocation, no recursion: nothing is built. A document that json_scan() accepted
 * can be walked value by value, however large it is. Spans point into the
 * document and live as long.
 */
#ifndef CORE_JSON_SCAN_H
#define CORE_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"

#define JSON_SCAN_DEPTH   64   /* deepest nesting that any rules can allow */
#define JSON_SCAN_KEYS    1024 /* keys of all objects open at one time, where keys are compared */
#define JSON_POINTER_SIZE 256

enum json_kind {
	JSON_KIND_NULL,
	JSON_KIND_BOOL,
	JSON_KIND_NUMBER,
	JSON_KIND_STRING,
	JSON_KIND_ARRAY,
	JSON_KIND_OBJECT,
	JSON_KIND_COUNT
};

/* A piece of a document: one value without white space around it; a string with its quotes. */
struct json_span {
	const char *p;
	size_t n;
};

/* What is allowed beyond the grammar. A 0 is "no limit" but for depth. */
struct json_rules {
	unsigned int depth; /* arrays and objects within one another; JSON_SCAN_DEPTH at most */
	unsigned int keys;  /* keys of one object; 0: duplicates are not looked for either */
	size_t number_chars;
	size_t values;                /* values of all kinds in the document */
	bool nul_allowed;             /* \u0000 in strings */
	bool lone_surrogates_allowed; /* they decode to U+FFFD */
};

/* For documents that clients send us, and for what the provider answers. */
extern const struct json_rules json_rules_request;
extern const struct json_rules json_rules_provider;

/* Where and why a document was refused. */
struct json_fault {
	size_t offset;                   /* bytes from the beginning of the text */
	char pointer[JSON_POINTER_SIZE]; /* RFC 6901; of a parent where the whole does not fit */
	char what[160];                  /* for a person, no final full stop */
};

/* The whole of s is one JSON document (white space around it is fine): 0, or -1 and *fault. */
int json_scan(const char *s, size_t n, const struct json_rules *rules, struct json_fault *fault);

/* "what, at byte 12 (/lots/3/id)" as an error of class ERR_NEVER. Always returns -1. */
int json_fault_err(const struct json_fault *fault, struct err *err);

/* The value in a text that json_scan() accepted, without the white space around it. */
struct json_span json_span_of(const char *s, size_t n);
enum json_kind json_kind_of(struct json_span value);
/* "a string", "an object", ...: for messages. */
const char *json_kind_name(enum json_kind kind);

/*
 * Step over the elements of an array or the members of an object that json_scan() accepted:
 *
 *	json_walk_begin(&w, container);
 *	while (json_walk_next(&w, &m))
 *		...
 *
 * Any other text ends the walk early; it never leads outside the span.
 */
struct json_walk {
	const char *p;
	const char *end;
	bool object;
	size_t index;
};

struct json_member {
	struct json_span key; /* with its quotes; n is 0 in an array */
	struct json_span value;
	enum json_kind kind;
	size_t index; /* from 0 */
};

void json_walk_begin(struct json_walk *w, struct json_span container);
bool json_walk_next(struct json_walk *w, struct json_member *m);
/* How many elements or members there are. */
size_t json_count(struct json_span container);
/* The member whose key is `key`: true, and *m. */
bool json_find(struct json_span object, const char *key, struct json_member *m);
/*
 * Several members in one walk: the first of each of n keys goes to its place in found. One that is
 * not there has the kind JSON_KIND_COUNT, and an empty value.
 */
void json_find_each(struct json_span object, const char *const *keys, size_t n,
		    struct json_member *found);

/*
 * The characters of a string span, decoded, one at a time: how many bytes were written to out (1 to
 * 4), or 0 at the end. Begin with *at = 0.
 */
size_t json_string_next(struct json_span string, size_t *at, char out[4]);
/* How many bytes the string is, decoded. */
size_t json_string_bytes(struct json_span string);
/* Compare the decoded string with n bytes; with another string span. */
bool json_string_equals(struct json_span string, const char *s, size_t n);
bool json_string_same(struct json_span a, struct json_span b);
/* FNV-1a of the decoded string. */
uint64_t json_string_hash(struct json_span string);

/*
 * Extend a JSON pointer held in a buffer of `size` bytes by a key or an index. 0, or -1 and the
 * pointer as it was where there is no room.
 */
int json_pointer_add_key(char *pointer, size_t size, struct json_span key);
int json_pointer_add_text(char *pointer, size_t size, const char *key);
int json_pointer_add_index(char *pointer, size_t size, size_t index);

#endif
