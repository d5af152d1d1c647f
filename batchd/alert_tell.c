/* SPDX-License-Identifier: ISC */
/* Who is told of an alert, and when (batchd/alert_private.h). */
#include <stdlib.h>

#include "batchd/alert_private.h"
#include "common/log.h"
#include "core/timemath.h"

#define EVENT_AGE T_DAY
/* Of a clock that was put back: what was told in the future is told again. */
#define AHEAD T_MIN

void alert_tell_mark(struct daemon *d, struct alert *alert, enum receiver receiver, bool resolved)
{
	struct alert_mark *m = calloc(1, sizeof(*m));

	if (!m)
		abort();
	*m = (struct alert_mark){.id = alert->id,
				 .receiver = receiver,
				 .resolved = resolved,
				 .next = d->alerts->marks};
	d->alerts->marks = m;
	alert->told[receiver].at = daemon_now(d);
	alert->told[receiver].resolved = resolved;
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
	alert_tell_mark(d, i, RECEIVER_JOURNAL, i->cleared_at != 0);
}

/* Events have no end: they are closed after a while. */
static void close_event(struct daemon *d, const struct alert *i)
{
	if (!i->cleared_at && alert_words[i->kind].is_event &&
	    daemon_now(d) >= t_add(i->first_at, EVENT_AGE))
		alert_clear(d, i->kind, i->subject);
}

void alert_tell(struct daemon *d)
{
	for (struct alert *i = d->alerts->list; i; i = i->next) {
		bool waits = false;

		close_event(d, i);
		if (is_due(d, i, RECEIVER_JOURNAL))
			tell_journal(d, i);
		for (int r = 0; r < RECEIVER_COUNT; r++)
			waits |= is_due(d, i, (enum receiver)r);
		i->settled = i->cleared_at && !waits;
	}
}
