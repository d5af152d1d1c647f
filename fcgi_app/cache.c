/* SPDX-License-Identifier: ISC */
/*
 * cache: see cache.h. A hash table in parts, each with a lock and a list from the
 * newest use to the oldest.
 */
#include "fcgi_app/cache.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define PARTS 16
/* For the number of buckets: what an entry takes at least. */
#define LEAST_ENTRY_BYTES 512
/* What malloc adds to the two pieces of an entry. */
#define PIECES_BYTES 32

struct entry {
	struct entry *chain;         /* of the bucket: all answers of a job are in one */
	struct entry *newer, *older; /* by last use */
	uint8_t uuid[16];
	uint32_t variant;
	struct cached head;
	int64_t kept_at;
	char *text; /* NULL: only the version is known */
	size_t n;
};

struct part {
	pthread_mutex_t lock;
	struct entry **buckets;
	struct entry *newest, *oldest;
	size_t bytes;
};

struct cache {
	size_t n_buckets; /* of a part; a power of two */
	size_t max_bytes; /* of a part */
	struct part parts[PARTS];
};

/*
 * Ids are random but for the version and the variant, which are left out: some
 * of their bytes are a hash.
 */
static uint32_t hash_of(const uint8_t uuid[16])
{
	uint32_t h;

	memcpy(&h, uuid + 12, sizeof(h));
	return h;
}

static struct part *part_of(struct cache *c, const uint8_t uuid[16])
{
	return &c->parts[uuid[0] % PARTS];
}

static struct entry **bucket_of(const struct cache *c, const struct part *p, const uint8_t uuid[16])
{
	return &p->buckets[hash_of(uuid) & (c->n_buckets - 1)];
}

struct cache *cache_new(size_t bytes)
{
	struct cache *c = calloc(1, sizeof(*c));

	if (!c)
		abort();
	c->max_bytes = bytes / PARTS;
	for (c->n_buckets = 1; c->n_buckets * LEAST_ENTRY_BYTES < c->max_bytes;)
		c->n_buckets *= 2;
	for (size_t i = 0; i < PARTS; i++) {
		pthread_mutex_init(&c->parts[i].lock, NULL);
		c->parts[i].buckets = calloc(c->n_buckets, sizeof(struct entry *));
		if (!c->parts[i].buckets)
			abort();
	}
	return c;
}

static size_t entry_bytes(const struct entry *e)
{
	return sizeof(*e) + PIECES_BYTES + e->n;
}

static void list_take(struct part *p, struct entry *e)
{
	*(e->newer ? &e->newer->older : &p->newest) = e->older;
	*(e->older ? &e->older->newer : &p->oldest) = e->newer;
	e->newer = e->older = NULL;
}

static void list_add(struct part *p, struct entry *e)
{
	e->older = p->newest;
	*(p->newest ? &p->newest->newer : &p->oldest) = e;
	p->newest = e;
}

static void drop_text(struct part *p, struct entry *e)
{
	p->bytes -= e->n;
	free(e->text);
	e->text = NULL;
	e->n = 0;
}

static void drop_entry(const struct cache *c, struct part *p, struct entry *e)
{
	struct entry **at = bucket_of(c, p, e->uuid);

	while (*at != e)
		at = &(*at)->chain;
	*at = e->chain;
	list_take(p, e);
	p->bytes -= entry_bytes(e);
	free(e->text);
	free(e);
}

void cache_free(struct cache **c)
{
	if (!*c)
		return;
	for (size_t i = 0; i < PARTS; i++) {
		struct part *p = &(*c)->parts[i];

		while (p->oldest)
			drop_entry(*c, p, p->oldest);
		free(p->buckets);
		pthread_mutex_destroy(&p->lock);
	}
	free(*c);
	*c = NULL;
}

static struct entry *find(const struct cache *c, const struct part *p, const uint8_t uuid[16],
			  uint32_t variant)
{
	struct entry *e = *bucket_of(c, p, uuid);

	while (e && !(e->variant == variant && memcmp(e->uuid, uuid, 16) == 0))
		e = e->chain;
	return e;
}

/* The newest version that is known of the job, by any of its answers; 0 = none. */
static int64_t newest_version(const struct cache *c, const struct part *p, const uint8_t uuid[16])
{
	int64_t version = 0;

	for (const struct entry *e = *bucket_of(c, p, uuid); e; e = e->chain)
		if (memcmp(e->uuid, uuid, 16) == 0)
			version = t_max(version, e->head.version);
	return version;
}

static void outdate(const struct cache *c, struct part *p, const uint8_t uuid[16], int64_t version)
{
	for (struct entry *e = *bucket_of(c, p, uuid); e; e = e->chain) {
		if (memcmp(e->uuid, uuid, 16) != 0 || e->head.version >= version)
			continue;
		e->head.version = version;
		drop_text(p, e);
	}
}

bool cache_get(struct cache *c, const uint8_t uuid[16], uint32_t variant, int64_t now,
	       struct cached *head, struct strbuf *out)
{
	struct part *p = part_of(c, uuid);
	struct entry *e;
	bool found;

	pthread_mutex_lock(&p->lock);
	e = find(c, p, uuid, variant);
	found = e && e->text && now - e->kept_at < CACHE_LIFE;
	if (found) {
		list_take(p, e);
		list_add(p, e);
		*head = e->head;
		strbuf_add(out, e->text, e->n);
	}
	pthread_mutex_unlock(&p->lock);
	return found;
}

static struct entry *add_entry(const struct cache *c, struct part *p, const uint8_t uuid[16],
			       uint32_t variant)
{
	struct entry *e = calloc(1, sizeof(*e));
	struct entry **bucket = bucket_of(c, p, uuid);

	if (!e)
		return NULL;
	memcpy(e->uuid, uuid, 16);
	e->variant = variant;
	e->chain = *bucket;
	*bucket = e;
	list_add(p, e);
	p->bytes += entry_bytes(e);
	return e;
}

static void keep(const struct cache *c, struct part *p, struct entry *e, const struct cached *head,
		 const char *text, size_t n, int64_t now)
{
	char *copy = malloc(n ? n : 1);

	drop_text(p, e);
	e->head = *head;
	if (!copy)
		return;
	memcpy(copy, text, n);
	e->text = copy;
	e->n = n;
	e->kept_at = now;
	p->bytes += n;
	list_take(p, e);
	list_add(p, e);
	while (p->bytes > c->max_bytes && p->oldest != e)
		drop_entry(c, p, p->oldest);
}

bool cache_put(struct cache *c, const uint8_t uuid[16], uint32_t variant, int64_t now,
	       const struct cached *head, const char *text, size_t n)
{
	struct part *p = part_of(c, uuid);
	struct entry *e;
	bool is_newest;

	if (n + sizeof(*e) + PIECES_BYTES > c->max_bytes / 4)
		return true; /* one answer is not worth all others */
	pthread_mutex_lock(&p->lock);
	is_newest = head->version >= newest_version(c, p, uuid);
	if (is_newest) {
		outdate(c, p, uuid, head->version);
		e = find(c, p, uuid, variant);
		if (!e)
			e = add_entry(c, p, uuid, variant);
		if (e)
			keep(c, p, e, head, text, n, now);
	}
	pthread_mutex_unlock(&p->lock);
	return is_newest;
}

void cache_outdate(struct cache *c, const uint8_t uuid[16], int64_t version)
{
	struct part *p = part_of(c, uuid);

	pthread_mutex_lock(&p->lock);
	outdate(c, p, uuid, version);
	pthread_mutex_unlock(&p->lock);
}

void cache_forget_all(struct cache *c)
{
	for (size_t i = 0; i < PARTS; i++) {
		struct part *p = &c->parts[i];

		pthread_mutex_lock(&p->lock);
		for (struct entry *e = p->newest; e; e = e->older)
			drop_text(p, e);
		pthread_mutex_unlock(&p->lock);
	}
}

size_t cache_bytes(struct cache *c)
{
	size_t n = 0;

	for (size_t i = 0; i < PARTS; i++) {
		pthread_mutex_lock(&c->parts[i].lock);
		n += c->parts[i].bytes;
		pthread_mutex_unlock(&c->parts[i].lock);
	}
	return n;
}
