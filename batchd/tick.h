/* SPDX-License-Identifier: ISC */
/*
 * tick: what the database says anew each tick: its clock, and whose it is. Keeps the time of the
 * daemon (daemon_now).
 */
#ifndef BATCHD_TICK_H
#define BATCHD_TICK_H

#include "batchd/daemon.h"

#define NO_CLOSE (2 * T_MIN) /* after a jump of the clock, by the clock as it is then */

/*
 * Read the clock and the requests. Where the clock jumped the lease is given back, to be taken with
 * a new epoch by the new clock. 0 or -1.
 */
int tick_read(struct daemon *d, struct err *err);
/*
 * The operator may have said whose the database is: read the mark again
 * where there is something new.
 */
void tick_heed_installation(struct daemon *d);

#endif
