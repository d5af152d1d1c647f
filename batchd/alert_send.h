/* SPDX-License-Identifier: ISC */
/*
 * alert_send: messages on their way to a receiver: by HTTP, by SMTP, or to a command. One message at
 * a time; none holds up anything else, however slow its receiver is.
 *
 * HTTP and SMTP run in a thread of their own with handles of their own, so that they know nothing
 * of the provider's key: libcurl closes an SMTP connection with a QUIT whose answer it waits for,
 * which in batchd's one loop would stop all. Nothing of an address is logged.
 */
#ifndef BATCHD_ALERT_SEND_H
#define BATCHD_ALERT_SEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"

enum delivery { DELIVERY_NONE, DELIVERY_ON_ITS_WAY, DELIVERY_DONE, DELIVERY_FAILED };

/* What is sent; all is copied. */
struct alert_post {
	const char *url;
	const char *from, *to; /* SMTP; NULL: a POST of JSON */
	const char *text;
	size_t text_n;
};

struct sender; /* opaque */
struct sender *sender_new(void);
/* What is under way is broken off, within a second or two. */
void sender_free(struct sender **s);
/* Nothing may be on its way. */
void sender_start(struct sender *s, const struct alert_post *post);
/* DONE and FAILED (with *err) are told once. */
enum delivery sender_poll(struct sender *s, struct err *err);

/*
 * The sender's address: the account in the SMTP URL where it is an address, else
 * lotscribe@`instance`.
 */
void sender_address(const char *smtp_url, const char *instance, char *out, size_t size);

struct runner; /* opaque */
struct runner *runner_new(void);
/* The command and its children are killed. */
void runner_free(struct runner **r);
/*
 * Run a command by /bin/sh with these environment entries (NULL-terminated; PATH comes with them,
 * nothing else of batchd's) and `text` as its standard input, 60 KiB at most. It is killed after
 * half a minute. 0 or -1.
 */
int runner_start(struct runner *r, const char *command, char *const *environment, const char *text,
		 size_t text_n, struct err *err);
/* As sender_poll. */
enum delivery runner_poll(struct runner *r, struct err *err);

#endif
