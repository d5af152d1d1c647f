/* SPDX-License-Identifier: ISC */
/*
 * mend: what core/repair, and json-c's parser, make of the documents of a file, each ended by a NUL,
 * in turn until the time is over; once before that, unmeasured. It prints "BYTES SECONDS REFUSED":
 * what was read in how long, and how many documents of one turn were refused.
 *
 *     mend repair|json-c FILE SECONDS
 */
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/repair.h"

struct corpus {
	char *text;
	size_t n; /* the last byte is a NUL */
};

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static struct corpus read_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	struct corpus c;
	long size;

	if (!f || fseek(f, 0, SEEK_END) != 0 || (size = ftell(f)) < 1)
		die(path);
	rewind(f);
	c.n = (size_t)size;
	c.text = malloc(c.n);
	if (!c.text || fread(c.text, 1, c.n, f) != c.n || c.text[c.n - 1] != '\0')
		die(path);
	fclose(f);
	return c;
}

static bool mend(const char *s, size_t n)
{
	static const struct repair_rules rules = {.object = true};
	struct repaired r;
	bool is_whole;

	repair_text(s, n, &rules, &r);
	is_whole = r.verdict != REPAIR_REFUSED;
	repaired_clear(&r);
	return is_whole;
}

static bool parse(const char *s, size_t n)
{
	static json_tokener *tokener;
	struct json_object *root;

	if (!tokener)
		tokener = json_tokener_new();
	json_tokener_reset(tokener);
	root = json_tokener_parse_ex(tokener, s, (int)n);
	json_object_put(root);
	return root != NULL;
}

/* How many were refused. */
static size_t run(const struct corpus *c, bool (*reads)(const char *s, size_t n))
{
	const char *p = c->text, *end = c->text + c->n;
	size_t refused = 0;

	while (p < end) {
		const size_t n = strlen(p);

		refused += !reads(p, n);
		p += n + 1;
	}
	return refused;
}

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
	const bool is_ours = argc == 4 && strcmp(argv[1], "repair") == 0;
	bool (*reads)(const char *s, size_t n) = is_ours ? mend : parse;
	struct corpus c;
	size_t refused, bytes = 0;
	double started, seconds;

	if (argc != 4 || (!is_ours && strcmp(argv[1], "json-c") != 0)) {
		fputs("Usage: mend repair|json-c FILE SECONDS\n", stderr);
		return 64;
	}
	c = read_file(argv[2]);
	refused = run(&c, reads);
	started = now_s();
	do {
		run(&c, reads);
		bytes += c.n;
		seconds = now_s() - started;
	} while (seconds < atof(argv[3]));
	printf("%zu %.6f %zu\n", bytes, seconds, refused);
	return 0;
}
