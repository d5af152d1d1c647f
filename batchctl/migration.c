/* SPDX-License-Identifier: ISC */
#include "batchctl/migration.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MIGRATE_FOLDER   "migrate/"
#define MIN_PROGRAM_LINE "\n-- min_program: "

static void checksum_of(const char *text, char out[65])
{
	unsigned char hash[32];

	if (EVP_Digest(text, strlen(text), hash, NULL, EVP_sha256(), NULL) != 1)
		abort();
	for (size_t i = 0; i < sizeof(hash); i++)
		snprintf(out + 2 * i, 3, "%02x", hash[i]);
}

/* Version of a file by its name, or 0 where it is no migration. */
static int64_t version_of(const char *name)
{
	const size_t folder = strlen(MIGRATE_FOLDER);

	if (strcmp(name, "schema.sql") == 0)
		return 1;
	if (strncmp(name, MIGRATE_FOLDER, folder) != 0)
		return 0;
	return strtol(name + folder, NULL, 10);
}

static int64_t min_program_of(const struct migration *m)
{
	const char *line = strstr(m->text, MIN_PROGRAM_LINE);

	return line ? strtol(line + strlen(MIN_PROGRAM_LINE), NULL, 10) : m->version;
}

static int by_version(const void *a, const void *b)
{
	const struct migration *x = a, *y = b;

	return (x->version > y->version) - (x->version < y->version);
}

static struct migration migration_of(const struct sql_text *text)
{
	struct migration m = {.version = version_of(text->name),
			      .name = text->name,
			      .text = text->text};

	m.min_program = min_program_of(&m);
	checksum_of(m.text, m.checksum);
	return m;
}

int migration_list(const struct sql_text *texts, struct migration **out, size_t *n, struct err *err)
{
	struct migration *list;
	size_t n_texts = 0, count = 0;

	while (texts[n_texts].name)
		n_texts++;
	list = calloc(n_texts + 1, sizeof(*list));
	if (!list)
		abort();
	for (size_t i = 0; i < n_texts; i++)
		if (version_of(texts[i].name) > 0)
			list[count++] = migration_of(&texts[i]);
	qsort(list, count, sizeof(*list), by_version);
	for (size_t i = 0; i < count; i++)
		if (list[i].version != (int64_t)i + 1) {
			free(list);
			return err_set(err, ERR_BUG, 0, "this program carries no migration %zu",
				       i + 1);
		}
	*out = list;
	*n = count;
	return 0;
}

static int check_applied(const struct applied *a, const struct migration *known, size_t n_known,
			 struct err *err)
{
	const size_t i = (size_t)a->version - 1;

	if (a->min_program == MIN_PROGRAM_BEGUN)
		return err_set(
			err, ERR_NEVER, 0,
			"migration %lld was begun and did not end: it runs now, or it died half-way; "
			"compare the tables with its text (migrate --print), then finish it or restore a backup",
			(long long)a->version);
	if (i >= n_known)
		return 0;
	if (strcmp(a->checksum, known[i].checksum) != 0)
		return err_set(err, ERR_NEVER, 0,
			       "version %lld was applied from another text than this program's %s "
			       "(SHA-256 %.12s... there, %.12s... here)",
			       (long long)a->version, known[i].name, a->checksum,
			       known[i].checksum);
	return 0;
}

int migration_plan(const struct applied *applied, size_t n_applied, const struct migration *known,
		   size_t n_known, size_t *first, struct err *err)
{
	const struct applied *last = n_applied ? &applied[n_applied - 1] : NULL;

	for (size_t i = 0; i < n_applied; i++) {
		if (applied[i].version != (int64_t)i + 1)
			return err_set(err, ERR_NEVER, 0,
				       "the database lacks the record of version %zu", i + 1);
		if (check_applied(&applied[i], known, n_known, err) != 0)
			return -1;
	}
	if (last && (size_t)last->version > n_known && last->min_program > (int64_t)n_known)
		return err_set(
			err, ERR_NEVER, 0,
			"the database is of version %lld, newer than this program (%zu), and needs one of "
			"version %lld: upgrade the program",
			(long long)last->version, n_known, (long long)last->min_program);
	*first = n_applied < n_known ? n_applied : n_known;
	return 0;
}
