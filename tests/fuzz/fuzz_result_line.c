/* SPDX-License-Identifier: ISC */
/*
 * Fuzz target of core/result_line.c: a line of a result file, which a stranger wrote. Besides the
 * sanitizers' rules it holds what the callers rely on.
 */
#include <assert.h>
#include <json-c/json_object.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/json_scan.h"
#include "core/json_schema.h"
#include "core/result_line.h"
#include "core/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct json_object *schema_load(void)
{
	static const char text[] =
		"{\"type\":\"object\",\"additionalProperties\":false,"
		"\"required\":[\"title\",\"materials\"],\"properties\":{"
		"\"title\":{\"type\":[\"string\",\"null\"]},"
		"\"materials\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}}}}";
	struct json_object *schema = NULL;

	if (json_schema_load(text, sizeof(text) - 1, &schema, NULL) != 0)
		abort();
	return schema;
}

/* What goes into a column: ends within its size, on one line, well-formed. */
static void check_column(const char *text, size_t size)
{
	const size_t n = strnlen(text, size);

	assert(n < size);
	for (size_t i = 0, step; i < n; i += step) {
		step = utf8_sequence(text + i, n - i);
		assert(step > 0);
		assert((unsigned char)text[i] >= 0x20);
	}
}

static void check(const struct result *r, size_t size)
{
	check_column(r->model, sizeof(r->model));
	check_column(r->request_id, sizeof(r->request_id));
	check_column(r->service_tier, sizeof(r->service_tier));
	check_column(r->message, sizeof(r->message));
	assert(r->input_tokens >= 0 && r->input_tokens <= UINT32_MAX);
	assert(r->output_tokens >= 0 && r->output_tokens <= UINT32_MAX);
	assert(r->cached_tokens >= 0 && r->cached_tokens <= r->input_tokens);
	assert((r->kind == RESULT_ANSWER) == (r->text != NULL));
	assert((r->kind == RESULT_ANSWER) == (r->grade != GRADE_NONE));
	assert(r->text_n < size || size == 0);
	/* a reason for all but a valid answer, and the lines that are no result at all */
	assert((r->code != NULL) == (r->kind == RESULT_FAILURE || r->kind == RESULT_VOID ||
				     r->grade == GRADE_REFUSED || r->grade == GRADE_SALVAGED));
	assert((r->outcome == OUTCOME_DONE) == (r->grade == GRADE_VALID));
	assert(r->outcome != OUTCOME_UNKNOWN);
}

/* What an answer is worth can be put into any JSON document, and reads back as an object. */
static void check_value(const struct result *r)
{
	const struct json_span value = result_value(r);
	struct json_fault fault;

	if (r->grade < GRADE_SALVAGED)
		return;
	assert(json_scan(value.p, value.n, &json_rules_provider, &fault) == 0);
	assert(json_kind_of(json_span_of(value.p, value.n)) == JSON_KIND_OBJECT);
	assert(memchr(value.p, '\0', value.n) == NULL);
	/* I5: valid JSON passes byte for byte */
	if (r->repaired.verdict == REPAIR_UNCHANGED)
		assert(value.p == r->text && value.n == r->text_n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct json_object *schema;
	struct result r;

	if (schema == NULL)
		schema = schema_load();
	result_line_read((const char *)data, size, schema, &r);
	check(&r, size);
	check_value(&r);
	assert((r.item != 0) == (r.attempt != 0) && (r.item != 0) == (r.mark[0] != '\0'));
	result_clear(&r);

	result_body_read((const char *)data, size, NULL, &r);
	check(&r, size);
	check_value(&r);
	assert(r.item == 0);
	result_clear(&r);
	return 0;
}
