/* SPDX-License-Identifier: ISC */
/* GET /api/v1/openapi.json: the description of this API, with the address at which it is served. */
#include "fcgi_app/api.h"
#include "fcgi_app/api_text.h"
#include "common/recipe.h"

#define TAG_BYTES 8

static void render(const struct call *c, struct strbuf *out)
{
	const char *base = c->app->link_base;

	strbuf_adds(out, api_text_head);
	strbuf_adds(out, "  \"servers\": [{ \"url\": ");
	strbuf_adds_json(out, base[0] ? base : "/");
	strbuf_adds(out, " }],\n");
	strbuf_adds(out, api_text_tail);
}

/* By content: another build or another address has another tag. */
static void render_tag(const struct strbuf *document, struct strbuf *out)
{
	unsigned char hash[32];

	sha256(document->data, document->len, hash);
	strbuf_addc(out, '"');
	for (size_t i = 0; i < TAG_BYTES; i++)
		strbuf_addf(out, "%02x", hash[i]);
	strbuf_addc(out, '"');
}

void api_openapi(struct call *c)
{
	struct http_response *a = &c->response;
	struct strbuf tag;

	strbuf_init(&tag, 2 * TAG_BYTES + 2);
	render(c, &a->body);
	render_tag(&a->body, &tag);
	a->status = http_etag_matches(http_variable(&c->request, "HTTP_IF_NONE_MATCH"), tag.data)
			    ? 304
			    : 200;
	http_add_header(a, "ETag", "%s", tag.data);
	http_add_header(a, "Cache-Control", "no-cache");
	strbuf_clear(&tag);
}
