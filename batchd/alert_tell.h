/* SPDX-License-Identifier: ISC */
/*
 * alert_tell: the receivers of alerts, what each of them is being told, and when it is tried again.
 */
#ifndef BATCHD_ALERT_TELL_H
#define BATCHD_ALERT_TELL_H

#include "batchd/alert.h"
#include "batchd/alert_send.h"
#include "core/alert_text.h"

#define CARRIED_MOST 50 /* alerts in one message */

struct teller {
	struct {
		int64_t id;
		bool resolved;
	} carried[CARRIED_MOST]; /* in the message that is on its way */
	size_t n;
	unsigned tries;   /* in a row that failed */
	int64_t retry_at; /* boot clock */
};

struct tellers {
	struct teller of[RECEIVER_COUNT];
	struct sender *webhook, *mail;
	struct runner *command;
	char instance[65]; /* the machine's name */
};

struct tellers *tellers_new(void);
void tellers_free(struct tellers **t);
/* Nothing is on its way. */
bool tellers_are_idle(const struct tellers *t);
/* Render a message and send it off. 0 or -1. */
int alert_dispatch(struct daemon *d, enum receiver receiver, const struct alert_message *messages,
		   size_t n, struct err *err);

#endif
