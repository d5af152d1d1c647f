/* SPDX-License-Identifier: ISC */
/*
 * lotscribe-repair: core/repair as a filter. One document of each input, or one of each of its
 * lines, goes to standard output as strict JSON; faults and reports go to standard error.
 */
#include <errno.h>
#include <getopt.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/err.h"
#include "core/json_schema.h"
#include "core/repair.h"

#define DOCUMENT_BYTES (1u << 30)
#define CHUNK          65536

enum exit_code { EXIT_WHOLE = 0, EXIT_REFUSED = 1, EXIT_USAGE = 2, EXIT_SALVAGED = 3 };

struct filter {
	struct repair_rules rules;
	struct json_object *schema; /* owned */
	bool by_line, is_reported;
	const char *name; /* of the input */
	size_t line;      /* 0: it is one document */
	size_t counts[REPAIR_VERDICT_COUNT];
};

static void usage(FILE *to)
{
	fputs("usage: lotscribe-repair [-lor] [-s SCHEMA] [FILE...]\n"
	      "Write the JSON document that each FILE (standard input) should be.\n"
	      "  -l, --lines          each line is a document; a refused one leaves an empty line\n"
	      "  -o, --object         only objects will do, those inside of strings too\n"
	      "  -r, --report         tell what was mended, as JSON on standard error\n"
	      "  -s, --schema=FILE    the object's JSON Schema (strict, as for structured outputs)\n"
	      "  -h, --help           this text\n"
	      "  -V, --version        the version\n"
	      "Exit: 0 all documents are whole, 1 one was refused, 2 usage or input,\n"
	      "3 none was refused, but content is missing from one.\n",
	      to);
}

/* --- one document --- */

static void tell_place(const struct filter *f)
{
	fprintf(stderr, "lotscribe-repair: %s:", f->name);
	if (f->line > 0)
		fprintf(stderr, "%zu:", f->line);
	fputc(' ', stderr);
}

static void report(const struct filter *f, const struct repaired *r)
{
	struct strbuf text;

	strbuf_init(&text, 65536);
	strbuf_adds(&text, "{\"input\":");
	strbuf_adds_json(&text, f->name);
	if (f->line > 0)
		strbuf_addf(&text, ",\"line\":%zu", f->line);
	strbuf_addc(&text, ',');
	repaired_tell(r, &text);
	fprintf(stderr, "%s}\n", text.data);
	strbuf_clear(&text);
}

static void tell(const struct filter *f, const struct repaired *r)
{
	if (f->is_reported) {
		report(f, r);
		return;
	}
	if (r->verdict != REPAIR_REFUSED)
		return;
	tell_place(f);
	fprintf(stderr, "refused: %s, at byte %zu\n", r->fault.what, r->fault.offset);
}

static void filter_document(struct filter *f, const char *s, size_t n)
{
	struct repaired r;

	repair_text(s, n, &f->rules, &r);
	f->counts[r.verdict]++;
	tell(f, &r);
	if (r.verdict == REPAIR_UNCHANGED)
		fwrite(s, 1, n, stdout);
	else
		fwrite(r.text.data, 1, r.text.len, stdout);
	/* a text that passes byte for byte may end its line itself */
	if (f->by_line || (r.verdict != REPAIR_UNCHANGED && r.verdict != REPAIR_REFUSED))
		putchar('\n');
	repaired_clear(&r);
}

/* --- inputs --- */

static int fail(const struct filter *f, const char *what)
{
	fprintf(stderr, "lotscribe-repair: %s: %s\n", f->name, what);
	return -1;
}

/* All of it; *out is cleared by the caller. */
static int read_all(const struct filter *f, FILE *file, struct strbuf *out)
{
	char chunk[CHUNK];
	size_t n;

	while ((n = fread(chunk, 1, sizeof(chunk), file)) > 0)
		if (strbuf_add(out, chunk, n) < 0)
			return fail(f, "too large");
	return ferror(file) ? fail(f, strerror(errno)) : 0;
}

static int filter_whole(struct filter *f, FILE *file)
{
	struct strbuf text;
	int rc;

	strbuf_init(&text, DOCUMENT_BYTES);
	f->line = 0;
	rc = read_all(f, file, &text);
	if (rc == 0)
		filter_document(f, text.data, text.len);
	strbuf_clear(&text);
	return rc;
}

static int filter_lines(struct filter *f, FILE *file)
{
	char *line = NULL;
	size_t size = 0;
	ssize_t n;

	for (f->line = 1; (n = getline(&line, &size, file)) >= 0; f->line++) {
		if (n > 0 && line[n - 1] == '\n')
			n--;
		filter_document(f, line, (size_t)n);
	}
	free(line);
	return ferror(file) ? fail(f, strerror(errno)) : 0;
}

static int filter_file(struct filter *f, const char *path)
{
	const bool is_standard = strcmp(path, "-") == 0;
	FILE *file;
	int rc;

	f->name = is_standard ? "-" : path;
	file = is_standard ? stdin : fopen(path, "re");
	if (!file)
		return fail(f, strerror(errno));
	rc = f->by_line ? filter_lines(f, file) : filter_whole(f, file);
	if (!is_standard)
		fclose(file);
	return rc;
}

static int load_schema(struct filter *f, const char *path)
{
	FILE *file = fopen(path, "re");
	struct strbuf text;
	struct err err;
	int rc;

	f->name = path;
	if (!file)
		return fail(f, strerror(errno));
	strbuf_init(&text, DOCUMENT_BYTES);
	rc = read_all(f, file, &text);
	fclose(file);
	if (rc == 0 && json_schema_load(text.data, text.len, &f->schema, &err) < 0)
		rc = fail(f, err.text);
	strbuf_clear(&text);
	f->rules = (struct repair_rules){.object = true, .schema = f->schema};
	return rc;
}

/* --- the command line --- */

/* 0: go on, 1: all is done, -1. */
static int heed_option(struct filter *f, int option)
{
	switch (option) {
	case 'l':
		f->by_line = true;
		return 0;
	case 'o':
		f->rules.object = true;
		return 0;
	case 'r':
		f->is_reported = true;
		return 0;
	case 's':
		return load_schema(f, optarg);
	case 'h':
		usage(stdout);
		return 1;
	case 'V':
		puts("lotscribe-repair " PACKAGE_VERSION);
		return 1;
	default:
		usage(stderr);
		return -1;
	}
}

static int read_options(struct filter *f, int argc, char **argv)
{
	static const struct option options[] = {
		{"lines", no_argument, NULL, 'l'},
		{"object", no_argument, NULL, 'o'},
		{"report", no_argument, NULL, 'r'},
		{"schema", required_argument, NULL, 's'},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},
		{NULL, 0, NULL, 0},
	};
	int option, rc = 0;

	/* before any thread is started */
	while (rc == 0 && (option = getopt_long(argc, argv, "lors:hV", options, NULL)) != -1)
		rc = heed_option(f, option);
	return rc;
}

static enum exit_code code_of(const struct filter *f)
{
	if (f->counts[REPAIR_REFUSED] > 0)
		return EXIT_REFUSED;
	return f->counts[REPAIR_SALVAGED] > 0 ? EXIT_SALVAGED : EXIT_WHOLE;
}

static int run(struct filter *f, int argc, char **argv)
{
	int rc = read_options(f, argc, argv);

	if (rc != 0)
		return rc < 0 ? EXIT_USAGE : EXIT_WHOLE;
	if (optind == argc)
		rc = filter_file(f, "-");
	for (int i = optind; i < argc; i++)
		if (filter_file(f, argv[i]) < 0)
			rc = -1;
	if (fflush(stdout) != 0) {
		f->name = "standard output";
		rc = fail(f, strerror(errno));
	}
	return rc < 0 ? EXIT_USAGE : (int)code_of(f);
}

int main(int argc, char **argv)
{
	struct filter f = {.by_line = false};
	const int rc = run(&f, argc, argv);

	json_object_put(f.schema);
	return rc;
}
