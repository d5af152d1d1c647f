/* SPDX-License-Identifier: ISC */
/* gate: see gate.h. */
#include "fcgi_app/gate.h"

void gate_init(struct gate *g, int64_t workers)
{
	g->max_long = workers < 2 ? 1 : (int)(workers / 2);
	atomic_init(&g->n_long, 0);
	atomic_init(&g->n_huge, 0);
}

static bool take(atomic_int *n, int max, bool *held)
{
	if (*held)
		return true;
	if (atomic_fetch_add(n, 1) >= max) {
		atomic_fetch_sub(n, 1);
		return false;
	}
	*held = true;
	return true;
}

bool gate_enter(struct gate *g, struct gate_pass *pass, uint64_t bytes)
{
	if (bytes > GATE_LONG_BYTES && !take(&g->n_long, g->max_long, &pass->is_long))
		return false;
	return bytes <= GATE_HUGE_BYTES || take(&g->n_huge, 1, &pass->is_huge);
}

void gate_leave(struct gate *g, struct gate_pass *pass)
{
	if (pass->is_long)
		atomic_fetch_sub(&g->n_long, 1);
	if (pass->is_huge)
		atomic_fetch_sub(&g->n_huge, 1);
	*pass = (struct gate_pass){0};
}
