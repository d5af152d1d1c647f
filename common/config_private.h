/* SPDX-License-Identifier: ISC */
/* config_private: what the files of config share. Not for others: they see config.h. */
#ifndef COMMON_CONFIG_PRIVATE_H
#define COMMON_CONFIG_PRIVATE_H

#include "common/config.h"
#include "core/strbuf.h"

/* ---- config_keys.c: every key. */

enum key_kind {
	KEY_TEXT,
	KEY_PATH, /* relative to the folder of the configuration file */
	KEY_URL,  /* kept without a final slash */
	KEY_BOOL,
	KEY_INT,
	KEY_DURATION, /* microseconds */
	KEY_MONEY,    /* micro-dollars */
	KEY_PART,     /* a part of one, in millionths */
	KEY_LIST,     /* of texts, each another; the default has spaces between them */
};

struct key {
	const char *section, *name;
	enum key_kind kind;
	size_t at;       /* of its field, in struct config or in the struct of a titled section */
	const char *def; /* as in the file; NULL: needed; key_keep: what the struct holds */
	int64_t min, max;
	const char *(*fault)(const char *text); /* of texts: why it will not do, or NULL */
};

extern const char key_keep[];
extern const struct key keys[];
extern const size_t n_keys;

/* The key, or NULL. */
const struct key *key_find(const char *section, const char *name);
bool section_is_known(const char *section);
/* model and policy are written SECTION TITLE { ... }, several times. */
bool section_is_titled(const char *section);
/* Read a value in the file's form into the field; NULL, or what is wrong with it, perhaps in `why`. */
const char *key_read(const struct key *k, const char *text, void *base, char *why, size_t size);
/* Append the field's value in the file's form. */
void key_write(const struct key *k, const void *base, struct strbuf *out);
void duration_write(int64_t us, struct strbuf *out);
/* In quotes, as the file has it. */
void text_write(const char *s, struct strbuf *out);

/* ---- config_scan.c: what libconfuse passes over in silence. */

struct place { /* where something was said */
	char *section, *title,
		*key; /* title NULL where there is none; key NULL: the section itself */
	int line;
};

#define MOST_FAULTS 50 /* a file of another kind has one a line; more are not kept */

struct faults { /* in the order of their lines */
	size_t n;
	struct {
		int line;
		char text[sizeof(((struct err *)0)->text)];
	} list[MOST_FAULTS];
};

void fault_add(struct faults *f, int line, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

struct scan {
	struct place *places;
	size_t n_places;
	/*
	 * The same file for libconfuse, with every $ literal, and without what is unknown or said a
	 * second time: the faults of the rest are found all the same.
	 */
	struct strbuf text;
	bool is_broken; /* it could not be read to its end */
};

/* Clear with scan_clear in any case. Faults are added. */
void scan_file(const char *text, size_t n, struct scan *s, struct faults *f);
void scan_clear(struct scan *s);
/* Whether the file says so; key NULL: whether it has the section. */
bool scan_has(const struct scan *s, const char *section, const char *title, const char *key);
/* The line of a key, or of its section where the key is not said, or 1. */
int scan_line(const struct scan *s, const char *section, const char *title, const char *key);

/* ---- config.c */

struct cfg_t;

/* One load: the file twice read, and what comes of it. */
struct load {
	struct config *c;
	struct scan scan;
	struct faults faults;
	struct cfg_t *cfg;
	char *folder;
};

/* Add a fault at the key's line; title as in the file, NULL where the section has none. */
void value_fault(struct load *l, const struct key *k, const char *title, const char *why);
/* The same as config_load, of a text in memory (for the fuzz target). */
int config_parse(const char *path, const char *text, size_t n, unsigned needs, FILE *faults,
		 struct config **config, struct err *err);

/* ---- config_files.c */

/* Read and check the files that the configuration names; `needs` as config_load's. */
void read_files(struct load *l, unsigned needs);

/* ---- config_scan.c too: files. */

/* Both abort where memory is lacking; n and size as reallocarray's. */
void *config_alloc(void *old, size_t n, size_t size);
char *config_strdup(const char *s);
/* A whole file of at most limit bytes, NUL-terminated; *out is the caller's. 0 or -1. */
int config_read_file(const char *path, size_t limit, char **out, size_t *n, struct err *err);
/* UTF-8 without NUL. */
bool config_is_text(const char *text, size_t n);
/*
 * The folder of the configuration file: absolute, so that it holds wherever the program goes, and
 * with a final slash. The caller's.
 */
char *config_folder(const char *config_path);
/* Relative names are of files beside the configuration file: make them absolute. */
void config_resolve(const char *folder, char **path);

#endif
