/* SPDX-License-Identifier: ISC */
/* Who is told of an alert, and when (batchd/alert_private.h). */
#include "batchd/alert_tell.h"

#include <stdlib.h>
#include <sys/utsname.h>

#include "batchd/alert_private.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/must.h"
#include "core/outcome.h"
#include "core/timemath.h"

#define EVENT_AGE T_DAY
/* Of a clock that was put back: what was told in the future is told again. */
#define AHEAD T_MIN
/* A receiver that is away stays away for a while, and each try is a line in the journal. */
#define TRIES_TO_SLOW 12
#define SLOW          (10 * T_MIN)

struct tellers *tellers_new(void)
{
	struct tellers *t = must(calloc(1, sizeof(*t)));
	struct utsname u;

	snprintf(t->instance, sizeof(t->instance), "%s",
		 uname(&u) == 0 && u.nodename[0] ? u.nodename : "localhost");
	t->webhook = sender_new();
	t->mail = sender_new();
	t->command = runner_new();
	return t;
}

void tellers_free(struct tellers **t)
{
	if (!*t)
		return;
	sender_free(&(*t)->webhook);
	sender_free(&(*t)->mail);
	runner_free(&(*t)->command);
	free(*t);
	*t = NULL;
}

static bool is_configured(const struct config *c, enum receiver receiver)
{
	switch (receiver) {
	case RECEIVER_JOURNAL:
		return true;
	case RECEIVER_WEBHOOK:
		return c->alert.webhook_url[0];
	case RECEIVER_MAIL:
		return c->alert.mail_to[0];
	case RECEIVER_COMMAND:
		return c->alert.command[0];
	case RECEIVER_COUNT:
		break;
	}
	return false;
}

static void mark(struct daemon *d, struct alert *alert, enum receiver receiver, bool resolved)
{
	struct alert_mark *m = must(calloc(1, sizeof(*m)));

	*m = (struct alert_mark){.id = alert->id,
				 .receiver = receiver,
				 .resolved = resolved,
				 .next = d->alerts->marks};
	d->alerts->marks = m;
	alert->told[receiver].at = daemon_now(d);
	alert->told[receiver].resolved = resolved;
	alert->told[receiver].failures = 0;
}

/* Nothing was mended: it is only long ago. */
static bool is_closed_event(const struct alert *i)
{
	return alert_words[i->kind].is_event && i->cleared_at >= t_add(i->first_at, EVENT_AGE);
}

/* Is there anything to tell this receiver? Who never heard of it need not hear of its end. */
static bool is_due(const struct daemon *d, const struct alert *i, enum receiver receiver)
{
	const int64_t now = daemon_now(d), told = i->told[receiver].at;

	if (!is_configured(d->config, receiver))
		return false;
	if (i->cleared_at)
		return told && !i->told[receiver].resolved && !is_closed_event(i);
	if (!told)
		return true;
	if (alert_words[i->kind].is_event)
		return false;
	return now >= t_add(told, d->config->alert.repeat) || told > t_add(now, AHEAD);
}

static void tell_journal(struct daemon *d, struct alert *i)
{
	void (*const say)(const char *fmt, ...) =
		alert_words[i->kind].severity == ALERT_CRITICAL ? log_err : log_warning;

	if (i->cleared_at)
		log_notice("alert over kind=%s subject=%s", alert_words[i->kind].name,
			   i->subject[0] ? i->subject : "-");
	else
		say("alert %s kind=%s subject=%s message=\"%s\"",
		    i->told[RECEIVER_JOURNAL].at ? "goes on" : "raised", alert_words[i->kind].name,
		    i->subject[0] ? i->subject : "-", i->message);
	mark(d, i, RECEIVER_JOURNAL, i->cleared_at != 0);
}

/* --- deliveries --- */

static enum delivery poll_receiver(struct tellers *t, enum receiver receiver, struct err *err)
{
	switch (receiver) {
	case RECEIVER_WEBHOOK:
		return sender_poll(t->webhook, err);
	case RECEIVER_MAIL:
		return sender_poll(t->mail, err);
	case RECEIVER_COMMAND:
		return runner_poll(t->command, err);
	case RECEIVER_JOURNAL:
	case RECEIVER_COUNT:
		break;
	}
	return DELIVERY_NONE;
}

static struct alert *find_id(const struct alerts *a, int64_t id)
{
	struct alert *i = a->list;

	while (i && i->id != id)
		i = i->next;
	return i;
}

static void arrived(struct daemon *d, enum receiver receiver)
{
	struct teller *t = &d->alerts->tellers->of[receiver];

	for (size_t n = 0; n < t->n; n++) {
		struct alert *i = find_id(d->alerts, t->carried[n].id);

		if (i)
			mark(d, i, receiver, t->carried[n].resolved);
	}
	log_info("alerts told receiver=%s alerts=%zu", receiver_names[receiver], t->n);
	t->n = t->tries = 0;
}

static void failed(struct daemon *d, enum receiver receiver, const struct err *why)
{
	struct teller *t = &d->alerts->tellers->of[receiver];
	const int64_t wait =
		t->tries < TRIES_TO_SLOW ? backoff_us(t->tries, (uint64_t)receiver) : SLOW;

	for (size_t n = 0; n < t->n; n++) {
		struct alert *i = find_id(d->alerts, t->carried[n].id);

		if (i)
			i->told[receiver].failures++;
	}
	t->tries++;
	t->retry_at = t_add(clock_boot(), wait);
	log_warning("alerts not told receiver=%s alerts=%zu tries=%u error=\"%s\"",
		    receiver_names[receiver], t->n, t->tries, why->text);
	t->n = 0;
}

/* One that a receiver takes ill must not keep the others from it. */
static bool comes_before(const struct alert *a, const struct alert *b, enum receiver receiver)
{
	const unsigned x = a->told[receiver].failures, y = b->told[receiver].failures;

	return x != y ? x < y
		      : alert_words[a->kind].severity == ALERT_CRITICAL &&
				alert_words[b->kind].severity != ALERT_CRITICAL;
}

/* NULL: there is nothing to be told. */
static const struct alert *first_due(const struct daemon *d, enum receiver receiver)
{
	const struct alert *first = NULL;

	for (const struct alert *i = d->alerts->list; i; i = i->next) {
		if (is_due(d, i, receiver) && (!first || comes_before(i, first, receiver)))
			first = i;
	}
	return first;
}

/*
 * Messages of one kind, the oldest first, as many as the receiver takes at once; one that did not
 * arrive goes alone.
 */
static void collect(struct daemon *d, enum receiver receiver, struct alert_message *messages)
{
	struct teller *t = &d->alerts->tellers->of[receiver];
	const struct alert *first = first_due(d, receiver);
	const bool is_alone =
		receiver == RECEIVER_COMMAND || (first && first->told[receiver].failures > 0);

	t->n = 0;
	for (const struct alert *i = first ? d->alerts->list : NULL;
	     i && t->n < (is_alone ? 1 : CARRIED_MOST); i = i->next) {
		if (is_alone ? i != first
			     : i->kind != first->kind || i->told[receiver].failures > 0 ||
				       !is_due(d, i, receiver))
			continue;
		messages[t->n] = (struct alert_message){.kind = i->kind,
							.subject = i->subject,
							.message = i->message,
							.first_at = i->first_at,
							.cleared_at = i->cleared_at};
		t->carried[t->n].id = i->id;
		t->carried[t->n].resolved = i->cleared_at != 0;
		t->n++;
	}
}

static void serve(struct daemon *d, enum receiver receiver)
{
	struct teller *t = &d->alerts->tellers->of[receiver];
	struct alert_message messages[CARRIED_MOST];
	struct err err;

	switch (poll_receiver(d->alerts->tellers, receiver, &err)) {
	case DELIVERY_ON_ITS_WAY:
		return;
	case DELIVERY_DONE:
		arrived(d, receiver);
		break;
	case DELIVERY_FAILED:
		failed(d, receiver, &err);
		break;
	case DELIVERY_NONE:
		break;
	}
	if (d->stopping || !is_configured(d->config, receiver) || clock_boot() < t->retry_at)
		return;
	collect(d, receiver, messages);
	if (t->n > 0 && alert_dispatch(d, receiver, messages, t->n, &err) < 0)
		failed(d, receiver, &err);
}

/* --- all of it --- */

/* Events have no end: they are closed after a while. */
static void close_event(struct daemon *d, const struct alert *i)
{
	if (!i->cleared_at && alert_words[i->kind].is_event &&
	    daemon_now(d) >= t_add(i->first_at, EVENT_AGE))
		alert_clear(d, i->kind, i->subject);
}

/* Somebody is to be told of it, or is just being told. */
static bool has_listener(const struct daemon *d, const struct alert *i)
{
	for (int r = 0; r < RECEIVER_COUNT; r++) {
		const struct teller *t = &d->alerts->tellers->of[r];

		if (is_due(d, i, (enum receiver)r))
			return true;
		for (size_t n = 0; n < t->n; n++)
			if (t->carried[n].id == i->id)
				return true;
	}
	return false;
}

void alert_tell(struct daemon *d)
{
	for (struct alert *i = d->alerts->list; i; i = i->next) {
		close_event(d, i);
		if (is_due(d, i, RECEIVER_JOURNAL))
			tell_journal(d, i);
	}
	for (int r = RECEIVER_JOURNAL + 1; r < RECEIVER_COUNT; r++)
		serve(d, (enum receiver)r);
	for (struct alert *i = d->alerts->list; i; i = i->next)
		i->settled = i->cleared_at && !has_listener(d, i);
}

bool tellers_are_idle(const struct tellers *t)
{
	for (int r = 0; r < RECEIVER_COUNT; r++)
		if (t->of[r].n > 0)
			return false;
	return true;
}
