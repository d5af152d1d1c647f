/* SPDX-License-Identifier: ISC */
/* asked: one request in the hand of batchd/request.c, and its kinds. */
#ifndef BATCHD_ASKED_H
#define BATCHD_ASKED_H

#include "batchd/items.h"

struct asked {
	struct daemon *d;
	int64_t id, job, batch; /* of one of the two; the other is 0 */
	int64_t item;           /* repair, undo: of it alone; 0: of all */
	enum command kind;
	const char *tags;   /* of languages, comma-separated */
	const char *was;    /* what the job's open items counted as; NULL: it was running */
	int64_t place, now; /* place: of the slice; out: of the next */
};

enum asked_slice { ASKED_FAILED = -1, ASKED_DONE, ASKED_MORE, ASKED_WAITS };

/* One slice, inside a transaction. WAITS: nothing was done, it is to be asked again later. */
enum asked_slice asked_retry(struct db *db, struct asked *a, struct err *err);
enum asked_slice asked_languages(struct db *db, struct asked *a, struct err *err);
enum asked_slice asked_delete(struct db *db, struct asked *a, struct err *err);
/* Import, repair and undo, which know by the kind which they are. */
enum asked_slice asked_mend(struct db *db, struct asked *a, struct err *err);

/* In the same transaction: the request's row says how far it is, a->place, or that it is done. 0 or -1. */
int asked_store(struct db *db, const struct asked *a, enum asked_slice slice, struct err *err);

#endif
