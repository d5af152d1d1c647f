/* SPDX-License-Identifier: ISC */
/*
 * app: what all workers share. Filled once by app_init() before the threads start and read-only
 * after, but for the atomics.
 */
#ifndef FCGI_APP_APP_H
#define FCGI_APP_APP_H

#include <json-c/json_types.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/config.h"
#include "common/recipe.h"
#include "core/err.h"
#include "fcgi_app/breaker.h"
#include "fcgi_app/cache.h"
#include "fcgi_app/gate.h"
#include "fcgi_app/heads.h"
#include "fcgi_app/known_key.h"
#include "fcgi_app/meter.h"
#include "fcgi_app/order_outlook.h"
#include "fcgi_app/park.h"
#include "fcgi_app/quota.h"

struct follower;

struct app {
	const struct config *config;
	struct recipe describe, translate; /* those of new orders */
	struct json_object *schema;        /* of descriptions that come with an order */
	char *link_base; /* before the paths in answers: public_url and base_path */

	struct meter *meter;      /* of the process; its generation opens and closes it */
	struct known_key watcher; /* who asked for /metrics last */
	struct cache *cache;
	struct park *park;
	struct follower *follower; /* keeps these two right; its generation starts and stops it */

	struct breaker breaker;
	atomic_int down_as; /* enum problem: what is answered while the breaker is open */
	struct gate gate;
	struct quota quota;
	struct order_load order_load;
	_Atomic int64_t no_close_until; /* on clock_boot(): the database refused a write */
	atomic_bool told_about_authorization;

	int listen_fd;
	int wake_fd; /* eventfd, readable from the stop on */
	atomic_bool stopping;
	/* On clock_boot(): until then what waits in the socket is served after the stop; 0: the
	 * socket is not ours alone. */
	_Atomic int64_t drain_until;
	struct heads heads;
};

/* 0, or -1 where the configured schema cannot be used. The configuration is borrowed. */
int app_init(struct app *app, const struct config *config, struct err *err);
void app_clear(struct app *app);

#endif
