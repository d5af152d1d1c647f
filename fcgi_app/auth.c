/* SPDX-License-Identifier: ISC */
/* auth: see auth.h. */
#include "fcgi_app/auth.h"

#include <openssl/crypto.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/recipe.h"
#include "core/apikey.h"
#include "core/model.h"
#include "core/timemath.h"

#define HASH_BYTES 32

static const char *const role_names[ROLE_COUNT] = {
	[ROLE_READ] = "read",
	[ROLE_SUBMIT] = "submit",
	[ROLE_ADMIN] = "admin",
};

/* The same answer for an unknown, a revoked and a mistyped key. */
static int refuse(struct call *c, const char *detail, const char *error)
{
	call_problem(c, PROBLEM_UNAUTHORIZED, "%s", detail);
	http_add_header(&c->response, "WWW-Authenticate", "Bearer realm=\"lotscribe\"%s", error);
	return -1;
}

/* Apache keeps the header from FastCGI programs unless it is told not to. */
static void hint_at_apache(struct call *c)
{
	const char *server = http_variable(&c->request, "SERVER_SOFTWARE");

	if (server && strncmp(server, "Apache", 6) == 0 &&
	    !atomic_exchange(&c->app->told_about_authorization, true))
		log_warning(
			"authorization absent hint=\"Apache passes it on with: CGIPassAuth On\"");
}

/* Compare with the stored hash; where there is no such key with a dummy, in the same time. */
static bool secret_fits(const struct apikey *key, const struct db_rows *rows, bool found)
{
	static const unsigned char dummy[HASH_BYTES];
	unsigned char hash[HASH_BYTES];
	const void *stored = dummy;
	size_t n = 0;

	sha256(key->secret, strlen(key->secret), hash);
	if (found) {
		const char *text = db_get_text(rows, 2, &n);

		if (n == HASH_BYTES)
			stored = text;
	}
	return CRYPTO_memcmp(hash, stored, HASH_BYTES) == 0 && n == HASH_BYTES;
}

static int look_up(struct call *c, const struct apikey *key)
{
	struct db_rows *rows;
	bool found;
	bool fits;

	if (call_query(c, STMT_FRONT_KEY, DB_P(db_text(key->id)), &rows) < 0)
		return -1;
	found = db_next(rows);
	fits = secret_fits(key, rows, found);
	if (fits) {
		int role = name_find(role_names, ROLE_COUNT, db_get_text(rows, 1, NULL));

		c->caller.role = role < 0 ? ROLE_NONE : (enum role)role;
		c->caller.account_id = db_get_int(rows, 0);
		memcpy(c->caller.key_id, key->id, sizeof(c->caller.key_id));
	}
	db_rows_free(&rows);
	if (!fits)
		return refuse(c, "the key is not valid", ", error=\"invalid_token\"");
	return 0;
}

/*
 * Count the call, once, against its account's rate, and tell what is left of it
 * (draft-ietf-httpapi-ratelimit-headers-10).
 */
static int charge(struct call *c)
{
	struct quota *quota = &c->app->quota;
	const int64_t now = clock_boot();
	struct quota_verdict v;
	long long wait_s;

	if (quota->per_minute == 0)
		return 0;
	v = quota_take(quota, c->caller.account_id, c->resumed ? 0 : 1, now);
	wait_s = (v.next_at - now + T_S - 1) / T_S;
	http_keep_header(&c->response, "RateLimit-Policy", "\"account\";q=%lld;w=60",
			 (long long)quota->per_minute);
	http_keep_header(&c->response, "RateLimit", "\"account\";r=%lld;t=%lld",
			 (long long)v.remaining, wait_s);
	if (v.allowed)
		return 0;
	call_problem(c, PROBLEM_RATE, "an account has %lld requests a minute here",
		     (long long)quota->per_minute);
	http_add_header(&c->response, "Retry-After", "%lld", wait_s);
	return -1;
}

/* The key that came, or NULL. */
static const char *key_of(const struct call *c)
{
	const char *authorization = http_variable(&c->request, "HTTP_AUTHORIZATION");

	return authorization ? http_bearer(authorization) : NULL;
}

int auth_require(struct call *c, enum role least)
{
	const char *text = key_of(c);
	struct apikey key;
	int rc;

	if (!text) {
		if (!http_variable(&c->request, "HTTP_AUTHORIZATION"))
			hint_at_apache(c);
		return refuse(c, "this call needs a key: Authorization: Bearer lot_...", "");
	}
	if (apikey_parse(text, strlen(text), &key) < 0)
		return refuse(c, "the key is not valid", ", error=\"invalid_token\"");
	rc = look_up(c, &key);
	OPENSSL_cleanse(&key, sizeof(key));
	if (rc == 0)
		rc = charge(c);
	if (rc == 0 && c->caller.role < least) {
		call_problem(c, PROBLEM_FORBIDDEN, "this call needs a key of the role %s",
			     role_names[least]);
		rc = -1;
	}
	return rc;
}

int auth_require_watcher(struct call *c)
{
	struct known_key *known = &c->app->watcher;
	const int rc = auth_require(c, ROLE_ADMIN);
	const char *text = key_of(c);

	if (!text)
		return rc;
	if (rc == 0) {
		known_key_keep(known, text, clock_boot());
		return 0;
	}
	if (c->response.status == 401 || c->response.status == 403)
		known_key_forget(known, text);
	if (c->response.status != 503 || !known_key_fits(known, text, clock_boot()))
		return rc;
	http_response_reset(&c->response);
	c->caller.role = ROLE_ADMIN;
	c->database_away = true;
	return 0;
}

bool auth_may_see(const struct call *c, int64_t account_id)
{
	return c->caller.role == ROLE_NONE || c->caller.role == ROLE_ADMIN ||
	       c->caller.account_id == account_id;
}
