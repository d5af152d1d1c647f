/* SPDX-License-Identifier: ISC */
/*
 * /healthz: the process serves requests. /readyz: it can also use its database. The age of batchd's
 * lease is told and is no reason for 503: a front end goes on closing jobs without a batchd.
 */
#include "common/store.h"
#include "core/timemath.h"
#include "fcgi_app/api.h"

void api_healthz(struct call *c)
{
	c->response.status = 200;
	strbuf_adds(&c->response.body, "{\"status\":\"ok\"}");
}

static void render_lease(struct db_rows *rows, struct strbuf *out)
{
	int64_t renewed_at = db_get_time(rows, 0);
	int64_t now = db_get_time(rows, 3);

	strbuf_adds(out, "{\"held\":");
	strbuf_adds(out, db_get_time(rows, 1) > now ? "true" : "false");
	strbuf_adds(out, ",\"age_seconds\":");
	if (renewed_at == 0)
		strbuf_adds(out, "null");
	else
		strbuf_addi(out, t_max(0, now - renewed_at) / T_S);
	strbuf_addc(out, '}');
}

void api_readyz(struct call *c)
{
	struct strbuf *out = &c->response.body;
	struct db_rows *rows;

	if (call_query(c, STMT_FRONT_LEASE, DB_NONE, &rows) < 0)
		return;
	c->response.status = 200;
	strbuf_addf(out, "{\"status\":\"ok\",\"schema\":%d,\"lease\":", STORE_SCHEMA_VERSION);
	if (db_next(rows))
		render_lease(rows, out);
	else
		strbuf_adds(out, "null");
	strbuf_addc(out, '}');
	db_rows_free(&rows);
}
