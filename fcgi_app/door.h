/* SPDX-License-Identifier: ISC */
/* door: the end of a listening socket of our own (-l), so that what waits in it can be served. */
#ifndef FCGI_APP_DOOR_H
#define FCGI_APP_DOOR_H

/* From here on nobody new gets in; who waits stays. `where` is what -l says. */
void door_close(const char *where, int listen_fd);

#endif
