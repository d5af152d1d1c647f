/* SPDX-License-Identifier: ISC */
#include "batchd/stop.h"

#include <stdlib.h>
#include <string.h>

#include "batchd/alert.h"
#include "batchd/close.h"
#include "batchd/fallback.h"
#include "batchd/hold.h"
#include "batchd/planner.h"
#include "batchd/tell.h"
#include "batchd/telling.h"
#include "batchd/watch.h"
#include "common/log.h"
#include "common/must.h"
#include "core/timemath.h"
#include "core/utf8.h"

#define PROBE_EVERY (10 * T_MIN) /* DESIGN, Stops */

/* How it ends but for the operator; of two the higher counts. */
enum stop_kind {
	STOP_NONE,
	STOP_MONEY,   /* and whatever else: by the call of an item */
	STOP_KEY,     /* by the provider's list */
	STOP_PROJECT, /* by the sight of a batch of ours */
};

struct stop {
	enum stop_kind kind;
	char code[33], message[241];
	char key[17]; /* fingerprint of the key that it happened with */
	int64_t at, probe_at;
	bool known;  /* the row was read since the lease was taken */
	bool stored; /* the row says the same */
};

struct stop *stop_new(void)
{
	return must(calloc(1, sizeof(struct stop)));
}

void stop_free(struct stop **s)
{
	free(*s);
	*s = NULL;
}

void stop_reset(struct stop *s)
{
	*s = (struct stop){.stored = true};
}

static enum stop_kind kind_of(const char *code)
{
	if (strcmp(code, "wrong_project") == 0)
		return STOP_PROJECT;
	return strcmp(code, "invalid_api_key") == 0 ? STOP_KEY : STOP_MONEY;
}

bool stop_is_for(const struct stop *s, const char *code)
{
	return s->kind != STOP_NONE && strcmp(s->code, code) == 0;
}

bool daemon_may_send(struct daemon *d)
{
	watch_heed_node(d);
	return watch_is_reconciled(d->watch) && !d->stopping && !d->is_foreign && d->stop->known &&
	       d->stop->kind == STOP_NONE;
}

/* --- the row --- */

/* 0, or -1: the row is behind. */
static int store(struct daemon *d)
{
	struct stop *s = d->stop;
	const bool is_on = s->kind != STOP_NONE;
	struct err err;

	s->stored = db_exec(d->db, STMT_STOP_STORE,
			    DB_P(is_on ? db_text(s->code) : db_null(),
				 is_on ? db_text(s->message) : db_null(),
				 is_on ? db_text(s->key) : db_null(), db_time(s->at),
				 db_time(s->probe_at == T_NEVER ? 0 : s->probe_at),
				 db_text(d->lease.owner), db_int(d->lease.epoch)),
			    &err) >= 0;
	if (!s->stored)
		log_warning("stop not stored error=\"%s\"", err.text);
	return s->stored ? 0 : -1;
}

static void read_stop(struct stop *s, const struct db_rows *r)
{
	const char *code = db_get_text(r, 0, NULL);

	s->kind = code ? kind_of(code) : STOP_NONE;
	utf8_copy(s->code, sizeof(s->code), code);
	utf8_copy(s->message, sizeof(s->message), db_get_text(r, 1, NULL));
	utf8_copy(s->key, sizeof(s->key), db_get_text(r, 2, NULL));
	s->at = db_get_time(r, 3);
	s->probe_at = db_is_null(r, 4) ? T_NEVER : db_get_time(r, 4);
}

/* Where memory is ahead of the row it counts. resume_at: 0 = nothing was asked. */
static int read_row(struct daemon *d, int64_t *resume_at, struct err *err)
{
	struct stop *s = d->stop;
	struct db_rows *r;

	if (db_query(d->db, STMT_STOP_READ, DB_NONE, &r, err) < 0)
		return -1;
	*resume_at = 0;
	if (db_next(r)) {
		if (s->stored)
			read_stop(s, r);
		*resume_at = db_get_time(r, 5);
		s->known = true;
	}
	db_rows_free(&r);
	return 0;
}

/* --- it begins --- */

void daemon_stop_sending(struct daemon *d, const char *code, const char *message)
{
	struct stop *s = d->stop;
	const enum stop_kind kind = kind_of(code);
	const int64_t now = daemon_now(d);
	const int64_t probe_at = kind == STOP_PROJECT ? T_NEVER : t_add(now, PROBE_EVERY);

	if (kind < s->kind || (kind == s->kind && now < s->probe_at))
		return; /* known: one alert */
	if (kind != s->kind) {
		log_err("sending stopped code=%s error=\"%s\"", code, message);
		*s = (struct stop){.kind = kind, .at = now, .known = s->known};
		utf8_copy(s->code, sizeof(s->code), code);
		utf8_copy(s->message, sizeof(s->message), message);
		memcpy(s->key, d->key_fingerprint, sizeof(s->key));
	}
	s->probe_at = probe_at;
	store(d);
	tell_all(d);
}

void stop_heed_read(struct daemon *d, const struct openai_reply *r)
{
	if (r->outcome.scope == SCOPE_ALL && kind_of(r->outcome.code) == STOP_KEY)
		daemon_stop_sending(d, r->outcome.code, r->message);
}

/* --- it ends --- */

/* What was refused has its back-off, which is over too. */
static void reopen(struct daemon *d, const char *why)
{
	struct stop *s = d->stop;
	struct err err;

	log_notice("sending resumed code=%s: %s", s->code, why);
	*s = (struct stop){.known = s->known};
	store(d);
	if (db_exec(d->db, STMT_BATCHES_WAKE, DB_P(db_time(daemon_now(d))), &err) < 0)
		log_warning("batches not woken error=\"%s\"", err.text);
	watch_want(d->watch);
	planner_wake(d->planner);
	fallback_wake(d->fallback);
	tell_all(d);
}

void stop_end(struct daemon *d, const char *code, const char *why)
{
	if (stop_is_for(d->stop, code))
		reopen(d, why);
}

/* `batchctl resume`: whatever stopped or held something, it is tried again. */
static void resume(struct daemon *d, int64_t resume_at)
{
	struct err err;

	d->trusts_key |= d->stop->kind == STOP_PROJECT;
	if (d->stop->kind != STOP_NONE)
		reopen(d, "the operator says so");
	if (hold_release_all(d, &err) < 0 ||
	    db_exec(d->db, STMT_STOP_RESUMED, DB_P(db_time(resume_at)), &err) < 0)
		log_warning("not resumed error=\"%s\"", err.text); /* again in the next tick */
}

/* --- who is told --- */

static enum alert_kind alert_of(const struct stop *s)
{
	if (s->kind == STOP_PROJECT)
		return ALERT_WRONG_PROJECT;
	if (s->kind == STOP_KEY || strcmp(s->code, "forbidden") == 0 ||
	    strcmp(s->code, "redirected") == 0)
		return ALERT_KEY_REFUSED;
	return ALERT_QUOTA;
}

static void alert(struct daemon *d)
{
	static const enum alert_kind kinds[] = {ALERT_QUOTA, ALERT_KEY_REFUSED,
						ALERT_WRONG_PROJECT};
	const struct stop *s = d->stop;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (s->kind != STOP_NONE && alert_of(s) == kinds[i])
			alert_raise(d, kinds[i], "", "%s: %s", s->code, s->message);
		else
			alert_clear(d, kinds[i], "");
	}
}

int stop_tell(struct telling *t, struct err *err)
{
	static const char *const words[] = {
		[STOP_MONEY] = "nothing is sent at present: the provider says that there is no "
			       "money left, or refuses what is sent for another such reason",
		[STOP_KEY] = "nothing is sent at present: the provider refuses the key",
		[STOP_PROJECT] = "nothing is sent at present: the key is not that of our project",
	};
	const struct stop *s = t->d->stop;

	(void)err;
	if (s->kind == STOP_NONE || t->job.n_ready == 0)
		return 0;
	tell_add_warning(t, "sending_stopped", words[s->kind], s->at);
	tell_add_hold(t, "provider", s->at, "try one call", s->probe_at);
	return 0;
}

/* --- the probe --- */

static bool is_time(const struct daemon *d, enum stop_kind kind)
{
	return d->stop->kind == kind && daemon_now(d) >= d->stop->probe_at;
}

bool stop_wants_list(const struct daemon *d)
{
	return is_time(d, STOP_KEY);
}

void stop_listed(struct daemon *d)
{
	if (is_time(d, STOP_KEY))
		reopen(d, "the provider takes the key");
}

static void on_probed(struct daemon *d, int64_t recipe_id, const struct result *r)
{
	(void)recipe_id;
	if (r->kind == RESULT_ANSWER && d->stop->kind == STOP_MONEY)
		reopen(d, "the provider answers");
}

/* The next try is noted before this one is sent. Nothing waits: as soon as something does. */
static void probe(struct daemon *d)
{
	struct stop *s = d->stop;
	struct plan_candidate c[HOLD_CANDIDATES];
	const size_t n = hold_candidates(d, 0, c, HOLD_CANDIDATES);

	if (n == 0)
		return;
	s->probe_at = t_add(daemon_now(d), PROBE_EVERY);
	if (store(d) < 0)
		return;
	if (hold_send_one(d, c, n, on_probed))
		log_notice("probing code=%s", s->code);
	tell_all(d);
}

static void probe_when_due(struct daemon *d)
{
	if (stop_wants_list(d))
		watch_want(d->watch);
	if (is_time(d, STOP_MONEY) && !d->stopping && !d->is_foreign &&
	    watch_is_reconciled(d->watch) && !daemon_distrusts_clock(d) &&
	    fallback_can_send_one(d->fallback))
		probe(d);
}

/* --- batches that were not created --- */

/* Their items wait in `ready`: there the probe finds them, and each job has its own latest start. */
static void return_unsent(struct daemon *d)
{
	int64_t ids[100];
	size_t n = 0;
	struct batch_row b;
	struct db_rows *r;
	struct err err;

	if (db_query(d->db, STMT_STOP_UNSENT, DB_P(db_int(d->stop->kind != STOP_NONE)), &r, &err) <
	    0) {
		log_warning("batches not read error=\"%s\"", err.text);
		return;
	}
	while (n < sizeof(ids) / sizeof(ids[0]) && db_next(r))
		ids[n++] = db_get_int(r, 0);
	db_rows_free(&r);
	for (size_t i = 0; i < n; i++) {
		if (!work_find(d, ids[i]) && batch_row_read(d->db, ids[i], &b, &err) == 1)
			close_drop(d, &b);
	}
}

void stop_tick(struct daemon *d)
{
	struct stop *s = d->stop;
	int64_t resume_at;
	struct err err;

	if (!s->stored)
		store(d);
	if (read_row(d, &resume_at, &err) < 0 || hold_read(d, &err) < 0) {
		log_warning("stop not read error=\"%s\"", err.text);
		return;
	}
	if (s->kind != STOP_NONE && strcmp(s->key, d->key_fingerprint) != 0)
		reopen(d, "there is another key");
	if (resume_at)
		resume(d, resume_at);
	alert(d);
	return_unsent(d);
	probe_when_due(d);
	hold_tick(d);
}
