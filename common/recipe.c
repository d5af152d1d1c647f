/* SPDX-License-Identifier: ISC */
/* recipe: see recipe.h. */
#include "common/recipe.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "core/limits.h"
#include "core/strbuf.h"

void sha256(const void *bytes, size_t n, unsigned char out[32])
{
	unsigned int size = 0;

	if (EVP_Digest(bytes, n, out, &size, EVP_sha256(), NULL) != 1 || size != 32)
		abort();
}

/* With its length before it, so that no two recipes have the same text. */
static void add_part(struct strbuf *text, const char *part)
{
	strbuf_addu(text, strlen(part));
	strbuf_addc(text, ':');
	strbuf_adds(text, part);
}

static void recipe_hash(struct recipe *r)
{
	unsigned char digest[32];
	struct strbuf text;

	strbuf_init(&text, LIMIT_PROMPT_BYTES + LIMIT_SCHEMA_BYTES + 4096);
	add_part(&text, task_names[r->task]);
	add_part(&text, r->model);
	add_part(&text, r->prompt);
	add_part(&text, r->schema);
	strbuf_addi(&text, r->max_output_tokens);
	strbuf_addc(&text, ':');
	strbuf_addi(&text, r->max_output_tokens_retry);
	if (strbuf_failed(&text))
		abort(); /* config_load checked the sizes */
	sha256(text.data, text.len, digest);
	for (size_t i = 0; i < sizeof(digest); i++) {
		r->hash[2 * i] = "0123456789abcdef"[digest[i] >> 4];
		r->hash[2 * i + 1] = "0123456789abcdef"[digest[i] & 15];
	}
	r->hash[64] = '\0';
	strbuf_clear(&text);
}

void recipe_init(struct recipe *r, enum task task, const struct config *config)
{
	const struct config_task *t =
		task == TASK_DESCRIBE ? &config->describe : &config->translate;
	const struct config_model *m = config_model_find(config, t->model);

	*r = (struct recipe){
		.task = task,
		.model = t->model,
		.prompt = t->prompt,
		.schema =
			config->describe.schema, /* a translation has the keys of its description */
		.max_output_tokens = m->max_output_tokens,
		.max_output_tokens_retry = m->max_output_tokens_retry,
	};
	recipe_hash(r);
}

/* 1 and *id, 0 where there is none, -1. */
static int recipe_find(struct db *db, const struct recipe *r, int64_t *id, struct err *err)
{
	struct db_rows *rows;
	int found;

	if (db_query(db, STMT_RECIPE_ROW_FIND, DB_P(db_text(r->hash)), &rows, err) < 0)
		return -1;
	found = db_next(rows);
	if (found)
		*id = db_get_int(rows, 0);
	db_rows_free(&rows);
	return found;
}

int recipe_store(struct db *db, const struct recipe *r, int64_t now, int64_t *id, struct err *err)
{
	int found = recipe_find(db, r, id, err);

	if (found != 0)
		return found < 0 ? -1 : 0;
	if (db_exec(db, STMT_RECIPE_ROW_ADD,
		    DB_P(db_text(r->hash), db_text(task_names[r->task]), db_text(r->model),
			 db_text(r->prompt), db_text(r->schema), db_int(r->max_output_tokens),
			 db_int(r->max_output_tokens_retry), db_time(now)),
		    err) < 0 &&
	    !db_err_is_duplicate(err))
		return -1;
	/* Another order may have been first: then the row is its, and visible now. */
	found = recipe_find(db, r, id, err);
	if (found == 0)
		return err_set(err, ERR_CONFLICT, 0, "recipe %s went away", r->hash);
	return found < 0 ? -1 : 0;
}
