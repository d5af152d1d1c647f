/* SPDX-License-Identifier: ISC */
/*
 * worker: see worker.h. libfcgi's own ways of stopping lose requests or spin for ever, so a worker waits
 * for the listening socket and the stop together, and looks at a flag of ours:
 *
 *  - the listener is non-blocking, as another worker may have taken the request that poll told of;
 *    accepted sockets stay blocking and get their time-outs one by one (they inherit none);
 *  - keepConnection is off: a kept idle connection would hold the worker in read();
 *  - lack of descriptors or memory is a reason to wait, not to end.
 */
#include "fcgi_app/worker.h"

#include <errno.h>
#include <fcgiapp.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "common/log.h"
#include "fcgi_app/router.h"

#define PEER_TIMEOUT_S 30

enum step {
	STEP_SERVE,
	STEP_AGAIN,
	STEP_STOP,
};

static void set_timeouts(int fd)
{
	const struct timeval limit = {.tv_sec = PEER_TIMEOUT_S};

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
}

static void nap(void)
{
	nanosleep(&(struct timespec){.tv_nsec = 100 * 1000 * 1000}, NULL);
}

static enum step accept_request(FCGX_Request *fcgx)
{
	int rc = FCGX_Accept_r(fcgx);

	if (rc == 0) {
		fcgx->keepConnection = 0;
		set_timeouts(fcgx->ipcFd);
		return STEP_SERVE;
	}
	if (rc == -EMFILE || rc == -ENFILE || rc == -ENOBUFS || rc == -ENOMEM) {
		log_warning("accept failed errno=%d", -rc);
		nap();
	}
	return STEP_AGAIN;
}

/* After the stop only what waits already is taken, and that only from a socket of our own: one of
 * systemd's keeps it for the next process. */
static enum step next_request(const struct app *app, FCGX_Request *fcgx)
{
	struct pollfd p[2] = {
		{.fd = app->listen_fd, .events = POLLIN},
		{.fd = app->wake_fd, .events = POLLIN},
	};

	if (poll(p, 2, -1) < 0)
		return errno == EINTR ? STEP_AGAIN : STEP_STOP;
	if (atomic_load(&app->stopping) && !(app->drain && (p[0].revents & POLLIN)))
		return STEP_STOP;
	if (!(p[0].revents & POLLIN))
		return STEP_AGAIN;
	return accept_request(fcgx);
}

static void *run(void *arg)
{
	struct worker *w = arg;
	FCGX_Request fcgx;
	enum step step;

	if (FCGX_InitRequest(&fcgx, w->app->listen_fd, 0) != 0)
		abort();
	while ((step = next_request(w->app, &fcgx)) != STEP_STOP) {
		if (step == STEP_AGAIN)
			continue;
		router_serve(w->app, &w->database, &fcgx);
		FCGX_Finish_r(&fcgx);
	}
	FCGX_Free(&fcgx, 1);
	return NULL;
}

void worker_start(struct worker *w, struct app *app)
{
	w->app = app;
	database_init(&w->database, app->config);
	if (pthread_create(&w->thread, NULL, run, w) != 0)
		abort();
}

void worker_join(struct worker *w)
{
	pthread_join(w->thread, NULL);
	database_clear(&w->database);
}

void workers_stop(struct app *app)
{
	const uint64_t one = 1;

	atomic_store(&app->stopping, true);
	if (write(app->wake_fd, &one, sizeof(one)) != (ssize_t)sizeof(one))
		abort();
}
