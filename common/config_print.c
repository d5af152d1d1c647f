/* SPDX-License-Identifier: ISC */
/*
 * config_print: the effective configuration in the file's own syntax;
 * reading it gives the same again, but for what is hidden.
 */
#include <stdlib.h>
#include <string.h>

#include "common/config_private.h"
#include "common/log.h"

#define VALUE_BYTES (64u << 10)

/* A login in a URL is no more printed than the contents of files with secrets. */
static void hide_login(struct strbuf *value)
{
	char *begin = strstr(value->data, "://"), *end = strrchr(value->data, '@');

	if (begin && end) {
		begin += strlen("://");
		*begin = '*';
		memmove(begin + 1, end, strlen(end) + 1);
	}
}

/* Whoever knows the path of a webhook may write there. */
static void hide_path(struct strbuf *value)
{
	const char *begin = strstr(value->data, "://");
	const char *path = begin ? strpbrk(begin + strlen("://"), "/?#") : NULL;

	if (path) {
		strbuf_truncate(value, (size_t)(path - value->data));
		strbuf_adds(value, "/*\"");
	}
}

static void hide(const struct key *k, struct strbuf *value)
{
	if (!strcmp(k->name, "smtp_url"))
		hide_login(value);
	if (!strcmp(k->name, "webhook_url"))
		hide_path(value);
	if (!strcmp(k->name, "command"))
		log_redact(value->data); /* never longer; the buffer is not appended to */
}

static void list_write(const struct config_list *list, struct strbuf *out)
{
	strbuf_addc(out, '{');
	for (size_t i = 0; i < list->n; i++) {
		strbuf_adds(out, i ? ", " : "");
		text_write(list->texts[i], out);
	}
	strbuf_addc(out, '}');
}

static void value_write(const struct key *k, const void *base, struct strbuf *out)
{
	strbuf_init(out, VALUE_BYTES);
	if (k->kind == KEY_LIST)
		list_write((const void *)((const char *)base + k->at), out);
	else
		key_write(k, base, out);
}

/* base: the section's; def: the same as it is where the file says nothing but what must be said. */
static void print_key(const struct key *k, const void *base, const void *def, FILE *out)
{
	struct strbuf value, usual, shown;

	value_write(k, base, &value);
	value_write(k, def, &usual);
	value_write(k, base, &shown);
	hide(k, &shown);
	fprintf(out, "\t%s = %s%s\n", k->name, shown.data,
		strcmp(shown.data, value.data) != 0             ? " # hidden"
		: k->def && strcmp(value.data, usual.data) == 0 ? " # default"
								: "");
	strbuf_clear(&value);
	strbuf_clear(&usual);
	strbuf_clear(&shown);
}

/* A policy without a limit has no way to say so but by silence. */
static bool is_unsaid(const struct key *k, const void *base)
{
	return !strcmp(k->section, "policy") && !strcmp(k->name, "max_requests") &&
	       ((const struct config_policy *)base)->max_requests == INT64_MAX;
}

static void print_section(const char *section, const char *title, const void *base, const void *def,
			  FILE *out)
{
	struct strbuf name;

	strbuf_init(&name, VALUE_BYTES);
	if (title)
		text_write(title, &name);
	fprintf(out, "%s%s%s {\n", section, title ? " " : "", name.data);
	strbuf_clear(&name);
	for (size_t i = 0; i < n_keys; i++)
		if (!strcmp(keys[i].section, section) && !is_unsaid(&keys[i], base))
			print_key(&keys[i], base, def, out);
	fputs("}\n", out);
}

/* What of a model need not be said may follow from what is. */
static void print_model(const struct config_model *m, FILE *out)
{
	struct config_model def = {.max_output_tokens_retry = 2 * m->max_output_tokens,
				   .price_cached = m->price_input};

	for (size_t i = 0; i < n_keys; i++)
		if (!strcmp(keys[i].section, "model") && keys[i].def && keys[i].def != key_keep)
			key_read(&keys[i], keys[i].def, &def, NULL, 0);
	print_section("model", m->name, m, &def, out);
}

/* Every other section begins as "large". */
static void print_policy(const struct config_policy *p, const struct config *def, FILE *out)
{
	const char *like = strcmp(p->name, "small") != 0 ? "large" : "small";
	const struct config_policy *d = def->policies;

	while (strcmp(d->name, like) != 0)
		d++;
	print_section("policy", p->name, p, d, out);
}

void config_print(const struct config *c, FILE *out)
{
	struct config *def;

	if (config_parse(c->path, "", 0, 0, NULL, &def, NULL) < 0)
		abort(); /* an empty file is good (tests/unit/test_config.c) */
	for (size_t i = 0; i < n_keys; i++) {
		const char *section = keys[i].section;

		if (i > 0 && !strcmp(section, keys[i - 1].section))
			continue;
		if (!section_is_titled(section))
			print_section(section, NULL, c, def, out);
		for (size_t m = 0; !strcmp(section, "model") && m < c->n_models; m++)
			print_model(&c->models[m], out);
		for (size_t p = 0; !strcmp(section, "policy") && p < c->n_policies; p++)
			print_policy(&c->policies[p], def, out);
	}
	config_free(&def);
}
