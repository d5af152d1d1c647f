/* SPDX-License-Identifier: ISC */
/* worker: the threads that accept and serve, each with its own database connections. */
#ifndef FCGI_APP_WORKER_H
#define FCGI_APP_WORKER_H

#include <pthread.h>

#include "fcgi_app/app.h"
#include "fcgi_app/call.h"

struct worker {
	pthread_t thread;
	struct app *app;
	struct database database;
};

/* Start a thread; aborts where there can be none. FCGX_Init() comes first. */
void worker_start(struct worker *w, struct app *app);
/* Wait for its end, which app_stop() brings about. */
void worker_join(struct worker *w);
/* Let all workers end when they have served what they accepted. */
void workers_stop(struct app *app);

#endif
