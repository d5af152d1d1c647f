/* SPDX-License-Identifier: ISC */
/*
 * config_print: the effective configuration in the file's own syntax;
 * reading it gives the same again.
 */
#include <string.h>

#include "common/config_private.h"

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

static void print_value(const struct key *k, const void *base, FILE *out)
{
	struct strbuf value;

	strbuf_init(&value, VALUE_BYTES);
	key_write(k, base, &value);
	if (!strcmp(k->name, "smtp_url"))
		hide_login(&value);
	if (!strcmp(k->name, "webhook_url"))
		hide_path(&value);
	fprintf(out, "\t%s = %s\n", k->name, value.data);
	strbuf_clear(&value);
}

static void print_list(const char *name, const struct config_list *list, FILE *out)
{
	fprintf(out, "\t%s = {", name);
	for (size_t i = 0; i < list->n; i++)
		fprintf(out, "%s\"%s\"", i ? ", " : "", list->texts[i]);
	fputs("}\n", out);
}

/* A policy without a limit has no way to say so but by silence. */
static bool is_unsaid(const struct key *k, const void *base)
{
	return !strcmp(k->section, "policy") && !strcmp(k->name, "max_requests") &&
	       ((const struct config_policy *)base)->max_requests == INT64_MAX;
}

static void print_section(const char *section, const char *title, const void *base, FILE *out)
{
	struct strbuf name;

	strbuf_init(&name, VALUE_BYTES);
	if (title)
		text_write(title, &name);
	fprintf(out, "%s%s%s {\n", section, title ? " " : "", name.data);
	strbuf_clear(&name);
	for (size_t i = 0; i < n_keys; i++) {
		if (strcmp(keys[i].section, section) != 0 || is_unsaid(&keys[i], base))
			continue;
		if (keys[i].kind == KEY_LIST)
			print_list(keys[i].name, (const void *)((const char *)base + keys[i].at),
				   out);
		else
			print_value(&keys[i], base, out);
	}
	fputs("}\n", out);
}

void config_print(const struct config *c, FILE *out)
{
	for (size_t i = 0; i < n_keys; i++) {
		const char *section = keys[i].section;

		if (i > 0 && !strcmp(section, keys[i - 1].section))
			continue;
		if (!section_is_titled(section))
			print_section(section, NULL, c, out);
		for (size_t m = 0; !strcmp(section, "model") && m < c->n_models; m++)
			print_section(section, c->models[m].name, &c->models[m], out);
		for (size_t p = 0; !strcmp(section, "policy") && p < c->n_policies; p++)
			print_section(section, c->policies[p].name, &c->policies[p], out);
	}
}
