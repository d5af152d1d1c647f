/* SPDX-License-Identifier: ISC */
/* clock: the only reader of time and randomness. */
#ifndef COMMON_CLOCK_H
#define COMMON_CLOCK_H

#include <stddef.h>
#include <stdint.h>

/* Wall clock, microseconds since 1970 UTC. */
int64_t clock_wall(void);
/* Time since boot that goes on during suspend and cannot be set (CLOCK_BOOTTIME), microseconds. */
int64_t clock_boot(void);
/* n bytes of the kernel's randomness; never fails (aborts). */
void clock_random(void *out, size_t n);

#endif
