/* SPDX-License-Identifier: ISC */
/*
 * Fuzz target of core/order.c: the body of POST /jobs. Besides the sanitizers' rules it holds what
 * the front end relies on, and that json-c reads whatever our scanner accepts.
 */
#include <assert.h>
#include <json-c/json_object.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/json_schema.h"
#include "core/json_util.h"
#include "core/order.h"

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

static void check_faults(const struct order_faults *faults)
{
	assert(faults->count > 0 && faults->count <= LIMIT_FAULTS);
	assert(faults->class == ERR_NEVER);
	for (size_t i = 0; i < faults->count; i++) {
		const struct order_fault *fault = &faults->list[i];

		assert(strnlen(fault->pointer, sizeof(fault->pointer)) < sizeof(fault->pointer));
		assert(fault->pointer[0] == '\0' || fault->pointer[0] == '/');
		assert(fault->detail[0] != '\0');
	}
}

static void check_lot(const struct order_lot *lot)
{
	struct strbuf bytes;

	assert(lot->id[0] != '\0' && strlen(lot->id) <= LIMIT_LOT_ID_BYTES);
	assert(lot->title == NULL || strlen(lot->title) <= LIMIT_TITLE_BYTES);
	assert(lot->notes == NULL || strlen(lot->notes) <= LIMIT_NOTES_BYTES);
	assert(lot->title != NULL || lot->notes != NULL || lot->image_count > 0 ||
	       lot->description.n > 0);
	for (size_t i = 0; i < lot->image_count; i++) {
		const struct order_image *image = &lot->images[i];

		if (image->url != NULL) {
			assert(strncmp(image->url, "data:", 5) != 0);
			continue;
		}
		strbuf_init(&bytes, LIMIT_IMAGE_BYTES);
		assert(data_url_decode(&image->data, &bytes) == 0);
		assert(bytes.len == image->data.bytes);
		strbuf_clear(&bytes);
	}
}

static void check_order(const struct order *order)
{
	struct order_iter iter;
	struct order_lot lot;
	struct err err;
	size_t lots = 0;
	size_t images = 0;
	size_t described = 0;

	order_lots_begin(order, &iter);
	order_lot_init(&lot);
	while (order_lot_next(&iter, &lot, &err) == 1) {
		assert(lot.index == lots++);
		images += lot.image_count;
		described += lot.description.n > 0;
		check_lot(&lot);
	}
	order_lot_clear(&lot);
	assert(lots > 0 && lots == order->lot_count);
	assert(images == order->image_count && described == order->described_count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct json_object *schema;
	const char *body = (const char *)data;
	struct order_limits limits = {.max_lots = 100, .max_items = 300};
	struct order_faults faults;
	struct json_object *tree;
	struct order order;

	if (schema == NULL)
		schema = schema_load();
	limits.schema = schema;
	if (order_parse(body, size, &limits, &order, &faults) != 0) {
		check_faults(&faults);
		if (faults.malformed)
			return 0;
	} else {
		check_order(&order);
		order_clear(&order);
	}
	for (int change = ORDER_CHANGE_NOTHING; change <= ORDER_CHANGE_LANGUAGES; change++) {
		if (order_parse_change(body, size, (enum order_change)change, &order, &faults) != 0)
			check_faults(&faults);
		else
			assert(order.lot_count == 0);
		order_clear(&order);
	}
	if (json_parse(body, size, &json_rules_request, &tree, NULL) != 0)
		abort();
	json_object_put(tree);
	return 0;
}
