/* SPDX-License-Identifier: ISC */
/* csv: see csv.h. */
#include "core/csv.h"

#include <string.h>

/* What is decoded at a time. */
#define CHUNK_BYTES 1024

void csv_begin(struct csv_row *row, struct strbuf *out)
{
	*row = (struct csv_row){.out = out};
}

void csv_end(struct csv_row *row)
{
	strbuf_adds(row->out, "\r\n");
}

static void begin_cell(struct csv_row *row)
{
	if (row->any)
		strbuf_addc(row->out, ',');
	row->any = true;
	row->cell_empty = true;
}

static bool begins_formula(char c)
{
	return c != '\0' && strchr("=+-@\t\r\n", c) != NULL;
}

/* Bytes of the cell, within its quotes where it has them. */
static void add_bytes(struct csv_row *row, const char *s, size_t n)
{
	if (n > 0 && row->cell_empty) {
		if (begins_formula(s[0]))
			strbuf_addc(row->out, '\'');
		row->cell_empty = false;
	}
	for (size_t done = 0, i = 0; i <= n; i++) {
		if (i < n && s[i] != '"' && s[i] != '\0')
			continue;
		strbuf_add(row->out, s + done, i - done);
		if (i < n)
			strbuf_adds(row->out, s[i] == '"' ? "\"\"" : "\xef\xbf\xbd");
		done = i + 1;
	}
}

void csv_text(struct csv_row *row, const char *text)
{
	begin_cell(row);
	if (!text)
		return;
	strbuf_addc(row->out, '"');
	add_bytes(row, text, strlen(text));
	strbuf_addc(row->out, '"');
}

static void add_string(struct csv_row *row, struct json_span string)
{
	char chunk[CHUNK_BYTES];
	size_t at = 0;
	size_t len = 0;
	size_t n;

	while ((n = json_string_next(string, &at, chunk + len)) != 0) {
		len += n;
		if (len > CHUNK_BYTES - 4) {
			add_bytes(row, chunk, len);
			len = 0;
		}
	}
	add_bytes(row, chunk, len);
}

static void add_value(struct csv_row *row, struct json_span value)
{
	if (json_kind_of(value) == JSON_KIND_STRING)
		add_string(row, value);
	else
		add_bytes(row, value.p, value.n);
}

static void add_elements(struct csv_row *row, struct json_span array)
{
	struct json_walk w;
	struct json_member m;

	json_walk_begin(&w, array);
	while (json_walk_next(&w, &m)) {
		if (m.index > 0)
			add_bytes(row, "; ", 2);
		add_value(row, m.value);
	}
}

void csv_value(struct csv_row *row, struct json_span value)
{
	const enum json_kind kind = json_kind_of(value);
	const bool bare = kind == JSON_KIND_NUMBER || kind == JSON_KIND_BOOL;

	begin_cell(row);
	if (kind == JSON_KIND_NULL) /* absent, too */
		return;
	if (!bare)
		strbuf_addc(row->out, '"');
	if (kind == JSON_KIND_ARRAY)
		add_elements(row, value);
	else
		add_value(row, value);
	if (!bare)
		strbuf_addc(row->out, '"');
}
