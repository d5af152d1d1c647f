/* SPDX-License-Identifier: ISC */
/*
 * err: how a failure is told. One fixed-size struct, so that reporting cannot fail.
 *
 * Functions return 0 or -1 (or 1 / 0 / -1 for "a row / none / error"); `struct err *err` is always
 * the last parameter and is written only on failure. Other outputs are untouched on failure.
 */
#ifndef CORE_ERR_H
#define CORE_ERR_H

#include <stdarg.h>

enum err_class {
	ERR_NONE,
	ERR_LATER,    /* not now: try again after a while */
	ERR_NEVER,    /* the request itself is wrong: trying again changes nothing */
	ERR_CONFLICT, /* lost a race: reload and decide again */
	ERR_UNKNOWN,  /* a write whose answer was lost: look first, then decide */
	ERR_BUG,      /* our own fault: log, do not retry */
	ERR_CLASS_COUNT
};

struct err {
	enum err_class class;
	int detail;     /* number of the lower layer (errno, MySQL error, HTTP status), or 0 */
	char text[240]; /* one line for a person, never NULL, without a final full stop */
};

/* Fill *err (NULL is allowed) with a formatted text, cut at its size. Always returns -1. */
int err_set(struct err *err, enum err_class class, int detail, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* Put "prefix: " before the text that is there. Always returns -1. */
int err_prefix(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* "later", "never", ... for logs. */
const char *err_class_name(enum err_class class);

#endif
