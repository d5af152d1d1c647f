/* SPDX-License-Identifier: ISC */
/* lot_csv: see lot_csv.h. */
#include "fcgi_app/lot_csv.h"

#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "core/csv.h"
#include "core/json_schema.h"
#include "core/json_util.h"
#include "core/limits.h"

/* Our own columns, around those of the schema. */
static const char *const first_columns[] = {"lot_id", "lot_title", "language"};
static const char *const last_columns[] = {"source", "repaired", "error"};

#define N_FIRST (sizeof(first_columns) / sizeof(first_columns[0]))
#define N_LAST  (sizeof(last_columns) / sizeof(last_columns[0]))

static void take_columns(struct lot_csv *csv)
{
	struct json_object *properties =
		csv->schema ? json_get_object(csv->schema, "properties") : NULL;
	size_t n = properties ? (size_t)json_object_object_length(properties) : 0;
	struct json_object_iterator at, end;

	csv->names = calloc(n + 1, sizeof(*csv->names));
	csv->cells = calloc(n + 1, sizeof(*csv->cells));
	if (!csv->names || !csv->cells)
		abort();
	if (!csv->schema)
		csv->names[csv->n_columns++] = "value";
	if (n == 0)
		return;
	at = json_object_iter_begin(properties);
	end = json_object_iter_end(properties);
	for (; !json_object_iter_equal(&at, &end); json_object_iter_next(&at))
		csv->names[csv->n_columns++] = json_object_iter_peek_name(&at);
}

int lot_csv_init(struct lot_csv *csv, struct call *c, int64_t job_id)
{
	struct err err = {.class = ERR_BUG, .text = "the job has no recipe"};
	struct db_rows *rows;
	const char *text;
	size_t n;
	int rc = -1;

	*csv = (struct lot_csv){0};
	if (call_query(c, STMT_FRONT_JOB_SCHEMA, DB_P(db_int(job_id)), &rows) < 0)
		return -1;
	if (db_next(rows)) {
		text = db_get_text(rows, 0, &n);
		rc = n > 0 ? json_schema_load(text, n, &csv->schema, &err) : 0;
	}
	db_rows_free(&rows);
	if (rc < 0) {
		err.class = ERR_BUG; /* it was checked when it was stored */
		call_fail(c, &err);
		return -1;
	}
	take_columns(csv);
	return 0;
}

void lot_csv_clear(struct lot_csv *csv)
{
	json_object_put(csv->schema);
	free(csv->names);
	free(csv->cells);
	*csv = (struct lot_csv){0};
}

static bool is_ours(const char *name)
{
	for (size_t i = 0; i < N_FIRST; i++)
		if (strcmp(name, first_columns[i]) == 0)
			return true;
	for (size_t i = 0; i < N_LAST; i++)
		if (strcmp(name, last_columns[i]) == 0)
			return true;
	return false;
}

/* No two columns have one name: a property that is called as one of ours is "value.source". */
static void add_name(struct csv_row *row, const char *name)
{
	struct strbuf text;

	strbuf_init(&text, LIMIT_SCHEMA_BYTES + 8);
	strbuf_adds(&text, is_ours(name) ? "value." : "");
	strbuf_adds(&text, name);
	csv_text(row, text.data);
	strbuf_clear(&text);
}

void lot_csv_header(const struct lot_csv *csv, struct strbuf *out)
{
	struct csv_row row;

	strbuf_adds(out, CSV_BYTE_ORDER_MARK);
	csv_begin(&row, out);
	for (size_t i = 0; i < N_FIRST; i++)
		csv_text(&row, first_columns[i]);
	for (size_t i = 0; i < csv->n_columns; i++)
		add_name(&row, csv->names[i]);
	for (size_t i = 0; i < N_LAST; i++)
		csv_text(&row, last_columns[i]);
	csv_end(&row);
}

/* The column of a key: mostly the next one. n_columns: none. */
static size_t column_of(const struct lot_csv *csv, struct json_span key, size_t next)
{
	for (size_t i = 0; i < csv->n_columns; i++) {
		const size_t column = (next + i) % csv->n_columns;
		const char *name = csv->names[column];

		if (json_string_equals(key, name, strlen(name)))
			return column;
	}
	return csv->n_columns;
}

static void take_cells(struct lot_csv *csv, const struct lot_item *item)
{
	struct json_walk w;
	struct json_member m;
	size_t next = 0;

	memset(csv->cells, 0, csv->n_columns * sizeof(*csv->cells));
	if (!item->value)
		return;
	if (!csv->schema) {
		csv->cells[0] = json_span_of(item->value, item->value_n);
		return;
	}
	json_walk_begin(&w, json_span_of(item->value, item->value_n));
	while (w.object && json_walk_next(&w, &m)) {
		const size_t column = column_of(csv, m.key, next);

		if (column == csv->n_columns)
			continue;
		csv->cells[column] = m.value;
		next = column + 1;
	}
}

void lot_csv_row(struct lot_csv *csv, const char *lot_id, const char *lot_title,
		 const struct lot_item *item, struct strbuf *out)
{
	struct csv_row row;

	take_cells(csv, item);
	csv_begin(&row, out);
	csv_text(&row, lot_id);
	csv_text(&row, lot_title);
	csv_text(&row, item->tag);
	for (size_t i = 0; i < csv->n_columns; i++)
		csv_value(&row, csv->cells[i]);
	csv_text(&row, item->source);
	csv_text(&row, item->repaired);
	csv_text(&row, item->code);
	csv_end(&row);
}
