/* SPDX-License-Identifier: ISC */
#include "fcgi_app/record.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "tests/unit/check.h"

#define MOST_BYTES (2 * RECORD_MOST)

struct pair {
	int ours, peer;
	uint8_t got[MOST_BYTES];
	size_t n;
};

static void open_pair(struct pair *p)
{
	int fds[2];

	*p = (struct pair){0};
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	p->ours = fds[0];
	p->peer = fds[1];
}

static void close_and_read(struct pair *p)
{
	ssize_t n;

	close(p->ours);
	while ((n = read(p->peer, p->got + p->n, sizeof(p->got) - p->n)) > 0)
		p->n += (size_t)n;
	close(p->peer);
}

static size_t most;  /* that the next call takes, the one after it twice as much; 0: all */
static bool disturb; /* the next call by a signal */

/* In place of libc's: a socket that takes a part only does so when it likes. */
ssize_t sendmsg(int fd, const struct msghdr *m, int flags)
{
	static uint8_t bytes[MOST_BYTES];
	size_t n = 0;

	if (most > 0 && (disturb = !disturb)) {
		errno = EINTR;
		return -1;
	}
	for (size_t i = 0; i < m->msg_iovlen; i++) {
		if (m->msg_iov[i].iov_len > 0)
			memcpy(bytes + n, m->msg_iov[i].iov_base, m->msg_iov[i].iov_len);
		n += m->msg_iov[i].iov_len;
	}
	if (most > 0) {
		n = n < most ? n : most;
		most *= 2;
	}
	return send(fd, bytes, n, flags);
}

static void head_and_body_are_one_padded_record(void **state)
{
	static const uint8_t expected[] = {
		1,   6,   1,   2,   0,   11,  5,   0, /* version, type, id, length, padding, reserved */
		'h', 'e', 'a', 'd', 's', ' ', 'b', 'o', 'd', 'y', '.', 0, 0, 0, 0, 0,
	};
	static struct pair p;

	(void)state;
	open_pair(&p);
	assert_int_equal(record_send(p.ours, 258, "heads ", 6, "body.", 5), 0);
	close_and_read(&p);
	assert_int_equal(p.n, sizeof(expected));
	assert_memory_equal(p.got, expected, sizeof(expected));
}

static void a_record_of_eights_has_no_padding(void **state)
{
	static const uint8_t expected[] = {1,   6,   0,   1,   0,   8,   0,   0,
					   'e', 'i', 'g', 'h', 't', ' ', 'o', 'f'};
	static struct pair p;

	(void)state;
	open_pair(&p);
	assert_int_equal(record_send(p.ours, 1, NULL, 0, "eight of", 8), 0);
	close_and_read(&p);
	assert_int_equal(p.n, sizeof(expected));
	assert_memory_equal(p.got, expected, sizeof(expected));
}

static void what_a_socket_takes_in_parts_goes_out_whole(void **state)
{
	static char body[RECORD_MOST - 3];
	static struct pair p;

	(void)state;
	for (size_t i = 0; i < sizeof(body); i++)
		body[i] = (char)(i * 7 + i / 251);
	open_pair(&p);
	most = 3;
	assert_int_equal(record_send(p.ours, 1, "abc", 3, body, sizeof(body)), 0);
	most = 0;
	close_and_read(&p);
	assert_int_equal(p.n, 8 + RECORD_MOST);
	assert_memory_equal(p.got + 8, "abc", 3);
	assert_memory_equal(p.got + 11, body, sizeof(body));
}

static void a_peer_that_takes_nothing_is_given_up(void **state)
{
	static char body[RECORD_MOST];
	static struct pair p;
	const struct timeval limit = {.tv_usec = 1000};
	int rc = 0;

	(void)state;
	open_pair(&p);
	setsockopt(p.ours, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	for (int i = 0; i < 10000 && rc == 0; i++)
		rc = record_send(p.ours, 1, NULL, 0, body, sizeof(body));
	assert_int_equal(rc, -1);
	assert_int_equal(errno, EAGAIN);
	close(p.peer);
	assert_int_equal(record_send(p.ours, 1, NULL, 0, body, sizeof(body)), -1);
	assert_int_equal(errno, EPIPE); /* and no signal */
	close(p.ours);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(head_and_body_are_one_padded_record),
		cmocka_unit_test(a_record_of_eights_has_no_padding),
		cmocka_unit_test(what_a_socket_takes_in_parts_goes_out_whole),
		cmocka_unit_test(a_peer_that_takes_nothing_is_given_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
