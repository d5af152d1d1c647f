/* SPDX-License-Identifier: ISC */
/*
 * meter: what the front end counts of itself, for /metrics; of this process, or of all processes
 * that share one file. Under mod_fcgid and the like a scrape reaches any one of several processes,
 * and each must tell the same.
 *
 * The file is mapped by all. Counters are shared cells that are added to: a process that dies, in
 * whatever way and at whatever moment, takes nothing back, and nothing has to be gathered from it.
 * (The other way, cells for each process whose sums are gathered from the dead, can count a dead
 * process twice or not at all where the one that gathers dies too; it saves 0.2 us of a request
 * where two processors do nothing but count.) What
 * rises and falls stands in a slot of each process, and only the slots of the living are summed: a
 * slot is locked by its process, and the kernel takes the lock away with it. So no number is
 * wrong for longer than a process lives, and neither process ids nor their namespaces matter.
 *
 * Safe for threads and processes: adding takes no lock, but atomic additions alone. Reads no clock.
 */
#ifndef FCGI_APP_METER_H
#define FCGI_APP_METER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"

/* Room for each kind; what the numbers mean is meter_text.c's. */
#define METER_ADDRESSES 48 /* of the API */
#define METER_METHODS   6
#define METER_STATUSES  24
#define METER_PROBLEMS  32
#define METER_BUCKETS   16  /* of durations; the last one has no bound */
#define METER_PROCESSES 512 /* further ones count too, but for what rises and falls */

enum meter_counter {
	METER_BYTES_IN,  /* of requests' bodies */
	METER_BYTES_OUT, /* of answers' bodies */
	METER_ABORTED,   /* answers that were not taken whole */
	METER_CACHE_HIT,
	METER_CACHE_MISS,
	METER_DATABASE_ERROR, /* and one for each class of error, enum err_class */
	METER_COUNTER_COUNT = METER_DATABASE_ERROR + ERR_CLASS_COUNT
};

enum meter_gauge {
	METER_WORKERS,
	METER_BUSY, /* of the workers */
	METER_PARKED,
	METER_PLACES, /* for those that are parked */
	METER_GAUGE_COUNT
};

/* Upper bounds of the buckets but the last, us, ascending. */
extern const int64_t meter_bounds[METER_BUCKETS - 1];

struct meter; /* opaque */

/*
 * Count from `now` (us, UTC) on: in memory of this process where the path is "", else in the file
 * PATH.LAYOUT, which is made where it is not there and readable by its owner alone. `layout` is
 * of what the numbers mean: programs that differ in it do not share a file. NULL, and why, where the
 * file cannot be used; in memory it never fails (aborts where that is lacking).
 */
struct meter *meter_open(const char *path, uint64_t layout, int64_t now, struct err *err);
/*
 * The same once more, for another part of this process: each part closes it. By one thread. And is it
 * of that path, "" where it is in memory?
 */
struct meter *meter_share(struct meter *m);
bool meter_is_of(const struct meter *m, const char *path);
void meter_close(struct meter **m);

void meter_count(struct meter *m, unsigned counter, uint64_t n);
/* A request that was answered; indexes below the limits above. */
void meter_request(struct meter *m, size_t address, size_t method, size_t status, int64_t us);
void meter_problem(struct meter *m, size_t problem);
/* Add to, or take from, what this process has. */
void meter_move(struct meter *m, enum meter_gauge gauge, int64_t n);

uint64_t meter_counted(const struct meter *m, unsigned counter);
uint64_t meter_problems(const struct meter *m, size_t problem);

struct meter_requests {
	uint64_t statuses[METER_STATUSES];
	uint64_t buckets[METER_BUCKETS];
	uint64_t us; /* that they took in all */
};
/* False where there was none. */
bool meter_requests(const struct meter *m, size_t address, size_t method,
		    struct meter_requests *out);

struct meter_living { /* processes that share this meter */
	int64_t processes;
	int64_t newest_at; /* when the newest of them began */
	int64_t gauges[METER_GAUGE_COUNT];
};
void meter_living(const struct meter *m, struct meter_living *out);
/* Since when is counted, us. */
int64_t meter_began_at(const struct meter *m);

#endif
