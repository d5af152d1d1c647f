/* SPDX-License-Identifier: ISC */
/*
 * request_line: one item -> one JSONL line of a batch's input file (or the body of a
 * synchronous call), with its size and tokens known in advance. Chat Completions with
 * strict structured outputs.
 */
#ifndef CORE_REQUEST_LINE_H
#define CORE_REQUEST_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/model.h"
#include "core/strbuf.h"

struct request_image {
	const char *url; /* http(s); or NULL: a data URL of bytes */
	const char *media_type;
	const void *bytes;
	size_t n_bytes;
};

struct request {
	enum task task;
	const char *model;
	const char *prompt; /* the recipe's, sent as developer message */
	const char *schema; /* JSON text of the answer's schema */
	int64_t max_output_tokens;
	const char *instructions; /* the job's, or NULL */
	/* describe */
	const char *title, *notes; /* or NULL */
	const struct request_image *images;
	size_t n_images;
	/* translate */
	const char *language_tag, *language_name;
	const char *description; /* JSON text, sent byte for byte */
	size_t description_n;
};

/*
 * Append {"custom_id":...,"method":"POST","url":"/v1/chat/completions","body":{...}} and a newline.
 */
int request_line_render(const struct request *r, const char *custom_id, struct strbuf *out);
/* Append the body alone; service_tier is added where it is not NULL. */
int request_body_render(const struct request *r, const char *service_tier, struct strbuf *out);

/*
 * An upper bound of what request_line_render appends, for any custom_id. Images by their sizes
 * alone: bytes may be NULL.
 */
size_t request_line_size(const struct request *r);
/* An estimate of the prompt's tokens: one per 3 bytes of text and REQUEST_IMAGE_TOKENS an image. */
#define REQUEST_IMAGE_TOKENS 1600
int64_t request_tokens(const struct request *r);

#endif
