/* SPDX-License-Identifier: ISC */
/*
 * park: see park.h. One array of those that wait, one queue of those that are
 * due; few enough to be walked.
 */
#include "fcgi_app/park.h"

#include <fcgiapp.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/must.h"

struct parked {
	struct FCGX_Request *request;
	uint8_t uuid[16];
	int64_t version, until;
};

struct park {
	pthread_mutex_t lock;
	int ready_fd;
	bool ended;
	struct parked *waiting;
	size_t n_waiting, max_waiting;
	struct FCGX_Request **due; /* a ring: those that wait and those that are due fit in it */
	size_t first_due;
	atomic_size_t n_due;
	struct pollfd *peers;
};

struct park *park_new(size_t max_waiting)
{
	struct park *p = must(calloc(1, sizeof(*p)));
	const size_t n = max_waiting ? max_waiting : 1;

	pthread_mutex_init(&p->lock, NULL);
	p->max_waiting = max_waiting;
	p->waiting = must(calloc(n, sizeof(*p->waiting)));
	p->due = must(calloc(n, sizeof(struct FCGX_Request *)));
	p->peers = must(calloc(n, sizeof(*p->peers)));
	p->ready_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE);
	if (p->ready_fd < 0)
		abort();
	return p;
}

void park_free(struct park **p)
{
	if (!*p)
		return;
	close((*p)->ready_fd);
	pthread_mutex_destroy(&(*p)->lock);
	free((*p)->waiting);
	free((*p)->due);
	free((*p)->peers);
	free(*p);
	*p = NULL;
}

int park_ready_fd(const struct park *p)
{
	return p->ready_fd;
}

bool park_is_ready(struct park *p)
{
	return atomic_load(&p->n_due) > 0;
}

size_t park_places(const struct park *p)
{
	return p->max_waiting;
}

static bool has_room(const struct park *p, const uint8_t uuid[16])
{
	size_t same = 0;

	for (size_t i = 0; i < p->n_waiting; i++)
		same += memcmp(p->waiting[i].uuid, uuid, 16) == 0;
	return !p->ended && p->n_waiting + p->n_due < p->max_waiting && same < PARK_PER_JOB;
}

bool park_has_room(struct park *p, const uint8_t uuid[16])
{
	bool room;

	pthread_mutex_lock(&p->lock);
	room = has_room(p, uuid);
	pthread_mutex_unlock(&p->lock);
	return room;
}

bool park_add(struct park *p, struct FCGX_Request *request, const uint8_t uuid[16], int64_t version,
	      int64_t until)
{
	bool room;

	pthread_mutex_lock(&p->lock);
	room = has_room(p, uuid);
	if (room) {
		struct parked *w = &p->waiting[p->n_waiting++];

		*w = (struct parked){.request = request, .version = version, .until = until};
		memcpy(w->uuid, uuid, 16);
	}
	pthread_mutex_unlock(&p->lock);
	return room;
}

/* The i-th of those that wait is due; the last one takes its place. */
static void make_due(struct park *p, size_t i)
{
	p->due[(p->first_due + p->n_due++) % p->max_waiting] = p->waiting[i].request;
	p->waiting[i] = p->waiting[--p->n_waiting];
	if (eventfd_write(p->ready_fd, 1) != 0)
		abort(); /* it holds more than there can be requests */
}

struct FCGX_Request *park_take(struct park *p)
{
	struct FCGX_Request *request = NULL;
	eventfd_t one;

	if (eventfd_read(p->ready_fd, &one) != 0)
		return NULL; /* another worker was first */
	pthread_mutex_lock(&p->lock);
	if (p->n_due > 0) {
		request = p->due[p->first_due];
		p->first_due = (p->first_due + 1) % p->max_waiting;
		p->n_due--;
	}
	pthread_mutex_unlock(&p->lock);
	return request;
}

void park_changed(struct park *p, const uint8_t uuid[16], int64_t version)
{
	pthread_mutex_lock(&p->lock);
	for (size_t i = p->n_waiting; i-- > 0;)
		if (p->waiting[i].version < version && memcmp(p->waiting[i].uuid, uuid, 16) == 0)
			make_due(p, i);
	pthread_mutex_unlock(&p->lock);
}

/*
 * Some web servers close the connection when their client has left: what is parked for nobody makes
 * room. (A hang-up is told without being asked for; half a one is not.)
 */
static void look_at_peers(struct park *p)
{
	for (size_t i = 0; i < p->n_waiting; i++)
		p->peers[i] = (struct pollfd){.fd = p->waiting[i].request->ipcFd};
	if (poll(p->peers, p->n_waiting, 0) <= 0)
		return;
	for (size_t i = p->n_waiting; i-- > 0;)
		if (p->peers[i].revents != 0)
			make_due(p, i);
}

void park_expire(struct park *p, int64_t now)
{
	pthread_mutex_lock(&p->lock);
	look_at_peers(p);
	for (size_t i = p->n_waiting; i-- > 0;)
		if (p->waiting[i].until <= now)
			make_due(p, i);
	pthread_mutex_unlock(&p->lock);
}

void park_end(struct park *p)
{
	pthread_mutex_lock(&p->lock);
	p->ended = true;
	while (p->n_waiting > 0)
		make_due(p, p->n_waiting - 1);
	pthread_mutex_unlock(&p->lock);
}

size_t park_count(struct park *p)
{
	size_t n;

	pthread_mutex_lock(&p->lock);
	n = p->n_waiting;
	pthread_mutex_unlock(&p->lock);
	return n;
}
