/* SPDX-License-Identifier: ISC */
/* grants: texts of sql/ with the accounts of the two programs put in. It runs nothing. */
#ifndef BATCHCTL_GRANTS_H
#define BATCHCTL_GRANTS_H

#include "core/err.h"
#include "core/strbuf.h"

#define ACCOUNT_SQL_SIZE 256

/* The text of a file below sql/ by its path there, or NULL. */
const char *sql_text_find(const char *name);

/* "NAME" or "NAME@HOST" as a quoted SQL account, of host localhost without HOST. 0, or -1 for
 * anything but letters, digits, dots, dashes and _ (a host also % and :). */
int account_quote(const char *text, char out[ACCOUNT_SQL_SIZE], struct err *err);

/* Append the text with :front_user and :daemon_user replaced. 0 or -1. */
int grants_render(const char *text, const char *front_user, const char *daemon_user,
		  struct strbuf *out, struct err *err);

/* Append the text with every occurrence of a word replaced. */
int text_replace(const char *text, const char *word, const char *with, struct strbuf *out);

#endif
