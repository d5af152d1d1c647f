/* SPDX-License-Identifier: ISC */
/*
 * hold: recipes with which nothing is sent, or first one item. A code of the model, the schema or
 * the parameters (SCOPE_RECIPE of core/outcome.h) that failed a whole batch makes its recipe
 * doubted: its items wait and burnt nothing, and one of them is called synchronously. Fails that
 * alike, the recipe is held until `batchctl resume`; is it answered, the recipe is cleared, and the
 * same failure counts as any other until a batch of it is answered. Codes of items never come here.
 */
#ifndef BATCHD_HOLD_H
#define BATCHD_HOLD_H

#include "batchd/daemon.h"
#include "batchd/fallback.h"
#include "core/plan.h"

struct hold *hold_new(void);
void hold_free(struct hold **h);
/* The lease was lost or taken: what was under way is forgotten, the rows are read again. */
void hold_reset(struct hold *h);
/* Read the rows. 0 or -1. */
int hold_read(struct daemon *d, struct err *err);
/* Call the item that a doubted recipe waits for. Each tick of the active batchd. */
void hold_tick(struct daemon *d);
/* The same of a new one. Each turn of its loop, after the planner's. */
void hold_step(struct daemon *d);
/* A source of batchd/telling.h: jobs with items that wait for a held recipe. */
struct telling;
int hold_tell(struct telling *t, struct err *err);
/* Is nothing of this recipe sent now? */
bool hold_holds(const struct daemon *d, int64_t recipe_id);
/*
 * Of a failure of the whole recipe, unless that was cleared: it becomes one that burns no attempt
 * and is tried again. True: it did; hold_doubt follows, once that is stored.
 */
bool hold_spare(const struct daemon *d, int64_t recipe_id, struct result *r);
/* Such a failure came: doubt the recipe. The code is copied. False: no, it was cleared. */
bool hold_doubt(struct daemon *d, int64_t recipe_id, const char *code);
/* Items were answered with it, in a batch or by a call. */
void hold_answered(struct daemon *d, int64_t recipe_id, bool in_batch);
/*
 * Must a batch of n of these items wait for the answer to the first item ever asked with its
 * recipe? So do large ones, but not for long where the calls alone are in trouble.
 */
bool hold_wants_trial(struct daemon *d, const struct plan_candidate *c, uint32_t n);
/* Forget all of it: an operator asked for that. 0 or -1. */
int hold_release_all(struct daemon *d, struct err *err);
/*
 * Jobs with ready items of this recipe (0: of any that is not held), be it for a batch or for calls,
 * the most urgent first. How many they are, `max` at most.
 */
#define HOLD_CANDIDATES 20
size_t hold_candidates(struct daemon *d, int64_t recipe_id, struct plan_candidate *out, size_t max);
/* One item of the first of n jobs that has one to be sent now, alone. True: it was sent. */
bool hold_send_one(struct daemon *d, const struct plan_candidate *c, size_t n,
		   fallback_one_fn *done);

#endif
