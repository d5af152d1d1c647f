/* SPDX-License-Identifier: ISC */
/*
 * request_line: see request_line.h. Rendering and sizing walk the same code over a sink that either
 * writes or only counts, so that they cannot drift apart.
 *
 * What is the same for all items of a recipe comes first in the messages and what differs last:
 * prompt caches match prefixes. No "detail" is sent with images: its default, "auto", is what the
 * provider advises, and the newer values are not known to every model.
 */
#include "core/request_line.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define PIECES_MAX        12
#define BYTES_PER_TOKEN   3
#define INTEGER_TEXT_SIZE 24

static const char *const schema_names[TASK_COUNT] = {
	[TASK_DESCRIBE] = "lot_description",
	[TASK_TRANSLATE] = "lot_translation",
};

/* Writes to out; only counts where out is NULL. */
struct sink {
	struct strbuf *out;
	size_t counted;
};

struct piece {
	const char *s;
	size_t n;
};

struct user_text {
	struct piece pieces[PIECES_MAX];
	size_t count;
	size_t bytes;
};

static void put(struct sink *k, const char *s)
{
	if (k->out == NULL)
		k->counted += strlen(s);
	else
		strbuf_adds(k->out, s);
}

static void put_json(struct sink *k, const char *s, size_t n)
{
	if (k->out == NULL)
		k->counted += json_string_size(s, n);
	else
		strbuf_add_json(k->out, s, n);
}

static void put_integer(struct sink *k, int64_t v)
{
	char text[INTEGER_TEXT_SIZE];

	snprintf(text, sizeof(text), "%" PRId64, v);
	put(k, text);
}

static bool breaks_line(char c)
{
	return c == '\n' || c == '\r' || c == '\t';
}

/*
 * A JSON text as it is, but for line breaks and tabs: in valid JSON they stand between tokens only,
 * and one request is one line.
 */
static void put_json_text(struct sink *k, const char *s)
{
	while (*s != '\0') {
		size_t n = strcspn(s, "\n\r\t");

		if (k->out == NULL)
			k->counted += n;
		else
			strbuf_add(k->out, s, n);
		for (s += n; breaks_line(*s); s++)
			;
	}
}

static void add_piece(struct user_text *text, const char *s, size_t n)
{
	text->pieces[text->count++] = (struct piece){s, n};
	text->bytes += n;
}

/* "Label: value", on a line of its own; nothing where there is no value. */
static void add_field(struct user_text *text, const char *label, const char *value)
{
	if (value == NULL || value[0] == '\0')
		return;
	if (text->count > 0)
		add_piece(text, "\n", 1);
	add_piece(text, label, strlen(label));
	add_piece(text, value, strlen(value));
}

/* "French (fr)"; the tag alone where it has no name. */
static void add_language(struct user_text *text, const char *name, const char *tag)
{
	static const char label[] = "Translate into: ";

	if (name == NULL || name[0] == '\0' || strcmp(name, tag) == 0) {
		add_field(text, label, tag);
		return;
	}
	add_field(text, label, name);
	add_piece(text, " (", 2);
	add_piece(text, tag, strlen(tag));
	add_piece(text, ")", 1);
}

/* The labels are those that the prompts in conf/ speak of. */
static void user_text_make(const struct request *r, struct user_text *text)
{
	*text = (struct user_text){.count = 0};
	if (r->task == TASK_DESCRIBE) {
		add_field(text, "Title: ", r->title);
		add_field(text, "Notes: ", r->notes);
		add_field(text, "House instructions: ", r->instructions);
		return;
	}
	add_language(text, r->language_name, r->language_tag);
	add_field(text, "House instructions: ", r->instructions);
	add_piece(text, "\nDescription:\n", 14);
	add_piece(text, r->description, r->description_n);
}

/* All pieces as one JSON string. */
static void put_user_text(struct sink *k, const struct user_text *text)
{
	struct strbuf joined;

	if (k->out == NULL) {
		k->counted += 2;
		for (size_t i = 0; i < text->count; i++)
			k->counted += json_string_size(text->pieces[i].s, text->pieces[i].n) - 2;
		return;
	}
	strbuf_init(&joined, text->bytes);
	for (size_t i = 0; i < text->count; i++)
		strbuf_add(&joined, text->pieces[i].s, text->pieces[i].n);
	if (strbuf_failed(&joined))
		k->out->failed = true;
	else
		strbuf_add_json(k->out, joined.data, joined.len);
	strbuf_clear(&joined);
}

static void put_image(struct sink *k, const struct request_image *image)
{
	put(k, "{\"type\":\"image_url\",\"image_url\":{\"url\":");
	if (image->url != NULL) {
		put_json(k, image->url, strlen(image->url));
	} else {
		put(k, "\"data:");
		put(k, image->media_type);
		put(k, ";base64,");
		if (k->out == NULL)
			k->counted += (image->n_bytes + 2) / 3 * 4;
		else
			strbuf_add_base64(k->out, image->bytes, image->n_bytes);
		put(k, "\"");
	}
	put(k, "}}");
}

static void put_content(struct sink *k, const struct request *r)
{
	struct user_text text;
	const size_t n_images = r->task == TASK_DESCRIBE ? r->n_images : 0;

	user_text_make(r, &text);
	put(k, "[");
	/* an empty text part is refused, and so is a message without any part */
	if (text.count > 0 || n_images == 0) {
		put(k, "{\"type\":\"text\",\"text\":");
		put_user_text(k, &text);
		put(k, n_images > 0 ? "}," : "}");
	}
	for (size_t i = 0; i < n_images; i++) {
		if (i > 0)
			put(k, ",");
		put_image(k, &r->images[i]);
	}
	put(k, "]");
}

static void put_body(struct sink *k, const struct request *r, const char *service_tier)
{
	put(k, "{\"model\":");
	put_json(k, r->model, strlen(r->model));
	put(k, ",\"messages\":[{\"role\":\"developer\",\"content\":");
	put_json(k, r->prompt, strlen(r->prompt));
	put(k, "},{\"role\":\"user\",\"content\":");
	put_content(k, r);
	put(k, "}],\"max_completion_tokens\":");
	put_integer(k, r->max_output_tokens);
	put(k, ",\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"");
	put(k, schema_names[r->task]);
	put(k, "\",\"strict\":true,\"schema\":");
	put_json_text(k, r->schema);
	put(k, "}}");
	if (service_tier != NULL) {
		put(k, ",\"service_tier\":");
		put_json(k, service_tier, strlen(service_tier));
	}
	put(k, "}");
}

/* The line around the body; a custom_id of NULL counts as the longest there is. */
static void put_line(struct sink *k, const struct request *r, const char *custom_id)
{
	put(k, "{\"custom_id\":");
	if (custom_id == NULL)
		k->counted += 2 + CUSTOM_ID_SIZE - 1;
	else
		put_json(k, custom_id, strlen(custom_id));
	put(k, ",\"method\":\"POST\",\"url\":\"/v1/chat/completions\",\"body\":");
	put_body(k, r, NULL);
	put(k, "}\n");
}

/* What was appended in part is taken back: half a line must not reach a file. */
static int finish(struct strbuf *out, size_t begin)
{
	if (!strbuf_failed(out))
		return 0;
	strbuf_truncate(out, begin);
	return -1;
}

int request_line_render(const struct request *r, const char *custom_id, struct strbuf *out)
{
	struct sink k = {.out = out};
	const size_t begin = out->len;

	put_line(&k, r, custom_id);
	return finish(out, begin);
}

int request_body_render(const struct request *r, const char *service_tier, struct strbuf *out)
{
	struct sink k = {.out = out};
	const size_t begin = out->len;

	put_body(&k, r, service_tier);
	return finish(out, begin);
}

size_t request_line_size(const struct request *r)
{
	struct sink k = {.out = NULL};

	put_line(&k, r, NULL);
	return k.counted;
}

int64_t request_tokens(const struct request *r)
{
	struct user_text text;
	size_t bytes = strlen(r->prompt) + strlen(r->schema);
	const size_t n_images = r->task == TASK_DESCRIBE ? r->n_images : 0;

	user_text_make(r, &text);
	bytes += text.bytes;
	return (int64_t)((bytes + BYTES_PER_TOKEN - 1) / BYTES_PER_TOKEN) +
	       (int64_t)n_images * REQUEST_IMAGE_TOKENS;
}
