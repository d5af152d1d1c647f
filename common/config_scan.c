/* SPDX-License-Identifier: ISC */
/*
 * config_scan: a first reading of the file, stricter than libconfuse's, which takes in
 * silence a key or a section given twice, a section or comment left open at the end,
 * characters that fit nowhere, and which puts environment variables in place of ${NAME}. It
 * also remembers the line of each key.
 *
 * Every token here is one of libconfuse's, so that the second reading sees the same file. Reading
 * files themselves, and where they are, is here too.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/config_private.h"
#include "core/utf8.h"

#define WORD_END   " #\"'\t\n\r={}()+,*"
#define MAX_PLACES 2000 /* keys and sections; looked through one by one */

enum token { T_END, T_TEXT, T_OPEN, T_CLOSE, T_EQUALS, T_COMMA, T_FAULT };

struct scanner {
	const char *p, *end;
	int line;
	struct scan *out;
	struct faults *faults;
	struct strbuf value; /* of the last T_TEXT */
	int token_line;
	size_t token_at; /* where it stands in the text for libconfuse */
};

void fault_add(struct faults *f, int line, const char *fmt, ...)
{
	size_t at = f->n;
	va_list ap;

	if (f->n == MOST_FAULTS)
		return;
	while (at > 0 && f->list[at - 1].line > line)
		at--;
	memmove(&f->list[at + 1], &f->list[at], (f->n++ - at) * sizeof(f->list[0]));
	f->list[at].line = line;
	va_start(ap, fmt);
	vsnprintf(f->list[at].text, sizeof(f->list[at].text), fmt, ap);
	va_end(ap);
}

static enum token bad(struct scanner *s, const char *what)
{
	fault_add(s->faults, s->token_line, "%s", what);
	return T_FAULT;
}

/* Copy to what libconfuse will read. */
static void emit(struct scanner *s, const char *from)
{
	strbuf_add(&s->out->text, from, (size_t)(s->p - from));
}

/* Blanks and comments; T_FAULT, or T_END for "go on". */
static enum token skip_blanks(struct scanner *s)
{
	while (s->p < s->end) {
		const char *from = s->p;
		size_t left = (size_t)(s->end - s->p);

		if (*s->p == '\n') {
			s->line++;
			s->p++;
		} else if (*s->p == ' ' || *s->p == '\t' || *s->p == '\r') {
			s->p++;
		} else if (*s->p == '#' || (left > 1 && s->p[0] == '/' && s->p[1] == '/')) {
			const char *nl = memchr(s->p, '\n', left);

			s->p = nl ? nl : s->end;
		} else if (left > 1 && s->p[0] == '/' && s->p[1] == '*') {
			const char *close = memmem(s->p + 2, left - 2, "*/", 2);

			s->token_line = s->line;
			if (!close)
				return bad(s, "a comment that is not closed");
			for (; s->p < close + 2; s->p++)
				s->line += *s->p == '\n';
		} else {
			return T_END;
		}
		emit(s, from);
	}
	return T_END;
}

/*
 * The character of an escape in double quotes, by libconfuse's rules; -1 where it is none we take.
 */
static int escape(struct scanner *s)
{
	static const char named[] = "n\nr\rb\bf\fa\ae\033t\tv\v";
	char c = *s->p;

	if (c == 'x' || (c >= '0' && c <= '9') || (unsigned char)c < 0x20 || c == 0x7f)
		return -1;
	for (const char *n = named; *n; n += 2)
		if (c == n[0])
			return -1;
	s->p++;
	return (unsigned char)c;
}

static enum token quoted(struct scanner *s)
{
	const char quote = *s->p++;

	strbuf_addc(&s->out->text, quote);
	while (s->p < s->end && *s->p != quote) {
		const char *from = s->p;
		int c = (unsigned char)*s->p++;

		if (c == '\n')
			return bad(s, "a text that does not end on its line");
		if (c < 0x20 || c == 0x7f)
			return bad(s, "a control character in a text");
		if (c == '\\' && s->p < s->end && quote == '"') {
			c = escape(s);
			if (c < 0)
				return bad(s, "an escape that makes a control character or a code");
		} else if (c == '\\' && s->p < s->end && (*s->p == '\'' || *s->p == '\\')) {
			c = (unsigned char)*s->p++;
		} else if (c == '$' && quote == '"') {
			strbuf_addc(&s->out->text, '\\');
		}
		strbuf_addc(&s->value, (char)c);
		emit(s, from);
	}
	if (s->p == s->end)
		return bad(s, "a text that is not closed");
	s->p++;
	strbuf_addc(&s->out->text, quote);
	return T_TEXT;
}

static enum token word(struct scanner *s)
{
	const char *from = s->p;

	while (s->p < s->end && !strchr(WORD_END, *s->p)) {
		if ((unsigned char)*s->p < 0x20 || *s->p == 0x7f)
			return bad(s, "a control character");
		s->p++;
	}
	if (s->p == from)
		return bad(s, "a character that means nothing here (a text with it needs quotes)");
	strbuf_add(&s->value, from, (size_t)(s->p - from));
	if (strstr(s->value.data, "//") || (s->p < s->end && s->p[0] == '*'))
		return bad(s, "a text with // or * needs quotes");
	emit(s, from);
	return T_TEXT;
}

static enum token next(struct scanner *s)
{
	static const char marks[] = "{}=,";
	static const enum token tokens[] = {T_OPEN, T_CLOSE, T_EQUALS, T_COMMA};
	const char *mark;

	if (skip_blanks(s) == T_FAULT)
		return T_FAULT;
	s->token_line = s->line;
	s->token_at = s->out->text.len;
	strbuf_reset(&s->value);
	if (s->p == s->end)
		return T_END;
	mark = strchr(marks, *s->p);
	if (mark) {
		strbuf_addc(&s->out->text, *s->p++);
		return tokens[mark - marks];
	}
	return *s->p == '"' || *s->p == '\'' ? quoted(s) : word(s);
}

static bool same(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

static const struct place *find_place(const struct scan *s, const char *section, const char *title,
				      const char *key)
{
	for (size_t i = 0; i < s->n_places; i++) {
		const struct place *p = &s->places[i];

		if (same(p->section, section) && same(p->title, title) && same(p->key, key))
			return p;
	}
	return NULL;
}

/* false: it was there before. */
static bool remember(struct scanner *s, const struct place *place, const char *what)
{
	struct scan *out = s->out;
	const struct place *first = find_place(out, place->section, place->title, place->key);

	if (first) {
		fault_add(s->faults, place->line, "%s is given twice, first in line %d", what,
			  first->line);
		return false;
	}
	out->places = reallocarray(out->places, out->n_places + 1, sizeof(*out->places));
	if (!out->places)
		abort();
	out->places[out->n_places++] = (struct place){
		.section = config_strdup(place->section),
		.title = place->title ? config_strdup(place->title) : NULL,
		.key = place->key ? config_strdup(place->key) : NULL,
		.line = place->line,
	};
	return true;
}

/* After "{" of a list. */
static int list(struct scanner *s)
{
	enum token t = next(s);

	while (t == T_TEXT) {
		t = next(s);
		if (t == T_COMMA)
			t = next(s);
		else
			break;
	}
	if (t == T_CLOSE)
		return 0;
	if (t != T_FAULT)
		bad(s, "in a list: texts in quotes, commas between them, } at its end");
	return -1;
}

/* KEY = VALUE; the key was read. */
static int assignment(struct scanner *s, const struct place *section)
{
	char *name = config_strdup(s->value.data);
	const struct key *k = key_find(section->section, name);
	const size_t at = s->token_at;
	struct place place = *section;
	bool is_good = false;
	int rc = -1;
	enum token t;

	place.key = name;
	place.line = s->token_line;
	if (!k)
		fault_add(s->faults, place.line, "unknown key \"%s\" in section %s", name,
			  section->section);
	else
		is_good = remember(s, &place, name);
	t = next(s);
	if (t == T_EQUALS) {
		t = next(s);
		if (t == T_OPEN && (!k || k->kind == KEY_LIST))
			rc = list(s);
		else if (t == T_TEXT)
			rc = 0;
		else if (t != T_FAULT)
			bad(s, t == T_OPEN ? "this key takes one value, no list"
					   : "a value is missing");
	} else if (t != T_FAULT) {
		bad(s, "= is missing after a key");
	}
	if (!is_good)
		strbuf_truncate(&s->out->text, at);
	free(name);
	return rc;
}

/* What stands between the braces of a section. */
static int body(struct scanner *s, const struct place *section)
{
	for (;;) {
		enum token t = next(s);

		if (t == T_CLOSE)
			return 0;
		if (t == T_TEXT) {
			if (assignment(s, section))
				return -1;
			continue;
		}
		if (t == T_END)
			fault_add(s->faults, section->line, "section %s is not closed by }",
				  section->section);
		else if (t != T_FAULT)
			bad(s, "a key is expected here");
		return -1;
	}
}

/* A section whose name says nothing; the name was read. */
static int pass_over(struct scanner *s)
{
	enum token t = next(s);
	int depth = 1;

	if (t == T_TEXT)
		t = next(s);
	if (t != T_OPEN)
		return -1;
	while (depth > 0) {
		t = next(s);
		if (t == T_END || t == T_FAULT)
			return -1;
		depth += (t == T_OPEN) - (t == T_CLOSE);
	}
	return 0;
}

/* SECTION [TITLE] {; the name was read. Fills *place with texts of the caller's to free. */
static int head(struct scanner *s, struct place *place)
{
	enum token t = next(s);

	if (section_is_titled(place->section)) {
		if (t != T_TEXT || s->value.len == 0) {
			if (t != T_FAULT)
				bad(s, "a name is missing after the section's kind");
			return -1;
		}
		place->title = config_strdup(s->value.data);
		t = next(s);
	}
	if (t == T_OPEN)
		return 0;
	if (t != T_FAULT)
		bad(s, "{ is missing after a section's name");
	return -1;
}

static int section(struct scanner *s)
{
	const size_t at = s->token_at;
	struct place place = {.section = config_strdup(s->value.data), .line = s->token_line};
	bool is_good = false;
	int rc;

	if (!section_is_known(place.section)) {
		fault_add(s->faults, place.line, "unknown section \"%s\"", place.section);
		rc = pass_over(s);
	} else {
		rc = head(s, &place);
		if (rc == 0) {
			is_good = remember(s, &place, place.title ? place.title : place.section);
			rc = body(s, &place);
		}
	}
	if (!is_good)
		strbuf_truncate(&s->out->text, at);
	free(place.section);
	free(place.title);
	return rc;
}

void scan_file(const char *text, size_t n, struct scan *out, struct faults *f)
{
	struct scanner s =
		{.p = text, .end = text + n, .line = 1, .token_line = 1, .out = out, .faults = f};
	enum token t;

	*out = (struct scan){.is_broken = true};
	strbuf_init(&out->text, 2 * n + 1);
	strbuf_init(&s.value, n + 1);
	if (!config_is_text(text, n)) {
		fault_add(f, 1, "the file is not UTF-8 text");
		return;
	}
	for (;;) {
		t = next(&s);
		if (t == T_TEXT && out->n_places < MAX_PLACES && section(&s) == 0)
			continue;
		if (t == T_TEXT && out->n_places >= MAX_PLACES)
			bad(&s, "too many sections");
		else if (t != T_TEXT && t != T_END && t != T_FAULT)
			bad(&s, "a section is expected here");
		break;
	}
	out->is_broken = t != T_END;
	strbuf_clear(&s.value);
}

void scan_clear(struct scan *s)
{
	for (size_t i = 0; i < s->n_places; i++) {
		free(s->places[i].section);
		free(s->places[i].title);
		free(s->places[i].key);
	}
	free(s->places);
	strbuf_clear(&s->text);
}

bool scan_has(const struct scan *s, const char *section_name, const char *title, const char *key)
{
	return find_place(s, section_name, title, key) != NULL;
}

int scan_line(const struct scan *s, const char *section_name, const char *title, const char *key)
{
	const struct place *p = find_place(s, section_name, title, key);

	if (!p)
		p = find_place(s, section_name, title, NULL);
	return p ? p->line : 1;
}

/* ---- Files. */

void *config_alloc(void *old, size_t n, size_t size)
{
	void *p = reallocarray(old, n ? n : 1, size);

	if (!p)
		abort();
	return p;
}

char *config_strdup(const char *s)
{
	size_t n = strlen(s) + 1;

	return memcpy(config_alloc(NULL, n, 1), s, n);
}

int config_read_file(const char *path, size_t limit, char **out, size_t *n, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	char *text;
	ssize_t got = 1;

	if (fd < 0)
		return err_set(err, ERR_NEVER, errno, "%s: %s", path, strerror(errno));
	text = config_alloc(NULL, limit + 2, 1);
	*n = 0;
	while (got > 0 && *n <= limit) {
		got = read(fd, text + *n, limit + 1 - *n);
		if (got > 0)
			*n += (size_t)got;
	}
	if (got < 0)
		err_set(err, ERR_NEVER, errno, "%s: %s", path, strerror(errno));
	else if (*n > limit)
		err_set(err, ERR_NEVER, 0, "%s: is larger than %zu bytes", path, limit);
	close(fd);
	if (got < 0 || *n > limit) {
		free(text);
		return -1;
	}
	text[*n] = '\0';
	*out = text;
	return 0;
}

char *config_folder(const char *config_path)
{
	const char *slash = strrchr(config_path, '/');
	size_t n = slash ? (size_t)(slash - config_path) + 1 : 0;
	char *here = *config_path == '/' ? config_strdup("") : getcwd(NULL, 0);
	char *folder;

	if (!here)
		abort();
	folder = config_alloc(NULL, strlen(here) + n + 2, 1);
	sprintf(folder, "%s%s%.*s", here, *config_path == '/' ? "" : "/", (int)n, config_path);
	free(here);
	return folder;
}

void config_resolve(const char *folder, char **path)
{
	char *full;

	if (**path == '\0' || **path == '/')
		return;
	full = config_alloc(NULL, strlen(folder) + strlen(*path) + 1, 1);
	strcpy(stpcpy(full, folder), *path);
	free(*path);
	*path = full;
}

bool config_is_text(const char *text, size_t n)
{
	for (size_t i = 0, step; i < n; i += step) {
		step = utf8_sequence(text + i, n - i);
		if (step == 0 || text[i] == '\0')
			return false;
	}
	return true;
}
