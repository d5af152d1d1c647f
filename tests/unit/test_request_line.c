/* SPDX-License-Identifier: ISC */
/*
 * Tests of core/request_line.c: the exact bytes of a line, that it is one line of valid JSON, and
 * that the size told in advance is a close upper bound, over random requests.
 */
#include "tests/unit/check.h"

#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "core/json_util.h"
#include "core/request_line.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define LIMIT        (1u << 20)
#define ID           "42-1-0123456789abcdef"

static const char schema[] = "{\n\t\"type\": \"object\",\r\n\t\"a\": \"\\n\\t x\"\n}\n";

/* What stands around the messages' content. */
#define HEAD                                                                                 \
	"{\"model\":\"gpt-5\",\"messages\":[{\"role\":\"developer\",\"content\":\"Describe " \
	"\\\"it\\\".\\n\"},{\"role\":\"user\",\"content\":["
#define TAIL(name)                                                                          \
	"]}],\"max_completion_tokens\":1200,\"response_format\":{\"type\":\"json_schema\"," \
	"\"json_schema\":{\"name\":\"" name "\",\"strict\":true,\"schema\":"                \
	"{\"type\": \"object\",\"a\": \"\\n\\t x\"}}}"
#define TEXT(text) "{\"type\":\"text\",\"text\":\"" text "\"}"
#define IMAGE(url) "{\"type\":\"image_url\",\"image_url\":{\"url\":\"" url "\"}}"

static const struct request_image images[] = {
	{.url = "https://a/b.jpg?x=\"1\""},
	{.media_type = "image/png", .bytes = "\x89PNG", .n_bytes = 4},
	{.url = "http://c/d"},
};

/* clang-format off */

static const struct {
	const char *what;
	struct request r;	/* model, prompt, schema and limit are the same for all */
	const char *content;
} cases[] = {
	{ "a lot with all there can be",
	  { .title = "Teapot", .notes = "worn\nGeorge III", .instructions = "Say \"c.\".",
	    .images = images, .n_images = 2 },
	  TEXT("Title: Teapot\\nNotes: worn\\nGeorge III\\nHouse instructions: Say \\\"c.\\\".") ","
	  IMAGE("https://a/b.jpg?x=\\\"1\\\"") "," IMAGE("data:image/png;base64,iVBORw==") },
	{ "a lot with photographs alone",
	  { .images = images + 2, .n_images = 1 },
	  IMAGE("http://c/d") },
	{ "a lot with notes alone",
	  { .notes = "Bowl" },
	  TEXT("Notes: Bowl") },
	{ "empty texts are absent ones",
	  { .title = "", .notes = "", .instructions = "", .images = images + 2, .n_images = 1 },
	  IMAGE("http://c/d") },
	{ "nothing at all",
	  { .title = NULL },
	  TEXT("") },
	{ "text beyond ASCII stays, control characters are escaped",
	  { .title = "Th\xc3\xa9i\xc3\xa8re \xf0\x9f\xab\x96\x01" },
	  TEXT("Title: Th\xc3\xa9i\xc3\xa8re \xf0\x9f\xab\x96\\u0001") },
	{ "bytes that are no UTF-8",
	  { .title = "a\xff" "b" },
	  TEXT("Title: a\xef\xbf\xbd" "b") },
	{ "a translation",
	  { .task = TASK_TRANSLATE, .language_tag = "fr", .language_name = "French",
	    .instructions = "Vous.", .description = "{\"title\": \"A \\\"B\\\"\"}",
	    .description_n = 20, .title = "not sent", .images = images, .n_images = 1 },
	  TEXT("Translate into: French (fr)\\nHouse instructions: Vous.\\nDescription:\\n"
	       "{\\\"title\\\": \\\"A \\\\\\\"B\\\\\\\"\\\"}") },
	{ "a translation into a language without a name",
	  { .task = TASK_TRANSLATE, .language_tag = "tlh", .language_name = "tlh",
	    .description = "{}", .description_n = 2 },
	  TEXT("Translate into: tlh\\nDescription:\\n{}") },
	{ "a translation without even that",
	  { .task = TASK_TRANSLATE, .language_tag = "tlh",
	    .description = "{}", .description_n = 2 },
	  TEXT("Translate into: tlh\\nDescription:\\n{}") },
};

/* clang-format on */

static struct request complete(struct request r)
{
	r.model = "gpt-5";
	r.prompt = "Describe \"it\".\n";
	r.schema = schema;
	r.max_output_tokens = 1200;
	return r;
}

static void lines_have_exactly_these_bytes(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct request r = complete(cases[i].r);
		const bool describe = r.task == TASK_DESCRIBE;
		struct strbuf line, want;

		strbuf_init(&line, LIMIT);
		strbuf_init(&want, LIMIT);
		strbuf_addf(&want,
			    "before{\"custom_id\":\"" ID "\",\"method\":\"POST\","
			    "\"url\":\"/v1/chat/completions\",\"body\":" HEAD "%s%s}}\n",
			    cases[i].content,
			    describe ? TAIL("lot_description") : TAIL("lot_translation"));
		strbuf_adds(&line, "before");
		assert_int_equal(request_line_render(&r, ID, &line), 0);
		if (strcmp(line.data, want.data) != 0)
			fail_msg("%s:\n%s%s", cases[i].what, line.data, want.data);
		strbuf_clear(&line);
		strbuf_clear(&want);
	}
}

static void a_body_alone_may_name_its_tier(void **state)
{
	const struct request r = complete(cases[2].r);
	struct strbuf b;

	(void)state;
	strbuf_init(&b, LIMIT);
	assert_int_equal(request_body_render(&r, NULL, &b), 0);
	assert_string_equal(b.data, HEAD TEXT("Notes: Bowl") TAIL("lot_description") "}");
	strbuf_reset(&b);
	assert_int_equal(request_body_render(&r, "flex", &b), 0);
	assert_string_equal(b.data, HEAD TEXT("Notes: Bowl")
					    TAIL("lot_description") ",\"service_tier\":\"flex\"}");
	strbuf_clear(&b);
}

/* A file must never hold half a line. */
static void what_does_not_fit_leaves_the_buffer_as_it_was(void **state)
{
	const struct request r = complete(cases[0].r);
	struct strbuf b;

	(void)state;
	strbuf_init(&b, LIMIT);
	assert_int_equal(request_line_render(&r, ID, &b), 0);
	const size_t whole = b.len;
	strbuf_clear(&b);
	for (size_t limit = 6; limit < whole + 6; limit++) {
		strbuf_init(&b, limit);
		strbuf_adds(&b, "before");
		assert_int_equal(request_line_render(&r, ID, &b), -1);
		assert_string_equal(b.data, "before");
		assert_true(strbuf_failed(&b));
		assert_int_equal(request_body_render(&r, NULL, &b), -1);
		strbuf_clear(&b);
	}
	strbuf_init(&b, whole);
	assert_int_equal(request_line_render(&r, ID, &b), 0);
	strbuf_clear(&b);
}

/* ---- Random requests. */

static uint32_t draw(uint32_t *seed, uint32_t below)
{
	*seed = *seed * 1664525u + 1013904223u;
	return (*seed >> 8) % below;
}

/* Text with everything that is escaped, and now and then bytes that are no UTF-8. */
static char *random_text(uint32_t *seed, uint32_t max)
{
	static const char *const bits[] = {
		"a",    "\"",   "\\", "\n",       "\t",           "\x01",
		"\x1f", "\x7f", "/",  "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80",
		"\xff", "\xc3",
	};
	const uint32_t n = draw(seed, max + 1);
	char *text = calloc(1, n * 4 + 1);

	assert_non_null(text);
	for (uint32_t i = 0; i < n; i++)
		strcat(text, bits[draw(seed, COUNT(bits))]);
	return text;
}

#define TEXTS 6

struct random_request {
	struct request r;
	struct request_image images[4];
	char *texts[TEXTS];
};

static void make_random(uint32_t seed, struct random_request *m)
{
	static const char blob[64] = "GIF89a";

	memset(m, 0, sizeof(*m));
	for (size_t i = 0; i < TEXTS; i++)
		m->texts[i] = random_text(&seed, 40);
	for (size_t i = 0; i < COUNT(m->images); i++) {
		m->images[i].url = draw(&seed, 2) != 0 ? m->texts[draw(&seed, TEXTS)] : NULL;
		m->images[i].media_type = "image/jpeg";
		m->images[i].bytes = blob;
		m->images[i].n_bytes = draw(&seed, 64);
	}
	m->r = (struct request){
		.task = (enum task)draw(&seed, TASK_COUNT),
		.model = m->texts[0],
		.prompt = m->texts[1],
		.schema = schema,
		.max_output_tokens = draw(&seed, 100000),
		.instructions = draw(&seed, 2) != 0 ? m->texts[2] : NULL,
		.title = draw(&seed, 2) != 0 ? m->texts[3] : NULL,
		.notes = draw(&seed, 2) != 0 ? m->texts[4] : NULL,
		.images = m->images,
		.n_images = draw(&seed, COUNT(m->images) + 1),
		.language_tag = "pt-BR",
		.language_name = draw(&seed, 2) != 0 ? "Brazilian Portuguese" : NULL,
		.description = m->texts[5],
		.description_n = strlen(m->texts[5]),
	};
}

/* One line of JSON that reads back; its size as told, of images without their bytes too. */
static void check_random(struct random_request *m, const char *custom_id)
{
	const size_t size = request_line_size(&m->r);
	struct json_object *doc = NULL;
	struct strbuf b;

	strbuf_init(&b, LIMIT);
	assert_int_equal(request_line_render(&m->r, custom_id, &b), 0);
	assert_ptr_equal(strchr(b.data, '\n'), b.data + b.len - 1);
	assert_int_equal(json_parse(b.data, b.len, &json_rules_provider, &doc, NULL), 0);
	assert_string_equal(json_get_text(doc, "custom_id"), custom_id);
	json_object_put(doc);
	assert_true(size >= b.len);
	assert_int_equal(size - b.len, CUSTOM_ID_SIZE - 1 - strlen(custom_id));
	for (size_t i = 0; i < COUNT(m->images); i++)
		m->images[i].bytes = NULL;
	assert_int_equal(request_line_size(&m->r), size);
	strbuf_clear(&b);
}

static void the_size_is_a_close_upper_bound(void **state)
{
	static const char longest[] = "9223372036854775807-65535-0123456789abcdef";

	(void)state;
	for (uint32_t seed = 0; seed < 3000; seed++) {
		struct random_request m;

		make_random(seed, &m);
		check_random(&m, seed % 2 != 0 ? ID : longest);
		for (size_t i = 0; i < TEXTS; i++)
			free(m.texts[i]);
	}
}

static void tokens_count_text_and_images(void **state)
{
	struct request r = complete(cases[0].r);
	const int64_t with = request_tokens(&r);
	const size_t text = strlen("Title: Teapot\nNotes: worn\nGeorge III\n"
				   "House instructions: Say \"c.\".") +
			    strlen(r.prompt) + strlen(r.schema);

	(void)state;
	assert_int_equal(with, (text + 2) / 3 + 2 * REQUEST_IMAGE_TOKENS);
	r.n_images = 0;
	assert_int_equal(request_tokens(&r), with - 2 * REQUEST_IMAGE_TOKENS);
	/* rounded up */
	for (size_t n = 0; n < 7; n++) {
		r.prompt = &"123456"[6 - n];
		assert_int_equal(request_tokens(&r),
				 (text - strlen("Describe \"it\".\n") + n + 2) / 3);
	}
	/* a translation has its description instead of photographs, title and notes */
	r.n_images = 2;
	r.task = TASK_TRANSLATE;
	r.language_tag = "fr";
	r.language_name = "French";
	r.description = "{\"a\": \"b\"}";
	r.description_n = 10;
	assert_int_equal(request_tokens(&r),
			 (strlen("Translate into: French (fr)\nHouse instructions: Say \"c.\"."
				 "\nDescription:\n") +
			  10 + strlen(r.prompt) + strlen(r.schema) + 2) /
				 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_have_exactly_these_bytes),
		cmocka_unit_test(a_body_alone_may_name_its_tier),
		cmocka_unit_test(what_does_not_fit_leaves_the_buffer_as_it_was),
		cmocka_unit_test(the_size_is_a_close_upper_bound),
		cmocka_unit_test(tokens_count_text_and_images),
	};

	return cmocka_run_group_tests_name("request_line", tests, NULL, NULL);
}
