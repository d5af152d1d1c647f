/* SPDX-License-Identifier: ISC */
/*
 * worker: see worker.h. libfcgi's own ways of stopping lose requests or spin for ever, so a worker
 * waits for the listening socket and the stop together, and looks at a flag of ours:
 *
 *  - the listener is non-blocking, as another worker may have taken the request that poll told of;
 *  - connections are accepted here, not by libfcgi, so that they have their time-outs before
 *    libfcgi reads the request's head: it would wait for ever for a peer that says nothing. It
 *    takes a connection that is there already (ipcFd and keepConnection set, as after a kept one)
 *    and has no listener of its own to go on with;
 *  - its time-outs are of one read each: what a head takes in all is watched by the main thread
 *    (heads.h);
 *  - keepConnection is off while a request is served: a kept idle connection would hold the worker
 *    in read();
 *  - lack of descriptors or memory is a reason to wait, not to end;
 *  - a poll that waits leaves the worker with its request (park.h), and may come back to any other.
 */
#include "fcgi_app/worker.h"

#include <errno.h>
#include <fcgiapp.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>

#include "common/clock.h"
#include "common/log.h"
#include "core/timemath.h"
#include "fcgi_app/router.h"

/* Web servers connect when they have the whole head at hand. */
#define HEAD_TIMEOUT_S 2
#define NO_LISTENER    (-1)
#define DRAIN_US       (5 * T_S)

enum step {
	STEP_SERVE,
	STEP_RESUME, /* a request that was parked */
	STEP_AGAIN,
	STEP_WAIT, /* nobody asks at the moment */
	STEP_STOP,
};

/* libfcgi reads the head from a connection that is there. It closes it where that fails. */
static int read_head(FCGX_Request *fcgx, int fd)
{
	fcgx->ipcFd = fd;
	fcgx->keepConnection = 1;
	return FCGX_Accept_r(fcgx);
}

static int watch_head(struct worker *w, FCGX_Request *fcgx, int fd)
{
	const struct timeval limit = {.tv_sec = HEAD_TIMEOUT_S};
	int rc;

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	heads_begin(&w->app->heads, w->number, fd);
	rc = read_head(fcgx, fd);
	heads_end(&w->app->heads, w->number);
	return rc;
}

static bool head_is_here(int fd)
{
	uint8_t bytes[8192];
	const ssize_t n = recv(fd, bytes, sizeof(bytes), MSG_PEEK | MSG_DONTWAIT);

	return n > 0 && heads_is_whole(bytes, (size_t)n);
}

static void nap(void)
{
	nanosleep(&(struct timespec){.tv_nsec = 100 * 1000 * 1000}, NULL);
}

static FCGX_Request *request_new(void)
{
	FCGX_Request *fcgx = malloc(sizeof(*fcgx));

	if (!fcgx || FCGX_InitRequest(fcgx, NO_LISTENER, 0) != 0)
		abort();
	return fcgx;
}

static void request_free(FCGX_Request *fcgx)
{
	FCGX_Free(fcgx, 1);
	free(fcgx);
}

static enum step accept_request(struct worker *w, FCGX_Request *fcgx)
{
	const int fd = accept4(w->app->listen_fd, NULL, NULL, SOCK_CLOEXEC);
	int rc;

	if (fd < 0) {
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
			log_warning("accept failed errno=%d", errno);
			nap();
		}
		return STEP_WAIT; /* or another worker took it */
	}
	rc = head_is_here(fd) ? read_head(fcgx, fd) : watch_head(w, fcgx, fd);
	if (rc != 0)
		return STEP_AGAIN;
	fcgx->keepConnection = 0;
	return STEP_SERVE;
}

/* A parked request that is due takes the place of the one at hand, which was not begun. */
static enum step resume_request(const struct app *app, FCGX_Request **fcgx)
{
	FCGX_Request *due = park_take(app->park);

	if (!due)
		return STEP_AGAIN; /* another worker took it */
	request_free(*fcgx);
	*fcgx = due;
	return STEP_RESUME;
}

/*
 * After the stop only what waits already is taken: polls that were parked, and, from a socket of
 * our own, what it holds: one of systemd's keeps it for the next process.
 */
static enum step wait_for_request(struct worker *w, FCGX_Request **fcgx)
{
	struct app *app = w->app;
	struct pollfd p[3] = {
		{.fd = app->listen_fd, .events = POLLIN},
		{.fd = app->wake_fd, .events = POLLIN},
		{.fd = park_ready_fd(app->park), .events = POLLIN},
	};

	if (poll(p, 3, -1) < 0)
		return errno == EINTR ? STEP_AGAIN : STEP_STOP;
	if (p[2].revents & POLLIN)
		return resume_request(app, fcgx);
	if (atomic_load(&app->stopping) &&
	    (!(p[0].revents & POLLIN) || clock_boot() >= atomic_load(&app->drain_until)))
		return STEP_STOP;
	if (!(p[0].revents & POLLIN))
		return STEP_AGAIN;
	return accept_request(w, *fcgx);
}

/* Under load the next one is there already, and poll has nothing to tell. */
static enum step next_request(struct worker *w, FCGX_Request **fcgx)
{
	enum step step = STEP_WAIT;

	if (!atomic_load(&w->app->stopping) && !park_is_ready(w->app->park))
		step = accept_request(w, *fcgx);
	return step == STEP_WAIT ? wait_for_request(w, fcgx) : step;
}

static void *run(void *arg)
{
	struct worker *w = arg;
	FCGX_Request *fcgx = request_new();
	enum step step;

	pulse_of_thread(&w->pulse);
	while ((step = next_request(w, &fcgx)) != STEP_STOP) {
		if (step == STEP_AGAIN || step == STEP_WAIT)
			continue;
		pulse_beat();
		if (router_serve(w->app, &w->database, fcgx, step == STEP_RESUME))
			FCGX_Finish_r(fcgx);
		else
			fcgx = request_new();
		pulse_rest();
	}
	request_free(fcgx);
	return NULL;
}

void worker_start(struct worker *w, size_t number, struct app *app)
{
	w->number = number;
	w->app = app;
	database_init(&w->database, app->config);
	if (pthread_create(&w->thread, NULL, run, w) != 0)
		abort();
}

bool worker_join(struct worker *w, int64_t us)
{
	const int64_t until = clock_wall() + us;
	const struct timespec ts = {.tv_sec = until / T_S, .tv_nsec = until % T_S * 1000};

	if (pthread_timedjoin_np(w->thread, NULL, &ts) != 0)
		return false;
	database_clear(&w->database);
	return true;
}

void workers_stop(struct app *app, bool drain)
{
	if (drain)
		atomic_store(&app->drain_until, clock_boot() + DRAIN_US);
	atomic_store(&app->stopping, true);
	if (eventfd_write(app->wake_fd, 1) != 0)
		abort();
}
