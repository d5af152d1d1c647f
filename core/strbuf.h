/* SPDX-License-Identifier: ISC */
/*
 * strbuf: a growable byte buffer that cannot be born without a limit.
 *
 * An append that would pass the limit (or for which memory is lacking) fails, marks the buffer as
 * overflowed and leaves its content as it was; later appends fail too. So a writer may append
 * throughout and look at strbuf_failed() once at the end. The content is always NUL-terminated.
 */
#ifndef CORE_STRBUF_H
#define CORE_STRBUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct strbuf {
	char *data; /* owned; never NULL after strbuf_init ("" while empty) */
	size_t len;
	size_t cap;
	size_t limit;
	bool failed;
};

/* No allocation happens before the first append. */
void strbuf_init(struct strbuf *b, size_t limit_bytes);
/* Frees the content; the buffer can be used again, with the same limit. */
void strbuf_clear(struct strbuf *b);
/* Empties the buffer, keeps its memory, forgets a failure. */
void strbuf_reset(struct strbuf *b);
/* Cuts to len bytes (no-op where it is shorter). */
void strbuf_truncate(struct strbuf *b, size_t len);

static inline bool strbuf_failed(const struct strbuf *b)
{
	return b->failed;
}

/* All appends return 0, or -1 after a failure. */
int strbuf_add(struct strbuf *b, const void *bytes, size_t n);
int strbuf_adds(struct strbuf *b, const char *s);
int strbuf_addc(struct strbuf *b, char c);
int strbuf_addf(struct strbuf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int strbuf_addv(struct strbuf *b, const char *fmt, va_list ap)
	__attribute__((format(printf, 2, 0)));
int strbuf_addi(struct strbuf *b, int64_t v);
int strbuf_addu(struct strbuf *b, uint64_t v);

/*
 * Append n bytes as a JSON string with its quotes: control characters, quote and backslash escaped,
 * everything else as it is (the input must be UTF-8; invalid bytes become U+FFFD).
 */
int strbuf_add_json(struct strbuf *b, const char *s, size_t n);
/* The same for a C string; NULL becomes null. */
int strbuf_adds_json(struct strbuf *b, const char *s);
/* How many bytes strbuf_add_json would append. */
size_t json_string_size(const char *s, size_t n);
/* Append base64 (RFC 4648, with padding) of n bytes. */
int strbuf_add_base64(struct strbuf *b, const void *bytes, size_t n);

#endif
