/* SPDX-License-Identifier: ISC */
#include "batchd/alert.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "batchd/alert_private.h"
#include "batchd/alert_tell.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/must.h"
#include "core/timemath.h"
#include "core/utf8.h"

#define NEW_WORDS_EVERY T_MIN
#define FAILED_EVERY    T_MIN
/* A change that could not be stored for so long is of another time: what is so is raised again. */
#define CHANGE_AGE (10 * T_MIN)

struct alerts *alerts_new(void)
{
	struct alerts *a = must(calloc(1, sizeof(*a)));

	a->tellers = tellers_new();
	return a;
}

void alerts_free(struct alerts **a)
{
	if (!*a)
		return;
	tellers_free(&(*a)->tellers);
	alert_rows_free(*a);
	free(*a);
	*a = NULL;
}

void alerts_reset(struct alerts *a)
{
	struct alert_change **at = &a->changes;

	while (*at) {
		struct alert_change *c = *at;

		if (clock_boot() < t_add(c->at, CHANGE_AGE)) {
			at = &c->next;
			continue;
		}
		*at = c->next;
		free(c);
	}
	for (struct alert *i = a->list; i; i = i->next)
		i->seen = false;
	a->is_loaded = false;
	a->jobs_from = a->looked_at = a->counted_at = 0;
}

/* What cannot be stored now is stored later, and is a line in the journal once a minute. */
static void flush(struct daemon *d)
{
	struct err err;

	if (alert_rows_flush(d, &err) == 0 ||
	    (d->alerts->failed_at && clock_boot() < t_add(d->alerts->failed_at, FAILED_EVERY)))
		return;
	d->alerts->failed_at = clock_boot();
	log_warning("alerts not stored error=\"%s\"", err.text);
}

void alerts_tick(struct daemon *d)
{
	if (d->alerts->is_loaded)
		alert_watch(d);
	flush(d);
	if (!d->alerts->is_loaded)
		return;
	alert_tell(d);
	if (d->alerts->marks)
		flush(d);
}

bool alerts_are_idle(const struct alerts *a)
{
	return !a->changes && !a->marks && tellers_are_idle(a->tellers);
}

struct alert *alert_find(const struct alerts *a, enum alert_kind kind, const char *subject)
{
	struct alert *i = a->list;

	while (i && (i->cleared_at || i->kind != kind || strcmp(i->subject, subject) != 0))
		i = i->next;
	return i;
}

static struct alert_change *change_find(const struct alerts *a, enum alert_kind kind,
					const char *subject)
{
	struct alert_change *c = a->changes;

	while (c && (c->kind != kind || strcmp(c->subject, subject) != 0))
		c = c->next;
	return c;
}

/* The change that waits for it, or a new one at the end. */
static struct alert_change *change_of(struct alerts *a, enum alert_kind kind, const char *subject)
{
	struct alert_change *c = change_find(a, kind, subject), **at = &a->changes;

	if (!c) {
		c = must(calloc(1, sizeof(*c)));
		while (*at)
			at = &(*at)->next;
		*at = c;
		c->kind = kind;
		utf8_copy(c->subject, sizeof(c->subject), subject);
	}
	c->at = clock_boot();
	return c;
}

/* Some of it comes from outside: a line of whole characters, which the database takes. */
static void clean(char *text)
{
	char *s = text;

	while (*s) {
		const size_t n = utf8_sequence(s, strlen(s));

		if (n == 0)
			*s = '?';
		else if ((unsigned char)*s < 0x20 || *s == 0x7f)
			*s = ' ';
		s += n ? n : 1;
	}
}

static void copy_subject(char key[ALERT_SUBJECT_SIZE], const char *subject)
{
	utf8_copy(key, ALERT_SUBJECT_SIZE, subject);
	clean(key);
}

static void format(char message[ALERT_MESSAGE_SIZE], const char *fmt, va_list ap)
	__attribute__((format(printf, 2, 0)));

static void format(char message[ALERT_MESSAGE_SIZE], const char *fmt, va_list ap)
{
	vsnprintf(message, ALERT_MESSAGE_SIZE, fmt, ap);
	utf8_trim(message);
	clean(message);
	log_redact(message);
}

/* Would a row say anything that it does not say? */
static bool is_news(struct alert *open, const char *message)
{
	if (!open || !open->seen)
		return true;
	return strcmp(open->message, message) != 0 &&
	       clock_boot() >= t_add(open->stored_at, NEW_WORDS_EVERY);
}

void alert_raise(struct daemon *d, enum alert_kind kind, const char *subject, const char *fmt, ...)
{
	char key[ALERT_SUBJECT_SIZE], message[ALERT_MESSAGE_SIZE];
	struct alert_change *c;
	struct alert *open;
	va_list ap;

	copy_subject(key, subject);
	va_start(ap, fmt);
	format(message, fmt, ap);
	va_end(ap);
	open = alert_find(d->alerts, kind, key);
	if (open)
		open->in_round = true;
	if (!change_find(d->alerts, kind, key) && !is_news(open, message))
		return;
	c = change_of(d->alerts, kind, key);
	c->is_clear = false;
	c->in_round = true;
	memcpy(c->message, message, sizeof(message));
}

void alert_clear(struct daemon *d, enum alert_kind kind, const char *subject)
{
	char key[ALERT_SUBJECT_SIZE];

	copy_subject(key, subject);
	/* What the rows say is not known before they are read. */
	if (!d->alerts->is_loaded || change_find(d->alerts, kind, key) ||
	    alert_find(d->alerts, kind, key))
		change_of(d->alerts, kind, key)->is_clear = true;
}

void alert_round_begin(struct daemon *d, enum alert_kind kind)
{
	for (struct alert_change *c = d->alerts->changes; c; c = c->next)
		if (c->kind == kind)
			c->in_round = false;
	for (struct alert *i = d->alerts->list; i; i = i->next)
		if (i->kind == kind)
			i->in_round = false;
}

void alert_round_end(struct daemon *d, enum alert_kind kind)
{
	for (struct alert_change *c = d->alerts->changes; c; c = c->next)
		if (c->kind == kind && !c->in_round)
			c->is_clear = true;
	for (const struct alert *i = d->alerts->list; i; i = i->next)
		if (i->kind == kind && !i->cleared_at && !i->in_round)
			change_of(d->alerts, kind, i->subject)->is_clear = true;
}

int alert_raise_tx(struct daemon *d, struct db *db, enum alert_kind kind, const char *subject,
		   struct err *err, const char *fmt, ...)
{
	char key[ALERT_SUBJECT_SIZE], message[ALERT_MESSAGE_SIZE];
	va_list ap;

	copy_subject(key, subject);
	va_start(ap, fmt);
	format(message, fmt, ap);
	va_end(ap);
	d->alerts->is_loaded = false; /* its row is read by the next tick */
	return alert_row_raise(db, kind, key, message, err);
}

struct alert_subject alert_subject_batch(int64_t id)
{
	struct alert_subject s;

	snprintf(s.text, sizeof(s.text), "batch:%lld", (long long)id);
	return s;
}

struct alert_subject alert_subject_job(const char *public_id)
{
	struct alert_subject s;

	snprintf(s.text, sizeof(s.text), "job:%.50s", public_id);
	return s;
}
