/* SPDX-License-Identifier: ISC */
/*
 * ctl: what the verbs of batchctl share: the parsed command line, the connection, how results and
 * failures are told. A verb returns the program's exit code (sysexits.h).
 */
#ifndef BATCHCTL_CTL_H
#define BATCHCTL_CTL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "batchctl/ids.h"
#include "batchctl/table.h"
#include "common/config.h"
#include "common/db.h"
#include "core/load.h"
#include "core/strbuf.h"

#define CTL_OPERANDS_MAX      2
#define CTL_EXIT_CHECK_FAILED 1

struct ctl {
	const char *operands[CTL_OPERANDS_MAX];
	int n_operands;
	bool json;
	const char *role;                          /* --role, or NULL */
	const char *status;                        /* --status, or NULL */
	const char *deadline;                      /* --deadline, or NULL */
	const char *budget_day;                    /* --day, or NULL */
	const char *job;                           /* --job, or NULL: a budget, or a job */
	const char *account, *languages;           /* --account, --languages, or NULL */
	const char *undo;                          /* --undo, or NULL */
	bool dry_run;                              /* --dry-run */
	int64_t limit;                             /* --limit, 0 = not given */
	bool open_only;                            /* --open */
	bool all;                                  /* --all */
	bool print_sql;                            /* --print */
	bool grants;                               /* --grants */
	const char *user, *socket, *password_file; /* instead of the configuration's, or NULL */
	const struct config *config;
	struct db *db;
	int64_t now;      /* the database's; 0 for a verb without the schema */
	struct load load; /* of explain */
};

/* The verbs. */
int ctl_setup(struct ctl *ctl);
int ctl_migrate(struct ctl *ctl);
int ctl_account(struct ctl *ctl);
int ctl_key_add(struct ctl *ctl);
int ctl_key_list(struct ctl *ctl);
int ctl_key_revoke(struct ctl *ctl);
int ctl_jobs(struct ctl *ctl);
int ctl_job(struct ctl *ctl);
int ctl_batches(struct ctl *ctl);
int ctl_batch(struct ctl *ctl);
int ctl_events(struct ctl *ctl);
int ctl_alerts(struct ctl *ctl);
int ctl_explain(struct ctl *ctl);
int ctl_installation(struct ctl *ctl);
int ctl_installation_keep(struct ctl *ctl);
int ctl_installation_new(struct ctl *ctl);
int ctl_adopt(struct ctl *ctl);
int ctl_resume(struct ctl *ctl);
int ctl_cancel(struct ctl *ctl);
int ctl_finish(struct ctl *ctl);
int ctl_retry(struct ctl *ctl);
int ctl_check(struct ctl *ctl);
int ctl_import(struct ctl *ctl);
int ctl_repair(struct ctl *ctl);
int ctl_retention(struct ctl *ctl);

/* Tell a failure on standard error; returns its exit code. */
int ctl_fail(const struct err *err);
/* The same for a text of one's own and a given exit code. */
int ctl_error(int exit_code, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Run a query into a new table (free with table_free). 0, or -1. */
int ctl_table(struct ctl *ctl, enum stmt s, const struct db_val *params, size_t n,
	      const struct table_column *columns, size_t n_columns, struct table **table,
	      struct err *err);
/* Print its rows as the program's whole output, or `nothing` where there are none. 0 or an exit code. */
int ctl_print_rows(struct ctl *ctl, enum stmt s, const struct db_val *params, size_t n,
		   const struct table_column *columns, size_t n_columns, const char *nothing);

/* A record with tables below it, as the program's whole output. */
struct ctl_section {
	const char *key;   /* in JSON */
	const char *title; /* for a person */
	struct table *table;
};
/* Frees the tables. 0 or an exit code. */
int ctl_print_record(struct ctl *ctl, struct table **record, struct ctl_section *sections,
		     size_t n_sections);

/* Of a job by its UUID: 0 and the row's number, or an exit code: why there is none is told. */
int ctl_find_job(struct ctl *ctl, const char *uuid, int64_t *no);

/*
 * --deadline, from now or as an instant; job.deadline without. 0 and *at, or an exit code: what is
 * wrong is told.
 */
int ctl_deadline(const struct ctl *ctl, int64_t *at);

/* What holds up sending: all of it, and the recipes of a job (0: of any), into a new table. 0 or -1. */
int ctl_stops(struct ctl *ctl, int64_t job, struct table **table, struct err *err);

#define CTL_COLUMNS(a) (a), (sizeof(a) / sizeof((a)[0]))

#endif
