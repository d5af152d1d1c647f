/* SPDX-License-Identifier: ISC */
/* ids: what an operator names a row by: "job:UUID" or a bare UUID, "item:42", "batch:42" or, where only a
 * batch can be meant, a bare number. It looks nothing up. */
#ifndef BATCHCTL_IDS_H
#define BATCHCTL_IDS_H

#include <stdint.h>

#include "core/err.h"
#include "core/uuid.h"

enum id_kind {
	ID_JOB = 1,
	ID_BATCH = 2,
	ID_ITEM = 4,
};

struct id {
	enum id_kind kind;
	char uuid[UUID_TEXT_SIZE]; /* of a job, lower case */
	int64_t no;                /* of a batch or an item */
};

/* Read an id of one of the kinds in `allowed`. 0, or -1 with a line that says what was expected. */
int id_parse(const char *text, unsigned allowed, struct id *id, struct err *err);

#endif
