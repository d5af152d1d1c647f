/* SPDX-License-Identifier: ISC */
/*
 * service: what a program owes its supervisor: signals as a file descriptor, readiness and status
 * messages, the listening socket, secrets from files and systemd credentials, option texts.
 */
#ifndef COMMON_SERVICE_H
#define COMMON_SERVICE_H

#include <stddef.h>
#include <stdint.h>

#include "core/err.h"

/*
 * Block SIGTERM, SIGINT, SIGHUP, SIGUSR1 in this and all later threads, ignore SIGPIPE, and return
 * a non-blocking signalfd for them (aborts on failure).
 */
int service_signals(void);
/* Next pending signal of that descriptor, or 0. */
int service_signal_next(int fd);

/* sd_notify where NOTIFY_SOCKET is set and libsystemd is built in; otherwise nothing. */
void service_notify(const char *state); /* "READY=1", "STOPPING=1", "WATCHDOG=1", "STATUS=..." */

/*
 * The listening socket: fd 3 (systemd), `listen` ("/path" or "HOST:PORT") where given, else fd 0
 * where it is a listening socket. Sets O_NONBLOCK and CLOEXEC. Returns the descriptor or -1.
 */
int service_listen(const char *listen, struct err *err);

/*
 * A secret: $CREDENTIALS_DIRECTORY/<credential> where that exists, else the file `path`. One line,
 * final newline cut. Files that group or others can read are refused unless they are a systemd
 * credential. 0 and *out (heap; clear with secret_free), or -1.
 */
int secret_read(const char *credential, const char *path, char **out, struct err *err);
void secret_free(char **secret);

#endif
