/* SPDX-License-Identifier: ISC */
/* recipe: what is asked of the model, read once and kept: recipes never change (content hash). */
#ifndef BATCHD_RECIPE_H
#define BATCHD_RECIPE_H

#include <json-c/json_types.h>
#include <stdint.h>

#include "common/db.h"
#include "core/err.h"
#include "core/model.h"

struct recipe {
	int64_t id;
	char hash[65];
	enum task task;
	char *model, *prompt, *schema;
	struct json_object *schema_tree;
	int64_t max_output_tokens, max_output_tokens_retry;
	struct recipe *next;
};

struct recipes;

struct recipes *recipes_new(void);
void recipes_free(struct recipes **r);
/*
 * Borrowed for the life of the cache. NULL with *err where it is not there
 * or its schema is refused.
 */
const struct recipe *recipe_get(struct recipes *r, struct db *db, int64_t id, struct err *err);

/* Upper bounds for a request line that has this description translated, into whatever language. */
struct estimate {
	int64_t bytes, tokens;
};
struct estimate recipe_estimate_translation(const struct recipe *r, const char *instructions,
					    const char *description, size_t n);

#endif
