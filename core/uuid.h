/* SPDX-License-Identifier: ISC */
/* uuid: version 4 from given random bytes; text form is lower case with dashes. */
#ifndef CORE_UUID_H
#define CORE_UUID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UUID_TEXT_SIZE 37 /* 36 characters and NUL */

/* Set version and variant in 16 random bytes and write the text form. */
void uuid_v4(const uint8_t random[16], char out[UUID_TEXT_SIZE]);
/* True where s is a UUID in text form (any version, either case). */
bool uuid_is_valid(const char *s, size_t n);
/* The 16 bytes of a valid text, in its order. */
void uuid_bytes(const char *uuid_text, uint8_t out[16]);
/*
 * The first 16 hex digits without dashes, lower case: the job's mark in a custom_id (DESIGN,
 * "attempt"). The text must be valid.
 */
#define UUID_MARK_SIZE 17
void uuid_mark(const char *uuid_text, char out[UUID_MARK_SIZE]);

#endif
