/* SPDX-License-Identifier: ISC */
#include "batchctl/table.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/must.h"
#include "core/status.h"
#include "core/timemath.h"
#include "core/utf8.h"

#define GAP        "  "
#define CELL_BYTES (1u << 20)

struct cell {
	bool is_null;
	int64_t i;
	char *text; /* owned; TABLE_TEXT and TABLE_JSON */
};

struct table {
	struct table_column *columns; /* owned; their texts are not, but where own_names says so */
	char **own_names;             /* of table_from_rows, else NULL */
	size_t n_columns;
	struct cell *cells; /* row after row */
	size_t n_cells, cap_cells;
	int64_t now;
};

struct table *table_new(const struct table_column *columns, size_t n, int64_t now)
{
	struct table *t = must(calloc(1, sizeof(*t)));

	t->columns = must(calloc(n, sizeof(*t->columns)));
	memcpy(t->columns, columns, n * sizeof(*columns));
	t->n_columns = n;
	t->now = now;
	return t;
}

void table_free(struct table **t)
{
	if (!*t)
		return;
	for (size_t i = 0; i < (*t)->n_cells; i++)
		free((*t)->cells[i].text);
	for (size_t i = 0; (*t)->own_names && i < (*t)->n_columns; i++)
		free((*t)->own_names[i]);
	free((*t)->own_names);
	free((*t)->cells);
	free((*t)->columns);
	free(*t);
	*t = NULL;
}

size_t table_rows(const struct table *t)
{
	return t->n_cells / t->n_columns;
}

static struct cell *add_cell(struct table *t)
{
	if (t->n_cells == t->cap_cells) {
		t->cap_cells = t->cap_cells ? 2 * t->cap_cells : 64;
		t->cells = must(realloc(t->cells, t->cap_cells * sizeof(*t->cells)));
	}
	t->cells[t->n_cells] = (struct cell){0};
	return &t->cells[t->n_cells++];
}

static void load_cell(struct table *t, const struct db_rows *rows, unsigned col)
{
	struct cell *cell = add_cell(t);

	cell->is_null = db_is_null(rows, col);
	if (cell->is_null)
		return;
	switch (t->columns[col].kind) {
	case TABLE_TEXT:
	case TABLE_JSON:
		cell->text = must(strdup(db_get_text(rows, col, NULL)));
		return;
	case TABLE_TIME:
	case TABLE_AGE:
		cell->i = db_get_time(rows, col);
		return;
	case TABLE_INT:
	case TABLE_BOOL:
	case TABLE_MONEY:
		cell->i = db_get_int(rows, col);
		return;
	}
}

void table_load(struct table *t, struct db_rows *rows)
{
	while (db_next(rows))
		for (unsigned col = 0; col < t->n_columns; col++)
			load_cell(t, rows, col);
}

void table_add(struct table *t, const struct table_value *values)
{
	for (size_t col = 0; col < t->n_columns; col++) {
		const enum table_kind kind = t->columns[col].kind;
		struct cell *cell = add_cell(t);

		cell->i = values[col].i;
		if (kind == TABLE_TEXT || kind == TABLE_JSON)
			cell->is_null = values[col].text == NULL;
		else
			cell->is_null = (kind == TABLE_TIME || kind == TABLE_AGE) &&
					(cell->i == 0 || cell->i == T_NEVER);
		if (values[col].text)
			cell->text = must(strdup(values[col].text));
	}
}

struct table *table_from_rows(struct db_rows *rows, int64_t now)
{
	const unsigned n = db_rows_columns(rows);
	struct table_column *columns = must(calloc(n, sizeof(*columns)));
	struct table *t;

	t = table_new(columns, n, now);
	free(columns);
	t->own_names = must(calloc(n, sizeof(*t->own_names)));
	for (unsigned i = 0; i < n; i++) {
		t->own_names[i] = must(strdup(db_rows_name(rows, i)));
		t->columns[i] = (struct table_column){t->own_names[i], t->own_names[i], TABLE_TEXT};
	}
	table_load(t, rows);
	return t;
}

/* ---- For a person. */

/* Names and the provider's texts may hold anything: what steers a terminal is not shown. */
static void add_visible(struct strbuf *b, const char *s)
{
	size_t left = strlen(s);

	while (left > 0) {
		const size_t n = utf8_sequence(s, left);
		const unsigned char c = (unsigned char)s[0];
		const bool is_control = n == 0 || c < 0x20 || c == 0x7f ||
					(c == 0xc2 && (unsigned char)s[1] < 0xa0);

		if (is_control)
			strbuf_addc(b, c == '\n' || c == '\t' ? ' ' : '?');
		else
			strbuf_add(b, s, n);
		s += n ? n : 1;
		left -= n ? n : 1;
	}
}

static void add_instant(struct strbuf *b, int64_t t_us)
{
	char text[RFC3339_SIZE];

	rfc3339_format(t_us - t_us % T_S, text);
	strbuf_adds(b, text);
}

static void add_age(struct strbuf *b, int64_t t_us, int64_t now)
{
	char text[64];
	const bool is_past = t_us <= now;

	if (t_sub(now, t_us) < T_S && t_sub(t_us, now) < T_S) {
		strbuf_adds(b, "now");
		return;
	}
	duration_format(is_past ? t_sub(now, t_us) : t_sub(t_us, now), text, sizeof(text));
	strbuf_addf(b, is_past ? "%s ago" : "in %s", text);
}

static void cell_show(const struct table *t, size_t row, size_t col, struct strbuf *b)
{
	const struct cell *cell = &t->cells[row * t->n_columns + col];

	strbuf_reset(b);
	if (cell->is_null)
		return;
	switch (t->columns[col].kind) {
	case TABLE_JSON:
		if (strcmp(cell->text, "[]") != 0)
			add_visible(b, cell->text);
		return;
	case TABLE_TEXT:
		add_visible(b, cell->text);
		return;
	case TABLE_INT:
		strbuf_addi(b, cell->i);
		return;
	case TABLE_BOOL:
		strbuf_adds(b, cell->i ? "yes" : "no");
		return;
	case TABLE_TIME:
		add_instant(b, cell->i);
		return;
	case TABLE_AGE:
		add_age(b, cell->i, t->now);
		return;
	case TABLE_MONEY:
		strbuf_add_money(b, cell->i);
		return;
	}
}

static size_t width_of(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

static void pad(size_t n, FILE *out)
{
	while (n-- > 0)
		fputc(' ', out);
}

static bool is_number(enum table_kind kind)
{
	return kind == TABLE_INT || kind == TABLE_MONEY;
}

/* Width of each column, 0 for one that has no value in any row. */
static size_t *measure(const struct table *t, struct strbuf *b)
{
	size_t *widths = must(calloc(t->n_columns, sizeof(*widths)));

	for (size_t col = 0; col < t->n_columns; col++) {
		for (size_t row = 0; row < table_rows(t); row++) {
			cell_show(t, row, col, b);
			if (width_of(b->data) > widths[col])
				widths[col] = width_of(b->data);
		}
		if (widths[col] > 0 && widths[col] < width_of(t->columns[col].title))
			widths[col] = width_of(t->columns[col].title);
	}
	return widths;
}

static void print_cell(const struct table *t, const size_t *widths, size_t col, const char *text,
		       FILE *out)
{
	const size_t fill = widths[col] - width_of(text);
	bool is_last = true;

	for (size_t i = col + 1; i < t->n_columns; i++)
		if (widths[i] > 0)
			is_last = false;
	if (is_number(t->columns[col].kind))
		pad(fill, out);
	fputs(text, out);
	if (is_last)
		return;
	if (!is_number(t->columns[col].kind))
		pad(fill, out);
	fputs(GAP, out);
}

void table_print(const struct table *t, const char *indent, FILE *out)
{
	struct strbuf b;
	size_t *widths;

	strbuf_init(&b, CELL_BYTES);
	widths = measure(t, &b);
	if (table_rows(t) > 0) {
		fputs(indent, out);
		for (size_t col = 0; col < t->n_columns; col++)
			if (widths[col] > 0)
				print_cell(t, widths, col, t->columns[col].title, out);
		fputc('\n', out);
	}
	for (size_t row = 0; row < table_rows(t); row++) {
		fputs(indent, out);
		for (size_t col = 0; col < t->n_columns; col++) {
			cell_show(t, row, col, &b);
			if (widths[col] > 0)
				print_cell(t, widths, col, b.data, out);
		}
		fputc('\n', out);
	}
	free(widths);
	strbuf_clear(&b);
}

void table_print_record(const struct table *t, FILE *out)
{
	struct strbuf b;
	size_t width = 0;

	strbuf_init(&b, CELL_BYTES);
	for (size_t col = 0; col < t->n_columns; col++)
		if (width_of(t->columns[col].title) > width)
			width = width_of(t->columns[col].title);
	for (size_t col = 0; table_rows(t) > 0 && col < t->n_columns; col++) {
		cell_show(t, 0, col, &b);
		if (b.len == 0)
			continue;
		fputs(t->columns[col].title, out);
		pad(width - width_of(t->columns[col].title), out);
		fprintf(out, GAP "%s", b.data);
		if (t->columns[col].kind == TABLE_TIME) {
			strbuf_reset(&b);
			add_age(&b, t->cells[col].i, t->now);
			fprintf(out, " (%s)", b.data);
		}
		fputc('\n', out);
	}
	strbuf_clear(&b);
}

/* ---- For a program. */

static void cell_json(const struct table *t, size_t row, size_t col, struct strbuf *out)
{
	const struct cell *cell = &t->cells[row * t->n_columns + col];

	if (cell->is_null) {
		strbuf_adds(out, "null");
		return;
	}
	switch (t->columns[col].kind) {
	case TABLE_TEXT:
		strbuf_adds_json(out, cell->text);
		return;
	case TABLE_JSON:
		strbuf_adds(out, cell->text);
		return;
	case TABLE_INT:
		strbuf_addi(out, cell->i);
		return;
	case TABLE_BOOL:
		strbuf_adds(out, cell->i ? "true" : "false");
		return;
	case TABLE_TIME:
	case TABLE_AGE:
		strbuf_add_time(out, cell->i);
		return;
	case TABLE_MONEY:
		strbuf_addc(out, '"');
		strbuf_add_money(out, cell->i);
		strbuf_addc(out, '"');
		return;
	}
}

static void row_json(const struct table *t, size_t row, struct strbuf *out)
{
	for (size_t col = 0; col < t->n_columns; col++) {
		if (col > 0)
			strbuf_addc(out, ',');
		strbuf_adds_json(out, t->columns[col].key);
		strbuf_addc(out, ':');
		cell_json(t, row, col, out);
	}
}

int table_json(const struct table *t, struct strbuf *out)
{
	strbuf_addc(out, '[');
	for (size_t row = 0; row < table_rows(t); row++) {
		strbuf_adds(out, row > 0 ? ",{" : "{");
		row_json(t, row, out);
		strbuf_addc(out, '}');
	}
	return strbuf_addc(out, ']');
}

int table_json_record(const struct table *t, struct strbuf *out)
{
	if (table_rows(t) > 0)
		row_json(t, 0, out);
	return strbuf_failed(out) ? -1 : 0;
}
