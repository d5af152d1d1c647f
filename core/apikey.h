/* SPDX-License-Identifier: ISC */
/*
 * apikey: the form of API keys, lot_<id>_<secret><check>.
 *
 * id: 12 of [a-z0-9], what rows and logs know; secret: 256 bits as 43 characters base 62; check:
 * CRC-32 of all before it as 6 characters base 62, so that a mistyped key costs no look-up and leak
 * scanners need none. Nothing here compares secrets or hashes them.
 */
#ifndef CORE_APIKEY_H
#define CORE_APIKEY_H

#include <stddef.h>
#include <stdint.h>

#define APIKEY_ID_SIZE      13 /* all sizes with the NUL */
#define APIKEY_SECRET_SIZE  44
#define APIKEY_TEXT_SIZE    67
#define APIKEY_RANDOM_BYTES 40 /* 8 for the id, 32 for the secret */

struct apikey {
	char id[APIKEY_ID_SIZE];
	char secret[APIKEY_SECRET_SIZE];
};

/* Write the key that these random bytes make. */
void apikey_make(const uint8_t random[APIKEY_RANDOM_BYTES], char out[APIKEY_TEXT_SIZE]);
/* Take a key apart where form and check are right: 0, else -1. */
int apikey_parse(const char *s, size_t n, struct apikey *key);

#endif
