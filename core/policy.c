/* SPDX-License-Identifier: ISC */
#include "core/policy.h"

#include "core/timemath.h"

/* A provider's answer 404 on a batch younger than this, or missing for less, is not believed. */
#define MISSING_GRACE (10 * T_MIN)
/* An end may be seen late; after this the batch is closed as lost. */
#define LOST_AFTER_EXPIRY (48 * T_H)
/* Ended, and its files are not named: they may be later. */
#define FILES_GRACE (10 * T_MIN)
/*
 * Where nothing was done there may be none, and counts of failures have been seen
 * to lie: some more looks do.
 */
#define FILES_LOOKS 3
/* Result files live for 30 days; the harvest knows of each, this is for all else that may fail. */
#define RESULTS_LIFE (32 * T_DAY)
/* Where the provider names no expiry: its completion window is 24 hours. */
#define WINDOW (24 * T_H)

const char *const action_names[ACTION_COUNT] = {
	[ACT_NONE] = "none",       [ACT_WAIT] = "wait",       [ACT_SEAL] = "seal",
	[ACT_UPLOAD] = "upload",   [ACT_CREATE] = "create",   [ACT_DOUBT] = "doubt",
	[ACT_LOOK] = "look",       [ACT_FENCE] = "fence",     [ACT_ANEW] = "anew",
	[ACT_POLL] = "poll",       [ACT_CANCEL] = "cancel",   [ACT_LEAVE] = "leave",
	[ACT_PART] = "part",       [ACT_HARVEST] = "harvest", [ACT_DROP] = "drop",
	[ACT_GIVE_UP] = "give_up",
};

const char *const action_words[ACTION_COUNT] = {
	[ACT_NONE] = "nothing",
	[ACT_WAIT] = "wait",
	[ACT_SEAL] = "close the batch for new items",
	[ACT_UPLOAD] = "upload",
	[ACT_CREATE] = "create the batch",
	[ACT_DOUBT] = "look whether the batch was created",
	[ACT_LOOK] = "look whether the batch was created",
	[ACT_FENCE] = "make sure that the batch was not created",
	[ACT_ANEW] = "upload again",
	[ACT_POLL] = "ask for progress",
	[ACT_CANCEL] = "cancel and retry",
	[ACT_LEAVE] = "send again elsewhere",
	[ACT_PART] = "send synchronously",
	[ACT_HARVEST] = "read the results",
	[ACT_DROP] = "drop",
	[ACT_GIVE_UP] = "give the batch up as lost",
};

const char *const why_words[WHY_COUNT] = {
	[WHY_DUE] = "it is due",
	[WHY_BACKOFF] = "the last try failed for now",
	[WHY_IN_CALL] = "a call is under way",
	[WHY_NOBODY_WAITS] = "no job waits for its open items any more",
	[WHY_ALL_CANCELLED] = "every job of its items was cancelled",
	[WHY_ANSWER_LOST] = "the answer to its creation was lost",
	[WHY_SETTLING] = "a delayed creation may still appear",
	[WHY_NOT_FOUND] = "it was not found in the provider's list",
	[WHY_FENCED] = "its input file is deleted, so it cannot be created any more",
	[WHY_RUNNING] = "it is running",
	[WHY_STALLED] = "it made no progress for too long",
	[WHY_VALIDATING_LONG] = "it is being validated for too long",
	[WHY_LATEST_START] = "what is not sent synchronously now comes too late",
	[WHY_CANCELLING] = "it is being cancelled",
	[WHY_CANCEL_SLOW] = "its cancellation takes too long",
	[WHY_ENDED] = "it ended at the provider",
	[WHY_MISSING] = "the provider does not know it at the moment",
	[WHY_VANISHED] = "the provider does not know it any more",
	[WHY_NO_FILES] = "it ended and names no result files yet",
	[WHY_EXPIRED_LONG] = "it expired long ago and no end was seen",
	[WHY_UNREADABLE] = "its results could not be read until they expired",
	[WHY_ASKED] = "an operator asked for it",
};

const char *warning_code(enum warning w)
{
	switch (w) {
	case WARN_OLD:
		return "batch_old";
	case WARN_STALLED:
		return "batch_stalled";
	case WARN_FINALIZING:
		return "batch_finalizing";
	case WARN_MISSING:
		return "batch_missing";
	case WARN_UNKNOWN_CREATE:
		return "create_unknown";
	case WARN_INCIDENT:
		return "provider_incident";
	case WARN_NONE:
		break;
	}
	return "";
}

static struct decision decide(enum action action, enum why why, int64_t at)
{
	return (struct decision){.action = action,
				 .why = why,
				 .at = at,
				 .then = action,
				 .then_at = at};
}

/* `action` when its time has come, else a wait for it. */
static struct decision due(enum action action, enum why why, int64_t at, int64_t now)
{
	struct decision d = decide(action, why, at);

	if (at > now)
		d.action = ACT_WAIT;
	return d;
}

static enum why nobody(const struct batch_view *b)
{
	return b->all_cancelled ? WHY_ALL_CANCELLED : WHY_NOBODY_WAITS;
}

/*
 * Steps before the provider holds anything that costs: dropped at once when nobody waits any more.
 */
static struct decision step(const struct batch_view *b, enum action action, int64_t now)
{
	struct decision d;

	if (b->n_wanted == 0)
		return decide(ACT_DROP, nobody(b), now);
	if (b->asked)
		return decide(ACT_DROP, WHY_ASKED, now);
	if (now >= b->latest_start)
		return decide(ACT_DROP, WHY_LATEST_START, now);
	d = due(action, b->next_at > now ? WHY_BACKOFF : WHY_DUE, b->next_at, now);
	d.at = t_min(d.at, b->latest_start);
	return d;
}

/*
 * A create whose answer was lost: list passes over `settle`, which a step of the clock does
 * not shorten, then the fence.
 */
static struct decision decide_unknown(const struct batch_view *b, const struct policy *p,
				      int64_t now)
{
	const int64_t settled_at = t_add(t_max(b->phase_at, b->steady_since), p->settle);
	struct decision d;

	if (b->looked_at >= settled_at)
		d = due(ACT_FENCE, WHY_NOT_FOUND, b->next_at, now);
	else
		d = due(ACT_LOOK, WHY_SETTLING, t_min(b->next_at, t_max(settled_at, now)), now);
	if (d.then == ACT_LOOK) {
		d.then = ACT_FENCE;
		d.then_at = settled_at;
	}
	d.warnings = WARN_UNKNOWN_CREATE;
	return d;
}

/*
 * A pass that began before the fence must not count as one after it, where the
 * clock was put back a little.
 */
static struct decision decide_fenced(const struct batch_view *b, const struct policy *p,
				     int64_t now)
{
	const int64_t after = t_add(b->phase_at, t_min(p->settle, CLOCK_SLIP));
	struct decision d;

	if (b->looked_at > after && b->n_wanted && !b->asked)
		d = decide(ACT_ANEW, WHY_FENCED, now);
	else if (b->looked_at > after)
		d = decide(ACT_DROP, b->n_wanted ? WHY_ASKED : nobody(b), now);
	else
		d = due(ACT_LOOK, WHY_FENCED, b->next_at, now);
	d.warnings = WARN_UNKNOWN_CREATE;
	return d;
}

/* When the batch's present state has lasted too long, by that state's own clock. */
static int64_t state_over(const struct batch_view *b, const struct policy *p, enum why *why)
{
	*why = WHY_STALLED;
	switch (b->remote) {
	case REMOTE_VALIDATING:
		*why = WHY_VALIDATING_LONG;
		return t_add(b->progress_at, p->validating_after);
	case REMOTE_UNKNOWN:
	case REMOTE_IN_PROGRESS:
		return t_add(b->progress_at, p->cancel_after);
	case REMOTE_FINALIZING: /* its results exist already: a cancel could only lose them */
	case REMOTE_CANCELLING:
	case REMOTE_COMPLETED:
	case REMOTE_FAILED:
	case REMOTE_EXPIRED:
	case REMOTE_CANCELLED:
	case REMOTE_STATUS_COUNT:
		break;
	}
	return T_NEVER;
}

/* When every open item wants to leave: for that, or since its job's latest start comes near. */
static int64_t cancel_due(const struct batch_view *b, const struct policy *p, enum why *why)
{
	const int64_t over_at = state_over(b, p, why);

	if (over_at == T_NEVER || !b->leave_from || b->leave_from >= over_at)
		return over_at;
	*why = WHY_LATEST_START;
	return b->leave_from;
}

static unsigned warnings_of(const struct batch_view *b, const struct policy *p, int64_t now)
{
	unsigned w = WARN_NONE;

	if (b->remote == REMOTE_FINALIZING) {
		if (now >= t_add(b->progress_at, p->finalizing_after))
			w |= WARN_FINALIZING;
	} else if (now >= t_add(b->progress_at, p->stall_after)) {
		w |= b->incident ? WARN_INCIDENT : WARN_STALLED;
	}
	if (b->missing_since)
		w |= WARN_MISSING;
	return w;
}

/* When the next warning that is not set yet arises. */
static int64_t next_warning(const struct batch_view *b, const struct policy *p, unsigned set)
{
	int64_t at = T_NEVER;

	if (b->remote == REMOTE_FINALIZING && !(set & WARN_FINALIZING))
		at = t_min(at, t_add(b->progress_at, p->finalizing_after));
	if (b->remote != REMOTE_FINALIZING && !(set & (WARN_STALLED | WARN_INCIDENT)))
		at = t_min(at, t_add(b->progress_at, p->stall_after));
	return at;
}

static int64_t expiry_of(const struct batch_view *b)
{
	return b->expires_at ? b->expires_at : t_add(b->submitted_at, WINDOW);
}

/*
 * After a cancel: polled past the promised minutes, its items leave after
 * the grace, looks grow rarer.
 */
static struct decision decide_cancelled(const struct batch_view *b, const struct policy *p,
					int64_t now)
{
	const int64_t grace = b->asked == BATCH_ASKED_RETRY ? 0 : p->cancel_grace;
	const int64_t grace_at = t_add(b->cancel_at, grace);
	struct decision d;

	if (!b->left && b->n_wanted > 0 && now >= grace_at)
		return decide(ACT_LEAVE, grace ? WHY_CANCEL_SLOW : WHY_ASKED, grace_at);
	/* Asked again until the provider says that it is cancelling. */
	d = due(b->remote == REMOTE_CANCELLING ? ACT_POLL : ACT_CANCEL, WHY_CANCELLING, b->next_at,
		now);
	if (!b->left && b->n_wanted > 0) {
		d.at = t_min(d.at, t_max(grace_at, now));
		d.then = ACT_LEAVE;
		d.then_at = grace_at;
	}
	return d;
}

/*
 * How long after its end the files of a batch are waited for. A failed one never ran and has none.
 */
static int64_t files_grace(const struct batch_view *b, const struct policy *p)
{
	const bool may_have_none = b->is_empty && b->remote != REMOTE_COMPLETED;

	if (b->remote == REMOTE_FAILED || (!b->awaits_answers && !b->awaits_errors))
		return 0;
	if (b->awaits_answers && !may_have_none)
		return FILES_GRACE;
	return t_min(FILES_GRACE, t_mul(p->poll_interval, FILES_LOOKS));
}

static struct decision decide_running(const struct batch_view *b, const struct policy *p,
				      int64_t now)
{
	const int64_t lost_at = t_add(expiry_of(b), LOST_AFTER_EXPIRY);
	enum why why;
	int64_t cancel_at;
	struct decision d;

	if (remote_status_is_final(b->remote)) {
		if (now < t_add(b->ended_at, files_grace(b, p)))
			return due(ACT_POLL, WHY_NO_FILES, b->next_at, now);
		return decide(ACT_HARVEST, WHY_ENDED, now);
	}
	if (b->missing_since &&
	    now >= t_add(t_max(b->missing_since, b->submitted_at), MISSING_GRACE))
		return decide(ACT_GIVE_UP, WHY_VANISHED, now);
	if (now >= lost_at)
		return decide(ACT_GIVE_UP, WHY_EXPIRED_LONG, now);
	if (b->cancel_at)
		return decide_cancelled(b, p, now);
	if (b->asked)
		return due(ACT_CANCEL, WHY_ASKED, b->next_at, now);
	if (b->n_wanted == 0 && b->remote != REMOTE_CANCELLING && b->remote != REMOTE_FINALIZING)
		return due(ACT_CANCEL, nobody(b), b->next_at, now);
	cancel_at = cancel_due(b, p, &why);
	if (now >= cancel_at)
		return due(ACT_CANCEL, why, b->next_at, now);
	d = due(ACT_POLL, b->missing_since ? WHY_MISSING : WHY_RUNNING, b->next_at, now);
	d.then = cancel_at < lost_at ? ACT_CANCEL : ACT_GIVE_UP;
	d.then_at = t_min(cancel_at, lost_at);
	d.at = t_min(d.at, t_max(t_min(d.then_at, b->wanted_until), now));
	return d;
}

/*
 * A lost create that the provider can neither show nor be made to refuse:
 * by then it has expired too.
 */
static bool is_hopeless(const struct batch_view *b, int64_t now)
{
	return b->phase >= BATCH_UNKNOWN && b->phase <= BATCH_FENCED &&
	       now >= t_add(b->phase_at, WINDOW + LOST_AFTER_EXPIRY);
}

static struct decision decide_phase(const struct batch_view *b, const struct policy *p, int64_t now)
{
	struct decision d;

	switch (b->phase) {
	case BATCH_FILLING:
		return decide(ACT_SEAL, WHY_DUE, now);
	case BATCH_SEALED:
	case BATCH_UPLOADING:
		return step(b, ACT_UPLOAD, now);
	case BATCH_UPLOADED:
		return step(b, ACT_CREATE, now);
	case BATCH_CREATING:
		return decide(ACT_DOUBT, WHY_ANSWER_LOST, now);
	case BATCH_UNKNOWN:
		return decide_unknown(b, p, now);
	case BATCH_FENCING:
		return due(ACT_FENCE, WHY_NOT_FOUND, b->next_at, now);
	case BATCH_FENCED:
		return decide_fenced(b, p, now);
	case BATCH_RUNNING:
		d = decide_running(b, p, now);
		d.warnings |= warnings_of(b, p, now);
		if (d.action == ACT_WAIT)
			d.at = t_min(d.at, next_warning(b, p, d.warnings));
		return d;
	case BATCH_HARVESTING:
		if (now >= t_add(t_max(b->ended_at, b->phase_at), RESULTS_LIFE))
			return decide(ACT_GIVE_UP, WHY_UNREADABLE, now);
		return due(ACT_HARVEST, b->next_at > now ? WHY_BACKOFF : WHY_ENDED, b->next_at,
			   now);
	case BATCH_CLOSED:
	case BATCH_PHASE_COUNT:
		break;
	}
	return decide(ACT_NONE, WHY_ENDED, T_NEVER);
}

/*
 * From the create on, items leave for synchronous calls at their jobs' latest starts, whatever
 * else the batch waits for; before it, the batch is dropped (step).
 */
static bool may_part(const struct batch_view *b)
{
	return !b->left && b->phase >= BATCH_UNKNOWN && b->phase < BATCH_CLOSED;
}

static struct decision decide_parting(const struct batch_view *b, const struct policy *p,
				      int64_t now)
{
	struct decision d = decide_phase(b, p, now);

	/* The results of an ended batch are read first: what they answer need not leave. */
	if (!may_part(b) || d.action == ACT_GIVE_UP || d.action == ACT_HARVEST)
		return d;
	if (now >= b->latest_start) {
		d.action = ACT_PART;
		d.why = WHY_LATEST_START;
		d.at = b->latest_start;
		return d;
	}
	d.at = t_min(d.at, b->latest_start);
	if (b->latest_start < d.then_at) {
		d.then = ACT_PART;
		d.then_at = b->latest_start;
	}
	return d;
}

/* Wherever it is. */
static void heed_age(const struct batch_view *b, const struct policy *p, int64_t now,
		     struct decision *d)
{
	const int64_t old_at = t_add(b->created_at, p->alert_after);

	if (b->phase == BATCH_CLOSED)
		return;
	if (now >= old_at)
		d->warnings |= WARN_OLD;
	else if (d->action == ACT_WAIT)
		d->at = t_min(d->at, old_at);
}

struct decision batch_decide(const struct batch_view *b, const struct policy *p, int64_t now)
{
	struct decision d = is_hopeless(b, now) ? decide(ACT_GIVE_UP, WHY_EXPIRED_LONG, now)
						: decide_parting(b, p, now);

	heed_age(b, p, now, &d);
	if (b->in_call && d.action != ACT_NONE) {
		/*
		 * Whatever is due waits for the call's end, which wakes the loop;
		 * the time is a safety net.
		 */
		d.action = ACT_WAIT;
		d.why = WHY_IN_CALL;
		d.at = t_add(now, p->poll_interval);
	}
	return d;
}
