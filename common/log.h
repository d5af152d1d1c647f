/* SPDX-License-Identifier: ISC */
/*
 * log: one line per event on standard error, `<N>event key=value ...` (logfmt, with the journal's
 * priority prefix where standard error is not a terminal). Never given bodies, keys or prompts;
 * redacts what looks like a key anyway. Thread-safe: a line is one write.
 */
#ifndef COMMON_LOG_H
#define COMMON_LOG_H

enum log_level {
	LOG_LEVEL_ERR = 3,
	LOG_LEVEL_WARNING = 4,
	LOG_LEVEL_NOTICE = 5,
	LOG_LEVEL_INFO = 6,
	LOG_LEVEL_DEBUG = 7
};

/* Set once at start, before threads. */
void log_init(const char *program, enum log_level level);
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
 * Replace what looks like an API key ("sk-...", "lot_...", "Bearer ...") in place by
 * "[redacted]"-like text of at most the same length.
 */
void log_redact(char *line);

#endif
