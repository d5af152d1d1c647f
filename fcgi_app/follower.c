/* SPDX-License-Identifier: ISC */
/* follower: see follower.h. */
#include "fcgi_app/follower.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/db.h"
#include "common/log.h"
#include "core/timemath.h"
#include "core/uuid.h"
#include "fcgi_app/call.h"
#include "fcgi_app/pulse.h"

#define LOOK_EVERY_MS 500
/* A transaction that stands still for 30 s is ended by the server (IDLE_TX_S in call.c). */
#define LOOK_BACK_US (35 * T_S)
/* As the statement's LIMIT: more are not followed one by one. */
#define MOST_CHANGES 10000
#define CLOCK_JUMP   (5 * T_S)

struct follower {
	struct cache *cache;
	struct park *park;
	struct database database;
	pthread_t thread;
	struct pulse pulse;
	bool rests;
	int stop_fd;
	bool is_away;              /* the database, at the last look: told once */
	_Atomic int64_t looked_at; /* beginning of the last good look, on clock_boot(); 0 = none */
	_Atomic int64_t db_ahead;  /* the database's clock less clock_boot(); 0 = never seen */
};

bool follower_hangs(const struct follower *f, int64_t now)
{
	return pulse_is_lost(&f->pulse, now);
}

bool follower_is_fresh(const struct follower *f, int64_t now)
{
	const int64_t looked_at = atomic_load(&f->looked_at);

	return looked_at != 0 && now - looked_at < FOLLOWER_LATE_US;
}

int64_t follower_db_time(const struct follower *f, int64_t now)
{
	const int64_t ahead = atomic_load(&f->db_ahead);

	return ahead == 0 ? 0 : now + ahead;
}

/* Changes of the time before a look could have gone unseen. */
static void forget(struct follower *f, const char *why)
{
	log_notice("cached answers forgotten why=\"%s\"", why);
	cache_forget_all(f->cache);
}

static void take_changes(struct follower *f, struct db_rows *rows)
{
	uint8_t uuid[16];

	while (db_next(rows)) {
		const int64_t version = db_get_int(rows, 1);

		uuid_bytes(db_get_text(rows, 0, NULL), uuid);
		cache_outdate(f->cache, uuid, version);
		park_changed(f->park, uuid, version);
	}
}

static void take_clock(struct follower *f, const struct db_rows *rows, int64_t started)
{
	const int64_t before = atomic_load(&f->db_ahead);
	const int64_t ahead = db_get_time(rows, 0) - started;

	if (before != 0 && llabs(ahead - before) > CLOCK_JUMP)
		forget(f, "the database's clock jumped");
	atomic_store(&f->db_ahead, ahead);
}

/* What changed since the last look, and longer ago than any transaction lasts. */
static int look(struct follower *f, struct err *err)
{
	const int64_t started = clock_boot();
	const int64_t last = atomic_load(&f->looked_at);
	const int64_t back = t_add(LOOK_BACK_US, last ? started - last : 0);
	struct db_rows *rows;

	if (db_query(f->database.db, STMT_NOW, DB_NONE, &rows, err) < 0)
		return -1;
	if (db_next(rows))
		take_clock(f, rows, started);
	db_rows_free(&rows);
	if (db_query(f->database.db, STMT_FRONT_CHANGES, DB_P(db_int(back)), &rows, err) < 0)
		return -1;
	if (last == 0 || db_rows_count(rows) >= MOST_CHANGES)
		forget(f, last == 0 ? "the database is seen for the first time"
				    : "much changed at once");
	take_changes(f, rows);
	db_rows_free(&rows);
	atomic_store(&f->looked_at, started);
	return 0;
}

static void *run(void *arg)
{
	struct follower *f = arg;
	struct pollfd stop = {.fd = f->stop_fd, .events = POLLIN};
	struct err err = {0};

	pulse_of_thread(&f->pulse);
	do {
		bool away = false;

		if (!f->rests) {
			pulse_beat();
			away = look(f, &err) < 0;
		}
		if (away && !f->is_away)
			log_warning("changes not read error=\"%s\"", err.text);
		f->is_away = away;
		park_expire(f->park, clock_boot());
	} while (poll(&stop, 1, f->rests ? -1 : LOOK_EVERY_MS) == 0);
	park_end(f->park);
	return NULL;
}

struct follower *follower_start(const struct config *config, struct cache *cache, struct park *park)
{
	struct follower *f = calloc(1, sizeof(*f));

	if (!f)
		abort();
	f->cache = cache;
	f->park = park;
	f->rests = config->http.cache == 0 && config->http.max_waiting == 0;
	database_init(&f->database, config);
	f->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (f->stop_fd < 0 || pthread_create(&f->thread, NULL, run, f) != 0)
		abort();
	return f;
}

void follower_end(struct follower *f)
{
	if (eventfd_write(f->stop_fd, 1) != 0)
		abort();
	pthread_join(f->thread, NULL);
}

void follower_free(struct follower **f)
{
	close((*f)->stop_fd);
	database_clear(&(*f)->database);
	free(*f);
	*f = NULL;
}
