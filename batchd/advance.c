/* SPDX-License-Identifier: ISC */
/* One batch: read, ask the policy, carry out (daemon_advance of batchd/daemon.h). */
#include "batchd/alert_watch.h"
#include "batchd/build.h"
#include "batchd/close.h"
#include "batchd/daemon.h"
#include "batchd/harvest.h"
#include "batchd/hold.h"
#include "batchd/orphan.h"
#include "batchd/planner.h"
#include "batchd/submit.h"
#include "batchd/tell.h"
#include "batchd/watch.h"
#include "common/log.h"
#include "core/timemath.h"

/* Look again at a time; the row's own next_at may be earlier only by a back-off. */
static void sleep_until(struct daemon *d, const struct batch_row *b, int64_t at)
{
	struct err err;

	if (at != b->next_at &&
	    db_exec(d->db, STMT_BATCH_NEXT_SET,
		    DB_P(db_time(at), db_int(b->id), db_int(b->version)), &err) < 0)
		log_warning("batch not scheduled batch=%lld error=\"%s\"", (long long)b->id,
			    err.text);
}

/*
 * A remote batch of ours without a row may hold these items already; where
 * that is not known, neither.
 */
static bool recipe_is_held(struct daemon *d, const struct batch_row *b)
{
	const struct recipe *recipe;
	struct err err;
	bool holds;

	if (hold_holds(d, b->recipe_id))
		return true;
	recipe = recipe_get(d->recipes, d->db, b->recipe_id, &err);
	if (recipe && orphan_holds(d, recipe->hash, &holds, &err) == 0)
		return holds;
	log_warning("recipe not read batch=%lld error=\"%s\"", (long long)b->id, err.text);
	return true;
}

/*
 * The steps that cost or bind wait for reconciliation, stops, a clock to
 * be trusted and our own end.
 */
static bool is_held(struct daemon *d, const struct batch_row *b, enum action a)
{
	switch (a) {
	case ACT_UPLOAD:
	case ACT_CREATE:
		return !daemon_may_send(d) || recipe_is_held(d, b);
	case ACT_FENCE:
	case ACT_ANEW:
		return d->stopping || d->is_foreign || watch_doubts_project(d, b);
	case ACT_CANCEL:
		return d->stopping || d->is_foreign || daemon_distrusts_clock(d);
	case ACT_LEAVE:
	case ACT_PART:
	case ACT_GIVE_UP:
		return daemon_distrusts_clock(d);
	case ACT_NONE:
	case ACT_WAIT:
	case ACT_SEAL:
	case ACT_DOUBT:
	case ACT_LOOK:
	case ACT_POLL:
	case ACT_HARVEST:
	case ACT_DROP:
	case ACTION_COUNT:
		break;
	}
	return false;
}

/* A twin is read after its first: what it answers again are duplicates then. */
static bool twin_waits(struct daemon *d, const struct batch_row *b)
{
	struct db_rows *r;
	struct err err;
	bool waits = false;

	if (!b->twin_of)
		return false;
	if (db_query(d->db, STMT_BATCH_IS_CLOSED, DB_P(db_int(b->twin_of)), &r, &err) < 0)
		return true;
	waits = db_next(r) && db_get_int(r, 0) == 0;
	db_rows_free(&r);
	return waits;
}

static void seal(struct daemon *d, struct batch_row *b)
{
	batch_row_move(b, BATCH_SEALED, daemon_now(d));
	if (submit_store(d, b, NULL, NULL) == 0)
		daemon_advance(d, b->id);
}

static void execute(struct daemon *d, struct batch_row *b, const struct decision *next)
{
	switch (next->action) {
	case ACT_SEAL:
		seal(d, b);
		break;
	case ACT_UPLOAD:
		build_start(d, b);
		break;
	case ACT_CREATE:
		submit_create(d, b);
		break;
	case ACT_DOUBT:
		submit_doubt(d, b);
		break;
	case ACT_FENCE:
		submit_fence(d, b);
		break;
	case ACT_ANEW:
		submit_anew(d, b);
		break;
	case ACT_CANCEL:
		submit_cancel(d, b);
		break;
	case ACT_LEAVE:
		close_leave(d, b);
		break;
	case ACT_PART:
		close_part(d, b);
		break;
	case ACT_HARVEST:
		harvest_go_on(d, b);
		break;
	case ACT_DROP:
		close_drop(d, b);
		break;
	case ACT_GIVE_UP:
		close_lost(d, b);
		break;
	case ACT_LOOK:
		watch_want(d->watch);
		__attribute__((fallthrough));
	case ACT_POLL: /* the list is read at every interval anyway */
		sleep_until(d, b,
			    t_min(next->then_at > daemon_now(d) ? next->then_at : T_NEVER,
				  t_add(daemon_now(d), d->config->batch.poll_interval)));
		break;
	case ACT_WAIT:
		sleep_until(d, b, next->at);
		break;
	case ACT_NONE:
	case ACTION_COUNT:
		break;
	}
}

void daemon_put_off(struct daemon *d, int64_t batch_id, const struct err *why)
{
	struct batch_row b;
	struct err err;

	log_warning("work failed batch=%lld error=\"%s\"", (long long)batch_id, why->text);
	if (!lease_held(&d->lease) || batch_row_read(d->db, batch_id, &b, &err) < 1 ||
	    (b.phase == BATCH_CLOSED && !b.late_files))
		return;
	batch_row_backoff(&b, daemon_now(d), 0, why->text);
	if (submit_store(d, &b, NULL, NULL) == 0)
		daemon_advance(d, batch_id); /* its jobs' latest starts may come before */
}

/* Work that is put aside is begun anew when its time has come, and keeps nothing waiting. */
static void drop_put_aside(struct daemon *d, int64_t batch_id)
{
	struct work *w = work_find(d, batch_id);

	if (w && work_is_aside(w))
		work_free(w);
}

void daemon_advance(struct daemon *d, int64_t batch_id)
{
	struct batch_row b;
	struct err err;
	struct policy policy;
	struct batch_view view;
	struct decision next;

	if (batch_row_read(d->db, batch_id, &b, &err) < 1)
		return;
	if (b.phase != BATCH_CLOSED && b.created_at < d->renewed_at && !d->is_foreign &&
	    !work_find(d, b.id) && !planner_fills(d->planner, b.id)) {
		/* It bears the mark of the installation that this one is a copy of. */
		if (b.phase < BATCH_CREATING)
			close_drop(d, &b);
		else
			close_lost(d, &b);
		return;
	}
	policy = batch_policy(d->config, b.n_items);
	if (batch_view_read(d->db, d->config, &d->load, &b, &view, &err) < 0)
		return;
	drop_put_aside(d, batch_id);
	view.in_call = work_find(d, batch_id) || planner_fills(d->planner, batch_id);
	if (unit_skips(&d->unit, batch_id))
		view.next_at = t_max(view.next_at, t_add(daemon_now(d), d->config->daemon.tick));
	view.looked_at = watch_looked_at(d->watch);
	view.steady_since = d->steady_since;
	next = batch_decide(&view, &policy, daemon_now(d));
	if (is_held(d, &b, next.action) || (next.action == ACT_HARVEST && twin_waits(d, &b))) {
		sleep_until(d, &b, t_add(daemon_now(d), d->config->daemon.tick));
		return;
	}
	if (next.action != ACT_WAIT && next.action != ACT_POLL)
		log_info("batch next batch=%lld phase=%s action=%s why=\"%s\"", (long long)b.id,
			 batch_phase_names[b.phase], action_names[next.action],
			 why_words[next.why]);
	if (b.phase == BATCH_RUNNING || next.warnings)
		tell_jobs(d, &b, &next);
	alert_heed_batch(d, &b, next.warnings);
	execute(d, &b, &next);
}
