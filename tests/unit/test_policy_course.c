/* SPDX-License-Identifier: ISC */
/*
 * A batch is driven by core/policy.c under a virtual clock, from its beginning to its end, while the
 * provider does what it likes: calls fail or lose their answers, creates come late, states jump,
 * stand still or are forgotten. Of every such course: it ends, and in time; it is paid once.
 */
#include "tests/unit/check.h"

#include "core/policy.h"
#include "core/timemath.h"

#define T0 (1000 * T_DAY)

#define POLL (10 * T_MIN) /* fewer steps */

static const struct policy model_policy = {
	.alert_after = 2 * T_H,
	.stall_after = T_H,
	.cancel_after = 4 * T_H,
	.cancel_grace = 30 * T_MIN,
	.validating_after = 2 * T_H,
	.finalizing_after = 2 * T_H,
	.poll_interval = POLL,
	.settle = 2 * T_MIN,
};

enum remote_copy { /* of one create whose answer is lost */
		   COPY_NONE,
		   COPY_DELAYED, /* it comes later, unless its input file is gone by then */
		   COPY_THERE
};

struct model {
	uint64_t seed;
	unsigned mood; /* how the provider is, of all of the run */
	struct batch_view v;
	int64_t now, deadline_at, latest_start; /* T_NEVER: no calls */
	enum remote_copy copy;
	unsigned n_remote; /* batches that came to be */
	int64_t cancelled_at;
	bool items_gone;
};

static unsigned pick(struct model *m, unsigned n)
{
	m->seed = m->seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (unsigned)(m->seed >> 33) % n;
}

/* Does this call go well? In some moods none of its kind ever does. */
static bool succeeds(struct model *m, unsigned kind)
{
	return !(m->mood & (1U << kind)) && pick(m, 3) > 0;
}

enum { UPLOADS, CREATES, LISTS, FENCES, CANCELS, DOWNLOADS, PROGRESS, KINDS };

static void put_off(struct model *m)
{
	m->v.next_at = m->now + T_S + pick(m, 2 * POLL / T_S) * T_S;
}

static void move(struct model *m, enum batch_phase to)
{
	assert_true(batch_may_move[m->v.phase][to]);
	m->v.phase = to;
	m->v.phase_at = m->v.next_at = m->now;
}

static void comes_to_be(struct model *m)
{
	m->copy = COPY_THERE;
	m->n_remote++;
	m->v.remote = REMOTE_VALIDATING;
	m->v.submitted_at = m->v.progress_at = m->now;
	m->v.expires_at = pick(m, 2) ? m->now + T_DAY : 0;
	m->v.missing_since = 0;
}

static void create(struct model *m)
{
	/* One that is there or may still come would be paid twice. */
	assert_true(m->copy == COPY_NONE && m->v.cancel_at == 0);
	if (succeeds(m, CREATES)) {
		move(m, BATCH_CREATING);
		comes_to_be(m);
		move(m, BATCH_RUNNING);
		return;
	}
	if (pick(m, 2)) { /* refused for now */
		put_off(m);
		return;
	}
	move(m, BATCH_CREATING); /* the answer is lost */
	m->copy = (enum remote_copy)pick(m, 3);
	if (m->copy == COPY_THERE)
		comes_to_be(m);
}

static void look(struct model *m)
{
	m->v.next_at = m->now + POLL;
	if (!succeeds(m, LISTS))
		return;
	m->v.looked_at = m->now;
	if (m->copy == COPY_THERE && m->v.phase >= BATCH_UNKNOWN && m->v.phase <= BATCH_FENCED)
		move(m, BATCH_RUNNING);
}

static void fence(struct model *m)
{
	if (m->v.phase == BATCH_UNKNOWN)
		move(m, BATCH_FENCING);
	if (!succeeds(m, FENCES)) {
		put_off(m);
		return;
	}
	move(m, BATCH_FENCED);
	if (m->copy == COPY_DELAYED)
		m->copy = COPY_NONE;
}

static void cancel(struct model *m)
{
	if (!m->v.cancel_at)
		m->v.cancel_at = m->now;
	if (succeeds(m, CANCELS)) {
		m->v.remote = REMOTE_CANCELLING;
		m->v.progress_at = m->now;
		m->v.next_at = m->now + POLL;
	} else {
		put_off(m);
	}
}

static void all_leave(struct model *m)
{
	m->items_gone = m->v.left = true;
	m->v.latest_start = T_NEVER;
	m->v.leave_from = 0;
}

static void carry_out(struct model *m, const struct decision *d)
{
	switch (d->action) {
	case ACT_SEAL:
		move(m, BATCH_SEALED);
		break;
	case ACT_UPLOAD:
		if (m->v.phase == BATCH_SEALED)
			move(m, BATCH_UPLOADING);
		if (succeeds(m, UPLOADS))
			move(m, BATCH_UPLOADED);
		else
			put_off(m);
		break;
	case ACT_CREATE:
		create(m);
		break;
	case ACT_DOUBT:
		move(m, BATCH_UNKNOWN);
		break;
	case ACT_FENCE:
		fence(m);
		break;
	case ACT_ANEW:
		assert_int_equal(m->copy, COPY_NONE);
		move(m, BATCH_SEALED);
		break;
	case ACT_CANCEL:
		cancel(m);
		break;
	case ACT_LEAVE:
		all_leave(m);
		break;
	case ACT_PART:
		all_leave(m);
		m->v.left = false;
		m->v.n_wanted = 0; /* its one job took them away */
		break;
	case ACT_HARVEST:
		if (m->v.phase == BATCH_RUNNING)
			move(m, BATCH_HARVESTING);
		if (succeeds(m, DOWNLOADS))
			move(m, BATCH_CLOSED);
		else
			m->v.next_at = m->now + POLL + (m->now - m->v.phase_at) / 10;
		break;
	case ACT_DROP:
	case ACT_GIVE_UP:
		move(m, BATCH_CLOSED);
		break;
	case ACT_LOOK:
		look(m);
		break;
	case ACT_POLL:
		m->v.next_at = m->now + POLL;
		break;
	case ACT_NONE:
	case ACT_WAIT:
	case ACTION_COUNT:
		fail();
	}
}

/* What happens by itself: a copy comes late, the provider goes on or forgets, the job ends. */
static void world_moves(struct model *m)
{
	static const enum remote_status next[REMOTE_STATUS_COUNT] = {
		[REMOTE_UNKNOWN] = REMOTE_IN_PROGRESS,    [REMOTE_VALIDATING] = REMOTE_IN_PROGRESS,
		[REMOTE_IN_PROGRESS] = REMOTE_FINALIZING, [REMOTE_FINALIZING] = REMOTE_COMPLETED,
		[REMOTE_CANCELLING] = REMOTE_CANCELLED,
	};
	struct batch_view *v = &m->v;

	if (m->now >= m->deadline_at) {
		v->n_wanted = 0;
		v->latest_start = T_NEVER;
		v->leave_from = 0;
	}
	if (m->copy == COPY_DELAYED && pick(m, 4) == 0)
		comes_to_be(m);
	if (v->phase != BATCH_RUNNING || remote_status_is_final(v->remote))
		return;
	if (pick(m, 50) == 0)
		v->missing_since = v->missing_since ? 0 : m->now;
	if (pick(m, 50) == 0 && v->remote != REMOTE_CANCELLING)
		v->remote = REMOTE_UNKNOWN;
	if (succeeds(m, PROGRESS) && pick(m, 4) == 0) {
		v->remote = pick(m, 9) ? next[v->remote]
				       : (enum remote_status)(REMOTE_COMPLETED + pick(m, 4));
		v->progress_at = m->now;
		v->awaits_answers = pick(m, 2);
		v->is_empty = pick(m, 2);
	}
	if (v->remote == REMOTE_CANCELLING && !v->cancel_at)
		v->cancel_at = m->now;
	if (remote_status_is_final(v->remote))
		v->ended_at = m->now;
}

static void begin(struct model *m, uint64_t seed)
{
	*m = (struct model){.seed = seed * UINT64_C(0x9e3779b97f4a7c15), .now = T0};
	m->mood = pick(m, 2) ? pick(m, 1U << KINDS) : 0;
	m->deadline_at = T0 + T_H + pick(m, 72) * T_H;
	m->latest_start = T_NEVER;
	m->v = (struct batch_view){.phase = BATCH_FILLING,
				   .n_wanted = 1,
				   .wanted_until = m->deadline_at,
				   .created_at = T0,
				   .phase_at = T0,
				   .next_at = T0,
				   .latest_start = T_NEVER};
	if (pick(m, 3)) {
		const struct latest_start_view start = {.opened_at = T0,
							.deadline_at = m->deadline_at,
							.reserve = 15 * T_MIN,
							.needed = pick(m, 120) * T_MIN};

		m->latest_start = m->v.latest_start = latest_start(&start);
		m->v.leave_from = leave_start(&start, model_policy.cancel_grace);
	}
}

/* Are the items of a job that runs still in a batch, past the moment at which they must leave it? */
static bool holds_too_long(const struct model *m)
{
	return m->now >= m->latest_start && m->now < m->deadline_at && !m->items_gone &&
	       m->v.phase != BATCH_CLOSED;
}

static void run(struct model *m)
{
	/* A month of harvest after three days at most, after two of looking thrice. */
	const int64_t end = m->deadline_at + 50 * T_DAY;

	while (m->v.phase != BATCH_CLOSED) {
		const struct decision d = batch_decide(&m->v, &model_policy, m->now);

		assert_true(d.action != ACT_NONE && d.at != T_NEVER);
		if (m->v.cancel_at)
			assert_true(d.action != ACT_CREATE && d.action != ACT_UPLOAD &&
				    d.action != ACT_ANEW);
		if (d.action == ACT_WAIT || d.action == ACT_POLL || d.action == ACT_LOOK ||
		    d.action == ACT_CANCEL || d.action == ACT_FENCE || d.action == ACT_UPLOAD)
			assert_false(holds_too_long(m)); /* I1 */
		if (d.action == ACT_WAIT) {
			assert_true(d.at > m->now);
			m->now = t_min(d.at, m->now + POLL);
		} else {
			carry_out(m, &d);
			m->now += T_S; /* a tick */
		}
		world_moves(m);
		assert_true(m->n_remote <= 1); /* I3 */
		assert_true(m->now < end);
	}
}

static void I1_I3_every_sequence_of_outcomes_ends_in_time_and_is_paid_once(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 2000; seed++) {
		struct model m;

		begin(&m, seed);
		run(&m);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(I1_I3_every_sequence_of_outcomes_ends_in_time_and_is_paid_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
