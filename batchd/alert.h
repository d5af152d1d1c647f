/* SPDX-License-Identifier: ISC */
/*
 * alert: what an operator is told of. Whoever finds something raises it, as often as it likes, and
 * clears it when it is over: an alert of a kind and a subject is open once, is told once to each
 * receiver, again every alert.repeat, and once more when it is over.
 *
 * Raising and clearing touch memory alone and cannot fail; each tick stores what changed, under the
 * lease, and puts it off where the database is away. What is raised because something is so is
 * raised again by the next batchd; what merely happened goes with its transaction
 * (alert_raise_tx), or a kill between it and the tick loses it. Receivers that are slow or away
 * hold up nothing; what each was told is a row.
 */
#ifndef BATCHD_ALERT_H
#define BATCHD_ALERT_H

#include "batchd/daemon.h"
#include "core/alert.h"

/* Who is told. */
enum receiver {
	RECEIVER_JOURNAL,
	RECEIVER_WEBHOOK,
	RECEIVER_MAIL,
	RECEIVER_COMMAND,
	RECEIVER_COUNT
};

struct alerts; /* opaque */

struct alerts *alerts_new(void);
void alerts_free(struct alerts **a);
/* The lease was taken: what is open is read anew before anything else. */
void alerts_reset(struct alerts *a);
/* Store what changed, and tell whom it concerns. Under the lease; each tick, and at the end. */
void alerts_tick(struct daemon *d);

/* All is stored, and no message is on its way. */
bool alerts_are_idle(const struct alerts *a);

/*
 * It is so. The words (500 bytes at most; keys in them are removed, control characters too) should
 * not count seconds: others than before are stored once a minute at most, and told with the next
 * message. The subject is as core/alert.h has it, 255 bytes at most.
 */
void alert_raise(struct daemon *d, enum alert_kind kind, const char *subject, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* It is over, or never was. */
void alert_clear(struct daemon *d, enum alert_kind kind, const char *subject);
/*
 * For whoever looks for all of a kind at once: what is not raised between the two is over. A look
 * that failed has no end.
 */
void alert_round_begin(struct daemon *d, enum alert_kind kind);
void alert_round_end(struct daemon *d, enum alert_kind kind);
/* Inside a transaction of daemon_tx: it is stored with it, or not at all. 0 or -1. */
int alert_raise_tx(struct daemon *d, struct db *db, enum alert_kind kind, const char *subject,
		   struct err *err, const char *fmt, ...) __attribute__((format(printf, 6, 7)));

/* "batch:42", "job:UUID"; use: alert_subject_batch(id).text. */
struct alert_subject {
	char text[64];
};
struct alert_subject alert_subject_batch(int64_t id);
struct alert_subject alert_subject_job(const char *public_id);

#endif
