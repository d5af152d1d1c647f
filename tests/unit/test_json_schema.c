/* SPDX-License-Identifier: ISC */
/* json_schema: which schemas are within the subset, and which values fit them. */
#include "tests/unit/check.h"

#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "core/json_schema.h"
#include "core/limits.h"
#include "core/strbuf.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* An object of one property `x`, whose schema this is. */
#define ONE(x)                                                                                              \
	"{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"x\"],\"properties\":{\"x\":" x \
	"}}"
#define ONE_WITH(x, defs)                                                                                   \
	"{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"x\"],\"properties\":{\"x\":" x \
	"},\"$defs\":" defs "}"
#define EMPTY \
	"{\"type\":\"object\",\"additionalProperties\":false,\"required\":[],\"properties\":{}}"

static const char lot_schema[] =
	"{\"$schema\":\"http://json-schema.org/draft-07/schema#\",\"title\":\"lot\",\"type\":\"object\","
	"\"additionalProperties\":false,\"required\":[\"title\",\"period\",\"materials\",\"condition\"],"
	"\"properties\":{\"title\":{\"type\":\"string\",\"description\":\"short\"},"
	"\"period\":{\"type\":[\"string\",\"null\"]},"
	"\"materials\":{\"type\":\"array\",\"items\":{\"type\":\"string\"},\"minItems\":1,\"maxItems\":3},"
	"\"condition\":{\"anyOf\":[{\"$ref\":\"#/$defs/condition\"},{\"type\":\"null\"}]}},"
	"\"$defs\":{\"condition\":{\"type\":\"object\",\"additionalProperties\":false,"
	"\"required\":[\"grade\",\"faults\"],\"properties\":{"
	"\"grade\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":5},"
	"\"faults\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}}}}}}";

/* clang-format off */
static const char *const good_schemas[] = {
	lot_schema,
	EMPTY,
	ONE("{\"type\":\"string\"}"),
	ONE("{\"type\":[\"string\",\"number\",\"integer\",\"boolean\",\"null\"]}"),
	ONE("{\"type\":\"string\",\"enum\":[\"a\",\"b\"]}"),
	ONE("{\"enum\":[1,2.5,null,true,\"x\"]}"),
	ONE(ONE(ONE(ONE(ONE(ONE(ONE(ONE(ONE(EMPTY))))))))),
	ONE("{\"type\":\"array\",\"items\":" ONE(ONE(ONE(ONE(ONE(ONE(ONE("{\"type\":\"array\",\"items\":{\"type\":\"null\"}}"))))))) "}"),
	ONE("{\"const\":null}"),
	ONE("{\"type\":\"array\",\"items\":{\"type\":\"null\"},\"minItems\":0,\"maxItems\":0}"),
	ONE("{\"type\":\"number\",\"exclusiveMinimum\":0,\"exclusiveMaximum\":1.5}"),
	ONE("{\"type\":\"array\",\"items\":" ONE("{\"type\":\"null\"}") "}"),
	ONE("{\"type\":\"array\",\"items\":{\"$ref\":\"#\"}}"),
	ONE("{\"$ref\":\"#\",\"description\":\"again\"}"),
	ONE_WITH("{\"$ref\":\"#/$defs/a\"}", "{\"a\":{\"$ref\":\"#/$defs/b\"},\"b\":{\"type\":\"string\"}}"),
	ONE_WITH("{\"$ref\":\"#/$defs/n\"}", "{\"n\":{\"anyOf\":[{\"type\":\"null\"}," ONE("{\"$ref\":\"#/$defs/n\"}") "]}}"),
};

static const struct {
	const char *schema;
	const char *error;	/* what its text must have in it */
} bad_schemas[] = {
	{ "", "byte 0" },
	{ "{\"type\":\"object\",\"type\":\"object\"}", "a key that its object has already" },
	{ "true", "must be an object" },
	{ "null", "must be an object" },
	{ "{}", "needs \"type\"" },
	{ "{\"type\":\"string\"}", "root must be of type object" },
	{ "{\"type\":[\"string\",\"null\"]}", "root must be of type object" },
	{ "{\"anyOf\":[" EMPTY "]}", "root must be of type object" },
	{ "{\"type\":\"object\"}", "additionalProperties" },
	{ "{\"type\":\"object\",\"additionalProperties\":false}", "needs \"properties\"" },
	{ "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{}}", "needs \"properties\" and \"required\"" },
	{ "{\"type\":\"object\",\"additionalProperties\":true,\"properties\":{},\"required\":[]}", "must be false" },
	{ "{\"type\":\"object\",\"additionalProperties\":{},\"properties\":{},\"required\":[]}", "must be false" },
	{ "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":[],\"required\":[]}", "object of schemas" },
	{ "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{\"a\":{\"type\":\"null\"}},\"required\":[]}", "every property" },
	{ "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{},\"required\":[\"a\"]}", "\"a\" is required, but" },
	{ "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{\"a\":{\"type\":\"null\"}},\"required\":[\"a\",\"a\"]}", "twice" },
	{ "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{},\"required\":{}}", "must be an array" },
	{ "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{},\"required\":[1]}", "must hold strings" },
	{ ONE("{}"), "at \"/properties/x\": a schema needs" },
	{ ONE("true"), "at \"/properties/x\": a schema must be an object" },
	{ ONE("{\"type\":\"str\"}"), "names no type" },
	{ ONE("{\"type\":[]}"), "names no type" },
	{ ONE("{\"type\":[\"string\",1]}"), "names no type" },
	{ ONE("{\"type\":null}"), "names no type" },
	{ ONE("{\"type\":\"array\"}"), "needs \"items\"" },
	{ ONE("{\"type\":\"array\",\"items\":[{\"type\":\"null\"}]}"), "at \"/properties/x/items\": a schema must be" },
	{ ONE("{\"type\":\"array\",\"items\":{\"type\":\"array\"}}"), "at \"/properties/x/items\": an array needs" },
	{ ONE("{\"properties\":{},\"type\":\"string\"}"), "additionalProperties" },
	{ ONE("{\"type\":\"string\",\"pattern\":\"a\"}"), "\"pattern\" is not supported" },
	{ ONE("{\"type\":\"string\",\"format\":\"date\"}"), "\"format\" is not supported" },
	{ ONE("{\"type\":\"string\",\"minLength\":1}"), "\"minLength\" is not supported" },
	{ ONE("{\"type\":\"number\",\"multipleOf\":2}"), "\"multipleOf\" is not supported" },
	{ ONE("{\"oneOf\":[{\"type\":\"null\"}]}"), "\"oneOf\" is not supported" },
	{ ONE("{\"allOf\":[{\"type\":\"null\"}]}"), "\"allOf\" is not supported" },
	{ ONE("{\"not\":{\"type\":\"null\"}}"), "\"not\" is not supported" },
	{ ONE("{\"type\":\"string\",\"default\":\"a\"}"), "\"default\" is not supported" },
	{ ONE("{\"type\":\"string\",\"title\":1}"), "must be strings" },
	{ ONE("{\"anyOf\":[]}"), "array of schemas" },
	{ ONE("{\"anyOf\":{}}"), "array of schemas" },
	{ ONE("{\"anyOf\":[{\"type\":\"null\"},{\"type\":\"x\"}]}"), "at \"/properties/x/anyOf/1\"" },
	{ ONE("{\"enum\":[]}"), "not empty" },
	{ ONE("{\"enum\":\"a\"}"), "not empty" },
	{ ONE("{\"enum\":[[]]}"), "no arrays" },
	{ ONE("{\"const\":{}}"), "no array or object" },
	{ ONE("{\"type\":\"number\",\"minimum\":\"1\"}"), "must be a number" },
	{ ONE("{\"type\":\"array\",\"items\":{\"type\":\"null\"},\"minItems\":-1}"), "whole number" },
	{ ONE("{\"type\":\"array\",\"items\":{\"type\":\"null\"},\"maxItems\":1.5}"), "whole number" },
	{ ONE("{\"$ref\":1}"), "$ref" },
	{ ONE("{\"$ref\":\"#/$defs/a\"}"), "$ref" },
	{ ONE("{\"$ref\":\"#/definitions/a\"}"), "$ref" },
	{ ONE("{\"$ref\":\"http://h/\"}"), "$ref" },
	{ ONE("{\"$ref\":\"\"}"), "$ref" },
	{ ONE("{\"$ref\":\"#\",\"type\":\"object\"}"), "beside $ref" },
	{ ONE("{\"type\":\"null\",\"$defs\":{}}"), "at the root" },
	{ ONE_WITH("{\"type\":\"null\"}", "[]"), "object of schemas" },
	{ ONE_WITH("{\"type\":\"null\"}", "{\"a\":{\"type\":\"x\"}}"), "at \"/$defs/a\"" },
	{ ONE_WITH("{\"$ref\":\"#/$defs/a\"}", "{\"a\":{\"$ref\":\"#/$defs/a\"}}"), "circle" },
	{ ONE_WITH("{\"$ref\":\"#/$defs/a\"}", "{\"a\":{\"anyOf\":[{\"type\":\"null\"},{\"$ref\":\"#/$defs/b\"}]},\"b\":{\"$ref\":\"#/$defs/a\"}}"), "circle" },
	{ ONE(ONE(ONE(ONE(ONE(ONE(ONE(ONE(ONE(ONE(EMPTY)))))))))), "more than 10 levels" },
	{ ONE("{\"type\":\"array\",\"items\":" ONE(ONE(ONE(ONE(ONE(ONE(ONE(ONE("{\"type\":\"array\",\"items\":{\"type\":\"null\"}}")))))))) "}"),
	  "more than 10 levels" },
};

static const struct {
	const char *schema;
	const char *value;
	const char *pointer;	/* NULL: it fits */
	const char *what;
} values[] = {
	{ lot_schema, "{\"title\":\"T\",\"period\":null,\"materials\":[\"a\"],\"condition\":null}", NULL, NULL },
	{ lot_schema, "{\"condition\":{\"faults\":[\"chip\"],\"grade\":5},\"materials\":[\"a\",\"b\",\"c\"],\"period\":\"1900\",\"title\":\"\"}", NULL, NULL },
	{ lot_schema, "{\"\\u0074itle\":\"T\",\"period\":null,\"materials\":[\"a\"],\"condition\":null}", NULL, NULL },
	{ lot_schema, "[]", "", "must be of type object, is an array" },
	{ lot_schema, "null", "", "must be of type object, is null" },
	{ lot_schema, "{\"title\":1,\"period\":null,\"materials\":[\"a\"],\"condition\":null}", "/title", "must be of type string, is a number" },
	{ lot_schema, "{\"title\":\"T\",\"period\":1,\"materials\":[\"a\"],\"condition\":null}", "/period", "none of the types" },
	{ lot_schema, "{\"title\":\"T\",\"period\":null,\"materials\":[],\"condition\":null}", "/materials", "too few" },
	{ lot_schema, "{\"title\":\"T\",\"period\":null,\"materials\":[\"a\",\"b\",\"c\",\"d\"],\"condition\":null}", "/materials", "too many" },
	{ lot_schema, "{\"title\":\"T\",\"period\":null,\"materials\":[\"a\",2],\"condition\":null}", "/materials/1", "type string" },
	{ lot_schema, "{\"title\":\"T\",\"period\":null,\"materials\":[\"a\"]}", "", "lacks the key \"condition\"" },
	{ lot_schema, "{\"title\":\"T\",\"period\":null,\"materials\":[\"a\"],\"condition\":null,\"x/y\":1}", "/x~1y", "not allowed" },
	{ lot_schema, "{\"title\":\"T\",\"title\":\"T\",\"period\":null,\"materials\":[\"a\"],\"condition\":null}", "", "twice" },
	{ lot_schema, "{\"title\":\"T\",\"period\":null,\"materials\":[\"a\"],\"condition\":{\"grade\":6,\"faults\":[]}}", "/condition/grade", "above the maximum" },
	{ lot_schema, "{\"title\":\"T\",\"period\":null,\"materials\":[\"a\"],\"condition\":{\"grade\":0,\"faults\":[]}}", "/condition/grade", "below the minimum" },
	{ lot_schema, "{\"title\":\"T\",\"period\":null,\"materials\":[\"a\"],\"condition\":7}", "/condition", "type object" },
	{ EMPTY, "{}", NULL, NULL },
	{ EMPTY, "{\"a\":1}", "/a", "not allowed" },
	{ ONE("{\"type\":\"integer\"}"), "{\"x\":1}", NULL, NULL },
	{ ONE("{\"type\":\"integer\"}"), "{\"x\":-1.0}", NULL, NULL },
	{ ONE("{\"type\":\"integer\"}"), "{\"x\":1e3}", NULL, NULL },
	{ ONE("{\"type\":\"integer\"}"), "{\"x\":1E300}", NULL, NULL },
	{ ONE("{\"type\":\"integer\"}"), "{\"x\":123456789012345678901234567890}", NULL, NULL },
	{ ONE("{\"type\":\"integer\"}"), "{\"x\":1.5}", "/x", "type integer" },
	{ ONE("{\"type\":\"integer\"}"), "{\"x\":true}", "/x", "type integer" },
	{ ONE("{\"type\":\"number\"}"), "{\"x\":1.5}", NULL, NULL },
	{ ONE("{\"type\":\"number\"}"), "{\"x\":\"1.5\"}", "/x", "type number" },
	{ ONE("{\"type\":\"boolean\"}"), "{\"x\":false}", NULL, NULL },
	{ ONE("{\"type\":\"boolean\"}"), "{\"x\":0}", "/x", "type boolean" },
	{ ONE("{\"type\":\"null\"}"), "{\"x\":null}", NULL, NULL },
	{ ONE("{\"type\":\"null\"}"), "{\"x\":\"None\"}", "/x", "type null" },
	{ ONE("{\"type\":\"array\",\"items\":{\"type\":\"null\"}}"), "{\"x\":{}}", "/x", "type array" },
	{ ONE("{\"enum\":[1,2.5,null,true,\"x\"]}"), "{\"x\":1.0}", NULL, NULL },
	{ ONE("{\"enum\":[1,2.5,null,true,\"x\"]}"), "{\"x\":25e-1}", NULL, NULL },
	{ ONE("{\"enum\":[1,2.5,null,true,\"x\"]}"), "{\"x\":null}", NULL, NULL },
	{ ONE("{\"enum\":[1,2.5,null,true,\"x\"]}"), "{\"x\":true}", NULL, NULL },
	{ ONE("{\"enum\":[1,2.5,null,true,\"x\"]}"), "{\"x\":\"\\u0078\"}", NULL, NULL },
	{ ONE("{\"enum\":[1,2.5,null,true,\"x\"]}"), "{\"x\":false}", "/x", "none of the values" },
	{ ONE("{\"enum\":[1,2.5,null,true,\"x\"]}"), "{\"x\":\"1\"}", "/x", "none of the values" },
	{ ONE("{\"enum\":[1,2.5,null,true,\"x\"]}"), "{\"x\":[]}", "/x", "none of the values" },
	{ ONE("{\"const\":null}"), "{\"x\":null}", NULL, NULL },
	{ ONE("{\"const\":null}"), "{\"x\":0}", "/x", "not the one value" },
	{ ONE("{\"const\":\"a\"}"), "{\"x\":\"a\"}", NULL, NULL },
	{ ONE("{\"type\":\"number\",\"exclusiveMinimum\":0,\"exclusiveMaximum\":1.5}"), "{\"x\":1}", NULL, NULL },
	{ ONE("{\"type\":\"number\",\"exclusiveMinimum\":0,\"exclusiveMaximum\":1.5}"), "{\"x\":0}", "/x", "not above" },
	{ ONE("{\"type\":\"number\",\"exclusiveMinimum\":0,\"exclusiveMaximum\":1.5}"), "{\"x\":1.5}", "/x", "not below" },
	{ ONE("{\"type\":\"array\",\"items\":{\"$ref\":\"#\"}}"), "{\"x\":[{\"x\":[]},{\"x\":[{\"x\":[]}]}]}", NULL, NULL },
	{ ONE("{\"type\":\"array\",\"items\":{\"$ref\":\"#\"}}"), "{\"x\":[{\"x\":[]},{\"x\":[{\"x\":7}]}]}", "/x/1/x/0/x", "type array" },
	{ ONE("{\"anyOf\":[{\"type\":\"string\"},{\"type\":\"number\"}]}"), "{\"x\":1}", NULL, NULL },
	{ ONE("{\"anyOf\":[{\"type\":\"null\"}," ONE("{\"type\":\"string\"}") "]}"), "{\"x\":{\"x\":1}}", "/x/x", "type string" },
	{ ONE("{\"anyOf\":[" ONE("{\"type\":\"string\"}") ",{\"type\":\"null\"}]}"), "{\"x\":{\"x\":1}}", "/x/x", "type string" },
};
/* clang-format on */

static struct json_object *load(const char *text)
{
	struct json_object *schema = NULL;
	struct err err;

	if (json_schema_load(text, strlen(text), &schema, &err) != 0)
		fail_msg("%s", err.text);
	return schema;
}

static void strict_schemas_are_accepted(void **state)
{
	struct err err;

	(void)state;
	for (size_t i = 0; i < COUNT(good_schemas); i++)
		if (json_schema_check(good_schemas[i], strlen(good_schemas[i]), &err) != 0)
			fail_msg("%s: %s", good_schemas[i], err.text);
}

static void other_schemas_are_refused_with_the_place(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(bad_schemas); i++) {
		struct err err;

		if (json_schema_check(bad_schemas[i].schema, strlen(bad_schemas[i].schema), &err) !=
		    -1)
			fail_msg("accepted: %s", bad_schemas[i].schema);
		if (strstr(err.text, bad_schemas[i].error) == NULL)
			fail_msg("%s: %s", bad_schemas[i].schema, err.text);
		assert_int_equal(err.class, ERR_NEVER);
		assert_memory_equal(err.text, "schema", 6);
	}
}

static void values_fit_or_the_place_is_told(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(values); i++) {
		struct json_object *schema = load(values[i].schema);
		struct json_span value = {values[i].value, strlen(values[i].value)};
		struct json_fault fault = {.what = "fits"};
		struct err err = {.text = "fits"};
		int rc = json_schema_find_fault(schema, value, &fault);

		if (rc != (values[i].pointer == NULL ? 0 : -1))
			fail_msg("%s: %s", values[i].value, fault.what);
		assert_int_equal(json_schema_fits(schema, value, &err), rc);
		if (rc != 0 && (strcmp(fault.pointer, values[i].pointer) != 0 ||
				strstr(fault.what, values[i].what) == NULL))
			fail_msg("%s: %s at %s", values[i].value, fault.what, fault.pointer);
		if (rc != 0)
			assert_non_null(strstr(err.text, fault.what));
		json_object_put(schema);
	}
}

static void limits_of_the_provider_hold(void **state)
{
	struct strbuf b;
	struct err err;

	(void)state;
	strbuf_init(&b, 10 * LIMIT_SCHEMA_BYTES);
	strbuf_adds(&b, "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"x\"],"
			"\"properties\":{\"x\":{\"enum\":[");
	for (int i = 0; i < 1001; i++)
		strbuf_addf(&b, "%s%d", i == 0 ? "" : ",", i);
	strbuf_adds(&b, "]}}}");
	assert_int_equal(json_schema_check(b.data, b.len, &err), -1);
	assert_non_null(strstr(err.text, "1000 enum values"));
	strbuf_reset(&b);
	while (b.len <= LIMIT_SCHEMA_BYTES)
		strbuf_addc(&b, ' ');
	assert_int_equal(json_schema_check(b.data, b.len, &err), -1);
	assert_non_null(strstr(err.text, "longer"));
	strbuf_reset(&b);
	strbuf_adds(&b, EMPTY);
	while (b.len < LIMIT_SCHEMA_BYTES)
		strbuf_addc(&b, ' ');
	assert_int_equal(json_schema_check(b.data, b.len, &err), 0);
	strbuf_clear(&b);
}

/* "{"x":{"x":... 1 ...}}" */
static void add_nested(struct strbuf *b, int depth)
{
	for (int i = 0; i < depth; i++)
		strbuf_adds(b, "{\"x\":");
	strbuf_adds(b, "1");
	for (int i = 0; i < depth; i++)
		strbuf_adds(b, "}");
}

static void strangers_values_cost_bounded_work(void **state)
{
	/* each level is tried four times, so that all would be 4^60 */
	struct json_object *schema = load(ONE_WITH(
		"{\"$ref\":\"#/$defs/n\"}",
		"{\"n\":{\"anyOf\":[" ONE("{\"$ref\":\"#/$defs/n\"}") "," ONE("{\"$ref\":\"#/$defs/n\"}") "," ONE(
			"{\"$ref\":\"#/$defs/n\"}") "," ONE("{\"$ref\":\"#/$defs/n\"}") "]}}"));
	struct json_object *recursive = load(ONE("{\"$ref\":\"#\"}"));
	struct json_fault fault;
	struct strbuf b;

	(void)state;
	strbuf_init(&b, 10000);
	add_nested(&b, 60);
	assert_int_equal(json_schema_find_fault(schema, (struct json_span){b.data, b.len}, &fault),
			 -1);
	assert_non_null(strstr(fault.what, "too much work"));
	/* a value that was never scanned cannot exhaust the stack */
	strbuf_reset(&b);
	add_nested(&b, 1000);
	assert_int_equal(json_schema_find_fault(recursive, (struct json_span){b.data, b.len},
						&fault),
			 -1);
	assert_non_null(strstr(fault.what, "too deep"));
	json_object_put(recursive);
	recursive = load(ONE("{\"type\":\"number\",\"minimum\":1}"));
	strbuf_reset(&b);
	strbuf_adds(&b, "{\"x\":1.");
	while (b.len < strlen("{\"x\":") + 400)
		strbuf_addc(&b, '1');
	strbuf_addc(&b, '}');
	assert_int_equal(json_schema_find_fault(recursive, (struct json_span){b.data, b.len},
						&fault),
			 0);
	strbuf_reset(&b);
	strbuf_adds(&b, "{\"x\":");
	for (int i = 0; i < 500; i++)
		strbuf_addc(&b, '1');
	strbuf_adds(&b, ".0}");
	json_object_put(recursive);
	recursive = load(ONE("{\"type\":\"number\"}"));
	assert_int_equal(json_schema_find_fault(recursive, (struct json_span){b.data, b.len - 3},
						&fault),
			 -1);
	assert_non_null(strstr(fault.what, "too many digits"));
	json_object_put(recursive);
	recursive = load(ONE("{\"type\":\"integer\"}"));
	assert_int_equal(json_schema_find_fault(recursive, (struct json_span){b.data, b.len},
						&fault),
			 -1);
	strbuf_clear(&b);
	json_object_put(schema);
	json_object_put(recursive);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(strict_schemas_are_accepted),
		cmocka_unit_test(other_schemas_are_refused_with_the_place),
		cmocka_unit_test(values_fit_or_the_place_is_told),
		cmocka_unit_test(limits_of_the_provider_hold),
		cmocka_unit_test(strangers_values_cost_bounded_work),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
