/* SPDX-License-Identifier: ISC */
/*
 * cors: what scripts of other web sites may do (the CORS protocol of the Fetch standard). Off
 * unless http.cors_origins names sites. Browsers are never told to send cookies or the like: a
 * script that needs a key has one. "*" is every site, and is for reads that need no key alone.
 */
#ifndef FCGI_APP_CORS_H
#define FCGI_APP_CORS_H

#include <stdbool.h>

#include "common/config.h"
#include "fcgi_app/http.h"

/*
 * Mark an answer, whatever it will be, for the site that asks. is_public: of
 * a read that needs no key.
 */
void cors_mark(const struct config *config, struct http_response *a, bool is_public);
/*
 * Further headers for an answer to OPTIONS that was marked, where it is a browser's question ahead
 * of a request: `methods`, separated by ", ", are those of the address.
 */
void cors_preflight(const struct config *config, struct http_response *a, const char *methods,
		    bool is_public);

#endif
