/* SPDX-License-Identifier: ISC */
/* meter: see meter.h. */
#include "fcgi_app/meter.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/must.h"
#include "core/timemath.h"

#define MAGIC      "lotmeter"
#define LINE_BYTES 64 /* of the processor's cache: slots do not slow each other down */
#define NO_SLOT    SIZE_MAX

_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "cells are shared between processes");

struct route_cells {
	_Atomic uint64_t statuses[METER_STATUSES];
	_Atomic uint64_t buckets[METER_BUCKETS];
	_Atomic uint64_t us;
};

struct slot {
	_Alignas(LINE_BYTES) _Atomic int64_t began_at; /* 0: never used, or left in order */
	_Atomic int64_t gauges[METER_GAUGE_COUNT];
};

struct head {
	char magic[sizeof(MAGIC) - 1]; /* all 0: the file was not begun yet */
	uint64_t layout;
	uint64_t bytes;
	int64_t began_at;
};

struct cells { /* the file */
	struct head head;
	_Atomic uint64_t counters[METER_COUNTER_COUNT];
	_Atomic uint64_t problems[METER_PROBLEMS];
	struct route_cells routes[METER_ADDRESSES][METER_METHODS];
	struct slot slots[METER_PROCESSES];
};

struct meter {
	struct cells *cells;
	int fd;            /* -1: memory of this process */
	size_t own;        /* NO_SLOT: the file is full */
	struct slot *slot; /* [own], or spare */
	struct slot spare;
	char *path;
	unsigned shares;
};

const int64_t meter_bounds[METER_BUCKETS - 1] = {
	T_MS / 2,   T_MS,       2 * T_MS, 5 * T_MS, 10 * T_MS, 25 * T_MS, 50 * T_MS, 100 * T_MS,
	250 * T_MS, 500 * T_MS, T_S,      2 * T_S,  5 * T_S,   15 * T_S,  60 * T_S,
};

/* ---- The file. */

static int fail(struct err *err, const char *what)
{
	return err_set(err, ERR_NEVER, errno, "cannot be %s: %s", what, strerror(errno));
}

/* Only who makes it has it; what another put there is not trusted. */
static int open_own(const char *name, struct err *err)
{
	const int fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	struct stat st;

	if (fd < 0)
		return fail(err, "opened");
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == geteuid())
		return fd;
	close(fd);
	return err_set(err, ERR_NEVER, 0, "is no file of this user");
}

/* With the head last: one whose maker died before is begun anew. Full disks are met here. */
static int make(int fd, uint64_t layout, int64_t now, struct err *err)
{
	struct head head = {.layout = layout, .bytes = sizeof(struct cells), .began_at = now};

	memcpy(head.magic, MAGIC, sizeof(head.magic));
	errno = posix_fallocate(fd, 0, sizeof(struct cells));
	if (errno != 0)
		return fail(err, "made large enough");
	if (pwrite(fd, &head, sizeof(head), 0) != (ssize_t)sizeof(head))
		return fail(err, "written");
	return 0;
}

static int check(int fd, const struct head *head, uint64_t layout, struct err *err)
{
	struct stat st;

	if (memcmp(head->magic, MAGIC, sizeof(head->magic)) != 0 || head->layout != layout ||
	    head->bytes != sizeof(struct cells) || fstat(fd, &st) < 0 ||
	    st.st_size < (off_t)sizeof(struct cells))
		return err_set(err, ERR_NEVER, 0, "is not of this program");
	return 0;
}

static int make_or_check(int fd, uint64_t layout, int64_t now, struct err *err)
{
	struct head head = {0};

	if (pread(fd, &head, sizeof(head), 0) < 0)
		return fail(err, "read");
	return head.magic[0] == '\0' ? make(fd, layout, now, err) : check(fd, &head, layout, err);
}

/* One process at a time looks and makes. */
static int begin(int fd, uint64_t layout, int64_t now, struct err *err)
{
	int rc;

	while (flock(fd, LOCK_EX) != 0)
		if (errno != EINTR)
			return fail(err, "locked");
	rc = make_or_check(fd, layout, now, err);
	flock(fd, LOCK_UN);
	return rc;
}

static struct cells *map(int fd)
{
	void *p = mmap(NULL, sizeof(struct cells), PROT_READ | PROT_WRITE,
		       fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED, fd, 0);

	return p == MAP_FAILED ? NULL : p;
}

/* ---- Slots. These locks are of the open file, and go with the last process that has it open. */

static int lock_slot(int fd, int command, size_t i, short *type)
{
	struct flock lock = {
		.l_type = *type,
		.l_whence = SEEK_SET,
		.l_start = (off_t)(offsetof(struct cells, slots) + i * sizeof(struct slot)),
		.l_len = 1,
	};

	if (fcntl(fd, command, &lock) != 0)
		return -1;
	*type = lock.l_type;
	return 0;
}

static bool is_locked(const struct meter *m, size_t i)
{
	short type = F_WRLCK;

	return lock_slot(m->fd, F_OFD_GETLK, i, &type) == 0 && type != F_UNLCK;
}

static size_t take_slot(int fd)
{
	for (size_t i = 0; i < METER_PROCESSES; i++) {
		short type = F_WRLCK;

		if (lock_slot(fd, F_OFD_SETLK, i, &type) == 0)
			return i;
	}
	return NO_SLOT;
}

static void enter(struct meter *m, int64_t now)
{
	m->own = m->fd < 0 ? 0 : take_slot(m->fd);
	m->slot = m->own == NO_SLOT ? &m->spare : &m->cells->slots[m->own];
	/* What a dead process left. */
	for (size_t g = 0; g < METER_GAUGE_COUNT; g++)
		atomic_store(&m->slot->gauges[g], 0);
	atomic_store(&m->slot->began_at, now);
}

static bool lives(const struct meter *m, size_t i)
{
	return atomic_load(&m->cells->slots[i].began_at) != 0 &&
	       (i == m->own || (m->fd >= 0 && is_locked(m, i)));
}

/* ---- */

static struct meter *meter_of(int fd, struct cells *cells, const char *path, int64_t now)
{
	struct meter *m = must(aligned_alloc(LINE_BYTES, sizeof(*m)));

	memset(m, 0, sizeof(*m));
	m->cells = cells;
	m->fd = fd;
	m->path = must(strdup(path));
	m->shares = 1;
	enter(m, now);
	return m;
}

static struct meter *open_shared(const char *path, const char *name, uint64_t layout, int64_t now,
				 struct err *err)
{
	const int fd = open_own(name, err);
	struct cells *cells = NULL;

	if (fd < 0)
		return NULL;
	if (begin(fd, layout, now, err) == 0) {
		cells = map(fd);
		if (!cells)
			fail(err, "mapped");
	}
	if (!cells) {
		close(fd);
		return NULL;
	}
	return meter_of(fd, cells, path, now);
}

struct meter *meter_open(const char *path, uint64_t layout, int64_t now, struct err *err)
{
	struct meter *m;
	char name[4096];

	if (!path[0]) {
		m = meter_of(-1, must(map(-1)), path, now);
		m->cells->head.began_at = now;
		return m;
	}
	if (snprintf(name, sizeof(name), "%s.%016" PRIx64, path, layout) >= (int)sizeof(name)) {
		err_set(err, ERR_NEVER, 0, "the path is too long");
		return NULL;
	}
	m = open_shared(path, name, layout, now, err);
	if (!m)
		err_prefix(err, "%.150s", name);
	return m;
}

struct meter *meter_share(struct meter *m)
{
	m->shares++;
	return m;
}

bool meter_is_of(const struct meter *m, const char *path)
{
	return strcmp(m->path, path) == 0;
}

void meter_close(struct meter **m)
{
	if (!*m)
		return;
	if (--(*m)->shares > 0) {
		*m = NULL;
		return;
	}
	atomic_store(&(*m)->slot->began_at, 0);
	munmap((*m)->cells, sizeof(struct cells));
	if ((*m)->fd >= 0)
		close((*m)->fd);
	free((*m)->path);
	free(*m);
	*m = NULL;
}

static void add(_Atomic uint64_t *c, uint64_t n)
{
	atomic_fetch_add_explicit(c, n, memory_order_relaxed);
}

static uint64_t read_cell(const _Atomic uint64_t *c)
{
	return atomic_load_explicit(c, memory_order_relaxed);
}

void meter_count(struct meter *m, unsigned counter, uint64_t n)
{
	if (n > 0)
		add(&m->cells->counters[counter], n);
}

void meter_request(struct meter *m, size_t address, size_t method, size_t status, int64_t us)
{
	struct route_cells *r = &m->cells->routes[address][method];
	size_t b = 0;

	while (b < METER_BUCKETS - 1 && us > meter_bounds[b])
		b++;
	add(&r->statuses[status], 1);
	add(&r->buckets[b], 1);
	add(&r->us, (uint64_t)t_max(0, us));
}

void meter_problem(struct meter *m, size_t problem)
{
	add(&m->cells->problems[problem], 1);
}

void meter_move(struct meter *m, enum meter_gauge gauge, int64_t n)
{
	atomic_fetch_add_explicit(&m->slot->gauges[gauge], n, memory_order_relaxed);
}

uint64_t meter_counted(const struct meter *m, unsigned counter)
{
	return read_cell(&m->cells->counters[counter]);
}

uint64_t meter_problems(const struct meter *m, size_t problem)
{
	return read_cell(&m->cells->problems[problem]);
}

bool meter_requests(const struct meter *m, size_t address, size_t method,
		    struct meter_requests *out)
{
	const struct route_cells *r = &m->cells->routes[address][method];
	uint64_t any = 0;

	for (size_t i = 0; i < METER_STATUSES; i++)
		any |= out->statuses[i] = read_cell(&r->statuses[i]);
	for (size_t i = 0; i < METER_BUCKETS; i++)
		any |= out->buckets[i] = read_cell(&r->buckets[i]);
	out->us = read_cell(&r->us);
	return any != 0;
}

void meter_living(const struct meter *m, struct meter_living *out)
{
	*out = (struct meter_living){0};
	for (size_t i = 0; i < METER_PROCESSES; i++) {
		const struct slot *s = &m->cells->slots[i];

		if (!lives(m, i))
			continue;
		out->processes++;
		out->newest_at = t_max(out->newest_at, atomic_load(&s->began_at));
		for (size_t g = 0; g < METER_GAUGE_COUNT; g++)
			out->gauges[g] += atomic_load(&s->gauges[g]);
	}
}

int64_t meter_began_at(const struct meter *m)
{
	return m->cells->head.began_at;
}
