/* SPDX-License-Identifier: ISC */
/* record: see record.h. */
#include "fcgi_app/record.h"

#include <errno.h>
#include <fastcgi.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/uio.h>

#define ALIGNMENT 8 /* of a record's length, as the specification recommends */
#define PIECES    4

/* What is sent is only read, which the type of iovec cannot say. */
static struct iovec piece(const void *bytes, size_t n)
{
	return (struct iovec){.iov_base = (void *)(uintptr_t)bytes, .iov_len = n};
}

/* Take off what was sent. */
static void advance(struct msghdr *m, size_t n)
{
	while (m->msg_iovlen > 0 && n >= m->msg_iov->iov_len) {
		n -= m->msg_iov->iov_len;
		m->msg_iov++;
		m->msg_iovlen--;
	}
	if (m->msg_iovlen > 0) {
		m->msg_iov->iov_base = (char *)m->msg_iov->iov_base + n;
		m->msg_iov->iov_len -= n;
	}
}

int record_send(int fd, int id, const void *head, size_t head_n, const void *body, size_t body_n)
{
	static const uint8_t padding[ALIGNMENT];
	const size_t n = head_n + body_n;
	const size_t padding_n = (ALIGNMENT - n % ALIGNMENT) % ALIGNMENT;
	const FCGI_Header header = {
		.version = FCGI_VERSION_1,
		.type = FCGI_STDOUT,
		.requestIdB1 = (uint8_t)(id >> 8),
		.requestIdB0 = (uint8_t)id,
		.contentLengthB1 = (uint8_t)(n >> 8),
		.contentLengthB0 = (uint8_t)n,
		.paddingLength = (uint8_t)padding_n,
	};
	struct iovec pieces[PIECES] = {
		piece(&header, sizeof(header)),
		piece(head, head_n),
		piece(body, body_n),
		piece(padding, padding_n),
	};
	struct msghdr m = {.msg_iov = pieces, .msg_iovlen = PIECES};

	while (m.msg_iovlen > 0) {
		const ssize_t sent = sendmsg(fd, &m, MSG_NOSIGNAL);

		if (sent >= 0)
			advance(&m, (size_t)sent);
		else if (errno != EINTR)
			return -1;
	}
	return 0;
}
