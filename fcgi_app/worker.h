/* SPDX-License-Identifier: ISC */
/* worker: the threads that accept and serve, each with its own database connection. */
#ifndef FCGI_APP_WORKER_H
#define FCGI_APP_WORKER_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fcgi_app/app.h"
#include "fcgi_app/call.h"
#include "fcgi_app/pulse.h"

struct worker {
	size_t number; /* from 0 */
	pthread_t thread;
	struct app *app;
	struct database database;
	struct pulse pulse; /* rests while it waits for a request */
};

/* Start a thread; aborts where there can be none. FCGX_Init() comes first. */
void worker_start(struct worker *w, size_t number, struct app *app);
/* Wait so long for its end, which workers_stop() brings about. False: it still serves. */
bool worker_join(struct worker *w, int64_t us);
/* Let all workers end when they have served what they accepted; with `drain` also what waits in the
 * socket, for a few seconds at most. */
void workers_stop(struct app *app, bool drain);

#endif
