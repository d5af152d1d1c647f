/* SPDX-License-Identifier: ISC */
/* vitals: what systemd is told of batchd: that its loop turns, and in one line what it is about. */
#ifndef BATCHD_VITALS_H
#define BATCHD_VITALS_H

#include "batchd/daemon.h"

struct vitals;
struct vitals *vitals_new(void);
void vitals_free(struct vitals **v);
/* Each turn of the loop: feeds the watchdog each second, and tells the line every five. */
void vitals_turn(struct daemon *d);

#endif
