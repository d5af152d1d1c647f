/* SPDX-License-Identifier: ISC */
/* claim: see claim.h. */
#include "fcgi_app/claim.h"

#include <stdio.h>
#include <string.h>

#include "common/recipe.h"

/* Columns of FRONT_CLAIM. */
enum { BODY, JOB_ID, IS_FRESH, GOES_ON, VISIBLE, HAS_ENDED, PROGRESS_AT };

#define PROGRESS_S 60 /* as in FRONT_CLAIM */

static void name_by_key(struct claim *claim, const char *key, size_t n)
{
	claim->by_key = true;
	memcpy(claim->name, "k:", 2);
	memcpy(claim->name + 2, key, n);
	claim->name_n = 2 + n;
}

static void name_by_body(struct claim *claim)
{
	int n = snprintf(claim->name, sizeof(claim->name), "b:");

	for (size_t i = 0; i < sizeof(claim->body_sha256); i++)
		n += snprintf(claim->name + n, sizeof(claim->name) - (size_t)n, "%02x",
			      claim->body_sha256[i]);
	claim->name_n = (size_t)n;
}

int claim_init(struct claim *claim, struct call *c, bool again, const void *body, size_t n)
{
	const char *header = http_variable(&c->request, "HTTP_IDEMPOTENCY_KEY");
	const char *key;
	size_t key_n;

	*claim = (struct claim){.account_id = c->caller.account_id};
	sha256(body, n, claim->body_sha256);
	if (!header) {
		claim->none = again;
		name_by_body(claim);
		return 0;
	}
	if (http_idempotency_key(header, &key, &key_n) < 0) {
		call_problem(c, PROBLEM_BAD_REQUEST,
			     "Idempotency-Key has 1 to %d visible ASCII characters",
			     HTTP_KEY_BYTES);
		return -1;
	}
	name_by_key(claim, key, key_n);
	return 0;
}

static struct db_val name_of(const struct claim *claim)
{
	return db_bytes(claim->name, claim->name_n);
}

static enum claim_state refuse_deleted(struct call *c, const struct claim *claim)
{
	call_problem(c, PROBLEM_DELETED,
		     "this Idempotency-Key made job %s, which was deleted since", claim->job_id);
	return CLAIM_REFUSED;
}

static enum claim_state refuse_running(struct call *c)
{
	call_problem(c, PROBLEM_IN_PROGRESS,
		     "this order is being written by another request; send it again to learn "
		     "its job");
	http_add_header(&c->response, "Retry-After", "%d", PROGRESS_S / 10);
	return CLAIM_REFUSED;
}

static enum claim_state judge(struct claim *claim, struct call *c, const struct db_rows *row)
{
	const char *body = db_get_text(row, BODY, NULL);

	snprintf(claim->job_id, sizeof(claim->job_id), "%s", db_get_text(row, JOB_ID, NULL));
	claim->progress_at = db_get_time(row, PROGRESS_AT);
	if (memcmp(body, claim->body_sha256, sizeof(claim->body_sha256)) != 0) {
		call_problem(c, PROBLEM_KEY_REUSED,
			     "this Idempotency-Key came with another body before; an order of "
			     "its own needs a key of its own");
		return CLAIM_REFUSED;
	}
	if (db_get_int(row, VISIBLE) != 0)
		return claim->by_key || db_get_int(row, IS_FRESH) ? CLAIM_DONE : CLAIM_FREE;
	if (db_get_int(row, HAS_ENDED) != 0)
		return claim->by_key ? refuse_deleted(c, claim) : CLAIM_FREE;
	return db_get_int(row, GOES_ON) != 0 ? refuse_running(c) : CLAIM_FREE;
}

enum claim_state claim_look(struct claim *claim, struct call *c)
{
	enum claim_state state = CLAIM_FREE;
	struct db_rows *rows;

	claim->lost = false;
	claim->job_id[0] = '\0';
	if (claim->none)
		return CLAIM_FREE;
	if (call_query(c, STMT_FRONT_CLAIM, DB_P(db_int(claim->account_id), name_of(claim)),
		       &rows) < 0)
		return CLAIM_REFUSED;
	if (db_next(rows))
		state = judge(claim, c, rows);
	db_rows_free(&rows);
	return state;
}

static int lose(struct claim *claim, struct err *err)
{
	claim->lost = true;
	return err_set(err, ERR_NEVER, 0, "the order is claimed by another request");
}

int claim_take(struct claim *claim, struct db *db, const char *public_id, struct err *err)
{
	const struct db_val body = db_bytes(claim->body_sha256, sizeof(claim->body_sha256));
	const struct db_val account = db_int(claim->account_id);
	int64_t n;

	if (claim->none)
		return 0;
	if (claim->job_id[0])
		n = db_exec(db, STMT_FRONT_CLAIM_MOVE,
			    DB_P(db_text(public_id), body, account, name_of(claim),
				 db_text(claim->job_id), db_time(claim->progress_at)),
			    err);
	else
		n = db_exec(db, STMT_FRONT_CLAIM_ADD,
			    DB_P(account, name_of(claim), body, db_text(public_id)), err);
	if (n == 0 || (n < 0 && db_err_is_duplicate(err)))
		return lose(claim, err);
	return n < 0 ? -1 : 0;
}

int claim_go_on(struct claim *claim, struct db *db, const char *public_id, struct err *err)
{
	int64_t n;

	if (claim->none)
		return 0;
	n = db_exec(db, STMT_FRONT_CLAIM_GOES_ON,
		    DB_P(db_int(claim->account_id), name_of(claim), db_text(public_id)), err);
	if (n == 0)
		return lose(claim, err);
	return n < 0 ? -1 : 0;
}
