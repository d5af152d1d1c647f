/* SPDX-License-Identifier: ISC */
/*
 * mend: answers in store that are not JSON, of an earlier system or an earlier version, are repaired
 * as those are that come now (core/repair.h). Raw stays as it is; what it was worth before stays
 * beside it (answer.was), so that an operator can undo it.
 */
#ifndef BATCHD_MEND_H
#define BATCHD_MEND_H

#include "batchd/items.h"

/* Lots of a job, and one item of them alone where it is not 0. */
struct mend {
	struct daemon *d;
	int64_t job, first, last; /* lots, both inclusive */
	int64_t item;
	bool again; /* also what was looked at before, or undone */
	bool ends;  /* imported: what was refused is failed, and so are its translations */
	/* from the job's row, by mend_begin */
	int64_t lots, n_languages;
	const struct recipe *describe, *translate;
	char *instructions; /* owned */
	bool is_running;
	/* out */
	uint32_t n_mended, n_refused;
};

/* Inside a transaction: lock the job in the tally and read it. 0 or -1; mend_end() in any case. */
int mend_begin(struct mend *m, struct db *db, struct tally *t, struct err *err);
void mend_end(struct mend *m);
/* So many lots of it are one slice. */
int64_t mend_slice(const struct mend *m);
/* Repair what is there. 0 or -1. */
int mend_lots(struct mend *m, struct db *db, struct tally *t, struct err *err);
/* Undo such repairs of a job that has ended: answers are worth again what they were. 0 or -1. */
int mend_undo(struct mend *m, struct db *db, struct tally *t, struct err *err);

/*
 * The pass over all answers in store, which begins with a lease and is made again every few hours: a
 * page of them at a time, and a tenth of the time at most. Each tick.
 */
struct mend_pass;
struct mend_pass *mend_pass_new(void);
void mend_pass_free(struct mend_pass **p);
/* The lease was taken: from the beginning. */
void mend_pass_reset(struct mend_pass *p);
void mend_pass_tick(struct daemon *d);

#endif
