/* SPDX-License-Identifier: ISC */
#include "batchctl/import_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/must.h"
#include "core/ascii.h"
#include "core/json_scan.h"
#include "core/json_util.h"

enum { JOB_ID, LOT, LANGUAGE, RESULT, KEYS };
static const char *const keys[KEYS] = {"job_id", "lot", "language", "result"};

/* --- one line --- */

static int wrong(const char *path, size_t line, struct err *err, const char *what)
{
	return err_set(err, ERR_NEVER, 0, "%s:%zu: %s", path, line, what);
}

/* The text of a string; NULL where it is too long. Owned. */
static char *text_of(struct json_span string, size_t most, size_t *n)
{
	struct strbuf text;
	char *copy = NULL;

	strbuf_init(&text, most);
	if (json_string_decode(string, &text) == 0) {
		copy = must(malloc(text.len + 1));
		memcpy(copy, text.data, text.len + 1);
		*n = text.len;
	}
	strbuf_clear(&text);
	return copy;
}

/* A number is its digits. */
static char *lot_of(const struct json_member *m)
{
	char *copy;
	size_t n;

	if (m->kind == JSON_KIND_STRING) {
		copy = text_of(m->value, LIMIT_LOT_ID_BYTES, &n);
		if (copy && (n == 0 || memchr(copy, '\0', n))) {
			free(copy);
			return NULL;
		}
		return copy;
	}
	if (m->kind != JSON_KIND_NUMBER || m->value.n > LIMIT_LOT_ID_BYTES)
		return NULL;
	return must(strndup(m->value.p, m->value.n));
}

static int read_job(const struct json_member *m, char out[UUID_TEXT_SIZE])
{
	size_t n;
	char *text = m->kind == JSON_KIND_STRING ? text_of(m->value, UUID_TEXT_SIZE, &n) : NULL;
	const int rc = text && uuid_is_valid(text, n) ? 0 : -1;

	for (size_t i = 0; rc == 0 && i < UUID_TEXT_SIZE; i++)
		out[i] = text[i] >= 'A' && text[i] <= 'F' ? (char)(text[i] + 32) : text[i];
	free(text);
	return rc;
}

static int read_language(const struct json_member *m, char out[LANGUAGE_SIZE])
{
	size_t n;
	char *text = m->kind == JSON_KIND_STRING ? text_of(m->value, LANGUAGE_SIZE, &n) : NULL;
	const int rc = text ? language_normalise(text, n, out) : -1;

	free(text);
	return rc;
}

/* A string is what was stored; any other value is JSON that was stored as such. */
static void read_result(const struct json_member *m, struct import_result *r)
{
	if (m->kind == JSON_KIND_STRING) {
		r->raw = must(text_of(m->value, m->value.n, &r->raw_n));
		return;
	}
	r->raw = must(strndup(m->value.p, m->value.n));
	r->raw_n = m->value.n;
}

static bool has_other_keys(struct json_span object)
{
	struct json_walk w;
	struct json_member m;

	json_walk_begin(&w, object);
	while (json_walk_next(&w, &m)) {
		bool known = false;

		for (size_t i = 0; i < KEYS; i++)
			known |= json_string_equals(m.key, keys[i], strlen(keys[i]));
		if (!known)
			return true;
	}
	return false;
}

/* What is wrong with the line, or NULL. */
static const char *read_line(const char *text, size_t n, struct import_result *r)
{
	struct json_member m[KEYS];
	struct json_fault fault;
	struct json_span object;

	if (json_scan(text, n, &json_rules_provider, &fault) < 0)
		return "is not JSON";
	object = json_span_of(text, n);
	if (json_kind_of(object) != JSON_KIND_OBJECT)
		return "is not an object";
	json_find_each(object, keys, KEYS, m);
	for (size_t i = 0; i < KEYS; i++) {
		if (m[i].kind == JSON_KIND_COUNT)
			return "lacks one of job_id, lot, language and result";
	}
	if (has_other_keys(object))
		return "has a key that is none of job_id, lot, language and result";
	if (read_job(&m[JOB_ID], r->job) < 0)
		return "job_id is not a UUID";
	if (read_language(&m[LANGUAGE], r->language) < 0)
		return "language is not a language tag (BCP 47)";
	r->lot = lot_of(&m[LOT]);
	if (!r->lot)
		return "lot is neither a number nor a text of 1 to 200 bytes";
	if (m[RESULT].value.n > LIMIT_LINE_BYTES)
		return "result is longer than 8 MiB";
	read_result(&m[RESULT], r);
	return NULL;
}

static int add_line(struct import_file *f, const char *path, size_t line, const char *text,
		    size_t n, struct err *err)
{
	struct import_result *r;
	const char *what;

	if (f->n_results == f->cap) {
		f->cap = f->cap ? 2 * f->cap : 1024;
		f->results = must(reallocarray(f->results, f->cap, sizeof(*f->results)));
	}
	r = &f->results[f->n_results++];
	*r = (struct import_result){.line = line};
	what = read_line(text, n, r);
	return what ? wrong(path, line, err, what) : 0;
}

static bool is_blank(const char *text, size_t n)
{
	return n == strspn(text, " \t\r\n");
}

static int read_lines(struct import_file *f, const char *path, FILE *file, struct err *err)
{
	char *text = NULL;
	size_t size = 0;
	ssize_t n;
	int rc = 0;

	for (size_t line = 1; rc == 0 && (n = getline(&text, &size, file)) >= 0; line++) {
		if (!is_blank(text, (size_t)n))
			rc = add_line(f, path, line, text, (size_t)n, err);
	}
	free(text);
	if (rc == 0 && ferror(file))
		rc = err_set(err, ERR_NEVER, errno, "%s: %s", path, strerror(errno));
	return rc;
}

/* --- the order --- */

static int compare_results(const void *a, const void *b)
{
	const struct import_result *x = a, *y = b;
	int c = strcmp(x->job, y->job);

	if (c == 0)
		c = strcmp(x->lot, y->lot);
	if (c == 0)
		c = strcmp(x->language, y->language);
	return c != 0 ? c : (x->line > y->line) - (x->line < y->line);
}

static int compare_lots(const void *a, const void *b)
{
	const struct import_lot *x = a, *y = b;

	return (x->line > y->line) - (x->line < y->line);
}

static bool same_lot(const struct import_result *a, const struct import_result *b)
{
	return strcmp(a->job, b->job) == 0 && strcmp(a->lot, b->lot) == 0;
}

static int check_twice(const struct import_file *f, const char *path, struct err *err)
{
	for (size_t i = 1; i < f->n_results; i++) {
		const struct import_result *a = &f->results[i - 1], *b = &f->results[i];

		if (same_lot(a, b) && strcmp(a->language, b->language) == 0)
			return err_set(
				err, ERR_NEVER, 0,
				"%s:%zu: the result of lot %.60s in %s is in line %zu already",
				path, b->line, b->lot, b->language, a->line);
	}
	return 0;
}

static void add_language(struct import_job *job, const char *tag)
{
	for (size_t i = 0; i < job->n_languages; i++) {
		if (strcmp(job->languages[i], tag) == 0)
			return;
	}
	if (job->n_languages <= LIMIT_LANGUAGES)
		job->languages[job->n_languages] = tag;
	job->n_languages++;
}

/* Lots and jobs, of results that are sorted. */
static void group(struct import_file *f)
{
	f->lots = must(calloc(f->n_results + 1, sizeof(*f->lots)));
	f->jobs = must(calloc(f->n_results + 1, sizeof(*f->jobs)));
	for (size_t i = 0; i < f->n_results; i++) {
		const struct import_result *r = &f->results[i];
		struct import_lot *lot;

		if (i == 0 || strcmp(r->job, r[-1].job) != 0) {
			f->jobs[f->n_jobs].first_lot = f->n_lots;
			add_language(&f->jobs[f->n_jobs++], LANGUAGE_OF_DESCRIPTIONS);
		}
		if (i == 0 || !same_lot(r, r - 1)) {
			f->lots[f->n_lots++] = (struct import_lot){.first = i, .line = r->line};
			f->jobs[f->n_jobs - 1].n_lots++;
		}
		lot = &f->lots[f->n_lots - 1];
		lot->n++;
		if (r->line < lot->line)
			lot->line = r->line;
		add_language(&f->jobs[f->n_jobs - 1], r->language);
	}
	for (size_t i = 0; i < f->n_jobs; i++)
		qsort(&f->lots[f->jobs[i].first_lot], f->jobs[i].n_lots, sizeof(*f->lots),
		      compare_lots);
}

static int check_languages(const struct import_file *f, const char *path, struct err *err)
{
	for (size_t i = 0; i < f->n_jobs; i++) {
		const struct import_job *job = &f->jobs[i];

		if (job->n_languages > LIMIT_LANGUAGES + 1)
			return err_set(err, ERR_NEVER, 0,
				       "%s: job %s has more than %d languages beside English", path,
				       f->results[f->lots[job->first_lot].first].job,
				       LIMIT_LANGUAGES);
	}
	return 0;
}

int import_file_read(const char *path, struct import_file *f, struct err *err)
{
	FILE *file;
	int rc;

	*f = (struct import_file){0};
	file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
	if (!file)
		return err_set(err, ERR_NEVER, errno, "%s: %s", path, strerror(errno));
	rc = read_lines(f, path, file, err);
	if (file != stdin)
		fclose(file);
	if (rc < 0)
		return -1;
	if (f->n_results == 0)
		return err_set(err, ERR_NEVER, 0, "%s: there is no result in it", path);
	qsort(f->results, f->n_results, sizeof(*f->results), compare_results);
	if (check_twice(f, path, err) < 0)
		return -1;
	group(f);
	return check_languages(f, path, err);
}

void import_file_clear(struct import_file *f)
{
	for (size_t i = 0; i < f->n_results; i++) {
		free(f->results[i].lot);
		free(f->results[i].raw);
	}
	free(f->results);
	free(f->lots);
	free(f->jobs);
	*f = (struct import_file){0};
}

const struct import_result *import_find(const struct import_file *f, const struct import_lot *lot,
					const char *language)
{
	for (size_t i = lot->first; i < lot->first + lot->n; i++) {
		if (strcmp(f->results[i].language, language) == 0)
			return &f->results[i];
	}
	return NULL;
}
