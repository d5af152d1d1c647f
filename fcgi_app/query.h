/* SPDX-License-Identifier: ISC */
/* query: reading of query parameters, which core/target.h has decoded. */
#ifndef FCGI_APP_QUERY_H
#define FCGI_APP_QUERY_H

#include <stdbool.h>
#include <stdint.h>

#include "fcgi_app/call.h"

/* Prepare a 400 that names the parameter. Always returns -1. */
int query_refuse(struct call *c, const char *parameter, const char *detail);
/* A whole number from min to max. 0 and *out, or -1. */
int query_number(const char *text, int64_t min, int64_t max, int64_t *out);
/* "1" or "0", and nothing else. 0 and *out, or -1. */
int query_flag(const char *text, bool *out);

#endif
