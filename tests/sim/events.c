/* SPDX-License-Identifier: ISC */
#include "tests/sim/events.h"

#include <stdlib.h>

#include "core/timemath.h"

static bool is_before(const struct event *a, const struct event *b)
{
	return a->at != b->at ? a->at < b->at : a->no < b->no;
}

static void swap(struct event *a, struct event *b)
{
	const struct event t = *a;

	*a = *b;
	*b = t;
}

void events_put(struct events *q, int64_t at, enum event_kind kind, int32_t call)
{
	uint32_t i = q->n;

	if (q->n == q->cap) {
		q->cap = q->cap ? 2 * q->cap : 64;
		q->heap = realloc(q->heap, q->cap * sizeof(*q->heap));
		if (!q->heap)
			abort();
	}
	q->heap[q->n++] = (struct event){.at = at, .no = q->last++, .kind = kind, .call = call};
	for (; i > 0 && is_before(&q->heap[i], &q->heap[(i - 1) / 2]); i = (i - 1) / 2)
		swap(&q->heap[i], &q->heap[(i - 1) / 2]);
}

int64_t events_next_at(const struct events *q)
{
	return q->n ? q->heap[0].at : T_NEVER;
}

struct event events_take(struct events *q)
{
	const struct event first = q->heap[0];
	uint32_t i = 0;

	q->heap[0] = q->heap[--q->n];
	while (2 * i + 1 < q->n) {
		uint32_t child = 2 * i + 1;

		if (child + 1 < q->n && is_before(&q->heap[child + 1], &q->heap[child]))
			child++;
		if (!is_before(&q->heap[child], &q->heap[i]))
			break;
		swap(&q->heap[child], &q->heap[i]);
		i = child;
	}
	return first;
}

void events_free(struct events *q)
{
	free(q->heap);
}
