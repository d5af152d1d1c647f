/* SPDX-License-Identifier: ISC */
/*
 * result_line: one line of an output or error file (or the body of a synchronous answer)
 * -> what it is. The reader is lenient in form (null, absent and "" alike; keys in any
 * order) and strict in meaning.
 */
#ifndef CORE_RESULT_LINE_H
#define CORE_RESULT_LINE_H

#include <json-c/json_types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/model.h"
#include "core/outcome.h"
#include "core/repair.h"

enum result_kind {
	RESULT_ANSWER, /* text came back, of whatever grade */
	/* an error that ran: HTTP error, or an answer without text that tells no cost */
	RESULT_FAILURE,
	RESULT_VOID,     /* never ran */
	RESULT_STRANGER, /* custom_id absent or not of our form */
	RESULT_BROKEN,   /* not JSON, or without any known shape */
	RESULT_KIND_COUNT
};

struct result {
	enum result_kind kind;
	uint64_t item; /* ANSWER, FAILURE, VOID */
	unsigned attempt;
	char mark[17];
	enum grade grade; /* ANSWER */
	/*
	 * static: "refused", "cut_off", "content_filter", "invalid_json", "schema_mismatch", or of
	 * line_classify; NULL for a valid answer. Of a salvaged one, what it lacks
	 */
	const char *code;
	enum outcome outcome; /* LATER: asking again may help */
	enum outcome_scope scope;
	const char *text; /* ANSWER: the message's content (or refusal); owned by `doc` */
	size_t text_n;
	bool is_graded; /* ANSWER: it should be a document, and `repaired` says what it is */
	struct repaired repaired;
	char model[129];
	char request_id[129];
	char service_tier[17];
	char message[241]; /* FAILURE: the provider's error text, cut */
	int64_t input_tokens, cached_tokens, output_tokens;
	bool is_cost_untold; /* FAILURE: neither text nor tokens nor error; may have been paid for */
	struct json_object *doc; /* owned; release with result_clear */
};

/*
 * Read a line (without its newline). `schema` is the recipe's parsed schema, or NULL: any
 * object fits; since lines of a batch share a recipe the caller knows it. Never fails: what
 * cannot be read is RESULT_BROKEN.
 */
void result_line_read(const char *line, size_t n, struct json_object *schema, struct result *out);
/*
 * The same for the body of a synchronous chat completion of HTTP status 200 (item,
 * attempt, mark stay empty).
 */
void result_body_read(const char *body, size_t n, struct json_object *schema, struct result *out);
/*
 * Whose line is it, from its head alone (a line that is too large to be read)? Looks for the
 * custom_id; the caller compares all three parts with its rows, so that a text that only looks like
 * one does no harm. 0 or -1.
 */
int result_head_find(const char *head, size_t n, uint64_t *item, unsigned *attempt, char mark[17]);
void result_clear(struct result *r);
/*
 * What a text is worth that should be a document, and *code: static, what it lacks, or NULL where
 * it is valid. is_cut: the provider says that it was cut off.
 */
enum grade repaired_grade(const struct repaired *r, bool is_cut, const char **code);
/* The document of an answer that is valid or salvaged. Borrowed. */
struct json_span result_value(const struct result *r);

struct prices { /* micro-dollars per 1,000,000 tokens */
	int64_t input, cached, output;
	int64_t factor_ppm; /* of the tier: 500000 for batch and flex */
};
/*
 * Cost in micro-dollars, rounded half up; saturating; negative counts are 0,
 * cached counts within input.
 */
int64_t result_cost(int64_t input_tokens, int64_t cached_tokens, int64_t output_tokens,
		    const struct prices *p);

#endif
