/* SPDX-License-Identifier: ISC */
/*
 * order_lot: the lots of an order. Declared in order.h. First all are checked, for which only their
 * ids are kept; then they are handed out one by one.
 */
#include "core/order.h"

#include <stdlib.h>
#include <string.h>

#include "core/json_schema.h"
#include "core/json_util.h"
#include "core/order_check.h"
#include "core/url.h"

/* What is known of the lot that is being checked. */
struct lot_seen {
	struct json_span id;
	bool text;
	bool image;
	bool description;
};

/* To find ids that occur twice: equal ones lie together when sorted by this. */
struct lot_id {
	uint64_t hash;
	struct json_span id;
	size_t index;
};

/* ------------------------------------------------------------------ checking */

static void check_id(struct order_check *c, const struct json_member *m, void *context)
{
	/* the database takes "1" and "1 " for equal */
	static const struct text_rules rules = {
		.max_bytes = LIMIT_LOT_ID_BYTES,
		.one_line = true,
		.no_outer_space = true,
		.filled = true,
	};
	struct lot_seen *seen = context;

	/* kept even where it is wrong, so that it does not count as missing too */
	order_text_fits(c, m, &rules);
	seen->id = m->value;
}

static void check_title(struct order_check *c, const struct json_member *m, void *context)
{
	static const struct text_rules rules = {.max_bytes = LIMIT_TITLE_BYTES};
	struct lot_seen *seen = context;

	if (!order_text_fits(c, m, &rules) || !order_text_is_blank(m->value))
		seen->text = true;
}

static void check_notes(struct order_check *c, const struct json_member *m, void *context)
{
	static const struct text_rules rules = {.max_bytes = LIMIT_NOTES_BYTES};
	struct lot_seen *seen = context;

	if (!order_text_fits(c, m, &rules) || !order_text_is_blank(m->value))
		seen->text = true;
}

static void check_image(struct order_check *c, const struct json_member *m)
{
	struct data_url data;
	const char *why;

	if (m->kind != JSON_KIND_STRING) {
		order_fault(c, "must be a string, is %s", json_kind_name(m->kind));
		return;
	}
	if (data_url_is(m->value)) {
		if (data_url_check(m->value, LIMIT_IMAGE_BYTES, &data, &why) != 0)
			order_fault(c, "the data URL %s", why);
		return;
	}
	strbuf_reset(&c->scratch);
	if (json_string_bytes(m->value) > LIMIT_URL_BYTES) {
		order_fault(c, "the URL is longer than %d bytes", LIMIT_URL_BYTES);
	} else if (json_string_decode(m->value, &c->scratch) != 0) {
		order_no_memory(c);
	} else {
		why = url_fault(c->scratch.data, c->scratch.len, false);
		if (why != NULL)
			order_fault(c, "the URL %s", why);
	}
}

static void check_images(struct order_check *c, const struct json_member *m, void *context)
{
	struct lot_seen *seen = context;
	size_t len = strlen(c->pointer);
	struct json_walk w;
	struct json_member image;

	seen->image = true;
	if (m->kind != JSON_KIND_ARRAY || json_count(m->value) > LIMIT_IMAGES_PER_LOT) {
		order_fault(c, "must be an array of at most %d URLs", LIMIT_IMAGES_PER_LOT);
		return;
	}
	json_walk_begin(&w, m->value);
	while (json_walk_next(&w, &image)) {
		json_pointer_add_index(c->pointer, sizeof(c->pointer), image.index);
		check_image(c, &image);
		c->pointer[len] = '\0';
	}
	seen->image = w.index > 0;
	c->order->image_count += w.index;
}

static void check_description(struct order_check *c, const struct json_member *m, void *context)
{
	struct lot_seen *seen = context;
	size_t len = strlen(c->pointer);
	struct json_fault fault;

	seen->description = true;
	c->order->described_count++;
	if (m->kind != JSON_KIND_OBJECT || m->value.n > LIMIT_DESCRIPTION_BYTES) {
		order_fault(c, "must be an object of at most %d bytes", LIMIT_DESCRIPTION_BYTES);
		return;
	}
	if (c->limits->schema == NULL ||
	    json_schema_find_fault(c->limits->schema, m->value, &fault) == 0)
		return;
	if (len + strlen(fault.pointer) < sizeof(c->pointer))
		strcpy(c->pointer + len, fault.pointer);
	order_fault(c, "%s", fault.what);
	c->pointer[len] = '\0';
}

static const struct order_key lot_keys[] = {
	{"id", check_id},
	{"title", check_title},
	{"notes", check_notes},
	{"images", check_images},
	{"description", check_description},
};

#define LOT_KEYS (sizeof(lot_keys) / sizeof(lot_keys[0]))

static void check_lot(struct order_check *c, const struct json_member *lot)
{
	struct lot_seen seen = {.text = false};
	struct lot_id id = {.index = lot->index};

	if (lot->kind != JSON_KIND_OBJECT) {
		order_fault(c, "a lot must be an object, is %s", json_kind_name(lot->kind));
		return;
	}
	order_check_members(c, lot->value, lot_keys, LOT_KEYS, &seen);
	if (seen.id.n == 0) {
		order_fault(c, "lacks the key \"id\"");
	} else {
		id.id = seen.id;
		id.hash = json_string_hash(seen.id);
		if (strbuf_add(&c->ids, &id, sizeof(id)) != 0)
			order_no_memory(c);
	}
	if (!seen.text && !seen.image && !seen.description)
		order_fault(c, "needs an image, a title, notes or a description");
}

static int compare_decoded(struct json_span a, struct json_span b)
{
	size_t at_a = 0;
	size_t at_b = 0;
	char ca[4];
	char cb[4];
	size_t na;
	size_t nb;
	int difference;

	do {
		na = json_string_next(a, &at_a, ca);
		nb = json_string_next(b, &at_b, cb);
		difference = memcmp(ca, cb, na < nb ? na : nb);
	} while (difference == 0 && na == nb && na != 0);
	return difference != 0 ? difference : (na > nb) - (na < nb);
}

static int compare_ids(const void *a, const void *b)
{
	const struct lot_id *x = a;
	const struct lot_id *y = b;
	int difference;

	if (x->hash != y->hash)
		return x->hash < y->hash ? -1 : 1;
	difference = compare_decoded(x->id, y->id);
	return difference != 0 ? difference : (x->index > y->index) - (x->index < y->index);
}

/*
 * Sorted, since a table of hashes could be flooded, and there is no random number here to stop it.
 */
static void check_unique(struct order_check *c)
{
	size_t len = strlen(c->pointer);
	struct lot_id *ids = (struct lot_id *)(void *)c->ids.data;
	size_t n = c->ids.len / sizeof(*ids);

	qsort(ids, n, sizeof(*ids), compare_ids);
	for (size_t i = 1; i < n; i++) {
		if (ids[i].hash != ids[i - 1].hash || !json_string_same(ids[i].id, ids[i - 1].id))
			continue;
		json_pointer_add_index(c->pointer, sizeof(c->pointer), ids[i].index);
		json_pointer_add_text(c->pointer, sizeof(c->pointer), "id");
		order_fault(c, "is the id of lot number %zu of the order too",
			    ids[i - 1].index + 1);
		c->pointer[len] = '\0';
	}
}

void order_check_lots(struct order_check *c, struct json_span lots)
{
	size_t len = strlen(c->pointer);
	struct json_walk w;
	struct json_member lot;

	strbuf_init(&c->ids, c->limits->max_lots * sizeof(struct lot_id));
	json_walk_begin(&w, lots);
	while (!c->faults->more && json_walk_next(&w, &lot)) {
		json_pointer_add_index(c->pointer, sizeof(c->pointer), lot.index);
		check_lot(c, &lot);
		c->pointer[len] = '\0';
	}
	check_unique(c);
	strbuf_clear(&c->ids);
}

/* ---------------------------------------------------------------- handing out */

void order_lots_begin(const struct order *order, struct order_iter *iter)
{
	json_walk_begin(&iter->walk, order->lots);
}

void order_lot_init(struct order_lot *lot)
{
	memset(lot, 0, sizeof(*lot));
	strbuf_init(&lot->text, LIMIT_LOT_ID_BYTES + LIMIT_TITLE_BYTES + LIMIT_NOTES_BYTES + 3 +
					LIMIT_IMAGES_PER_LOT * (size_t)(LIMIT_URL_BYTES + 1));
}

void order_lot_clear(struct order_lot *lot)
{
	strbuf_clear(&lot->text);
	order_lot_init(lot);
}

/* The spans of a lot's strings, while the buffer that will hold them may still move. */
struct lot_spans {
	struct json_span id;
	struct json_span title;
	struct json_span notes;
	struct json_span images;
};

static void find_spans(struct json_span value, struct lot_spans *spans,
		       struct json_span *description)
{
	const struct {
		const char *key;
		struct json_span *span;
	} wanted[] = {{"id", &spans->id},
		      {"title", &spans->title},
		      {"notes", &spans->notes},
		      {"images", &spans->images},
		      {"description", description}};
	struct json_walk w;
	struct json_member m;

	json_walk_begin(&w, value);
	while (json_walk_next(&w, &m))
		for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
			if (m.kind != JSON_KIND_NULL &&
			    json_string_equals(m.key, wanted[i].key, strlen(wanted[i].key)))
				*wanted[i].span = m.value;
}

/* Append a string and its NUL; where it begins. */
static size_t keep(struct strbuf *text, struct json_span string)
{
	size_t at = text->len;

	json_string_decode(string, text);
	strbuf_addc(text, '\0');
	return at;
}

/* As keep(), for texts that may be absent: blank ones count as absent. */
static size_t keep_optional(struct strbuf *text, struct json_span string)
{
	return string.n == 0 || order_text_is_blank(string) ? SIZE_MAX : keep(text, string);
}

static const char *at_or_null(const struct strbuf *text, size_t at)
{
	return at == SIZE_MAX ? NULL : text->data + at;
}

/* The data URLs into lot->images; of the others where their text begins, else SIZE_MAX. */
static void take_images(struct order_lot *lot, struct json_span images,
			size_t url_at[LIMIT_IMAGES_PER_LOT])
{
	struct json_walk w;
	struct json_member m;
	const char *why;

	json_walk_begin(&w, images);
	while (lot->image_count < LIMIT_IMAGES_PER_LOT && json_walk_next(&w, &m)) {
		size_t i = lot->image_count++;

		url_at[i] = SIZE_MAX;
		memset(&lot->images[i], 0, sizeof(lot->images[i]));
		if (data_url_check(m.value, LIMIT_IMAGE_BYTES, &lot->images[i].data, &why) != 0)
			url_at[i] = keep(&lot->text, m.value);
	}
}

int order_lot_next(struct order_iter *iter, struct order_lot *lot, struct err *err)
{
	struct lot_spans spans = {.id = {NULL, 0}};
	size_t url_at[LIMIT_IMAGES_PER_LOT] = {0};
	struct json_member m;
	size_t id_at;
	size_t title_at;
	size_t notes_at;

	if (!json_walk_next(&iter->walk, &m))
		return 0;
	strbuf_reset(&lot->text);
	lot->index = m.index;
	lot->image_count = 0;
	lot->description = (struct json_span){NULL, 0};
	find_spans(m.value, &spans, &lot->description);
	id_at = keep(&lot->text, spans.id);
	title_at = keep_optional(&lot->text, spans.title);
	notes_at = keep_optional(&lot->text, spans.notes);
	take_images(lot, spans.images, url_at);
	if (strbuf_failed(&lot->text))
		return err_set(err, ERR_LATER, 0, "no memory for a lot");
	lot->id = lot->text.data + id_at;
	lot->title = at_or_null(&lot->text, title_at);
	lot->notes = at_or_null(&lot->text, notes_at);
	for (size_t i = 0; i < lot->image_count; i++)
		lot->images[i].url = at_or_null(&lot->text, url_at[i]);
	return 1;
}
