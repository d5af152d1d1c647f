/* SPDX-License-Identifier: ISC */
/* known_key: see known_key.h. */
#include "fcgi_app/known_key.h"

#include <openssl/crypto.h>
#include <string.h>

#include "common/recipe.h"
#include "core/timemath.h"

#define KNOWN_FOR T_H

void known_key_init(struct known_key *k)
{
	*k = (struct known_key){0};
	pthread_mutex_init(&k->lock, NULL);
}

void known_key_clear(struct known_key *k)
{
	pthread_mutex_destroy(&k->lock);
}

void known_key_copy(struct known_key *k, struct known_key *from)
{
	pthread_mutex_lock(&from->lock);
	memcpy(k->hash, from->hash, sizeof(k->hash));
	k->accepted_at = from->accepted_at;
	pthread_mutex_unlock(&from->lock);
}

static bool is_it(const struct known_key *k, const unsigned char hash[32])
{
	return CRYPTO_memcmp(k->hash, hash, sizeof(k->hash)) == 0 && k->accepted_at != 0;
}

void known_key_keep(struct known_key *k, const char *text, int64_t now)
{
	unsigned char hash[32];

	sha256(text, strlen(text), hash);
	pthread_mutex_lock(&k->lock);
	memcpy(k->hash, hash, sizeof(k->hash));
	k->accepted_at = now;
	pthread_mutex_unlock(&k->lock);
}

void known_key_forget(struct known_key *k, const char *text)
{
	unsigned char hash[32];

	sha256(text, strlen(text), hash);
	pthread_mutex_lock(&k->lock);
	if (is_it(k, hash))
		k->accepted_at = 0;
	pthread_mutex_unlock(&k->lock);
}

bool known_key_fits(struct known_key *k, const char *text, int64_t now)
{
	unsigned char hash[32];
	bool fits;

	sha256(text, strlen(text), hash);
	pthread_mutex_lock(&k->lock);
	fits = is_it(k, hash) && now - k->accepted_at < KNOWN_FOR;
	pthread_mutex_unlock(&k->lock);
	return fits;
}
