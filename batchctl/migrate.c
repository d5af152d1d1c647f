/* SPDX-License-Identifier: ISC */
/*
 * migrate: brings a database to the version of this program and records each step. MariaDB's DDL is
 * not transactional, so a step that dies half-way stays visible: version 1 as tables without a
 * version's row, later ones as a row with MIN_PROGRAM_BEGUN. Two runs at once wait for each other
 * (GET_LOCK, which is enough on one server).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "batchctl/ctl.h"
#include "batchctl/grants.h"
#include "batchctl/migration.h"
#include "common/sql_text.h"

#define LOCK_WAIT_S  60
#define SCRIPT_BYTES (4u << 20)

/* The grants for the accounts on the command line. 0 and a filled buffer (strbuf_clear), or -1. */
static int render_grants(const struct ctl *ctl, struct strbuf *out, struct err *err)
{
	const char *text = sql_text_find("grants.sql");

	strbuf_init(out, SCRIPT_BYTES);
	if (!text)
		return err_set(err, ERR_BUG, 0, "this program carries no grants");
	return grants_render(text, ctl->operands[0], ctl->operands[1], out, err);
}

static int print_sql(const struct ctl *ctl, const struct migration *known, size_t n_known)
{
	struct strbuf grants;
	struct err err;
	int ret = EX_OK;

	for (size_t i = 0; i < n_known; i++)
		printf("-- ==== version %lld: %s, SHA-256 %s\n%s", (long long)known[i].version,
		       known[i].name, known[i].checksum, known[i].text);
	if (!ctl->grants)
		return EX_OK;
	if (render_grants(ctl, &grants, &err) == 0)
		printf("-- ==== grants\n%s", grants.data);
	else
		ret = ctl_error(EX_USAGE, "%s", err.text);
	strbuf_clear(&grants);
	return ret;
}

/* ---- What the database has. */

/* Rows of schema_version into a new array. */
static int load_versions(struct ctl *ctl, struct applied **applied, size_t *n, struct err *err)
{
	struct db_rows *rows;
	size_t i = 0;

	if (db_query(ctl->db, STMT_CTL_VERSIONS, DB_NONE, &rows, err) != 0)
		return -1;
	*n = db_rows_count(rows);
	*applied = calloc(*n + 1, sizeof(**applied));
	if (!*applied)
		abort();
	for (; db_next(rows); i++) {
		(*applied)[i].version = db_get_int(rows, 0);
		snprintf((*applied)[i].checksum, sizeof((*applied)[i].checksum), "%s",
			 db_get_text(rows, 2, NULL));
		(*applied)[i].min_program = db_get_int(rows, 3);
	}
	db_rows_free(&rows);
	return 0;
}

static int load_applied(struct ctl *ctl, struct applied **applied, size_t *n, struct err *err)
{
	struct db_rows *rows;
	int64_t tables, has_versions;

	if (db_query(ctl->db, STMT_CTL_TABLES, DB_NONE, &rows, err) != 0)
		return -1;
	db_next(rows);
	tables = db_get_int(rows, 0);
	has_versions = db_get_int(rows, 1);
	db_rows_free(&rows);
	if (has_versions && load_versions(ctl, applied, n, err) != 0)
		return -1;
	if (*n == 0 && tables > 0)
		return err_set(
			err, ERR_NEVER, 0,
			"the database holds %lld tables and no record of a version: the first migration died "
			"half-way (then drop the database and create it anew), or they are another program's",
			(long long)tables);
	return 0;
}

static int plan(struct ctl *ctl, const struct migration *known, size_t n_known, size_t *first,
		struct err *err)
{
	struct applied *applied = NULL;
	size_t n = 0;
	int ret = load_applied(ctl, &applied, &n, err);

	if (ret == 0)
		ret = migration_plan(applied, n, known, n_known, first, err);
	free(applied);
	return ret;
}

/* ---- Applying. */

static int record(struct ctl *ctl, const struct migration *m, int64_t min_program, struct err *err)
{
	return db_exec(ctl->db, STMT_CTL_VERSION_ADD,
		       DB_P(db_int(m->version), db_text(m->name), db_text(m->checksum),
			    db_int(min_program)),
		       err) < 0
		       ? -1
		       : 0;
}

/* The table of versions comes with version 1, so that only later ones can be recorded before they
 * run. */
static int apply(struct ctl *ctl, const struct migration *m, struct err *err)
{
	if (m->version == 1)
		return db_script(ctl->db, m->text, err) != 0 ? -1
							     : record(ctl, m, m->min_program, err);
	if (record(ctl, m, MIN_PROGRAM_BEGUN, err) != 0 || db_script(ctl->db, m->text, err) != 0)
		return -1;
	return db_exec(ctl->db, STMT_CTL_VERSION_DONE,
		       DB_P(db_int(m->min_program), db_int(m->version)), err) < 0
		       ? -1
		       : 0;
}

static int migrate_locked(struct ctl *ctl, const struct migration *known, size_t n_known,
			  size_t *first, struct err *err)
{
	const unsigned session = db_generation(ctl->db);

	if (plan(ctl, known, n_known, first, err) != 0)
		return -1;
	for (size_t i = *first; i < n_known; i++) {
		if (apply(ctl, &known[i], err) != 0)
			return err_prefix(err, "version %lld (%s)", (long long)known[i].version,
					  known[i].name);
		/* The lock is the session's. */
		if (db_generation(ctl->db) != session)
			return err_set(err, ERR_LATER, 0,
				       "the connection was lost after version %lld",
				       (long long)known[i].version);
	}
	return 0;
}

/* 0, or -1: ERR_CONFLICT where another run holds it. */
static int lock(struct ctl *ctl, struct err *err)
{
	struct db_rows *rows;
	bool is_held;

	if (db_query(ctl->db, STMT_CTL_MIGRATE_LOCK, DB_P(db_int(LOCK_WAIT_S)), &rows, err) != 0)
		return -1;
	is_held = db_next(rows) && db_get_int(rows, 0) == 1;
	db_rows_free(&rows);
	return is_held ? 0
		       : err_set(err, ERR_CONFLICT, 0,
				 "another migration has been running for %d s", LOCK_WAIT_S);
}

static void unlock(struct ctl *ctl)
{
	struct db_rows *rows;
	struct err err;

	/* A failure is no matter: the lock ends with the connection. */
	if (db_query(ctl->db, STMT_CTL_MIGRATE_UNLOCK, DB_NONE, &rows, &err) == 0)
		db_rows_free(&rows);
}

static void tell(const struct ctl *ctl, const struct migration *known, size_t n_known, size_t first)
{
	if (ctl->json) {
		printf("{\"version\":%zu,\"applied\":[", n_known);
		for (size_t i = first; i < n_known; i++)
			printf("%s\"%s\"", i > first ? "," : "", known[i].name);
		printf("],\"grants\":%s}\n", ctl->grants ? "true" : "false");
		return;
	}
	for (size_t i = first; i < n_known; i++)
		printf("Applied version %lld (%s).\n", (long long)known[i].version, known[i].name);
	if (first == n_known)
		printf("Nothing to apply; this program knows version %zu.\n", n_known);
	if (ctl->grants)
		printf("Granted to %s and %s.\n", ctl->operands[0], ctl->operands[1]);
}

static int migrate(struct ctl *ctl, const struct migration *known, size_t n_known,
		   const char *grants)
{
	struct err err;
	size_t first = n_known;
	int ret;

	if (lock(ctl, &err) != 0)
		return ctl_fail(&err);
	ret = migrate_locked(ctl, known, n_known, &first, &err);
	if (ret == 0 && grants)
		ret = db_script(ctl->db, grants, &err);
	unlock(ctl);
	if (ret != 0)
		return ctl_fail(&err);
	tell(ctl, known, n_known, first);
	return EX_OK;
}

static int run_verb(struct ctl *ctl, const struct migration *known, size_t n_known)
{
	struct strbuf grants;
	struct err err;
	int ret;

	if (ctl->print_sql)
		return print_sql(ctl, known, n_known);
	if (!ctl->grants)
		return migrate(ctl, known, n_known, NULL);
	if (render_grants(ctl, &grants, &err) == 0)
		ret = migrate(ctl, known, n_known, grants.data);
	else
		ret = ctl_error(EX_USAGE, "%s", err.text);
	strbuf_clear(&grants);
	return ret;
}

int ctl_migrate(struct ctl *ctl)
{
	struct migration *known;
	struct err err;
	size_t n_known;
	int ret;

	if (ctl->grants ? ctl->n_operands != 2 : ctl->n_operands != 0)
		return ctl_error(EX_USAGE, "migrate takes two accounts with --grants, else none");
	if (migration_list(sql_texts, &known, &n_known, &err) != 0)
		return ctl_fail(&err);
	ret = run_verb(ctl, known, n_known);
	free(known);
	return ret;
}
