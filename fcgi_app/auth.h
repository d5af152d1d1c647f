/* SPDX-License-Identifier: ISC */
/*
 * auth: who calls. Keys are looked up with every request, so that a revoked one stops at once; what
 * is compared, in constant time, is the SHA-256 of the secret.
 */
#ifndef FCGI_APP_AUTH_H
#define FCGI_APP_AUTH_H

#include "fcgi_app/call.h"

/*
 * Ask for a key of at least this role. 0 and c->caller, or -1 and the 401,
 * 403, 429 or 503 is prepared.
 */
int auth_require(struct call *c, enum role least);
/*
 * Ask for a key of the role admin, for what is of use while the database is away too: then one that
 * was accepted here within the hour is, and c->database_away is set.
 */
int auth_require_watcher(struct call *c);
/* True where the caller may see what belongs to that account. Without a key asked for: everyone. */
bool auth_may_see(const struct call *c, int64_t account_id);

#endif
