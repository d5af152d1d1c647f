/* SPDX-License-Identifier: ISC */
#include "core/status.h"

#include <string.h>

#include "core/timemath.h"

struct totals {
	uint64_t items, done, failed, open;
	uint64_t described, describe_open;
	uint64_t sent;
	uint64_t repeating; /* of the done ones */
};

static struct totals totals_of(const struct job_view *job)
{
	struct totals t = {0};

	for (size_t i = 0; i < job->n_languages; i++) {
		const struct language_counts *l = &job->languages[i];
		const uint64_t open = (uint64_t)l->total - l->done - l->failed;

		t.items += l->total;
		t.done += l->done;
		t.failed += l->failed;
		t.open += open;
		t.repeating += l->repeating;
		t.sent += l->sent;
		if (i == 0) {
			t.described = l->done;
			t.describe_open = open + l->repeating;
		}
	}
	return t;
}

static enum job_outcome outcome_of(const struct totals *t)
{
	return t->done == t->items ? OUTCOME_FULL : OUTCOME_PARTIAL;
}

/* An ended job changes only by gaining: late answers, never a later clock. */
static struct job_verdict decide_ended(const struct job_view *job, const struct totals *t)
{
	struct job_verdict v = {.status = job->status, .outcome = job->outcome, .at = T_NEVER};

	if (job->may_lose) {
		if (v.status != JOB_CANCELLED)
			v.status = t->described > 0 ? JOB_COMPLETED : JOB_FAILED;
		v.outcome = v.status == JOB_FAILED ? OUTCOME_NONE : outcome_of(t);
		return v;
	}
	if (v.status == JOB_FAILED && t->described > 0) {
		v.status = JOB_COMPLETED;
		v.outcome = outcome_of(t);
	} else if (v.outcome == OUTCOME_PARTIAL) {
		v.outcome = outcome_of(t);
	}
	return v;
}

/* Nothing is left to wait for. */
static bool is_settled(const struct job_view *job, const struct totals *t)
{
	return t->open + t->repeating == 0 && !job->reopening;
}

static struct job_verdict decide_end(const struct job_view *job, const struct totals *t)
{
	struct job_verdict v = {.ended_now = true, .at = T_NEVER};

	v.status = job->end == END_CANCELLED ? JOB_CANCELLED
		   : t->described > 0        ? JOB_COMPLETED
					     : JOB_FAILED;
	v.outcome = v.status == JOB_FAILED ? OUTCOME_NONE : outcome_of(t);
	return v;
}

struct job_verdict job_decide(const struct job_view *job, int64_t now)
{
	const struct totals t = totals_of(job);
	struct job_verdict v = {.status = job->status, .at = job->deadline_at};

	if (job_status_is_terminal(job->status))
		return decide_ended(job, &t);
	if (job->end != END_DEADLINE || now >= job->deadline_at || is_settled(job, &t))
		return decide_end(job, &t);
	if (job->reopening)
		return v;
	if (job->status == JOB_QUEUED && t.sent == 0 && t.done + t.failed == t.described)
		/* nothing was tried yet, but perhaps descriptions that came with the order */
		return v;
	v.status = t.describe_open > 0 ? JOB_DESCRIBING : JOB_TRANSLATING;
	return v;
}

int strbuf_add_money(struct strbuf *b, int64_t micro)
{
	char frac[8];
	size_t n = 6;

	for (int i = 5, v = (int)(micro % 1000000); i >= 0; i--, v /= 10)
		frac[i] = (char)('0' + v % 10);
	while (n > 4 && frac[n - 1] == '0')
		n--;
	strbuf_addi(b, micro / 1000000);
	strbuf_addc(b, '.');
	return strbuf_add(b, frac, n);
}

static void render_progress(const struct job_view *job, const struct totals *t, struct strbuf *out)
{
	const bool ended = job_status_is_terminal(job->status);
	const uint64_t failed = t->failed + (ended ? t->open : 0);
	const uint64_t closed = t->done + failed;

	strbuf_adds(out, ",\"progress\":{\"percent\":");
	strbuf_addu(out, t->items ? 100 * closed / t->items : 100);
	strbuf_adds(out, ",\"lots\":");
	strbuf_addu(out, job->lots);
	strbuf_adds(out, ",\"described\":");
	strbuf_addu(out, t->described);
	strbuf_adds(out, ",\"translations\":");
	strbuf_addu(out, t->items - job->languages[0].total);
	strbuf_adds(out, ",\"translated\":");
	strbuf_addu(out, t->done - t->described);
	strbuf_adds(out, ",\"failed\":");
	strbuf_addu(out, failed);
	strbuf_adds(out, "},\"languages\":{");
	for (size_t i = 0; i < job->n_languages; i++) {
		if (i > 0)
			strbuf_addc(out, ',');
		strbuf_adds_json(out, job->languages[i].tag);
		strbuf_adds(out, ":{\"done\":");
		strbuf_addu(out, job->languages[i].done);
		strbuf_adds(out, ",\"total\":");
		strbuf_addu(out, job->languages[i].total);
		strbuf_addc(out, '}');
	}
	strbuf_addc(out, '}');
}

/*
 * What a running job waits for; where nothing better is known, its next
 * certain event is the deadline.
 */
static void render_waiting(const struct job_view *job, struct strbuf *out)
{
	const bool has_action = job->wait_action && job->wait_action_at < job->deadline_at;

	if (job_status_is_terminal(job->status)) {
		strbuf_adds(out, ",\"waiting_for\":null");
		return;
	}
	strbuf_adds(out, ",\"waiting_for\":{\"what\":");
	strbuf_adds_json(out, job->wait_what ? job->wait_what : "planner");
	strbuf_adds(out, ",\"since\":");
	strbuf_add_time(out, job->wait_what ? job->wait_since : job->opened_at);
	strbuf_adds(out, ",\"last_progress_at\":");
	strbuf_add_time(out, job->wait_progress_at);
	strbuf_adds(out, ",\"next_action\":");
	strbuf_adds_json(out, has_action ? job->wait_action : "end with what is there");
	strbuf_adds(out, ",\"next_action_at\":");
	strbuf_add_time(out, has_action ? job->wait_action_at : job->deadline_at);
	strbuf_addc(out, '}');
}

void status_render_warning(const char *code, const char *message, int64_t since, struct strbuf *out)
{
	strbuf_adds(out, "{\"code\":");
	strbuf_adds_json(out, code);
	strbuf_adds(out, ",\"message\":");
	strbuf_adds_json(out, message);
	strbuf_adds(out, ",\"since\":");
	strbuf_add_time(out, since);
	strbuf_addc(out, '}');
}

/* What its rows say of money comes beside what batchd found. */
static void render_warnings(const struct job_view *job, struct strbuf *out)
{
	const bool day_over = job->day_over_at && !job_status_is_terminal(job->status);

	strbuf_adds(out, ",\"warnings\":[");
	strbuf_adds(out, job->warnings);
	if (job->warnings[0] && (job->over_at || day_over))
		strbuf_addc(out, ',');
	if (job->over_at)
		status_render_warning("budget_job", "the job's budget did not reach for all of it",
				      job->over_at, out);
	if (job->over_at && day_over)
		strbuf_addc(out, ',');
	if (day_over)
		status_render_warning("budget_day", "the account's budget for the day is spent",
				      job->day_over_at, out);
	strbuf_addc(out, ']');
}

int status_render(const struct job_view *job, struct strbuf *out)
{
	const struct totals t = totals_of(job);

	strbuf_adds(out, "{\"job_id\":");
	strbuf_adds_json(out, job->public_id);
	strbuf_adds(out, ",\"name\":");
	strbuf_adds_json(out, job->name);
	strbuf_adds(out, ",\"status\":");
	strbuf_adds_json(out, job_status_names[job->status]);
	strbuf_adds(out, ",\"outcome\":");
	strbuf_adds_json(out, job_outcome_names[job->outcome]);
	render_progress(job, &t, out);
	strbuf_adds(out, ",\"created_at\":");
	strbuf_add_time(out, job->created_at);
	strbuf_adds(out, ",\"updated_at\":");
	strbuf_add_time(out, job->updated_at);
	strbuf_adds(out, ",\"deadline_at\":");
	strbuf_add_time(out, job->deadline_at);
	strbuf_adds(out, ",\"completed_at\":");
	strbuf_add_time(out, job->completed_at);
	render_waiting(job, out);
	render_warnings(job, out);
	strbuf_adds(out, ",\"cost\":{\"currency\":\"USD\",\"amount\":\"");
	strbuf_add_money(out, job->cost);
	strbuf_adds(out, "\",\"wasted\":\"");
	strbuf_add_money(out, job->wasted);
	strbuf_adds(out, "\",\"input_tokens\":");
	strbuf_addi(out, job->input_tokens);
	strbuf_adds(out, ",\"output_tokens\":");
	strbuf_addi(out, job->output_tokens);
	return strbuf_addc(out, '}');
}

int status_render_links(const char *public_id, const char *base, struct strbuf *out)
{
	static const struct {
		const char *name, *suffix;
	} links[] = {{"self", ""}, {"status", "/status"}, {"events", "/events"}};

	strbuf_adds(out, ",\"links\":{");
	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
		if (i > 0)
			strbuf_addc(out, ',');
		strbuf_adds_json(out, links[i].name);
		strbuf_adds(out, ":\"");
		strbuf_adds(out, base);
		strbuf_adds(out, "/api/v1/jobs/");
		strbuf_adds(out, public_id);
		strbuf_adds(out, links[i].suffix);
		strbuf_addc(out, '"');
	}
	return strbuf_adds(out, "}}");
}

int status_add_warning(const char *object, size_t n, const char *code, const char *message,
		       int64_t since, struct strbuf *out)
{
	/* Quotes within a text are escaped: this is no part of one. */
	static const char list[] = ",\"warnings\":[";
	const char *at = memmem(object, n, list, sizeof(list) - 1);
	size_t head;

	if (!at)
		return strbuf_add(out, object, n);
	head = (size_t)(at - object) + sizeof(list) - 1;
	strbuf_add(out, object, head);
	status_render_warning(code, message, since, out);
	if (object[head] != ']')
		strbuf_addc(out, ',');
	return strbuf_add(out, object + head, n - head);
}
