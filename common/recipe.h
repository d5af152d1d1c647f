/* SPDX-License-Identifier: ISC */
/*
 * recipe: what is asked of the model for one task, named by the SHA-256 of its content. Texts are
 * borrowed from the configuration.
 */
#ifndef COMMON_RECIPE_H
#define COMMON_RECIPE_H

#include <stdint.h>

#include "common/config.h"
#include "common/db.h"
#include "core/err.h"
#include "core/model.h"

struct recipe {
	enum task task;
	const char *model, *prompt, *schema;
	int64_t max_output_tokens, max_output_tokens_retry;
	char hash[65]; /* hex */
};

void recipe_init(struct recipe *r, enum task task, const struct config *config);
/* Inside a transaction: the row of the recipe, inserted where there is none. 0 and *id, or -1. */
int recipe_store(struct db *db, const struct recipe *r, int64_t now, int64_t *id, struct err *err);

/* SHA-256 of n bytes (aborts where the library fails). */
void sha256(const void *bytes, size_t n, unsigned char out[32]);

#endif
