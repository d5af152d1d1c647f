/* SPDX-License-Identifier: ISC */
/*
 * data_url: an image inside a JSON string, "data:image/png;base64,...".
 *
 * Read straight from the JSON text, escapes and all (some encoders write every slash as \/), so
 * that an image is never held twice. Types: PNG, JPEG, WebP, GIF, by name and by the first bytes.
 */
#ifndef CORE_DATA_URL_H
#define CORE_DATA_URL_H

#include <stdbool.h>
#include <stddef.h>

#include "core/json_scan.h"
#include "core/strbuf.h"

struct data_url {
	const char *media_type; /* "image/png", ...: a constant */
	size_t bytes;           /* decoded */
	struct json_span source;
	size_t base64_at; /* where in source the base64 begins */
};

/* True where the string begins with "data:" (in either case). */
bool data_url_is(struct json_span string);
/*
 * Check the whole: type known, strict base64 (padding, no white space, no stray bits), at most
 * max_bytes decoded, first bytes of that type. 0 and *out, or -1 and *why, a constant.
 */
int data_url_check(struct json_span string, size_t max_bytes, struct data_url *out,
		   const char **why);
/* Append the decoded bytes of a checked data URL. 0, or -1 where the buffer failed. */
int data_url_decode(const struct data_url *url, struct strbuf *out);

#endif
