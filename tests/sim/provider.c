/* SPDX-License-Identifier: ISC */
#include "tests/sim/provider.h"

#include <stdlib.h>
#include <string.h>

#include "core/timemath.h"
#include "tests/sim/world.h"

/* Lists show what ended since: batchd's own interest goes as far (batchd/watch.c). */
#define LISTED (96 * T_H)

static void *more(void *p, uint32_t n, size_t size)
{
	p = realloc(p, n * size);
	if (!p)
		abort();
	return p;
}

/* --- times of trouble, the same for every policy --- */

static struct spans draw_spans(struct rng *r, int64_t from, int64_t until, double per_day,
			       int64_t median, double sigma)
{
	struct spans s = {0};
	int64_t at = from;

	while (per_day > 0) {
		at = t_add(at, rng_exponential(r, (double)T_DAY / per_day));
		if (at >= until)
			break;
		s.of = more(s.of, s.n + 1, sizeof(*s.of));
		s.of[s.n] = (struct span){at, t_add(at, rng_lognormal(r, median, sigma))};
		at = s.of[s.n++].to;
	}
	return s;
}

/* The first span that ends after `at`: they do not overlap. */
static uint32_t first_after(const struct spans *s, int64_t at)
{
	uint32_t low = 0, high = s->n;

	while (low < high) {
		const uint32_t middle = low + (high - low) / 2;

		if (s->of[middle].to > at)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

bool spans_hold(const struct spans *s, int64_t at)
{
	const uint32_t i = first_after(s, at);

	return i < s->n && s->of[i].from <= at;
}

bool provider_has_incident(const struct world *w)
{
	return spans_hold(&w->provider.incidents, w->now);
}

/* What remains of a time without the incidents in it. */
static int64_t work_between(const struct spans *s, int64_t from, int64_t to)
{
	int64_t work = to - from;

	for (uint32_t i = first_after(s, from); i < s->n && s->of[i].from < to; i++)
		work -= t_max(t_min(s->of[i].to, to) - t_max(s->of[i].from, from), 0);
	return t_max(work, 0);
}

static int64_t work_end(const struct spans *s, int64_t from, int64_t work)
{
	int64_t at = t_add(from, work);

	for (uint32_t i = first_after(s, from); i < s->n && s->of[i].from < at; i++)
		at = t_add(at, s->of[i].to - t_max(s->of[i].from, from));
	return at;
}

void provider_init(struct world *w)
{
	const struct calls *c = &w->p->calls;
	struct rng r = rng_stream(w->o->seed, 4);

	w->provider.rng = rng_stream(w->o->seed, 5);
	w->provider.incidents = draw_spans(&r, w->begin, w->horizon, c->incidents_per_day,
					   c->incident_median, c->incident_sigma);
	w->provider.storms = draw_spans(&r, w->begin, w->horizon, c->storms_per_day,
					c->storm_median, c->storm_sigma);
}

void provider_free(struct provider *p)
{
	for (uint32_t i = 0; i < p->n_files; i++)
		free(p->files[i].lines);
	for (uint32_t i = 0; i < p->n_remotes; i++)
		free(p->remotes[i]);
	for (uint32_t i = 0; i < p->n_calls; i++)
		free(p->calls[i].list);
	free(p->files);
	free(p->remotes);
	free(p->incidents.of);
	free(p->storms.of);
	free(p->calls);
	free(p->free_calls);
}

/* --- what becomes of a request --- */

enum ran provider_ran(const struct world *w, int32_t attempt)
{
	const struct requests *q = &w->p->requests;
	const struct attempt *a = &w->store.attempts[attempt];
	struct rng r = rng_stream(rng_mix(w->o->seed, 6), (uint64_t)a->item * 256 + a->no);
	const double u = rng_unit(&r);

	if (w->store.items[a->item].is_bad)
		return RAN_BAD_LOT;
	if (u < q->void_share)
		return RAN_VOID;
	if (u < q->void_share + q->error_share)
		return RAN_ERROR;
	return u < q->void_share + q->error_share + q->refused_share ? RAN_REFUSED : RAN_VALID;
}

static bool is_paid(enum ran ran)
{
	return ran == RAN_VALID || ran == RAN_REFUSED;
}

void provider_book(struct world *w, int32_t attempt)
{
	struct attempt *a = &w->store.attempts[attempt];
	const struct orders *o = &w->p->orders;
	const int64_t price =
		w->store.items[a->item].language ? o->translate_cost : o->describe_cost;
	const bool is_full = a->way == WAY_DEFAULT;

	a->runs++;
	a->paid += (int32_t)(is_full ? 2 * price : price);
	w->r->cost.paid += is_full ? 2 * price : price;
	w->r->cost.in_full += is_full ? price : 0;
}

/* --- batches --- */

static uint32_t run_by(const struct world *w, const struct remote *r, int64_t at)
{
	int64_t work;
	double share;

	if (at <= r->begins_at)
		return 0;
	if (at >= r->done_at)
		return r->n;
	work = work_between(&w->provider.incidents, r->begins_at, at);
	if (work > r->pause_at)
		work = t_max(r->pause_at, work - r->pause);
	if (work <= r->lead)
		return 0;
	share = (double)(work - r->lead) / (double)(r->work - r->lead + 1);
	return (uint32_t)t_min((int64_t)(share * r->n), r->most);
}

static enum remote_status status_at(const struct remote *r, int64_t at, int64_t *ended_at)
{
	*ended_at = at;
	if (r->cancel_at) {
		*ended_at = r->cancelled_at;
		return at < r->cancelled_at ? REMOTE_CANCELLING : REMOTE_CANCELLED;
	}
	if (at >= r->failed_at) {
		*ended_at = r->failed_at;
		return REMOTE_FAILED;
	}
	if (r->done_at < r->expired_at && at >= r->done_at) {
		*ended_at = t_add(r->done_at, r->finalize);
		return at < *ended_at ? REMOTE_FINALIZING : REMOTE_COMPLETED;
	}
	if (at >= r->expired_at) {
		*ended_at = r->expired_at;
		return REMOTE_EXPIRED;
	}
	return at < r->begins_at ? REMOTE_VALIDATING : REMOTE_IN_PROGRESS;
}

static bool is_run(const struct remote *r, uint32_t i)
{
	return (i + r->n - r->offset) % r->n < r->n_run;
}

/* The end: what ran until `at` is paid; where there are files, it can be read. */
static void end_remote(struct world *w, struct remote *r, int64_t at, bool has_files)
{
	const int32_t *lines = w->provider.files[r->file].lines;

	r->has_ended = true;
	r->n_run = r->end == REMOTE_FAILED ? 0 : run_by(w, r, r->cancel_at ? r->cancel_at : at);
	for (uint32_t i = 0; i < r->n; i++) {
		enum ran ran;

		if (!is_run(r, i))
			continue;
		ran = provider_ran(w, lines[i]);
		if (is_paid(ran)) {
			provider_book(w, lines[i]);
			w->store.attempts[lines[i]].in_file = has_files;
			r->n_good++;
		} else {
			r->n_bad++;
		}
	}
}

/* Follow it to now. False where it has vanished. */
static bool follow(struct world *w, struct remote *r, enum remote_status *status)
{
	int64_t ended_at;

	if (r->has_ended) {
		*status = r->end;
		return r->end != REMOTE_UNKNOWN;
	}
	if (w->now >= r->vanish_at &&
	    !remote_status_is_final(status_at(r, r->vanish_at, &ended_at))) {
		r->end = REMOTE_UNKNOWN;
		end_remote(w, r, r->vanish_at, false);
		return false;
	}
	*status = status_at(r, w->now, &ended_at);
	if (remote_status_is_final(*status)) {
		r->end = *status;
		r->ended_at = ended_at;
		end_remote(w, r, ended_at, true);
	}
	return true;
}

/* Never-run lines of an expired batch are in its error file; a cancelled one may leave them out. */
static bool tells_unrun(const struct remote *r)
{
	return r->end == REMOTE_EXPIRED || (r->end == REMOTE_CANCELLED && r->key % 2 == 0);
}

bool provider_view(struct world *w, int32_t remote, struct remote_view *v)
{
	struct remote *r = w->provider.remotes[remote];
	enum remote_status status;

	if (!follow(w, r, &status))
		return false;
	*v = (struct remote_view){.remote = remote,
				  .key = r->key,
				  .status = status,
				  .created_at = r->created_at,
				  .expires_at = r->expires_at};
	if (status == REMOTE_VALIDATING || status == REMOTE_FAILED) {
		v->code = status == REMOTE_FAILED ? r->code : NULL;
		return true;
	}
	v->total = r->n;
	v->done = run_by(w, r, r->cancel_at ? t_min(r->cancel_at, w->now) : w->now);
	if (!r->has_ended)
		return true;
	/* Counts lie: an expired batch tells of no failure, and a void line counts as done. */
	v->done = r->n_run - (r->end == REMOTE_COMPLETED ? r->n_bad : 0);
	v->failed = r->end == REMOTE_COMPLETED ? r->n_bad : 0;
	if (w->now >= t_add(r->ended_at, r->files_lag)) {
		v->has_output = r->n_good > 0;
		v->has_errors = r->n_bad > 0 || (tells_unrun(r) && r->n_run < r->n);
	}
	return true;
}

uint32_t provider_lines(const struct world *w, int32_t remote)
{
	return w->provider.remotes[remote]->n;
}

int provider_line(const struct world *w, int32_t remote, uint32_t i, int32_t *attempt,
		  enum ran *ran, bool *did_run)
{
	const struct remote *r = w->provider.remotes[remote];

	*attempt = w->provider.files[r->file].lines[i];
	*did_run = is_run(r, i);
	if (!*did_run)
		return tells_unrun(r) ? 1 : -1;
	*ran = provider_ran(w, *attempt);
	return is_paid(*ran) ? 0 : 1;
}

uint32_t provider_first_recent(struct world *w)
{
	struct provider *p = &w->provider;

	while (p->first_recent < p->n_remotes) {
		const struct remote *r = p->remotes[p->first_recent];

		if (!r->has_ended || w->now <= t_add(r->ended_at, LISTED))
			break;
		p->first_recent++;
	}
	return p->first_recent;
}

static int64_t enqueued_tokens(struct world *w)
{
	int64_t n = 0;

	for (uint32_t i = provider_first_recent(w); i < w->provider.n_remotes; i++) {
		struct remote *r = w->provider.remotes[i];
		enum remote_status status;

		if (!r->has_ended && follow(w, r, &status) && !r->has_ended)
			n += r->tokens;
	}
	return n;
}

static void draw_troubles(struct remote *r, const struct batches *b, struct rng *rng)
{
	if (rng_chance(rng, b->stuck_share))
		r->most = 0;
	else if (rng_chance(rng, b->half_share))
		r->most = (uint32_t)(rng_unit(rng) * r->n);
	if (rng_chance(rng, b->validating_share))
		r->begins_at = T_NEVER;
	if (rng_chance(rng, b->pause_share)) {
		r->pause_at = (int64_t)(rng_unit(rng) * (double)r->work);
		r->pause = rng_between(rng, b->pause_low, b->pause_high);
	}
	if (rng_chance(rng, b->vanish_share))
		r->vanish_at = t_add(r->created_at, rng_between(rng, T_MIN, 12 * T_H));
	if (rng_chance(rng, b->no_file_share))
		r->code = "Cannot find file";
	if (rng_chance(rng, b->token_limit_share))
		r->code = "token_limit_exceeded";
	if (rng_chance(rng, b->late_files_share))
		r->files_lag = rng_between(rng, T_S, b->late_files_most);
}

static int32_t add_remote(struct world *w, const struct remote *r)
{
	struct provider *p = &w->provider;

	p->remotes = more(p->remotes, p->n_remotes + 1, sizeof(struct remote *));
	p->remotes[p->n_remotes] = malloc(sizeof(*r));
	if (!p->remotes[p->n_remotes])
		abort();
	*p->remotes[p->n_remotes] = *r;
	return (int32_t)p->n_remotes++;
}

int32_t provider_create(struct world *w, int32_t file)
{
	const struct batches *b = &w->p->batches;
	const struct remote_file *f = &w->provider.files[file];
	struct rng *rng = &w->provider.rng;
	struct remote r = {.key = f->key,
			   .file = file,
			   .n = f->n,
			   .most = f->n,
			   .tokens = f->tokens,
			   .created_at = w->now,
			   .done_at = T_NEVER,
			   .failed_at = T_NEVER,
			   .vanish_at = T_NEVER};
	const bool has_room = enqueued_tokens(w) + f->tokens <= w->p->settings.enqueued_tokens;

	r.offset = (uint32_t)(rng_unit(rng) * f->n);
	r.begins_at = t_add(w->now, rng_between(rng, 5 * T_S, 3 * T_MIN));
	r.work = t_max(rng_lognormal(rng, b->median, b->sigma), b->shortest);
	r.lead = (int64_t)(rng_unit(rng) * b->lead_most * (double)r.work);
	r.pause_at = r.work;
	r.finalize = rng_lognormal(rng, b->finalize_median, b->finalize_sigma);
	r.expires_at = t_add(w->now, b->window);
	r.expired_at = t_add(r.expires_at, rng_between(rng, 0, b->expiry_late));
	draw_troubles(&r, b, rng);
	if (!has_room)
		r.code = "token_limit_exceeded";
	if (r.code)
		r.failed_at = t_add(w->now, rng_between(rng, 2 * T_S, 40 * T_S));
	if (r.most == r.n && r.begins_at < T_NEVER)
		r.done_at = work_end(&w->provider.incidents, r.begins_at, t_add(r.work, r.pause));
	return add_remote(w, &r);
}

void provider_book_all(struct world *w)
{
	const int64_t now = w->now;

	w->now = t_add(now, 1000 * T_DAY);
	for (uint32_t i = 0; i < w->provider.n_remotes; i++) {
		enum remote_status status;

		follow(w, w->provider.remotes[i], &status);
	}
	w->now = now;
}

/* --- files --- */

int32_t provider_new_file(struct world *w, int32_t batch)
{
	struct provider *p = &w->provider;
	const struct batch *b = w->store.batches[batch];
	struct remote_file f = {.key = batch};

	f.lines = more(NULL, b->n_items + 1, sizeof(*f.lines));
	for (uint32_t i = 0; i < b->n_items; i++) {
		const struct attempt *a = &w->store.attempts[b->attempts[i]];

		if (a->outcome == ATTEMPT_OPEN && !a->left)
			f.lines[f.n++] = b->attempts[i];
	}
	f.tokens = f.n * (b->task == TASK_DESCRIBE ? w->p->orders.describe_tokens
						   : w->p->orders.translate_tokens);
	p->files = more(p->files, p->n_files + 1, sizeof(*p->files));
	p->files[p->n_files] = f;
	return (int32_t)p->n_files++;
}
