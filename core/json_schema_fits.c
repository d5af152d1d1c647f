/* SPDX-License-Identifier: ISC */
/*
 * json_schema_fits: hold a value's text against a loaded schema. Declared in json_schema.h.
 *
 * The text is walked, not parsed to a tree, so that numbers keep their digits. The schema
 * was checked when it was loaded; the value was scanned, and its author is a stranger:
 * depth and work are bounded.
 */
#include "core/json_schema.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/limits.h"

#define WORK_PER_BYTE    200 /* how often a byte of the value may be walked over, on average */
#define WORK_AT_LEAST    100000
#define MAX_NUMBER_CHARS 400 /* a double with all its digits has fewer */

struct fit {
	const struct json_object *root;
	const char *start;
	struct json_fault *fault;
	char pointer[JSON_POINTER_SIZE];
	size_t work; /* what is left of the bytes to walk over and schemas to try */
	unsigned int depth;
};

static int fit_node(struct fit *f, const struct json_object *node, struct json_span value);

static int refuse(struct fit *f, struct json_span value, const char *what)
{
	f->fault->offset = (size_t)(value.p - f->start);
	memcpy(f->fault->pointer, f->pointer, sizeof(f->pointer));
	snprintf(f->fault->what, sizeof(f->fault->what), "%s", what);
	return -1;
}

static struct json_object *keyword(const struct json_object *node, const char *name)
{
	struct json_object *value = NULL;

	json_object_object_get_ex(node, name, &value);
	return value;
}

/* False where the number has more characters than any sensible one. */
static bool number_of(struct json_span value, double *out)
{
	char text[MAX_NUMBER_CHARS + 1];

	if (value.n > MAX_NUMBER_CHARS)
		return false;
	memcpy(text, value.p, value.n);
	text[value.n] = '\0';
	*out = strtod(text, NULL);
	return true;
}

/* 1.0 and 1e3 are whole numbers too. */
static bool is_whole(struct json_span value)
{
	double d;

	if (memchr(value.p, '.', value.n) == NULL && memchr(value.p, 'e', value.n) == NULL &&
	    memchr(value.p, 'E', value.n) == NULL)
		return true;
	if (!number_of(value, &d))
		return false;
	return d < -9e15 || d > 9e15 || (double)(int64_t)d == d;
}

static bool is_of_type(struct json_span value, const char *type)
{
	switch (json_kind_of(value)) {
	case JSON_KIND_NULL:
		return strcmp(type, "null") == 0;
	case JSON_KIND_BOOL:
		return strcmp(type, "boolean") == 0;
	case JSON_KIND_NUMBER:
		return strcmp(type, "number") == 0 ||
		       (strcmp(type, "integer") == 0 && is_whole(value));
	case JSON_KIND_STRING:
		return strcmp(type, "string") == 0;
	case JSON_KIND_ARRAY:
		return strcmp(type, "array") == 0;
	case JSON_KIND_OBJECT:
		return strcmp(type, "object") == 0;
	case JSON_KIND_COUNT:
		break;
	}
	return false;
}

static int fit_type(struct fit *f, struct json_object *type, struct json_span value)
{
	char what[128];

	if (json_object_is_type(type, json_type_string)) {
		if (is_of_type(value, json_object_get_string(type)))
			return 0;
		snprintf(what, sizeof(what), "must be of type %s, is %s",
			 json_object_get_string(type), json_kind_name(json_kind_of(value)));
		return refuse(f, value, what);
	}
	for (size_t i = 0; i < json_object_array_length(type); i++)
		if (is_of_type(value, json_object_get_string(json_object_array_get_idx(type, i))))
			return 0;
	return refuse(f, value, "is of none of the types that are allowed here");
}

static bool equals(struct json_object *wanted, struct json_span value)
{
	enum json_kind kind = json_kind_of(value);
	double d;

	switch (json_object_get_type(wanted)) {
	case json_type_null:
		return kind == JSON_KIND_NULL;
	case json_type_boolean:
		return kind == JSON_KIND_BOOL &&
		       (*value.p == 't') == json_object_get_boolean(wanted);
	case json_type_string:
		return kind == JSON_KIND_STRING &&
		       json_string_equals(value, json_object_get_string(wanted),
					  (size_t)json_object_get_string_len(wanted));
	case json_type_int:
	case json_type_double:
		return kind == JSON_KIND_NUMBER && number_of(value, &d) &&
		       d == json_object_get_double(wanted);
	case json_type_object:
	case json_type_array:
		break;
	}
	return false;
}

static int fit_enum(struct fit *f, struct json_object *values, struct json_span value)
{
	for (size_t i = 0; i < json_object_array_length(values); i++)
		if (equals(json_object_array_get_idx(values, i), value))
			return 0;
	return refuse(f, value, "is none of the values that are allowed here");
}

static int fit_number(struct fit *f, const struct json_object *node, struct json_span value)
{
	struct json_object *bound;
	double d;

	if (!number_of(value, &d))
		return refuse(f, value, "is a number of too many digits");
	if ((bound = keyword(node, "minimum")) != NULL && d < json_object_get_double(bound))
		return refuse(f, value, "is below the minimum");
	if ((bound = keyword(node, "maximum")) != NULL && d > json_object_get_double(bound))
		return refuse(f, value, "is above the maximum");
	if ((bound = keyword(node, "exclusiveMinimum")) != NULL &&
	    d <= json_object_get_double(bound))
		return refuse(f, value, "is not above the exclusive minimum");
	if ((bound = keyword(node, "exclusiveMaximum")) != NULL &&
	    d >= json_object_get_double(bound))
		return refuse(f, value, "is not below the exclusive maximum");
	return 0;
}

/* Hold a member's or an element's value against its schema, one level down. */
static int fit_below(struct fit *f, const struct json_object *node, const struct json_member *m)
{
	size_t len = strlen(f->pointer);
	int rc;

	if (f->depth == JSON_SCAN_DEPTH)
		return refuse(f, m->value, "is nested too deep");
	if (m->key.n != 0)
		json_pointer_add_key(f->pointer, sizeof(f->pointer), m->key);
	else
		json_pointer_add_index(f->pointer, sizeof(f->pointer), m->index);
	f->depth++;
	rc = fit_node(f, node, m->value);
	f->depth--;
	f->pointer[len] = '\0';
	return rc;
}

static int fit_array(struct fit *f, const struct json_object *node, struct json_span value)
{
	struct json_object *items = keyword(node, "items");
	struct json_object *bound;
	struct json_walk w;
	struct json_member m;

	json_walk_begin(&w, value);
	while (json_walk_next(&w, &m))
		if (items != NULL && fit_below(f, items, &m) != 0)
			return -1;
	if ((bound = keyword(node, "minItems")) != NULL &&
	    w.index < (uint64_t)json_object_get_int64(bound))
		return refuse(f, value, "has too few items");
	if ((bound = keyword(node, "maxItems")) != NULL &&
	    w.index > (uint64_t)json_object_get_int64(bound))
		return refuse(f, value, "has too many items");
	return 0;
}

/* The schema of the property of this name, or NULL. */
static struct json_object *property(struct json_object *properties, struct json_span key)
{
	struct json_object_iterator it = json_object_iter_begin(properties);
	struct json_object_iterator end = json_object_iter_end(properties);

	for (; !json_object_iter_equal(&it, &end); json_object_iter_next(&it)) {
		const char *name = json_object_iter_peek_name(&it);

		if (json_string_equals(key, name, strlen(name)))
			return json_object_iter_peek_value(&it);
	}
	return NULL;
}

/* Take the work from what is left of it. */
static int spend(struct fit *f, struct json_span value, size_t work)
{
	if (work < f->work) {
		f->work -= work;
		return 0;
	}
	f->work = 0;
	return refuse(f, value, "is too much work to check");
}

/* All properties are required, and no others allowed: json_schema_load() saw to that. */
static int fit_object(struct fit *f, const struct json_object *node, struct json_span value)
{
	struct json_object *properties = keyword(node, "properties");
	struct json_object *required = keyword(node, "required");
	struct json_object *schema;
	struct json_walk w;
	struct json_member m;
	char what[128];

	if (properties == NULL)
		return 0;
	json_walk_begin(&w, value);
	while (json_walk_next(&w, &m)) {
		schema = property(properties, m.key);
		if (schema == NULL) {
			json_pointer_add_key(f->pointer, sizeof(f->pointer), m.key);
			return refuse(f, m.key, "is a key that is not allowed here");
		}
		if (fit_below(f, schema, &m) != 0)
			return -1;
	}
	for (size_t i = 0; i < json_object_array_length(required); i++) {
		const char *name = json_object_get_string(json_object_array_get_idx(required, i));

		if (!json_find(value, name, &m)) {
			snprintf(what, sizeof(what), "lacks the key \"%s\"", name);
			return refuse(f, value, what);
		}
	}
	if (w.index > json_object_array_length(required))
		return refuse(f, value, "has a key twice");
	return 0;
}

/* One alternative must fit; else the fault of the one that came farthest is told. */
static int fit_any_of(struct fit *f, struct json_object *schemas, struct json_span value)
{
	size_t len = strlen(f->pointer);
	struct json_fault farthest = {.offset = 0};

	for (size_t i = 0; i < json_object_array_length(schemas); i++) {
		if (fit_node(f, json_object_array_get_idx(schemas, i), value) == 0)
			return 0;
		f->pointer[len] = '\0';
		if (f->work == 0)
			return -1;
		if (i == 0 || f->fault->offset > farthest.offset)
			farthest = *f->fault;
	}
	*f->fault = farthest;
	return -1;
}

static const struct json_object *resolve(const struct json_object *root, struct json_object *ref)
{
	const char *name = json_object_get_string(ref);

	if (strcmp(name, "#") == 0)
		return root;
	return keyword(keyword(root, "$defs"), name + strlen(JSON_SCHEMA_DEFS));
}

static int fit_node(struct fit *f, const struct json_object *node, struct json_span value)
{
	struct json_object *k;

	while ((k = keyword(node, "$ref")) != NULL)
		node = resolve(f->root, k);
	if (spend(f, value, 1) != 0)
		return -1;
	if ((k = keyword(node, "anyOf")) != NULL && fit_any_of(f, k, value) != 0)
		return -1;
	if ((k = keyword(node, "type")) != NULL && fit_type(f, k, value) != 0)
		return -1;
	if ((k = keyword(node, "enum")) != NULL && fit_enum(f, k, value) != 0)
		return -1;
	if (json_object_object_get_ex(node, "const", &k) && !equals(k, value))
		return refuse(f, value, "is not the one value that is allowed here");
	switch (json_kind_of(value)) {
	case JSON_KIND_NUMBER:
		return fit_number(f, node, value);
	case JSON_KIND_ARRAY:
		return spend(f, value, value.n) != 0 ? -1 : fit_array(f, node, value);
	case JSON_KIND_OBJECT:
		return spend(f, value, value.n) != 0 ? -1 : fit_object(f, node, value);
	case JSON_KIND_NULL:
	case JSON_KIND_BOOL:
	case JSON_KIND_STRING:
	case JSON_KIND_COUNT:
		break;
	}
	return 0;
}

/* With work for a value of that size. */
static struct fit fit_begin(const struct json_object *schema, struct json_span value,
			    struct json_fault *fault)
{
	return (struct fit){.root = schema,
			    .start = value.p,
			    .fault = fault,
			    .work = WORK_AT_LEAST + value.n * WORK_PER_BYTE};
}

int json_schema_find_fault(const struct json_object *schema, struct json_span value,
			   struct json_fault *fault)
{
	struct fit f = fit_begin(schema, value, fault);

	return fit_node(&f, schema, value);
}

bool json_schema_fits_member(const struct json_object *schema, const struct json_member *m)
{
	const struct json_object *node = property(keyword(schema, "properties"), m->key);
	struct json_fault fault;
	struct fit f = fit_begin(schema, m->value, &fault);

	return node != NULL && fit_node(&f, node, m->value) == 0;
}

int json_schema_fits(const struct json_object *schema, struct json_span value, struct err *err)
{
	struct json_fault fault;

	if (json_schema_find_fault(schema, value, &fault) == 0)
		return 0;
	return err_set(err, ERR_NEVER, 0, "at \"%s\": the value %s", fault.pointer, fault.what);
}
