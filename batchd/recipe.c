/* SPDX-License-Identifier: ISC */
#include "batchd/recipe.h"

#include <json-c/json_object.h>
#include <stdlib.h>
#include <string.h>

#include "common/must.h"
#include "core/json_schema.h"
#include "core/request_line.h"

struct recipes {
	struct recipe *first;
};

static char *copy(const char *s)
{
	return must(strdup(s ? s : ""));
}

struct recipes *recipes_new(void)
{
	return must(calloc(1, sizeof(struct recipes)));
}

static void recipe_free(struct recipe *r)
{
	free(r->model);
	free(r->prompt);
	free(r->schema);
	json_object_put(r->schema_tree);
	free(r);
}

void recipes_free(struct recipes **r)
{
	if (!*r)
		return;
	while ((*r)->first) {
		struct recipe *next = (*r)->first->next;

		recipe_free((*r)->first);
		(*r)->first = next;
	}
	free(*r);
	*r = NULL;
}

static struct recipe *read_recipe(struct db *db, int64_t id, struct err *err)
{
	struct db_rows *rows;
	struct recipe *r = NULL;
	int task;

	if (db_query(db, STMT_RECIPE_READ, DB_P(db_int(id)), &rows, err) < 0)
		return NULL;
	if (!db_next(rows)) {
		err_set(err, ERR_BUG, 0, "there is no recipe %lld", (long long)id);
		goto out;
	}
	task = name_find(task_names, TASK_COUNT, db_get_text(rows, 1, NULL));
	if (task < 0)
		abort();
	r = must(calloc(1, sizeof(*r)));
	r->id = id;
	r->task = (enum task)task;
	strncpy(r->hash, db_get_text(rows, 0, NULL), sizeof(r->hash) - 1);
	r->model = copy(db_get_text(rows, 2, NULL));
	r->prompt = copy(db_get_text(rows, 3, NULL));
	r->schema = copy(db_get_text(rows, 4, NULL));
	r->max_output_tokens = db_get_int(rows, 5);
	r->max_output_tokens_retry = db_get_int(rows, 6);
	/* What was imported is held to none. */
	if (r->schema[0] &&
	    json_schema_load(r->schema, strlen(r->schema), &r->schema_tree, err) < 0) {
		recipe_free(r);
		r = NULL;
	}
out:
	db_rows_free(&rows);
	return r;
}

const struct recipe *recipe_get(struct recipes *cache, struct db *db, int64_t id, struct err *err)
{
	struct recipe *r = cache->first;

	while (r && r->id != id)
		r = r->next;
	if (!r) {
		r = read_recipe(db, id, err);
		if (r) {
			r->next = cache->first;
			cache->first = r;
		}
	}
	return r;
}

struct estimate recipe_estimate_translation(const struct recipe *r, const char *instructions,
					    const char *description, size_t n)
{
	const struct request q = {
		.task = TASK_TRANSLATE,
		.model = r->model,
		.prompt = r->prompt,
		.schema = r->schema,
		.max_output_tokens = r->max_output_tokens_retry,
		.instructions = instructions,
		.language_tag = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", /* the longest, RFC 5646 */
		.language_name = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
		.description = description,
		.description_n = n,
	};

	return (struct estimate){.bytes = (int64_t)request_line_size(&q),
				 .tokens = request_tokens(&q)};
}
