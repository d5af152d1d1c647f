/* SPDX-License-Identifier: ISC */
/*
 * log: one line per event on standard error, `<N>event key=value ...` (logfmt, with the journal's
 * priority prefix where standard error is not a terminal); or straight to the journal, with fields of
 * its own (common/log_journal.h), where standard error is the journal's. Never given bodies, keys or
 * prompts; redacts what looks like a key anyway. Thread-safe: a line is one write.
 */
#ifndef COMMON_LOG_H
#define COMMON_LOG_H

#include <stdbool.h>

enum log_level {
	LOG_LEVEL_ERR = 3,
	LOG_LEVEL_WARNING = 4,
	LOG_LEVEL_NOTICE = 5,
	LOG_LEVEL_INFO = 6,
	LOG_LEVEL_DEBUG = 7
};

/* Set once at start, before threads. */
void log_init(const char *program, enum log_level level);
/* Are lines of this level written? */
bool log_is_on(enum log_level level);
/* "error", "warning", "notice", "info", "debug"; -1 for anything else. */
int log_level_find(const char *name);
/* The level of that name, which must be one, from now on, in all threads. */
void log_set_level(const char *name);
/*
 * The format begins with the event's name, then key=value pairs; a value with blanks is quoted by
 * the caller (error=\"%s\"). Control characters of the whole line are escaped here.
 */
void log_err(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_warning(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_notice(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/*
 * What became true with a transaction of this thread (common/db.h calls begin and end around each): the
 * lines are kept, 16 KiB of them, and written where it was committed. Outside of one they are written at
 * once.
 */
void log_when_committed(const char *fmt, ...) __attribute__((format(printf, 1, 2))); /* info */
void log_tx_begin(void);
void log_tx_end(bool committed);
/*
 * Replace what looks like an API key ("sk-...", "lot_...", "Bearer ...") in place by
 * "[redacted]"-like text of at most the same length.
 */
void log_redact(char *line);

#endif
