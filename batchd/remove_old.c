/* SPDX-License-Identifier: ISC */
#include "batchd/remove_old.h"

#include <string.h>

#include "common/log.h"
#include "core/limits.h"
#include "core/model.h"
#include "core/timemath.h"

#define PAGE 20 /* as the LIMIT of the statements: a photograph has 8 MiB at most */

/* --- the request that is carried out --- */

/* 1: the walk is at the one that asks for most, from the beginning where it was at another. 0: there is none. -1. */
static int find(struct daemon *d, enum command kind, struct remove_old *walk, struct err *err)
{
	struct db_rows *rows;
	int64_t id;

	if (db_query(d->db, STMT_REMOVE_OLD, DB_P(db_text(command_names[kind])), &rows, err) < 0)
		return -1;
	id = db_next(rows) ? db_get_int(rows, 0) : 0;
	if (id != walk->request) {
		*walk = (struct remove_old){.request = id, .before = id ? db_get_time(rows, 1) : 0};
		if (id)
			log_notice("retention begun kind=%s request=%lld", command_names[kind],
				   (long long)id);
	}
	db_rows_free(&rows);
	return id != 0;
}

/* What it was asked once or several times is done. 0 or -1. */
static int finish(struct daemon *d, enum command kind, struct remove_old *walk, struct err *err)
{
	if (db_exec(d->db, STMT_REMOVE_OLD_DONE,
		    DB_P(db_time(daemon_now(d)), db_text(command_names[kind]),
			 db_time(walk->before)),
		    err) < 0)
		return -1;
	log_notice("retention done kind=%s request=%lld removed=%llu", command_names[kind],
		   (long long)walk->request, (unsigned long long)walk->n);
	*walk = (struct remove_old){0};
	return 0;
}

/* --- photographs --- */

struct page {
	const struct remove_old *walk;
	unsigned char keys[PAGE][32], last[32];
	size_t n, n_read, n_removed;
};

/* 1: some job needs it, 0, -1. The jobs that name it stay as they are until the commit. */
static int is_needed(struct db *db, const unsigned char *key, int64_t before, struct err *err)
{
	struct db_rows *rows;
	int needed = 0;

	if (db_query(db, STMT_IMAGE_JOBS_LOCK, DB_P(db_time(before), db_bytes(key, 32)), &rows,
		     err) < 0)
		return -1;
	while (db_next(rows))
		needed |= db_get_int(rows, 0) != 0;
	db_rows_free(&rows);
	return needed;
}

/* The lock on the photograph first: an order may be naming it at this moment. */
static int remove_images_tx(struct db *db, void *arg, struct err *err)
{
	struct page *p = arg;
	struct db_rows *lock;

	p->n_removed = 0;
	for (size_t i = 0; i < p->n; i++) {
		int needed;

		if (db_query(db, STMT_DELETE_IMAGE_LOCK, DB_P(db_bytes(p->keys[i], 32)), &lock,
			     err) < 0)
			return -1;
		db_rows_free(&lock);
		needed = is_needed(db, p->keys[i], p->walk->before, err);
		if (needed < 0 || (needed == 0 && db_exec(db, STMT_IMAGE_REMOVE,
							  DB_P(db_bytes(p->keys[i], 32)), err) < 0))
			return -1;
		p->n_removed += needed == 0;
	}
	return 0;
}

static int read_page(struct daemon *d, struct page *p, struct err *err)
{
	const struct remove_old *walk = p->walk;
	struct db_rows *rows;
	size_t n;

	if (db_query(d->db, STMT_IMAGES_PAGE,
		     DB_P(db_time(walk->before), db_time(walk->before), db_bytes(walk->after, 32)),
		     &rows, err) < 0)
		return -1;
	p->n_read = db_rows_count(rows);
	while (db_next(rows)) {
		memcpy(p->last, db_get_text(rows, 0, &n), sizeof(p->last));
		if (db_get_int(rows, 1) != 0)
			memcpy(p->keys[p->n++], p->last, sizeof(p->last));
	}
	db_rows_free(&rows);
	return 0;
}

int remove_old_images(struct daemon *d, struct remove_old *walk, struct err *err)
{
	struct page p = {.walk = walk};
	const int found = find(d, COMMAND_IMAGES, walk, err);

	if (found <= 0)
		return found;
	if (read_page(d, &p, err) < 0)
		return -1;
	if (p.n > 0 && daemon_tx(d, remove_images_tx, &p, err) < 0)
		return -1;
	walk->n += p.n_removed;
	if (p.n_read < PAGE)
		return finish(d, COMMAND_IMAGES, walk, err) < 0 ? -1 : 1;
	memcpy(walk->after, p.last, sizeof(walk->after));
	return 1;
}

/* --- batches --- */

struct emptying {
	int64_t batch, now;
	bool is_done;
};

static int empty_tx(struct db *db, void *arg, struct err *err)
{
	struct emptying *e = arg;
	const int64_t lines = db_exec(db, STMT_EMPTY_LINES, DB_P(db_int(e->batch)), err);
	int64_t events;

	if (lines < 0)
		return -1;
	events = db_exec(db, STMT_EMPTY_EVENTS, DB_P(db_int(e->batch)), err);
	if (events < 0)
		return -1;
	e->is_done = lines < SLICE_ROWS && events < SLICE_ROWS;
	if (!e->is_done)
		return 0;
	return db_exec(db, STMT_BATCH_EMPTIED, DB_P(db_time(e->now), db_int(e->batch)), err) < 0
		       ? -1
		       : 0;
}

int remove_old_batches(struct daemon *d, struct remove_old *walk, struct err *err)
{
	struct emptying e = {.now = daemon_now(d)};
	const int found = find(d, COMMAND_BATCHES, walk, err);
	struct db_rows *rows;

	if (found <= 0)
		return found;
	if (db_query(d->db, STMT_BATCHES_TO_EMPTY, DB_P(db_time(walk->before)), &rows, err) < 0)
		return -1;
	e.batch = db_next(rows) ? db_get_int(rows, 0) : 0;
	db_rows_free(&rows);
	if (e.batch == 0)
		return finish(d, COMMAND_BATCHES, walk, err) < 0 ? -1 : 1;
	if (daemon_tx(d, empty_tx, &e, err) < 0)
		return -1;
	walk->n += e.is_done;
	return 1;
}
