/* SPDX-License-Identifier: ISC */
/*
 * err: see err.h. Texts are built in a buffer of their own first, so that the old text may be one
 * of the arguments of the new one.
 */
#include "core/err.h"

#include <stdio.h>
#include <string.h>

#include "core/ascii.h"
#include "core/utf8.h"

#define TEXT_SIZE sizeof(((struct err *)NULL)->text)

static const char *const class_names[ERR_CLASS_COUNT] = {
	[ERR_NONE] = "none",         [ERR_LATER] = "later",     [ERR_NEVER] = "never",
	[ERR_CONFLICT] = "conflict", [ERR_UNKNOWN] = "unknown", [ERR_BUG] = "bug",
};

/* One line, and no character cut in half: texts end in logs and in JSON. */
static void keep_text(struct err *err, char *text)
{
	size_t len = strnlen(text, TEXT_SIZE - 1);

	text[len] = '\0';
	for (char *p = text; *p != '\0'; p++)
		if (ascii_is_control(*p))
			*p = ' ';
	len = utf8_whole(text, len);
	memcpy(err->text, text, len);
	err->text[len] = '\0';
}

int err_set(struct err *err, enum err_class class, int detail, const char *fmt, ...)
{
	char text[TEXT_SIZE];
	va_list ap;

	if (err == NULL)
		return -1;
	va_start(ap, fmt);
	if (vsnprintf(text, sizeof(text), fmt, ap) < 0)
		text[0] = '\0';
	va_end(ap);
	err->class = class;
	err->detail = detail;
	keep_text(err, text);
	return -1;
}

int err_prefix(struct err *err, const char *fmt, ...)
{
	char text[2 * TEXT_SIZE + 2];
	va_list ap;
	int n;

	if (err == NULL)
		return -1;
	va_start(ap, fmt);
	n = vsnprintf(text, TEXT_SIZE, fmt, ap);
	va_end(ap);
	if (n < 0)
		return -1;
	strcat(text, ": ");
	strcat(text, err->text);
	keep_text(err, text);
	return -1;
}

const char *err_class_name(enum err_class class)
{
	if ((unsigned int)class >= ERR_CLASS_COUNT)
		return "?";
	return class_names[class];
}
