/* SPDX-License-Identifier: ISC */
#include "batchd/hold.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "batchd/alert.h"
#include "batchd/candidates.h"
#include "batchd/planner.h"
#include "batchd/tell.h"
#include "batchd/telling.h"
#include "common/log.h"
#include "common/must.h"
#include "core/timemath.h"
#include "core/utf8.h"

#define TRIAL_LINES 1000 /* DESIGN, Stops */
#define TRIAL_DELAY 10   /* at most this part of the time until the latest start */

enum hold_state {
	HOLD_NONE, /* in no row */
	HOLD_DOUBTED,
	HOLD_HELD,
	HOLD_CLEARED,
	HOLD_STATE_COUNT
};

static const char *const hold_names[HOLD_STATE_COUNT] = {
	[HOLD_DOUBTED] = "doubted",
	[HOLD_HELD] = "held",
	[HOLD_CLEARED] = "cleared",
};

struct held {
	int64_t recipe_id, at;
	enum hold_state state;
	char code[33];
};

struct hold {
	struct held *list;
	size_t n, cap;
	int64_t *proven; /* recipes that are known to be */
	size_t n_proven;
	struct plan_candidate trial; /* of a large batch that waits; job_id 0: none does */
	int64_t not_before;          /* the last call said nothing: so long no other is made */
};

struct hold *hold_new(void)
{
	return must(calloc(1, sizeof(struct hold)));
}

void hold_reset(struct hold *h)
{
	free(h->list);
	free(h->proven);
	*h = (struct hold){0};
}

void hold_free(struct hold **h)
{
	hold_reset(*h);
	free(*h);
	*h = NULL;
}

static struct held *find(const struct hold *h, int64_t recipe_id)
{
	for (size_t i = 0; i < h->n; i++) {
		if (h->list[i].recipe_id == recipe_id)
			return &h->list[i];
	}
	return NULL;
}

static enum hold_state state_of(const struct daemon *d, int64_t recipe_id)
{
	const struct held *held = find(d->hold, recipe_id);

	return held ? held->state : HOLD_NONE;
}

bool hold_holds(const struct daemon *d, int64_t recipe_id)
{
	const enum hold_state s = state_of(d, recipe_id);

	return s == HOLD_DOUBTED || s == HOLD_HELD;
}

bool hold_spare(const struct daemon *d, int64_t recipe_id, struct result *r)
{
	if (r->scope != SCOPE_RECIPE || state_of(d, recipe_id) == HOLD_CLEARED ||
	    (r->kind != RESULT_FAILURE && r->kind != RESULT_VOID))
		return false;
	r->kind = RESULT_VOID;
	r->outcome = OUTCOME_LATER;
	return true;
}

/* --- rows --- */

static struct held *add(struct hold *h, int64_t recipe_id)
{
	if (h->n == h->cap) {
		h->cap = h->cap ? 2 * h->cap : 8;
		h->list = must(realloc(h->list, h->cap * sizeof(*h->list)));
	}
	h->list[h->n] = (struct held){.recipe_id = recipe_id};
	return &h->list[h->n++];
}

int hold_read(struct daemon *d, struct err *err)
{
	struct db_rows *r;

	if (db_query(d->db, STMT_HOLD_READ, DB_NONE, &r, err) < 0)
		return -1;
	d->hold->n = 0;
	while (db_next(r)) {
		const int state = name_find(hold_names, HOLD_STATE_COUNT, db_get_text(r, 1, NULL));
		struct held *held = add(d->hold, db_get_int(r, 0));

		held->state = state < 0 ? HOLD_NONE : (enum hold_state)state;
		utf8_copy(held->code, sizeof(held->code), db_get_text(r, 2, NULL));
		held->at = db_get_time(r, 3);
	}
	db_rows_free(&r);
	return 0;
}

/* In memory at once; where the row cannot say so, it is found out again. code: NULL = as it was. */
static void set(struct daemon *d, int64_t recipe_id, enum hold_state state, const char *code)
{
	const bool is_on = state != HOLD_NONE;
	const int64_t now = daemon_now(d);
	struct held *held = find(d->hold, recipe_id);
	struct err err;

	if (!held)
		held = add(d->hold, recipe_id);
	held->state = state;
	held->at = now;
	if (code)
		utf8_copy(held->code, sizeof(held->code), code);
	if (db_exec(d->db, STMT_HOLD_STORE,
		    DB_P(is_on ? db_text(hold_names[state]) : db_null(),
			 is_on ? db_text(held->code) : db_null(), db_time(is_on ? now : 0),
			 db_int(recipe_id), db_text(d->lease.owner), db_int(d->lease.epoch)),
		    &err) < 0)
		log_warning("hold not stored recipe=%lld error=\"%s\"", (long long)recipe_id,
			    err.text);
	planner_wake(d->planner);
	tell_all(d);
}

bool hold_doubt(struct daemon *d, int64_t recipe_id, const char *code)
{
	const enum hold_state state = state_of(d, recipe_id);

	if (state == HOLD_NONE) {
		log_warning("recipe doubted recipe=%lld code=%s", (long long)recipe_id, code);
		set(d, recipe_id, HOLD_DOUBTED, code);
	}
	return state != HOLD_CLEARED;
}

int hold_release_all(struct daemon *d, struct err *err)
{
	const int64_t n = db_exec(d->db, STMT_HOLD_RELEASE, DB_NONE, err);

	if (n < 0 || hold_read(d, err) < 0)
		return -1;
	if (n > 0)
		log_notice("recipes released recipes=%lld", (long long)n);
	d->hold->not_before = 0;
	planner_wake(d->planner);
	if (n > 0)
		tell_all(d);
	return 0;
}

/* --- who is told --- */

static void alert(struct daemon *d)
{
	const struct hold *h = d->hold;
	bool all = true;

	alert_round_begin(d, ALERT_RECIPE_HELD);
	for (size_t i = 0; i < h->n; i++) {
		const struct recipe *r;
		char subject[80];
		struct err err;

		if (h->list[i].state != HOLD_HELD)
			continue;
		r = recipe_get(d->recipes, d->db, h->list[i].recipe_id, &err);
		if (!r) {
			all = false; /* in a later tick */
			continue;
		}
		snprintf(subject, sizeof(subject), "recipe:%s", r->hash);
		alert_raise(d, ALERT_RECIPE_HELD, subject, "%s: to %s with the model %s",
			    h->list[i].code, task_names[r->task], r->model);
	}
	if (all)
		alert_round_end(d, ALERT_RECIPE_HELD);
}

static bool holds_any(const struct hold *h)
{
	for (size_t i = 0; i < h->n; i++) {
		if (h->list[i].state == HOLD_HELD)
			return true;
	}
	return false;
}

static void tell(struct telling *t, const struct held *held)
{
	char message[TELL_MESSAGE_BYTES];

	snprintf(message, sizeof(message),
		 "the provider refuses what is asked of it (%s): nothing is sent with these "
		 "instructions until the operator has changed something",
		 held->code);
	tell_add_warning(t, "recipe_held", message, held->at);
	tell_add_hold(t, "recipe", held->at, NULL, T_NEVER);
}

int hold_tell(struct telling *t, struct err *err)
{
	const struct hold *h = t->d->hold;
	struct db_rows *r;

	if (t->job.n_ready == 0 || !holds_any(h))
		return 0;
	if (db_query(t->db, STMT_HOLD_OF_JOB, DB_P(db_int(t->job.job)), &r, err) < 0)
		return -1;
	while (db_next(r)) {
		const struct held *held = find(h, db_get_int(r, 0));

		if (held && held->state == HOLD_HELD)
			tell(t, held);
	}
	db_rows_free(&r);
	return 0;
}

/* --- proofs --- */

static bool is_known(const struct hold *h, int64_t recipe_id)
{
	for (size_t i = 0; i < h->n_proven; i++) {
		if (h->proven[i] == recipe_id)
			return true;
	}
	return false;
}

static void prove(struct daemon *d, int64_t recipe_id)
{
	struct hold *h = d->hold;
	struct err err;

	if (is_known(h, recipe_id))
		return;
	if (db_exec(d->db, STMT_RECIPE_PROVEN, DB_P(db_time(daemon_now(d)), db_int(recipe_id)),
		    &err) < 0) {
		log_warning("proof not stored recipe=%lld error=\"%s\"", (long long)recipe_id,
			    err.text);
		return;
	}
	h->proven = must(realloc(h->proven, (h->n_proven + 1) * sizeof(*h->proven)));
	h->proven[h->n_proven++] = recipe_id;
}

void hold_answered(struct daemon *d, int64_t recipe_id, bool in_batch)
{
	prove(d, recipe_id);
	if (in_batch && state_of(d, recipe_id) == HOLD_CLEARED)
		set(d, recipe_id, HOLD_NONE, NULL);
}

/* Where that cannot be read, it is asked for again. */
static bool is_proven(struct daemon *d, int64_t recipe_id)
{
	struct db_rows *r;
	struct err err;
	bool is;

	if (is_known(d->hold, recipe_id))
		return true;
	if (db_query(d->db, STMT_RECIPE_IS_PROVEN, DB_P(db_int(recipe_id)), &r, &err) < 0)
		return false;
	is = db_next(r);
	db_rows_free(&r);
	return is;
}

bool hold_wants_trial(struct daemon *d, const struct plan_candidate *c, uint32_t n)
{
	const int64_t waited = t_sub(daemon_now(d), c->ready_since);
	struct plan_candidate *trial = &d->hold->trial;

	if (fallback_one(d->fallback) == c->recipe_id)
		return true;
	if (n < TRIAL_LINES || is_proven(d, c->recipe_id) ||
	    waited > t_sub(c->latest_start, c->ready_since) / TRIAL_DELAY) {
		if (trial->recipe_id == c->recipe_id)
			trial->job_id = 0; /* too late */
		return false;
	}
	*trial = *c;
	return true;
}

/* --- the call --- */

/* arg: the recipe; 0: any that is not held. */
static bool is_of_recipe(struct daemon *d, const struct plan_candidate *c, const void *arg)
{
	const int64_t recipe_id = *(const int64_t *)arg;

	return recipe_id ? c->recipe_id == recipe_id : state_of(d, c->recipe_id) != HOLD_HELD;
}

size_t hold_candidates(struct daemon *d, int64_t recipe_id, struct plan_candidate *out, size_t max)
{
	size_t found = 0;

	for (int calls = 0; calls < 2; calls++) {
		const struct candidate_query q = {.for_calls = calls,
						  .wants = is_of_recipe,
						  .arg = &recipe_id,
						  .out = out + found,
						  .max = max - found};
		struct err err;
		const int n = candidates_read(d, &q, &err);

		if (n < 0)
			log_warning("jobs not read error=\"%s\"", err.text);
		else
			found += (size_t)n;
	}
	return found;
}

bool hold_send_one(struct daemon *d, const struct plan_candidate *c, size_t n,
		   fallback_one_fn *done)
{
	int rc = 0;

	for (size_t i = 0; i < n && rc <= 0 && fallback_can_send_one(d->fallback); i++) {
		struct err err;

		rc = fallback_send_one(d, &c[i], done, &err);
		if (rc < 0)
			log_warning("call not made job=%lld error=\"%s\"", (long long)c[i].job_id,
				    err.text);
	}
	return rc > 0;
}

/* Neither way where the item itself was at fault, or the call in trouble. */
static void on_called(struct daemon *d, int64_t recipe_id, const struct result *r)
{
	const struct held *held = find(d->hold, recipe_id);

	if (r->scope == SCOPE_RECIPE && r->kind == RESULT_VOID) {
		log_err("recipe held recipe=%lld code=%s", (long long)recipe_id, r->code);
		set(d, recipe_id, HOLD_HELD, r->code);
	} else if (r->kind == RESULT_ANSWER) {
		if (held && held->state == HOLD_DOUBTED) {
			log_notice("recipe cleared recipe=%lld code=%s", (long long)recipe_id,
				   held->code);
			set(d, recipe_id, HOLD_CLEARED, NULL);
		}
	} else if (r->outcome == OUTCOME_LATER) {
		d->hold->not_before = t_add(daemon_now(d), d->config->batch.poll_interval);
	}
}

/* Of those that are doubted the first that can be made. */
static void call_doubted(struct daemon *d)
{
	const struct hold *h = d->hold;
	struct plan_candidate c[HOLD_CANDIDATES];

	for (size_t i = 0; i < h->n; i++) {
		const int64_t recipe_id = h->list[i].recipe_id;

		if (h->list[i].state == HOLD_DOUBTED &&
		    hold_send_one(d, c, hold_candidates(d, recipe_id, c, HOLD_CANDIDATES),
				  on_called)) {
			log_info("doubted recipe tried recipe=%lld", (long long)recipe_id);
			return;
		}
	}
}

static bool may_call(struct daemon *d)
{
	return daemon_may_send(d) && !daemon_distrusts_clock(d) &&
	       daemon_now(d) >= d->hold->not_before && fallback_can_send_one(d->fallback);
}

void hold_step(struct daemon *d)
{
	struct plan_candidate *trial = &d->hold->trial;

	if (!trial->job_id || !may_call(d))
		return;
	if (!hold_holds(d, trial->recipe_id) && hold_send_one(d, trial, 1, on_called))
		log_info("new recipe tried recipe=%lld", (long long)trial->recipe_id);
	trial->job_id = 0; /* wanted again, or not */
}

void hold_tick(struct daemon *d)
{
	alert(d);
	if (may_call(d))
		call_doubted(d);
}
