/* SPDX-License-Identifier: ISC */
/*
 * json_util: the one place where json-c trees are made, and typed reading of them.
 *
 * Every text is first scanned by json_scan(), so that json-c's leniency (single quotes, NaN, text
 * behind the document, long integers clamped in silence) cannot matter. The getters take a NULL
 * object and an object of another type for one without that key.
 */
#ifndef CORE_JSON_UTIL_H
#define CORE_JSON_UTIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <json-c/json_types.h>

#include "core/err.h"
#include "core/json_scan.h"
#include "core/strbuf.h"

#define JSON_TREE_VALUES 200000 /* a tree takes about 40 times the bytes of its text */

/*
 * Make a tree of the whole text. *out is the caller's to release with json_object_put(); it is NULL
 * for the document `null`. 0, or -1 and *err: ERR_NEVER, or ERR_LATER where memory is lacking.
 * At most JSON_TREE_VALUES values, or rules->values where that is less.
 */
int json_parse(const char *s, size_t n, const struct json_rules *rules, struct json_object **out,
	       struct err *err);

/* The string under key: NULL where it is absent, null, "", or no string, or has a NUL inside. */
const char *json_get_text(const struct json_object *object, const char *key);
/* 1 and the string with its length ("" too); 0 where absent or null; -1 for another type. */
int json_get_string(const struct json_object *object, const char *key, const char **s, size_t *n);
/* 1 and a whole number from min to max; 0 where absent or null; -1 for anything else. */
int json_get_int(const struct json_object *object, const char *key, int64_t min, int64_t max,
		 int64_t *out);
/* 1 and a boolean; 0 where absent or null; -1 for another type. */
int json_get_bool(const struct json_object *object, const char *key, bool *out);
/* The object or array under key; NULL where there is none. Borrowed. */
struct json_object *json_get_object(const struct json_object *object, const char *key);
struct json_object *json_get_array(const struct json_object *object, const char *key);
/*
 * A time as providers write it: seconds since 1970 as a number (or as a string of digits), or ISO
 * 8601 with T or a space, without a zone meaning UTC. 1 and microseconds; 0 where absent, null, ""
 * or 0; -1 for anything else.
 */
int json_get_time(const struct json_object *object, const char *key, int64_t *t_us);

/* Append a string span, decoded. 0, or -1 where the buffer failed. */
int json_string_decode(struct json_span string, struct strbuf *out);

#endif
