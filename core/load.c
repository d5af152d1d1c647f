/* SPDX-License-Identifier: ISC */
#include "core/load.h"

#include <stdlib.h>
#include <string.h>

#include "core/policy.h"
#include "core/timemath.h"

void load_init(struct load *l, int64_t call_us, bool is_measured)
{
	l->n = 0;
	l->call_us = call_us;
	l->is_measured = is_measured;
}

void load_add(struct load *l, int64_t deadline_at, uint64_t descriptions, uint64_t translations)
{
	struct load_due *d;

	if (l->n == LOAD_DEADLINES) {
		d = &l->due[l->n - 1];
	} else {
		d = &l->due[l->n];
		*d = (struct load_due){.deadline_at = deadline_at};
		if (l->n > 0) {
			d->descriptions = d[-1].descriptions;
			d->translations = d[-1].translations;
		}
		l->n++;
	}
	d->descriptions += descriptions;
	d->translations += translations;
}

/* How many deadlines are not after that one. */
static uint32_t count_until(const struct load *l, int64_t deadline_at)
{
	uint32_t low = 0, high = l->n;

	while (low < high) {
		const uint32_t mid = low + (high - low) / 2;

		if (l->due[mid].deadline_at <= deadline_at)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

struct load_due load_until(const struct load *l, int64_t deadline_at)
{
	const uint32_t n = count_until(l, deadline_at);

	return n > 0 ? l->due[n - 1] : (struct load_due){.deadline_at = deadline_at};
}

int64_t load_needed(const struct load *l, int64_t deadline_at, int64_t concurrency)
{
	const struct load_due d = load_until(l, deadline_at);

	return t_add(time_needed(d.descriptions, concurrency, l->call_us),
		     time_needed(d.translations, concurrency, l->call_us));
}

void measure_add(struct measure *m, int64_t us)
{
	m->us[m->next] = us;
	m->next = (m->next + 1) % MEASURE_ROOM;
	if (m->n < MEASURE_ROOM)
		m->n++;
}

bool measure_is_enough(const struct measure *m)
{
	return m->n >= MEASURE_LEAST;
}

static int compare_i64(const void *a, const void *b)
{
	const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

int64_t measure_p95(const struct measure *m)
{
	int64_t sorted[MEASURE_ROOM];

	memcpy(sorted, m->us, m->n * sizeof(sorted[0]));
	qsort(sorted, m->n, sizeof(sorted[0]), compare_i64);
	return sorted[(m->n * 95 + 99) / 100 - 1];
}

bool measure_fits(const struct measure *m, int64_t deadline_at, int64_t now)
{
	return !measure_is_enough(m) || t_add(now, measure_p95(m)) <= deadline_at;
}
