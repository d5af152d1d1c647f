/* SPDX-License-Identifier: ISC */
/* order: bodies of POST /jobs, what is wrong with them, and the lots that come out. */
#include "tests/unit/check.h"

#include <json-c/json.h>
#include <string.h>

#include "core/json_schema.h"
#include "core/order.h"
#include "core/timemath.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define PNG      "data:image/png;base64,iVBORw0KGgo="

static struct order order;
static struct order_faults faults;
static struct order_limits limits = {.max_lots = 5, .max_items = 12};

static const char schema_text[] =
	"{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"title\",\"materials\"],\"properties\":"
	"{\"title\":{\"type\":\"string\"},\"materials\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}}}}";

static int parse_n(const char *body, size_t n)
{
	return order_parse(body, n, &limits, &order, &faults);
}

static int parse(const char *body)
{
	return parse_n(body, strlen(body));
}

/* clang-format off */
static const char *const good[] = {
	"{\"lots\":[{\"id\":\"1\",\"title\":\"Teapot\"}]}",
	" {\"lots\" : [ { \"id\" : \"1\" , \"notes\" : \"x\" } ] } \n",
	"{\"lots\":[{\"id\":\"1\",\"images\":[\"http://h/1.jpg\"]}]}",
	"{\"lots\":[{\"id\":\"1\",\"images\":[\"" PNG "\"],\"title\":\" \",\"notes\":\"\"}]}",
	"{\"lots\":[{\"id\":\"1\",\"description\":{\"title\":\"T\",\"materials\":[]}}]}",
	"{\"lots\":[{\"id\":\"a\",\"title\":\"x\"},{\"id\":\"A\",\"title\":\"x\"},{\"id\":\"b c\",\"title\":\"x\"}]}",
	"{\"name\":null,\"languages\":null,\"deadline\":null,\"instructions\":null,\"callback_url\":null,\"metadata\":null,"
		"\"lots\":[{\"id\":\"1\",\"title\":\"T\",\"notes\":null,\"images\":null,\"description\":null}]}",
	"{\"name\":\"\",\"languages\":[],\"metadata\":{},\"instructions\":\"\",\"lots\":[{\"id\":\"1\",\"title\":\"T\",\"images\":[]}]}",
	"{\"languages\":[\"fr\",\"en-GB\",\"de\"],\"lots\":[{\"id\":\"1\",\"title\":\"T\"},{\"id\":\"2\",\"title\":\"T\"},{\"id\":\"3\",\"title\":\"T\"}]}",
	"{\"lots\":[{\"id\":\"\xe2\x82\xac\",\"title\":\"T\"}],\"deadline\":\"P1DT6H\"}",
};

static const struct {
	const char *body;
	const char *pointer;
	const char *detail;
} bad[] = {
	{ "[]", "", "must be an object" },
	{ "1", "", "must be an object" },
	{ "{}", "", "lacks the key \"lots\"" },
	{ "{\"lots\":null}", "", "lacks the key \"lots\"" },
	{ "{\"lots\":{}}", "/lots", "must be an array, is an object" },
	{ "{\"lots\":[]}", "/lots", "a lot at least" },
	{ "{\"lots\":[1,2,3,4,5,6]}", "/lots", "holds 6 lots; at most 5" },
	{ "{\"languages\":[\"fr\",\"de\"],\"lots\":[1,2,3,4,5]}", "/lots", "5 lots in 3 languages are 15 texts; at most 12" },
	{ "{\"lots\":[1]}", "/lots/0", "a lot must be an object, is a number" },
	{ "{\"lots\":[null]}", "/lots/0", "a lot must be an object, is null" },
	{ "{\"lots\":[{\"title\":\"T\"}]}", "/lots/0", "lacks the key \"id\"" },
	{ "{\"lots\":[{\"id\":null,\"title\":\"T\"}]}", "/lots/0", "lacks the key \"id\"" },
	{ "{\"lots\":[{\"id\":1,\"title\":\"T\"}]}", "/lots/0/id", "must be a string, is a number" },
	{ "{\"lots\":[{\"id\":\"\",\"title\":\"T\"}]}", "/lots/0/id", "must not be empty" },
	{ "{\"lots\":[{\"id\":\"1 \",\"title\":\"T\"}]}", "/lots/0/id", "begin or end with a space" },
	{ "{\"lots\":[{\"id\":\" 1\",\"title\":\"T\"}]}", "/lots/0/id", "begin or end with a space" },
	{ "{\"lots\":[{\"id\":\"1\\n2\",\"title\":\"T\"}]}", "/lots/0/id", "control characters" },
	{ "{\"lots\":[{\"id\":\"1\"}]}", "/lots/0", "needs an image, a title, notes or a description" },
	{ "{\"lots\":[{\"id\":\"1\",\"title\":\" \\n\",\"notes\":\"\",\"images\":[]}]}", "/lots/0", "needs an image" },
	{ "{\"lots\":[{\"id\":\"1\",\"title\":\"T\",\"Title\":\"T\"}]}", "/lots/0/Title", "not known" },
	{ "{\"lots\":[{\"id\":\"1\",\"title\":[]}]}", "/lots/0/title", "must be a string" },
	{ "{\"lots\":[{\"id\":\"1\",\"notes\":{}}]}", "/lots/0/notes", "must be a string" },
	{ "{\"lots\":[{\"id\":\"1\",\"images\":\"http://h/\"}]}", "/lots/0/images", "must be an array of at most 50" },
	{ "{\"lots\":[{\"id\":\"1\",\"images\":[null]}]}", "/lots/0/images/0", "must be a string, is null" },
	{ "{\"lots\":[{\"id\":\"1\",\"images\":[\"http://h/\",\"ftp://h/\"]}]}", "/lots/0/images/1", "the URL does not begin" },
	{ "{\"lots\":[{\"id\":\"1\",\"images\":[\"http://h/a b\"]}]}", "/lots/0/images/0", "percent-encoded" },
	{ "{\"lots\":[{\"id\":\"1\",\"images\":[\"http://u:p@h/\"]}]}", "/lots/0/images/0", "user name" },
	{ "{\"lots\":[{\"id\":\"1\",\"images\":[\"\"]}]}", "/lots/0/images/0", "the URL does not begin" },
	{ "{\"lots\":[{\"id\":\"1\",\"images\":[\"data:text/plain,x\"]}]}", "/lots/0/images/0", "the data URL is of another type" },
	{ "{\"lots\":[{\"id\":\"1\",\"images\":[\"data:image/jpeg;base64,iVBORw0KGgo=\"]}]}", "/lots/0/images/0", "does not hold an image" },
	{ "{\"lots\":[{\"id\":\"1\",\"description\":\"x\"}]}", "/lots/0/description", "must be an object" },
	{ "{\"lots\":[{\"id\":\"1\",\"description\":{\"title\":\"T\",\"materials\":[\"a\",1]}}]}", "/lots/0/description/materials/1", "type string" },
	{ "{\"lots\":[{\"id\":\"1\",\"description\":{\"title\":\"T\"}}]}", "/lots/0/description", "lacks the key \"materials\"" },
	{ "{\"lots\":[{\"id\":\"x\",\"title\":\"T\"},{\"id\":\"y\",\"title\":\"T\"},{\"id\":\"\\u0078\",\"title\":\"T\"}]}", "/lots/2/id", "lot number 1" },
	{ "{\"lots\":[{\"id\":\"1\",\"title\":\"T\"}],\"lot\":1}", "/lot", "not known" },
	{ "{\"lots\":[{\"id\":\"1\",\"title\":\"T\"}],\"a/b\":null}", "/a~1b", "not known" },
	{ "{\"lots\":[{\"id\":\"1\",\"title\":\"T\"}],\"name\":1}", "/name", "must be a string" },
	{ "{\"lots\":[{\"id\":\"1\",\"title\":\"T\"}],\"name\":\"a\\tb\"}", "/name", "control characters" },
	{ "{\"lots\":[{\"id\":\"1\",\"title\":\"T\"}],\"instructions\":[]}", "/instructions", "must be a string" },
	{ "{\"lots\":[{\"id\":\"1\",\"title\":\"T\"}],\"callback_url\":\"http://h/\"}", "/callback_url", "the URL does not begin with https://" },
	{ "{\"lots\":[{\"id\":\"1\",\"title\":\"T\"}],\"callback_url\":false}", "/callback_url", "must be a string" },
	{ "{\"lots\":[{\"id\":\"1\",\"title\":\"T\"}],\"deadline\":\"6h\"}", "/deadline", "ISO 8601" },
	{ "{\"lots\":[{\"id\":\"1\",\"title\":\"T\"}],\"deadline\":\"PT0S\"}", "/deadline", "ISO 8601" },
	{ "{\"lots\":[{\"id\":\"1\",\"title\":\"T\"}],\"deadline\":\"2026-11-24\"}", "/deadline", "RFC 3339" },
	{ "{\"lots\":[{\"id\":\"1\",\"title\":\"T\"}],\"deadline\":21600}", "/deadline", "ISO 8601" },
	{ "{\"lots\":[{\"id\":\"1\",\"title\":\"T\"}],\"deadline\":\"PT6H                                                              \"}", "/deadline", "ISO 8601" },
	{ "{\"lots\":[{\"id\":\"1\",\"title\":\"T\"}],\"languages\":\"fr\"}", "/languages", "must be an array" },
	{ "{\"lots\":[{\"id\":\"1\",\"title\":\"T\"}],\"languages\":[\"fr\",null]}", "/languages/1", "language tag" },
	{ "{\"lots\":[{\"id\":\"1\",\"title\":\"T\"}],\"languages\":[\"french\\u00e9\"]}", "/languages/0", "language tag" },
	{ "{\"lots\":[{\"id\":\"1\",\"title\":\"T\"}],\"languages\":[\"x-aaaaaaaa-aaaaaaaa-aaaaaaaa-aaaaaaaa\"]}", "/languages/0", "language tag" },
	{ "{\"lots\":[{\"id\":\"1\",\"title\":\"T\"}],\"languages\":[\"EN\"]}", "/languages/0", "the descriptions themselves" },
	{ "{\"lots\":[{\"id\":\"1\",\"title\":\"T\"}],\"languages\":[\"pt-br\",\"fr\",\"PT-BR\"]}", "/languages/2", "twice" },
	{ "{\"lots\":[{\"id\":\"1\",\"title\":\"T\"}],\"metadata\":[]}", "/metadata", "object of strings" },
	{ "{\"lots\":[{\"id\":\"1\",\"title\":\"T\"}],\"metadata\":{\"a\":\"x\",\"b\":1}}", "/metadata/b", "must be a string, is a number" },
};

static const struct {
	const char *body;
	const char *pointer;
} malformed[] = {
	{ "", "" },
	{ "{\"lots\":[{\"id\":\"1\",}]}", "/lots/0" },
	{ "{\"lots\":[{\"id\":\"1\",\"id\":\"2\"}]}", "/lots/0/id" },
	{ "{\"lots\":[{\"id\":\"\\u0000\"}]}", "/lots/0/id" },
	{ "{\"lots\":[{\"id\":\"\xff\"}]}", "/lots/0/id" },
	{ "{\"lots\":[{\"id\":\"\\ud800\"}]}", "/lots/0/id" },
	{ "{\"lots\":[{\"id\":\"1\",\"title\":\"T\"}]} x", "" },
	{ "{\"lots\":[[[[[[[[[[[[[[[[[[[[", "/lots/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0" },
};
/* clang-format on */

static void orders_are_accepted(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		if (parse(good[i]) != 0)
			fail_msg("%s: %s %s", good[i], faults.list[0].pointer,
				 faults.list[0].detail);
		order_clear(&order);
	}
}

static void each_fault_is_told_with_its_place(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		if (parse(bad[i].body) != -1)
			fail_msg("accepted: %s", bad[i].body);
		if (faults.count != 1 || strcmp(faults.list[0].pointer, bad[i].pointer) != 0 ||
		    strstr(faults.list[0].detail, bad[i].detail) == NULL)
			fail_msg("%s: %zu: %s %s", bad[i].body, faults.count,
				 faults.list[0].pointer, faults.list[0].detail);
		assert_int_equal(faults.class, ERR_NEVER);
		assert_false(faults.malformed);
		assert_false(faults.more);
		assert_int_equal(order.lot_count, 0);
	}
}

static void what_is_no_json_is_malformed(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(malformed); i++) {
		assert_int_equal(parse(malformed[i].body), -1);
		assert_true(faults.malformed);
		assert_int_equal(faults.count, 1);
		assert_string_equal(faults.list[0].pointer, malformed[i].pointer);
		assert_non_null(strstr(faults.list[0].detail, "at byte "));
	}
	assert_int_equal(order_parse(NULL, 0, &limits, &order, &faults), -1);
}

static void several_faults_are_told_at_once(void **state)
{
	struct strbuf b;

	(void)state;
	assert_int_equal(parse("{\"name\":1,\"x\":2,\"languages\":[\"en\",\"fr\",\"fr\"],"
			       "\"lots\":[{\"id\":\"1\"},{\"title\":\"T\",\"y\":1}]}"),
			 -1);
	assert_int_equal(faults.count, 7);
	assert_string_equal(faults.list[0].pointer, "/name");
	assert_string_equal(faults.list[1].pointer, "/x");
	assert_string_equal(faults.list[2].pointer, "/languages/0");
	assert_string_equal(faults.list[3].pointer, "/languages/2");
	assert_string_equal(faults.list[4].pointer, "/lots/0");
	assert_string_equal(faults.list[5].pointer, "/lots/1/y");
	assert_string_equal(faults.list[6].pointer, "/lots/1");
	strbuf_init(&b, 10000);
	strbuf_adds(&b, "{\"lots\":[{\"id\":\"1\",\"title\":\"T\"");
	for (int i = 0; i < LIMIT_FAULTS; i++)
		strbuf_addf(&b, ",\"k%d\":0", i);
	strbuf_adds(&b, "}]}");
	assert_int_equal(parse(b.data), -1);
	assert_int_equal(faults.count, LIMIT_FAULTS);
	assert_false(faults.more);
	strbuf_truncate(&b, b.len - 3);
	strbuf_adds(&b, ",\"z\":0},{}]}");
	assert_int_equal(parse(b.data), -1);
	assert_int_equal(faults.count, LIMIT_FAULTS);
	assert_true(faults.more);
	strbuf_clear(&b);
}

static void the_order_is_taken_over(void **state)
{
	static const char body[] =
		"{\"callback_url\":\"https:\\/\\/h.example/cb?x=1\",\"deadline\":\"PT6H\",\"instructions\":\"House "
		"style:\\nno superlatives.\",\"languages\":[\"FR\",\"zh-hant\"],\"name\":\"Sale \\u20ac 1204\","
		"\"metadata\":{\"sale\" : \"1204\"},\"lots\":[{\"id\":\"1\",\"images\":[\"http://h/1\",\"" PNG
		"\"]},"
		"{\"id\":\"2\",\"description\":{\"title\":\"T\",\"materials\":[]}}]}";

	(void)state;
	assert_int_equal(parse(body), 0);
	assert_string_equal(order.callback_url.data, "https://h.example/cb?x=1");
	assert_string_equal(order.instructions.data, "House style:\nno superlatives.");
	assert_string_equal(order.name.data, "Sale \xe2\x82\xac 1204");
	assert_int_equal(order.deadline, ORDER_DEADLINE_DURATION);
	assert_int_equal(order.deadline_us, 6 * T_H);
	assert_int_equal(order.language_count, 2);
	assert_string_equal(order.languages[0], "fr");
	assert_string_equal(order.languages[1], "zh-Hant");
	assert_int_equal(order.lot_count, 2);
	assert_int_equal(order.described_count, 1);
	assert_int_equal(order.image_count, 2);
	assert_int_equal(order.metadata.n, strlen("{\"sale\" : \"1204\"}"));
	assert_memory_equal(order.metadata.p, "{\"sale\" : \"1204\"}", order.metadata.n);
	order_clear(&order);
	assert_string_equal(order.name.data, "");
	assert_int_equal(
		parse("{\"lots\":[{\"id\":\"1\",\"title\":\"T\"}],\"deadline\":\"2026-11-24T22:13:45Z\"}"),
		0);
	assert_int_equal(order.deadline, ORDER_DEADLINE_INSTANT);
	assert_int_equal(order.deadline_us, 1795558425 * T_S);
	assert_int_equal(order.metadata.n, 0);
	assert_string_equal(order.name.data, "");
	order_clear(&order);
	parse("{\"lots\":[{\"id\":\"1\",\"title\":\"T\"}]}");
	assert_int_equal(order.deadline, ORDER_DEADLINE_NONE);
	order_clear(&order);
}

static void lots_come_one_after_the_other(void **state)
{
	static const char body[] =
		"{\"lots\":[{\"id\":\"A\\u0031\",\"title\":\"Tea\\npot\",\"notes\":\"worn\",\"images\":"
		"[\"http:\\/\\/h/1.jpg\",\"data:image\\/png;base64,iVBORw0KGgo=\",\"https://h/2.jpg\"]},"
		"{\"description\":{\"title\":\"T\",\"materials\":[\"tin\"]},\"id\":\"2\",\"title\":\" \",\"notes\":null},"
		"{\"id\":\"3\",\"title\":\"x\"}]}";
	struct order_iter iter;
	struct order_lot lot;
	struct strbuf bytes;
	struct err err;

	(void)state;
	assert_int_equal(parse(body), 0);
	order_lots_begin(&order, &iter);
	order_lot_init(&lot);
	assert_int_equal(order_lot_next(&iter, &lot, &err), 1);
	assert_int_equal(lot.index, 0);
	assert_string_equal(lot.id, "A1");
	assert_string_equal(lot.title, "Tea\npot");
	assert_string_equal(lot.notes, "worn");
	assert_int_equal(lot.image_count, 3);
	assert_string_equal(lot.images[0].url, "http://h/1.jpg");
	assert_null(lot.images[1].url);
	assert_string_equal(lot.images[1].data.media_type, "image/png");
	assert_int_equal(lot.images[1].data.bytes, 8);
	strbuf_init(&bytes, LIMIT_IMAGE_BYTES);
	assert_int_equal(data_url_decode(&lot.images[1].data, &bytes), 0);
	assert_memory_equal(bytes.data, "\x89PNG\r\n\x1a\n", 8);
	strbuf_clear(&bytes);
	assert_string_equal(lot.images[2].url, "https://h/2.jpg");
	assert_int_equal(lot.description.n, 0);
	assert_int_equal(order_lot_next(&iter, &lot, &err), 1);
	assert_int_equal(lot.index, 1);
	assert_string_equal(lot.id, "2");
	assert_null(lot.title);
	assert_null(lot.notes);
	assert_int_equal(lot.image_count, 0);
	assert_memory_equal(lot.description.p, "{\"title\":\"T\",\"materials\":[\"tin\"]}",
			    lot.description.n);
	assert_int_equal(order_lot_next(&iter, &lot, &err), 1);
	assert_string_equal(lot.title, "x");
	assert_int_equal(lot.description.n, 0);
	assert_int_equal(order_lot_next(&iter, &lot, &err), 0);
	assert_int_equal(order_lot_next(&iter, &lot, &err), 0);
	order_lot_clear(&lot);
	order_clear(&order);
}

/* A body with one text of n bytes at the place of %s. */
static int parse_with(const char *before, size_t n, char fill, const char *after)
{
	struct strbuf b;
	int rc;

	strbuf_init(&b, 40000000);
	strbuf_adds(&b, before);
	for (size_t i = 0; i < n; i++)
		strbuf_addc(&b, fill);
	strbuf_adds(&b, after);
	rc = parse_n(b.data, b.len);
	strbuf_clear(&b);
	if (rc == 0)
		order_clear(&order);
	return rc;
}

static void limits_are_exact(void **state)
{
	static const char lot[] = "\",\"lots\":[{\"id\":\"1\",\"title\":\"T\"}]}";
	static const struct {
		const char *before;
		size_t most;
		const char *after;
		const char *pointer;
	} cases[] = {
		{"{\"name\":\"", LIMIT_NAME_BYTES, lot, "/name"},
		{"{\"instructions\":\"", LIMIT_INSTRUCTIONS_BYTES, lot, "/instructions"},
		{"{\"callback_url\":\"https://", ORDER_CALLBACK_BYTES - 8, lot, "/callback_url"},
		{"{\"metadata\":{\"a\":\"", LIMIT_METADATA_BYTES - 8,
		 "\"},\"lots\":[{\"id\":\"1\",\"title\":\"T\"}]}", "/metadata"},
		{"{\"lots\":[{\"title\":\"T\",\"id\":\"", LIMIT_LOT_ID_BYTES, "\"}]}",
		 "/lots/0/id"},
		{"{\"lots\":[{\"id\":\"1\",\"title\":\"", LIMIT_TITLE_BYTES, "\"}]}",
		 "/lots/0/title"},
		{"{\"lots\":[{\"id\":\"1\",\"notes\":\"", LIMIT_NOTES_BYTES, "\"}]}",
		 "/lots/0/notes"},
		{"{\"lots\":[{\"id\":\"1\",\"images\":[\"http://", LIMIT_URL_BYTES - 7, "\"]}]}",
		 "/lots/0/images/0"},
		{"{\"lots\":[{\"id\":\"1\",\"description\":{\"materials\":[],\"title\":\"",
		 LIMIT_DESCRIPTION_BYTES + 1 - sizeof("{\"materials\":[],\"title\":\"\"}"),
		 "\"}}]}", "/lots/0/description"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_int_equal(parse_with(cases[i].before, cases[i].most, 'x', cases[i].after),
				 0);
		assert_int_equal(parse_with(cases[i].before, cases[i].most + 1, 'x',
					    cases[i].after),
				 -1);
		assert_int_equal(faults.count, 1);
		assert_string_equal(faults.list[0].pointer, cases[i].pointer);
	}
}

static void images_have_their_limits(void **state)
{
	static const char before[] =
		"{\"lots\":[{\"id\":\"1\",\"images\":[\"data:image/jpeg;base64,/9j/";
	struct strbuf b;

	(void)state;
	/* 8 MiB are 11,184,812 characters with one of padding */
	assert_int_equal(parse_with(before, 11184804, 'A', "AAA=\"]}]}"), 0);
	assert_int_equal(parse_with(before, 11184804, 'A', "AAAA\"]}]}"), -1);
	assert_string_equal(faults.list[0].detail, "the data URL is too large");
	strbuf_init(&b, 100000);
	strbuf_adds(&b, "{\"lots\":[{\"id\":\"1\",\"images\":[");
	for (int i = 0; i < LIMIT_IMAGES_PER_LOT; i++)
		strbuf_addf(&b, "%s\"http://h/%d\"", i == 0 ? "" : ",", i);
	strbuf_adds(&b, "]}]}");
	assert_int_equal(parse(b.data), 0);
	assert_int_equal(order.image_count, LIMIT_IMAGES_PER_LOT);
	order_clear(&order);
	strbuf_truncate(&b, b.len - 4);
	strbuf_adds(&b, ",\"http://h/\"]}]}");
	assert_int_equal(parse(b.data), -1);
	assert_string_equal(faults.list[0].pointer, "/lots/0/images");
	strbuf_clear(&b);
}

static void languages_have_their_limit(void **state)
{
	struct order_limits wide = {.max_lots = 1, .max_items = 1000};
	struct strbuf b;

	(void)state;
	strbuf_init(&b, 10000);
	strbuf_adds(&b, "{\"lots\":[{\"id\":\"1\",\"title\":\"T\"}],\"languages\":[");
	for (int i = 0; i < LIMIT_LANGUAGES; i++)
		strbuf_addf(&b, "%s\"q%c%c\"", i == 0 ? "" : ",", 'a' + i / 26, 'a' + i % 26);
	strbuf_adds(&b, "]}");
	assert_int_equal(order_parse(b.data, b.len, &wide, &order, &faults), 0);
	assert_int_equal(order.language_count, LIMIT_LANGUAGES);
	order_clear(&order);
	strbuf_truncate(&b, b.len - 2);
	strbuf_adds(&b, ",\"fr\"]}");
	assert_int_equal(order_parse(b.data, b.len, &wide, &order, &faults), -1);
	assert_string_equal(faults.list[0].pointer, "/languages");
	strbuf_clear(&b);
}

static void any_object_will_do_where_there_is_no_schema(void **state)
{
	struct order_limits free_form = {.max_lots = 1, .max_items = 1};
	static const char body[] = "{\"lots\":[{\"id\":\"1\",\"description\":{\"any\":[1]}}]}";

	(void)state;
	assert_int_equal(order_parse(body, strlen(body), &free_form, &order, &faults), 0);
	order_clear(&order);
	assert_int_equal(parse(body), -1);
}

/*
 * The largest order, its ids in an order that no comparison by text helps; then the first id again.
 */
static void fifty_thousand_lots_are_told_apart(void **state)
{
	struct order_limits large = {.max_lots = 50000, .max_items = 250000};
	struct order_iter iter;
	struct order_lot lot;
	struct strbuf b;
	struct err err;
	size_t found = 0;

	(void)state;
	strbuf_init(&b, 10000000);
	strbuf_adds(&b, "{\"lots\":[");
	for (unsigned int i = 0; i < 50000; i++)
		strbuf_addf(&b, "%s{\"id\":\"%u\",\"title\":\"T\"}", i == 0 ? "" : ",",
			    i * 17u % 50000u);
	strbuf_adds(&b, "]}");
	assert_int_equal(order_parse(b.data, b.len, &large, &order, &faults), 0);
	assert_int_equal(order.lot_count, 50000);
	order_lots_begin(&order, &iter);
	order_lot_init(&lot);
	while (order_lot_next(&iter, &lot, &err) == 1)
		assert_int_equal(lot.index, found++);
	assert_int_equal(found, 50000);
	order_lot_clear(&lot);
	order_clear(&order);
	strbuf_truncate(&b, b.len - strlen("{\"id\":\"49983\",\"title\":\"T\"}]}"));
	strbuf_adds(&b, "{\"id\":\"\\u0030\",\"title\":\"T\"}]}");
	assert_int_equal(order_parse(b.data, b.len, &large, &order, &faults), -1);
	assert_int_equal(faults.count, 1);
	assert_string_equal(faults.list[0].pointer, "/lots/49999/id");
	strbuf_clear(&b);
}

static int load_schema(void **state)
{
	struct json_object *schema = NULL;

	(void)state;
	if (json_schema_load(schema_text, strlen(schema_text), &schema, NULL) != 0)
		return -1;
	limits.schema = schema;
	*state = schema;
	return 0;
}

static int drop_schema(void **state)
{
	json_object_put(*state);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(orders_are_accepted),
		cmocka_unit_test(each_fault_is_told_with_its_place),
		cmocka_unit_test(what_is_no_json_is_malformed),
		cmocka_unit_test(several_faults_are_told_at_once),
		cmocka_unit_test(the_order_is_taken_over),
		cmocka_unit_test(lots_come_one_after_the_other),
		cmocka_unit_test(limits_are_exact),
		cmocka_unit_test(images_have_their_limits),
		cmocka_unit_test(languages_have_their_limit),
		cmocka_unit_test(any_object_will_do_where_there_is_no_schema),
		cmocka_unit_test(fifty_thousand_lots_are_told_apart),
	};

	return cmocka_run_group_tests(tests, load_schema, drop_schema);
}
