/* SPDX-License-Identifier: ISC */
/*
 * json_schema: the subset of JSON Schema that strict structured outputs allow.
 *
 * Known: type (one or several), properties, required, additionalProperties (false), items, anyOf,
 * $ref to # or #/$defs/NAME, $defs (at the root), enum and const (of strings, numbers, booleans,
 * null), minimum, maximum, exclusiveMinimum, exclusiveMaximum, minItems, maxItems; title,
 * description and $schema are let through. Anything else is an error in the schema, `pattern`,
 * `format` and `multipleOf` too, which the provider would take: a rule is never believed unchecked.
 */
#ifndef CORE_JSON_SCHEMA_H
#define CORE_JSON_SCHEMA_H

#include <stddef.h>

#include <json-c/json_types.h>

#include "core/err.h"
#include "core/json_scan.h"

#define JSON_SCHEMA_DEFS "#/$defs/" /* how a $ref begins that does not mean the root */

/*
 * Read a schema and check that it is within the subset and strict: the root an object, every object
 * closed (additionalProperties false) with all its properties required. *out is the caller's to
 * release with json_object_put(); it is only read afterwards, by any number of threads.
 * 0, or -1 and *err with a JSON pointer into the schema.
 */
int json_schema_load(const char *text, size_t n, struct json_object **out, struct err *err);
/* The same, keeping nothing. */
int json_schema_check(const char *text, size_t n, struct err *err);

/*
 * Does the value, of a text that json_scan() accepted, fit a schema that was loaded? 0, or -1 and
 * *err (ERR_NEVER) with a JSON pointer into the value.
 */
int json_schema_fits(const struct json_object *schema, struct json_span value, struct err *err);
/* The same with pointer and reason apart; fault->offset is that of the place in the value. */
int json_schema_find_fault(const struct json_object *schema, struct json_span value,
			   struct json_fault *fault);
/* Is it a member that the root of the schema has, with a value that fits there? */
bool json_schema_fits_member(const struct json_object *schema, const struct json_member *m);

#endif
