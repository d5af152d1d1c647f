/* SPDX-License-Identifier: ISC */
/* order: see order.h. Here is the order as a whole; order_lot.c has the lots. */
#include "core/order.h"

#include <stdio.h>
#include <string.h>

#include "core/ascii.h"
#include "core/order_check.h"
#include "core/json_util.h"
#include "core/timemath.h"
#include "core/url.h"

#define DEADLINE_CHARS 64

static void take_name(struct order_check *c, const struct json_member *m, void *context);
static void take_instructions(struct order_check *c, const struct json_member *m, void *context);
static void take_callback_url(struct order_check *c, const struct json_member *m, void *context);
static void take_deadline(struct order_check *c, const struct json_member *m, void *context);
static void take_languages(struct order_check *c, const struct json_member *m, void *context);
static void take_metadata(struct order_check *c, const struct json_member *m, void *context);
static void take_lots(struct order_check *c, const struct json_member *m, void *context);

static const struct order_key order_keys[] = {
	{"name", take_name},         {"languages", take_languages},
	{"deadline", take_deadline}, {"instructions", take_instructions},
	{"lots", take_lots},         {"callback_url", take_callback_url},
	{"metadata", take_metadata},
};

void order_fault(struct order_check *c, const char *fmt, ...)
{
	struct order_fault *fault;
	va_list ap;

	if (c->faults->count == LIMIT_FAULTS) {
		c->faults->more = true;
		return;
	}
	fault = &c->faults->list[c->faults->count++];
	va_start(ap, fmt);
	vsnprintf(fault->detail, sizeof(fault->detail), fmt, ap);
	va_end(ap);
	memcpy(fault->pointer, c->pointer, sizeof(fault->pointer));
}

void order_no_memory(struct order_check *c)
{
	c->faults->class = ERR_LATER;
	c->faults->count = 0;
	order_fault(c, "no memory for an order of this size");
}

bool order_text_is_blank(struct json_span string)
{
	size_t at = 0;
	char ch[4];
	size_t len;

	while ((len = json_string_next(string, &at, ch)) != 0)
		if (len > 1 || (ch[0] != ' ' && !ascii_is_control(ch[0])))
			return false;
	return true;
}

bool order_text_fits(struct order_check *c, const struct json_member *m,
		     const struct text_rules *rules)
{
	size_t bytes = 0;
	size_t at = 0;
	bool control = false;
	char first = 'x';
	char last = 'x';
	char ch[4];
	size_t len;

	if (m->kind != JSON_KIND_STRING) {
		order_fault(c, "must be a string, is %s", json_kind_name(m->kind));
		return false;
	}
	while ((len = json_string_next(m->value, &at, ch)) != 0) {
		if (bytes == 0)
			first = ch[0];
		last = ch[len - 1];
		control = control || ascii_is_control(ch[0]);
		bytes += len;
	}
	if (bytes > rules->max_bytes)
		order_fault(c, "has %zu bytes; at most %zu are allowed", bytes, rules->max_bytes);
	else if (rules->filled && bytes == 0)
		order_fault(c, "must not be empty");
	else if (rules->one_line && control)
		order_fault(c, "must not have control characters");
	else if (rules->no_outer_space && (first == ' ' || last == ' '))
		order_fault(c, "must not begin or end with a space");
	else
		return true;
	return false;
}

void order_check_members(struct order_check *c, struct json_span object,
			 const struct order_key *keys, size_t n_keys, void *context)
{
	size_t len = strlen(c->pointer);
	struct json_walk w;
	struct json_member m;

	json_walk_begin(&w, object);
	while (json_walk_next(&w, &m)) {
		size_t k = 0;

		while (k < n_keys && !json_string_equals(m.key, keys[k].name, strlen(keys[k].name)))
			k++;
		json_pointer_add_key(c->pointer, sizeof(c->pointer), m.key);
		if (k == n_keys)
			order_fault(c, "is a key that is not known here");
		else if (m.kind != JSON_KIND_NULL)
			keys[k].check(c, &m, context);
		c->pointer[len] = '\0';
	}
}

/* A text that the order keeps, decoded. */
static bool take_text(struct order_check *c, const struct json_member *m,
		      const struct text_rules *rules, struct strbuf *out)
{
	if (!order_text_fits(c, m, rules))
		return false;
	if (json_string_decode(m->value, out) == 0)
		return true;
	order_no_memory(c);
	return false;
}

static void take_name(struct order_check *c, const struct json_member *m, void *context)
{
	static const struct text_rules rules = {.max_bytes = LIMIT_NAME_BYTES, .one_line = true};

	(void)context;
	take_text(c, m, &rules, &c->order->name);
}

static void take_instructions(struct order_check *c, const struct json_member *m, void *context)
{
	static const struct text_rules rules = {.max_bytes = LIMIT_INSTRUCTIONS_BYTES};

	(void)context;
	take_text(c, m, &rules, &c->order->instructions);
}

static void take_callback_url(struct order_check *c, const struct json_member *m, void *context)
{
	static const struct text_rules rules = {.max_bytes = ORDER_CALLBACK_BYTES};
	struct strbuf *url = &c->order->callback_url;
	const char *why;

	(void)context;
	if (!take_text(c, m, &rules, url))
		return;
	why = url_fault(url->data, url->len, true);
	if (why != NULL)
		order_fault(c, "the URL %s", why);
}

/* Decode a short string of at most size - 1 bytes. */
static bool short_text(struct json_span string, char *out, size_t size, size_t *len)
{
	size_t at = 0;
	char ch[4];
	size_t n;

	*len = 0;
	while ((n = json_string_next(string, &at, ch)) != 0) {
		if (n >= size - *len)
			return false;
		memcpy(out + *len, ch, n);
		*len += n;
	}
	out[*len] = '\0';
	return true;
}

static void take_deadline(struct order_check *c, const struct json_member *m, void *context)
{
	char text[DEADLINE_CHARS];
	int64_t us = 0;
	size_t n;

	(void)context;
	if (m->kind == JSON_KIND_STRING && short_text(m->value, text, sizeof(text), &n)) {
		if (iso8601_duration_parse(text, n, &us) == 0 && us > 0) {
			c->order->deadline = ORDER_DEADLINE_DURATION;
			c->order->deadline_us = us;
			return;
		}
		if (rfc3339_parse(text, n, &us) == 0) {
			c->order->deadline = ORDER_DEADLINE_INSTANT;
			c->order->deadline_us = us;
			return;
		}
	}
	order_fault(c, "must be an ISO 8601 duration as in \"PT6H\", or an RFC 3339 time");
}

static void take_language(struct order_check *c, const struct json_member *m)
{
	struct order *order = c->order;
	char text[LANGUAGE_SIZE];
	char tag[LANGUAGE_SIZE];
	size_t n;

	if (m->kind != JSON_KIND_STRING || !short_text(m->value, text, sizeof(text), &n) ||
	    language_normalise(text, n, tag) != 0) {
		order_fault(c, "must be a language tag as in \"fr\" or \"pt-BR\"");
		return;
	}
	if (!language_is_target(tag)) {
		order_fault(c, "is the language of the descriptions themselves");
		return;
	}
	for (size_t i = 0; i < order->language_count; i++) {
		if (strcmp(order->languages[i], tag) == 0) {
			order_fault(c, "is named twice");
			return;
		}
	}
	memcpy(order->languages[order->language_count++], tag, sizeof(tag));
}

static void take_languages(struct order_check *c, const struct json_member *m, void *context)
{
	size_t len = strlen(c->pointer);
	struct json_walk w;
	struct json_member language;

	(void)context;
	if (m->kind != JSON_KIND_ARRAY || json_count(m->value) > LIMIT_LANGUAGES) {
		order_fault(c, "must be an array of at most %d language tags", LIMIT_LANGUAGES);
		return;
	}
	json_walk_begin(&w, m->value);
	while (json_walk_next(&w, &language)) {
		json_pointer_add_index(c->pointer, sizeof(c->pointer), language.index);
		take_language(c, &language);
		c->pointer[len] = '\0';
	}
}

static void take_metadata(struct order_check *c, const struct json_member *m, void *context)
{
	size_t len = strlen(c->pointer);
	struct json_walk w;
	struct json_member entry;

	(void)context;
	if (m->kind != JSON_KIND_OBJECT || m->value.n > LIMIT_METADATA_BYTES) {
		order_fault(c, "must be an object of strings, of at most %d bytes",
			    LIMIT_METADATA_BYTES);
		return;
	}
	json_walk_begin(&w, m->value);
	while (json_walk_next(&w, &entry)) {
		json_pointer_add_key(c->pointer, sizeof(c->pointer), entry.key);
		if (entry.kind != JSON_KIND_STRING)
			order_fault(c, "must be a string, is %s", json_kind_name(entry.kind));
		c->pointer[len] = '\0';
	}
	c->order->metadata = m->value;
}

/* Only noted: whether all the lots fit together depends on `languages`, which may come later. */
static void take_lots(struct order_check *c, const struct json_member *m, void *context)
{
	(void)context;
	if (m->kind != JSON_KIND_ARRAY)
		order_fault(c, "must be an array, is %s", json_kind_name(m->kind));
	c->order->lots = m->value;
}

static void check_lots(struct order_check *c)
{
	struct order *order = c->order;
	size_t per_lot = 1 + order->language_count;

	if (order->lots.n == 0) {
		order_fault(c, "lacks the key \"lots\"");
		return;
	}
	if (json_kind_of(order->lots) != JSON_KIND_ARRAY)
		return;
	json_pointer_add_text(c->pointer, sizeof(c->pointer), "lots");
	order->lot_count = json_count(order->lots);
	if (order->lot_count == 0)
		order_fault(c, "must hold a lot at least");
	else if (order->lot_count > c->limits->max_lots)
		order_fault(c, "holds %zu lots; at most %zu are allowed", order->lot_count,
			    c->limits->max_lots);
	else if (order->lot_count > c->limits->max_items / per_lot)
		order_fault(c, "%zu lots in %zu languages are %zu texts; at most %zu are allowed",
			    order->lot_count, per_lot, order->lot_count * per_lot,
			    c->limits->max_items);
	else
		order_check_lots(c, order->lots);
	c->pointer[0] = '\0';
}

static void order_init(struct order *order)
{
	memset(order, 0, sizeof(*order));
	strbuf_init(&order->name, LIMIT_NAME_BYTES);
	strbuf_init(&order->instructions, LIMIT_INSTRUCTIONS_BYTES);
	strbuf_init(&order->callback_url, ORDER_CALLBACK_BYTES);
}

void order_clear(struct order *order)
{
	strbuf_clear(&order->name);
	strbuf_clear(&order->instructions);
	strbuf_clear(&order->callback_url);
	order_init(order);
}

/* JSON at all, under our limits? */
static bool is_well_formed(struct order_check *c, const char *body, size_t n)
{
	struct json_fault fault;

	if (json_scan(body, n, &json_rules_request, &fault) == 0)
		return true;
	c->faults->malformed = true;
	memcpy(c->pointer, fault.pointer, sizeof(c->pointer));
	order_fault(c, "%s, at byte %zu", fault.what, fault.offset);
	return false;
}

static void check_begin(struct order_check *c)
{
	order_init(c->order);
	strbuf_init(&c->scratch, LIMIT_URL_BYTES);
	c->faults->class = ERR_NEVER;
	c->faults->malformed = c->faults->more = false;
	c->faults->count = 0;
}

static int check_end(struct order_check *c)
{
	strbuf_clear(&c->scratch);
	if (c->faults->count == 0)
		return 0;
	order_clear(c->order);
	return -1;
}

/* The members of a body that is JSON at all. False where it is none, or no object. */
static bool check_body(struct order_check *c, const char *body, size_t n,
		       const struct order_key *keys, size_t n_keys)
{
	const struct json_span root = json_span_of(body, n);

	if (!is_well_formed(c, body, n))
		return false;
	if (json_kind_of(root) != JSON_KIND_OBJECT) {
		order_fault(c, "must be an object, is %s", json_kind_name(json_kind_of(root)));
		return false;
	}
	order_check_members(c, root, keys, n_keys, NULL);
	return true;
}

int order_parse(const char *body, size_t n, const struct order_limits *limits, struct order *order,
		struct order_faults *faults)
{
	struct order_check c = {.limits = limits, .order = order, .faults = faults};

	check_begin(&c);
	if (check_body(&c, body, n, order_keys, sizeof(order_keys) / sizeof(order_keys[0])))
		check_lots(&c);
	return check_end(&c);
}

int order_parse_change(const char *body, size_t n, enum order_change change, struct order *order,
		       struct order_faults *faults)
{
	static const struct order_key keys[] = {
		{"deadline", take_deadline},
		{"languages", take_languages},
	};
	/* Each change may have the keys of the one before it, and one more. */
	const size_t n_keys = (size_t)change;
	struct order_check c = {.order = order, .faults = faults};

	check_begin(&c);
	if (check_body(&c, n > 0 ? body : "{}", n > 0 ? n : 2, keys, n_keys) &&
	    change == ORDER_CHANGE_LANGUAGES && faults->count == 0 && order->language_count == 0)
		order_fault(&c, "must name a language at least under the key \"languages\"");
	return check_end(&c);
}
