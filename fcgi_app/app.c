/* SPDX-License-Identifier: ISC */
/* app: see app.h. */
#include "fcgi_app/app.h"

#include <json-c/json_object.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "common/log.h"
#include "core/json_schema.h"
#include "core/timemath.h"

#define RESERVED_DESCRIPTORS  64
#define DESCRIPTORS_OF_WORKER 4 /* its request, its database, and what these open for a moment */

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

/*
 * Places for polls that wait: each holds a descriptor, so the soft limit is raised as far as it goes,
 * and what the workers and the rest of the process need is kept free.
 */
static size_t places(const struct config *config)
{
	const int64_t wished = config->http.max_waiting;
	int64_t room = wished;
	struct rlimit limit;

	if (wished == 0 || getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return 0;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
		room = t_max(0, (int64_t)limit.rlim_cur - RESERVED_DESCRIPTORS -
					DESCRIPTORS_OF_WORKER * config->http.workers);
	if (room < wished)
		log_warning("descriptors bound the polls that wait max_waiting=%lld places=%lld",
			    (long long)wished, (long long)room);
	return (size_t)t_min(wished, room);
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
	known_key_init(&app->watcher);
	order_load_init(&app->order_load);
	app->cache = cache_new((size_t)config->http.cache);
	app->park = park_new(places(config));
	heads_init(&app->heads, (size_t)config->http.workers);
	app->link_base = link_base(config);
	return 0;
}

void app_clear(struct app *app)
{
	quota_clear(&app->quota);
	known_key_clear(&app->watcher);
	order_load_clear(&app->order_load);
	heads_clear(&app->heads);
	json_object_put(app->schema);
	app->schema = NULL;
	cache_free(&app->cache);
	park_free(&app->park);
	free(app->link_base);
	app->link_base = NULL;
}
