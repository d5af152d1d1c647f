/* SPDX-License-Identifier: ISC */
/*
 * url: whether a text is a web address that may be handed on. It is looked at, never fetched, and
 * nothing is said about where it leads: who fetches must look at the address it connects to.
 */
#ifndef CORE_URL_H
#define CORE_URL_H

#include <stdbool.h>
#include <stddef.h>

/*
 * http or https, a host, no user information, a port from 1 to 65535 or none, no white space,
 * control character, quote, angle bracket or backslash, UTF-8, at most LIMIT_URL_BYTES. NULL, or
 * why not, a constant that reads well after "the URL ".
 */
const char *url_fault(const char *s, size_t n, bool https_only);

#endif
