/* SPDX-License-Identifier: ISC */
/* app: see app.h. */
#include "fcgi_app/app.h"

#include <json-c/json_object.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/json_schema.h"

/* public_url without its final slashes, then base_path. */
static char *link_base(const struct config *config)
{
	const char *url = config->http.public_url;
	size_t n = strlen(url);
	size_t size;
	char *base;

	while (n > 0 && url[n - 1] == '/')
		n--;
	size = n + strlen(config->http.base_path) + 1;
	base = malloc(size);
	if (!base)
		abort();
	snprintf(base, size, "%.*s%s", (int)n, url, config->http.base_path);
	return base;
}

int app_init(struct app *app, const struct config *config, struct err *err)
{
	const char *schema = config->describe.schema;

	*app = (struct app){.config = config, .listen_fd = -1, .wake_fd = -1};
	if (json_schema_load(schema, strlen(schema), &app->schema, err) < 0)
		return err_prefix(err, "%s", config->describe.schema_file);
	recipe_init(&app->describe, TASK_DESCRIBE, config);
	recipe_init(&app->translate, TASK_TRANSLATE, config);
	gate_init(&app->gate, config->http.workers);
	quota_init(&app->quota, config->http.rate);
	app->cache = cache_new((size_t)config->http.cache);
	app->park = park_new((size_t)config->http.max_waiting);
	heads_init(&app->heads, (size_t)config->http.workers);
	app->link_base = link_base(config);
	return 0;
}

void app_clear(struct app *app)
{
	quota_clear(&app->quota);
	heads_clear(&app->heads);
	json_object_put(app->schema);
	app->schema = NULL;
	cache_free(&app->cache);
	park_free(&app->park);
	free(app->link_base);
	app->link_base = NULL;
}
