/* SPDX-License-Identifier: ISC */
/*
 * gate: how many workers may be busy with long transfers, so that polls always find a free one and
 * memory stays bounded (DESIGN section 5): half of the workers with bodies above 1 MiB
 * or streams, and one at a time with a body above 8 MiB. Nobody waits: who does not get
 * in is told to come again.
 */
#ifndef FCGI_APP_GATE_H
#define FCGI_APP_GATE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define GATE_LONG_BYTES (1u << 20)
#define GATE_HUGE_BYTES (8u << 20)

struct gate {
	int max_long;
	atomic_int n_long;
	atomic_int n_huge;
};

/* What one request holds; all false at its beginning. */
struct gate_pass {
	bool is_long, is_huge;
};

void gate_init(struct gate *g, int64_t workers);
/* Take what a transfer of that many bytes needs beyond what is held. False: no room. */
bool gate_enter(struct gate *g, struct gate_pass *pass, uint64_t bytes);
void gate_leave(struct gate *g, struct gate_pass *pass);

#endif
