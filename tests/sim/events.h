/* SPDX-License-Identifier: ISC */
/* events: what will happen when, in order of time; of one time, in the order in which it was put in. */
#ifndef TESTS_SIM_EVENTS_H
#define TESTS_SIM_EVENTS_H

#include <stdbool.h>
#include <stdint.h>

enum event_kind {
	EVENT_EFFECT, /* a call reaches the provider */
	EVENT_REPLY,  /* its reply, or that there is none, reaches the caller */
};

struct event {
	int64_t at;
	uint64_t no;
	enum event_kind kind;
	int32_t call;
};

struct events {
	struct event *heap;
	uint32_t n, cap;
	uint64_t last;
};

void events_put(struct events *q, int64_t at, enum event_kind kind, int32_t call);
/* T_NEVER where there is none. */
int64_t events_next_at(const struct events *q);
struct event events_take(struct events *q);
void events_free(struct events *q);

#endif
