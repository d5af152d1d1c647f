/* SPDX-License-Identifier: ISC */
/* Alerts between memory and the database (batchd/alert_private.h). */
#include <stdlib.h>
#include <string.h>

#include "batchd/alert_private.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/must.h"
#include "core/model.h"
#include "core/timemath.h"
#include "core/utf8.h"

#define REMOVE_EVERY T_H

const char *const receiver_names[RECEIVER_COUNT] = {
	[RECEIVER_JOURNAL] = "journal",
	[RECEIVER_WEBHOOK] = "webhook",
	[RECEIVER_MAIL] = "mail",
	[RECEIVER_COMMAND] = "command",
};

/* --- reading --- */

static struct alert *row_of(struct alerts *a, int64_t id)
{
	struct alert **at = &a->list;

	while (*at && (*at)->id < id)
		at = &(*at)->next;
	if (!*at || (*at)->id != id) {
		struct alert *fresh = must(calloc(1, sizeof(*fresh)));

		fresh->id = id;
		fresh->stored_at = clock_boot();
		fresh->next = *at;
		*at = fresh;
	}
	return *at;
}

static void read_row(struct alerts *a, const struct db_rows *r)
{
	const int kind = alert_kind_find(db_get_text(r, 1, NULL));
	const int receiver = name_find(receiver_names, RECEIVER_COUNT, db_get_text(r, 6, NULL));
	struct alert *i;

	if (kind < 0)
		return; /* of a newer program */
	i = row_of(a, db_get_int(r, 0));
	i->kind = (enum alert_kind)kind;
	utf8_copy(i->subject, sizeof(i->subject), db_get_text(r, 2, NULL));
	utf8_copy(i->message, sizeof(i->message), db_get_text(r, 3, NULL));
	i->first_at = db_get_time(r, 4);
	i->cleared_at = db_get_time(r, 5);
	i->is_read = true;
	if (receiver >= 0) {
		i->told[receiver].at = db_get_time(r, 7);
		i->told[receiver].resolved = db_get_int(r, 8) != 0;
	}
}

/* Those that the database does not name any more are settled, or not there. */
static void drop_unread(struct alerts *a)
{
	struct alert **at = &a->list;

	while (*at) {
		struct alert *i = *at;

		if (i->is_read) {
			i->is_read = false;
			at = &i->next;
		} else {
			*at = i->next;
			free(i);
		}
	}
}

static int load(struct daemon *d, struct err *err)
{
	struct alerts *a = d->alerts;
	struct db_rows *r;

	if (db_query(d->db, STMT_ALERTS_OPEN, DB_NONE, &r, err) < 0)
		return -1;
	while (db_next(r))
		read_row(a, r);
	db_rows_free(&r);
	drop_unread(a);
	a->is_loaded = true;
	return 0;
}

/* --- writing --- */

int alert_row_raise(struct db *db, enum alert_kind kind, const char *subject, const char *message,
		    struct err *err)
{
	const struct alert_word *w = &alert_words[kind];

	return db_exec(db, STMT_ALERT_RAISE,
		       DB_P(db_text(w->name), db_text(subject),
			    db_text(alert_severity_names[w->severity]), db_text(message)),
		       err) < 0
		       ? -1
		       : 0;
}

static int write_change(struct db *db, const struct alert_change *c, struct err *err)
{
	if (!c->is_clear)
		return alert_row_raise(db, c->kind, c->subject, c->message, err);
	return db_exec(db, STMT_ALERT_CLEAR,
		       DB_P(db_text(alert_words[c->kind].name), db_text(c->subject)), err) < 0
		       ? -1
		       : 0;
}

static int write_tx(struct db *db, void *arg, struct err *err)
{
	const struct alerts *a = arg;

	for (const struct alert_change *c = a->changes; c; c = c->next)
		if (write_change(db, c, err) < 0)
			return -1;
	for (const struct alert_mark *m = a->marks; m; m = m->next)
		if (db_exec(db, STMT_ALERT_TELL,
			    DB_P(db_text(receiver_names[m->receiver]), db_int(m->resolved),
				 db_int(m->id)),
			    err) < 0)
			return -1;
	for (const struct alert *i = a->list; i; i = i->next)
		if (i->settled && db_exec(db, STMT_ALERT_SETTLE, DB_P(db_int(i->id)), err) < 0)
			return -1;
	return 0;
}

static bool has_settled(const struct alerts *a)
{
	for (const struct alert *i = a->list; i; i = i->next)
		if (i->settled)
			return true;
	return false;
}

/* What the rows say now was found so in this life, as of now. */
static void note_written(struct alerts *a)
{
	while (a->changes) {
		struct alert_change *c = a->changes;
		struct alert *i = c->is_clear ? NULL : alert_find(a, c->kind, c->subject);

		if (i) {
			i->seen = true;
			i->stored_at = clock_boot();
		}
		a->changes = c->next;
		free(c);
	}
	while (a->marks) {
		struct alert_mark *m = a->marks;

		a->marks = m->next;
		free(m);
	}
}

static void remove_old(struct daemon *d)
{
	struct alerts *a = d->alerts;
	struct err err;

	if (a->removed_at && clock_boot() < t_add(a->removed_at, REMOVE_EVERY))
		return;
	a->removed_at = clock_boot();
	if (db_exec(d->db, STMT_ALERTS_REMOVE, DB_NONE, &err) < 0)
		log_warning("old alerts not removed error=\"%s\"", err.text);
}

int alert_rows_flush(struct daemon *d, struct err *err)
{
	struct alerts *a = d->alerts;
	const bool writes = a->changes || a->marks || has_settled(a);

	if (!writes && a->is_loaded)
		return 0;
	if (writes && daemon_tx(d, write_tx, a, err) < 0)
		return -1;
	if (load(d, err) < 0) {
		a->is_loaded = false;
		return -1;
	}
	note_written(a);
	remove_old(d);
	return 0;
}

void alert_rows_free(struct alerts *a)
{
	drop_unread(a); /* none is read */
	note_written(a);
}
