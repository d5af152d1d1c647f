/* SPDX-License-Identifier: ISC */
/*
 * claim: one order makes one job, however often it is sent. An order goes by its
 * Idempotency-Key; without one by its body, for ten minutes (DESIGN section 5). The claim
 * is a row of its own, written with the job, so that neither is there without the other;
 * who writes a large order shows progress in it, and is taken over when there is none.
 */
#ifndef FCGI_APP_CLAIM_H
#define FCGI_APP_CLAIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/uuid.h"
#include "fcgi_app/call.h"

#define CLAIM_NAME_BYTES 260

struct claim {
	bool none; /* ?again=1: the order is a new one in any case */
	bool by_key;
	int64_t account_id;
	char name[CLAIM_NAME_BYTES];
	size_t name_n;
	unsigned char body_sha256[32];
	char job_id[UUID_TEXT_SIZE]; /* of the row as it was found; "" = there was none */
	int64_t progress_at;         /* likewise */
	bool lost;                   /* another was faster, or took it over */
};

enum claim_state {
	CLAIM_FREE,    /* no job of it yet: go on, and take it */
	CLAIM_DONE,    /* claim->job_id is its job */
	CLAIM_REFUSED, /* the answer is prepared */
};

/* 0, or -1 and the 400 is prepared. */
int claim_init(struct claim *claim, struct call *c, bool again, const void *body, size_t n);
/* What is known of it. */
enum claim_state claim_look(struct claim *claim, struct call *c);

/*
 * Inside the transaction that adds the job: make it this job's. 0; or -1, with
 * claim->lost where it is another's.
 */
int claim_take(struct claim *claim, struct db *db, const char *public_id, struct err *err);
/* Inside a later one: it still is, and goes on. Likewise. */
int claim_go_on(struct claim *claim, struct db *db, const char *public_id, struct err *err);

#endif
