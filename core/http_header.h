/* SPDX-License-Identifier: ISC */
/*
 * http_header: the headers of a request that are read here, each from the text that came, whatever
 * it is. Strings only; nothing is kept.
 */
#ifndef CORE_HTTP_HEADER_H
#define CORE_HTTP_HEADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HTTP_LENGTH_ABSENT (-1)
#define HTTP_LENGTH_BAD    (-2)

/* Content-Length (NULL: absent), or one of the two: it is digits, and below 2^63. */
int64_t http_content_length(const char *content_length);
/*
 * True where If-None-Match (NULL: absent) names the entity tag (with its quotes), compared weakly.
 * What compressing web servers append to a tag (-gzip, -br, -deflate, -zstd) is no difference.
 */
bool http_etag_matches(const char *if_none_match, const char *etag);
/*
 * Seconds of the preference wait=N in Prefer (NULL: absent), INT32_MAX at most; 0 where there is
 * none or it is no number.
 */
int64_t http_prefer_wait_s(const char *prefer);
/*
 * The key in Idempotency-Key (draft-ietf-httpapi-idempotency-key-header-07), bare or quoted: 0 and
 * its text without quotes, borrowed from the header; -1 where it has no visible ASCII characters
 * alone, or too few or many.
 */
#define HTTP_KEY_BYTES 255
int http_idempotency_key(const char *header, const char **key, size_t *n);
/* The key in Authorization: Bearer KEY, borrowed from the header; NULL where it is another scheme. */
const char *http_bearer(const char *authorization);
/* True where Content-Type is absent, application/json or application/...+json. */
bool http_is_json(const char *content_type);

#endif
