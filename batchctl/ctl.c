/* SPDX-License-Identifier: ISC */
#include "batchctl/ctl.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

#define OUTPUT_BYTES (256u << 20)

#define DB_ERR_TABLE_DENIED  1142
#define DB_ERR_COLUMN_DENIED 1143
#define DB_ERR_DENIED        1044

static int exit_code_of(const struct err *err)
{
	if (err->detail == DB_ERR_TABLE_DENIED || err->detail == DB_ERR_COLUMN_DENIED ||
	    err->detail == DB_ERR_DENIED)
		return EX_NOPERM;
	switch (err->class) {
	case ERR_LATER:
		return EX_UNAVAILABLE;
	case ERR_NEVER:
		return EX_CONFIG;
	case ERR_CONFLICT:
	case ERR_UNKNOWN:
		return EX_TEMPFAIL;
	case ERR_NONE:
	case ERR_BUG:
	case ERR_CLASS_COUNT:
		break;
	}
	return EX_SOFTWARE;
}

int ctl_fail(const struct err *err)
{
	fprintf(stderr, "batchctl: %s\n", err->text);
	return exit_code_of(err);
}

int ctl_error(int exit_code, const char *fmt, ...)
{
	va_list ap;

	fputs("batchctl: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	return exit_code;
}

int ctl_table(struct ctl *ctl, enum stmt s, const struct db_val *params, size_t n,
	      const struct table_column *columns, size_t n_columns, struct table **table,
	      struct err *err)
{
	struct db_rows *rows;

	if (db_query(ctl->db, s, params, n, &rows, err) != 0)
		return -1;
	*table = table_new(columns, n_columns, ctl->now);
	table_load(*table, rows);
	db_rows_free(&rows);
	return 0;
}

static int put_json(struct strbuf *out)
{
	strbuf_addc(out, '\n');
	if (strbuf_failed(out)) {
		strbuf_clear(out);
		return ctl_error(EX_SOFTWARE, "the output is too large");
	}
	fputs(out->data, stdout);
	strbuf_clear(out);
	return EX_OK;
}

int ctl_print_rows(struct ctl *ctl, enum stmt s, const struct db_val *params, size_t n,
		   const struct table_column *columns, size_t n_columns, const char *nothing)
{
	struct table *table;
	struct strbuf out;
	struct err err;

	if (ctl_table(ctl, s, params, n, columns, n_columns, &table, &err) != 0)
		return ctl_fail(&err);
	if (ctl->json) {
		strbuf_init(&out, OUTPUT_BYTES);
		table_json(table, &out);
		table_free(&table);
		return put_json(&out);
	}
	if (table_rows(table) == 0)
		puts(nothing);
	table_print(table, "", stdout);
	table_free(&table);
	return EX_OK;
}

int ctl_print_record(struct ctl *ctl, struct table **record, struct ctl_section *sections,
		     size_t n_sections)
{
	struct strbuf out;

	strbuf_init(&out, OUTPUT_BYTES);
	strbuf_addc(&out, '{');
	table_json_record(*record, &out);
	if (!ctl->json)
		table_print_record(*record, stdout);
	table_free(record);
	for (size_t i = 0; i < n_sections; i++) {
		strbuf_addf(&out, ",\"%s\":", sections[i].key);
		table_json(sections[i].table, &out);
		if (!ctl->json && table_rows(sections[i].table) > 0) {
			printf("\n%s\n", sections[i].title);
			table_print(sections[i].table, "  ", stdout);
		}
		table_free(&sections[i].table);
	}
	strbuf_addc(&out, '}');
	if (ctl->json)
		return put_json(&out);
	strbuf_clear(&out);
	return EX_OK;
}
