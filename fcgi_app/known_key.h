/* SPDX-License-Identifier: ISC */
/*
 * known_key: the key with which /metrics was asked for last, so that it can be asked for while the
 * database, which alone knows keys, is away: just then somebody looks. Its hash is held, for an hour
 * after the database last accepted it.
 *
 * Safe for threads. Reads no clock: `now` is clock_boot().
 */
#ifndef FCGI_APP_KNOWN_KEY_H
#define FCGI_APP_KNOWN_KEY_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct known_key {
	pthread_mutex_t lock;
	unsigned char hash[32];
	int64_t accepted_at; /* 0: none is known */
};

void known_key_init(struct known_key *k);
void known_key_clear(struct known_key *k);

/* What another one knows. */
void known_key_copy(struct known_key *k, struct known_key *from);
/* It was accepted. */
void known_key_keep(struct known_key *k, const char *text, int64_t now);
/* It was refused: where it is the one that is known it no longer is. */
void known_key_forget(struct known_key *k, const char *text);
/* Is it the one? Compared in constant time. */
bool known_key_fits(struct known_key *k, const char *text, int64_t now);

#endif
