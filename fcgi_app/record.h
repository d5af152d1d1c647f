/* SPDX-License-Identifier: ISC */
/*
 * record: one record of a request's answer, sent past libfcgi's stream: that copies all into a
 * buffer of 8 KiB and wakes the web server with each, this sends a long answer in one piece from
 * where it lies. What ends the request is still libfcgi's to send.
 */
#ifndef FCGI_APP_RECORD_H
#define FCGI_APP_RECORD_H

#include <stddef.h>

/* What a record holds at most (FastCGI specification, 3.3), less what would need padding. */
#define RECORD_MOST 65528

/*
 * Send head and body, together 1 to RECORD_MOST bytes, as a record of the answer to the request
 * `id` on the socket `fd`, which blocks. -1 where the peer left, or took nothing for as long as the
 * socket's time-out: what was sent may then end anywhere.
 */
int record_send(int fd, int id, const void *head, size_t head_n, const void *body, size_t body_n);

#endif
