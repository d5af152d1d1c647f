/* SPDX-License-Identifier: ISC */
/*
 * language: BCP 47 tags, well-formed as RFC 5646 has it (the registry of subtags is not consulted),
 * in the usual case: zh-hant-tw is zh-Hant-TW. The old irregular tags ("i-klingon") are refused.
 */
#ifndef CORE_LANGUAGE_H
#define CORE_LANGUAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/limits.h"

#define LANGUAGE_SIZE            (LIMIT_LANGUAGE_BYTES + 1)
#define LANGUAGE_OF_DESCRIPTIONS "en"

/* Write the tag in its usual case. 0, or -1 where it is not well-formed or too long. */
int language_normalise(const char *s, size_t n, char out[LANGUAGE_SIZE]);
/* False for exactly "en", the language descriptions are written in. Takes a normalised tag. */
bool language_is_target(const char *tag);
/* The English name ("French", "Brazilian Portuguese") where it is known, else the tag itself. */
const char *language_name(const char *tag);

#endif
