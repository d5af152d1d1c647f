/* SPDX-License-Identifier: ISC */
/*
 * check: runs the queries of sql/invariants.sql, each of which returns what offends it. Exit 1
 * where a rule fails; warnings and booked waste are told and are no failure. Each query sees one
 * state of the database, so that it holds while the programs work.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "batchctl/ctl.h"
#include "batchctl/grants.h"
#include "batchctl/invariants.h"
#include "common/sql_text.h"

#define QUERY_BYTES  (64u << 10)
#define OUTPUT_BYTES (16u << 20)

struct tally {
	int run[INVARIANT_KIND_COUNT];
	int told[INVARIANT_KIND_COUNT]; /* returned rows */
};

static const char *invariants_text(void)
{
	for (const struct sql_text *t = sql_texts; t->name; t++)
		if (strcmp(t->name, "invariants.sql") == 0)
			return t->text;
	return "";
}

/* The rows that offend, in a new table. */
static int run_query(struct ctl *ctl, const struct invariant *inv, struct table **found,
		     struct err *err)
{
	struct strbuf sql, filled;
	struct db_rows *rows;
	char tick[24];
	int ret;

	strbuf_init(&sql, QUERY_BYTES);
	strbuf_init(&filled, QUERY_BYTES);
	snprintf(tick, sizeof(tick), "%" PRId64, ctl->config->daemon.tick);
	strbuf_add(&sql, inv->sql, (size_t)inv->sql_n);
	text_replace(sql.data, ":tick_us", tick, &filled);
	ret = db_query_text(ctl->db, filled.data, &rows, err);
	strbuf_clear(&sql);
	strbuf_clear(&filled);
	if (ret != 0)
		return err_prefix(err, "\"%.60s\"", inv->name);
	*found = table_from_rows(rows, ctl->now);
	db_rows_free(&rows);
	return 0;
}

static void tell_text(const struct invariant *inv, const struct table *found)
{
	static const char *const marks[INVARIANT_KIND_COUNT] = {
		[INVARIANT_RULE] = "FAIL",
		[INVARIANT_WARNING] = "WARN",
		[INVARIANT_BOOKED] = "BOOKED",
	};
	const char *nothing = inv->kind == INVARIANT_BOOKED ? "none" : "ok";

	printf("%-6s  %s\n", table_rows(found) == 0 ? nothing : marks[inv->kind], inv->name);
	table_print(found, "          ", stdout);
}

static void tell_json(const struct invariant *inv, const struct table *found, struct strbuf *out)
{
	strbuf_addf(out, "%s{\"kind\":\"%s\",\"name\":", out->len > 0 ? "," : "",
		    invariant_kind_names[inv->kind]);
	strbuf_adds_json(out, inv->name);
	strbuf_addf(out, ",\"holds\":%s,\"rows\":", table_rows(found) == 0 ? "true" : "false");
	table_json(found, out);
	strbuf_addc(out, '}');
}

static int run_all(struct ctl *ctl, struct strbuf *json, struct tally *tally, struct err *err)
{
	const char *text = invariants_text();
	struct invariant inv;
	struct table *found;

	while (invariant_next(&text, &inv)) {
		if (run_query(ctl, &inv, &found, err) != 0)
			return -1;
		tally->run[inv.kind]++;
		tally->told[inv.kind] += table_rows(found) > 0;
		if (ctl->json)
			tell_json(&inv, found, json);
		else
			tell_text(&inv, found);
		table_free(&found);
	}
	return 0;
}

/* 0, or -1 where the document is not whole. */
static int tell_end(const struct ctl *ctl, const struct tally *t, const struct strbuf *json,
		    struct err *err)
{
	if (strbuf_failed(json))
		return err_set(err, ERR_BUG, 0, "the output is too large");
	if (ctl->json)
		printf("{\"ok\":%s,\"checks\":[%s]}\n",
		       t->told[INVARIANT_RULE] == 0 ? "true" : "false", json->data);
	else
		printf("%d rules, %d failed; %d warnings; %d kinds of booked waste\n",
		       t->run[INVARIANT_RULE], t->told[INVARIANT_RULE], t->told[INVARIANT_WARNING],
		       t->told[INVARIANT_BOOKED]);
	return 0;
}

int ctl_check(struct ctl *ctl)
{
	struct tally tally = {0};
	struct strbuf json;
	struct err err;
	int ret;

	strbuf_init(&json, OUTPUT_BYTES);
	ret = run_all(ctl, &json, &tally, &err);
	if (ret == 0 && tally.run[INVARIANT_RULE] == 0)
		ret = err_set(&err, ERR_BUG, 0, "this program carries no invariants");
	if (ret == 0)
		ret = tell_end(ctl, &tally, &json, &err);
	strbuf_clear(&json);
	if (ret != 0)
		return ctl_fail(&err);
	return tally.told[INVARIANT_RULE] > 0 ? CTL_EXIT_CHECK_FAILED : EX_OK;
}
