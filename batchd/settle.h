/* SPDX-License-Identifier: ISC */
/*
 * settle: what one result makes of its attempt, its item and its job, be it of a batch
 * (batchd/apply.h) or of a synchronous call (batchd/answered.h). It decides and gathers rows, of
 * which a run is the memory within one transaction; settle_write writes them.
 */
#ifndef BATCHD_SETTLE_H
#define BATCHD_SETTLE_H

#include "batchd/found.h"
#include "batchd/items.h"
#include "core/result_line.h"

/* Values of a row of each kind, in the order of its statement's parameters. */
#define ANSWER_COLS  17
#define ATTEMPT_COLS 5

struct spent {
	int64_t input_tokens, output_tokens, cost; /* all 0 where the cost is */
};

/* What was mended of an answer. */
struct answer_texts {
	char classes[65];
	struct strbuf report;
};

struct settle_run {
	struct daemon *d;
	const struct config_model *model; /* NULL: it has no prices */
	int64_t n_items;                  /* of the batch: by its size it has its policy */
	bool is_twin;                     /* the attempts are another batch's, which is closed */
	int64_t now;
	struct found_list found;
	struct tally *tally;
	/* how many attempts were closed so, less those that had been and are otherwise now */
	int64_t closed[ATTEMPT_OUTCOME_COUNT];
	struct db_val *answers, *attempts;
	struct answer_texts *texts; /* of the answers */
	size_t n_answers, n_attempts;
	struct lot_unblock *unblock;
	struct lot_key *failed;
	size_t n_unblock, n_failed;
};

/* With room for so many results; the caller sets model, n_items and is_twin and reads `found`. */
void settle_begin(struct settle_run *r, struct daemon *d, size_t most);
void settle_end(struct settle_run *r);
/* Whose result is it? All three parts of its custom_id must match; NULL: a stranger's. */
struct found *settle_find(const struct settle_run *r, const struct result *res);
/* Does it become an answer of the item? Else it is a second one of its attempt, or none. */
bool settle_takes(const struct found *f, const struct result *res);
/* Its job is locked where that is needed. Values borrow from the result. 0 or -1. */
int settle_result(struct settle_run *r, struct found *f, const struct result *res, struct err *err);
/* What a result that is no answer cost, as far as it says: 0 where that was counted before. */
struct spent settle_spent(const struct settle_run *r, const struct found *f,
			  const struct result *res);
/* Book that as waste of its job. 0 or -1. */
int settle_waste(struct settle_run *r, struct found *f, const struct result *res,
		 const struct spent *s, struct err *err);
/* Inside the transaction: all that was gathered. 0 or -1. */
int settle_write(struct settle_run *r, struct db *db, struct err *err);

#endif
