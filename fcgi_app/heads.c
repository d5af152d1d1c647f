/* SPDX-License-Identifier: ISC */
/* heads: see heads.h. */
#include "fcgi_app/heads.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "core/timemath.h"

#define HEAD_US (3 * T_S)

void heads_init(struct heads *h, size_t workers)
{
	*h = (struct heads){.n = workers};
	h->list = calloc(workers, sizeof(*h->list));
	h->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (!h->list || h->wake_fd < 0 || pthread_mutex_init(&h->lock, NULL) != 0)
		abort();
	for (size_t i = 0; i < workers; i++)
		h->list[i].fd = -1;
}

void heads_clear(struct heads *h)
{
	pthread_mutex_destroy(&h->lock);
	close(h->wake_fd);
	free(h->list);
}

/* Records of the FastCGI specification, 3.3: version, type, id (2), length (2), padding, reserved. */
#define RECORD_HEADER 8
#define RECORD_BEGIN  1
#define RECORD_PARAMS 4

bool heads_is_whole(const uint8_t *bytes, size_t n)
{
	size_t at = 0;

	while (n - at >= RECORD_HEADER) {
		const uint8_t *r = bytes + at;
		const size_t length = (size_t)r[4] << 8 | r[5];

		/* libfcgi passes over those of other requests, and waits on */
		if (bytes[1] != RECORD_BEGIN || memcmp(r + 2, bytes + 2, 2) != 0)
			return false;
		if (r[1] == RECORD_PARAMS && length == 0)
			return true; /* the one that ends the parameters */
		if (length + r[6] > n - at - RECORD_HEADER)
			return false;
		at += RECORD_HEADER + length + r[6];
	}
	return false;
}

void heads_begin(struct heads *h, size_t worker, int fd)
{
	const struct head head = {
		.fd = fcntl(fd, F_DUPFD_CLOEXEC, 0),
		.end_by = clock_boot() + HEAD_US,
	};
	bool wake;

	if (head.fd < 0)
		return; /* out of descriptors: each piece still has its time-out */
	pthread_mutex_lock(&h->lock);
	h->list[worker] = head;
	wake = !h->watched;
	h->watched = true;
	pthread_mutex_unlock(&h->lock);
	if (wake)
		eventfd_write(h->wake_fd, 1);
}

void heads_end(struct heads *h, size_t worker)
{
	int fd;

	pthread_mutex_lock(&h->lock);
	fd = h->list[worker].fd;
	h->list[worker].fd = -1;
	pthread_mutex_unlock(&h->lock);
	if (fd >= 0)
		close(fd);
}

int heads_check(struct heads *h)
{
	const int64_t now = clock_boot();
	eventfd_t told;
	/* Who was woken looks once more: under load each head would wake it anew. */
	bool again = eventfd_read(h->wake_fd, &told) == 0;

	pthread_mutex_lock(&h->lock);
	for (size_t i = 0; i < h->n; i++) {
		const struct head *head = &h->list[i];

		if (head->fd < 0)
			continue;
		again = true;
		if (now < head->end_by)
			continue;
		log_info("peer too slow what=head");
		shutdown(head->fd, SHUT_RDWR);
	}
	h->watched = again;
	pthread_mutex_unlock(&h->lock);
	return again ? HEADS_CHECK_MS : -1;
}
