/* SPDX-License-Identifier: ISC */
/*
 * alert_private: what the parts of the alerts share. Rows that are not settled are held in memory
 * as the database has them; changes wait in lists of their own until a tick stores them.
 */
#ifndef BATCHD_ALERT_PRIVATE_H
#define BATCHD_ALERT_PRIVATE_H

#include "batchd/alert.h"

#define ALERT_SUBJECT_SIZE 256
#define ALERT_MESSAGE_SIZE 501

struct alert {
	int64_t id;
	enum alert_kind kind;
	char subject[ALERT_SUBJECT_SIZE], message[ALERT_MESSAGE_SIZE];
	int64_t first_at, cleared_at; /* 0: open */
	struct {
		int64_t at; /* 0: not told */
		bool resolved;
		unsigned failures; /* messages with it that did not arrive, since one did */
	} told[RECEIVER_COUNT];
	bool settled;      /* nobody is to be told of it any more */
	bool seen;         /* found so in this life */
	int64_t stored_at; /* boot clock: its words were last stored */
	bool is_read;      /* while they are read anew */
	bool in_round;     /* raised since the round began */
	struct alert *next;
};

struct alert_change {
	enum alert_kind kind;
	char subject[ALERT_SUBJECT_SIZE], message[ALERT_MESSAGE_SIZE];
	bool is_clear;
	bool in_round; /* as of the alert */
	int64_t at;    /* boot clock */
	struct alert_change *next;
};

/* A message arrived. */
struct alert_mark {
	int64_t id;
	enum receiver receiver;
	bool resolved;
	struct alert_mark *next;
};

struct alerts {
	bool is_loaded;
	struct alert *list; /* by id */
	struct alert_change *changes;
	struct alert_mark *marks;
	struct tellers *tellers;
	int64_t removed_at; /* boot clock: when old ones were last removed */
	int64_t failed_at;  /* and when it was last said that they cannot be stored */
	/* what alert_watch.c looked at, and when by the boot clock */
	int64_t looked_at, counted_at;
	size_t n_at_risk; /* jobs that were found at risk in this look */
	int64_t jobs_from; /* database's clock: jobs that changed since are looked at; 0: the first */
};

extern const char *const receiver_names[RECEIVER_COUNT];

/* The open one, or NULL. */
struct alert *alert_find(const struct alerts *a, enum alert_kind kind, const char *subject);
/* Its row, inside a transaction. 0 or -1. */
int alert_row_raise(struct db *db, enum alert_kind kind, const char *subject, const char *message,
		    struct err *err);
/* Store changes, marks and what is settled, and read anew. 0 or -1; nothing is lost by -1. */
int alert_rows_flush(struct daemon *d, struct err *err);
/* Free all that is in memory. */
void alert_rows_free(struct alerts *a);
/* Raise and clear what rows and memory say, where it is time to look. */
void alert_watch(struct daemon *d);
/* Tell whom it concerns. */
void alert_tell(struct daemon *d);

#endif
