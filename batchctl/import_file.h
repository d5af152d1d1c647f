/* SPDX-License-Identifier: ISC */
/*
 * import_file: results of an earlier system, as JSON lines of {job_id, lot, language, result}, read
 * whole and put in the order of jobs, lots and languages. It looks nothing up.
 */
#ifndef BATCHCTL_IMPORT_FILE_H
#define BATCHCTL_IMPORT_FILE_H

#include <stddef.h>

#include "core/err.h"
#include "core/language.h"
#include "core/limits.h"
#include "core/uuid.h"

struct import_result { /* one line of the file */
	size_t line;
	char job[UUID_TEXT_SIZE];
	char *lot;                    /* owned */
	char language[LANGUAGE_SIZE]; /* in its usual case */
	char *raw; /* owned: as it was stored; JSON that was no string as it is */
	size_t raw_n;
};

struct import_lot { /* results [first, first + n) */
	size_t first, n, line;
};

struct import_job {
	size_t first_lot, n_lots; /* in the order of the file */
	const char
		*languages[LIMIT_LANGUAGES + 1]; /* borrowed; the first is that of descriptions */
	size_t n_languages;
};

struct import_file {
	struct import_result *results;
	size_t n_results, cap;
	struct import_lot *lots;
	size_t n_lots;
	struct import_job *jobs;
	size_t n_jobs;
};

/* 0, or -1 and *err: "FILE:LINE: what is wrong" (ERR_NEVER). Release in any case. */
int import_file_read(const char *path, struct import_file *f, struct err *err);
void import_file_clear(struct import_file *f);
/* The result of a lot in a language, or NULL. */
const struct import_result *import_find(const struct import_file *f, const struct import_lot *lot,
					const char *language);

#endif
