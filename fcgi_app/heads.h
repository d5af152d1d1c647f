/* SPDX-License-Identifier: ISC */
/*
 * heads: the connections whose request's head is being read. libfcgi reads a head in blocking
 * pieces, each with a time-out of its own; here all of it has one: the main thread breaks off what
 * takes longer, so that a peer that sends byte by byte holds no worker. Wakes the main thread only
 * while some head is being read.
 */
#ifndef FCGI_APP_HEADS_H
#define FCGI_APP_HEADS_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HEADS_CHECK_MS 500

struct head {
	int fd; /* a duplicate, that names the connection as long as it stands here; -1: none */
	int64_t end_by; /* on clock_boot() */
};

struct heads {
	pthread_mutex_t lock;
	struct head *list; /* one a worker */
	size_t n;
	int wake_fd;  /* eventfd: readable where heads_check() is due */
	bool watched; /* the main thread looks again by itself */
};

void heads_init(struct heads *h, size_t workers);
void heads_clear(struct heads *h);
/*
 * Do the first bytes of a connection hold a whole head, so that nothing is waited for while libfcgi
 * reads it? Web servers connect when they have it at hand, so nearly all do.
 */
bool heads_is_whole(const uint8_t *bytes, size_t n);
/* Around the reading of any other, by the worker of that number. */
void heads_begin(struct heads *h, size_t worker, int fd);
void heads_end(struct heads *h, size_t worker);
/* The main thread's: break off the overdue ones. In how many milliseconds to look again; -1: when
 * wake_fd says. */
int heads_check(struct heads *h);

#endif
