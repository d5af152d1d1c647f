/* SPDX-License-Identifier: ISC */
/* generation: see generation.h. */
#include "fcgi_app/generation.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/must.h"
#include "core/timemath.h"
#include "fcgi_app/app.h"
#include "fcgi_app/follower.h"
#include "fcgi_app/meter_text.h"
#include "fcgi_app/worker.h"

struct generation {
	struct config *config;
	struct app app;
	struct worker *workers;
	size_t n_workers;
	pthread_t ending;
	bool is_started, is_ending, drain;
	atomic_bool has_ended;
};

struct generation *generation_new(struct config *config, struct err *err)
{
	struct generation *g = calloc(1, sizeof(*g));

	if (!g)
		abort();
	g->config = config;
	if (app_init(&g->app, config, err) < 0) {
		config_free(&g->config);
		free(g);
		return NULL;
	}
	return g;
}

const struct config *generation_config(const struct generation *g)
{
	return g->config;
}

/* What it counts is worth no more than a warning: where the file cannot be used it counts by itself. */
static struct meter *open_meter(const struct config *config, const struct generation *before)
{
	const char *path = config->http.metrics_file;
	const uint64_t layout = meter_text_layout();
	const int64_t now = clock_wall();
	struct meter *m;
	struct err err;

	if (before && meter_is_of(before->app.meter, path))
		return meter_share(before->app.meter);
	m = meter_open(path, layout, now, &err);
	if (m)
		return m;
	log_warning("metrics not shared error=\"%s\"", err.text);
	return must(meter_open("", layout, now, &err));
}

/* What it has room for. */
static void move_room(const struct generation *g, bool is_there)
{
	const int64_t workers = (int64_t)g->n_workers;
	const int64_t places = (int64_t)park_places(g->app.park);

	meter_move(g->app.meter, METER_WORKERS, is_there ? workers : -workers);
	meter_move(g->app.meter, METER_PLACES, is_there ? places : -places);
}

void generation_start(struct generation *g, int listen_fd, struct generation *before)
{
	struct app *app = &g->app;

	g->n_workers = (size_t)g->config->http.workers;
	g->workers = calloc(g->n_workers, sizeof(*g->workers));
	app->listen_fd = listen_fd;
	app->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (!g->workers || app->wake_fd < 0)
		abort();
	app->meter = open_meter(g->config, before);
	move_room(g, true);
	if (before)
		known_key_copy(&app->watcher, &before->app.watcher);
	app->follower = follower_start(g->config, app->cache, app->park);
	for (size_t i = 0; i < g->n_workers; i++)
		worker_start(&g->workers[i], i, app);
	g->is_started = true;
	log_notice("serving workers=%zu", g->n_workers);
}

struct heads *generation_heads(struct generation *g)
{
	return &g->app.heads;
}

void generation_look(struct generation *g, int64_t now, struct generation_state *state)
{
	*state = (struct generation_state){
		.workers = g->n_workers,
		.waiting = park_count(g->app.park),
		.database_is_away = breaker_is_open(&g->app.breaker),
		.hangs = follower_hangs(g->app.follower, now),
	};
	for (size_t i = 0; i < g->n_workers; i++) {
		state->busy += !pulse_rests(&g->workers[i].pulse);
		state->hangs |= pulse_is_lost(&g->workers[i].pulse, now);
	}
}

static void *end(void *arg)
{
	struct generation *g = arg;
	struct app *app = &g->app;

	follower_end(app->follower); /* who waits is answered, while there are workers */
	workers_stop(app, g->drain);
	for (size_t i = 0; i < g->n_workers; i++)
		while (!worker_join(&g->workers[i], HEADS_CHECK_MS * T_MS))
			heads_check(&app->heads);
	atomic_store(&g->has_ended, true);
	return NULL;
}

void generation_end(struct generation *g, bool drain)
{
	g->drain = drain;
	g->is_ending = true;
	if (pthread_create(&g->ending, NULL, end, g) != 0)
		abort();
}

bool generation_has_ended(const struct generation *g)
{
	return atomic_load(&g->has_ended);
}

void generation_free(struct generation **at)
{
	struct generation *g = *at;

	if (!g)
		return;
	if (g->is_started) {
		if (!g->is_ending)
			generation_end(g, false);
		pthread_join(g->ending, NULL);
		follower_free(&g->app.follower);
		move_room(g, false);
		meter_close(&g->app.meter);
		close(g->app.wake_fd);
		free(g->workers);
	}
	app_clear(&g->app);
	config_free(&g->config);
	free(g);
	*at = NULL;
}
