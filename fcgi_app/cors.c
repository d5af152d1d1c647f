/* SPDX-License-Identifier: ISC */
/* cors: see cors.h. */
#include "fcgi_app/cors.h"

#include <string.h>

#define EXPOSED                                                            \
	"ETag, Location, Link, Retry-After, RateLimit, RateLimit-Policy, " \
	"Preference-Applied"
#define MAX_AGE_S 7200 /* browsers keep it no longer */

/* The site as Access-Control-Allow-Origin names it, or NULL where it is none of ours. */
static const char *allowed_origin(const struct config *config, const struct http_request *r,
				  bool is_public)
{
	const struct config_list *known = &config->http.cors_origins;
	const char *origin = http_variable(r, "HTTP_ORIGIN");
	const char *any = NULL;

	if (!origin)
		return NULL;
	for (size_t i = 0; i < known->n; i++) {
		if (strcmp(known->texts[i], origin) == 0)
			return known->texts[i];
		if (strcmp(known->texts[i], "*") == 0 && is_public)
			any = known->texts[i];
	}
	return any;
}

void cors_mark(const struct config *config, struct http_response *a, bool is_public)
{
	const char *origin;

	if (config->http.cors_origins.n == 0)
		return;
	/* Also where none is sent: another site's answer must not come out of a cache. */
	http_keep_header(a, "Vary", "Origin");
	origin = allowed_origin(config, a->request, is_public);
	if (!origin)
		return;
	http_keep_header(a, "Access-Control-Allow-Origin", "%s", origin);
	http_keep_header(a, "Access-Control-Expose-Headers", "%s", EXPOSED);
}

void cors_preflight(const struct config *config, struct http_response *a, const char *methods,
		    bool is_public)
{
	const char *origin = allowed_origin(config, a->request, is_public);
	bool any = origin && strcmp(origin, "*") == 0;

	if (!origin || !http_variable(a->request, "HTTP_ACCESS_CONTROL_REQUEST_METHOD"))
		return;
	http_add_header(a, "Access-Control-Allow-Methods", "%s", any ? "GET, HEAD" : methods);
	http_add_header(
		a, "Access-Control-Allow-Headers", "%s",
		any ? "If-None-Match, Prefer"
		    : "Authorization, Content-Type, Idempotency-Key, If-None-Match, Prefer");
	http_add_header(a, "Access-Control-Max-Age", "%d", MAX_AGE_S);
}
