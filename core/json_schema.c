/* SPDX-License-Identifier: ISC */
/*
 * json_schema: see json_schema.h. Here a schema is read and checked; json_schema_fits.c holds
 * values against it, and relies on what is checked here (types of keywords, references that lead
 * somewhere and not in a circle).
 */
#include "core/json_schema.h"

#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "core/json_util.h"
#include "core/limits.h"

/* What the provider allows (structured outputs, strict). */
#define MAX_LEVELS      10
#define MAX_PROPERTIES  5000
#define MAX_ENUM_VALUES 1000
/* References and alternatives that follow one another without a step into the value. */
#define MAX_CHAIN       16
#define MAX_CHAIN_STEPS 10000

static const struct json_rules schema_rules = {
	.depth = JSON_SCAN_DEPTH,
	.keys = 256,
	.number_chars = LIMIT_NUMBER_CHARS,
};

struct check {
	struct json_object *root;
	struct err *err;
	char pointer[JSON_POINTER_SIZE];
	unsigned int level; /* of objects and arrays */
	size_t properties;
	size_t enum_values;
	size_t chain_steps;
};

static int check_node(struct check *c, struct json_object *node);

static int refuse(struct check *c, const char *what)
{
	return err_set(c->err, ERR_NEVER, 0, "schema, at \"%s\": %s", c->pointer, what);
}

static int refuse_keyword(struct check *c, const char *keyword, const char *what)
{
	return err_set(c->err, ERR_NEVER, 0, "schema, at \"%s\": \"%s\" %s", c->pointer, keyword,
		       what);
}

/* Check a schema that lies below: the pointer grows for as long. */
static int check_below(struct check *c, const char *keyword, const char *name,
		       struct json_object *node)
{
	size_t len = strlen(c->pointer);
	int rc;

	json_pointer_add_text(c->pointer, sizeof(c->pointer), keyword);
	if (name != NULL)
		json_pointer_add_text(c->pointer, sizeof(c->pointer), name);
	rc = check_node(c, node);
	c->pointer[len] = '\0';
	return rc;
}

static bool is_type_name(struct json_object *value)
{
	static const char *const names[] = {"string", "number", "integer", "boolean",
					    "object", "array",  "null"};

	if (!json_object_is_type(value, json_type_string))
		return false;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(json_object_get_string(value), names[i]) == 0)
			return true;
	return false;
}

static int check_type(struct check *c, struct json_object *value)
{
	if (is_type_name(value))
		return 0;
	if (!json_object_is_type(value, json_type_array) || json_object_array_length(value) == 0)
		return refuse_keyword(c, "type", "names no type");
	for (size_t i = 0; i < json_object_array_length(value); i++)
		if (!is_type_name(json_object_array_get_idx(value, i)))
			return refuse_keyword(c, "type", "names no type");
	return 0;
}

/* Every value of an object of schemas. */
static int check_each(struct check *c, const char *keyword, struct json_object *value)
{
	struct json_object_iterator it;
	struct json_object_iterator end;

	if (!json_object_is_type(value, json_type_object))
		return refuse_keyword(c, keyword, "must be an object of schemas");
	it = json_object_iter_begin(value);
	end = json_object_iter_end(value);
	for (; !json_object_iter_equal(&it, &end); json_object_iter_next(&it))
		if (check_below(c, keyword, json_object_iter_peek_name(&it),
				json_object_iter_peek_value(&it)) != 0)
			return -1;
	return 0;
}

static int check_properties(struct check *c, struct json_object *value)
{
	int rc;

	if (++c->level > MAX_LEVELS)
		return refuse(c, "more than 10 levels");
	rc = check_each(c, "properties", value);
	c->level--;
	if (rc != 0)
		return -1;
	c->properties += (size_t)json_object_object_length(value);
	return c->properties > MAX_PROPERTIES ? refuse(c, "more than 5000 properties") : 0;
}

static int check_required(struct check *c, struct json_object *value)
{
	if (!json_object_is_type(value, json_type_array))
		return refuse_keyword(c, "required", "must be an array");
	for (size_t i = 0; i < json_object_array_length(value); i++)
		if (!json_object_is_type(json_object_array_get_idx(value, i), json_type_string))
			return refuse_keyword(c, "required", "must hold strings");
	return 0;
}

static int check_additional(struct check *c, struct json_object *value)
{
	if (!json_object_is_type(value, json_type_boolean) || json_object_get_boolean(value))
		return refuse_keyword(c, "additionalProperties", "must be false");
	return 0;
}

static int check_items(struct check *c, struct json_object *value)
{
	int rc;

	if (++c->level > MAX_LEVELS)
		return refuse(c, "more than 10 levels");
	rc = check_below(c, "items", NULL, value);
	c->level--;
	return rc;
}

static int check_any_of(struct check *c, struct json_object *value)
{
	char index[24];

	if (!json_object_is_type(value, json_type_array) || json_object_array_length(value) == 0)
		return refuse_keyword(c, "anyOf", "must be an array of schemas");
	for (size_t i = 0; i < json_object_array_length(value); i++) {
		snprintf(index, sizeof(index), "%zu", i);
		if (check_below(c, "anyOf", index, json_object_array_get_idx(value, i)) != 0)
			return -1;
	}
	return 0;
}

/* Where a reference leads, or NULL. */
static struct json_object *resolve(const struct check *c, struct json_object *ref)
{
	const char *name = json_object_get_string(ref);
	struct json_object *target = NULL;

	if (strcmp(name, "#") == 0)
		return c->root;
	if (strncmp(name, JSON_SCHEMA_DEFS, strlen(JSON_SCHEMA_DEFS)) == 0)
		json_object_object_get_ex(json_get_object(c->root, "$defs"),
					  name + strlen(JSON_SCHEMA_DEFS), &target);
	return target;
}

static int check_ref(struct check *c, struct json_object *value)
{
	if (!json_object_is_type(value, json_type_string) || resolve(c, value) == NULL)
		return refuse_keyword(c, "$ref", "must be \"#\" or lead to \"#/$defs/...\"");
	return 0;
}

static int check_defs(struct check *c, struct json_object *value)
{
	if (c->pointer[0] != '\0')
		return refuse_keyword(c, "$defs", "must stand at the root");
	return check_each(c, "$defs", value);
}

static bool is_scalar(struct json_object *value)
{
	return !json_object_is_type(value, json_type_array) &&
	       !json_object_is_type(value, json_type_object);
}

static int check_enum(struct check *c, struct json_object *value)
{
	size_t n;

	if (!json_object_is_type(value, json_type_array) || json_object_array_length(value) == 0)
		return refuse_keyword(c, "enum", "must be an array that is not empty");
	n = json_object_array_length(value);
	for (size_t i = 0; i < n; i++)
		if (!is_scalar(json_object_array_get_idx(value, i)))
			return refuse_keyword(c, "enum", "must hold no arrays and objects");
	c->enum_values += n;
	return c->enum_values > MAX_ENUM_VALUES ? refuse(c, "more than 1000 enum values") : 0;
}

static int check_const(struct check *c, struct json_object *value)
{
	return is_scalar(value) ? 0 : refuse_keyword(c, "const", "must be no array or object");
}

static int check_bound(struct check *c, struct json_object *value)
{
	if (!json_object_is_type(value, json_type_int) &&
	    !json_object_is_type(value, json_type_double))
		return refuse(c, "a bound must be a number");
	return 0;
}

static int check_size(struct check *c, struct json_object *value)
{
	if (!json_object_is_type(value, json_type_int) || json_object_get_int64(value) < 0)
		return refuse(c, "a number of items must be a whole number from 0");
	return 0;
}

static int check_annotation(struct check *c, struct json_object *value)
{
	if (!json_object_is_type(value, json_type_string))
		return refuse(c, "title, description and $schema must be strings");
	return 0;
}

/* clang-format off */
static const struct keyword {
	const char *name;
	int (*check)(struct check *c, struct json_object *value);
} keywords[] = {
	{ "$defs", check_defs },
	{ "$ref", check_ref },
	{ "$schema", check_annotation },
	{ "additionalProperties", check_additional },
	{ "anyOf", check_any_of },
	{ "const", check_const },
	{ "description", check_annotation },
	{ "enum", check_enum },
	{ "exclusiveMaximum", check_bound },
	{ "exclusiveMinimum", check_bound },
	{ "items", check_items },
	{ "maxItems", check_size },
	{ "maximum", check_bound },
	{ "minItems", check_size },
	{ "minimum", check_bound },
	{ "properties", check_properties },
	{ "required", check_required },
	{ "title", check_annotation },
	{ "type", check_type },
};
/* clang-format on */

static const struct keyword *keyword_find(const char *name)
{
	for (size_t i = 0; i < sizeof(keywords) / sizeof(keywords[0]); i++)
		if (strcmp(keywords[i].name, name) == 0)
			return &keywords[i];
	return NULL;
}

static bool has_type(struct json_object *node, const char *type)
{
	struct json_object *value = NULL;

	json_object_object_get_ex(node, "type", &value);
	if (json_object_is_type(value, json_type_string))
		return strcmp(json_object_get_string(value), type) == 0;
	for (size_t i = 0; value != NULL && i < json_object_array_length(value); i++)
		if (strcmp(json_object_get_string(json_object_array_get_idx(value, i)), type) == 0)
			return true;
	return false;
}

static bool has_key(struct json_object *node, const char *key)
{
	return json_object_object_get_ex(node, key, NULL);
}

/* An object must be closed, and its `required` name exactly its properties. */
static int check_closed(struct check *c, struct json_object *node)
{
	struct json_object *properties = json_get_object(node, "properties");
	struct json_object *required = json_get_array(node, "required");

	if (!has_key(node, "additionalProperties"))
		return refuse(c, "an object needs \"additionalProperties\": false");
	if (properties == NULL || required == NULL)
		return refuse(c, "an object needs \"properties\" and \"required\"");
	for (size_t i = 0; i < json_object_array_length(required); i++) {
		const char *name = json_object_get_string(json_object_array_get_idx(required, i));

		if (!has_key(properties, name))
			return refuse_keyword(c, name, "is required, but no property");
		for (size_t k = 0; k < i; k++)
			if (strcmp(json_object_get_string(json_object_array_get_idx(required, k)),
				   name) == 0)
				return refuse_keyword(c, name, "is required twice");
	}
	if (json_object_array_length(required) != (size_t)json_object_object_length(properties))
		return refuse(c, "every property must be in \"required\"");
	return 0;
}

/* What concerns several keywords of one schema. */
static int check_together(struct check *c, struct json_object *node)
{
	bool object = has_type(node, "object");

	if (!has_key(node, "type") && !has_key(node, "anyOf") && !has_key(node, "$ref") &&
	    !has_key(node, "enum") && !has_key(node, "const"))
		return refuse(c, "a schema needs \"type\", \"anyOf\" or \"$ref\"");
	if (c->pointer[0] == '\0' && (!object || has_key(node, "anyOf")))
		return refuse(c, "the root must be of type object, without \"anyOf\"");
	if (has_type(node, "array") && !has_key(node, "items"))
		return refuse(c, "an array needs \"items\"");
	if (object || has_key(node, "properties"))
		return check_closed(c, node);
	return 0;
}

static int check_node(struct check *c, struct json_object *node)
{
	struct json_object_iterator it;
	struct json_object_iterator end;
	const struct keyword *keyword;
	const char *name;

	if (!json_object_is_type(node, json_type_object))
		return refuse(c, "a schema must be an object");
	it = json_object_iter_begin(node);
	end = json_object_iter_end(node);
	for (; !json_object_iter_equal(&it, &end); json_object_iter_next(&it)) {
		name = json_object_iter_peek_name(&it);
		keyword = keyword_find(name);
		if (keyword == NULL)
			return refuse_keyword(c, name, "is not supported");
		if (has_key(node, "$ref") && keyword->check != check_ref &&
		    keyword->check != check_annotation)
			return refuse_keyword(c, name, "must not stand beside $ref");
		if (keyword->check(c, json_object_iter_peek_value(&it)) != 0)
			return -1;
	}
	return check_together(c, node);
}

/* Follow what a value is held against before any step into it. It must come to an end. */
static int check_chain(struct check *c, struct json_object *node, unsigned int length)
{
	struct json_object *ref = NULL;
	struct json_object *any_of = json_get_array(node, "anyOf");

	if (length > MAX_CHAIN || c->chain_steps++ > MAX_CHAIN_STEPS)
		return refuse(c, "references that lead in a circle, or too far");
	if (json_object_object_get_ex(node, "$ref", &ref))
		return check_chain(c, resolve(c, ref), length + 1);
	for (size_t i = 0; any_of != NULL && i < json_object_array_length(any_of); i++)
		if (check_chain(c, json_object_array_get_idx(any_of, i), length + 1) != 0)
			return -1;
	return 0;
}

static int check_chains(struct check *c)
{
	struct json_object *defs = json_get_object(c->root, "$defs");
	struct json_object_iterator it;
	struct json_object_iterator end;

	if (defs == NULL)
		return 0;
	it = json_object_iter_begin(defs);
	end = json_object_iter_end(defs);
	for (; !json_object_iter_equal(&it, &end); json_object_iter_next(&it)) {
		snprintf(c->pointer, sizeof(c->pointer), "/$defs");
		json_pointer_add_text(c->pointer, sizeof(c->pointer),
				      json_object_iter_peek_name(&it));
		if (check_chain(c, json_object_iter_peek_value(&it), 0) != 0)
			return -1;
	}
	return 0;
}

int json_schema_load(const char *text, size_t n, struct json_object **out, struct err *err)
{
	struct check c = {.err = err};

	if (n > LIMIT_SCHEMA_BYTES)
		return err_set(err, ERR_NEVER, 0, "schema: longer than %u bytes",
			       LIMIT_SCHEMA_BYTES);
	if (json_parse(text, n, &schema_rules, &c.root, err) != 0)
		return err_prefix(err, "schema");
	if (check_node(&c, c.root) != 0 || check_chains(&c) != 0) {
		json_object_put(c.root);
		return -1;
	}
	*out = c.root;
	return 0;
}

int json_schema_check(const char *text, size_t n, struct err *err)
{
	struct json_object *root = NULL;

	if (json_schema_load(text, n, &root, err) != 0)
		return -1;
	json_object_put(root);
	return 0;
}
