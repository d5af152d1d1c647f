/* SPDX-License-Identifier: ISC */
#include "batchctl/grants.h"

#include <stdio.h>
#include <string.h>

#include "common/sql_text.h"

#define NAME_CHARS         "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"
#define ACCOUNT_PART_BYTES 100

const char *sql_text_find(const char *name)
{
	for (const struct sql_text *t = sql_texts; t->name; t++)
		if (strcmp(t->name, name) == 0)
			return t->text;
	return NULL;
}

int account_quote(const char *text, char out[ACCOUNT_SQL_SIZE], struct err *err)
{
	const size_t name = strspn(text, NAME_CHARS);
	const char *host = text[name] == '@' ? text + name + 1 : "localhost";
	const size_t host_n = strspn(host, NAME_CHARS "%:");

	if (name == 0 || name > ACCOUNT_PART_BYTES || host_n == 0 || host_n > ACCOUNT_PART_BYTES ||
	    (text[name] != '\0' && text[name] != '@') || host[host_n] != '\0')
		return err_set(err, ERR_NEVER, 0,
			       "\"%.80s\" is not a database account (NAME or NAME@HOST)", text);
	snprintf(out, ACCOUNT_SQL_SIZE, "'%.*s'@'%s'", (int)name, text, host);
	return 0;
}

int text_replace(const char *text, const char *word, const char *with, struct strbuf *out)
{
	const char *found;

	while ((found = strstr(text, word))) {
		strbuf_add(out, text, (size_t)(found - text));
		strbuf_adds(out, with);
		text = found + strlen(word);
	}
	return strbuf_adds(out, text);
}

int grants_render(const char *text, const char *front_user, const char *daemon_user,
		  struct strbuf *out, struct err *err)
{
	char front[ACCOUNT_SQL_SIZE], daemon[ACCOUNT_SQL_SIZE];
	struct strbuf half;
	int ret;

	if (account_quote(front_user, front, err) != 0 ||
	    account_quote(daemon_user, daemon, err) != 0)
		return -1;
	strbuf_init(&half, out->limit);
	text_replace(text, ":front_user", front, &half);
	ret = text_replace(half.data, ":daemon_user", daemon, out);
	if (strbuf_failed(&half))
		ret = -1;
	strbuf_clear(&half);
	return ret == 0 ? 0 : err_set(err, ERR_BUG, 0, "the grants are too long");
}
